#include "policy/peer.h"

#include "cert/names.h"
#include "cert/path.h"
#include "cert/sign.h"

/* A digest of the certificate as it stands, or of its public key (Postfix takes either). */
static bool has_digest(const struct cert *c, struct span wanted)
{
    const enum sign_hash hash = wanted.n == 32 ? SIGN_SHA256 : SIGN_SHA512;
    const struct span of[] = { c->whole, c->spki };
    uint8_t out[SIGN_DIGEST_MAX];

    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        const struct span got = of[i].n == 0 ? of[i] : sign_digest(hash, of[i], out);

        if (got.n > 0 && span_eq(got, wanted))
            return true;
    }
    return false;
}

static bool bears_host(const struct peer_query *q, const struct cert *leaf, struct span name)
{
    return names_bear_host(leaf, name) || (q->is_smarthost && (names_bear_service(leaf, SPAN("submission"), name) ||
                                                               names_bear_service(leaf, SPAN("submissions"), name)));
}

/* Any host of the domain will do, whatever this address is: whoever holds its key is meant to get the mail. */
static bool bears_mx(const struct peer_query *q, const struct cert *leaf)
{
    if (q->is_smarthost)
        return bears_host(q, leaf, q->nexthop);
    for (unsigned i = 0; q->route != NULL && i < q->route->n_host; i++)
        if (names_bear_host(leaf, route_text(q->route, q->route->host[i].name)))
            return true;
    return false;
}

static bool fits(const struct peer_query *q, const struct cert *leaf, const struct site_match *m)
{
    const struct span text = site_match_text(q->site, m);

    switch ((enum site_who)m->who) {
    case SITE_NEXTHOP:
        return bears_host(q, leaf, q->nexthop);
    case SITE_DOT_NEXTHOP:
        return names_bear_below(leaf, q->nexthop);
    case SITE_HOSTNAME:
        return bears_mx(q, leaf);
    case SITE_NAME:
        return bears_host(q, leaf, text);
    case SITE_DOT_NAME:
        return names_bear_below(leaf, text);
    case SITE_DIGEST:
        return has_digest(leaf, text);
    case SITE_WHO__COUNT:
        break;
    }
    return false;
}

static bool is_whom(const struct peer_query *q, const struct cert *leaf)
{
    unsigned n;
    const struct site_match *const m = site_matches(q->site, q->policy, &n);

    for (unsigned i = 0; i < n; i++)
        if (fits(q, leaf, &m[i]))
            return true;
    return false;
}

enum why peer_judge(const struct peer_query *q)
{
    struct cert chain[CHAIN_CERTS_MAX];
    struct path_query path = { .chain = chain, .stored = q->roots, .n_stored = q->n_roots, .at = q->at };

    for (; path.n_chain < q->n_chain && path.n_chain < CHAIN_CERTS_MAX; path.n_chain++)
        if (cert_read(q->chain[path.n_chain], &chain[path.n_chain]) == OK)
            path.sound |= (path_set)1 << path.n_chain;
    if (path.n_chain == 0)
        return WHY_VALIDATION_FAILURE;
    if (q->policy->level == LEVEL_FINGERPRINT)
        return is_whom(q, &chain[0]) ? WHY_NONE : WHY_FINGERPRINT;
    if (q->policy->level != LEVEL_VERIFY && q->policy->level != LEVEL_SECURE)
        return WHY_VALIDATION_FAILURE;

    const struct path_answer found = path_find(&path);

    if (found.end == PATH_EXPIRED)
        return WHY_EXPIRED;
    if (found.end != PATH_STORED)
        return WHY_NOT_TRUSTED;
    return is_whom(q, &chain[0]) ? WHY_NONE : WHY_HOST_MISMATCH;
}
