#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

void buf_init(struct buf *b, void *mem, size_t cap)
{
    *b = (struct buf){ .mem = mem, .cap = cap };
}

struct span buf_bytes(const struct buf *b)
{
    return span_of(b->mem + b->start, b->end - b->start);
}

size_t buf_used(const struct buf *b)
{
    return b->end - b->start;
}

size_t buf_room(const struct buf *b)
{
    return b->cap - buf_used(b);
}

static void to_front(struct buf *b)
{
    if (b->start == 0)
        return;
    memmove(b->mem, b->mem + b->start, buf_used(b));
    b->end -= b->start;
    b->start = 0;
}

uint8_t *buf_tail(struct buf *b, size_t *room)
{
    to_front(b);
    *room = b->cap - b->end;
    return b->mem + b->end;
}

void buf_added(struct buf *b, size_t n)
{
    assert(n <= b->cap - b->end);
    b->end += n;
}

enum rc buf_put(struct buf *b, struct span s)
{
    if (s.n > buf_room(b))
        return FULL;
    if (s.n == 0)
        return OK;
    if (s.n > b->cap - b->end)
        to_front(b);
    memcpy(b->mem + b->end, s.p, s.n);
    b->end += s.n;
    return OK;
}

enum rc buf_printf(struct buf *b, const char *fmt, ...)
{
    char text[2048];
    va_list args;

    va_start(args, fmt);
    const int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text)
        return FULL;
    return buf_put(b, span_of(text, (size_t)n));
}

void buf_take(struct buf *b, size_t n)
{
    assert(n <= buf_used(b));
    b->start += n;
    if (b->start == b->end)
        b->start = b->end = 0;
}

void buf_reset(struct buf *b)
{
    b->start = b->end = 0;
}
