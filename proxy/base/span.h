/*
 * span - bytes that somebody else owns: a pointer and a length, passed by value.
 * No NUL is needed or expected. A span lives no longer than what it points into.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *p;
    size_t n;
};

/* A string literal as a span, without its NUL. */
#define SPAN(literal) ((struct span){ (const uint8_t *)("" literal), sizeof(literal) - 1 })

static inline struct span span_of(const void *p, size_t n)
{
    return (struct span){ p, n };
}

/* span_str - the bytes of a C string, which must outlive the span. */
static inline struct span span_str(const char *s)
{
    return (struct span){ (const uint8_t *)s, strlen(s) };
}

/* span_from - what is left behind the first `skip` bytes; empty when there are fewer. */
static inline struct span span_from(struct span s, size_t skip)
{
    return skip < s.n ? (struct span){ s.p + skip, s.n - skip } : (struct span){ s.p, 0 };
}

/* span_first - at most the first `n` bytes. */
static inline struct span span_first(struct span s, size_t n)
{
    return (struct span){ s.p, n < s.n ? n : s.n };
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* span_find - index of the first `byte`, or s.n where there is none. */
static inline size_t span_find(struct span s, uint8_t byte)
{
    const uint8_t *hit = s.n == 0 ? NULL : memchr(s.p, byte, s.n);
    return hit == NULL ? s.n : (size_t)(hit - s.p);
}

#endif
