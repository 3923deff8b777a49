/* policy/grace: clear text after a failed handshake comes late, never by one forged failure, and success erases.
 * A18 A20, R34 */
#include "policy/grace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct grace_table table;
static const struct ip client = { { 1 } }, other = { { 2 } }, server = { .b = { [10] = 0xff, 0xff, 192, 0, 2, 1 } };

static struct mono at(int64_t s)
{
    return (struct mono){ 1000000 + s * 1000 };
}

static struct grace_key key(const struct ip *from, const char *domain, const char *host)
{
    struct grace_key k;

    grace_key_of(&k, from, &server, domain, host);
    return k;
}

static int fresh(void **state)
{
    (void)state;
    memset(&table, 0, sizeof table);
    return 0;
}

static void the_first_failure_must_be_old(void **state)
{
    static const struct {
        int64_t age_s;
        uint32_t clear_after_s;
        enum grace want;
    } cases[] = {
        { 0, 300, GRACE_WAIT },
        { 299, 300, GRACE_WAIT },
        { 300, 300, GRACE_OVER },
        { 59, 1, GRACE_WAIT },
        { 60, 1, GRACE_OVER },
        { 59, 59, GRACE_WAIT },
        { 60, 59, GRACE_OVER },
        { 60, 60, GRACE_OVER },
        { 60, 61, GRACE_WAIT },
        { 0, 0, GRACE_OVER },
        { 80000, UINT32_MAX, GRACE_WAIT },
    };
    const struct grace_key k = key(&client, "example.org", "mx.example.org");

    (void)state;
    grace_failed(&table, &k, at(0));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(grace_judge(&table, &k, at(cases[i].age_s), cases[i].clear_after_s), cases[i].want);
}

static void without_a_failure(void **state)
{
    const struct grace_key k = key(&client, "example.org", "mx.example.org");

    (void)state;
    assert_int_equal(grace_judge(&table, &k, at(0), 300), GRACE_WAIT);
    assert_int_equal(grace_judge(&table, &k, at(0), 0), GRACE_OVER);
}

static void later_failures_keep_the_first(void **state)
{
    const struct grace_key k = key(&client, "example.org", "mx.example.org");

    (void)state;
    for (int64_t i = 0; i < 5; i++)
        grace_failed(&table, &k, at(i * 75));
    assert_int_equal(grace_judge(&table, &k, at(300), 300), GRACE_OVER);
    assert_int_equal(table.n, 1);
}

static void success_erases(void **state)
{
    const struct grace_key k = key(&client, "example.org", "mx.example.org"), l = key(&client, "b.example", "mx");

    (void)state;
    grace_failed(&table, &k, at(0));
    grace_failed(&table, &l, at(0));
    grace_succeeded(&table, &k);
    grace_succeeded(&table, &k);
    assert_int_equal(grace_judge(&table, &k, at(400), 300), GRACE_WAIT);
    assert_int_equal(grace_judge(&table, &l, at(400), 300), GRACE_OVER);
    grace_failed(&table, &k, at(400));
    assert_int_equal(grace_judge(&table, &k, at(500), 300), GRACE_WAIT);
}

static void a_day_without_a_try_forgets(void **state)
{
    const struct grace_key k = key(&client, "example.org", "mx.example.org");
    const int64_t day = INT64_C(24) * 60 * 60;

    (void)state;
    grace_failed(&table, &k, at(0));
    assert_int_equal(grace_judge(&table, &k, at(day - 1), 300), GRACE_OVER);
    assert_int_equal(grace_judge(&table, &k, at(day), 300), GRACE_WAIT);
    grace_failed(&table, &k, at(day)); /* a first failure again */
    assert_int_equal(grace_judge(&table, &k, at(day + 299), 300), GRACE_WAIT);
    assert_int_equal(table.n, 1);
    grace_failed(&table, &k, at(day + 1000));
    assert_int_equal(grace_judge(&table, &k, at(day * 2 + 999), 300), GRACE_OVER);
}

static void all_of_the_key_counts(void **state)
{
    const struct grace_key failed = key(&client, "example.org", "mx.example.org");
    const struct grace_key others[] = {
        key(&other, "example.org", "mx.example.org"),
        key(&client, "example.net", "mx.example.org"),
        key(&client, "example.org", "mx2.example.org"),
        key(&client, "example.org", ""),
        key(&client, "", "mx.example.org"),
        key(&client, "example.orgmx", ".example.org"),
    };

    (void)state;
    grace_failed(&table, &failed, at(0));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(grace_judge(&table, &others[i], at(400), 300), GRACE_WAIT);
}

static void the_address_stands_for_a_host(void **state)
{
    const struct grace_key k = key(&client, "example.org", "");

    (void)state;
    assert_string_equal(k.host, "192.0.2.1");
}

/* A full table forgets what failed longest ago, and a name of any length is no more than cut. */
static void full(void **state)
{
    char domain[400];
    struct grace_key k;

    (void)state;
    for (int i = 0; i < GRACE_ENTRIES_MAX + 1; i++) {
        (void)snprintf(domain, sizeof domain, "d%d.example", i);
        k = key(&client, domain, "mx");
        grace_failed(&table, &k, at(i));
        if (i == 500) { /* the first one fails again: now the second is the oldest */
            k = key(&client, "d0.example", "mx");
            grace_failed(&table, &k, at(i));
        }
    }
    assert_int_equal(table.n, GRACE_ENTRIES_MAX);
    k = key(&client, "d0.example", "mx");
    assert_int_equal(grace_judge(&table, &k, at(2000), 300), GRACE_OVER);
    k = key(&client, "d1.example", "mx");
    assert_int_equal(grace_judge(&table, &k, at(2000), 300), GRACE_WAIT);

    memset(domain, 'x', sizeof domain - 1);
    domain[sizeof domain - 1] = '\0';
    k = key(&client, domain, domain);
    assert_int_equal(strlen(k.domain), HOSTNAME_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_first_failure_must_be_old, fresh),
        cmocka_unit_test_setup(without_a_failure, fresh),
        cmocka_unit_test_setup(later_failures_keep_the_first, fresh),
        cmocka_unit_test_setup(success_erases, fresh),
        cmocka_unit_test_setup(a_day_without_a_try_forgets, fresh),
        cmocka_unit_test_setup(all_of_the_key_counts, fresh),
        cmocka_unit_test_setup(the_address_stands_for_a_host, fresh),
        cmocka_unit_test_setup(full, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
