/* cert/der: what DER is, and what is only BER or less. R11 */
#include "cert/der.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void elements(void **state)
{
    static const struct {
        struct span in;
        int content; /* its length; -1: refused */
    } rows[] = {
        { { (const uint8_t *)"\x04\x00", 2 }, 0 },
        { { (const uint8_t *)"\x04\x02xy", 4 }, 2 },
        { { (const uint8_t *)"\x04\x02xyz", 5 }, 2 },         /* what is behind is the next element */
        { { (const uint8_t *)"", 0 }, -1 },                   /* nothing */
        { { (const uint8_t *)"\x04", 1 }, -1 },               /* no length */
        { { (const uint8_t *)"\x04\x03xy", 4 }, -1 },         /* cut short */
        { { (const uint8_t *)"\x30\x80\x00\x00", 4 }, -1 },   /* indefinite */
        { { (const uint8_t *)"\x04\x81\x02xy", 5 }, -1 },     /* not the shortest */
        { { (const uint8_t *)"\x04\x82\x00\x80", 4 }, -1 },   /* a leading zero */
        { { (const uint8_t *)"\x04\x85\1\1\1\1\1", 7 }, -1 }, /* beyond 32 bits */
        { { (const uint8_t *)"\x04\x84\xff\xff\xff\xff", 6 }, -1 },
        { { (const uint8_t *)"\x1f\x81\x01\x00", 4 }, -1 }, /* a tag of several bytes */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cur c = cur_of(rows[i].in);
        const struct der e = der_next(&c);

        assert_int_equal(cur_failed(&c), rows[i].content < 0);
        assert_int_equal(e.content.n, rows[i].content < 0 ? 0 : rows[i].content);
        if (rows[i].content >= 0)
            assert_int_equal(e.whole.n, 2 + rows[i].content);
    }
}

static void long_form(void **state)
{
    static uint8_t bytes[4 + 300] = { 0x30, 0x82, 300 >> 8, 300 & 0xff };
    struct cur c = cur_of(span_of(bytes, sizeof bytes));

    (void)state;
    assert_int_equal(der_take(&c, DER_SEQUENCE).content.n, 300);
    assert_true(cur_done(&c));
    c = cur_of(span_of(bytes, sizeof bytes));
    assert_int_equal(der_take(&c, DER_SET).content.n, 0);
    assert_true(cur_failed(&c));
}

static void numbers(void **state)
{
    static const struct {
        const char *in;
        size_t n;
        int64_t want; /* -1: refused */
    } rows[] = {
        { "\x02\x01\x00", 3, 0 },
        { "\x02\x01\x7f", 3, 127 },
        { "\x02\x02\x00\x80", 4, 128 },
        { "\x02\x03\x01\x00\x00", 5, 1000 }, /* above max: max */
        { "\x02\x00", 2, -1 },
        { "\x02\x01\xff", 3, -1 },
        { "\x02\x02\x00\x7f", 4, -1 },
        { "\x03\x01\x00", 3, -1 },
        { "\x02\x09\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 11, 1000 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cur c = cur_of(span_of(rows[i].in, rows[i].n));
        const uint32_t got = der_uint(&c, 1000);

        assert_int_equal(cur_failed(&c), rows[i].want < 0);
        if (rows[i].want >= 0)
            assert_int_equal(got, rows[i].want);
    }
}

static void booleans_and_bits(void **state)
{
    struct cur c = cur_of(SPAN("\x01\x01\xff\x01\x01\x00\x03\x02\x00\x55"));

    (void)state;
    assert_true(der_bool(&c));
    assert_false(der_bool(&c));
    assert_true(span_eq(der_bits(&c), SPAN("\x55")));
    assert_true(cur_done(&c));
    c = cur_of(SPAN("\x01\x01\x01"));
    assert_false(der_bool(&c));
    assert_true(cur_failed(&c));
    c = cur_of(SPAN("\x03\x02\x01\x54")); /* one unused bit */
    assert_int_equal(der_bits(&c).n, 0);
    assert_true(cur_failed(&c));
}

static void times(void **state)
{
    static const struct {
        uint8_t tag;
        const char *text;
        bool ok;
        int64_t want;
    } rows[] = {
        { DER_UTC_TIME, "700101000000Z", true, 0 },
        { DER_UTC_TIME, "691231235959Z", true, -1 },
        { DER_UTC_TIME, "500101000000Z", true, -631152000 }, /* 1950 */
        { DER_UTC_TIME, "491231235959Z", true, 2524607999 }, /* 2049 */
        { DER_UTC_TIME, "000229000000Z", true, 951782400 },
        { DER_UTC_TIME, "240615120000Z", true, 1718452800 },
        { DER_GENERALIZED_TIME, "20500101000000Z", true, 2524608000 },
        { DER_GENERALIZED_TIME, "99991231235959Z", true, 253402300799 },
        { DER_GENERALIZED_TIME, "00010101000000Z", true, -62135596800 },
        { DER_GENERALIZED_TIME, "00000101000000Z", true, -62167219200 },
        { DER_UTC_TIME, "230229000000Z", false, 0 },
        { DER_GENERALIZED_TIME, "21000229000000Z", false, 0 }, /* no leap year */
        { DER_UTC_TIME, "231301000000Z", false, 0 },
        { DER_UTC_TIME, "230001000000Z", false, 0 },
        { DER_UTC_TIME, "230100000000Z", false, 0 },
        { DER_UTC_TIME, "230431000000Z", false, 0 },
        { DER_UTC_TIME, "230101240000Z", false, 0 },
        { DER_UTC_TIME, "230101006000Z", false, 0 },
        { DER_UTC_TIME, "230101000060Z", false, 0 },
        { DER_UTC_TIME, "2301010000Z", false, 0 },
        { DER_UTC_TIME, "230101000000+0000", false, 0 },
        { DER_UTC_TIME, "230101000000", false, 0 },
        { DER_UTC_TIME, "23010100000\xb0Z", false, 0 },
        { DER_UTC_TIME, "", false, 0 },
        { DER_GENERALIZED_TIME, "20230101000000.5Z", false, 0 },
        { DER_IA5, "230101000000Z", false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[64] = { rows[i].tag, (uint8_t)strlen(rows[i].text) };
        struct cur c = cur_of(span_of(bytes, 2 + strlen(rows[i].text)));
        struct wall got;

        memcpy(bytes + 2, rows[i].text, strlen(rows[i].text));
        got = der_time(&c);
        print_message("# %s\n", rows[i].text);
        assert_int_equal(cur_done(&c), rows[i].ok);
        if (rows[i].ok)
            assert_true(got.s == rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements),          cmocka_unit_test(long_form), cmocka_unit_test(numbers),
        cmocka_unit_test(booleans_and_bits), cmocka_unit_test(times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
