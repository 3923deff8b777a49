#include "io/stream.h"

#include "io/stream_turn.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- open and close ---- */

void stream_open(struct stream *s, struct loop *loop, int fd, bool connecting, uint8_t mem[STREAM_MEMORY],
                 stream_cb *cb, void *arg)
{
    const int on = 1;

    memset(s, 0, sizeof *s);
    s->state = connecting ? STREAM_STATE_CONNECTING : STREAM_STATE_CLEAR;
    s->fd = fd;
    s->cb = cb;
    s->arg = arg;
    s->read_waits = AGAIN_READ;
    s->write_waits = AGAIN_WRITE;
    buf_init(&s->in, mem, STREAM_BUFFER);
    buf_init(&s->out, mem + STREAM_BUFFER, STREAM_BUFFER);
    duct_init(&s->duct);
    watch_open(&s->watch, loop, fd, stream_turn_ready, s);
    timer_init(&s->soon, loop, stream_turn_soon, s);
    /* What is put in one step goes out as one already; a reply must not wait for the acknowledgement of the one before.
     * (Fails on what is not TCP, which does not matter.) */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    stream_turn_interest(s);
}

static void part(struct stream *s)
{
    if (s->mate == NULL)
        return;
    s->mate->mate = NULL;
    stream_turn_later(s->mate);
    s->mate = NULL;
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
    part(s);
    duct_close(&s->duct);
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
    part(s);
    if (!stream_turn_is_whole(s) || (s->peer_ended && s->sent_fin)) { /* nothing to send, nobody to take leave of */
        s->state = STREAM_STATE_DEAD;
        stream_turn_note(s, STREAM_CLOSED);
    }
    stream_turn_later(s);
}

bool stream_is_open(const struct stream *s)
{
    return s->state != STREAM_STATE_NONE;
}

bool stream_is_empty(const struct stream *s)
{
    return s->state == STREAM_STATE_NONE || buf_used(&s->in) + buf_used(&s->out) == 0;
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
        stream_turn_later(s);
}

void stream_pause_read(struct stream *s, bool pause)
{
    if (s->paused == pause)
        return;
    s->paused = pause;
    if (!pause && buf_used(&s->in) != 0)
        stream_turn_note(s, STREAM_READABLE);
    if (s->gone == NULL)
        stream_turn_interest(s);
    if (s->again)
        stream_turn_later(s);
}

enum rc stream_pull(struct stream *s)
{
    size_t got;

    if (!stream_turn_is_whole(s) || s->ending || s->mate != NULL)
        return FAILED;
    if (s->peer_ended)
        return CLOSED;
    const enum rc rc = stream_turn_fill(s, &got);
    stream_turn_later(s); /* what it waits for may be something else now */
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
    if (s->ending || s->mate != NULL || s->duct.n != 0 ||
        (!stream_turn_is_whole(s) && s->state != STREAM_STATE_CONNECTING))
        return FAILED;
    stream_turn_later(s);
    if (buf_put(&s->out, bytes) == OK)
        return OK;
    s->waited = true;
    return FULL;
}

void stream_flush(struct stream *s)
{
    if (!stream_turn_is_whole(s))
        return;
    stream_turn_drain(s);
    if (s->gone != NULL)
        return;
    stream_turn_interest(s);
    if (!stream_turn_has_work(s))
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
        stream_turn_interest(s);
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

/* ---- two as one ---- */

enum rc stream_join(struct stream *a, struct stream *b)
{
    struct stream *const both[] = { a, b };

    for (unsigned i = 0; i < 2; i++)
        if (both[i]->state != STREAM_STATE_CLEAR || both[i]->ending || buf_used(&both[i]->in) != 0)
            return FAILED;

    for (unsigned i = 0; i < 2; i++) {
        both[i]->mate = both[1 - i];
        both[i]->again = false;
        both[i]->news &= ~(1U << STREAM_CLOSED);
        stream_turn_later(both[i]);
    }
    return OK;
}

uint64_t stream_passed(const struct stream *s)
{
    return s->passed;
}

const char *stream_failure(const struct stream *s)
{
    return s->failure;
}
