/* smtp/hostname: what is a name, what is under what, what would be read as an address. A97 (non-ASCII domains) */
#include "smtp/hostname.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LABEL_63 "abcdefghijklmnopqrstuvwxyz-0123456789-abcdefghijklmnopqrstuvwxy"

static struct hostname name(const char *text)
{
    struct hostname out;

    assert_int_equal(hostname_parse(span_str(text), &out), OK);
    assert_int_equal(out.n, strlen(out.s));
    return out;
}

static void accepts(void **state)
{
    static const char *const rows[][2] = {
        { "Example.ORG", "example.org" },
        { "example.org.", "example.org" },
        { "localhost", "localhost" },
        { "_dmarc.a-b.c", "_dmarc.a-b.c" },
        { "xn--bcher-kva.example", "xn--bcher-kva.example" },
        { LABEL_63 ".x", LABEL_63 ".x" },
        { "1.2.3.4", "1.2.3.4" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(name(rows[i][0]).s, rows[i][1]);
}

static void refuses(void **state)
{
    static const char *const rows[] = {
        "",    ".",    "..",  "a..b", ".a",   "a..", " a", "a ", "a b", "a/b", "a@b", "[a]", "b\303\274cher.example",
        "a\n", "a\tb", "a,b", "a:b",  "(x)a", "#1",
    };
    struct hostname out;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (hostname_parse(span_str(rows[i]), &out) != MALFORMED)
            fail_msg("accepted `%s`", rows[i]);
    assert_int_equal(hostname_parse(SPAN("a\0b"), &out), MALFORMED);
    assert_int_equal(hostname_parse(SPAN(LABEL_63 "z.x"), &out), MALFORMED);
}

static void length(void **state)
{
    struct hostname out;
    char longest[HOSTNAME_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = i % 2 == 0 ? 'a' : '.';
    assert_int_equal(hostname_parse(span_of(longest, HOSTNAME_MAX), &out), OK);
    assert_int_equal(out.n, HOSTNAME_MAX);
    assert_int_equal(hostname_parse(span_of(longest, HOSTNAME_MAX + 1), &out), OK); /* the final dot does not count */
    longest[HOSTNAME_MAX] = 'a';
    assert_int_equal(hostname_parse(span_of(longest, HOSTNAME_MAX + 1), &out), MALFORMED);
}

static void under(void **state)
{
    const struct hostname parent = name("example.org"), yes = name("MX.example.org"), deep = name("a.b.example.org"),
                          glued = name("badexample.org"), other = name("example.com"), none = { 0 };

    (void)state;
    assert_true(hostname_is_under(&yes, &parent));
    assert_true(hostname_is_under(&deep, &parent));
    assert_false(hostname_is_under(&parent, &parent));
    assert_false(hostname_is_under(&glued, &parent));
    assert_false(hostname_is_under(&other, &parent));
    assert_false(hostname_is_under(&parent, &yes));
    assert_false(hostname_is_under(&yes, &none));
    assert_true(hostname_eq(&parent, &parent));
    assert_false(hostname_eq(&parent, &other));
}

static void numeric(void **state)
{
    static const char *const yes[] = { "1.2.3.4", "2130706433", "0x7f000001", "a.0X7F", "a.1", "0x" };
    static const char *const no[] = { "1.example", "a.1b", "x0", "a.0xg", "localhost", "1e3" };

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        const struct hostname h = name(yes[i]);
        assert_true(hostname_is_numeric(&h));
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        const struct hostname h = name(no[i]);
        assert_false(hostname_is_numeric(&h));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts), cmocka_unit_test(refuses), cmocka_unit_test(length),
        cmocka_unit_test(under),   cmocka_unit_test(numeric),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
