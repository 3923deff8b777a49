/*
 * What an attacker can turn the facts into never yields a weaker verdict of policy/decide than the honest facts
 * required: he strips, breaks and shows what he likes, spoils signed answers, writes unsigned ones, silences the
 * keeper, the clock and the resolver, in any combination. And every session comes to an end, whatever the far side
 * does. R3 R9 R27 R28 R32-R34 R47 R59, A1-A9 A18-A20 A80-A84 A91 A94 A122
 */
#include "facts_walk.h"

/* ---- the attacker ---- */

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
    if (!has_domain(h) && !h->asks_mx)
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
    if ((has_domain(h) || h->asks_mx) && h->mx == TRUST_INSECURE) {
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
        f->asks_mx = false;
        each_memory(f, attack);
        for (int i = 0; is_dated(f) && i < 4; i++) {
            f->asks_mx = true;
            f->mx = i % 2 ? TRUST_SECURE : TRUST_INSECURE;
            f->found = i / 2 ? FOUND_UNLISTED : FOUND_SECURE;
            each_memory(f, attack);
        }
        f->asks_mx = false;
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
/* ---- the session's loop ends ---- */

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
        for (int m = f.tlsa == TLSA_USABLE || is_named(&f) ? MATCHED_NO : MATCHED_NOT_TRIED; m <= MATCHED_YES; m++) {
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
        cmocka_unit_test(an_attacker_never_weakens),
        cmocka_unit_test(every_session_comes_to_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
