/*
 * facts_walk - every combination of struct facts, and what they require, said a second time: as sentences where
 * policy/decide.c has a table. For the law tests.
 * Left out, since they cannot be together: a match without a handshake, a handshake that is done where STARTTLS was not
 * offered, and a next name where nothing was matched. Levels that ask no DNS are given none.
 */
#ifndef TESTS_FACTS_WALK_H
#define TESTS_FACTS_WALK_H

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

static unsigned long checked; /* verdicts, for the test to say */

static inline void broken(const struct facts *f, const char *law)
{
    const struct verdict v = decide(f);

    fail_msg("%s: level=%s what=%d literal=%d asks_mx=%d anchored=%d clock=%d mx=%d found=%d tlsa=%d error=%d "
             "tlsaless=%d offer=%d "
             "handshake=%d matched=%d more=%d modern=%d grace=%d latch=%d sts=%d requiretls=%d authed=%d enforce=%d -> "
             "act=%d "
             "grade=%d why=%s would=%d",
             law, level_name(f->level), (int)f->what, f->literal, f->asks_mx, f->anchored, (int)f->clock, (int)f->mx,
             (int)f->found, (int)f->tlsa, f->tlsa_error, f->tlsaless_insecure, (int)f->offer, (int)f->handshake,
             (int)f->matched, f->more_names, f->modern, (int)f->grace, (int)f->latch, (int)f->sts, f->requiretls,
             f->authed, f->enforce, (int)v.act, (int)v.grade, why_word(v.why), v.would);
}

#define LAW(f, holds, says)                                                                                            \
    do {                                                                                                               \
        if (!(holds))                                                                                                  \
            broken(f, says);                                                                                           \
    } while (0)

static inline bool is_dane(const struct facts *f)
{
    return f->level == LEVEL_DANE || f->level == LEVEL_DANE_ONLY;
}

/* A recipient domain whose DNS counts. */
static inline bool has_domain(const struct facts *f)
{
    return is_dane(f) && !f->literal &&
           (f->what == FOR_RCPT || f->mx != TRUST_NOT_ASKED || f->found != FOUND_NOT_ASKED);
}

/* The site names the peer: by its certificate alone, or with a public root and the date. */
static inline bool is_dated(const struct facts *f)
{
    return f->level == LEVEL_VERIFY || f->level == LEVEL_SECURE;
}

static inline bool is_named(const struct facts *f)
{
    return is_dated(f) || f->level == LEVEL_FINGERPRINT;
}

/* The DNS says nothing that could be believed, or says no; a date cannot be believed. */
static inline bool is_hidden(const struct facts *f)
{
    if (is_named(f))
        return is_dated(f) && (f->clock == CLOCK_UNSYNCED ||
                               (f->asks_mx && (!f->anchored || f->mx == TRUST_NOT_ASKED || f->mx == TRUST_BOGUS ||
                                               f->mx == TRUST_ERROR || f->found == FOUND_NULL)));
    return f->clock == CLOCK_UNSYNCED || !f->anchored || (f->mx != TRUST_SECURE && f->mx != TRUST_INSECURE) ||
           f->found == FOUND_FAILED || f->found == FOUND_MAYBE || f->found == FOUND_NULL ||
           f->found == FOUND_NOT_ASKED || (f->tlsa_error && f->tlsa != TLSA_USABLE);
}

/* Do TLSA records bind whoever is at this address? */
static inline bool binds(const struct facts *f)
{
    const bool listed = f->found == FOUND_SECURE || f->found == FOUND_INSECURE;

    return f->tlsa >= TLSA_UNUSABLE &&
           (listed || (f->found == FOUND_UNLISTED && f->mx == TRUST_SECURE && !f->tlsaless_insecure));
}

static inline enum seal most(enum seal a, enum seal b)
{
    return a > b ? a : b;
}

/* What the honest facts require. dns: false leaves out what an unsigned MX set says, which is the attacker's to write.
 */
static inline enum seal required(const struct facts *f, bool dns)
{
    enum seal need = CLEAR;

    if (f->level == LEVEL_NONE)
        return CLEAR;
    if (f->level == LEVEL_ENCRYPT || f->what == FOR_AUTH || f->authed || f->latch != LATCH_NONE ||
        f->grace == GRACE_UNKNOWN)
        need = TLS;
    if (f->requiretls || f->sts != STS_NONE)
        need = VERIFIED;
    if (is_named(f))
        need = most(need, is_dated(f) && f->asks_mx ? MATCHED : VERIFIED);
    if (f->level == LEVEL_DANE_ONLY)
        need = most(need, has_domain(f) || f->what == FOR_RCPT ? VERIFIED : TLS);
    if (has_domain(f) && (dns || f->mx == TRUST_SECURE) && binds(f))
        need = most(need, f->tlsa == TLSA_UNUSABLE ? TLS : MATCHED);
    if (has_domain(f) && (dns || f->mx == TRUST_SECURE) && f->tlsa_error)
        need = most(need, MATCHED); /* only a match excuses a lookup that failed (7672 2.1.2) */
    return need;
}

/* What the channel is, in truth. */
static inline enum seal sealed(const struct facts *f)
{
    if (f->handshake != HANDSHAKE_DONE)
        return CLEAR;
    if (is_named(f))
        return f->matched != MATCHED_YES || !f->modern              ? TLS
               : is_dated(f) && f->asks_mx && f->mx != TRUST_SECURE ? MATCHED
                                                                    : VERIFIED;
    if (!has_domain(f) || f->tlsa != TLSA_USABLE || f->matched != MATCHED_YES || !f->modern)
        return TLS;
    return f->mx == TRUST_SECURE ? VERIFIED : MATCHED;
}

typedef void visit(struct facts *f);

/* Offer, handshake, match: what a session can have, by whatever the far side does. */
static inline void each_channel(struct facts *f, visit *then)
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

static inline void with_channel(struct facts *f)
{
    each_channel(f, inner);
}

/* What the keeper and the client's own lines say. */
static inline void each_memory(struct facts *f, visit *then)
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
static inline void each_dns(struct facts *f, visit *then)
{
    const int all = is_dane(f) ? 5 * 8 * 5 * 2 * 2 * 2 * 3 : 1;

    f->asks_mx = false;
    for (int i = 0; is_dated(f) && i < 5 * 8 * 2 * 2 * 3; i++) {
        f->mx = (enum trust)(i % 5);
        f->found = (enum found)(i / 5 % 8);
        f->asks_mx = i / 40 % 2;
        f->anchored = i / 80 % 2;
        f->clock = (enum clock_state)(i / 160 % 3);
        then(f);
    }
    if (is_dated(f))
        return;

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

static inline void each_ask(struct facts *f, visit *then)
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

#endif
