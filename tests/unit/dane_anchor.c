/* dane/anchor, ops/anchors: what root.key files hold, and what must not pass for a key. A113 A123 A125 */
#include "dane/anchor.h"
#include "ops/anchors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DS17 ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
#define DS24 ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16"
#define KEY24                                                                                                          \
    "AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAlFNKF2jBosZBU5eeHspaQWOmOElZsjICMQMC3aeHb" \
    "GiShvZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1jo+siFUiRAAxm9qyJNg/wOZqqzL/dL/q8PkcRU5oUKEpUge71M3ej2/7CPqp" \
    "dVwuMoTvoB+ZOT4YeGyxMvHmbrxlFzGOHOijtzN+u1TQNatX2XBuzZNQ1K+s2CXkPIZo7s6JgZyvaBevYtxPvYLw4z9mR7K2vaF18UYH9Z9GNUUe" \
    "ayffKC73PYc="

#define KEY17                                                                                                          \
    "AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kv" \
    "ArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+e" \
    "oZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwN" \
    "R1AkUTV74bU="

static const struct {
    const char *says, *text;
    enum rc want;
    unsigned n, line; /* keys; the line that is refused */
} cases[] = {
    { "DS", DS17 "\n" DS24 "\n", OK, 2, 0 },
    { "no end of line", DS24, OK, 1, 0 },
    { "DNSKEY, with TTL, tabs, CRLF and a comment", ".\t172800\tIN\tDNSKEY\t257 3 8 " KEY24 " ;{id = 38696}\r\n", OK, 1,
      0 },
    { "class before TTL, lower case, digest in groups",
      ". in 60 ds 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A45 0D612C483AF444A4C0FB2B16", OK, 1, 0 },
    { "an RFC 5011 file: VALID",
      "; autotrust trust anchor file\n;;id: . 1\n;;last_queried: 1 ;;Thu\n. 60 IN DNSKEY 257 3 8 " KEY24
      " ;{id = 38696 (ksk), size = 2048b} ;;state=2 [  VALID  ] ;;count=0 ;;lastchange=1\n",
      OK, 1, 0 },
    { "MISSING is trusted still (5011 4.2)", ". IN DNSKEY 257 3 8 " KEY24 " ;;state=3 [ MISSING ]", OK, 1, 0 },
    { "ADDPEND is not trusted yet", ". IN DNSKEY 257 3 8 " KEY24 " ;;state=1 [ ADDPEND ]", UNUSABLE, 0, 0 },
    { "REVOKED no more", ". IN DNSKEY 257 3 8 " KEY24 " ;;state=4 [ REVOKED ]", UNUSABLE, 0, 0 },
    { "nor a key with the REVOKE bit, nor a zone's", ". IN DNSKEY 385 3 8 " KEY24 "\n. IN DNSKEY 256 3 8 " KEY24,
      UNUSABLE, 0, 0 },
    { "empty", "", UNUSABLE, 0, 0 },
    { "comments alone", "; nothing\n\n \t\n", UNUSABLE, 0, 0 },
    { "garbage", "garbage\n", MALFORMED, 0, 1 },
    { "garbage behind a key", DS17 "\n\ngarbage\n", MALFORMED, 0, 3 },
    { "another zone's", "example. IN DS 1 8 2 00", MALFORMED, 0, 1 },
    { "another type", ". IN NS a.", MALFORMED, 0, 1 },
    { "digest too short", ". IN DS 1 8 2 E06D44B8", MALFORMED, 0, 1 },
    { "digest of an unknown type", ". IN DS 1 8 3 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
      MALFORMED, 0, 1 },
    { "a digit too many", DS17 "0", MALFORMED, 0, 1 },
    { "cut", ". IN DNSKEY 257 3 8", MALFORMED, 0, 1 },
    { "base64 that is none", ". IN DNSKEY 257 3 8 AwEAAa96jeuknZlaeSr*", MALFORMED, 0, 1 },
    { "cut base64", ". IN DNSKEY 257 3 8 AwEAAa96jeuknZlaeSr", MALFORMED, 0, 1 },
    { "another protocol", ". IN DNSKEY 257 2 8 " KEY24, MALFORMED, 0, 1 },
};

static void parses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct anchors a;
        unsigned line;
        const enum rc rc = anchor_parse(span_str(cases[i].text), &a, &line);

        if (rc != cases[i].want || (rc == OK && a.n != cases[i].n) || (rc == MALFORMED && line != cases[i].line))
            fail_msg("%s: rc %d, %u keys, line %u", cases[i].says, rc, a.n, line);
    }
}

static void says_the_same(void **state)
{
    struct anchors a;
    unsigned line;

    (void)state;
    assert_int_equal(anchor_parse(SPAN(".  3600 IN\tDNSKEY 257 3  8 " KEY24 " ; x\n" DS17), &a, &line), OK);
    assert_string_equal(a.key[0].line, ". IN DNSKEY 257 3 8 " KEY24);
    assert_int_equal(a.key[0].tag, 38696); /* RFC 4034 B, as IANA has it */
    assert_string_equal(a.key[1].line, DS17);
}

static void bounds(void **state)
{
    static char text[(ANCHORS_MAX + 1) * sizeof DS17 + 4096];
    struct anchors a;
    unsigned line;

    (void)state;
    for (unsigned i = 0; i <= ANCHORS_MAX; i++)
        strcat(text, DS17 "\n");
    assert_int_equal(anchor_parse(span_str(text), &a, &line), FULL);
    memset(text, 'A', 4095);
    memcpy(text, ". IN DNSKEY 257 3 8 ", 20);
    assert_int_equal(anchor_parse(span_of(text, 4095), &a, &line), MALFORMED);
}

static void builtin(void **state)
{
    struct anchors a = { .n = 0 };
    unsigned line;

    (void)state;
    anchor_add_builtin(&a);
    assert_int_equal(a.n, 2);
    assert_string_equal(a.key[0].line, DS17);
    assert_string_equal(a.key[1].line, DS24);
    assert_false(anchor_is_stale(&a));
    assert_int_equal(anchor_parse(SPAN(DS17), &a, &line), OK);
    assert_true(anchor_is_stale(&a));
    anchor_add_builtin(&a);
    assert_int_equal(a.n, 2);
    assert_int_equal(anchor_parse(SPAN(DS24), &a, &line), OK); /* 20326 revoked and gone: nothing to say */
    assert_false(anchor_is_stale(&a));
}

/* What is written is what was read, without what libunbound notes besides; the same set has the same name. */
static void text(void **state)
{
    static const char file[] =
        "; autotrust trust anchor file\n;;id: . 1\n;;next_probe_time: 1 ;;Thu\n" DS17 "\n"
        ". 86400 IN DNSKEY 257 3 8 " KEY24 " ;{id = 38696 (ksk), size = 2048b} ;;state=1 [ ADDPEND ] ;;count=12 "
        ";;lastchange=1790000000 ;;Tue\n";
    static const char want[] =
        DS17 "\n. IN DNSKEY 257 3 8 " KEY24 " ;;state=1 [ADDPEND] ;;count=12 ;;lastchange=1790000000\n";
    char out[ANCHORS_TEXT_MAX], base[ANCHOR_BASE_MAX], other[ANCHOR_BASE_MAX];
    struct anchors a, b;
    unsigned line;

    (void)state;
    assert_int_equal(anchor_parse(span_str(file), &a, &line), OK);
    assert_int_equal(anchor_text(&a, out), sizeof want - 1);
    assert_string_equal(out, want);
    assert_int_equal(anchor_parse(span_str(out), &b, &line), OK);
    assert_int_equal(anchor_text(&b, out), sizeof want - 1);
    anchor_base(&a, base);
    assert_int_equal(strlen(base), 64);
    assert_int_equal(anchor_parse(SPAN(DS17), &b, &line), OK);
    anchor_base(&b, other);
    assert_string_equal(base, other); /* the pending one does not count */
    anchor_add_builtin(&b);
    anchor_base(&b, other);
    assert_string_not_equal(base, other);
    anchor_add_builtin(&a); /* in the place of the pending one */
    assert_int_equal(a.n, 2);
    assert_string_equal(a.key[1].line, DS24);
    assert_true(anchor_is_trusted(&a.key[1]));
    assert_int_equal(anchor_parse(SPAN(". IN DNSKEY 257 3 8 " KEY24 " ;;state=1 ;;count=99999999999"), &a, &line),
                     MALFORMED);
}

/* IANA's own, in either form; another root may have a key of the same tag. */
static void stale(void **state)
{
    struct anchors a;
    unsigned line;

    (void)state;
    assert_int_equal(anchor_parse(SPAN(". IN DNSKEY 257 3 8 " KEY17), &a, &line), OK);
    assert_int_equal(a.key[0].tag, 20326);
    assert_true(anchor_is_stale(&a));
    assert_int_equal(
        anchor_parse(SPAN(". IN DS 20326 8 2 F06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"), &a,
                     &line),
        OK);
    assert_false(anchor_is_stale(&a));
    assert_int_equal(anchor_parse(SPAN(DS17 "\n. IN DNSKEY 257 3 8 " KEY24 " ;;state=1 [ ADDPEND ]"), &a, &line), OK);
    assert_true(anchor_is_stale(&a));
}

#define TOY(first, rest)                                                                                               \
    ". IN DNSKEY 257 3 13 " first                                                                                      \
    "E9VM+7qfknXsU+WfACb3jRANIRpJR/tRJ+Sb6CRq7uysd3/g+HI4lYFE71uhVPqjeGCqYzIC0rKbiL5Um+PKQ== " rest "\n"
#define VALID ";;state=2 [VALID] ;;count=0 ;;lastchange=1790000000"
#define PENDING(since) ";;state=1 [ADDPEND] ;;count=3 ;;lastchange=" since

/* What a resolver that was taken over may not leave behind; by a clock of 1800000000. R24 */
static void follows(void **state)
{
    static const struct {
        const char *given, *known, *fresh;
        bool follows;
        const char *says;
        int64_t since; /* of the last key */
    } rows[] = {
        { DS24, "", ". IN DNSKEY 257 3 8 " KEY24 " " VALID, true, "the configured key in its other form", 0 },
        { ". IN DNSKEY 257 3 8 " KEY24, "", DS24, true, "and the other way round", 0 },
        { DS24, "", DS24 "\n" TOY("3", VALID), false, "a key from nowhere", 0 },
        { DS24, DS24, TOY("3", VALID), false, "nor in the place of what is known", 0 },
        { DS24, DS24, DS24 "\n" TOY("3", PENDING("1799990000")), true, "a key that begins to wait", 1799990000 },
        { DS24, DS24, DS24 "\n" TOY("3", PENDING("1790000000")), true, "one that says it has waited", 1800000000 },
        { DS24, DS24 "\n" TOY("3", PENDING("1799000000")), DS24 "\n" TOY("3", PENDING("1790000000")), true,
          "one whose wait was known", 1799000000 },
        { DS24, DS24 "\n" TOY("3", PENDING("1799000000")), DS24 "\n" TOY("3", VALID), false,
          "one that has not waited for long enough", 0 },
        { DS24, DS24 "\n" TOY("3", PENDING("1797400000")), DS24 "\n" TOY("3", VALID), true, "one that has", 0 },
        { DS24, DS24 "\n" TOY("3", PENDING("1797400000")), TOY("3", VALID), true, "while the old one was revoked", 0 },
        { DS24, DS24 "\n" TOY("3", VALID), TOY("3", VALID), true, "or later", 0 },
        { DS24, TOY("3", VALID), DS24, false, "back to the beginning, which may be revoked", 0 },
        { DS24, TOY("3", VALID), TOY("3", VALID) TOY("4", VALID), false, "another one beside it", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct anchors given, known = { .n = 0 }, fresh;
        unsigned line;

        assert_int_equal(anchor_parse(span_str(rows[i].given), &given, &line), OK);
        if (rows[i].known[0] != '\0')
            assert_int_equal(anchor_parse(span_str(rows[i].known), &known, &line), OK);
        assert_int_equal(anchor_parse(span_str(rows[i].fresh), &fresh, &line), OK);
        if (anchor_follows(&given, &known, &fresh, 1800000000) != rows[i].follows)
            fail_msg("%s", rows[i].says);
        if (rows[i].since != 0)
            assert_int_equal(fresh.key[fresh.n - 1].changed, rows[i].since);
    }
}

/* The configured file counts alone, and must be right; the distribution's copy only costs a warning. */
static void files(void **state)
{
    static const struct {
        const char *text; /* NULL: no file */
        bool configured;
        enum rc want;
        unsigned n;
        const char *say;
    } file[] = {
        { DS17 "\n" DS24, true, OK, 2, "" },
        { DS24, true, OK, 1, "" },
        { DS17, true, OK, 2, "is stale: it lacks KSK-2024" },
        { NULL, true, FAILED, 0, "No such file" },
        { "", true, FAILED, 0, "no key in it" },
        { "x", true, FAILED, 0, "line 1 is no DS" },
        { DS17 "\n" DS24, false, OK, 2, "" },
        { DS17, false, OK, 2, "is stale: it lacks KSK-2024" },
        { NULL, false, OK, 2, "No such file or directory; the built-in keys are used" },
        { "", false, OK, 2, "no key in it; the built-in keys are used" },
        { "x", false, OK, 2, "the built-in keys are used" },
    };
    char path[] = "/tmp/anchorXXXXXX";
    const int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < sizeof file / sizeof file[0]; i++) {
        struct anchors_loaded a;
        char say[ANCHORS_SAY_MAX];

        unlink(path);
        if (file[i].text != NULL) {
            FILE *f = fopen(path, "w");

            assert_non_null(f);
            fputs(file[i].text, f);
            fclose(f);
        }
        const enum rc rc = anchors_load(path, file[i].configured, &a, say);

        if (rc != file[i].want || (rc == OK && a.anchors.n != file[i].n) || strstr(say, file[i].say) == NULL ||
            (file[i].say[0] == '\0') != (say[0] == '\0'))
            fail_msg("file %zu: rc %d, %u keys, '%s'", i, rc, a.anchors.n, say);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses), cmocka_unit_test(says_the_same), cmocka_unit_test(bounds),  cmocka_unit_test(builtin),
        cmocka_unit_test(text),   cmocka_unit_test(stale),         cmocka_unit_test(follows), cmocka_unit_test(files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
