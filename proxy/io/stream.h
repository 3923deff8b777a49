/*
 * stream - one byte stream, in clear or in TLS, told as events.
 * It owns the descriptor and the TLS session, and it never waits. It knows no SMTP, no deadline and no
 * certificate: patience is the owner's timer, judgement is cert/'s and dane/'s.
 *
 * Rules for the owner
 * - Events come from the loop only, never from inside a function of this header. In an event everything may be called,
 *   stream_close too (and then the stream's memory may be freed).
 * - A span from stream_in lives until the next call that takes this stream, or the return to the loop.
 * - Once TLS has been tried the descriptor never carries clear bytes again, whatever came of it.
 */
#ifndef IO_STREAM_H
#define IO_STREAM_H

#include "base/buf.h"
#include "base/limits.h"
#include "io/duct.h"
#include "io/loop.h"
#include "io/tls.h"

#define STREAM_MEMORY (2 * (size_t)STREAM_BUFFER) /* both directions */

struct stream;

enum stream_event {
    STREAM_CONNECTED,  /* what was opened as connecting is connected */
    STREAM_TLS_UP,     /* stream_tls has the channel and its chain; nothing of the clear time is left */
    STREAM_READABLE,   /* more bytes are in stream_in; also when reading resumes and some stood there */
    STREAM_WRITABLE,   /* bytes had to wait (or a put was FULL), and now all have gone to the kernel */
    STREAM_TLS_FAILED, /* the handshake did not come about; only stream_close is left to do */
    STREAM_CLOSED, /* the peer ended in good order: FIN in clear, close_notify in TLS. Unread bytes stay in stream_in,
                      and what is put is still sent. After stream_end: both directions have ended */
    STREAM_LOST,   /* reset, error, or in TLS an end without close_notify (RFC 8446 6.1), refused connection too. Unread
                      bytes stay; only stream_close is left to do. May follow CLOSED, nothing follows it */
};

typedef void stream_cb(void *arg, enum stream_event event);

/*
 * stream_open - takes fd (a stream socket; closed by stream_close), which need not be non-blocking.
 *   connecting  a connect is under way: CONNECTED or LOST comes; nothing is sent before
 *   s, mem      uninitialised or closed memory of the owner; `mem` for both buffers is not touched until there are
 *               bytes, and holds nothing while stream_is_empty
 */
void stream_open(struct stream *s, struct loop *loop, int fd, bool connecting, uint8_t mem[STREAM_MEMORY],
                 stream_cb *cb, void *arg);

/* stream_close - at once and silently: what was not sent is dropped. Zeroed or closed memory is fine. */
void stream_close(struct stream *s);

/* stream_reset - stream_close with a RST in place of a FIN (as long as no other process holds the descriptor). */
void stream_reset(struct stream *s);

/*
 * stream_end - the good order: what was put is sent, then close_notify (in TLS) and FIN. From now on what the peer
 * sends is dropped unread, and a put fails. CLOSED or LOST comes when the peer has ended as well: then stream_close.
 * The owner sets the time that it gives to that.
 */
void stream_end(struct stream *s);

bool stream_is_open(const struct stream *s);  /* between stream_open and stream_close */
bool stream_is_empty(const struct stream *s); /* closed, or nothing unread and nothing unsent */

/* ---- reading ---- */

/* stream_in - the bytes that are there, at most STREAM_BUFFER. */
struct span stream_in(const struct stream *s);

/* stream_take - the first n of them are done with. */
void stream_take(struct stream *s, size_t n);

/* stream_pause_read - true: nothing more is read, so the peer's sends stall, and its end is not noticed. (A full buffer
 * does the same by itself.) */
void stream_pause_read(struct stream *s, bool pause);

/*
 * stream_pull - reads now, paused or not, without waiting: is there anything behind what we know? No READABLE follows
 * for bytes that it brought. returns  OK          bytes came AGAIN_READ  the kernel (and the TLS library) has nothing
 * for us at this moment FULL        the buffer was full before CLOSED, FAILED  it has ended or is lost; the event still
 * comes. FAILED also where there is nothing to read from yet (connecting, handshake)
 */
MUST_USE enum rc stream_pull(struct stream *s);

/* ---- writing ---- */

/* stream_room - how much a put can take now; STREAM_BUFFER: all has been sent. */
size_t stream_room(const struct stream *s);

/*
 * stream_put - copies all of `bytes` to be sent: with the next stream_flush, else on the loop's next turn.
 *   returns  OK | FULL  not enough room: nothing taken, WRITABLE will come | FAILED  lost, ended, or a handshake is on
 */
MUST_USE enum rc stream_put(struct stream *s, struct span bytes);

/* stream_flush - sends what the kernel takes now. Trouble is told as LOST. */
void stream_flush(struct stream *s);

/* ---- TLS ---- */

/*
 * stream_start_tls - begins the handshake, as client or server: what the context is for.
 *   sni      name to send as client, copied; NULL for none
 *   returns  OK      TLS_UP or TLS_FAILED (or nothing, when closed before) will come
 *            FAILED  bytes stand in stream_in (somebody put them behind the 220, or behind STARTTLS: CVE-2011-0411),
 *                    something put is not sent yet, the stream is not connected and whole, or there is no memory.
 *                    Clear as before
 * Whether more clear bytes lie in the kernel is the caller's question (stream_pull, before); if they do, the handshake
 * fails on them.
 */
MUST_USE enum rc stream_start_tls(struct stream *s, struct tls_ctx *ctx, const char *sni);

bool stream_is_tls(const struct stream *s); /* from TLS_UP on */

/* stream_tls - the channel, NULL before TLS_UP. It and its chain live until stream_close; the chain may go before. */
const struct tls_info *stream_tls(const struct stream *s);

/* stream_drop_chain - frees the captured chain when it has been judged. */
void stream_drop_chain(struct stream *s);

/* ---- two as one ---- */

/*
 * stream_join - from now on what either peer sends goes to the other, unseen, behind all that was put before: copied,
 * until a whole buffer comes at once; then by way of the kernel (io/duct.h), where it gives one. An end goes through as
 * well, behind the bytes before it, and the other direction stays open.
 *   a, b     both clear and whole, with nothing in stream_in: it stays empty, and nothing can be put or pulled
 *   returns  OK | FAILED  they are not (one may be lost, which is not told yet): as before
 * The events of each tell of its own peer: READABLE, bytes went on; WRITABLE, what had to wait for it has gone; CLOSED,
 * it has ended, and that has gone on too (told again, if it was before); LOST as ever. To close or to end one parts
 * them: what its peer had sent is still sent by the other, which is then to be ended (or closed) as well.
 */
MUST_USE enum rc stream_join(struct stream *a, struct stream *b);

/* stream_passed - bytes that its peer has sent since then; also when it is closed. */
uint64_t stream_passed(const struct stream *s);

/* stream_failure - why it was LOST or TLS_FAILED, printable, "" otherwise. Lives as long as the stream is open. */
const char *stream_failure(const struct stream *s);

/* ---- the object: complete so that it can be a field; its fields are stream.c's alone ---- */

#define STREAM_FAILURE_MAX 96

enum stream_state {
    STREAM_STATE_NONE, /* zeroed memory */
    STREAM_STATE_CONNECTING,
    STREAM_STATE_CLEAR,
    STREAM_STATE_HANDSHAKE,
    STREAM_STATE_TLS,
    STREAM_STATE_DEAD, /* LOST or TLS_FAILED was or will be told */
};

struct stream {
    enum stream_state state;
    int fd;
    struct watch watch;
    struct timer soon; /* what a call of the owner left for the loop */
    stream_cb *cb;
    void *arg;
    bool *gone;                      /* set by stream_close for the turn that is running */
    unsigned news;                   /* bits 1 << enum stream_event, not yet told */
    bool paused, peer_ended;         /* reading: the owner's wish; nothing more comes */
    bool again;                      /* bytes may stand in the library where no descriptor announces them */
    bool waited;                     /* a put was FULL, or bytes stayed behind: WRITABLE is owed */
    bool ending, sent_fin;           /* stream_end was called; FIN is sent */
    enum rc read_waits, write_waits; /* AGAIN_READ or AGAIN_WRITE: what TLS waits for in either direction */
    struct tls *tls;
    struct tls_info info;
    struct chain *chain;
    struct stream *mate; /* joined: that one is sent what comes here; NULL otherwise */
    struct duct duct;    /* joined: what is to be sent here, behind `out` */
    uint64_t passed;
    struct buf in, out;
    char failure[STREAM_FAILURE_MAX];
};

#endif
