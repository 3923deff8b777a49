/* firmware/sntp: each rule by which an answer is believed, what several say together, how often they are asked. */
#include "../../firmware/sntp/sntp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define FLOOR INT64_C(1780000000) /* May 2026 */
#define ERA_1 INT64_C(2085978496) /* 7 February 2036, 06:28:16: the second whose number is 0 again */
#define MS (SNTP_SECOND / 1000)
#define ASKED_AT (FLOOR * SNTP_SECOND + 40 * 86400 * SNTP_SECOND)
#define MONO (INT64_C(5000) * SNTP_SECOND)

static const struct sntp_asked asked = { { 1, 2, 3, 4, 5, 6, 7, 8 }, ASKED_AT, MONO };

struct answer {
    uint8_t packet[SNTP_PACKET];
};

static void put_u32(uint8_t *at, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void put_time(struct answer *a, size_t at, int64_t ns)
{
    put_u32(a->packet + at, (uint32_t)(ns / SNTP_SECOND + INT64_C(2208988800)));
    put_u32(a->packet + at + 4, (uint32_t)(((uint64_t)(ns % SNTP_SECOND) << 32) / SNTP_SECOND));
}

enum {
    ROOT_DELAY = 4,
    ROOT_DOUBT = 8,
    CODE = 12,
    ORIGIN = 24,
    CAME = 32,
    WENT = 40
};

/* A good one, of a server whose clock is `ahead` of ours; 10 ms there, 10 ms back, 2 ms in between. */
static struct answer good(int64_t ahead)
{
    struct answer a = { { 4 << 3 | 4, 2, 6, 0xec } };

    put_u32(a.packet + ROOT_DELAY, 0x0400); /* 15.6 ms */
    put_u32(a.packet + ROOT_DOUBT, 0x0200); /*  7.8 ms */
    memcpy(a.packet + CODE, "\xc0\0\2\1", 4);
    memcpy(a.packet + ORIGIN, asked.nonce, sizeof asked.nonce);
    put_time(&a, CAME, ASKED_AT + ahead + 10 * MS);
    put_time(&a, WENT, ASKED_AT + ahead + 12 * MS);
    return a;
}

static enum sntp_said judge(const struct answer *a, struct sntp_sample *out)
{
    return sntp_judge(span_of(a->packet, sizeof a->packet), &asked, MONO + 22 * MS, FLOOR, out);
}

static void near(int64_t got, int64_t want)
{
    assert_in_range((uint64_t)(got - want + 1000), 0, 2000); /* NTP's fractions are not nanoseconds */
}

static void request(void **state)
{
    uint8_t packet[SNTP_PACKET], none[SNTP_PACKET - 9] = { 0 };

    (void)state;
    sntp_request(&asked, packet);
    assert_int_equal(packet[0], 4 << 3 | 3);
    assert_memory_equal(packet + 1, none, sizeof none);
    assert_memory_equal(packet + 40, asked.nonce, 8);
}

static void believed(void **state)
{
    static const int64_t ahead[] = { 0, 1, -1, 3 * MS, -400 * MS, 86400 * SNTP_SECOND, -30 * 86400 * SNTP_SECOND };
    struct sntp_sample s;

    (void)state;
    for (size_t i = 0; i < sizeof ahead / sizeof ahead[0]; i++) {
        const struct answer a = good(ahead[i]);

        assert_int_equal(judge(&a, &s), SNTP_TIME);
        near(s.offset_ns, ahead[i]);
        near(s.delay_ns, 20 * MS);
        near(s.distance_ns, 7812500 + 7812500 + 10 * MS);
    }
}

/* One byte, or four, changed. */
static const struct {
    const char *says;
    size_t at;
    uint8_t n, bytes[8];
    enum sntp_said want;
} changed[] = {
    { "another nonce: forged by somebody who has not seen the question", ORIGIN + 7, 1, { 9 }, SNTP_STRANGE },
    { "no nonce", ORIGIN, 8, { 0 }, SNTP_STRANGE },
    { "version 3", 0, 1, { 3 << 3 | 4 }, SNTP_STRANGE },
    { "a client's packet (our own, reflected)", 0, 1, { 4 << 3 | 3 }, SNTP_STRANGE },
    { "a symmetric peer's", 0, 1, { 4 << 3 | 2 }, SNTP_STRANGE },
    { "a broadcast", 0, 1, { 4 << 3 | 5 }, SNTP_STRANGE },
    { "a control message", 0, 1, { 4 << 3 | 6 }, SNTP_STRANGE },
    { "leap 3: its clock is not synchronised", 0, 1, { 3 << 6 | 4 << 3 | 4 }, SNTP_NO_TIME },
    { "leap 1: a leap second to come is no fault", 0, 1, { 1 << 6 | 4 << 3 | 4 }, SNTP_TIME },
    { "leap 2", 0, 1, { 2 << 6 | 4 << 3 | 4 }, SNTP_TIME },
    { "stratum 1", 1, 1, { 1 }, SNTP_TIME },
    { "stratum 15", 1, 1, { 15 }, SNTP_TIME },
    { "stratum 16: unsynchronised", 1, 1, { 16 }, SNTP_NO_TIME },
    { "stratum 255", 1, 1, { 255 }, SNTP_NO_TIME },
    { "received at no time", CAME, 8, { 0 }, SNTP_NO_TIME },
    { "sent at no time", WENT, 8, { 0 }, SNTP_NO_TIME },
    { "a root delay of 2 s", ROOT_DELAY, 4, { 0, 2, 0, 0 }, SNTP_VAGUE },
    { "a root delay that would be negative", ROOT_DELAY, 4, { 0xff, 0xff, 0xff, 0xff }, SNTP_VAGUE },
    { "a root dispersion of 1 s", ROOT_DOUBT, 4, { 0, 1, 0, 0 }, SNTP_VAGUE },
    { "a root dispersion of 0.9 s", ROOT_DOUBT, 4, { 0, 0, 0xe6, 0 }, SNTP_TIME },
};

static void each_rule(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        struct answer a = good(0);
        struct sntp_sample s;

        memcpy(a.packet + changed[i].at, changed[i].bytes, changed[i].n);
        if (judge(&a, &s) != changed[i].want)
            fail_msg("%s", changed[i].says);
    }
}

static void kisses(void **state)
{
    static const struct {
        char code[5];
        enum sntp_said want;
    } rows[] = { { "RATE", SNTP_RATE },    { "DENY", SNTP_DENY },    { "RSTR", SNTP_DENY }, { "INIT", SNTP_NO_TIME },
                 { "STEP", SNTP_NO_TIME }, { "XYZZ", SNTP_NO_TIME }, { "", SNTP_NO_TIME } };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct answer a = good(0);
        struct sntp_sample s;

        a.packet[0] |= 3 << 6;
        a.packet[1] = 0;
        memcpy(a.packet + CODE, rows[i].code, 4);
        assert_int_equal(judge(&a, &s), rows[i].want);
        a.packet[ORIGIN]++; /* nobody but who has read the question can silence a server */
        assert_int_equal(judge(&a, &s), SNTP_STRANGE);
    }
}

static void sizes(void **state)
{
    uint8_t longer[SNTP_PACKET + 20] = { 0 };
    const struct answer a = good(0);
    struct sntp_sample s;

    (void)state;
    memcpy(longer, a.packet, sizeof a.packet);
    for (size_t n = 0; n < SNTP_PACKET; n++)
        assert_int_equal(sntp_judge(span_of(longer, n), &asked, MONO + 22 * MS, FLOOR, &s), SNTP_STRANGE);
    assert_int_equal(sntp_judge(span_of(longer, sizeof longer), &asked, MONO + 22 * MS, FLOOR, &s), SNTP_TIME);
}

static void times(void **state)
{
    struct answer a = good(0);
    struct sntp_sample s;

    (void)state;
    put_time(&a, WENT, ASKED_AT + 9 * MS);
    assert_int_equal(judge(&a, &s), SNTP_NO_TIME); /* sent before it came */
    put_time(&a, WENT, ASKED_AT + 60 * MS);
    assert_int_equal(judge(&a, &s), SNTP_NO_TIME); /* worked on for longer than we have waited */
    put_time(&a, WENT, ASKED_AT + 35 * MS);
    assert_int_equal(judge(&a, &s), SNTP_TIME); /* but for a clock that ticks coarsely */
    assert_int_equal(s.delay_ns, 0);
    a = good(0);
    assert_int_equal(sntp_judge(span_of(a.packet, sizeof a.packet), &asked, MONO + 1980 * MS, FLOOR, &s), SNTP_VAGUE);
    assert_int_equal(sntp_judge(span_of(a.packet, sizeof a.packet), &asked, MONO + 1900 * MS, FLOOR, &s), SNTP_TIME);
}

/* The clock of the box is anywhere; the floor alone tells the era. */
static void floor_and_eras(void **state)
{
    static const struct {
        int64_t server_s, floor_s, ours_s;
        enum sntp_said want;
    } rows[] = {
        { FLOOR, FLOOR, 0, SNTP_TIME }, /* 1970 */
        { FLOOR - 1, FLOOR, 0, SNTP_EARLY },
        { FLOOR - 1, FLOOR, FLOOR + 1000, SNTP_EARLY },
        { 0, FLOOR, 0, SNTP_EARLY },
        { ERA_1 - 1, FLOOR, 0, SNTP_TIME },
        { ERA_1 + 1, FLOOR, ERA_1 - 5, SNTP_TIME },
        { ERA_1 + 100000000, FLOOR, 0, SNTP_TIME },
        { ERA_1 - 1, ERA_1 + 3, ERA_1, SNTP_EARLY },
        { ERA_1 + 7, ERA_1 - 3, ERA_1 - 90, SNTP_TIME },
        { INT64_C(4100000000), ERA_1 + 5, 0, SNTP_TIME },          /* 2099, past 2038 and 2036 */
        { FLOOR + INT64_C(2147483647), FLOOR, 0, SNTP_TIME },      /* 68 years on is the last date */
        { FLOOR + INT64_C(2147483648), FLOOR, FLOOR, SNTP_EARLY }, /* and then the first */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sntp_asked q = asked;
        struct answer a = good(0);
        struct sntp_sample s;

        q.wall_ns = rows[i].ours_s * SNTP_SECOND;
        put_time(&a, CAME, rows[i].server_s * SNTP_SECOND);
        put_time(&a, WENT, rows[i].server_s * SNTP_SECOND);
        assert_int_equal(sntp_judge(span_of(a.packet, sizeof a.packet), &q, MONO, rows[i].floor_s, &s), rows[i].want);
        if (rows[i].want == SNTP_TIME)
            near(s.offset_ns, (rows[i].server_s - rows[i].ours_s) * SNTP_SECOND);
    }
}

static void together(void **state)
{
    static const struct {
        const char *says;
        size_t servers, n;
        int64_t ms[SNTP_SERVERS_MAX];
        enum rc want;
        size_t agree;
        int64_t offset_ms;
    } rows[] = {
        { "nobody", 1, 0, { 0 }, UNUSABLE, 0, 0 },
        { "one is believed, whatever it says", 1, 1, { 86400000 }, OK, 1, 86400000 },
        { "two that agree", 2, 2, { 100, 90 }, OK, 2, 90 },
        { "two that do not", 2, 2, { 0, 5000 }, UNUSABLE, 1, 0 },
        { "one of two, the other silent", 2, 1, { 70 }, OK, 1, 70 },
        { "three", 3, 3, { 30, 10, 20 }, OK, 3, 20 },
        { "a liar ahead", 3, 3, { 10, 86400000, 20 }, OK, 2, 20 },
        { "a liar behind", 3, 3, { 10, -86400000, 20 }, OK, 2, 10 },
        { "two of three, the third silent", 3, 2, { 10, 20 }, OK, 2, 10 },
        { "one of three is no majority", 3, 1, { 10 }, UNUSABLE, 1, 0 },
        { "one and a liar", 3, 2, { 10, 86400000 }, UNUSABLE, 1, 0 },
        { "three that all differ", 3, 3, { 10, 5000, 10000 }, UNUSABLE, 1, 0 },
        { "two of four are none", 4, 4, { 10, 20, 7000, 7001 }, UNUSABLE, 2, 0 },
        { "three of four", 4, 4, { 10, 20, -7000, 30 }, OK, 3, 10 },
        { "two liars of five, both behind", 5, 5, { -9000, -9001, 10, 20, 30 }, OK, 3, 10 },
        { "two liars of five, one silent", 5, 4, { -9000, -9001, 10, 20 }, UNUSABLE, 2, 0 },
        { "a second apart is agreed, more is not", 3, 3, { 0, 1000, 2001 }, OK, 2, 1000 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sntp_sample s[SNTP_SERVERS_MAX], out;
        size_t agree;

        for (size_t j = 0; j < rows[i].n; j++)
            s[j] = (struct sntp_sample){ .offset_ns = rows[i].ms[j] * MS, .distance_ns = MS };
        if (sntp_agree(s, rows[i].n, rows[i].servers, &out, &agree) != rows[i].want || agree != rows[i].agree)
            fail_msg("%s", rows[i].says);
        if (rows[i].want == OK)
            assert_int_equal(out.offset_ns, rows[i].offset_ms * MS);
    }
}

static void how_often(void **state)
{
    static const unsigned silence[] = { 4, 5, 6, 7, 8, 9, 10, 10, 10 }, answered[] = { 6, 7, 8, 9, 10, 10 };
    unsigned poll = 0;

    (void)state;
    assert_int_equal(poll = sntp_poll(poll, false, false, false), SNTP_POLL_UNSENT);
    assert_int_equal(poll = sntp_poll(poll, false, false, false), SNTP_POLL_UNSENT + 1);
    for (size_t i = 0; i < sizeof silence / sizeof silence[0]; i++)
        assert_int_equal(poll = sntp_poll(poll, false, false, true), silence[i]);
    for (size_t i = 0; i < sizeof answered / sizeof answered[0]; i++)
        assert_int_equal(poll = sntp_poll(poll, i != 0, true, true), answered[i]);
    assert_int_equal(sntp_poll(poll, true, false, true), SNTP_POLL_MIN); /* they fell silent: looked after soon */
    assert_int_equal(sntp_wait_ms(4, 0), 16000);
    assert_int_equal(sntp_wait_ms(4, UINT32_MAX) < 24000, true);
    assert_int_equal(sntp_wait_ms(10, 511999), 1024000 + 511999);
}

static void pauses(void **state)
{
    unsigned last = 0;

    (void)state;
    assert_int_equal(last = sntp_pause_s(SNTP_RATE, last), 2048);
    assert_int_equal(last = sntp_pause_s(SNTP_RATE, last), 4096);
    for (unsigned i = 0; i < 40; i++)
        last = sntp_pause_s(SNTP_RATE, last);
    assert_int_equal(last, 86400);
    assert_int_equal(sntp_pause_s(SNTP_DENY, 0), 86400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request),  cmocka_unit_test(believed),  cmocka_unit_test(each_rule),
        cmocka_unit_test(kisses),   cmocka_unit_test(sizes),     cmocka_unit_test(times),
        cmocka_unit_test(together), cmocka_unit_test(how_often), cmocka_unit_test(floor_and_eras),
        cmocka_unit_test(pauses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
