#include "base/cur.h"

struct cur cur_of(struct span s)
{
    return (struct cur){ .left = s };
}

struct span cur_bytes(struct cur *c, size_t n)
{
    if (c->failed || n > c->left.n) {
        cur_fail(c);
        return span_of(c->left.p, 0);
    }
    const struct span got = span_first(c->left, n);

    c->left = span_from(c->left, n);
    return got;
}

uint8_t cur_u8(struct cur *c)
{
    const struct span s = cur_bytes(c, 1);

    return s.n == 1 ? s.p[0] : 0;
}

uint16_t cur_u16(struct cur *c)
{
    const struct span s = cur_bytes(c, 2);

    return s.n == 2 ? (uint16_t)(s.p[0] << 8 | s.p[1]) : 0;
}

uint32_t cur_u32(struct cur *c)
{
    const struct span s = cur_bytes(c, 4);

    return s.n == 4 ? (uint32_t)s.p[0] << 24 | (uint32_t)s.p[1] << 16 | (uint32_t)s.p[2] << 8 | s.p[3] : 0;
}

struct span cur_rest(struct cur *c)
{
    return cur_bytes(c, c->left.n);
}

void cur_fail(struct cur *c)
{
    c->failed = true;
    c->left.n = 0;
}

bool cur_failed(const struct cur *c)
{
    return c->failed;
}

bool cur_done(const struct cur *c)
{
    return !c->failed && c->left.n == 0;
}
