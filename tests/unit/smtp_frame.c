/* smtp/frame: one row for each sequence that some server takes for the end of data. A39-A51, A53-A55, A58, A59 */
#include "smtp/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum where {
    STOPS, /* FRAME_AMBIGUOUS, before the byte at `at` */
    ENDS,  /* FRAME_END, `at` bytes belong to the content */
    GOES   /* neither: `at` bytes pass, the rest is a CR kept back */
};

static const struct row {
    const char *says;
    enum frame_ending ending;
    enum where where;
    struct span in;
    size_t at;
} rows[] = {
    /* the end, in a CRLF session */
    { "the end", FRAME_CRLF, ENDS, SPAN("a\r\n.\r\n"), 6 },
    { "empty content", FRAME_CRLF, ENDS, SPAN(".\r\n"), 3 },
    { "next command in the same segment", FRAME_CRLF, ENDS, SPAN("a\r\n.\r\nMAIL FROM:<>\r\n"), 6 },
    { "first of two ends", FRAME_CRLF, ENDS, SPAN("\r\n.\r\n.\r\n"), 5 },
    { "A45 NUL before the end", FRAME_CRLF, ENDS, SPAN("a\0\r\n.\r\n"), 7 },
    { "A49 NUL behind the end", FRAME_CRLF, ENDS, SPAN("a\r\n.\r\n\0"), 6 },
    { "a CR more before the end", FRAME_CRLF, ENDS, SPAN("a\r\r\n.\r\n"), 7 },
    { "LF before the end", FRAME_CRLF, ENDS, SPAN("a\n\r\n.\r\n"), 7 },
    { "NUL line, then the end", FRAME_CRLF, ENDS, SPAN("\r\n\0\r\n.\r\n"), 8 },
    /* only like it, in a CRLF session */
    { "A39", FRAME_CRLF, STOPS, SPAN("a\n.\nb"), 3 },
    { "A40", FRAME_CRLF, STOPS, SPAN("a\n.\r\nb"), 3 },
    { "A41", FRAME_CRLF, STOPS, SPAN("a\r.\rb"), 3 },
    { "A42", FRAME_CRLF, STOPS, SPAN("a\r.\r\nb"), 3 },
    { "A43", FRAME_CRLF, STOPS, SPAN("a\r\n.\nb"), 4 },
    { "A44", FRAME_CRLF, STOPS, SPAN("a\r\n.\rb"), 4 },
    { "A46", FRAME_CRLF, STOPS, SPAN("a\r\n\0.\r\nb"), 5 },
    { "A47", FRAME_CRLF, STOPS, SPAN("a\r\0\n.\r\nb"), 5 },
    { "A48", FRAME_CRLF, STOPS, SPAN("a\r\n.\0\r\nb"), 4 },
    { "A48, text behind the NUL: C strings end there", FRAME_CRLF, STOPS, SPAN("a\r\n.\0x\r\nb"), 4 },
    { "A49", FRAME_CRLF, STOPS, SPAN("a\r\n.\r\0\nb"), 4 },
    { "A50 LF . CR", FRAME_CRLF, STOPS, SPAN("a\n.\rb"), 3 },
    { "A50 CR . LF", FRAME_CRLF, STOPS, SPAN("a\r.\nb"), 3 },
    { "A51", FRAME_CRLF, STOPS, SPAN("a\r\n.\r\r\nb"), 4 },
    { "A51, both", FRAME_CRLF, STOPS, SPAN("a\r\r\n.\r\r\nb"), 5 },
    { "LF LF . CR LF", FRAME_CRLF, STOPS, SPAN("a\n\n.\r\nb"), 4 },
    { "CR LF LF . CR LF", FRAME_CRLF, STOPS, SPAN("a\r\n\n.\r\nb"), 5 },
    { "CR CR . CR LF", FRAME_CRLF, STOPS, SPAN("a\r\r.\r\nb"), 4 },
    { "LF CR . CR LF", FRAME_CRLF, STOPS, SPAN("a\n\r.\r\nb"), 4 },
    { "LF NUL . LF", FRAME_CRLF, STOPS, SPAN("a\n\0.\nb"), 4 },
    { "CR NUL . CR LF", FRAME_CRLF, STOPS, SPAN("a\r\0.\r\nb"), 4 },
    { "LF . NUL", FRAME_CRLF, STOPS, SPAN("a\n.\0\nb"), 3 },
    { "CR . NUL", FRAME_CRLF, STOPS, SPAN("a\r.\0\rb"), 3 },
    { "CR LF NUL NUL . NUL", FRAME_CRLF, STOPS, SPAN("a\r\n\0\0.\0b"), 6 },
    { "first line: dot LF", FRAME_CRLF, STOPS, SPAN(".\n"), 1 },
    { "first line: dot CR", FRAME_CRLF, STOPS, SPAN(".\rx"), 1 },
    { "first line: dot NUL", FRAME_CRLF, STOPS, SPAN(".\0\r\n"), 1 },
    { "first line: NUL dot", FRAME_CRLF, STOPS, SPAN("\0.\r\n"), 2 },
    /* content */
    { "nothing", FRAME_CRLF, GOES, SPAN(""), 0 },
    { "stuffed dot", FRAME_CRLF, GOES, SPAN("a\r\n..\r\nb\r\n"), 10 },
    { "stuffed first line", FRAME_CRLF, GOES, SPAN("..\r\n...\r\n"), 9 },
    { "line that begins with a dot", FRAME_CRLF, GOES, SPAN("a\r\n.b\r\n. \r\n.\t\r\n"), 15 },
    { "dots behind stray endings", FRAME_CRLF, GOES, SPAN("a\n..\nb\r..\rc\n.x\n"), 15 },
    { "stray CR, LF, NUL", FRAME_CRLF, GOES, SPAN("a\rb\nc\0d\r\0\n\r\n\n\r"), 14 },
    { "8-bit", FRAME_CRLF, GOES, SPAN("\377\200\r\n\256\r\n"), 7 },
    { "dot at the end of a line", FRAME_CRLF, GOES, SPAN("a.\r\nb .\n"), 8 },
    { "a CR that may begin the end is kept back", FRAME_CRLF, GOES, SPAN("a\r\n.\r"), 4 },
    { "a dot may go", FRAME_CRLF, GOES, SPAN("a\r\n."), 4 },
    /* LF session, A53 */
    { "LF: the end", FRAME_LF, ENDS, SPAN("a\n.\nMAIL"), 4 },
    { "LF: empty content", FRAME_LF, ENDS, SPAN(".\n"), 2 },
    { "LF: content line that ends in CR", FRAME_LF, ENDS, SPAN("a\r\n.\n"), 5 },
    { "LF: empty lines", FRAME_LF, ENDS, SPAN("a\n\n.\n"), 5 },
    { "LF: CR LF . CR LF", FRAME_LF, STOPS, SPAN("a\r\n.\r\nb"), 4 },
    { "LF: LF . CR LF", FRAME_LF, STOPS, SPAN("a\n.\r\nb"), 3 },
    { "LF: LF . CR", FRAME_LF, STOPS, SPAN("a\n.\rb"), 3 },
    { "LF: CR . LF", FRAME_LF, STOPS, SPAN("a\r.\nb"), 3 },
    { "LF: CR . CR", FRAME_LF, STOPS, SPAN("a\r.\rb"), 3 },
    { "LF: CR . CR LF", FRAME_LF, STOPS, SPAN("a\r.\r\nb"), 3 },
    { "LF: LF NUL . LF", FRAME_LF, STOPS, SPAN("a\n\0.\nb"), 4 },
    { "LF: LF . NUL LF", FRAME_LF, STOPS, SPAN("a\n.\0\nb"), 3 },
    { "LF: first line", FRAME_LF, STOPS, SPAN(".\r\n"), 1 },
    { "LF: stuffed", FRAME_LF, GOES, SPAN("a\n..\n.b\n"), 8 },
    { "LF: stray CR", FRAME_LF, GOES, SPAN("a\rb\r\n\r"), 6 },
};
#define ROWS (sizeof rows / sizeof rows[0])

/* Feeds the input cut at two places, as a caller does: what did not pass comes again with what follows. */
static enum frame_result feed(const struct row *r, bool refuse, size_t cut1, size_t cut2, size_t *passed)
{
    const size_t ends[] = { cut1, cut2, r->in.n };
    struct frame f;
    enum frame_result got = FRAME_GO;

    frame_init(&f, r->ending, refuse);
    *passed = 0;
    for (size_t i = 0; i < 3 && got == FRAME_GO; i++) {
        const struct span part = span_from(span_first(r->in, ends[i]), *passed);
        size_t pass = 99;

        got = frame_scan(&f, part, &pass);
        assert_true(pass <= part.n);
        if (got == FRAME_GO)
            assert_true(pass == part.n || (pass + 1 == part.n && part.p[pass] == '\r'));
        *passed += pass;
    }
    return got;
}

static void at_every_cut(void **state)
{
    static const enum frame_result want[] = { [STOPS] = FRAME_AMBIGUOUS, [ENDS] = FRAME_END, [GOES] = FRAME_GO };

    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        for (size_t b = 0; b <= rows[i].in.n; b++)
            for (size_t a = 0; a <= b; a++) {
                size_t passed;

                if (feed(&rows[i], true, a, b, &passed) != want[rows[i].where] || passed != rows[i].at)
                    fail_msg("%s, cut at %zu and %zu: %zu passed", rows[i].says, a, b, passed);
            }
}

/* `ambiguous-end-of-data = "pass"`: only the exact end ends, wherever it stands. */
static size_t exact_end(const struct row *r)
{
    const struct span end = r->ending == FRAME_CRLF ? SPAN("\r\n.\r\n") : SPAN("\n.\n");
    const size_t start = r->ending == FRAME_CRLF ? 2 : 1;

    if (span_eq(span_first(r->in, end.n - start), span_from(end, start)))
        return end.n - start;
    for (size_t i = 0; i + end.n <= r->in.n; i++)
        if (span_eq(span_first(span_from(r->in, i), end.n), end))
            return i + end.n;
    return 0;
}

static void passing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        for (size_t cut = 0; cut <= rows[i].in.n; cut++) {
            const size_t end = exact_end(&rows[i]);
            size_t passed;

            if (feed(&rows[i], false, cut, cut, &passed) != (end > 0 ? FRAME_END : FRAME_GO) ||
                passed != (end > 0                 ? end
                           : rows[i].where == GOES ? rows[i].at
                                                   : rows[i].in.n))
                fail_msg("%s, cut at %zu: %zu passed", rows[i].says, cut, passed);
        }
}

static void used_again(void **state)
{
    struct frame f;
    size_t pass;

    (void)state;
    frame_init(&f, FRAME_CRLF, true);
    assert_int_equal(frame_scan(&f, SPAN("x\r\n.\r\n"), &pass), FRAME_END);
    frame_init(&f, FRAME_CRLF, true);
    assert_int_equal(frame_scan(&f, SPAN(".\r\n"), &pass), FRAME_END);
    assert_int_equal(pass, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_every_cut),
        cmocka_unit_test(passing),
        cmocka_unit_test(used_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
