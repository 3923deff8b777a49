#include "wire.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_FD 1000000 /* no descriptor of the kernel */
#define BIT(event) (1U << (unsigned)(event))

struct tls_ctx {
    enum tls_floor floor;
    bool shows; /* a certificate of ours */
};

static struct wire wires[WIRES_MAX];
static unsigned n_wires;

struct tls_ctx *wire_ctx(enum tls_floor floor)
{
    static struct tls_ctx ctx[2] = { { TLS_FLOOR_ANY, false }, { TLS_FLOOR_1_2, false } };

    return &ctx[floor];
}

struct tls_ctx *wire_ctx_server(void)
{
    static struct tls_ctx ctx = { TLS_FLOOR_ANY, true };

    return &ctx;
}

struct tls_ctx *wire_ctx_shows(void)
{
    static struct tls_ctx ctx = { TLS_FLOOR_1_2, true };

    return &ctx;
}

void wires_reset(void)
{
    for (unsigned i = 0; i < n_wires; i++) {
        struct wire *const w = &wires[i];

        assert(w->stream == NULL);
        free(w->chain);
        w->says.n = w->says.taken = w->hears.n = w->hears.taken = 0;
    }
    n_wires = 0;
}

int wire_new(bool is_far)
{
    if (n_wires == WIRES_MAX)
        return -1;
    struct wire *const w = &wires[n_wires];

    w->used = true;
    w->is_far = is_far;
    w->stream = NULL;
    w->was_reset = w->was_ended = w->close_seen = w->connects = w->refuses = w->ends = w->breaks = w->stalls = false;
    w->tls_up = w->tls_fails = w->handshakes = w->handshake_seen = false;
    w->cut = 0;
    w->pause_at = w->sealed_from = SIZE_MAX;
    w->info = (struct tls_info){ 0 };
    w->words[0] = w->sni[0] = '\0';
    w->chain = NULL;
    return FIRST_FD + (int)n_wires++;
}

struct wire *wire_of(int fd)
{
    assert(fd >= FIRST_FD && fd < FIRST_FD + (int)n_wires);
    return &wires[fd - FIRST_FD];
}

struct wire *wire_nth(unsigned i)
{
    return i < n_wires ? &wires[i] : NULL;
}

void wire_says(struct wire *w, struct span bytes)
{
    const struct span s = span_first(bytes, sizeof w->says.mem - w->says.n);

    if (s.n > 0)
        memcpy(w->says.mem + w->says.n, s.p, s.n);
    w->says.n += s.n;
}

struct span wire_unheard(const struct wire *w)
{
    return span_of(w->hears.mem + w->hears.taken, w->hears.n - w->hears.taken);
}

void wire_heard(struct wire *w, size_t n)
{
    w->hears.taken += n;
}

/* ---- the stream ---- */

static bool is_whole(const struct stream *s)
{
    return s->state == STREAM_STATE_CLEAR || s->state == STREAM_STATE_TLS;
}

static void lose(struct stream *s, const char *why)
{
    if (s->state == STREAM_STATE_DEAD)
        return;
    snprintf(s->failure, sizeof s->failure, "%s", why);
    s->news |= BIT(s->state == STREAM_STATE_HANDSHAKE ? STREAM_TLS_FAILED : STREAM_LOST);
    s->state = STREAM_STATE_DEAD;
}

/* What arrived, in the pieces that the test asks for. The number of bytes that came. */
static size_t fill(struct stream *s, struct wire *w)
{
    size_t n = w->says.n - w->says.taken, room;

    if (s->ending) {
        w->says.taken = w->says.n;
        return 0;
    }
    struct buf *const to = s->mate != NULL ? &s->mate->out : &s->in;
    uint8_t *const at = buf_tail(to, &room);

    if (w->cut != 0 && n > w->cut)
        n = w->cut;
    if (w->pause_at > w->says.taken && n > w->pause_at - w->says.taken)
        n = w->pause_at - w->says.taken;
    n = n < room ? n : room;
    memcpy(at, w->says.mem + w->says.taken, n);
    buf_added(to, n);
    s->passed += s->mate != NULL ? n : 0;
    w->says.taken += n;
    return n;
}

/* True: it ended just now. */
static bool notice_end(struct stream *s, const struct wire *w)
{
    if (w->says.taken != w->says.n || s->peer_ended || (!s->ending && s->mate == NULL && buf_room(&s->in) == 0))
        return false;
    if (w->breaks)
        lose(s, "connection reset");
    else if (w->ends) {
        s->peer_ended = true;
        s->news |= s->mate == NULL ? BIT(STREAM_CLOSED) : 0;
    }
    return w->breaks || w->ends;
}

static bool drain(struct stream *s, struct wire *w)
{
    const struct span out = buf_bytes(&s->out);

    if (w->stalls) {
        s->waited |= out.n > 0;
        return false;
    }
    if (out.n > 0) {
        const struct span kept = span_first(out, sizeof w->hears.mem - w->hears.n);

        if (s->state == STREAM_STATE_TLS && w->sealed_from == SIZE_MAX)
            w->sealed_from = w->hears.n;
        memcpy(w->hears.mem + w->hears.n, kept.p, kept.n);
        w->hears.n += kept.n;
        buf_take(&s->out, out.n);
    }
    if (s->waited && !s->ending)
        s->news |= BIT(STREAM_WRITABLE);
    s->waited = false;
    if (s->ending && !s->sent_fin) {
        s->sent_fin = w->was_ended = true;
        if (s->peer_ended)
            s->news |= BIT(STREAM_CLOSED);
        return true;
    }
    if (s->mate != NULL && s->mate->peer_ended && !s->sent_fin) {
        s->sent_fin = w->was_ended = true;
        s->mate->news |= BIT(STREAM_CLOSED);
        return true;
    }
    return out.n > 0;
}

static void shake(struct stream *s, struct wire *w)
{
    if (w->says.taken != w->says.n) {
        lose(s, "clear text in place of TLS");
    } else if (w->tls_fails) {
        lose(s, w->words);
    } else if (w->breaks || w->ends) {
        lose(s, "the connection ended in the handshake");
    } else if (w->tls_up) {
        s->state = STREAM_STATE_TLS;
        s->info = w->info;
        s->info.chain = s->chain = w->chain;
        w->chain = NULL;
        w->handshakes = false;
        s->news |= BIT(STREAM_TLS_UP);
        wire_says(w, w->early);
        if (fill(s, w) > 0)
            s->news |= BIT(STREAM_READABLE);
        w->early = span_of(NULL, 0);
    }
}

static bool tell(struct stream *s)
{
    static const enum stream_event order[] = { STREAM_CONNECTED,  STREAM_TLS_UP, STREAM_READABLE, STREAM_WRITABLE,
                                               STREAM_TLS_FAILED, STREAM_CLOSED, STREAM_LOST };
    bool gone = false, told = false;

    s->gone = &gone;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if ((s->news & BIT(order[i])) == 0)
            continue;
        s->news &= ~BIT(order[i]);
        told = true;
        s->cb(s->arg, order[i]);
        if (gone)
            return true;
    }
    s->gone = NULL;
    return told;
}

static bool turn(struct wire *w)
{
    struct stream *const s = w->stream;
    bool moved = false;

    switch (s->state) {
    case STREAM_STATE_NONE:
    case STREAM_STATE_DEAD:
        break;
    case STREAM_STATE_CONNECTING:
        if (w->refuses) {
            lose(s, "connection refused");
        } else if (w->connects) {
            s->state = STREAM_STATE_CLEAR;
            s->news |= BIT(STREAM_CONNECTED);
        }
        break;
    case STREAM_STATE_HANDSHAKE:
        shake(s, w);
        break;
    case STREAM_STATE_CLEAR:
    case STREAM_STATE_TLS:
        if (!s->peer_ended && !s->paused && fill(s, w) > 0)
            s->news |= BIT(STREAM_READABLE);
        if (!s->paused)
            moved = notice_end(s, w);
        if (is_whole(s))
            moved |= drain(s, w);
        break;
    }
    moved |= tell(s);
    return moved;
}

bool wires_turn(void)
{
    bool moved = false;

    for (unsigned i = 0; i < n_wires; i++)
        if (wires[i].stream != NULL)
            moved |= turn(&wires[i]);
    return moved;
}

void stream_open(struct stream *s, struct loop *loop, int fd, bool connecting, uint8_t mem[STREAM_MEMORY],
                 stream_cb *cb, void *arg)
{
    (void)loop;
    memset(s, 0, sizeof *s);
    s->state = connecting ? STREAM_STATE_CONNECTING : STREAM_STATE_CLEAR;
    s->fd = fd;
    s->cb = cb;
    s->arg = arg;
    buf_init(&s->in, mem, STREAM_BUFFER);
    buf_init(&s->out, mem + STREAM_BUFFER, STREAM_BUFFER);
    wire_of(fd)->stream = s;
}

static void part(struct stream *s)
{
    if (s->mate != NULL)
        s->mate->mate = NULL;
    s->mate = NULL;
}

void stream_close(struct stream *s)
{
    if (s->state == STREAM_STATE_NONE)
        return;
    if (s->gone != NULL)
        *s->gone = true;
    stream_drop_chain(s);
    part(s);
    wire_of(s->fd)->stream = NULL;
    s->state = STREAM_STATE_NONE;
    memset(s->in.mem, 0xdd, s->in.cap);
}

void stream_reset(struct stream *s)
{
    if (s->state != STREAM_STATE_NONE)
        wire_of(s->fd)->was_reset = true;
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
    if (!is_whole(s) || (s->peer_ended && s->sent_fin)) {
        s->state = STREAM_STATE_DEAD;
        s->news |= BIT(STREAM_CLOSED);
    }
}

bool stream_is_open(const struct stream *s)
{
    return s->state != STREAM_STATE_NONE;
}

bool stream_is_empty(const struct stream *s)
{
    return s->state == STREAM_STATE_NONE || buf_used(&s->in) + buf_used(&s->out) == 0;
}

struct span stream_in(const struct stream *s)
{
    return buf_bytes(&s->in);
}

void stream_take(struct stream *s, size_t n)
{
    assert(n <= buf_used(&s->in));
    memset(s->in.mem + s->in.start, 0xdd, n); /* a span of them lives no longer */
    buf_take(&s->in, n);
}

void stream_pause_read(struct stream *s, bool pause)
{
    s->paused = pause;
}

enum rc stream_pull(struct stream *s)
{
    if (!is_whole(s) || s->ending || s->mate != NULL)
        return FAILED;
    struct wire *const w = wire_of(s->fd);

    if (s->peer_ended)
        return CLOSED;
    if (buf_room(&s->in) == 0)
        return FULL;
    return fill(s, w) > 0 ? OK : AGAIN_READ;
}

size_t stream_room(const struct stream *s)
{
    return buf_room(&s->out);
}

enum rc stream_put(struct stream *s, struct span bytes)
{
    assert(bytes.n <= STREAM_BUFFER);
    if (s->ending || s->mate != NULL || (!is_whole(s) && s->state != STREAM_STATE_CONNECTING))
        return FAILED;
    if (buf_put(&s->out, bytes) == OK)
        return OK;
    s->waited = true;
    return FULL;
}

void stream_flush(struct stream *s)
{
    if (is_whole(s))
        (void)drain(s, wire_of(s->fd));
}

enum rc stream_start_tls(struct stream *s, struct tls_ctx *ctx, const char *sni)
{
    if (s->state != STREAM_STATE_CLEAR || s->peer_ended || s->ending || buf_used(&s->in) != 0 || buf_used(&s->out) != 0)
        return FAILED;
    struct wire *const w = wire_of(s->fd);

    w->handshakes = true;
    w->floor = ctx->floor;
    w->shows = ctx->shows;
    snprintf(w->sni, sizeof w->sni, "%s", sni == NULL ? "" : sni);
    s->state = STREAM_STATE_HANDSHAKE;
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

enum rc stream_join(struct stream *a, struct stream *b)
{
    if (a->state != STREAM_STATE_CLEAR || b->state != STREAM_STATE_CLEAR || a->ending || b->ending ||
        buf_used(&a->in) + buf_used(&b->in) != 0)
        return FAILED;
    a->mate = b;
    b->mate = a;
    a->news &= ~BIT(STREAM_CLOSED);
    b->news &= ~BIT(STREAM_CLOSED);
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
