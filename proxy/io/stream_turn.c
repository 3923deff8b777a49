#include "io/stream_turn.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#define BIT(event) (1U << (unsigned)(event))

bool stream_turn_is_whole(const struct stream *s)
{
    return s->state == STREAM_STATE_CLEAR || s->state == STREAM_STATE_TLS;
}

void stream_turn_later(struct stream *s)
{
    if (s->gone == NULL)
        timer_set(&s->soon, 0);
}

void stream_turn_note(struct stream *s, enum stream_event event)
{
    s->news |= BIT(event);
    stream_turn_later(s);
}

static void lose(struct stream *s, const char *why)
{
    if (s->state == STREAM_STATE_DEAD)
        return;
    (void)snprintf(s->failure, sizeof s->failure, "%s", why);
    stream_turn_note(s, s->state == STREAM_STATE_HANDSHAKE ? STREAM_TLS_FAILED : STREAM_LOST);
    s->state = STREAM_STATE_DEAD;
}

static bool has_room(const struct stream *s)
{
    if (s->mate == NULL)
        return buf_room(&s->in) != 0;
    return duct_is_open(&s->mate->duct) ? s->mate->duct.n == 0 : buf_room(&s->mate->out) != 0;
}

static bool may_read(const struct stream *s)
{
    return stream_turn_is_whole(s) && !s->peer_ended && (s->ending || (!s->paused && has_room(s)));
}

static bool has_to_send(const struct stream *s)
{
    return buf_used(&s->out) != 0 || s->duct.n != 0;
}

bool stream_turn_has_work(const struct stream *s)
{
    return s->news != 0 || (s->again && may_read(s));
}

static void show_interest(struct stream *s)
{
    unsigned want = 0;

    switch (s->state) {
    case STREAM_STATE_NONE:
    case STREAM_STATE_DEAD:
        break;
    case STREAM_STATE_CONNECTING:
        want = LOOP_WRITE;
        break;
    case STREAM_STATE_HANDSHAKE:
        want = s->read_waits == AGAIN_WRITE ? LOOP_WRITE : LOOP_READ;
        break;
    case STREAM_STATE_CLEAR:
    case STREAM_STATE_TLS:
        if (may_read(s))
            want |= s->read_waits == AGAIN_WRITE ? LOOP_WRITE : LOOP_READ;
        if (has_to_send(s) || (s->ending && !s->sent_fin))
            want |= s->write_waits == AGAIN_READ ? LOOP_READ : LOOP_WRITE;
        break;
    }
    if (watch_want(&s->watch, want) != OK)
        lose(s, strerror(errno));
}

void stream_turn_interest(struct stream *s)
{
    show_interest(s);
    if (s->mate != NULL) /* what one has sent is room for the other */
        show_interest(s->mate);
}

/* ---- bytes ---- */

/* One read: OK (*n > 0), AGAIN_*, CLOSED, FAILED. */
static enum rc read_some(struct stream *s, uint8_t *mem, size_t cap, size_t *n)
{
    ssize_t got;

    if (s->state == STREAM_STATE_TLS)
        return tls_read(s->tls, mem, cap, n);
    do {
        got = recv(s->fd, mem, cap, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    *n = got > 0 ? (size_t)got : 0;
    if (got >= 0)
        return got > 0 ? OK : CLOSED;
    return errno == EAGAIN ? AGAIN_READ : FAILED;
}

static enum rc write_some(struct stream *s, struct span bytes, size_t *n)
{
    ssize_t sent;

    if (s->state == STREAM_STATE_TLS)
        return tls_write(s->tls, bytes, n);
    do {
        sent = send(s->fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    *n = sent > 0 ? (size_t)sent : 0;
    if (sent >= 0)
        return OK;
    return errno == EAGAIN ? AGAIN_WRITE : FAILED;
}

static const char *reason(const struct stream *s)
{
    return s->state == STREAM_STATE_TLS ? tls_failure(s->tls) : strerror(errno);
}

/* Until nothing is there, or no room. */
static enum rc take_in(struct stream *s, size_t *got)
{
    enum rc rc;

    do {
        size_t room, n = 0;
        if (s->ending)
            buf_reset(&s->in);
        uint8_t *at = buf_tail(&s->in, &room);
        if (room == 0)
            return FULL;
        rc = read_some(s, at, room, &n);
        buf_added(&s->in, n);
        *got += n;
        if (rc == OK && s->state == STREAM_STATE_CLEAR && n < room)
            rc = AGAIN_READ; /* a short read emptied the socket */
    } while (rc == OK && !s->ending);
    return rc;
}

/* Joined: one read, into what goes to the other peer. */
static enum rc pass_on(struct stream *s, size_t *got)
{
    struct stream *const to = s->mate;
    enum rc rc;

    if (!has_room(s))
        return FULL;
    if (duct_is_open(&to->duct)) {
        rc = duct_take(&to->duct, s->fd, got);
        if (rc == AGAIN_READ) /* readable, and yet: urgent data, which splice does not pass (tcp_read_sock) */
            duct_close(&to->duct);
    } else {
        size_t room;
        uint8_t *const at = buf_tail(&to->out, &room);

        rc = read_some(s, at, room, got);
        buf_added(&to->out, *got);
        if (*got == STREAM_BUFFER) /* it is worth it; without one it goes on like this */
            duct_open(&to->duct, s->fd, to->fd);
    }
    s->passed += *got;
    return rc;
}

enum rc stream_turn_fill(struct stream *s, size_t *got)
{
    *got = 0;
    const enum rc rc = s->mate != NULL ? pass_on(s, got) : take_in(s, got);

    s->again = (rc == OK || rc == FULL) && s->mate == NULL;
    if (rc == FULL)
        return FULL;
    s->read_waits = rc == AGAIN_WRITE ? AGAIN_WRITE : AGAIN_READ;
    if (s->ending)
        buf_reset(&s->in);
    if (rc == CLOSED) {
        s->peer_ended = true;
        if (s->mate == NULL && (!s->ending || s->sent_fin))
            stream_turn_note(s, STREAM_CLOSED);
    }
    if (rc == FAILED)
        lose(s, reason(s));
    return rc;
}

/* Everything was sent: close_notify, then FIN. */
static void say_bye(struct stream *s)
{
    if (s->state == STREAM_STATE_TLS) {
        const enum rc rc = tls_shutdown(s->tls);
        if (rc == AGAIN_READ || rc == AGAIN_WRITE) {
            s->write_waits = rc;
            return;
        }
        if (rc != OK) {
            lose(s, reason(s));
            return;
        }
    }
    if (shutdown(s->fd, SHUT_WR) != 0) {
        lose(s, strerror(errno));
        return;
    }
    s->sent_fin = true;
    if (s->peer_ended)
        stream_turn_note(s, STREAM_CLOSED);
}

/* Joined: the other peer has ended, and nothing of it is left. */
static void pass_end(struct stream *s)
{
    if (shutdown(s->fd, SHUT_WR) != 0) {
        lose(s, strerror(errno));
        return;
    }
    s->sent_fin = true;
    stream_turn_note(s->mate, STREAM_CLOSED);
}

/* A peer that no longer listens may have said why: its last words come before LOST. */
static void lose_while_writing(struct stream *s)
{
    const char *why = reason(s);
    size_t got = 0;

    if (!s->peer_ended && !s->ending && stream_turn_fill(s, &got) != FULL && got != 0)
        stream_turn_note(s, STREAM_READABLE);
    lose(s, why);
}

void stream_turn_drain(struct stream *s)
{
    while (has_to_send(s)) {
        size_t n = 0;
        const enum rc rc = buf_used(&s->out) != 0 ? write_some(s, buf_bytes(&s->out), &n) : duct_give(&s->duct, s->fd);
        if (rc == AGAIN_READ || rc == AGAIN_WRITE) {
            s->write_waits = rc;
            s->waited = true;
            return;
        }
        if (rc != OK) {
            lose_while_writing(s);
            return;
        }
        buf_take(&s->out, n);
        s->write_waits = AGAIN_WRITE;
    }
    if (s->waited && !s->ending)
        stream_turn_note(s, STREAM_WRITABLE);
    s->waited = false;
    if (s->ending && !s->sent_fin)
        say_bye(s);
    if (s->mate != NULL && s->mate->peer_ended && !s->sent_fin)
        pass_end(s);
}

/* ---- turns of the loop ---- */

static void finish_connect(struct stream *s)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (error != 0) {
        lose(s, strerror(error));
        return;
    }
    s->state = STREAM_STATE_CLEAR;
    stream_turn_note(s, STREAM_CONNECTED);
}

static void handshake(struct stream *s)
{
    const enum rc rc = tls_handshake(s->tls);

    if (rc == AGAIN_READ || rc == AGAIN_WRITE) {
        s->read_waits = rc;
        return;
    }
    if (rc != OK) {
        lose(s, tls_failure(s->tls));
        return;
    }
    s->state = STREAM_STATE_TLS;
    s->read_waits = AGAIN_READ;
    s->write_waits = AGAIN_WRITE;
    s->again = true; /* records may have come with the server's last flight */
    s->chain = tls_take_chain(s->tls);
    tls_describe(s->tls, &s->info);
    s->info.chain = s->chain;
    stream_turn_note(s, STREAM_TLS_UP);
}

static void move_bytes(struct stream *s, unsigned ready)
{
    const unsigned announces = s->read_waits == AGAIN_WRITE ? LOOP_WRITE : LOOP_READ;
    size_t got = 0;

    if (may_read(s) && (s->again || (ready & announces) != 0))
        (void)stream_turn_fill(s, &got); /* what came of it is in the news */
    if (got != 0 && !s->ending)
        stream_turn_note(s, STREAM_READABLE);
    if (stream_turn_is_whole(s))
        stream_turn_drain(s);
    if (s->mate != NULL && stream_turn_is_whole(s->mate))
        stream_turn_drain(s->mate);
}

/* Tells everything that is new. False: the owner has closed the stream, whose memory may be gone. */
static bool tell(struct stream *s, const bool *gone)
{
    static const enum stream_event order[] = {
        STREAM_CONNECTED,  STREAM_TLS_UP, STREAM_READABLE, STREAM_WRITABLE,
        STREAM_TLS_FAILED, STREAM_CLOSED, STREAM_LOST,
    };

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if ((s->news & BIT(order[i])) == 0)
            continue;
        s->news &= ~BIT(order[i]);
        s->cb(s->arg, order[i]);
        if (*gone)
            return false;
    }
    return true;
}

static void turn(struct stream *s, unsigned ready)
{
    bool gone = false;

    s->gone = &gone;
    switch (s->state) {
    case STREAM_STATE_NONE:
    case STREAM_STATE_DEAD:
        break;
    case STREAM_STATE_CONNECTING:
        if ((ready & LOOP_WRITE) != 0)
            finish_connect(s);
        break;
    case STREAM_STATE_HANDSHAKE:
        handshake(s);
        break;
    case STREAM_STATE_CLEAR:
    case STREAM_STATE_TLS:
        move_bytes(s, ready);
        break;
    }
    if (!tell(s, &gone))
        return;
    if (stream_turn_is_whole(s))
        stream_turn_drain(s); /* what the owner put meanwhile */
    stream_turn_interest(s);
    s->gone = NULL;
    if (stream_turn_has_work(s))
        timer_set(&s->soon, 0);
}

void stream_turn_ready(void *owner, unsigned ready)
{
    turn(owner, ready);
}

void stream_turn_soon(void *owner)
{
    turn(owner, 0);
}
