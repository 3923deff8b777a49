/*
 * policy/why: a refusal explains itself, in one line that any server can log (RFC 5321 4.2, 4.5.3.1.5; RFC 3463), with
 * the words of INTERFACES.md, each of them in the manual page. A119, R72
 */
#include "policy/why.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const words[] = { "starttls-not-supported",
                                     "certificate-host-mismatch",
                                     "certificate-expired",
                                     "certificate-not-trusted",
                                     "tlsa-invalid",
                                     "dnssec-invalid",
                                     "dane-required",
                                     "validation-failure",
                                     "dns-error",
                                     "dns-timeout",
                                     "clock-unsynced",
                                     "no-anchor",
                                     "handshake-failed",
                                     "clear-after",
                                     "budget",
                                     "not-an-mx",
                                     "null-mx",
                                     "early-bytes",
                                     "capability-drift",
                                     "ambiguous-end-of-data",
                                     "bad-recipient",
                                     "auth-in-clear",
                                     "upstream-lost",
                                     "overload",
                                     "client-starttls",
                                     "client-gone" };
#define N_WORDS (sizeof words / sizeof words[0])

static const struct {
    enum why why;
    const char *enhanced;
} codes[] = {
    { WHY_NO_STARTTLS, "4.7.4" },    { WHY_STARTTLS_REFUSED, "4.7.4" }, { WHY_HANDSHAKE_FAILED, "4.7.5" },
    { WHY_TLSA_INVALID, "4.7.5" },   { WHY_HOST_MISMATCH, "4.7.5" },    { WHY_EXPIRED, "4.7.5" },
    { WHY_NOT_TRUSTED, "4.7.5" },    { WHY_DANE_REQUIRED, "4.7.5" },    { WHY_NOT_AN_MX, "4.7.5" },
    { WHY_NULL_MX, "4.7.5" },        { WHY_LATCHED, "4.7.10" },         { WHY_CLEAR_AFTER, "4.7.10" },
    { WHY_DNSSEC_INVALID, "4.4.3" }, { WHY_DNS_ERROR, "4.4.3" },        { WHY_DNS_TIMEOUT, "4.4.3" },
    { WHY_CLOCK_UNSYNCED, "4.4.3" }, { WHY_NO_ANCHOR, "4.4.3" },        { WHY_REQUIRETLS, "4.7.30" },
    { WHY_AUTH_IN_CLEAR, "4.7.0" },  { WHY_CAPABILITY_DRIFT, "4.7.0" }, { WHY_OVERLOAD, "4.3.2" },
    { WHY_MEMORY_UNKNOWN, "4.3.2" },
};

static void only_words_of_the_list(void **state)
{
    bool used[N_WORDS] = { false };

    (void)state;
    assert_string_equal(why_word(WHY_NONE), "-");
    for (int w = WHY_NONE + 1; w < WHY__COUNT; w++) {
        size_t i = 0;

        while (i < N_WORDS && strcmp(words[i], why_word((enum why)w)) != 0)
            i++;
        if (i == N_WORDS)
            fail_msg("%s is not a word of the list", why_word((enum why)w));
        used[i] = true;
    }
    for (size_t i = 0; i < N_WORDS; i++)
        if (!used[i])
            fail_msg("nobody says %s", words[i]);
}

static void enhanced_codes(void **state)
{
    const struct why_about about = { .domain = SPAN("example.org") };
    char line[WHY_REPLY_MAX], want[64];

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        (void)why_reply(451, codes[i].why, &about, line, sizeof line);
        (void)snprintf(want, sizeof want, "451 %s waxseal: %s: ", codes[i].enhanced, why_word(codes[i].why));
        line[strlen(want)] = '\0';
        assert_string_equal(line, want);
    }
}

#define SEE "; see waxseal-reasons(7)\r\n"

static void the_line(void **state)
{
    static const struct {
        const char *says;
        unsigned code;
        enum why why;
        struct why_about about;
        const char *want;
    } cases[] = {
        { "DESIGN.md's example",
          451,
          WHY_TLSA_INVALID,
          { SPAN("mx1.example.org"), SPAN("203.0.113.9"), SPAN("example.org"),
            SPAN("certificate matches none of 2 TLSA records") },
          "451 4.7.5 waxseal: tlsa-invalid: mx1.example.org [203.0.113.9] for example.org: certificate matches none of "
          "2 TLSA records" SEE },
        { "no host is known",
          451,
          WHY_DNSSEC_INVALID,
          { .address = SPAN("2001:db8::1"), .domain = SPAN("example.org") },
          "451 4.4.3 waxseal: dnssec-invalid: [2001:db8::1] for example.org: the DNS answer fails DNSSEC "
          "validation" SEE },
        { "AUTH has no domain",
          454,
          WHY_AUTH_IN_CLEAR,
          { .address = SPAN("192.0.2.1") },
          "454 4.7.0 waxseal: auth-in-clear: [192.0.2.1]: credentials are never sent without TLS" SEE },
        { "a domain alone",
          451,
          WHY_NULL_MX,
          { .domain = SPAN("example.org") },
          "451 4.7.5 waxseal: null-mx: example.org: the domain says that it takes no mail" SEE },
        { "about nothing",
          421,
          WHY_OVERLOAD,
          { .detail = SPAN("") },
          "421 4.3.2 waxseal: overload: too much to do at the moment" SEE },
        { "hostile bytes cannot end the line or colour a terminal (A119)",
          451,
          WHY_UPSTREAM_LOST,
          { .host = SPAN("mx\r\n250 ok"), .detail = SPAN("\x1b[2J\xff\0x") },
          "451 4.4.2 waxseal: upstream-lost: mx??250 ok: ?[2J??x" SEE },
    };
    char line[WHY_REPLY_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t n = why_reply(cases[i].code, cases[i].why, &cases[i].about, line, sizeof line);

        print_message("# %s\n", cases[i].says);
        assert_string_equal(line, cases[i].want);
        assert_int_equal(n, strlen(line));
    }
}

static void always_fits(void **state)
{
    static uint8_t much[4096];
    const struct span all = span_of(much, sizeof much);
    const struct why_about about = { all, all, all, all };
    char line[WHY_REPLY_MAX];

    (void)state;
    memset(much, 'x', sizeof much);
    for (int w = WHY_NONE + 1; w < WHY__COUNT; w++) {
        const size_t n = why_reply(451, (enum why)w, &about, line, sizeof line);

        assert_true(n < 512);
        assert_string_equal(line + n - strlen(SEE), SEE); /* cut in the middle, never at the end */
        assert_int_equal(strcspn(line, "\r\n"), n - 2);
    }
}

/* No sentence of the table is cut. */
static void sentences_are_whole(void **state)
{
    static const char *const text[] = {
#define WHY(id, word, enhanced, text) text,
#include "policy/why.def"
#undef WHY
    };
    const struct why_about about = { .domain = SPAN("example.org") };
    char line[WHY_REPLY_MAX];

    (void)state;
    for (int w = WHY_NONE + 1; w < WHY__COUNT; w++) {
        (void)why_reply(451, (enum why)w, &about, line, sizeof line);
        assert_non_null(strstr(line, text[w]));
    }
}

/* The page that every reply points to has each word, and no other. */
static void the_manual_has_each_word(void **state)
{
    static char page[65536];
    FILE *f = fopen("proxy/man/waxseal-reasons.7", "r");
    size_t entries = 0;

    (void)state;
    if (f == NULL) { /* run from elsewhere than the top of the tree */
        skip();
        return;
    }
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    (void)fclose(f);
    for (size_t i = 0; i < N_WORDS; i++) {
        char entry[64];

        (void)snprintf(entry, sizeof entry, "\n.It Sy %s Pq ", words[i]);
        if (strstr(page, entry) == NULL)
            fail_msg("the manual lacks %s", words[i]);
    }
    for (const char *at = page; (at = strstr(at, "\n.It Sy ")) != NULL; at++)
        entries++;
    assert_int_equal(entries, N_WORDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_words_of_the_list),
        cmocka_unit_test(enhanced_codes),
        cmocka_unit_test(the_line),
        cmocka_unit_test(always_fits),
        cmocka_unit_test(sentences_are_whole),
        cmocka_unit_test(the_manual_has_each_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
