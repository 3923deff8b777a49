#include "smtp/frame.h"

#include <assert.h>

void frame_init(struct frame *f, enum frame_ending ending, bool refuse_ambiguous)
{
    *f = (struct frame){ .ending = ending, .state = FRAME_START, .refuse = refuse_ambiguous };
}

static bool is_dot(enum frame_state state)
{
    return state == FRAME_DOT || state == FRAME_NEAR_DOT;
}

/* Where a byte of content leads, whatever it completes. */
static enum frame_state after(const struct frame *f, uint8_t c)
{
    const bool line_start = f->state == FRAME_CR || f->state == FRAME_START || f->state == FRAME_NEAR;

    if (c == '\r')
        return FRAME_CR;
    if (c == '\n')
        return f->state == FRAME_CR || f->ending == FRAME_LF ? FRAME_START : FRAME_NEAR;
    if (!line_start)
        return FRAME_TEXT;
    if (c == '.')
        return f->state == FRAME_START ? FRAME_DOT : FRAME_NEAR_DOT;
    return c == '\0' ? FRAME_NEAR : FRAME_TEXT;
}

/* How many bytes at the front of s complete the end of data behind FRAME_DOT; 0: they do not. */
static size_t end_length(const struct frame *f, struct span s)
{
    if (f->ending == FRAME_LF)
        return s.p[0] == '\n' ? 1 : 0;
    return s.n >= 2 && s.p[0] == '\r' && s.p[1] == '\n' ? 2 : 0;
}

enum frame_result frame_scan(struct frame *f, struct span in, size_t *pass)
{
    size_t i = 0;

    assert(in.p != NULL || in.n == 0);
    for (; i < in.n; i++) {
        const uint8_t c = in.p[i];

        if (is_dot(f->state) && (c == '\r' || c == '\n' || c == '\0')) {
            const size_t end = f->state == FRAME_DOT ? end_length(f, span_from(in, i)) : 0;

            *pass = i + end;
            if (end > 0)
                return FRAME_END;
            if (f->state == FRAME_DOT && f->ending == FRAME_CRLF && c == '\r' && i + 1 == in.n)
                return FRAME_GO; /* to some this CR is an ending already: it goes with its LF or not at all */
            if (f->refuse)
                return FRAME_AMBIGUOUS;
        }
        f->state = after(f, c);
    }
    *pass = in.n;
    return FRAME_GO;
}
