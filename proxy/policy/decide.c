#include "policy/decide.h"

#include <assert.h>

/* How well a channel is sealed; what is asked for and what is there are measured on the same scale. */
enum seal {
    SEAL_NONE,
    SEAL_TLS,      /* encrypted, peer unknown */
    SEAL_MATCHED,  /* and the key is that of a host with TLSA, but who is the host of this domain is not proven */
    SEAL_VERIFIED, /* and that is proven too: signed MX */
};

/* A step of the reasoning: what is asked, what is the most that these facts could give, what there is. */
struct reason {
    enum seal policy;  /* by level and DNS */
    enum seal need;    /* and by the message, the memory and credentials, which only raise it */
    enum seal ceiling; /* the best that can come of any channel */
    enum seal have;
};

static const char *const names[LEVEL__COUNT] = {
    [LEVEL_NONE] = "none",           [LEVEL_MAY] = "may",
    [LEVEL_ENCRYPT] = "encrypt",     [LEVEL_DANE] = "dane",
    [LEVEL_DANE_ONLY] = "dane-only", [LEVEL_FINGERPRINT] = "fingerprint",
    [LEVEL_VERIFY] = "verify",       [LEVEL_SECURE] = "secure",
};

const char *level_name(enum level level)
{
    return names[level];
}

bool level_is_dane(enum level level)
{
    return level == LEVEL_DANE || level == LEVEL_DANE_ONLY;
}

bool level_names_peer(enum level level)
{
    return level == LEVEL_FINGERPRINT || level == LEVEL_VERIFY || level == LEVEL_SECURE;
}

enum why decide_mismatch(enum match_result result)
{
    switch (result) {
    case MATCH_NO:
        return WHY_TLSA_INVALID;
    case MATCH_NOT_TRUSTED:
        return WHY_NOT_TRUSTED;
    case MATCH_EXPIRED:
        return WHY_EXPIRED;
    case MATCH_WRONG_NAME:
        return WHY_HOST_MISMATCH;
    case MATCH_YES:
        return WHY_NONE;
    }
    return WHY_VALIDATION_FAILURE;
}

/*
 * What DNS asks at level dane. The first row that fits counts; where none fits, nothing was proven and nothing goes.
 */
#define ANY (-1)
static const struct {
    int found, mx, tlsa, tlsaless;
    enum seal need;
} asked[] = {
    /* 7672 2.2: usable records bind; 2.2.1: those of a host behind an unsigned MX too */
    { FOUND_SECURE, ANY, TLSA_USABLE, ANY, SEAL_MATCHED },
    { FOUND_INSECURE, ANY, TLSA_USABLE, ANY, SEAL_MATCHED },
    /* 7672 2.2: secure records, none usable: TLS all the same */
    { FOUND_SECURE, ANY, TLSA_UNUSABLE, ANY, SEAL_TLS },
    { FOUND_INSECURE, ANY, TLSA_UNUSABLE, ANY, SEAL_TLS },
    /* 7672 2.2: absent by proof, or not asked since the address is unsigned (2.2.2): opportunistic (RFC 7435) */
    { FOUND_SECURE, ANY, TLSA_NONE, ANY, SEAL_NONE },
    { FOUND_SECURE, ANY, TLSA_NOT_ASKED, ANY, SEAL_NONE },
    { FOUND_INSECURE, ANY, TLSA_NONE, ANY, SEAL_NONE },
    { FOUND_INSECURE, ANY, TLSA_NOT_ASKED, ANY, SEAL_NONE },
    /* A94: behind a signed MX an address that nobody lists must show some host's key, or at least what such a host
     * would have to show; unless a host without TLSA has unsigned addresses: then it may be that one's */
    { FOUND_UNLISTED, TRUST_SECURE, TLSA_USABLE, 0, SEAL_MATCHED },
    { FOUND_UNLISTED, TRUST_SECURE, TLSA_UNUSABLE, 0, SEAL_TLS },
    { FOUND_UNLISTED, TRUST_SECURE, TLSA_USABLE, 1, SEAL_NONE },
    { FOUND_UNLISTED, TRUST_SECURE, TLSA_UNUSABLE, 1, SEAL_NONE },
    { FOUND_UNLISTED, TRUST_SECURE, TLSA_NONE, ANY, SEAL_NONE },
    { FOUND_UNLISTED, TRUST_SECURE, TLSA_NOT_ASKED, ANY, SEAL_NONE },
    /* an unsigned MX set names whom it likes: nothing to hold against the address */
    { FOUND_UNLISTED, TRUST_INSECURE, ANY, ANY, SEAL_NONE },
    /* split horizon: the site knows a domain that the world does not */
    { FOUND_NO_DOMAIN, TRUST_SECURE, ANY, ANY, SEAL_NONE },
    { FOUND_NO_DOMAIN, TRUST_INSECURE, ANY, ANY, SEAL_NONE },
};

static bool fits(int row, int fact)
{
    return row == ANY || row == fact;
}

static bool dns_asks(const struct facts *f, enum seal *need)
{
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        if (fits(asked[i].found, (int)f->found) && fits(asked[i].mx, (int)f->mx) && fits(asked[i].tlsa, (int)f->tlsa) &&
            fits(asked[i].tlsaless, f->tlsaless_insecure)) {
            *need = asked[i].need;
            /* a candidate's own failed TLSA lookup hides what binds: another one's match is then a must (7672 2.1.2) */
            if (f->tlsa_error && *need < SEAL_MATCHED)
                *need = SEAL_MATCHED;
            return true;
        }
    return false;
}

/* Is there a domain whose DNS was asked, or should have been? Literals have none (7672 2.2), nor have AUTH and other
 * verbs at an address that no smarthost section names. */
static bool has_route(const struct facts *f)
{
    return level_is_dane(f->level) && !f->literal &&
           (f->what == FOR_RCPT || f->found != FOUND_NOT_ASKED || f->mx != TRUST_NOT_ASKED);
}

static enum why dns_failure(const struct facts *f)
{
    return f->dns_timeout ? WHY_DNS_TIMEOUT : WHY_DNS_ERROR;
}

/* What hides the MX set, or is wrong with it. */
static enum why hidden_mx(const struct facts *f)
{
    if (!f->anchored)
        return WHY_NO_ANCHOR; /* 7672 2.1.1: without an anchor all would look unsigned */
    if (f->mx == TRUST_BOGUS)
        return WHY_DNSSEC_INVALID; /* 6698 4.1, A84 */
    if (f->mx != TRUST_SECURE && f->mx != TRUST_INSECURE)
        return dns_failure(f); /* 7672 2.1.2 */
    if (f->found == FOUND_NULL)
        return WHY_NULL_MX; /* RFC 7505 */
    return WHY_NONE;
}

/* Errors are not answers: what hides a fact that the verdict needs. WHY_NONE where all of it is there. */
static enum why hidden(const struct facts *f)
{
    enum seal unused;
    const bool dane = has_route(f), dated = f->level == LEVEL_VERIFY || f->level == LEVEL_SECURE;

    if ((dane || dated) && f->clock == CLOCK_UNSYNCED)
        return WHY_CLOCK_UNSYNCED; /* A85, A122: a replayed signature would pass, an expired certificate too */
    if ((dane || (dated && f->asks_mx)) && hidden_mx(f) != WHY_NONE)
        return hidden_mx(f);
    if (!dane)
        return WHY_NONE;
    if (f->tlsa_error && f->tlsa != TLSA_USABLE)
        return dns_failure(f); /* 7672 2.1.2, A82: there is no match that could excuse it */
    return dns_asks(f, &unused) ? WHY_NONE : dns_failure(f); /* 7672 2.1.2: FAILED, MAYBE, TLSA_ERROR, never asked */
}

/* The most that a match at a level which names its peer can show: names that an unsigned MX set gave are as good as
 * that. */
static enum seal named_peer(const struct facts *f)
{
    return f->level != LEVEL_FINGERPRINT && f->asks_mx && f->mx != TRUST_SECURE ? SEAL_MATCHED : SEAL_VERIFIED;
}

static enum seal channel(const struct facts *f)
{
    if (f->handshake != HANDSHAKE_DONE)
        return SEAL_NONE;
    if (level_names_peer(f->level))
        return hidden(f) == WHY_NONE && f->matched == MATCHED_YES && f->modern ? named_peer(f) : SEAL_TLS;
    if (!has_route(f) || hidden(f) != WHY_NONE || f->tlsa != TLSA_USABLE || f->matched != MATCHED_YES || !f->modern)
        return SEAL_TLS;
    return f->mx == TRUST_SECURE ? SEAL_VERIFIED : SEAL_MATCHED; /* 7672 2.2.1: never logged as secure to the domain */
}

static enum seal policy_asks(const struct facts *f)
{
    enum seal need = SEAL_NONE;

    switch (f->level) {
    case LEVEL_NONE:
    case LEVEL_MAY:
        return SEAL_NONE;
    case LEVEL_ENCRYPT:
        return SEAL_TLS;
    case LEVEL_DANE:
        if (has_route(f) && !dns_asks(f, &need))
            return SEAL_VERIFIED;
        return need;
    case LEVEL_DANE_ONLY:
        /* AUTH and other verbs have no domain to verify: TLS is the most that can be asked; the mail is judged later */
        return has_route(f) || f->what == FOR_RCPT ? SEAL_VERIFIED : SEAL_TLS;
    case LEVEL_VERIFY:
    case LEVEL_SECURE:
        return f->asks_mx ? SEAL_MATCHED : SEAL_VERIFIED; /* the site's own word on how far it trusts the DNS */
    case LEVEL_FINGERPRINT:
    case LEVEL__COUNT:
        return SEAL_VERIFIED;
    }
    return SEAL_VERIFIED;
}

static bool memory_silent(const struct facts *f)
{
    return f->latch == LATCH_UNKNOWN || f->sts == STS_UNKNOWN || f->grace == GRACE_UNKNOWN;
}

static struct reason reason_of(const struct facts *f)
{
    struct reason r = { .policy = policy_asks(f), .have = channel(f), .ceiling = SEAL_TLS };

    r.need = r.policy;
    if (f->requiretls || f->sts != STS_NONE)
        r.need = SEAL_VERIFIED; /* RFC 8689 4.2.1; 8461 5: what nothing else verifies needs a check of its own, which
                                   is none of the facts yet */
    else if (r.need == SEAL_NONE && (f->what == FOR_AUTH || f->authed || f->latch != LATCH_NONE || memory_silent(f)))
        r.need = SEAL_TLS;
    if (has_route(f) && f->tlsa == TLSA_USABLE)
        r.ceiling = f->mx == TRUST_SECURE ? SEAL_VERIFIED : SEAL_MATCHED;
    if (level_names_peer(f->level))
        r.ceiling = named_peer(f);
    return r;
}

/* Why there is no TLS. */
static enum why no_tls(const struct facts *f)
{
    if (f->handshake == HANDSHAKE_FAILED)
        return WHY_HANDSHAKE_FAILED;
    return f->offer == OFFER_REFUSED ? WHY_STARTTLS_REFUSED : WHY_NO_STARTTLS;
}

/* Why the chain of a TLS channel is not enough for level and DNS. */
static enum why not_matched(const struct facts *f)
{
    if (f->matched == MATCHED_YES)
        return WHY_OLD_TLS;
    if (level_names_peer(f->level))
        return f->mismatch == WHY_NONE ? WHY_VALIDATION_FAILURE : f->mismatch;
    if (f->tlsa_error)
        return dns_failure(f);
    if (f->found == FOUND_UNLISTED)
        return WHY_NOT_AN_MX;
    return f->mismatch == WHY_NONE ? WHY_TLSA_INVALID : f->mismatch;
}

/* The word for a channel that has less than the need: the site's and the domain's own policy speaks first. */
static enum why lacking(const struct facts *f, const struct reason *r)
{
    if (f->what == FOR_AUTH && r->have == SEAL_NONE)
        return WHY_AUTH_IN_CLEAR;
    if (r->have < r->policy && r->have == SEAL_NONE)
        return no_tls(f);
    if (r->have < r->policy)
        return r->policy > r->ceiling ? WHY_DANE_REQUIRED : not_matched(f);
    if (f->requiretls)
        return WHY_REQUIRETLS;
    if (memory_silent(f))
        return WHY_MEMORY_UNKNOWN;
    if (f->sts == STS_ENFORCE)
        return r->have == SEAL_NONE ? no_tls(f) : WHY_VALIDATION_FAILURE;
    if (f->latch == LATCH_SET)
        return f->handshake == HANDSHAKE_FAILED ? WHY_HANDSHAKE_FAILED : WHY_LATCHED;
    return WHY_AUTH_IN_CLEAR;
}

/* May clear text follow a failed handshake or a refused STARTTLS (7672 2.2 'MAY')? WHY_NONE: yes. */
static enum why after_failure(const struct facts *f)
{
    /* at may; at dane only with proof that no TLSA exists, which is more than none found for this address */
    if (f->level != LEVEL_MAY && !f->literal && !(has_route(f) && f->tlsa <= TLSA_NONE))
        return no_tls(f);
    return f->grace == GRACE_OVER ? WHY_NONE : WHY_CLEAR_AFTER; /* A18, A20 */
}

static struct verdict refuse(enum why why)
{
    return (struct verdict){ .act = ACT_REFUSE, .why = why };
}

static struct verdict go_on(enum act act, enum why otherwise)
{
    return (struct verdict){ .act = act, .why = otherwise };
}

static struct verdict let_go(const struct facts *f)
{
    static const enum grade grades[] = { [SEAL_NONE] = GRADE_CLEARTEXT,
                                         [SEAL_TLS] = GRADE_ENCRYPTED,
                                         [SEAL_MATCHED] = GRADE_ENCRYPTED,
                                         [SEAL_VERIFIED] = GRADE_VERIFIED };

    return (struct verdict){ .act = ACT_SEND, .grade = grades[channel(f)] };
}

/* Clear text is enough: for whom, and when. */
static struct verdict in_clear(const struct facts *f)
{
    const bool failed = f->handshake == HANDSHAKE_FAILED;
    const enum why why = failed || f->offer == OFFER_REFUSED ? after_failure(f) : WHY_NONE;

    if (why != WHY_NONE)
        return refuse(why);
    if (failed && f->offer == OFFER_UNKNOWN)
        return go_on(ACT_REDIAL, WHY_HANDSHAKE_FAILED); /* A8: never clear on a stream that had begun TLS */
    return let_go(f);                                   /* A1; A4: after a refusal the same connection goes on */
}

static struct verdict judge(const struct facts *f)
{
    const enum why unknown = hidden(f);

    if (unknown != WHY_NONE)
        return refuse(unknown);

    const struct reason r = reason_of(f);

    if (r.need > r.ceiling) { /* 7672 2.2.1, 6: the best of channels would not be enough */
        const struct reason best = { r.policy, r.need, r.ceiling, r.ceiling };

        return refuse(lacking(f, &best));
    }
    if (r.have >= r.need && f->handshake == HANDSHAKE_DONE)
        return let_go(f);
    if (f->handshake == HANDSHAKE_DONE)
        return f->matched == MATCHED_NO && f->more_names ? go_on(ACT_REDIAL, lacking(f, &r)) : refuse(lacking(f, &r));
    if (f->handshake == HANDSHAKE_NOT_TRIED && (f->offer == OFFER_UNKNOWN || f->offer == OFFER_MADE))
        return go_on(ACT_UPGRADE, WHY_CHANNEL_MISFIT);
    return r.need == SEAL_NONE ? in_clear(f) : refuse(lacking(f, &r));
}

/* Observe mode: what can be sealed is sealed, the rest goes as it would without us. */
static struct verdict observe(const struct facts *f, enum why why)
{
    struct verdict v = let_go(f);

    if (f->handshake == HANDSHAKE_FAILED && f->offer == OFFER_UNKNOWN)
        v = go_on(ACT_REDIAL, why);
    else if (f->handshake == HANDSHAKE_NOT_TRIED && (f->offer == OFFER_UNKNOWN || f->offer == OFFER_MADE))
        v = go_on(ACT_UPGRADE, why);
    v.why = why;
    v.would = true;
    return v;
}

struct verdict decide(const struct facts *f)
{
    assert(f->level < LEVEL__COUNT && f->mismatch < WHY__COUNT);
    if (f->level == LEVEL_NONE) /* the site's word: this channel is none of our business */
        return f->handshake == HANDSHAKE_FAILED && f->offer == OFFER_UNKNOWN ? go_on(ACT_REDIAL, WHY_HANDSHAKE_FAILED)
                                                                             : let_go(f);

    const struct verdict v = judge(f);

    return v.act == ACT_REFUSE && !f->enforce ? observe(f, v.why) : v;
}
