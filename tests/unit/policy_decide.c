/*
 * policy/decide: what is sent, sealed or refused, case by case. Each line names its requirement; tests/laws/decide.c
 * walks all the combinations that nobody thought of.
 */
#include "policy/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#pragma GCC diagnostic ignored "-Woverride-init" /* a case is the BOX with a few fields changed */

/* A working box: everything known, nothing remembered, nothing tried. Cases change what they are about. */
#define BOX                                                                                                            \
    .anchored = true, .clock = CLOCK_SYNCED, .grace = GRACE_WAIT, .latch = LATCH_NONE, .sts = STS_NONE,                \
    .modern = true, .enforce = true

/* The DNS of a domain. */
#define DNS(mx_, found_, tlsa_) .mx = TRUST_##mx_, .found = FOUND_##found_, .tlsa = TLSA_##tlsa_
#define PLAIN DNS(SECURE, SECURE, NONE)
#define UNSIGNED DNS(INSECURE, INSECURE, NOT_ASKED)
#define DANE DNS(SECURE, SECURE, USABLE)

/* The far server, as this session met it. */
#define OFFERED .offer = OFFER_MADE
#define STRIPPED .offer = OFFER_NONE
#define REFUSED .offer = OFFER_REFUSED
#define SEALED .offer = OFFER_MADE, .handshake = HANDSHAKE_DONE
#define SEALED_MATCH SEALED, .matched = MATCHED_YES
#define SEALED_OTHER SEALED, .matched = MATCHED_NO
#define BROKE .handshake = HANDSHAKE_FAILED
#define BROKE_THEN_FRESH .handshake = HANDSHAKE_FAILED, .offer = OFFER_MADE

#define CLEARTEXT                                                                                                      \
    {                                                                                                                  \
        ACT_SEND, GRADE_CLEARTEXT, WHY_NONE, false                                                                     \
    }
#define ENCRYPTED                                                                                                      \
    {                                                                                                                  \
        ACT_SEND, GRADE_ENCRYPTED, WHY_NONE, false                                                                     \
    }
#define VERIFIED                                                                                                       \
    {                                                                                                                  \
        ACT_SEND, GRADE_VERIFIED, WHY_NONE, false                                                                      \
    }
#define UPGRADE                                                                                                        \
    {                                                                                                                  \
        ACT_UPGRADE, GRADE_CLEARTEXT, WHY_CHANNEL_MISFIT, false                                                        \
    }
#define REFUSE(why)                                                                                                    \
    {                                                                                                                  \
        ACT_REFUSE, GRADE_CLEARTEXT, WHY_##why, false                                                                  \
    }
#define REDIAL(why)                                                                                                    \
    {                                                                                                                  \
        ACT_REDIAL, GRADE_CLEARTEXT, WHY_##why, false                                                                  \
    }
#define WOULD(act, grade, why)                                                                                         \
    {                                                                                                                  \
        ACT_##act, GRADE_##grade, WHY_##why, true                                                                      \
    }

struct row {
    const char *says;
    struct facts f;
    struct verdict want;
};

#define AT(level_) .level = LEVEL_##level_

static const struct row levels[] = {
    { "none: the channel stays as it is (R57)", { BOX, AT(NONE), OFFERED }, CLEARTEXT },
    { "none waits for no clock and no memory (A122)", { AT(NONE), .enforce = true, OFFERED }, CLEARTEXT },
    { "none: AUTH goes too", { BOX, AT(NONE), .what = FOR_AUTH, STRIPPED }, CLEARTEXT },
    { "may: offered is tried (R34, RFC 7435)", { BOX, AT(MAY), OFFERED }, UPGRADE },
    { "may: the list comes first", { BOX, AT(MAY) }, UPGRADE },
    { "may: any certificate (A98)", { BOX, AT(MAY), SEALED_OTHER }, ENCRYPTED },
    { "may: not offered, in clear at once (A1, A9)", { BOX, AT(MAY), STRIPPED }, CLEARTEXT },
    { "may needs no clock (A91, A122)",
      { BOX, AT(MAY), .clock = CLOCK_UNSYNCED, .anchored = false, STRIPPED },
      CLEARTEXT },
    { "encrypt: not offered (R9)", { BOX, AT(ENCRYPT), STRIPPED }, REFUSE(NO_STARTTLS) },
    { "encrypt: refused (R3, A4-A7)", { BOX, AT(ENCRYPT), REFUSED, .grace = GRACE_OVER }, REFUSE(STARTTLS_REFUSED) },
    { "encrypt: broke (A19)", { BOX, AT(ENCRYPT), BROKE, .grace = GRACE_OVER }, REFUSE(HANDSHAKE_FAILED) },
    { "encrypt: any certificate", { BOX, AT(ENCRYPT), SEALED_OTHER }, ENCRYPTED },
};

#define BY_MX .asks_mx = true

/* Levels at which the site says itself who the peer is (R9, R66, A98). */
static const struct row named[] = {
    { "secure: the peer that is named", { BOX, AT(SECURE), SEALED_MATCH }, VERIFIED },
    { "secure asks no DNS", { BOX, AT(SECURE), .anchored = false, SEALED_MATCH }, VERIFIED },
    { "secure: nothing tried yet", { BOX, AT(SECURE), OFFERED }, UPGRADE },
    { "secure: stripped (A2)", { BOX, AT(SECURE), STRIPPED, .grace = GRACE_OVER }, REFUSE(NO_STARTTLS) },
    { "secure: refused", { BOX, AT(SECURE), REFUSED, .grace = GRACE_OVER }, REFUSE(STARTTLS_REFUSED) },
    { "secure: broke", { BOX, AT(SECURE), BROKE, .grace = GRACE_OVER }, REFUSE(HANDSHAKE_FAILED) },
    { "secure: wrong name", { BOX, AT(SECURE), SEALED_OTHER, .mismatch = WHY_HOST_MISMATCH }, REFUSE(HOST_MISMATCH) },
    { "secure: expired", { BOX, AT(SECURE), SEALED_OTHER, .mismatch = WHY_EXPIRED }, REFUSE(EXPIRED) },
    { "secure: untrusted", { BOX, AT(SECURE), SEALED_OTHER, .mismatch = WHY_NOT_TRUSTED }, REFUSE(NOT_TRUSTED) },
    { "secure: TLSA do not stand in for a public root", { BOX, AT(SECURE), DANE, SEALED }, REFUSE(VALIDATION_FAILURE) },
    { "secure: TLS 1.1 (A99, R68)", { BOX, AT(SECURE), SEALED_MATCH, .modern = false }, REFUSE(OLD_TLS) },
    { "secure: dates need a clock (A122)",
      { BOX, AT(SECURE), SEALED_MATCH, .clock = CLOCK_UNSYNCED },
      REFUSE(CLOCK_UNSYNCED) },
    { "secure verifies for REQUIRETLS (R75)", { BOX, AT(SECURE), SEALED_MATCH, .requiretls = true }, VERIFIED },
    { "secure: credentials go to whom is named", { BOX, AT(SECURE), .what = FOR_AUTH, SEALED_MATCH }, VERIFIED },
    { "secure: and to nobody else",
      { BOX, AT(SECURE), .what = FOR_AUTH, SEALED_OTHER, .mismatch = WHY_HOST_MISMATCH },
      REFUSE(HOST_MISMATCH) },
    { "verify by a signed MX", { BOX, AT(VERIFY), BY_MX, DNS(SECURE, SECURE, NONE), SEALED_MATCH }, VERIFIED },
    { "verify by an unsigned MX is called no more than that",
      { BOX, AT(VERIFY), BY_MX, UNSIGNED, SEALED_MATCH },
      ENCRYPTED },
    { "verify: which host the address is does not matter",
      { BOX, AT(VERIFY), BY_MX, DNS(INSECURE, UNLISTED, NOT_ASKED), SEALED_MATCH },
      ENCRYPTED },
    { "verify by an unsigned MX is not enough for REQUIRETLS",
      { BOX, AT(VERIFY), BY_MX, UNSIGNED, SEALED_MATCH, .requiretls = true },
      REFUSE(REQUIRETLS) },
    { "verify: bogus MX", { BOX, AT(VERIFY), BY_MX, DNS(BOGUS, FAILED, NOT_ASKED), OFFERED }, REFUSE(DNSSEC_INVALID) },
    { "verify: MX unknown", { BOX, AT(VERIFY), BY_MX, DNS(ERROR, FAILED, NOT_ASKED), OFFERED }, REFUSE(DNS_ERROR) },
    { "verify: another name to try",
      { BOX, AT(VERIFY), BY_MX, UNSIGNED, SEALED_OTHER, .mismatch = WHY_HOST_MISMATCH, .more_names = true },
      REDIAL(HOST_MISMATCH) },
    { "fingerprint: it has it", { BOX, AT(FINGERPRINT), SEALED_MATCH }, VERIFIED },
    { "fingerprint waits for no clock and no DNS (A122)",
      { BOX, AT(FINGERPRINT), .clock = CLOCK_UNSYNCED, .anchored = false, SEALED_MATCH },
      VERIFIED },
    { "fingerprint: another",
      { BOX, AT(FINGERPRINT), SEALED_OTHER, .mismatch = WHY_FINGERPRINT },
      REFUSE(FINGERPRINT) },
    { "fingerprint: observed",
      { BOX, AT(FINGERPRINT), SEALED_OTHER, .mismatch = WHY_FINGERPRINT, .enforce = false },
      WOULD(SEND, ENCRYPTED, FINGERPRINT) },
};

static const struct row dns[] = {
    { "match (R32, A74)", { BOX, AT(DANE), DANE, SEALED_MATCH }, VERIFIED },
    { "no match (R13, A80)", { BOX, AT(DANE), DANE, SEALED_OTHER }, REFUSE(TLSA_INVALID) },
    { "no match, the matcher knows better why",
      { BOX, AT(DANE), DANE, SEALED_OTHER, .mismatch = WHY_HOST_MISMATCH },
      REFUSE(HOST_MISMATCH) },
    { "no match, another name to try (R55)",
      { BOX, AT(DANE), DANE, SEALED_OTHER, .more_names = true },
      REDIAL(TLSA_INVALID) },
    { "a match in TLS 1.1 is none (A99)", { BOX, AT(DANE), DANE, SEALED_MATCH, .modern = false }, REFUSE(OLD_TLS) },
    { "stripped (R47, A2, A3)", { BOX, AT(DANE), DANE, STRIPPED }, REFUSE(NO_STARTTLS) },
    { "refused, for however long (A4-A7)",
      { BOX, AT(DANE), DANE, REFUSED, .grace = GRACE_OVER },
      REFUSE(STARTTLS_REFUSED) },
    { "broke, for however long (A18-A20)",
      { BOX, AT(DANE), DANE, BROKE, .grace = GRACE_OVER },
      REFUSE(HANDSHAKE_FAILED) },
    { "all unusable: TLS is a must (R33, A81)",
      { BOX, AT(DANE), DNS(SECURE, SECURE, UNUSABLE), STRIPPED },
      REFUSE(NO_STARTTLS) },
    { "all unusable: any certificate (R33, R48, A81)",
      { BOX, AT(DANE), DNS(SECURE, SECURE, UNUSABLE), SEALED },
      ENCRYPTED },
    { "no TLSA: opportunistic (R34)", { BOX, AT(DANE), PLAIN, STRIPPED }, CLEARTEXT },
    { "no TLSA: what is offered is tried", { BOX, AT(DANE), PLAIN, OFFERED }, UPGRADE },
    { "no TLSA: encrypted", { BOX, AT(DANE), PLAIN, SEALED }, ENCRYPTED },
    { "unsigned: opportunistic (A83, R40)", { BOX, AT(DANE), UNSIGNED, STRIPPED }, CLEARTEXT },
    { "bogus MX (R27, A84)", { BOX, AT(DANE), DNS(BOGUS, FAILED, NOT_ASKED), OFFERED }, REFUSE(DNSSEC_INVALID) },
    { "MX lookup failed (R27, R35)", { BOX, AT(DANE), DNS(ERROR, FAILED, NOT_ASKED), OFFERED }, REFUSE(DNS_ERROR) },
    { "MX lookup timed out (A91)",
      { BOX, AT(DANE), DNS(ERROR, FAILED, NOT_ASKED), .dns_timeout = true, OFFERED },
      REFUSE(DNS_TIMEOUT) },
    { "TLSA lookup failed: never 'no TLSA' (R28, A82)",
      { BOX, AT(DANE), DNS(SECURE, SECURE, NONE), .tlsa_error = true, SEALED },
      REFUSE(DNS_ERROR) },
    { "TLSA lookup of one candidate failed, another's matches (A95)",
      { BOX, AT(DANE), DANE, .tlsa_error = true, SEALED_MATCH },
      VERIFIED },
    { "TLSA lookup of one candidate failed, another's does not match",
      { BOX, AT(DANE), DANE, .tlsa_error = true, SEALED_OTHER },
      REFUSE(DNS_ERROR) },
    { "nor does an unsigned host without TLSA excuse it",
      { BOX, AT(DANE), DNS(SECURE, UNLISTED, USABLE), .tlsa_error = true, .tlsaless_insecure = true, SEALED_OTHER },
      REFUSE(DNS_ERROR) },
    { "a failed address lookup may hide this host (R27)",
      { BOX, AT(DANE), DNS(SECURE, MAYBE, NOT_ASKED), SEALED },
      REFUSE(DNS_ERROR) },
    { "null MX (A93)", { BOX, AT(DANE), DNS(SECURE, NULL, NOT_ASKED), SEALED }, REFUSE(NULL_MX) },
    { "split horizon", { BOX, AT(DANE), DNS(SECURE, NO_DOMAIN, NOT_ASKED), STRIPPED }, CLEARTEXT },
    { "unsynced clock (A85, A122)", { BOX, AT(DANE), PLAIN, .clock = CLOCK_UNSYNCED, SEALED }, REFUSE(CLOCK_UNSYNCED) },
    { "a rough clock will do", { BOX, AT(DANE), DANE, .clock = CLOCK_ROUGH, SEALED_MATCH }, VERIFIED },
    { "no anchor: nothing is insecure (R24, A89)",
      { BOX, AT(DANE), UNSIGNED, .anchored = false, SEALED },
      REFUSE(NO_ANCHOR) },
    { "nobody asked", { BOX, AT(DANE), SEALED }, REFUSE(DNS_ERROR) },
    { "unlisted, matches a host's key (A94)",
      { BOX, AT(DANE), DNS(SECURE, UNLISTED, USABLE), SEALED_MATCH },
      VERIFIED },
    { "unlisted, matches nobody's: a forged client-side answer (A94)",
      { BOX, AT(DANE), DNS(SECURE, UNLISTED, USABLE), SEALED_OTHER },
      REFUSE(NOT_AN_MX) },
    { "unlisted, but an unsigned host without TLSA may be there",
      { BOX, AT(DANE), DNS(SECURE, UNLISTED, USABLE), .tlsaless_insecure = true, SEALED_OTHER },
      ENCRYPTED },
    { "unlisted, stripped", { BOX, AT(DANE), DNS(SECURE, UNLISTED, USABLE), STRIPPED }, REFUSE(NO_STARTTLS) },
    { "unlisted, no host has TLSA", { BOX, AT(DANE), DNS(SECURE, UNLISTED, NONE), STRIPPED }, CLEARTEXT },
    { "unsigned MX, host with TLSA: binds, and is not called verified (R39)",
      { BOX, AT(DANE), DNS(INSECURE, SECURE, USABLE), SEALED_MATCH },
      ENCRYPTED },
    { "unsigned MX, host with TLSA, no match (R39)",
      { BOX, AT(DANE), DNS(INSECURE, SECURE, USABLE), SEALED_OTHER },
      REFUSE(TLSA_INVALID) },
    { "literal: DANE does not apply (R36, A93)", { BOX, AT(DANE), .literal = true, STRIPPED }, CLEARTEXT },
    { "dane-only: match (R54)", { BOX, AT(DANE_ONLY), DANE, SEALED_MATCH }, VERIFIED },
    { "dane-only: no TLSA (R54)", { BOX, AT(DANE_ONLY), PLAIN, OFFERED }, REFUSE(DANE_REQUIRED) },
    { "dane-only: none usable (R54)",
      { BOX, AT(DANE_ONLY), DNS(SECURE, SECURE, UNUSABLE), SEALED },
      REFUSE(DANE_REQUIRED) },
    { "dane-only: unsigned MX (R38)",
      { BOX, AT(DANE_ONLY), DNS(INSECURE, SECURE, USABLE), SEALED_MATCH },
      REFUSE(DANE_REQUIRED) },
    { "dane-only: unlisted is not opportunistic",
      { BOX, AT(DANE_ONLY), DNS(SECURE, UNLISTED, USABLE), .tlsaless_insecure = true, SEALED_OTHER },
      REFUSE(NOT_AN_MX) },
    { "dane-only: literal (R36)", { BOX, AT(DANE_ONLY), .literal = true, SEALED }, REFUSE(DANE_REQUIRED) },
    { "dane-only: not verified yet, so seal first", { BOX, AT(DANE_ONLY), DANE, OFFERED }, UPGRADE },
};

static const struct row failures[] = {
    { "first failure: wait (R34, A18)", { BOX, AT(MAY), BROKE }, REFUSE(CLEAR_AFTER) },
    { "lasting failure: in clear, on a fresh connection (A8)",
      { BOX, AT(MAY), BROKE, .grace = GRACE_OVER },
      REDIAL(HANDSHAKE_FAILED) },
    { "and there it goes", { BOX, AT(MAY), BROKE_THEN_FRESH, .grace = GRACE_OVER }, CLEARTEXT },
    { "refused: wait too (R3)", { BOX, AT(MAY), REFUSED }, REFUSE(CLEAR_AFTER) },
    { "refused for long: this connection is in good order (A4)",
      { BOX, AT(MAY), REFUSED, .grace = GRACE_OVER },
      CLEARTEXT },
    { "dane with proof of no TLSA", { BOX, AT(DANE), PLAIN, BROKE, .grace = GRACE_OVER }, REDIAL(HANDSHAKE_FAILED) },
    { "dane, unlisted, some host has TLSA: no proof",
      { BOX, AT(DANE), DNS(SECURE, UNLISTED, USABLE), .tlsaless_insecure = true, BROKE, .grace = GRACE_OVER },
      REFUSE(HANDSHAKE_FAILED) },
    { "after AUTH never", { BOX, AT(MAY), BROKE, .grace = GRACE_OVER, .authed = true }, REFUSE(AUTH_IN_CLEAR) },
    { "with REQUIRETLS never (R75)", { BOX, AT(MAY), STRIPPED, .requiretls = true }, REFUSE(REQUIRETLS) },
    { "REQUIRETLS takes a verified host", { BOX, AT(DANE), DANE, SEALED_MATCH, .requiretls = true }, VERIFIED },
    { "REQUIRETLS and an unsigned MX",
      { BOX, AT(DANE), DNS(INSECURE, SECURE, USABLE), SEALED_MATCH, .requiretls = true },
      REFUSE(REQUIRETLS) },
    { "latched: stripped", { BOX, AT(MAY), STRIPPED, .latch = LATCH_SET }, REFUSE(LATCHED) },
    { "latched: broke", { BOX, AT(MAY), BROKE, .grace = GRACE_OVER, .latch = LATCH_SET }, REFUSE(HANDSHAKE_FAILED) },
    { "latched: sealed", { BOX, AT(MAY), SEALED, .latch = LATCH_SET }, ENCRYPTED },
    { "keeper silent: no clear text", { BOX, AT(MAY), STRIPPED, .grace = GRACE_UNKNOWN }, REFUSE(MEMORY_UNKNOWN) },
    { "keeper silent: TLS needs no memory", { BOX, AT(MAY), SEALED, .grace = GRACE_UNKNOWN }, ENCRYPTED },
    { "MTA-STS enforced, nothing to check it with (R67)",
      { BOX, AT(DANE), PLAIN, SEALED, .sts = STS_ENFORCE },
      REFUSE(VALIDATION_FAILURE) },
    { "MTA-STS never overrides DANE (R59)",
      { BOX, AT(DANE), DANE, SEALED_OTHER, .sts = STS_ENFORCE },
      REFUSE(TLSA_INVALID) },
};

static const struct row verbs[] = {
    { "AUTH: seal first", { BOX, AT(DANE), .what = FOR_AUTH, OFFERED }, UPGRADE },
    { "AUTH: sealed", { BOX, AT(DANE), .what = FOR_AUTH, SEALED }, ENCRYPTED },
    { "AUTH: stripped", { BOX, AT(MAY), .what = FOR_AUTH, STRIPPED }, REFUSE(AUTH_IN_CLEAR) },
    { "AUTH: broke for long", { BOX, AT(MAY), .what = FOR_AUTH, BROKE, .grace = GRACE_OVER }, REFUSE(AUTH_IN_CLEAR) },
    { "AUTH to a declared smarthost with TLSA",
      { BOX, AT(DANE), .what = FOR_AUTH, DANE, SEALED_OTHER },
      REFUSE(TLSA_INVALID) },
    { "other verb: seal first", { BOX, AT(DANE), .what = FOR_OTHER, OFFERED }, UPGRADE },
    { "other verb: not offered", { BOX, AT(DANE), .what = FOR_OTHER, STRIPPED }, CLEARTEXT },
    { "other verb needs no DNS", { BOX, AT(DANE), .what = FOR_OTHER, .clock = CLOCK_UNSYNCED, STRIPPED }, CLEARTEXT },
    { "other verb: broke, no proof of no TLSA",
      { BOX, AT(DANE), .what = FOR_OTHER, BROKE, .grace = GRACE_OVER },
      REFUSE(HANDSHAKE_FAILED) },
    { "other verb at encrypt", { BOX, AT(ENCRYPT), .what = FOR_OTHER, STRIPPED }, REFUSE(NO_STARTTLS) },
    { "other verb at dane-only: sealed", { BOX, AT(DANE_ONLY), .what = FOR_OTHER, SEALED }, ENCRYPTED },
};

#define OBSERVE BOX, .enforce = false

static const struct row observed[] = {
    { "what is offered is tried",
      { OBSERVE, AT(DANE_ONLY), PLAIN, OFFERED },
      WOULD(UPGRADE, CLEARTEXT, DANE_REQUIRED) },
    { "and goes (R57)", { OBSERVE, AT(DANE_ONLY), PLAIN, SEALED }, WOULD(SEND, ENCRYPTED, DANE_REQUIRED) },
    { "stripped", { OBSERVE, AT(DANE), DANE, STRIPPED }, WOULD(SEND, CLEARTEXT, NO_STARTTLS) },
    { "mismatch", { OBSERVE, AT(DANE), DANE, SEALED_OTHER }, WOULD(SEND, ENCRYPTED, TLSA_INVALID) },
    { "broke: in clear, on a fresh connection",
      { OBSERVE, AT(DANE), DANE, BROKE },
      WOULD(REDIAL, CLEARTEXT, HANDSHAKE_FAILED) },
    { "and there it goes", { OBSERVE, AT(DANE), DANE, BROKE_THEN_FRESH }, WOULD(SEND, CLEARTEXT, HANDSHAKE_FAILED) },
    { "bogus", { OBSERVE, AT(DANE), DNS(BOGUS, FAILED, NOT_ASKED), STRIPPED }, WOULD(SEND, CLEARTEXT, DNSSEC_INVALID) },
    { "AUTH", { OBSERVE, AT(MAY), .what = FOR_AUTH, STRIPPED }, WOULD(SEND, CLEARTEXT, AUTH_IN_CLEAR) },
    { "what satisfies says nothing", { OBSERVE, AT(DANE), DANE, SEALED_MATCH }, VERIFIED },
};
static void run(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct verdict got = decide(&rows[i].f), *want = &rows[i].want;

        if (got.act != want->act || got.grade != want->grade || got.why != want->why || got.would != want->would)
            fail_msg("%s: act %d grade %d why %s would %d", rows[i].says, (int)got.act, (int)got.grade,
                     why_word(got.why), got.would);
    }
}

#define CASES(name)                                                                                                    \
    static void test_##name(void **state)                                                                              \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        run(name, sizeof name / sizeof name[0]);                                                                       \
    }
CASES(levels)
CASES(named)
CASES(dns)
CASES(failures)
CASES(verbs)
CASES(observed)

/* A field that nobody filled never makes a verdict weaker. */
static void zero_is_cautious(void **state)
{
    (void)state;
    for (int level = LEVEL_MAY; level < LEVEL__COUNT; level++)
        for (int offer = OFFER_UNKNOWN; offer <= OFFER_REFUSED; offer++) {
            const struct facts f = { .level = (enum level)level, .offer = (enum offer)offer, .enforce = true };

            assert_int_not_equal(decide(&f).act, ACT_SEND);
        }
}

static void names(void **state)
{
    static const char *const want[] = {
        "none", "may", "encrypt", "dane", "dane-only", "fingerprint", "verify", "secure"
    };

    (void)state;
    for (int level = 0; level < LEVEL__COUNT; level++) {
        assert_string_equal(level_name((enum level)level), want[level]);
        assert_int_equal(level_is_dane((enum level)level), level == LEVEL_DANE || level == LEVEL_DANE_ONLY);
        assert_int_equal(level_names_peer((enum level)level), level > LEVEL_DANE_ONLY);
    }
}

/* The words are RFC 8460's, as the matcher names them too. */
static void mismatches(void **state)
{
    (void)state;
    assert_string_equal(why_word(decide_mismatch(MATCH_NO)), "tlsa-invalid");
    assert_string_equal(why_word(decide_mismatch(MATCH_NOT_TRUSTED)), "certificate-not-trusted");
    assert_string_equal(why_word(decide_mismatch(MATCH_EXPIRED)), "certificate-expired");
    assert_string_equal(why_word(decide_mismatch(MATCH_WRONG_NAME)), "certificate-host-mismatch");
    assert_int_equal(decide_mismatch(MATCH_YES), WHY_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),      cmocka_unit_test(test_named), cmocka_unit_test(test_dns),
        cmocka_unit_test(test_failures),    cmocka_unit_test(test_verbs), cmocka_unit_test(test_observed),
        cmocka_unit_test(zero_is_cautious), cmocka_unit_test(names),      cmocka_unit_test(mismatches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
