/* dane/tlsa, dane/usable: which records can be read, and which of them count. R11 R12 R22 R48 R53, A81 */
#include "dane/tlsa.h"
#include "dane/usable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define SHAPE_CERT "\x30\x06\x30\x00\x30\x00\x03\x00"
#define SHAPE_SPKI "\x30\x07\x30\x03\x06\x01\x2a\x03\x00"

/* Every usage, selector and matching type, known or not, with data of every length around the digests'. */
static void every_octet(void **state)
{
    uint8_t rdata[3 + 66] = { 0 };
    struct tlsa out;

    (void)state;
    for (unsigned u = 0; u < 256; u += u < 6 ? 1 : 83)
        for (unsigned s = 0; s < 256; s += s < 4 ? 1 : 84)
            for (unsigned m = 0; m < 256; m += m < 5 ? 1 : 50)
                for (size_t n = 0; n <= 66; n++) {
                    const bool known = u <= 3 && s <= 1 && m <= 2, fits = (m == 1 && n == 32) || (m == 2 && n == 64);

                    rdata[0] = (uint8_t)u;
                    rdata[1] = (uint8_t)s;
                    rdata[2] = (uint8_t)m;
                    assert_int_equal(tlsa_parse(span_of(rdata, 3 + n), &out), n == 0   ? MALFORMED
                                                                              : !known ? UNUSABLE
                                                                              : fits   ? OK
                                                                                       : MALFORMED);
                }
    for (size_t n = 0; n < 3; n++)
        assert_int_equal(tlsa_parse(span_of(rdata, n), &out), MALFORMED);
}

static void full_data(void **state)
{
    struct tlsa out;

    (void)state;
    assert_int_equal(tlsa_parse(SPAN("\x02\x00\x00" SHAPE_CERT), &out), OK);
    assert_true(out.usage == USAGE_DANE_TA && out.selector == SELECTOR_CERT && out.match == MATCH_FULL);
    assert_true(span_eq(out.data, SPAN(SHAPE_CERT)));
    assert_int_equal(tlsa_parse(SPAN("\x03\x01\x00" SHAPE_SPKI), &out), OK);
    assert_int_equal(tlsa_parse(SPAN("\x02\x01\x00" SHAPE_CERT), &out), MALFORMED);
    assert_int_equal(tlsa_parse(SPAN("\x02\x00\x00" SHAPE_SPKI), &out), MALFORMED);
    assert_int_equal(tlsa_parse(SPAN("\x02\x00\x00" SHAPE_CERT "\x00"), &out), MALFORMED);
    assert_int_equal(tlsa_parse(SPAN("\x03\x01\x00" SHAPE_SPKI "\x00"), &out), MALFORMED);
}

/* Records as `usm`, in order; what is left, likewise. */
static void selection(void **state)
{
    static const struct {
        const char *in, *plain, *smtp;
    } rows[] = {
        { "", "", "" },
        { "311 312 310", "312 310", "312 310" }, /* RFC 7671 9 */
        { "310 311", "310 311", "310 311" },
        { "311 311 312 312", "312 312", "312 312" },
        { "302 311", "302 311", "302 311" },
        { "212 311", "212 311", "212 311" },
        { "112 311", "112 311", "311" },
        { "001 002 101", "002 101", "" },
        { "312 311 301 302 300", "312 302 300", "312 302 300" },
        { "311 201 312 202 311", "312 202", "312 202" },
        { "110 010 310 210", "110 010 310 210", "310 210" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int smtp = 0; smtp < 2; smtp++) {
            struct tlsa set[8];
            char text[64] = "";
            size_t n = 0, left;

            for (const char *p = rows[i].in; *p != '\0'; p += p[3] == ' ' ? 4 : 3)
                set[n++] = (struct tlsa){ (enum tlsa_usage)(p[0] - '0'),
                                          (enum tlsa_selector)(p[1] - '0'),
                                          (enum tlsa_match)(p[2] - '0'),
                                          { 0 } };
            left = usable_select(set, n, smtp != 0);
            for (size_t j = 0; j < left; j++)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d%d%d", j > 0 ? " " : "",
                         (int)set[j].usage, (int)set[j].selector, (int)set[j].match);
            assert_string_equal(text, smtp ? rows[i].smtp : rows[i].plain);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_octet),
        cmocka_unit_test(full_data),
        cmocka_unit_test(selection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
