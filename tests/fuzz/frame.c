/*
 * Fuzz target: the end of DATA. The oracle is a family of servers that read the same bytes, each with its own idea of a
 * line ending and of NUL: none may see a line that is a dot alone before we say that the data ends. A39-A59
 */
#include "smtp/frame.h"

#include <stdlib.h>

enum {
    EOL_CRLF = 1,
    EOL_LF = 2,
    EOL_CR = 4,
    EOL_ALL = 8
};
enum nul {
    NUL_IS_TEXT,
    NUL_IS_DROPPED,
    NUL_ENDS_STRING,
    NUL_ALL
};

#define NEVER SIZE_MAX

/* Length of the line ending at s[0]; 0: none to this server. */
static size_t eol(struct span s, unsigned kinds, enum nul nul, size_t *skip)
{
    size_t n = 1;

    *skip = 0;
    if (s.p[0] == '\n')
        return (kinds & EOL_LF) != 0 ? 1 : 0;
    if (s.p[0] != '\r')
        return 0;
    while (nul == NUL_IS_DROPPED && n < s.n && s.p[n] == '\0')
        n++;
    const bool lf = n < s.n && s.p[n] == '\n';

    if ((kinds & EOL_CR) != 0) { /* complete with the CR; an LF behind it belongs to it where CRLF is known */
        *skip = lf && (kinds & EOL_CRLF) != 0 ? n : 0;
        return 1;
    }
    return lf && (kinds & EOL_CRLF) != 0 ? n + 1 : 0;
}

/* How many bytes of s this server has read when it takes the data for ended. */
static size_t server_end(struct span s, unsigned kinds, enum nul nul)
{
    size_t line = 0; /* bytes of the line that count */
    bool dot = false, cut = false;

    for (size_t i = 0; i < s.n;) {
        size_t skip;
        const size_t n = eol(span_from(s, i), kinds, nul, &skip);

        if (n > 0) {
            if (line == 1 && dot)
                return i + n;
            line = 0;
            dot = cut = false;
            i += n + skip;
            continue;
        }
        if (s.p[i] == '\0' && nul == NUL_ENDS_STRING)
            cut = true;
        if (!cut && !(s.p[i] == '\0' && nul == NUL_IS_DROPPED)) {
            dot = line == 0 && s.p[i] == '.';
            line++;
        }
        i++;
    }
    return NEVER;
}

static size_t earliest(struct span s)
{
    size_t first = NEVER;

    for (unsigned kinds = 1; kinds < EOL_ALL; kinds++)
        for (int nul = 0; nul < NUL_ALL; nul++) {
            const size_t end = server_end(s, kinds, (enum nul)nul);

            if (end < first)
                first = end;
        }
    return first;
}

/* Where the exact end stands, or NEVER. */
static size_t exact(struct span s, enum frame_ending ending)
{
    const struct span end = ending == FRAME_CRLF ? SPAN("\r\n.\r\n") : SPAN("\n.\n");
    const size_t start = ending == FRAME_CRLF ? 2 : 1;

    if (span_eq(span_first(s, end.n - start), span_from(end, start)))
        return end.n - start;
    for (size_t i = 0; i + end.n <= s.n; i++)
        if (span_eq(span_first(span_from(s, i), end.n), end))
            return i + end.n;
    return NEVER;
}

static enum frame_result feed(struct span in, struct frame f, size_t step, size_t *passed)
{
    enum frame_result got = FRAME_GO;

    *passed = 0;
    for (size_t upto = step < in.n ? step : in.n; got == FRAME_GO; upto = in.n - upto > step ? upto + step : in.n) {
        const struct span part = span_from(span_first(in, upto), *passed);
        size_t pass = NEVER;

        got = frame_scan(&f, part, &pass);
        if (pass > part.n || (got == FRAME_GO && pass != part.n && !(pass + 1 == part.n && part.p[pass] == '\r')))
            abort();
        *passed += pass;
        if (upto == in.n)
            break;
    }
    return got;
}

static void judge(struct span in, enum frame_ending ending, enum frame_result got, size_t passed)
{
    const size_t last = ending == FRAME_CRLF ? 1 : 0; /* the CR of the true end is an end to some already */
    const size_t seen = earliest(span_first(in, passed));
    uint8_t next[4096 + 3];

    switch (got) {
    case FRAME_END:
        if (passed != exact(in, ending) || (seen != NEVER && seen + last < passed))
            abort();
        break;
    case FRAME_GO:
        if (seen != NEVER || exact(in, ending) != NEVER)
            abort();
        break;
    case FRAME_AMBIGUOUS: /* and not without a reason: some server would have ended */
        if (seen != NEVER || passed >= in.n)
            abort();
        memcpy(next, in.p, passed + 1);
        next[passed + 1] = '\r';
        next[passed + 2] = '\n';
        if (earliest(span_of(next, passed + 3)) == NEVER)
            abort();
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t alphabet[] = { '\r', '\n', '.', '\0', 'a', '\r', '\n', '.' };
    uint8_t copy[4096];
    struct frame f;
    size_t whole, cut;

    if (size < 2 || size > sizeof copy)
        return 0;
    const enum frame_ending ending = (data[0] & 1) != 0 ? FRAME_LF : FRAME_CRLF;
    const size_t step = 1 + (data[0] >> 3);
    struct span in = span_of(data + 1, size - 1);

    if ((data[0] & 4) != 0) { /* only bytes that matter: what is rare by chance is common here */
        for (size_t i = 0; i < in.n; i++)
            copy[i] = alphabet[in.p[i] % sizeof alphabet];
        in.p = copy;
    }
    frame_init(&f, ending, true);
    const enum frame_result got = feed(in, f, in.n, &whole);

    if (feed(in, f, step, &cut) != got || cut != whole)
        abort();
    judge(in, ending, got, whole);

    frame_init(&f, ending, false);
    if (feed(in, f, step, &cut) == FRAME_END ? cut != exact(in, ending) : exact(in, ending) != NEVER)
        abort();
    return 0;
}
