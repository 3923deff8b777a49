/* role/lanes: who shares a lane, and which lanes are remembered as costly. A90 */
#include "role/lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct hostname name(const char *text)
{
    struct hostname out;

    assert_int_equal(hostname_parse(span_str(text), &out), OK);
    return out;
}

static void lanes(void **state)
{
    static const char *const rows[][2] = {
        { "a.b.example.org", "example.org" },
        { "example.org", "example.org" },
        { "org", "org" },
        { "x.co.uk", "co.uk" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct hostname n = name(rows[i][0]);

        assert_true(span_eq(lane_of(&n), span_str(rows[i][1])));
    }
}

static void costly(void **state)
{
    struct lanes l = { 0 };
    const struct mono now = { 5000 }, later = { 5000 + (int64_t)LANE_COSTLY_S * 1000 };
    char text[32];

    (void)state;
    assert_false(lanes_is_costly(&l, SPAN("example.org"), now));
    lanes_note(&l, SPAN("example.org"), now);
    assert_true(lanes_is_costly(&l, SPAN("example.org"), now));
    assert_false(lanes_is_costly(&l, SPAN("example.net"), now));
    assert_false(lanes_is_costly(&l, SPAN("example.org"), later));
    for (int i = 0; i < LANES_COSTLY_MAX; i++) { /* one too many: the oldest goes */
        snprintf(text, sizeof text, "%d.example", i);
        lanes_note(&l, span_str(text), (struct mono){ 6000 + i });
    }
    assert_false(lanes_is_costly(&l, SPAN("example.org"), now));
    lanes_note(&l, SPAN("0.example"), now); /* noted again: no second place */
    for (int i = 0; i < LANES_COSTLY_MAX; i++) {
        snprintf(text, sizeof text, "%d.example", i);
        assert_true(lanes_is_costly(&l, span_str(text), now));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes),
        cmocka_unit_test(costly),
    };

    return cmocka_run_group_tests_name("role/lanes", tests, NULL, NULL);
}
