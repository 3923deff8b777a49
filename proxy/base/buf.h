/*
 * buf - owned bytes of fixed capacity, written at the end and taken from the start.
 *   Invariant: 0 <= start <= end <= cap, and mem[start..end) is what it holds.
 * The memory is the owner's (usually a field beside it); a buf never allocates and never grows.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/rc.h"
#include "base/span.h"

struct buf {
    uint8_t *mem;
    size_t cap, start, end;
};

/* buf_init - an empty buf over `cap` bytes at `mem`, which must outlive it. */
void buf_init(struct buf *b, void *mem, size_t cap);

/* buf_bytes - what it holds; valid until the next call that changes b. */
struct span buf_bytes(const struct buf *b);

/* buf_used, buf_room - bytes held; bytes that a put can still take (it moves the content to the front when that is
 * needed). */
size_t buf_used(const struct buf *b);
size_t buf_room(const struct buf *b);

/* buf_put - appends all of s, or nothing and FULL. */
MUST_USE enum rc buf_put(struct buf *b, struct span s);

/* buf_printf - appends formatted text, or nothing and FULL. */
MUST_USE enum rc buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* buf_tail, buf_added - the free room as memory to read into, and how much of it was filled. tail moves the content to
 * the front. */
uint8_t *buf_tail(struct buf *b, size_t *room);
void buf_added(struct buf *b, size_t n);

/* buf_take - forgets the first n bytes (n <= buf_used). An empty buf starts again at its first byte. */
void buf_take(struct buf *b, size_t n);
void buf_reset(struct buf *b);

#endif
