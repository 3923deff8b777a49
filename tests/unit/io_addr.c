/* io/addr: endpoints as the configuration writes them, both families at the socket. */
#include "io/addr.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

static void endpoints(void **state)
{
    static const struct {
        const char *text;
        uint16_t default_port;
        const char *want; /* NULL: MALFORMED */
    } cases[] = {
        { "127.0.0.1:2525", 0, "127.0.0.1:2525" },
        { "[::1]:2525", 0, "[::1]:2525" },
        { "[2001:DB8::1]:1", 0, "[2001:db8::1]:1" },
        { "192.0.2.1:65535", 53, "192.0.2.1:65535" },
        { "192.0.2.1", 53, "192.0.2.1:53" },
        { "2001:db8::1", 53, "[2001:db8::1]:53" },
        { "[2001:db8::1]", 53, "[2001:db8::1]:53" },
        { "192.0.2.1", 0, NULL },
        { "[::1]", 0, NULL },
        { "::1", 0, NULL },
        { "", 53, NULL },
        { ":25", 53, NULL },
        { "[]:25", 53, NULL },
        { "[::1", 53, NULL },
        { "[::1]25", 53, NULL },
        { "[::1]x", 53, NULL },
        { "[::1]:", 53, NULL },
        { "[192.0.2.1]:25", 53, NULL },
        { "192.0.2.1:", 53, NULL },
        { "192.0.2.1:0", 53, NULL },
        { "192.0.2.1:65536", 53, NULL },
        { "192.0.2.1:+25", 53, NULL },
        { "192.0.2.1:25 ", 53, NULL },
        { "mx.example.org:25", 53, NULL },
        { "fe80::1%eth0", 53, NULL },
    };
    char text[ADDR_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct addr a;
        const enum rc rc = addr_parse(span_str(cases[i].text), cases[i].default_port, &a);
        if (rc != (cases[i].want == NULL ? MALFORMED : OK))
            fail_msg("'%s' gave %d", cases[i].text, rc);
        if (rc != OK)
            continue;
        addr_text(&a, text);
        assert_string_equal(text, cases[i].want);
    }
}

static void longest_text_fits(void **state)
{
    struct addr a, b;
    struct sockaddr_storage sa;
    char text[ADDR_TEXT_MAX];

    (void)state;
    assert_int_equal(addr_parse(SPAN("[1111:2222:3333:4444:5555:6666:7777:8888]:65535"), 0, &a), OK);
    addr_text(&a, text);
    assert_string_equal(text, "[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
    assert_int_equal(addr_to_sockaddr(&a, &sa), 28);
    assert_int_equal(addr_from_sockaddr(&sa, &b), OK);
    assert_true(ip_eq(&a.ip, &b.ip) && a.port == b.port);
    sa.ss_family = AF_UNIX;
    assert_int_equal(addr_from_sockaddr(&sa, &b), FAILED);
}

/* A connection over loopback: both ends are told as they are, the source is the one that was asked for. */
static void connects_from_a_source(void **state)
{
    static const struct {
        struct span server, source;
    } cases[] = {
        { SPAN("127.0.0.1:9"), SPAN("127.0.0.3") },
        { SPAN("[::1]:9"), SPAN("::1") },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct addr at, source = { 0 }, seen;
        int listener, out, in;

        assert_int_equal(addr_parse(cases[i].server, 0, &at), OK);
        assert_int_equal(ip_parse(cases[i].source, &source.ip), OK);
        at.port = 0;
        if (!addr_is_ours(&at.ip))
            continue; /* a machine without IPv6 */
        assert_int_equal(addr_listen(&at, false, &listener), OK);
        assert_int_equal(addr_local(listener, &at), OK);
        errno = 0;
        const enum rc rc = addr_connect(&at, &(struct addr_from){ .source = &source }, &out);
        if (rc != OK && errno == ENOPROTOOPT)
            skip(); /* an emulator of the processor alone, which does not know IP_BIND_ADDRESS_NO_PORT */
        assert_int_equal(rc, OK);
        assert_int_equal(poll(&(struct pollfd){ .fd = listener, .events = POLLIN }, 1, 5000), 1);
        in = accept(listener, NULL, NULL);
        assert_true(in >= 0);
        assert_int_equal(addr_peer(in, &seen), OK);
        assert_true(ip_eq(&seen.ip, &source.ip) && seen.port != 0);
        assert_int_equal(addr_local(in, &seen), OK);
        assert_true(ip_eq(&seen.ip, &at.ip) && seen.port == at.port);
        assert_int_equal(addr_peer(out, &seen), OK);
        assert_true(ip_eq(&seen.ip, &at.ip) && seen.port == at.port);
        assert_int_equal(addr_before_nat(in, &seen), FAILED); /* nobody redirected it */
        close(in);
        close(out);
        close(listener);
    }
}

static void families_do_not_mix(void **state)
{
    struct addr to, source;
    int fd;

    (void)state;
    assert_int_equal(addr_parse(SPAN("127.0.0.1:9"), 0, &to), OK);
    assert_int_equal(addr_parse(SPAN("::1"), 1, &source), OK);
    assert_int_equal(addr_connect(&to, &(struct addr_from){ .source = &source }, &fd), FAILED);
    assert_int_equal(errno, EAFNOSUPPORT);
}

static void which_addresses_are_ours(void **state)
{
    struct ip ip;

    (void)state;
    assert_int_equal(ip_parse(SPAN("127.0.0.1"), &ip), OK);
    assert_true(addr_is_ours(&ip));
    assert_int_equal(ip_parse(SPAN("192.0.2.77"), &ip), OK);
    assert_false(addr_is_ours(&ip));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints),
        cmocka_unit_test(longest_text_fits),
        cmocka_unit_test(families_do_not_mix),
        cmocka_unit_test(connects_from_a_source),
        cmocka_unit_test(which_addresses_are_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
