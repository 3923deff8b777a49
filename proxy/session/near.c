#include "session/near.h"

#include "base/text.h"
#include "session/session.h"

#include <string.h>

/* What a verb becomes, and whether what follows it can be read before it is answered. */
static const struct {
    enum slot_kind kind;
    bool hold;
} becomes[VERB__COUNT] = {
    [VERB_EHLO] = { SLOT_HELLO, false },
    [VERB_HELO] = { SLOT_HELLO, false },
    [VERB_MAIL] = { SLOT_MAIL, false },
    [VERB_RCPT] = { SLOT_RCPT, false },
    [VERB_DATA] = { SLOT_DATA, true },
    [VERB_BDAT] = { SLOT_BDAT, true }, /* until its line has left, or not: then the octets flow */
    [VERB_RSET] = { SLOT_RSET, false },
    [VERB_NOOP] = { SLOT_PLAIN, false },
    [VERB_QUIT] = { SLOT_QUIT, true },
    [VERB_HELP] = { SLOT_PLAIN, false },
    [VERB_VRFY] = { SLOT_ADDRESS, false },
    [VERB_EXPN] = { SLOT_ADDRESS, false },
    [VERB_AUTH] = { SLOT_AUTH, true },
    [VERB_STARTTLS] = { SLOT_STARTTLS, true },
    [VERB_ETRN] = { SLOT_OTHER, true },
    [VERB_XCLIENT] = { SLOT_OTHER, true },
    [VERB_XFORWARD] = { SLOT_OTHER, true },
    [VERB_OTHER] = { SLOT_OTHER, true },
    [VERB_EMPTY] = { SLOT_OTHER, true },
};

static void refuse_line(struct session *s, enum why why)
{
    slots_add(&s->slots, SLOT_LOCAL, span_of(NULL, 0))->why = (uint8_t)why;
}

/* The name that we introduce ourselves with later; a server sees it from us only as the client said it. */
static void keep_hello(struct session *s, const struct command *c)
{
    struct near *const n = &s->near;
    const struct span name = span_first(c->args, span_find(c->args, ' '));

    if (name.n > 0 && name.n < sizeof n->hello && !c->odd)
        text_printable(name, n->hello, sizeof n->hello);
}

static void add_recipient(struct session *s, const struct command *c)
{
    struct rcpt_args args;
    const enum rc rc = c->verb == VERB_RCPT ? command_rcpt(c, &args) : command_address(c, &args);

    if (rc == UNUSABLE) { /* VRFY of a plain word */
        struct slot *const slot = slots_add(&s->slots, SLOT_OTHER, c->raw);

        slot->verb = c->verb;
        asks_address(s, slot);
        return;
    }
    if (rc != OK) {
        refuse_line(s, WHY_BAD_RECIPIENT);
        return;
    }
    const int ask = asks_find(s, args.kind == RCPT_DOMAIN ? &args.domain : NULL);

    if (ask < 0) {
        refuse_line(s, WHY_TOO_MANY_DOMAINS);
        return;
    }
    struct slot *const slot = slots_add(&s->slots, becomes[c->verb].kind, c->raw);

    slot->verb = c->verb;
    slot->ask = (int8_t)ask;
    s->asks.ask[ask].refs++;
}

static void add_chunk(struct session *s, const struct command *c)
{
    uint64_t octets = 0;
    bool last = false;

    if (command_bdat(c, &octets, &last) != OK) { /* A56: where the octets end cannot be known */
        session_fail(s, WHY_PROTOCOL, SPAN("the size of this BDAT cannot be read"));
        return;
    }
    struct slot *const slot = slots_add(&s->slots, SLOT_BDAT, c->raw);

    slot->verb = VERB_BDAT;
    slot->octets = octets;
    slot->last = last;
    s->near.mode = NEAR_HOLD;
}

static void add_command(struct session *s, const struct command *c)
{
    struct near *const n = &s->near;

    if (n->refused && (c->odd || c->verb == VERB_OTHER || c->verb == VERB_EMPTY)) {
        session_fail(s, WHY_AMBIGUOUS_END, SPAN("content stands behind a refused DATA"));
        return;
    }
    n->refused = false;
    if (c->odd) {
        refuse_line(s, c->verb == VERB_MAIL || c->verb == VERB_RCPT ? WHY_BAD_RECIPIENT : WHY_ODD_COMMAND);
        return;
    }
    switch (c->verb) {
    case VERB_RCPT:
    case VERB_VRFY:
    case VERB_EXPN:
        add_recipient(s, c);
        return;
    case VERB_BDAT:
        add_chunk(s, c);
        return;
    case VERB_EHLO:
    case VERB_HELO:
        keep_hello(s, c);
        break;
    case VERB_QUIT:
        n->quit = true;
        break;
    case VERB_MAIL:
    case VERB_DATA:
    case VERB_RSET:
    case VERB_NOOP:
    case VERB_HELP:
    case VERB_AUTH:
    case VERB_STARTTLS:
    case VERB_ETRN:
    case VERB_XCLIENT:
    case VERB_XFORWARD:
    case VERB_OTHER:
    case VERB_EMPTY:
    case VERB__COUNT:
        break;
    }
    struct slot *const slot = slots_add(&s->slots, becomes[c->verb].kind, c->raw);

    slot->verb = c->verb;
    slot->holds = becomes[c->verb].hold;
    if (slot->kind == SLOT_AUTH || slot->kind == SLOT_OTHER || (slot->kind == SLOT_HELLO && s->early))
        asks_address(s, slot);
    if (slot->holds)
        n->mode = c->verb == VERB_QUIT ? NEAR_DEAF : NEAR_HOLD;
}

static bool read_line(struct session *s)
{
    struct near *const n = &s->near;
    struct command c;
    size_t used = 0;

    if (!slots_room(&s->slots, COMMAND_LINE_MAX))
        return false;
    switch (command_line(stream_in(&n->stream), &c, &used)) {
    case OK:
        break;
    case FULL: /* A57 */
        session_fail(s, WHY_TOO_LONG, SPAN("the command line has no end"));
        return true;
    default:
        return false;
    }
    if (n->mode == NEAR_CONTINUATION) {
        slots_add(&s->slots, SLOT_CONTINUATION, c.raw)->holds = true;
        n->mode = NEAR_HOLD;
    } else {
        if (!n->ending_known) {
            n->ending_known = true;
            n->ending = c.lf_only ? FRAME_LF : FRAME_CRLF;
        }
        add_command(s, &c);
    }
    if (n->open && s->ending.ms == 0) /* otherwise what it had is dropped already */
        stream_take(&n->stream, used);
    return true;
}

/* Content: as much as the far side takes now, up to its end. */
static bool read_data(struct session *s)
{
    struct near *const n = &s->near;
    const struct span in = span_first(stream_in(&n->stream), stream_room(&s->far.stream));
    size_t pass = 0;

    if (in.n == 0 || !slots_room(&s->slots, 0))
        return false;
    const enum frame_result result = frame_scan(&n->frame, in, &pass);

    if (stream_put(&s->far.stream, span_first(in, pass)) != OK)
        return false; /* there is room, so it is lost, and will say so */
    s->txn.bytes += pass;
    stream_take(&n->stream, pass);
    switch (result) {
    case FRAME_GO:
        break;
    case FRAME_END: {
        s->txn.content = true;
        slots_add(&s->slots, SLOT_CONTENT, span_of(NULL, 0));
        slots_sent(&s->slots);
        n->mode = NEAR_LINE;
        return true;
    }
    case FRAME_AMBIGUOUS:
        session_fail(s, WHY_AMBIGUOUS_END, span_of(NULL, 0));
        return true;
    }
    return pass > 0;
}

static bool read_chunk(struct session *s)
{
    struct near *const n = &s->near;
    struct span in = stream_in(&n->stream);

    if (n->left == 0) {
        n->mode = NEAR_LINE;
        return true;
    }
    in = span_first(in, n->left < SIZE_MAX ? (size_t)n->left : SIZE_MAX);
    if (!n->swallow) {
        in = span_first(in, stream_room(&s->far.stream));
        if (in.n > 0 && stream_put(&s->far.stream, in) != OK)
            return false;
        s->txn.bytes += in.n;
    }
    if (in.n == 0)
        return false;
    n->left -= in.n;
    stream_take(&n->stream, in.n);
    return true;
}

/* The client's own TLS: only what begins as a ClientHello, so that clear text never hides in a tunnel. Behind that the
 * two streams need us no more. */
static bool read_tunnel(struct session *s)
{
    struct near *const n = &s->near;
    const struct span in = stream_in(&n->stream);

    if (s->tunnel_bytes != 0 || in.n == 0 || stream_in(&s->far.stream).n != 0) /* relay_tunnel has a word about those */
        return false;
    if (in.p[0] != 0x16 || (in.n > 1 && in.p[1] != 0x03)) {
        session_fail(s, WHY_PROTOCOL, SPAN("no TLS behind STARTTLS"));
        return true;
    }
    if (in.n < 2 || stream_put(&s->far.stream, in) != OK)
        return false;
    s->tunnel_bytes = in.n;
    stream_take(&n->stream, in.n);
    n->ended = s->far.ended = false; /* it is told again, when it has reached the other side */
    if (stream_join(&n->stream, &s->far.stream) != OK)
        session_fail(s, WHY_CLIENT_GONE, span_of(NULL, 0)); /* lost, and not told yet */
    return true;
}

/* Its handshake begins when the last clear byte has gone: behind it nothing is read that was not sent inside. */
static bool begin_handshake(struct session *s)
{
    struct near *const n = &s->near;

    if (n->handshakes || stream_room(&n->stream) < STREAM_BUFFER)
        return false;
    n->handshakes = true;
    if (s->host->near_tls == NULL || stream_start_tls(&n->stream, s->host->near_tls, NULL) != OK)
        near_unsealed(s, WHY_HANDSHAKE_FAILED, SPAN("the client's handshake could not begin"));
    stream_pause_read(&n->stream, false);
    return true;
}

bool near_seal(struct session *s)
{
    static const char *const go[2] = { "220 Ready to start TLS\r\n", "220 2.0.0 Ready to start TLS\r\n" };
    struct near *const n = &s->near;

    stream_flush(&n->stream);
    if (stream_room(&n->stream) < STREAM_BUFFER)
        return false; /* what it is owed goes first */
    n->mode = NEAR_SEALING;
    n->since = session_now(s);
    stream_pause_read(&n->stream, true); /* what comes behind our 220 belongs to the handshake */
    if (stream_in(&n->stream).n != 0 || stream_pull(&n->stream) == OK) {
        near_unsealed(s, WHY_EARLY_BYTES, SPAN("the client sent bytes behind its STARTTLS"));
        return true;
    }
    if (stream_put(&n->stream, span_str(go[ehlo_has(&s->shown, EHLO_ENHANCEDSTATUSCODES)])) != OK) {
        near_unsealed(s, WHY_CLIENT_GONE, span_of(NULL, 0));
        return true;
    }
    slots_sent(&s->slots);
    slots_pop(&s->slots);
    stream_flush(&n->stream);
    return true;
}

void near_sealed(struct session *s)
{
    s->near.mode = NEAR_LINE;
    s->near.ending_known = false;
    if (s->far.dirty) { /* AUTH, XCLIENT: who said that in clear need not be who speaks now, nor its mail go there */
        far_step(s, EV_HANG_UP);
        s->far.dirty = s->far.authed = false;
    }
    ehlo_reset(&s->shown);
    s->shown_any = false;
}

void near_unsealed(struct session *s, enum why why, struct span detail)
{
    if (s->ending.ms != 0)
        return;
    settle_session(s, NULL, OUTCOME_FAILED, why, detail);
    session_fail(s, why, detail);
}

void near_content_refused(struct session *s, struct slot *slot)
{
    s->near.mode = NEAR_LINE;
    s->near.refused = true;
    if (stream_pull(&s->near.stream) == OK || stream_in(&s->near.stream).n != 0) {
        slot->close = true;
        s->near.mode = NEAR_DEAF;
    }
}

bool near_read(struct session *s)
{
    if (!s->near.open)
        return false;
    switch (s->near.mode) {
    case NEAR_LINE:
    case NEAR_CONTINUATION:
        return read_line(s);
    case NEAR_DATA:
        return s->far.open && read_data(s);
    case NEAR_CHUNK:
        return (s->near.swallow || s->near.left == 0 || s->far.open) && read_chunk(s);
    case NEAR_TUNNEL:
        return s->far.open && read_tunnel(s);
    case NEAR_SEALING:
        return begin_handshake(s);
    case NEAR_HOLD:
        return false;
    case NEAR_DEAF: { /* what comes behind QUIT or our goodbye goes nowhere */
        const size_t n = stream_in(&s->near.stream).n;

        stream_take(&s->near.stream, n);
        return n > 0;
    }
    }
    return false;
}

void near_close(struct session *s, bool reset)
{
    if (!s->near.open)
        return;
    s->near.open = false;
    if (reset)
        stream_reset(&s->near.stream);
    else
        stream_close(&s->near.stream);
}
