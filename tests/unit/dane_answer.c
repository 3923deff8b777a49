/* dane/answer: one packet, its aliases followed, everything odd an error. R25 R30 R45 A82 A90 */
#include "dane/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Packets in words: HEADER rcode answers, question d.example; names in it are pointers: C00C d.example, C00E example.
 */
#define HEADER(rcode, answers) "\0\0\x81" rcode "\0\1\0" answers "\0\0\0\0"
#define QUESTION(type) "\1d\7example\0\0" type "\0\1"
#define AT_D "\xc0\x0c"
#define AT_EXAMPLE "\xc0\x0e"
#define RR(owner, type, n, rdata) owner "\0" type "\0\1\0\0\0\x3c\0" n rdata
#define A(owner) RR(owner, "\1", "\4", "\xc0\0\2\1")
#define CNAME(owner, target) RR(owner, "\5", "\2", target)
#define CASE(packet) packet, sizeof(packet) - 1

static const struct {
    const char *says;
    const char *packet;
    size_t n;
    unsigned type;
    enum answer_result want;
    unsigned records;
    const char *canonical; /* text, "" for none */
} cases[] = {
    { "one address", CASE(HEADER("\0", "\1") QUESTION("\1") A(AT_D)), TYPE_A, ANSWER_DATA, 1, "" },
    { "the owner in other letters, not compressed",
      CASE(HEADER("\0", "\1") QUESTION("\1") RR("\1D\7EXAMPLE\0", "\1", "\4", "\1\2\3\4")), TYPE_A, ANSWER_DATA, 1,
      "" },
    { "nothing", CASE(HEADER("\0", "\0") QUESTION("\1")), TYPE_A, ANSWER_NODATA, 0, "" },
    { "NXDOMAIN", CASE(HEADER("\3", "\0") QUESTION("\1")), TYPE_A, ANSWER_NXDOMAIN, 0, "" },
    { "NXDOMAIN with a record", CASE(HEADER("\3", "\1") QUESTION("\1") A(AT_D)), TYPE_A, ANSWER_ERROR, 1, "" },
    { "SERVFAIL out of the cache", CASE(HEADER("\2", "\0") QUESTION("\1")), TYPE_A, ANSWER_ERROR, 0, "" },
    { "REFUSED", CASE(HEADER("\5", "\0") QUESTION("\1")), TYPE_A, ANSWER_ERROR, 0, "" },
    { "truncated", CASE("\0\0\x83\0\0\1\0\0\0\0\0\0" QUESTION("\1")), TYPE_A, ANSWER_ERROR, 0, "" },
    { "another question", CASE(HEADER("\0", "\0") "\1e\7example\0\0\1\0\1"), TYPE_A, ANSWER_ERROR, 0, "" },
    { "another owner's record is not ours", CASE(HEADER("\0", "\1") QUESTION("\1") A(AT_EXAMPLE)), TYPE_A,
      ANSWER_NODATA, 0, "" },
    { "an alias", CASE(HEADER("\0", "\2") QUESTION("\1") CNAME(AT_D, AT_EXAMPLE) A(AT_EXAMPLE)), TYPE_A, ANSWER_DATA, 1,
      "example" },
    { "in the wrong order", CASE(HEADER("\0", "\2") QUESTION("\1") A(AT_EXAMPLE) CNAME(AT_D, AT_EXAMPLE)), TYPE_A,
      ANSWER_DATA, 1, "example" },
    { "an alias to nothing", CASE(HEADER("\0", "\1") QUESTION("\1") CNAME(AT_D, AT_EXAMPLE)), TYPE_A, ANSWER_NODATA, 0,
      "example" },
    { "an alias to a name that does not exist", CASE(HEADER("\3", "\1") QUESTION("\1") CNAME(AT_D, AT_EXAMPLE)), TYPE_A,
      ANSWER_NXDOMAIN, 0, "example" },
    { "a loop of aliases", CASE(HEADER("\0", "\2") QUESTION("\1") CNAME(AT_D, AT_EXAMPLE) CNAME(AT_EXAMPLE, AT_D)),
      TYPE_A, ANSWER_ERROR, 0, "" },
    { "the alias itself, asked for", CASE(HEADER("\0", "\1") QUESTION("\5") CNAME(AT_D, AT_EXAMPLE)), TYPE_CNAME,
      ANSWER_DATA, 1, "" },
    { "MX, name compressed", CASE(HEADER("\0", "\1") QUESTION("\x0f") RR(AT_D, "\x0f", "\7", "\0\x0a\2mx" AT_D)),
      TYPE_MX, ANSWER_DATA, 1, "" },
    { "MX with bytes behind its name",
      CASE(HEADER("\0", "\1") QUESTION("\x0f") RR(AT_D, "\x0f", "\5", "\0\x0a" AT_D "x")), TYPE_MX, ANSWER_ERROR, 0,
      "" },
    { "MX whose name runs out of its RDATA",
      CASE(HEADER("\0", "\2") QUESTION("\x0f") RR(AT_D, "\x0f", "\5", "\0\x0a\2mx") A(AT_D)), TYPE_MX, ANSWER_ERROR, 0,
      "" },
    { "a pointer to itself", CASE(HEADER("\0", "\1") QUESTION("\1") A("\xc0\x1b")), TYPE_A, ANSWER_ERROR, 0, "" },
    { "a pointer forward", CASE(HEADER("\0", "\1") QUESTION("\1") A("\xc0\x1d")), TYPE_A, ANSWER_ERROR, 0, "" },
    { "a pointer into the header", CASE(HEADER("\0", "\1") QUESTION("\1") A("\xc0\0")), TYPE_A, ANSWER_ERROR, 0, "" },
    { "a label of 64",
      CASE(HEADER("\0", "\1") QUESTION("\1") A("\x40"
                                               "a\0")),
      TYPE_A, ANSWER_ERROR, 0, "" },
    { "fewer records than told", CASE(HEADER("\0", "\2") QUESTION("\1") A(AT_D)), TYPE_A, ANSWER_ERROR, 0, "" },
    { "RDATA cut", CASE(HEADER("\0", "\1") QUESTION("\1") RR(AT_D, "\1", "\5", "\1\2\3\4")), TYPE_A, ANSWER_ERROR, 0,
      "" },
    { "header cut", CASE("\0\0\x81"), TYPE_A, ANSWER_ERROR, 0, "" },
    { "nothing at all", CASE(""), TYPE_A, ANSWER_ERROR, 0, "" },
};

static struct answer_room room;
static struct answer got;

static void packets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hostname canonical = { 0 };

        answer_read(span_of(cases[i].packet, cases[i].n), "D.example", cases[i].type, &room, &got);
        if (got.canonical.n > 0)
            assert_int_equal(answer_name(got.canonical, &canonical), OK);
        if (got.result != cases[i].want || got.n != cases[i].records || strcmp(canonical.s, cases[i].canonical) != 0)
            fail_msg("%s: result %d, %u records, canonical '%s'", cases[i].says, got.result, got.n, canonical.s);
        assert_int_equal(got.trust, TRUST_NOT_ASKED);
    }
}

static void unpacks(void **state)
{
    static const char packet[] = HEADER("\0", "\1") QUESTION("\x0f") RR(AT_D, "\x0f", "\7", "\0\x0a\2MX" AT_D);
    static const char want[] = "\0\x0a\2mx\1d\7example";

    (void)state;
    answer_read(span_of(packet, sizeof packet - 1), "d.example", TYPE_MX, &room, &got);
    assert_true(span_eq(got.rdata[0], span_of(want, sizeof want)));
}

/* Cut or changed at every byte: never more than an error, never past the end (sanitizers look). */
static void every_byte(void **state)
{
    static const char whole[] =
        HEADER("\0", "\2") QUESTION("\x0f") CNAME(AT_D, AT_EXAMPLE) RR(AT_EXAMPLE, "\x0f", "\7", "\0\x0a\2mx" AT_D);
    uint8_t packet[sizeof whole];

    (void)state;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        answer_read(span_of(whole, n), "d.example", TYPE_MX, &room, &got);
        assert_int_equal(got.result, ANSWER_ERROR);
        for (unsigned value = 0; value < 256; value++) {
            memcpy(packet, whole, sizeof whole);
            packet[n] = (uint8_t)value;
            answer_read(span_of(packet, sizeof whole - 1), "d.example", TYPE_MX, &room, &got);
            assert_true(got.n <= 1 && got.result <= ANSWER_ERROR);
        }
    }
}

static void too_many(void **state)
{
    static uint8_t packet[12 + 15 + (ROUTE_ANSWER_MAX + 1) * 16];
    const char rr[] = A(AT_D);

    (void)state;
    for (unsigned n = ROUTE_ANSWER_MAX; n <= ROUTE_ANSWER_MAX + 1; n++) {
        memcpy(packet, HEADER("\0", "\0") QUESTION("\1"), 27);
        packet[6] = (uint8_t)(n >> 8);
        packet[7] = (uint8_t)n;
        for (unsigned i = 0; i < n; i++)
            memcpy(packet + 27 + i * 16, rr, 16);
        answer_read(span_of(packet, 27 + n * 16), "d.example", TYPE_A, &room, &got);
        assert_int_equal(got.result, n > ROUTE_ANSWER_MAX ? ANSWER_ERROR : ANSWER_DATA);
    }
}

static void names(void **state)
{
    static const struct {
        const char *wire;
        size_t n;
        enum rc want;
    } name[] = {
        { CASE("\1d\7example\0"), OK }, { CASE("\1D\1_\1-\0"), OK }, { CASE("\0"), UNUSABLE },
        { CASE("\3a.b\0"), UNUSABLE },  { CASE("\1 \0"), UNUSABLE }, { CASE("\1\0\0"), UNUSABLE },
        { CASE("\1\xff\0"), UNUSABLE }, { CASE("\1d"), MALFORMED },  { CASE("\1d\0x"), MALFORMED },
        { CASE("\5d\0"), MALFORMED },   { CASE(""), MALFORMED },     { CASE("\xc0\x0c"), MALFORMED },
    };
    struct hostname out;

    (void)state;
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++)
        if (answer_name(span_of(name[i].wire, name[i].n), &out) != name[i].want)
            fail_msg("name %zu", i);
}

/* The least TTL of the answer and of what proves a denial; R14 */
static void ttl(void **state)
{
#define SOA_RR(ttl) AT_D "\0\6\0\1" ttl "\0\0"
#define COUNTS(answers, beside) "\0\0\x81\0\0\1\0" answers "\0" beside "\0\0"
#define A_TTL(ttl) AT_D "\0\1\0\1" ttl "\0\4\1\2\3\4"
    static const struct {
        const char *packet;
        size_t n;
        uint32_t want;
    } rows[] = {
        { CASE(COUNTS("\1", "\0") QUESTION("\1") A(AT_D)), 60 },
        { CASE(COUNTS("\2", "\0") QUESTION("\1") A_TTL("\0\0\1\2") A_TTL("\0\0\0\7")), 7 },
        { CASE(COUNTS("\1", "\1") QUESTION("\1") A_TTL("\0\0\1\2") SOA_RR("\0\0\0\5")), 5 },
        { CASE(COUNTS("\0", "\1") QUESTION("\1") SOA_RR("\0\1\0\0")), 65536 },
        { CASE(COUNTS("\0", "\0") QUESTION("\1")), 0 },
        { CASE(COUNTS("\1", "\0") QUESTION("\1") A_TTL("\xff\0\0\0")), 0 }, /* RFC 2181 8 */
        { CASE(COUNTS("\1", "\1") QUESTION("\1") A_TTL("\0\0\1\2")), 0 },   /* what cannot be read promises nothing */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct answer out;

        answer_read(span_of(rows[i].packet, rows[i].n), "d.example", TYPE_A, &room, &out);
        assert_int_equal(out.ttl_s, rows[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ttl),        cmocka_unit_test(packets),  cmocka_unit_test(unpacks),
        cmocka_unit_test(every_byte), cmocka_unit_test(too_many), cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
