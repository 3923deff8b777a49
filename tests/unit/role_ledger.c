/* role/ledger: bounds of the box and of one client, whose a session is, what a worker's death leaves. A105 */
#include "role/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct ip alice = { { 1 } }, bob = { { 2 } };

static struct ledger_entry *open_for(struct ledger *l, unsigned worker, const struct ip *client)
{
    struct ledger_entry *const e = ledger_open(l, worker);

    assert_non_null(e);
    e->client = *client;
    return e;
}

static void bounds(void **state)
{
    struct ledger *const l = ledger_new(4, 1000);

    (void)state;
    assert_true(ledger_admits(l, &alice, 4, 2));
    (void)open_for(l, 0, &alice);
    struct ledger_entry *const second = open_for(l, 0, &alice);
    assert_false(ledger_admits(l, &alice, 4, 2));
    assert_true(ledger_admits(l, &bob, 4, 2));
    assert_false(ledger_admits(l, &bob, 2, 2)); /* the box is full, as the configuration of the moment has it */
    ledger_close(l, second);
    assert_true(ledger_admits(l, &alice, 4, 2));
    for (int i = 0; i < 3; i++)
        (void)open_for(l, 0, &bob);
    assert_null(ledger_open(l, 0));
    assert_false(ledger_admits(l, &bob, 1000, 1000)); /* the ledger's own bound */
    assert_int_equal(ledger_count(l), 4);
    assert_int_equal(ledger_peak(l), 4);
    ledger_free(l);
}

static void whose(void **state)
{
    struct ledger *const l = ledger_new(4, 1000);
    struct ledger_entry *const e = open_for(l, 1, &alice);
    const uint64_t id = e->id;

    (void)state;
    assert_ptr_equal(ledger_find(l, id, 1), e);
    assert_null(ledger_find(l, id, 0)); /* another worker's */
    assert_null(ledger_find(l, 0, 1));
    assert_null(ledger_find(l, id + 1, 1));
    assert_null(ledger_find(l, id | 0xfffff, 1));
    ledger_close(l, e);
    assert_null(ledger_find(l, id, 1));
    assert_ptr_equal(open_for(l, 1, &bob), e);
    assert_true(e->id > id); /* the slot is used again, the id is not */
    assert_null(ledger_find(l, id, 1));
    ledger_free(l);
}

static void later_ledger(void **state)
{
    struct ledger *const first = ledger_new(2, 1000), *const then = ledger_new(2, 1010);
    uint64_t last = 0;

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct ledger_entry *const e = open_for(first, 0, &alice);

        last = e->id;
        ledger_close(first, e);
    }
    assert_true(open_for(then, 0, &alice)->id > last); /* ids are not used twice while the box is up */
    ledger_free(first);
    ledger_free(then);
}

static void dead_worker(void **state)
{
    struct ledger *const l = ledger_new(4, 1000);
    const uint64_t lost = open_for(l, 0, &alice)->id, kept = open_for(l, 1, &alice)->id;

    (void)state;
    assert_int_equal(ledger_of(l, 0), 1);
    ledger_forget(l, 0);
    assert_null(ledger_find(l, lost, 0));
    assert_non_null(ledger_find(l, kept, 1));
    assert_int_equal(ledger_of(l, 0), 0);
    assert_int_equal(ledger_count(l), 1);
    ledger_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds),
        cmocka_unit_test(whose),
        cmocka_unit_test(later_ledger),
        cmocka_unit_test(dead_worker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
