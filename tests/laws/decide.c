/*
 * The law of policy/decide: what an attacker can turn the facts into never yields a weaker verdict than the honest
 * facts required, over every combination of them.
 *   R3 R9 R13 R24 R27-R29 R32-R36 R38-R40 R47 R54 R57-R59, A1-A9 A18-A20 A80-A84 A91 A94 A97 A122
 * What is asked is written here a second time, as sentences instead of a table.
 * Left out, since they cannot be together: a match without a handshake, a handshake that is done where STARTTLS was not
 * offered, and a next name where nothing was matched. Levels that ask no DNS are given none.
 */
#include "policy/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum seal {
    CLEAR,
    TLS,
    MATCHED,
    VERIFIED
};

static unsigned long checked;

static void broken(const struct facts *f, const char *law)
{
    const struct verdict v = decide(f);

    fail_msg(
        "%s: level=%s what=%d literal=%d anchored=%d clock=%d mx=%d found=%d tlsa=%d error=%d tlsaless=%d offer=%d "
        "handshake=%d matched=%d more=%d modern=%d grace=%d latch=%d sts=%d requiretls=%d authed=%d enforce=%d -> "
        "act=%d "
        "grade=%d why=%s would=%d",
        law, level_name(f->level), (int)f->what, f->literal, f->anchored, (int)f->clock, (int)f->mx, (int)f->found,
        (int)f->tlsa, f->tlsa_error, f->tlsaless_insecure, (int)f->offer, (int)f->handshake, (int)f->matched,
        f->more_names, f->modern, (int)f->grace, (int)f->latch, (int)f->sts, f->requiretls, f->authed, f->enforce,
        (int)v.act, (int)v.grade, why_word(v.why), v.would);
}

#define LAW(f, holds, says)                                                                                            \
    do {                                                                                                               \
        if (!(holds))                                                                                                  \
            broken(f, says);                                                                                           \
    } while (0)

static bool is_dane(const struct facts *f)
{
    return f->level == LEVEL_DANE || f->level == LEVEL_DANE_ONLY;
}

/* A recipient domain whose DNS counts. */
static bool has_domain(const struct facts *f)
{
    return is_dane(f) && !f->literal &&
           (f->what == FOR_RCPT || f->mx != TRUST_NOT_ASKED || f->found != FOUND_NOT_ASKED);
}

/* The DNS says nothing that could be believed, or says no. */
static bool is_hidden(const struct facts *f)
{
    return f->clock == CLOCK_UNSYNCED || !f->anchored || (f->mx != TRUST_SECURE && f->mx != TRUST_INSECURE) ||
           f->found == FOUND_FAILED || f->found == FOUND_MAYBE || f->found == FOUND_NULL ||
           f->found == FOUND_NOT_ASKED || (f->tlsa_error && f->tlsa != TLSA_USABLE);
}

/* Do TLSA records bind whoever is at this address? */
static bool binds(const struct facts *f)
{
    const bool listed = f->found == FOUND_SECURE || f->found == FOUND_INSECURE;

    return f->tlsa >= TLSA_UNUSABLE &&
           (listed || (f->found == FOUND_UNLISTED && f->mx == TRUST_SECURE && !f->tlsaless_insecure));
}

static enum seal most(enum seal a, enum seal b)
{
    return a > b ? a : b;
}

/* What the honest facts require. dns: false leaves out what an unsigned MX set says, which is the attacker's to write.
 */
static enum seal required(const struct facts *f, bool dns)
{
    enum seal need = CLEAR;

    if (f->level == LEVEL_NONE)
        return CLEAR;
    if (f->level == LEVEL_ENCRYPT || f->what == FOR_AUTH || f->authed || f->latch != LATCH_NONE ||
        f->grace == GRACE_UNKNOWN)
        need = TLS;
    if (f->requiretls || f->sts != STS_NONE)
        need = VERIFIED;
    if (f->level == LEVEL_DANE_ONLY)
        need = most(need, has_domain(f) || f->what == FOR_RCPT ? VERIFIED : TLS);
    if (has_domain(f) && (dns || f->mx == TRUST_SECURE) && binds(f))
        need = most(need, f->tlsa == TLSA_UNUSABLE ? TLS : MATCHED);
    if (has_domain(f) && (dns || f->mx == TRUST_SECURE) && f->tlsa_error)
        need = most(need, MATCHED); /* only a match excuses a lookup that failed (7672 2.1.2) */
    return need;
}

/* What the channel is, in truth. */
static enum seal sealed(const struct facts *f)
{
    if (f->handshake != HANDSHAKE_DONE)
        return CLEAR;
    if (!has_domain(f) || f->tlsa != TLSA_USABLE || f->matched != MATCHED_YES || !f->modern)
        return TLS;
    return f->mx == TRUST_SECURE ? VERIFIED : MATCHED;
}

/* ---- walks ---------------------------------------------------------------------------------------------------------
 */

typedef void visit(struct facts *f);

/* Offer, handshake, match: what a session can have, by whatever the far side does. */
static void each_channel(struct facts *f, visit *then)
{
    f->more_names = false;
    f->modern = false;
    f->matched = MATCHED_NOT_TRIED;
    for (int h = HANDSHAKE_NOT_TRIED; h <= HANDSHAKE_FAILED; h += HANDSHAKE_FAILED)
        for (int o = OFFER_UNKNOWN; o <= OFFER_REFUSED; o++) {
            f->handshake = (enum handshake)h;
            f->offer = (enum offer)o;
            then(f);
        }
    f->handshake = HANDSHAKE_DONE;
    f->offer = OFFER_MADE;
    for (int m = MATCHED_NOT_TRIED; m <= MATCHED_YES; m++)
        for (int i = 0; i < (m == MATCHED_YES ? 4 : 2); i++) { /* an old TLS matters to a match only */
            f->matched = (enum matched)m;
            f->more_names = i % 2;
            f->modern = i / 2;
            then(f);
        }
}

static visit *inner;

static void with_channel(struct facts *f)
{
    each_channel(f, inner);
}

/* What the keeper and the client's own lines say. */
static void each_memory(struct facts *f, visit *then)
{
    for (int i = 0; i < 3 * 3 * 3 * 2 * 2; i++) {
        f->grace = (enum grace)(i % 3);
        f->latch = (enum latch)(i / 3 % 3);
        f->sts = (enum sts)(i / 9 % 3);
        f->requiretls = i / 27 % 2;
        f->authed = i / 54 % 2;
        then(f);
    }
}

/* Every answer of the DNS, the contradictory ones too. */
static void each_dns(struct facts *f, visit *then)
{
    const int all = level_asks_dns(f->level) ? 5 * 8 * 5 * 2 * 2 * 2 * 3 : 1;

    _Static_assert(TRUST_ERROR == 4 && FOUND_UNLISTED == 7 && TLSA_ERROR == 4 && CLOCK_SYNCED == 2, "counted above");
    for (int i = 0; i < all; i++) {
        f->mx = (enum trust)(i % 5);
        f->found = (enum found)(i / 5 % 8);
        f->tlsa = (enum tlsa_state)(i / 40 % 5);
        f->tlsa_error = i / 200 % 2;
        f->tlsaless_insecure = i / 400 % 2;
        f->anchored = i / 800 % 2;
        f->clock = (enum clock_state)(i / 1600 % 3);
        then(f);
    }
}

static void each_ask(struct facts *f, visit *then)
{
    for (int level = 0; level < LEVEL__COUNT; level++)
        for (int what = FOR_RCPT; what <= FOR_OTHER; what++)
            for (int literal = 0; literal < 2; literal++) {
                f->level = (enum level)level;
                f->what = (enum ask_for)what;
                f->literal = literal;
                then(f);
            }
}

/* ---- the laws of one verdict
 * ------------------------------------------------------------------------------------------ */

static void laws_when_enforced(const struct facts *f, struct verdict v)
{
    const bool clear = v.act == ACT_SEND && v.grade == GRADE_CLEARTEXT, free = f->level == LEVEL_NONE;

    LAW(f, !v.would, "would is observe mode's");
    LAW(f, (v.act == ACT_SEND) == (v.why == WHY_NONE), "all but SEND say why");
    if (v.act == ACT_SEND) {
        LAW(f, sealed(f) >= required(f, true), "nothing leaves in less than what is required");
        LAW(f, !has_domain(f) || !is_hidden(f), "an error is not an answer");
        LAW(f, f->level <= LEVEL_DANE_ONLY, "a level that is not built refuses");
        LAW(f, (v.grade == GRADE_CLEARTEXT) == (f->handshake != HANDSHAKE_DONE), "clear text is called so");
        LAW(f, f->handshake != HANDSHAKE_FAILED || f->offer != OFFER_UNKNOWN, "nothing leaves on a spent connection");
    }
    if (v.act == ACT_REDIAL)
        LAW(f, f->handshake == HANDSHAKE_DONE ? f->more_names : f->offer == OFFER_UNKNOWN, "a redial has an end");
    if (v.act == ACT_UPGRADE)
        LAW(f, f->handshake == HANDSHAKE_NOT_TRIED && f->offer <= OFFER_MADE, "TLS is tried once, where it is offered");
    LAW(f, !free || v.act == ACT_SEND || f->handshake == HANDSHAKE_FAILED, "none leaves the session alone");
    if (clear && !free) {
        LAW(f, f->what != FOR_AUTH && !f->authed, "credentials never go in clear");
        LAW(f, !has_domain(f) || !binds(f), "never clear where TLSA bind");
        LAW(f, f->latch == LATCH_NONE && f->sts == STS_NONE && !f->requiretls, "never clear against memory or message");
        LAW(f, f->grace != GRACE_UNKNOWN, "a silent keeper counts as latched");
        LAW(f, f->offer != OFFER_MADE || f->handshake == HANDSHAKE_FAILED, "what is offered is tried");
        if (f->handshake == HANDSHAKE_FAILED || f->offer == OFFER_REFUSED) {
            LAW(f, f->grace == GRACE_OVER, "clear after a failure only when it has lasted");
            LAW(f, f->level == LEVEL_MAY || f->literal || (has_domain(f) && f->tlsa <= TLSA_NONE),
                "clear after a failure only with proof of no TLSA");
        }
    }
}

static void laws(struct facts *f)
{
    f->enforce = true;
    const struct verdict v = decide(f);

    laws_when_enforced(f, v);
    if (v.act == ACT_SEND && v.grade == GRADE_VERIFIED)
        LAW(f, sealed(f) == VERIFIED && !is_hidden(f), "verified is proven");

    f->enforce = false;
    const struct verdict o = decide(f);

    LAW(f, o.act != ACT_REFUSE, "observe mode refuses nothing");
    LAW(f, o.would == (v.act == ACT_REFUSE), "would is what enforcing does");
    LAW(f, v.act == ACT_REFUSE ? o.why == v.why : o.act == v.act && o.grade == v.grade && o.why == v.why,
        "observe mode differs in refusals only");
    LAW(f, o.grade != GRADE_VERIFIED || (sealed(f) == VERIFIED && !is_hidden(f)), "verified is proven, observing too");
    checked += 2;
}

static void memory_then_channel(struct facts *f)
{
    each_memory(f, with_channel);
}

static void dns_then_memory(struct facts *f)
{
    each_dns(f, memory_then_channel);
}

static void every_combination(void **state)
{
    struct facts f = { .level = LEVEL_NONE };

    (void)state;
    inner = laws;
    checked = 0;
    each_ask(&f, dns_then_memory);
    print_message("# %lu verdicts\n", checked);
}

/* ---- the attacker
 * ------------------------------------------------------------------------------------------------------ */

static struct facts honest;
static enum seal honest_needs;

static void never_weaker(struct facts *f)
{
    const struct verdict v = decide(f);

    checked++;
    /* a match cannot be forged where the MX set is signed; where it is not, the attacker's own host may match */
    if (v.act == ACT_SEND && sealed(f) < honest_needs)
        broken(f, "an attacker made it weaker");
}

/* He drops what the keeper would say, never changes it; failures over time are his to make. */
static void attack_memory(struct facts *f)
{
    for (int grace = GRACE_UNKNOWN; grace <= GRACE_OVER; grace++)
        for (int silent = 0; silent < 2; silent++) {
            f->grace = (enum grace)grace;
            f->latch = silent ? LATCH_UNKNOWN : honest.latch;
            f->sts = silent ? STS_UNKNOWN : honest.sts;
            each_channel(f, never_weaker);
        }
    f->latch = honest.latch;
    f->sts = honest.sts;
}

static void attack_time(struct facts *f)
{
    for (int i = 0; i < 6; i++) {
        f->clock = (enum clock_state)(i % 3);
        f->anchored = i / 3;
        attack_memory(f);
    }
}

/* Signed answers can be spoilt, not changed; a forged answer to the client sends it to an address that nobody lists. */
static void attack_signed_dns(const struct facts *h)
{
    static const enum trust spoilt[] = { TRUST_BOGUS, TRUST_ERROR, TRUST_NOT_ASKED };
    struct facts f = *h;

    attack_time(&f); /* the channel alone */
    if (!has_domain(h))
        return;
    for (size_t i = 0; i < sizeof spoilt / sizeof spoilt[0]; i++) {
        f = *h;
        f.mx = spoilt[i];
        attack_time(&f);
        f.found = FOUND_FAILED;
        attack_time(&f);
    }
    for (int timeout = 0; timeout < 2; timeout++) {
        f = *h;
        f.dns_timeout = timeout;
        f.tlsa_error = true;
        attack_time(&f);
        f.tlsa = TLSA_NOT_ASKED; /* and nothing else is left */
        attack_time(&f);
        f.tlsa = TLSA_ERROR;
        attack_time(&f);
        f = *h;
        f.dns_timeout = timeout;
        f.found = FOUND_MAYBE;
        attack_time(&f);
    }
    /* with a host without TLSA at unsigned addresses it may as well be that one; whoever writes the client's DNS writes
     * an unsigned MX set too */
    if (h->found == FOUND_SECURE && h->mx == TRUST_SECURE && !h->tlsaless_insecure) {
        f = *h;
        f.found = FOUND_UNLISTED;
        attack_time(&f);
        f.tlsa_error = true;
        attack_time(&f);
    }
}

/* An unsigned MX set is his to write: any hosts, signed ones of his own with TLSA that match among them. */
static void attack_unsigned_dns(const struct facts *h)
{
    struct facts f = *h;

    for (int i = 0; i < 8 * 5 * 2 * 2; i++) {
        f.found = (enum found)(i % 8);
        f.tlsa = (enum tlsa_state)(i / 8 % 5);
        f.tlsa_error = i / 40 % 2;
        f.tlsaless_insecure = i / 80;
        for (int mx = TRUST_INSECURE; mx <= TRUST_ERROR; mx++) {
            f.mx = (enum trust)mx;
            f.clock = CLOCK_SYNCED;
            f.anchored = true;
            attack_memory(&f);
        }
    }
}

static void attack(struct facts *h)
{
    if (h->grace == GRACE_UNKNOWN || h->latch == LATCH_UNKNOWN || h->sts == STS_UNKNOWN)
        return; /* a keeper that is silent by itself speaks again by itself */
    honest = *h;
    honest_needs = required(h, true);
    attack_signed_dns(h);
    if (has_domain(h) && h->mx == TRUST_INSECURE) {
        honest_needs = required(h, false);
        attack_unsigned_dns(h);
    }
}

/* Honest facts: the channel does not matter, the DNS works. */
static void each_honest_dns(struct facts *f)
{
    static const struct {
        enum found found;
        enum tlsa_state tlsa;
    } worlds[] = {
        { FOUND_SECURE, TLSA_NONE },        { FOUND_SECURE, TLSA_UNUSABLE },    { FOUND_SECURE, TLSA_USABLE },
        { FOUND_INSECURE, TLSA_NOT_ASKED }, { FOUND_UNLISTED, TLSA_NOT_ASKED }, { FOUND_UNLISTED, TLSA_NONE },
        { FOUND_UNLISTED, TLSA_UNUSABLE },  { FOUND_UNLISTED, TLSA_USABLE },    { FOUND_NO_DOMAIN, TLSA_NOT_ASKED },
    };

    f->enforce = true;
    if (!is_dane(f)) {
        f->mx = TRUST_NOT_ASKED;
        f->found = FOUND_NOT_ASKED;
        f->tlsa = TLSA_NOT_ASKED;
        each_memory(f, attack);
        return;
    }
    for (size_t i = 0; i < 4 * sizeof worlds / sizeof worlds[0]; i++) {
        f->found = worlds[i / 4].found;
        f->tlsa = worlds[i / 4].tlsa;
        f->mx = i % 2 ? TRUST_SECURE : TRUST_INSECURE;
        f->tlsaless_insecure = i / 2 % 2;
        f->tlsa_error = false;
        each_memory(f, attack);
    }
}

static void an_attacker_never_weakens(void **state)
{
    struct facts f = { .level = LEVEL_NONE };

    (void)state;
    checked = 0;
    each_ask(&f, each_honest_dns);
    print_message("# %lu verdicts\n", checked);
}

/* ---- better proof never lowers the need
 * -------------------------------------------------------------------------------- */

static bool goes(struct facts f)
{
    f.enforce = true;
    return decide(&f).act == ACT_SEND;
}

/* At dane: whatever goes under more proof goes under less of it too, in the same channel. */
static void proof_only_raises(struct facts *f)
{
    struct facts less = *f;

    if (f->level != LEVEL_DANE || f->requiretls || f->sts != STS_NONE || f->tlsa_error || !goes(*f))
        return; /* those two ask for a verified host, which takes proof to have at all */
    if (f->tlsa == TLSA_USABLE || f->tlsa == TLSA_UNUSABLE) {
        less.tlsa = f->tlsa == TLSA_USABLE ? TLSA_UNUSABLE : TLSA_NONE;
        LAW(f, goes(less), "TLSA lowered a need");
    }
    less = *f;
    if (f->mx == TRUST_SECURE) {
        less.mx = TRUST_INSECURE;
        LAW(f, goes(less), "a signed MX lowered a need");
    }
    less = *f;
    if (f->found == FOUND_SECURE) {
        less.found = FOUND_INSECURE;
        less.tlsa = TLSA_NOT_ASKED;
        LAW(f, goes(less), "a signed address lowered a need");
    }
    checked++;
}

static void better_proof_never_lowers_the_need(void **state)
{
    struct facts f = { .level = LEVEL_NONE };

    (void)state;
    inner = proof_only_raises;
    checked = 0;
    each_ask(&f, dns_then_memory);
    assert_true(checked > 0);
}

/* ---- the session's loop ends
 * --------------------------------------------------------------------------------------------- */

enum {
    STEPS_MAX = 6
};

static int longest;

/* Does what the verdict says, with every outcome that the far side can give it. */
static void play(struct facts f, int steps)
{
    const struct verdict v = decide(&f);

    checked++;
    LAW(&f, steps <= STEPS_MAX, "a verdict within a few steps");
    longest = steps > longest ? steps : longest;
    if (v.act == ACT_SEND || v.act == ACT_REFUSE)
        return;
    if (v.act == ACT_UPGRADE && f.offer == OFFER_MADE) {
        struct facts g = f;

        g.offer = OFFER_REFUSED;
        play(g, steps + 1);
        g.offer = OFFER_UNKNOWN;
        g.handshake = HANDSHAKE_FAILED;
        play(g, steps + 1);
        g = f;
        g.handshake = HANDSHAKE_DONE;
        g.modern = true;
        for (int m = f.tlsa == TLSA_USABLE ? MATCHED_NO : MATCHED_NOT_TRIED; m <= MATCHED_YES; m++) {
            g.matched = (enum matched)m;
            play(g, steps + 1);
        }
        return;
    }
    if (v.act == ACT_REDIAL && f.handshake == HANDSHAKE_DONE) {
        f.handshake = HANDSHAKE_NOT_TRIED;
        f.matched = MATCHED_NOT_TRIED;
        f.more_names = false;
    }
    f.offer = OFFER_MADE;
    play(f, steps + 1);
    f.offer = OFFER_NONE;
    play(f, steps + 1);
}

static void play_from_here(struct facts *f)
{
    f->offer = OFFER_UNKNOWN;
    f->handshake = HANDSHAKE_NOT_TRIED;
    f->matched = MATCHED_NOT_TRIED;
    for (int i = 0; i < 4; i++) {
        f->more_names = i % 2;
        f->enforce = i / 2;
        play(*f, 0);
    }
}

static void memory_then_play(struct facts *f)
{
    each_memory(f, play_from_here);
}

static void dns_then_play(struct facts *f)
{
    each_dns(f, memory_then_play);
}

static void every_session_comes_to_an_end(void **state)
{
    struct facts f = { .level = LEVEL_NONE };

    (void)state;
    checked = 0;
    each_ask(&f, dns_then_play);
    print_message("# %lu verdicts, at most %d steps\n", checked, longest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination),
        cmocka_unit_test(an_attacker_never_weakens),
        cmocka_unit_test(better_proof_never_lowers_the_need),
        cmocka_unit_test(every_session_comes_to_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
