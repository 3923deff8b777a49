/* smtp/reply: which lines are replies, where they end, what passes as text. A64, A65, A70; RFC 5321 4.2 */
#include "smtp/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *in;
    unsigned code;
    bool last;
    size_t used;
    const char *text;
} good[] = {
    { "250 ok\r\n", 250, true, 8, "ok" },
    { "250-ok\r\n250 x\r\n", 250, false, 8, "ok" },
    { "250\r\n", 250, true, 5, "" },
    { "250 \r\n", 250, true, 6, "" },
    { "250-\r\n", 250, false, 6, "" },
    { "250\n", 250, true, 4, "" },
    { "250 ok\n", 250, true, 7, "ok" },
    { "354  two blanks\r\n", 354, true, 17, " two blanks" },
    { "554 \303\251\377 8-bit\ttab\r\n", 554, true, 19, "\303\251\377 8-bit\ttab" },
    { "220 ok\r\r\n", 220, true, 9, "ok" },
    { "200 x\r\n", 200, true, 7, "x" },
    { "599-x\r\n", 599, false, 7, "x" },
    { "250 250 354\r\n", 250, true, 13, "250 354" },
};

static void accepts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct reply_line l;

        assert_int_equal(reply_line_parse(span_str(good[i].in), &l), OK);
        assert_int_equal(l.code, good[i].code);
        assert_int_equal(l.last, good[i].last);
        assert_int_equal(l.raw.n, good[i].used);
        assert_ptr_equal(l.raw.p, good[i].in);
        assert_true(span_eq(l.text, span_str(good[i].text)));
    }
}

static void refuses(void **state)
{
    static const char *const rows[] = {
        "2\r\n",     "25\r\n",    "250x\r\n",          "999 x\r\n", "-1\r\n",   "\r\n",       "\n",
        "150 x\r\n", "600 x\r\n", " 250 x\r\n",        "2 50\r\n",  "25 0\r\n", "250\tx\r\n", "2500\r\n",
        "250=x\r\n", "+25 x\r\n", "\xb2\xb5\xb0 x\r\n"
    };
    struct reply_line l;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (reply_line_parse(span_str(rows[i]), &l) != MALFORMED)
            fail_msg("accepted `%s`", rows[i]);
    assert_int_equal(reply_line_parse(SPAN("\0\r\n"), &l), MALFORMED);
    assert_int_equal(reply_line_parse(SPAN("25\0 x\r\n"), &l), MALFORMED);
    assert_int_equal(reply_line_parse(SPAN("250 a\0b\r\n"), &l), MALFORMED);
    assert_int_equal(reply_line_parse(SPAN("250 hello\r250 ok\r354 go\r\n"), &l), MALFORMED);
    assert_int_equal(reply_line_parse(SPAN("250\r \r\n"), &l), MALFORMED);
}

static void cut_at_every_byte(void **state)
{
    const struct span whole = SPAN("250-mx.example\r\n");
    struct reply_line l;

    (void)state;
    for (size_t n = 0; n < whole.n; n++)
        assert_int_equal(reply_line_parse(span_first(whole, n), &l), MORE);
    assert_int_equal(reply_line_parse(whole, &l), OK);
}

static void longest(void **state)
{
    static char line[REPLY_LINE_MAX + 1];
    struct reply_line l;

    (void)state;
    memset(line, 'x', sizeof line);
    line[0] = '2', line[1] = line[2] = '0', line[3] = ' ';
    assert_int_equal(reply_line_parse(span_of(line, REPLY_LINE_MAX - 1), &l), MORE);
    assert_int_equal(reply_line_parse(span_of(line, REPLY_LINE_MAX), &l), FULL);
    line[REPLY_LINE_MAX] = '\n'; /* one byte too far: the same answer as before it came */
    assert_int_equal(reply_line_parse(span_of(line, sizeof line), &l), FULL);
    line[REPLY_LINE_MAX - 1] = '\n';
    assert_int_equal(reply_line_parse(span_of(line, sizeof line), &l), OK);
    assert_int_equal(l.raw.n, REPLY_LINE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
