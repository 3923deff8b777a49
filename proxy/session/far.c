#include "session/far.h"

#include "base/text.h"
#include "session/channel.h"
#include "session/session.h"

#include <assert.h>
#include <stdio.h>

/* An action does one thing and returns the event that follows at once, or WAIT. */
#define WAIT EV__COUNT
typedef enum far_event action(struct session *s);

static void say(struct session *s, struct span why)
{
    while (why.n > 0 && (why.p[why.n - 1] == '\r' || why.p[why.n - 1] == '\n'))
        why.n--;
    text_printable(why, s->far.said, sizeof s->far.said);
}

static enum far_event send_line(struct session *s, const char *verb, const char *arg)
{
    char line[16 + sizeof s->near.hello];
    const int n = snprintf(line, sizeof line, "%s%s%s\r\n", verb, *arg == '\0' ? "" : " ", arg);

    s->far.reply_bytes = 0;
    return stream_put(&s->far.stream, span_of(line, (size_t)n)) == OK ? WAIT : EV_LOST;
}

static enum far_event ask_dial(struct session *s)
{
    s->far.dials++;
    return s->host->dial(s->host->self, s) ? WAIT : EV_LOST;
}

/* As the client introduced itself; one who never did is known by its address only (A17). */
static enum far_event say_ehlo(struct session *s)
{
    ehlo_reset(&s->far.list);
    s->far.listed = s->far.helo_tried = false;
    return send_line(s, "EHLO", s->near.hello);
}

/* EHLO is not understood (A9): no list, hence no STARTTLS. Where nobody was introduced yet, HELO is. */
static enum far_event without_list(struct session *s)
{
    struct far *const f = &s->far;

    ehlo_reset(&f->list);
    f->listed = true;
    if (f->greeted)
        return EV_GREETED;
    if (f->helo_tried)
        return EV_LOST;
    f->helo_tried = true;
    return send_line(s, "HELO", s->near.hello);
}

static enum far_event is_introduced(struct session *s)
{
    s->far.greeted = true;
    if (!s->far.helo_tried)
        s->far.listed = true;
    return WAIT;
}

static enum far_event send_starttls(struct session *s)
{
    assert(!slots_open(&s->slots) && stream_in(&s->far.stream).n == 0); /* invariant 3 */
    return send_line(s, "STARTTLS", "");
}

static enum far_event note_refusal(struct session *s)
{
    s->far.starttls_refused = true;
    return WAIT;
}

bool far_is_implicit(const struct session *s)
{
    return s->server_port == 465 && site_smarthost(&s->host->config->site, &s->server) != NULL;
}

static enum far_event connected(struct session *s)
{
    return far_is_implicit(s) ? EV_UPGRADE : WAIT;
}

/* A smarthost's own, where a certificate of ours is for it; NULL: it should be there and is not. */
static struct tls_ctx *context_for(const struct session *s, const struct ask *a)
{
    const struct site_smarthost *const smart = site_smarthost(&s->host->config->site, &s->server);

    if (smart != NULL && smart->credential != CREDENTIAL_OWN)
        return s->host->shown[smart->credential];
    return s->host->tls[asks_floor(a)];
}

static enum far_event handshake(struct session *s)
{
    struct far *const f = &s->far;
    const struct slot *const next = slots_next(&s->slots);
    const struct ask *const a = next == NULL ? NULL : asks_of(s, next);
    const struct span sni = asks_sni(s, a);
    struct tls_ctx *const ctx = context_for(s, a);

    if (ctx == NULL)
        return EV_TLS_FAIL;
    memcpy(f->sni[1], f->sni[0], sizeof f->sni[1]);
    text_printable(sni, f->sni[0], sizeof f->sni[0]);
    f->n_sni = f->n_sni < 2 ? f->n_sni + 1 : 2;
    f->generation++;
    f->listed = false;
    return stream_start_tls(&f->stream, ctx, sni.n == 0 ? NULL : f->sni[0]) == OK ? WAIT : EV_TLS_FAIL;
}

/* Not a byte may stand behind the 220: it was written by somebody who cannot write inside TLS (R8, A27). */
static enum far_event start_handshake(struct session *s)
{
    if (stream_in(&s->far.stream).n == 0 && stream_pull(&s->far.stream) != OK)
        return handshake(s);
    session_fail(s, WHY_EARLY_BYTES, SPAN("bytes behind the server's reply to STARTTLS"));
    return WAIT;
}

/* How long the server now takes to greet is its own affair, unless it had greeted before. */
static enum far_event tls_came_first(struct session *s)
{
    s->far.handshake = HANDSHAKE_DONE;
    if (s->far.dials == 0)
        channel_decided(s);
    return WAIT;
}

static enum far_event tls_is_up(struct session *s)
{
    struct far *const f = &s->far;

    f->handshake = HANDSHAKE_DONE;
    if (stream_in(&f->stream).n != 0 || stream_pull(&f->stream) == OK) { /* it would pass for the list (A31) */
        session_fail(s, WHY_EARLY_BYTES, SPAN("bytes inside TLS before our EHLO"));
        return WAIT;
    }
    return say_ehlo(s);
}

static enum far_event tls_failed(struct session *s)
{
    say(s, span_str(stream_failure(&s->far.stream)));
    s->far.handshake = HANDSHAKE_FAILED;
    far_close(s, true); /* never clear text on this socket again (R4) */
    return WAIT;
}

/* STARTTLS went out and the connection died before it was answered: as good as refused, and counted so. */
static enum far_event upgrade_lost(struct session *s)
{
    say(s, SPAN("the connection ended behind STARTTLS"));
    s->far.handshake = HANDSHAKE_FAILED;
    far_close(s, true);
    return WAIT;
}

static enum far_event lost(struct session *s)
{
    struct far *const f = &s->far;

    if (f->starttls_refused)
        f->handshake = HANDSHAKE_FAILED; /* refused, and then hung up: the next connection is not asked again */
    else if (f->open)
        say(s, span_str(stream_failure(&f->stream)));
    f->n_sni = 0; /* what was shown is gone with it: the next connection asks for the same host */
    far_close(s, true);
    return WAIT;
}

/*
 * Lost inside TLS before the server said a word there. In TLS 1.3 our side of the handshake is done before the server
 * has judged it: its alert (certificate_required) comes behind. To whoever can reset it is no more than a reset in the
 * handshake, and it counts as that.
 */
static enum far_event unspoken(struct session *s)
{
    if (!stream_is_tls(&s->far.stream) || s->far.reply_bytes != 0 || stream_in(&s->far.stream).n != 0)
        return lost(s);
    channel_undecided(s);
    tls_failed(s);
    if (s->far.said[0] == '\0')
        say(s, SPAN("the server ended TLS before it said a word"));
    return WAIT;
}

static enum far_event hang_up(struct session *s)
{
    if (s->far.open && stream_put(&s->far.stream, SPAN("QUIT\r\n")) == OK)
        far_close(s, false);
    else
        far_close(s, true);
    return WAIT;
}

static const struct leg_info {
    const char *name;
    unsigned own_s; /* patience of its own; 0: the decision's, or none but the session's */
    bool own;       /* replies are ours */
} info[LEG__COUNT] = {
    [LEG_NONE] = { "none", 0, false },
    [LEG_DIAL] = { "dial", 0, false },
    [LEG_CONNECT] = { "connect", CONNECT_S, false },
    [LEG_IMPLICIT] = { "implicit", HANDSHAKE_S, false },
    [LEG_BANNER] = { "banner", 0, true },
    [LEG_HELLO] = { "hello", 0, true },
    [LEG_READY] = { "ready", 0, false },
    [LEG_STARTTLS] = { "starttls", 0, true },
    [LEG_HANDSHAKE] = { "handshake", HANDSHAKE_S, false },
    [LEG_HELLO2] = { "hello2", 0, true },
    [LEG_TUNNEL] = { "tunnel", 0, false },
};

#define ENDS_LOST(how)                                                                                                 \
    [EV_HANG_UP] = { true, hang_up, LEG_NONE }, [EV_LOST] = { true, how, LEG_NONE },                                   \
    [EV_TIMEOUT] = { true, lost, LEG_NONE }
#define ENDS ENDS_LOST(lost)

static const struct leg_step {
    bool is;
    action *act;
    enum leg next;
} steps[LEG__COUNT][EV__COUNT] = {
    [LEG_NONE] = { [EV_DIAL] = { true, ask_dial, LEG_DIAL } },
    [LEG_DIAL] = { [EV_DIALED] = { true, NULL, LEG_CONNECT }, ENDS },
    [LEG_CONNECT] = { [EV_CONNECTED] = { true, connected, LEG_BANNER }, ENDS },
    [LEG_IMPLICIT] = { [EV_TLS_UP] = { true, tls_came_first, LEG_BANNER },
                       [EV_TLS_FAIL] = { true, tls_failed, LEG_NONE },
                       [EV_LOST] = { true, tls_failed, LEG_NONE },
                       [EV_TIMEOUT] = { true, tls_failed, LEG_NONE },
                       [EV_HANG_UP] = { true, lost, LEG_NONE } },
    [LEG_BANNER] = { [EV_UPGRADE] = { true, handshake, LEG_IMPLICIT },
                     [EV_GREETED] = { true, NULL, LEG_READY },
                     [EV_OK] = { true, say_ehlo, LEG_HELLO },
                     [EV_REFUSED] = { true, lost, LEG_NONE },
                     ENDS_LOST(unspoken) },
    [LEG_HELLO] = { [EV_OK] = { true, is_introduced, LEG_READY },
                    [EV_REFUSED] = { true, without_list, LEG_HELLO },
                    [EV_GREETED] = { true, NULL, LEG_READY },
                    ENDS },
    [LEG_READY] = { [EV_HELLO] = { true, say_ehlo, LEG_HELLO },
                    [EV_UPGRADE] = { true, send_starttls, LEG_STARTTLS },
                    [EV_TUNNEL] = { true, NULL, LEG_TUNNEL },
                    ENDS },
    [LEG_STARTTLS] = { [EV_OK] = { true, start_handshake, LEG_HANDSHAKE },
                       [EV_REFUSED] = { true, note_refusal, LEG_READY },
                       [EV_LOST] = { true, upgrade_lost, LEG_NONE },
                       [EV_TIMEOUT] = { true, upgrade_lost, LEG_NONE },
                       [EV_HANG_UP] = { true, lost, LEG_NONE } },
    [LEG_HANDSHAKE] = { [EV_TLS_UP] = { true, tls_is_up, LEG_HELLO2 },
                        [EV_TLS_FAIL] = { true, tls_failed, LEG_NONE },
                        [EV_LOST] = { true, tls_failed, LEG_NONE },
                        [EV_TIMEOUT] = { true, tls_failed, LEG_NONE },
                        [EV_HANG_UP] = { true, lost, LEG_NONE } },
    [LEG_HELLO2] = { [EV_OK] = { true, is_introduced, LEG_READY },
                     [EV_REFUSED] = { true, lost, LEG_NONE },
                     ENDS_LOST(unspoken) },
    [LEG_TUNNEL] = { ENDS },
};

void far_step(struct session *s, enum far_event event)
{
    while (event != WAIT) {
        const struct leg_step *const step = &steps[s->far.leg][event];

        if (!step->is) { /* nothing in this leg waits for such an event: it is stale */
            assert(event == EV_LOST || event == EV_TIMEOUT || event == EV_HANG_UP || event == EV_DIALED);
            return;
        }
        s->far.leg = step->next;
        s->far.since = session_now(s);
        event = step->act == NULL ? WAIT : step->act(s);
    }
}

/* A banner that the client will get when TLS is there, if it can be kept. */
static bool keep_greeting(struct session *s, struct span line, bool first)
{
    struct far *const f = &s->far;
    const struct slot *const next = slots_next(&s->slots);

    if (f->leg != LEG_BANNER || next == NULL || next->kind != SLOT_BANNER)
        return true;
    if (first)
        buf_reset(&f->greeting);
    return buf_put(&f->greeting, line) == OK;
}

/* Does the client speak first on this connection? Behind the early upgrade, where TLS came before the banner, too; not
 * where clear text may follow a failure: for that the list must be known. */
static bool client_speaks(const struct session *s, const struct slot *next)
{
    return s->far.leg == LEG_BANNER && next != NULL &&
           ((next->kind == SLOT_HELLO && s->far.handshake != HANDSHAKE_FAILED) ||
            (next->kind == SLOT_BANNER && stream_is_tls(&s->far.stream)));
}

void far_reply(struct session *s, const struct reply_line *line)
{
    struct far *const f = &s->far;
    const bool listing = (f->leg == LEG_HELLO && !f->helo_tried) || f->leg == LEG_HELLO2;
    const bool first = f->reply_bytes == 0;

    f->reply_bytes += line->raw.n;
    if (f->reply_bytes > REPLY_BYTES_MAX || (listing && ehlo_line(&f->list, line->text, first) != OK) ||
        !keep_greeting(s, line->raw, first)) {
        session_fail(s, WHY_PROTOCOL, SPAN("the server's reply has no end"));
        return;
    }
    const unsigned wanted = f->leg == LEG_BANNER || f->leg == LEG_STARTTLS ? 220 : 250;

    if (line->last && line->code != wanted)
        say(s, line->raw);
    stream_take(&f->stream, line->raw.n); /* before the step, which asks what is left behind the line */
    if (!line->last)
        return;
    f->reply_bytes = 0;
    if (line->code != wanted) {
        far_step(s, EV_REFUSED);
        return;
    }
    far_step(s, client_speaks(s, slots_next(&s->slots)) ? EV_GREETED : EV_OK);
}

enum offer far_offer(const struct far *f)
{
    if (f->leg == LEG_NONE || !f->listed)
        return OFFER_UNKNOWN;
    if (f->starttls_refused)
        return OFFER_REFUSED;
    return ehlo_has(&f->list, EHLO_STARTTLS) ? OFFER_MADE : OFFER_NONE;
}

bool far_own(const struct far *f)
{
    return info[f->leg].own && !(f->leg == LEG_BANNER && f->first);
}

int64_t far_deadline_ms(enum leg leg)
{
    return (int64_t)info[leg].own_s * 1000;
}

const char *far_leg_name(enum leg leg)
{
    return info[leg].name;
}

void far_close(struct session *s, bool reset)
{
    struct far *const f = &s->far;

    if (f->open) {
        f->open = false;
        if (!reset)
            stream_flush(&f->stream);
        if (reset)
            stream_reset(&f->stream);
        else
            stream_close(&f->stream);
    }
    f->leg = LEG_NONE;
    f->first = f->greeted = f->listed = f->starttls_refused = f->helo_tried = f->ended = false;
    ehlo_reset(&f->list);
}
