#include "session/session.h"

#include "base/text.h"
#include "session/channel.h"
#include "session/patience.h"
#include "session/pump.h"
#include "session/relay.h"

#include <assert.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- words ---------------------------------------------------------------------------------------------------------
 */

size_t session_reply(const struct session *s, unsigned code, enum why why, const struct ask *a, struct span detail,
                     char *out)
{
    char address[IP_TEXT_MAX];

    ip_text(&s->server, address);
    const struct why_about about = {
        .host = a == NULL ? span_of(NULL, 0) : asks_host(s, a),
        .address = span_str(address),
        .domain = a == NULL ? span_of(NULL, 0) : hostname_span(&a->domain),
        .detail = detail,
    };

    return why_reply(code, why, &about, out, WHY_REPLY_MAX);
}

/* Has the client not heard the banner yet? */
static bool is_ungreeted(struct session *s)
{
    const struct slot *const head = slots_head(&s->slots);

    return head != NULL && head->kind == SLOT_BANNER;
}

/* ---- the end -------------------------------------------------------------------------------------------------------
 */

/* Recipients of the open transaction whose line never left: they were asked for, and the end of the session is their
 * answer. */
static void count_waiting(struct session *s, enum why why)
{
    for (unsigned k = s->slots.next; k != s->slots.added; k++) {
        const struct slot *const slot = &s->slots.ring[k % SLOTS_MAX];

        if (slot->kind == SLOT_MAIL)
            return;
        if (slot->kind != SLOT_RCPT)
            continue;
        struct ask *const a = &s->asks.ask[slot->ask];

        a->asked++;
        a->refs--;
        if (a->refused)
            continue;
        a->refused = why != WHY_CLIENT_GONE;
        a->why = why;
    }
}

/* What is still owed to the outside: the transaction that is open, or the tunnel, or why none came about. */
static void settle_all(struct session *s, enum why why)
{
    const bool tunnel = s->tunnel_bytes != 0;

    if (s->far.leg == LEG_TUNNEL && !s->tunnel_settled)
        settle_session(s, NULL, tunnel ? OUTCOME_TUNNEL : OUTCOME_FAILED, tunnel ? WHY_NONE : why, span_of(NULL, 0));
    s->tunnel_settled = true;
    if (s->txn.state != TXN_IDLE) {
        if (s->txn.why == WHY_NONE)
            s->txn.why = why;
        count_waiting(s, why);
        slots_drop_waiting(&s->slots);
        txn_end(s);
    }
}

void session_leave(struct session *s, bool reset_far)
{
    if (s->ending.ms != 0)
        return;
    s->ending = session_now(s);
    s->near.mode = NEAR_DEAF;
    settle_all(s, WHY_UPSTREAM_LOST);
    slots_drop_waiting(&s->slots);
    far_close(s, reset_far);
    if (s->near.open)
        stream_end(&s->near.stream); /* a client that has ended may still be reading */
}

void session_fail(struct session *s, enum why why, struct span detail)
{
    char words[WHY_REPLY_MAX];

    if (s->ending.ms != 0)
        return;
    settle_all(s, why);
    const struct slot *const waits = slots_next(&s->slots);

    if (waits != NULL && waits->kind == SLOT_BANNER) /* the early upgrade, not refused yet */
        settle_session(s, NULL, OUTCOME_REFUSED, why, detail);
    if (s->near.reply_begun || s->near.mode == NEAR_TUNNEL || s->near.mode == NEAR_SEALING) {
        near_close(s, true);
    } else if (s->near.open) {
        const size_t n = session_reply(s, 421, why, NULL, detail, words);

        if (stream_put(&s->near.stream, span_of(words, n)) == FAILED) /* FULL: what it is owed goes, and no word more */
            near_close(s, true);
    }
    session_leave(s, true);
}

/* The client left without QUIT, or in the middle: what was not sent is dropped and the far side reset, so that no
 * duplicate is made (invariant 6). */
static void client_gone(struct session *s)
{
    settle_all(s, WHY_CLIENT_GONE);
    near_close(s, true);
    session_leave(s, true);
}

/* ---- ends of the two sides -----------------------------------------------------------------------------------------
 */

/* The far side's last words wait for a client that reads slowly: they go first. *moved: it takes more of them now. */
static bool client_is_slow(struct session *s, bool *moved)
{
    struct stream *const near = &s->near.stream;

    if (!s->near.open || stream_in(&s->far.stream).n == 0 || stream_room(near) == STREAM_BUFFER)
        return false;
    const size_t room = stream_room(near);

    stream_flush(near); /* if it does not take all, WRITABLE will come */
    *moved = stream_room(near) > room;
    return true;
}

/* Joined, an end has gone through to the other side, which may still speak. */
static bool tunnel_has_ended(struct session *s)
{
    if (s->tunnel_bytes != 0 && !(s->near.ended && s->far.ended))
        return false;
    session_leave(s, false);
    return true;
}

static bool far_has_ended(struct session *s)
{
    struct far *const f = &s->far;
    bool moved;

    if (!f->ended || !f->open || s->ending.ms != 0)
        return false;
    if (client_is_slow(s, &moved))
        return moved;
    const bool first = is_ungreeted(s) && !channel_deciding(s); /* of the early upgrade's connections */

    if (f->leg == LEG_CONNECT && first) { /* as without us: refused before any banner; the client tries its next MX */
        near_close(s, true);
        session_leave(s, true);
        return true;
    }
    if (f->leg == LEG_TUNNEL)
        return tunnel_has_ended(s);
    if (f->leg == LEG_BANNER && first && !stream_is_tls(&f->stream)) {
        session_leave(s, false);
        return true;
    }
    const bool owed = slots_open(&s->slots) || s->txn.state == TXN_MAILING || s->txn.state == TXN_SENT;
    const struct slot *const head = slots_head(&s->slots);
    const bool quit = head != NULL && head->kind == SLOT_QUIT;
    const bool nobody_waits = !owed && (f->dirty || slots_next(&s->slots) == NULL);

    if (f->leg == LEG_READY && (quit || nobody_waits))
        session_leave(s, false); /* an end, as without us */
    else if (f->leg == LEG_READY && owed)
        session_fail(s, WHY_UPSTREAM_LOST, span_of(NULL, 0));
    else
        far_step(s, EV_LOST); /* what was not sent yet can go on a fresh connection */
    return true;
}

/* Do the bytes that it left behind end in a QUIT? Exim says BDAT with its octets, QUIT and a FIN in one go. */
static bool left_a_quit(struct span left)
{
    if (left.n == 0 || left.p[left.n - 1] != '\n')
        return false;
    left.n -= left.n > 1 && left.p[left.n - 2] == '\r' ? 2 : 1;
    return left.n >= 4 && text_eq_nocase(span_from(left, left.n - 4), SPAN("QUIT"));
}

static bool near_has_ended(struct session *s)
{
    struct near *const n = &s->near;

    if (!n->ended || s->ending.ms != 0)
        return false;
    if (n->mode == NEAR_TUNNEL)
        return tunnel_has_ended(s);
    if (n->quit || left_a_quit(stream_in(&n->stream))) /* it may hang up behind it; what stands before still counts */
        return false;
    if (n->mode == NEAR_LINE && stream_in(&n->stream).n != 0 && slots_next(&s->slots) == NULL &&
        span_find(stream_in(&n->stream), '\n') < stream_in(&n->stream).n)
        return false; /* QUIT may be among what it left behind */
    client_gone(s);
    return true;
}

/* ---- the step ------------------------------------------------------------------------------------------------------
 */

/* DESIGN.md 'The core of a session', what must hold after every step; the oracle of the fuzzers. */
static void assert_invariants(const struct session *s)
{
    const struct txn *const t = &s->txn;
    const bool upgrading = s->far.leg == LEG_STARTTLS || s->far.leg == LEG_HANDSHAKE || s->far.leg == LEG_IMPLICIT ||
                           s->far.leg == LEG_HELLO2;

    assert(s->slots.next - s->slots.done <= SLOTS_MAX && s->slots.added - s->slots.done <= SLOTS_MAX); /* 5 */
    assert(!upgrading || !slots_open(&s->slots));                                                      /* 3 */
    assert(!upgrading || (t->state != TXN_SENT && t->state != TXN_MAILING));                           /* 3 */
    assert(t->state == TXN_SENT || t->out == 0);                                                       /* 4 */
    assert(s->near.mode != NEAR_DATA || (t->state == TXN_SENT && t->out > 0));                         /* 4 */
    assert(!s->far.authed || s->far.dirty);
    assert(s->far.leg == LEG_NONE || s->far.leg == LEG_DIAL || s->far.open);
    assert(s->near.mode != NEAR_TUNNEL || s->ending.ms != 0 || s->far.leg == LEG_TUNNEL);
    assert(s->near.mode != NEAR_SEALING || s->ending.ms != 0 ||
           (t->state == TXN_IDLE && s->slots.done == s->slots.added));
    (void)t, (void)upgrading;
}

static bool is_over(const struct session *s)
{
    return s->ending.ms != 0 && !s->near.open && !s->far.open;
}

/* Most sessions wait most of the time, and hold nothing then: what has passed is forgotten, and its pages are free for
 * others. Not the last one where the kernel's pages are larger than ours. */
static void rest(struct session *s)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (!s->used || session_now(s).ms - s->active.ms < SESSION_REST_MS)
        return;
    s->used = false;
    if (buf_used(&s->slots.lines) + buf_used(&s->slots.words) + buf_used(&s->txn.mail) == 0 &&
        stream_is_empty(&s->near.stream) && stream_is_empty(&s->far.stream))
        (void)madvise(&s->passing, sizeof s->passing / page * page, MADV_DONTNEED);
}

void session_step(struct session *s)
{
    struct mono next;
    bool moved;

    if (s->stepping || s->over)
        return;
    s->stepping = true;
    s->laboured = false;
    do {
        const struct mono now = session_now(s);

        next = asks_tick(s, now);
        moved = patience_ends(s, now);
        if (s->far.leg == LEG_TUNNEL)
            moved |= relay_tunnel(s);
        else
            moved |= relay_reply(s);
        moved |= relay_words(s);
        moved |= near_read(s);
        moved |= pump_step(s);
        s->used |= moved;
        if (!moved)
            moved = far_has_ended(s) || near_has_ended(s);
        assert_invariants(s);
    } while (moved && !s->laboured);
    if (moved)
        next = session_now(s);
    if (s->far.open)
        stream_flush(&s->far.stream);
    if (s->near.open)
        stream_flush(&s->near.stream);
    s->stepping = false;
    if (is_over(s)) {
        s->over = true;
        s->host->over(s->host->self, s);
        return;
    }
    rest(s);
    patience_set(s, next);
}

/* ---- events --------------------------------------------------------------------------------------------------------
 */

static void near_event(void *arg, enum stream_event event)
{
    struct session *const s = arg;

    s->active = session_now(s);
    s->used = true;
    switch (event) {
    case STREAM_CLOSED:
        s->near.ended = true;
        if (s->ending.ms != 0)
            near_close(s, false);
        break;
    case STREAM_LOST:
        s->near.ended = true;
        if (s->ending.ms != 0)
            near_close(s, false);
        else if (s->near.quit && slots_head(&s->slots) != NULL && slots_head(&s->slots)->kind == SLOT_QUIT)
            session_leave(s, false);
        else
            client_gone(s);
        break;
    case STREAM_TLS_UP:
        near_sealed(s);
        break;
    case STREAM_TLS_FAILED:
        s->near.ended = true;
        near_unsealed(s, WHY_HANDSHAKE_FAILED, span_str(stream_failure(&s->near.stream)));
        break;
    case STREAM_READABLE:
    case STREAM_WRITABLE:
    case STREAM_CONNECTED:
        break;
    }
    session_step(s);
}

static void far_event(void *arg, enum stream_event event)
{
    struct session *const s = arg;

    s->active = session_now(s);
    s->used = true;
    switch (event) {
    case STREAM_CONNECTED:
        far_step(s, EV_CONNECTED);
        break;
    case STREAM_TLS_UP:
        far_step(s, EV_TLS_UP);
        break;
    case STREAM_TLS_FAILED:
        far_step(s, EV_TLS_FAIL);
        break;
    case STREAM_LOST:
        s->far.ended = true;
        if (s->far.leg == LEG_TUNNEL)
            session_leave(s, false); /* what it said before goes to the client still */
        break;
    case STREAM_CLOSED:
        s->far.ended = true;
        break;
    case STREAM_READABLE:
    case STREAM_WRITABLE:
        break;
    }
    session_step(s);
}

static void open_far(struct session *s, int fd)
{
    stream_open(&s->far.stream, s->host->loop, fd, true, s->passing.far, far_event, s);
    s->far.open = true;
    s->far.generation++;
}

/* The banner goes to the client as it comes; from a smarthost when TLS is there. */
static void greet(struct session *s)
{
    const struct site_smarthost *const smart = site_smarthost(&s->host->config->site, &s->server);
    struct slot *const slot = slots_add(&s->slots, SLOT_BANNER, span_of(NULL, 0));

    s->early = smart != NULL && smart->policy.level != LEVEL_NONE;
    slot->holds = true;
    if (s->early) {
        asks_address(s, slot);
    } else {
        s->far.first = true;
        slots_sent(&s->slots);
    }
}

/* ---- the door ------------------------------------------------------------------------------------------------------
 */

struct session *session_new(const struct session_host *host, void *place, uint64_t id, const struct ip *client,
                            const struct ip *server, uint16_t server_port, int near_fd, int far_fd)
{
    /* A mapping of its own: the pages of its buffers that it never fills cost nothing, and all of it goes back when it
     * ends. The heap would clear the whole of it and keep it. */
    struct session *const s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char address[IP_TEXT_MAX];

    if (s == MAP_FAILED) {
        close(near_fd);
        close(far_fd);
        return NULL;
    }
    s->id = id;
    s->place = place;
    s->host = host;
    s->client = *client;
    s->server = *server;
    s->server_port = server_port;
    s->active = s->far.since = session_now(s);
    slots_init(&s->slots, s->passing.lines, s->passing.words);
    buf_init(&s->txn.mail, s->passing.mail, sizeof s->passing.mail);
    buf_init(&s->txn.reply, s->reply, sizeof s->reply);
    txn_init(&s->txn);
    ip_text(client, address);
    snprintf(s->near.hello, sizeof s->near.hello, ip_is_v4(client) ? "[%s]" : "[IPv6:%s]", address);
    stream_open(&s->near.stream, host->loop, near_fd, false, s->passing.near, near_event, s);
    s->near.open = true;
    s->near.mode = NEAR_HOLD; /* until the server has greeted it */
    buf_init(&s->far.greeting, s->greeting, sizeof s->greeting);
    s->far.leg = LEG_CONNECT;
    open_far(s, far_fd);
    greet(s);
    return s;
}

void session_start(struct session *s)
{
    session_step(s);
}

void session_free(struct session *s)
{
    if (s == NULL)
        return;
    near_close(s, true);
    far_close(s, true);
    asks_free(s);
    munmap(s, sizeof *s);
}

bool session_route(struct session *s, uint32_t number, struct route *route)
{
    if (!asks_route(s, number, route))
        return false;
    session_step(s);
    return true;
}

bool session_memory(struct session *s, uint32_t number, enum grace grace)
{
    if (!asks_remember(s, number, grace))
        return false;
    session_step(s);
    return true;
}

void session_dialed(struct session *s, int fd, uint16_t port)
{
    if (fd >= 0)
        s->server_port = port;
    if (s->far.leg != LEG_DIAL || s->ending.ms != 0) {
        if (fd >= 0)
            close(fd);
    } else if (fd < 0) {
        far_step(s, EV_LOST);
    } else {
        open_far(s, fd);
        far_step(s, EV_DIALED);
    }
    session_step(s);
}

void session_lost(struct session *s, bool resolver)
{
    asks_lost(s, resolver);
    session_step(s);
}

void session_timeout(struct session *s)
{
    session_step(s);
}

void session_kill(struct session *s, enum why why)
{
    session_fail(s, why, span_of(NULL, 0));
    session_step(s);
}
