/* base/ip: what people write, what a network holds, which addresses are never a mail server. A118 */
#include "base/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct ip ip(const char *text)
{
    struct ip out;

    assert_int_equal(ip_parse(span_str(text), &out), OK);
    return out;
}

static void text_round_trip(void **state)
{
    static const char *const same[] = { "192.0.2.1", "2001:db8::1", "::", "64:ff9b::c000:201" };
    char text[IP_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        const struct ip a = ip(same[i]);

        ip_text(&a, text);
        assert_string_equal(text, same[i]);
    }
}

static void refuses(void **state)
{
    static const char *const bad[] = { "",           "1.2.3",      "1.2.3.4.5", "[::1]",    "fe80::1%eth0",
                                       "1.2.3.4/33", "1.2.3.4/24", "::1/129",   "1.2.3.0/", "1.2.3.0/x" };
    struct ip_net net;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(ip_net_parse(span_str(bad[i]), &net), MALFORMED);
}

static void networks(void **state)
{
    struct ip_net net;
    const struct ip in = ip("192.0.2.255"), out = ip("192.0.3.0"), six = ip("2001:db8:1::7");

    (void)state;
    assert_int_equal(ip_net_parse(SPAN("192.0.2.0/24"), &net), OK);
    assert_true(ip_net_has(&net, &in));
    assert_false(ip_net_has(&net, &out));
    assert_int_equal(ip_net_parse(SPAN("2001:db8::/33"), &net), OK);
    assert_true(ip_net_has(&net, &six));
    assert_false(ip_net_has(&net, &in));
}

static void special(void **state)
{
    static const char *const yes[] = { "0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.1", "255.255.255.255",
                                       "::",      "::1",       "fe80::1",     "ff02::1" };
    static const char *const no[] = { "192.0.2.1", "10.0.0.1", "2001:db8::1" };

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        const struct ip a = ip(yes[i]);
        assert_true(ip_is_special(&a));
    }
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        const struct ip a = ip(no[i]);
        assert_false(ip_is_special(&a));
    }
}

static void nat64(void **state)
{
    const struct ip mapped = ip("64:ff9b::192.0.2.33"), want = ip("192.0.2.33"), got = ip_unmap_nat64(&mapped);

    (void)state;
    assert_true(ip_eq(&got, &want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_round_trip), cmocka_unit_test(refuses), cmocka_unit_test(networks),
        cmocka_unit_test(special),         cmocka_unit_test(nat64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
