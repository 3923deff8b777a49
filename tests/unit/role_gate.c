/* role/gate: which pairs of addresses the broker dials for, whatever the kernel's rules let through. A117, A118 */
#include "role/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct config config; /* too large for a stack */

static struct ip ip(const char *text)
{
    struct ip out;

    assert_int_equal(ip_parse(span_str(text), &out), OK);
    return out;
}

static void add(struct config_nets *nets, const char *text)
{
    assert_int_equal(ip_net_parse(span_str(text), &nets->net[nets->n++]), OK);
}

static void judges(void **state)
{
    static const struct {
        const char *client, *server;
        uint16_t port;
        enum gate want;
    } cases[] = {
        { "192.0.2.7", "203.0.113.1", 25, GATE_PASS },
        { "192.0.2.7", "203.0.113.1", 465, GATE_PASS },
        { "192.0.2.7", "203.0.113.1", 587, GATE_PASS },
        { "2001:db8:1::7", "2001:db8:2::1", 25, GATE_PASS },
        { "192.0.2.7", "10.0.0.1", 25, GATE_PASS }, /* a smarthost inside: deny-destination is the site's to say */
        { "192.0.3.7", "203.0.113.1", 25, GATE_CLIENT },
        { "2001:db8:2::7", "2001:db8:2::1", 25, GATE_CLIENT },
        { "192.0.2.7", "203.0.113.1", 2525, GATE_PORT },
        { "192.0.2.7", "203.0.113.1", 22, GATE_PORT },
        { "192.0.2.7", "127.0.0.1", 25, GATE_SPECIAL },
        { "192.0.2.7", "169.254.169.254", 25, GATE_SPECIAL },
        { "192.0.2.7", "224.0.0.1", 25, GATE_SPECIAL },
        { "192.0.2.7", "0.0.0.0", 25, GATE_SPECIAL },
        { "192.0.2.7", "::1", 25, GATE_SPECIAL },
        { "2001:db8:1::7", "fe80::1", 25, GATE_SPECIAL },
        { "2001:db8:1::7", "64:ff9b::127.0.0.1", 25, GATE_SPECIAL }, /* a translator would deliver it there */
        { "192.0.2.7", "198.51.100.9", 25, GATE_DENIED },
        { "2001:db8:1::7", "64:ff9b::198.51.100.9", 25, GATE_DENIED },
    };

    (void)state;
    add(&config.clients, "192.0.2.0/24");
    add(&config.clients, "2001:db8:1::/64");
    add(&config.deny_destination, "198.51.100.0/24");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct ip client = ip(cases[i].client), server = ip(cases[i].server);

        assert_int_equal(gate_judge(&config, &client, &server, cases[i].port), cases[i].want);
    }
}

/* An empty configuration names no clients: nothing passes. */
static void nobody(void **state)
{
    static const struct config empty;
    const struct ip client = ip("192.0.2.7"), server = ip("203.0.113.1");

    (void)state;
    assert_int_equal(gate_judge(&empty, &client, &server, 25), GATE_CLIENT);
}

static void words(void **state)
{
    (void)state;
    for (enum gate g = GATE_PASS; g <= GATE_OWN; g++)
        assert_true(gate_word(g)[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges),
        cmocka_unit_test(nobody),
        cmocka_unit_test(words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
