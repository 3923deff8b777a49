/* cert/pem: armour as people write it, and as they should not. */
#include "cert/pem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END "-----END CERTIFICATE-----\n"

static void table(void **state)
{
    static const struct {
        const char *text;
        enum rc rc;
        const char *out;
    } rows[] = {
        { BEGIN "YWJj\n" END, OK, "abc" },
        { BEGIN "YWJjZA==\n" END, OK, "abcd" },
        { BEGIN "YWJjZGU=\n" END, OK, "abcde" },
        { "words\n" BEGIN "YW\nJj\n" END, OK, "abc" },
        { "-----BEGIN CERTIFICATE-----\r\nYWJj \r\n-----END CERTIFICATE-----\r\n", OK, "abc" },
        { BEGIN "YWJj\n-----END CERTIFICATE-----", OK, "abc" },
        { BEGIN END, OK, "" },
        { "", MORE, NULL },
        { "words", MORE, NULL },
        { "-----BEGIN PUBLIC KEY-----\nYWJj\n-----END PUBLIC KEY-----\n", MORE, NULL },
        { END, MORE, NULL },
        { BEGIN, MALFORMED, NULL },
        { BEGIN "YWJj\n", MALFORMED, NULL },
        { BEGIN "YWJj\n" BEGIN "YWJj\n" END, MALFORMED, NULL },
        { BEGIN "YWJ\n" END, MALFORMED, NULL },
        { BEGIN "Y\n" END, MALFORMED, NULL },
        { BEGIN "Y===\n" END, MALFORMED, NULL },
        { BEGIN "YW=j\n" END, MALFORMED, NULL },
        { BEGIN "YWJj=\n" END, MALFORMED, NULL },
        { BEGIN "YWJjZA===\n" END, MALFORMED, NULL },
        { BEGIN "YWJ*\n" END, MALFORMED, NULL },
    };
    uint8_t out[16];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct span text = span_str(rows[i].text);
        size_t n = sizeof out;

        print_message("# %zu\n", i);
        assert_int_equal(pem_next(&text, out, &n), rows[i].rc);
        if (rows[i].rc == OK)
            assert_true(span_eq(span_of(out, n), span_str(rows[i].out)));
    }
}

static void several(void **state)
{
    struct span text = SPAN(BEGIN "YWJj\n" END "between\n" BEGIN "ZGVm\n" END);
    uint8_t out[3];
    size_t n = 3;

    (void)state;
    assert_int_equal(pem_next(&text, out, &n), OK);
    assert_memory_equal(out, "abc", 3);
    assert_int_equal(pem_next(&text, out, &n), OK);
    assert_memory_equal(out, "def", 3);
    assert_int_equal(pem_next(&text, out, &n), MORE);
    text = SPAN(BEGIN "YWJj\n" END);
    n = 2;
    assert_int_equal(pem_next(&text, out, &n), FULL);
}

static void there_and_back(void **state)
{
    uint8_t der[200], mem[400], back[200];

    (void)state;
    for (size_t i = 0; i < sizeof der; i++)
        der[i] = (uint8_t)(i * 7 + 3);
    for (size_t n = 0; n <= sizeof der; n++) {
        struct buf text;
        size_t got = sizeof back;

        buf_init(&text, mem, sizeof mem);
        assert_int_equal(pem_put("CERTIFICATE", span_of(der, n), &text), OK);
        struct span left = buf_bytes(&text);

        for (struct span s = left; s.n > 0; s = span_from(s, span_find(s, '\n') + 1))
            assert_true(span_find(s, '\n') <= 64); /* RFC 7468 2 */
        assert_int_equal(pem_next(&left, back, &got), OK);
        assert_true(span_eq(span_of(back, got), span_of(der, n)));
        buf_init(&text, mem, 58);
        assert_int_equal(pem_put("CERTIFICATE", span_of(der, n), &text), n == 0 ? OK : FULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(there_and_back), cmocka_unit_test(table),
                                        cmocka_unit_test(several) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
