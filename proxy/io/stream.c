#include "io/stream.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BIT(event) (1U << (unsigned)(event))

static bool is_whole(const struct stream *s)
{
    return s->state == STREAM_STATE_CLEAR || s->state == STREAM_STATE_TLS;
}

/* A turn of the loop looks at everything again before it ends; outside of one, the timer brings the next. */
static void later(struct stream *s)
{
    if (s->gone == NULL)
        timer_set(&s->soon, 0);
}

static void note(struct stream *s, enum stream_event event)
{
    s->news |= BIT(event);
    later(s);
}

static void lose(struct stream *s, const char *why)
{
    if (s->state == STREAM_STATE_DEAD)
        return;
    (void)snprintf(s->failure, sizeof s->failure, "%s", why);
    note(s, s->state == STREAM_STATE_HANDSHAKE ? STREAM_TLS_FAILED : STREAM_LOST);
    s->state = STREAM_STATE_DEAD;
}

static bool may_read(const struct stream *s)
{
    return is_whole(s) && !s->peer_ended && (s->ending || (!s->paused && buf_room(&s->in) != 0));
}

/* What no descriptor will announce. */
static bool has_work(const struct stream *s)
{
    return s->news != 0 || (s->again && may_read(s));
}

/* What the descriptor is to announce from now on. */
static void set_interest(struct stream *s)
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
        if (buf_used(&s->out) != 0 || (s->ending && !s->sent_fin))
            want |= s->write_waits == AGAIN_READ ? LOOP_READ : LOOP_WRITE;
        break;
    }
    if (watch_want(&s->watch, want) != OK)
        lose(s, strerror(errno));
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

/*
 * Reads until nothing is there or there is no room: the library may hold bytes that no descriptor announces (s->again).
 * After stream_end it reads once, and drops. Returns what the last read said, or FULL; *got is how many bytes came.
 */
static enum rc fill(struct stream *s, size_t *got)
{
    enum rc rc;

    *got = 0;
    s->again = false;
    do {
        size_t room, n = 0;
        if (s->ending)
            buf_reset(&s->in);
        uint8_t *at = buf_tail(&s->in, &room);
        if (room == 0) {
            s->again = true;
            return FULL;
        }
        rc = read_some(s, at, room, &n);
        buf_added(&s->in, n);
        *got += n;
        if (rc == OK && s->state == STREAM_STATE_CLEAR && n < room)
            rc = AGAIN_READ; /* a short read emptied the socket */
    } while (rc == OK && !s->ending);

    s->read_waits = rc == AGAIN_WRITE ? AGAIN_WRITE : AGAIN_READ;
    s->again = rc == OK;
    if (s->ending)
        buf_reset(&s->in);
    if (rc == CLOSED) {
        s->peer_ended = true;
        if (!s->ending || s->sent_fin)
            note(s, STREAM_CLOSED);
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
        note(s, STREAM_CLOSED);
}

/* A clear peer that no longer listens may have said why: its last words come before LOST. */
static void lose_while_writing(struct stream *s)
{
    const char *why = reason(s);
    size_t got = 0;

    if (s->state == STREAM_STATE_CLEAR && !s->peer_ended && !s->ending && fill(s, &got) != FULL && got != 0)
        note(s, STREAM_READABLE);
    lose(s, why);
}

/* Sends until all is gone or the kernel has enough; then, after stream_end, takes leave. */
static void drain(struct stream *s)
{
    while (buf_used(&s->out) != 0) {
        size_t n;
        const enum rc rc = write_some(s, buf_bytes(&s->out), &n);
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
        note(s, STREAM_WRITABLE);
    s->waited = false;
    if (s->ending && !s->sent_fin)
        say_bye(s);
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
    note(s, STREAM_CONNECTED);
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
    note(s, STREAM_TLS_UP);
}

static void move_bytes(struct stream *s, unsigned ready)
{
    const unsigned announces = s->read_waits == AGAIN_WRITE ? LOOP_WRITE : LOOP_READ;
    size_t got = 0;

    if (may_read(s) && (s->again || (ready & announces) != 0))
        (void)fill(s, &got); /* what came of it is in the news */
    if (got != 0 && !s->ending)
        note(s, STREAM_READABLE);
    if (is_whole(s))
        drain(s);
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
    if (is_whole(s))
        drain(s); /* what the owner put meanwhile */
    set_interest(s);
    s->gone = NULL;
    if (has_work(s))
        timer_set(&s->soon, 0);
}

static void on_ready(void *owner, unsigned ready)
{
    turn(owner, ready);
}

static void on_soon(void *owner)
{
    turn(owner, 0);
}

/* ---- open and close ---- */

void stream_open(struct stream *s, struct loop *loop, int fd, bool connecting, stream_cb *cb, void *arg)
{
    const int on = 1;

    memset(s, 0, offsetof(struct stream, in_mem));
    s->state = connecting ? STREAM_STATE_CONNECTING : STREAM_STATE_CLEAR;
    s->fd = fd;
    s->cb = cb;
    s->arg = arg;
    s->read_waits = AGAIN_READ;
    s->write_waits = AGAIN_WRITE;
    buf_init(&s->in, s->in_mem, sizeof s->in_mem);
    buf_init(&s->out, s->out_mem, sizeof s->out_mem);
    watch_open(&s->watch, loop, fd, on_ready, s);
    timer_init(&s->soon, loop, on_soon, s);
    /* What is put in one step goes out as one already; a reply must not wait for the acknowledgement of the one before.
     * (Fails on what is not TCP, which does not matter.) */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    set_interest(s);
}

void stream_close(struct stream *s)
{
    if (s->state == STREAM_STATE_NONE)
        return;
    if (s->gone != NULL)
        *s->gone = true;
    watch_close(&s->watch);
    timer_cancel(&s->soon);
    tls_free(s->tls);
    s->tls = NULL;
    stream_drop_chain(s);
    (void)close(s->fd);
    s->fd = -1;
    s->state = STREAM_STATE_NONE;
}

void stream_reset(struct stream *s)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };

    if (s->state != STREAM_STATE_NONE)
        (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    stream_close(s);
}

void stream_end(struct stream *s)
{
    if (s->state == STREAM_STATE_NONE || s->ending)
        return;
    s->ending = true;
    s->news = 0;
    buf_reset(&s->in);
    if (!is_whole(s)) { /* nothing to send, and nobody to take leave of */
        s->state = STREAM_STATE_DEAD;
        note(s, STREAM_CLOSED);
    }
    later(s);
}

bool stream_is_open(const struct stream *s)
{
    return s->state != STREAM_STATE_NONE;
}

/* ---- reading ---- */

struct span stream_in(const struct stream *s)
{
    return buf_bytes(&s->in);
}

void stream_take(struct stream *s, size_t n)
{
    buf_take(&s->in, n);
    if (s->again)
        later(s);
}

void stream_pause_read(struct stream *s, bool pause)
{
    if (s->paused == pause)
        return;
    s->paused = pause;
    if (!pause && buf_used(&s->in) != 0)
        note(s, STREAM_READABLE);
    if (s->gone == NULL)
        set_interest(s);
    if (s->again)
        later(s);
}

enum rc stream_pull(struct stream *s)
{
    size_t got;

    if (!is_whole(s) || s->ending)
        return FAILED;
    if (s->peer_ended)
        return CLOSED;
    const enum rc rc = fill(s, &got);
    later(s); /* what it waits for may be something else now */
    if (got != 0)
        return OK;
    return rc == AGAIN_WRITE ? AGAIN_READ : rc;
}

/* ---- writing ---- */

size_t stream_room(const struct stream *s)
{
    return buf_room(&s->out);
}

enum rc stream_put(struct stream *s, struct span bytes)
{
    assert(bytes.n <= STREAM_BUFFER);
    if (s->ending || (!is_whole(s) && s->state != STREAM_STATE_CONNECTING))
        return FAILED;
    later(s);
    if (buf_put(&s->out, bytes) == OK)
        return OK;
    s->waited = true;
    return FULL;
}

void stream_flush(struct stream *s)
{
    if (!is_whole(s))
        return;
    drain(s);
    if (s->gone != NULL)
        return;
    set_interest(s);
    if (!has_work(s))
        timer_cancel(&s->soon);
}

/* ---- TLS ---- */

enum rc stream_start_tls(struct stream *s, struct tls_ctx *ctx, const char *sni)
{
    if (s->state != STREAM_STATE_CLEAR || s->peer_ended || s->ending || buf_used(&s->in) != 0 || buf_used(&s->out) != 0)
        return FAILED;
    s->tls = tls_new(ctx, s->fd, sni);
    if (s->tls == NULL)
        return FAILED;
    s->state = STREAM_STATE_HANDSHAKE;
    s->read_waits = AGAIN_WRITE; /* begins when the socket takes our hello */
    s->again = false;
    if (s->gone == NULL)
        set_interest(s);
    return OK;
}

bool stream_is_tls(const struct stream *s)
{
    return s->state != STREAM_STATE_NONE && s->info.version != NULL;
}

const struct tls_info *stream_tls(const struct stream *s)
{
    return stream_is_tls(s) ? &s->info : NULL;
}

void stream_drop_chain(struct stream *s)
{
    free(s->chain);
    s->chain = NULL;
    s->info.chain = NULL;
}

const char *stream_failure(const struct stream *s)
{
    return s->failure;
}
