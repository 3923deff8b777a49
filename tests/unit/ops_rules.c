/* ops/rules: the order that INTERFACES.md 'The rules' asks for, and what each option changes in it. A109, A110 */
#include "ops/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char text[RULES_TEXT_MAX];
static struct config c;

static void add(struct config_nets *nets, const char *s)
{
    assert_int_equal(ip_net_parse(span_str(s), &nets->net[nets->n++]), OK);
}

static void listen_at(const char *ip, uint16_t port)
{
    assert_int_equal(ip_parse(span_str(ip), &c.listen.at[c.listen.n].ip), OK);
    c.listen.at[c.listen.n++].port = port;
}

static void start(void)
{
    memset(&c, 0, sizeof c);
    c.mark = 0x5753;
    listen_at("127.0.0.1", 2525);
    listen_at("::1", 2526);
    add(&c.clients, "192.0.2.0/24");
    add(&c.clients, "2001:db8::/64");
}

static void make(void)
{
    struct buf out;

    buf_init(&out, text, sizeof text - 1);
    assert_int_equal(rules_nft(&c, &out), OK);
    text[buf_used(&out)] = '\0';
}

static bool has(const char *what)
{
    return strstr(text, what) != NULL;
}

static unsigned count(const char *what)
{
    unsigned n = 0;

    for (const char *s = text; (s = strstr(s, what)) != NULL; s++)
        n++;
    return n;
}

/* In each chain that takes packets of clients the exempt ones have left before. */
static void exempt_is_first(void **state)
{
    (void)state;
    start();
    for (int redirect = 0; redirect < 2; redirect++) {
        c.intercept = redirect ? INTERCEPT_REDIRECT : INTERCEPT_TPROXY;
        make();
        for (const char *chain = text; (chain = strstr(chain, "    chain ")) != NULL; chain++) {
            const char *end = strstr(chain, "\n    }"), *clients = strstr(chain, "@clients");
            const char *exempt = strstr(chain, "exempt");

            if (clients != NULL && clients < end)
                assert_true(exempt != NULL && exempt < clients);
        }
    }
}

static void tproxy_closed(void **state)
{
    (void)state;
    start();
    make();
    assert_true(has("add table inet waxseal\ndelete table inet waxseal\ntable inet waxseal {\n"));
    assert_true(has("elements = { 192.0.2.0/24 }") && has("elements = { 2001:db8::/64 }"));
    assert_int_equal(count("ct zone set 22355"), 4);
    assert_true(has("== syn tproxy ip to 127.0.0.1:2525 meta mark set 0x5753 accept"));
    assert_true(has("== syn tproxy ip6 to [::1]:2526 meta mark set 0x5753 accept"));
    assert_true(strstr(text, "tproxy ip to") < strstr(text, "reject"));
    assert_true(strstr(text, "socket transparent") < strstr(text, "reject"));
    assert_int_equal(count("reject with tcp reset"), 4); /* two families: prerouting and the wall in forward */
    assert_true(has("meta mark 0x5753 drop"));
    assert_false(has("redirect"));
    assert_false(has("0x5754")); /* nothing knows the far sockets' mark: they are never caught */
}

static void open_resets_nothing(void **state)
{
    (void)state;
    start();
    c.fail = FAIL_OPEN;
    make();
    assert_int_equal(count("reject"), 0);
    assert_int_equal(count("ct original zone set 22355"), 2); /* for both it would kill what is forwarded behind NAT */
    assert_false(has("ct zone set"));
    assert_true(has("meta mark 0x5753 drop")); /* a session of ours would be cut in half otherwise */
}

static void redirect(void **state)
{
    (void)state;
    start();
    c.intercept = INTERCEPT_REDIRECT;
    make();
    assert_true(has("type nat hook prerouting priority dstnat - 1"));
    assert_true(has("ip saddr @clients4 tcp dport 25 redirect to :2525"));
    assert_true(has("ip6 saddr @clients6 tcp dport 25 redirect to :2526"));
    assert_int_equal(count("fib daddr type != local reject with tcp reset"), 2);
    assert_false(has("tproxy"));
    assert_int_equal(count("ct original zone set 22355"), 2); /* SO_ORIGINAL_DST looks in the default zone */
}

static void one_family_and_wildcards(void **state)
{
    (void)state;
    start();
    c.clients.n = 1;
    make();
    assert_false(has("tproxy ip6"));
    c.listen.n = 0;
    listen_at("0.0.0.0", 26);
    make();
    assert_true(has("tproxy ip to :26 "));
}

static void the_largest_fits(void **state)
{
    struct config_nets *sets[] = { &c.clients, &c.exempt_client, &c.exempt_destination };
    struct buf small;
    uint8_t mem[100];

    (void)state;
    start();
    c.clients.n = 0;
    for (size_t s = 0; s < 3; s++)
        for (int i = 0; i < CONFIG_NETS_MAX; i++)
            add(sets[s], "2001:db8:1111:2222:3333:4444:5555:6666/128");
    make();
    buf_init(&small, mem, sizeof mem);
    assert_int_equal(rules_nft(&c, &small), FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exempt_is_first),          cmocka_unit_test(tproxy_closed),
        cmocka_unit_test(open_resets_nothing),      cmocka_unit_test(redirect),
        cmocka_unit_test(one_family_and_wildcards), cmocka_unit_test(the_largest_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
