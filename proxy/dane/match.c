#include "dane/match.h"

#include "base/limits.h"
#include "cert/names.h"
#include "cert/path.h"
#include "cert/sign.h"

struct work {
    const struct match_query *q;
    struct cert chain[CHAIN_CERTS_MAX];
    size_t n;
    path_set sound;
    struct span name; /* the first reference identifier that the leaf bears; empty without */
    unsigned signatures;
    struct match_answer best;
};

/* What a record's data is compared with; an empty span (a certificate that cannot be read, say) equals none. */
static struct span association(const struct tlsa *t, const struct cert *c, uint8_t digest[SIGN_DIGEST_MAX])
{
    const struct span s = t->selector == SELECTOR_CERT ? c->whole : c->spki;

    switch (t->match) {
    case MATCH_FULL:
        return s;
    case MATCH_SHA256:
        return s.n == 0 ? s : sign_digest(SIGN_SHA256, s, digest);
    case MATCH_SHA512:
        return s.n == 0 ? s : sign_digest(SIGN_SHA512, s, digest);
    }
    return span_of(NULL, 0);
}

/* The first record of a usage that names this certificate; NULL without. A digest is made once for all records of one
 * selector and matching type. */
static const struct tlsa *naming(const struct match_query *q, enum tlsa_usage usage, const struct cert *c)
{
    uint8_t digest[SELECTOR_LAST + 1][MATCH_LAST + 1][SIGN_DIGEST_MAX];
    struct span made[SELECTOR_LAST + 1][MATCH_LAST + 1] = { 0 };

    for (const struct tlsa *t = q->tlsa; t < q->tlsa + q->n_tlsa; t++) {
        struct span *const it = &made[t->selector][t->match];

        if (t->usage != usage)
            continue;
        if (it->p == NULL)
            *it = association(t, c, digest[t->selector][t->match]);
        if (it->n > 0 && span_eq(*it, t->data))
            return t;
    }
    return NULL;
}

static path_set named_issuers(const struct work *w, enum tlsa_usage usage)
{
    path_set set = 0;

    for (size_t i = 1; i < w->n; i++)
        if (naming(w->q, usage, &w->chain[i]) != NULL)
            set |= (path_set)1 << i;
    return set;
}

/* ---- usage 2 ---- */

/* Anchors that stand whole in the DNS: RFC 7671 5.2.2, 5.2.3 */
struct anchors {
    struct cert certs[ROUTE_TLSA_MAX];
    struct span keys[ROUTE_TLSA_MAX];
    const struct tlsa *of_cert[ROUTE_TLSA_MAX], *of_key[ROUTE_TLSA_MAX];
    size_t n_certs, n_keys;
};

/* One that was sent as well is found in the chain. This makes a bare key stand back behind a certificate that carries
 * it, with its dates and constraints (RFC 7671 5.2.3), and no leaf its own anchor. */
static bool was_sent(const struct work *w, const struct tlsa *t)
{
    for (size_t i = 0; i < w->n; i++)
        if (span_eq(t->data, t->selector == SELECTOR_CERT ? w->chain[i].whole : w->chain[i].spki))
            return true;
    return false;
}

static void collect(const struct work *w, struct anchors *a)
{
    a->n_certs = a->n_keys = 0;
    for (const struct tlsa *t = w->q->tlsa; t < w->q->tlsa + w->q->n_tlsa; t++) {
        if (t->usage != USAGE_DANE_TA || t->match != MATCH_FULL || was_sent(w, t))
            continue;
        if (t->selector == SELECTOR_SPKI && a->n_keys < ROUTE_TLSA_MAX) {
            a->of_key[a->n_keys] = t;
            a->keys[a->n_keys++] = t->data;
        }
        if (t->selector == SELECTOR_CERT && a->n_certs < ROUTE_TLSA_MAX &&
            cert_read(t->data, &a->certs[a->n_certs]) == OK)
            a->of_cert[a->n_certs++] = t;
    }
}

static void note(struct work *w, enum match_result result)
{
    if (result > w->best.result)
        w->best.result = result;
}

/* A record has led to a sound path, from the leaf to what it names; the name is what is left to ask. */
static void note_path(struct work *w, const struct tlsa *t, unsigned depth)
{
    if (t == NULL) /* it was named a moment ago: no memory for the digest now, hence no proof */
        return;
    if (w->name.n == 0)
        note(w, MATCH_WRONG_NAME);
    else if (w->best.result != MATCH_YES)
        w->best = (struct match_answer){ .result = MATCH_YES, .tlsa = t, .depth = depth, .name = w->name };
}

static void match_anchor(struct work *w)
{
    const path_set trusted = named_issuers(w, USAGE_DANE_TA);
    struct anchors a;
    struct path_answer found;

    collect(w, &a);
    if (trusted == 0 && a.n_certs == 0 && a.n_keys == 0)
        return;
    found = path_find(&(struct path_query){
        .chain = w->chain,
        .n_chain = w->n,
        .sound = w->sound,
        .trusted = trusted,
        .stored = a.certs,
        .n_stored = a.n_certs,
        .keys = a.keys,
        .n_keys = a.n_keys,
        .at = w->q->at,
    });
    w->signatures += found.signatures;
    switch (found.end) {
    case PATH_NONE:
        note(w, trusted != 0 ? MATCH_NOT_TRUSTED : MATCH_NO);
        break;
    case PATH_EXPIRED:
        note(w, MATCH_EXPIRED);
        break;
    case PATH_SENT:
        note_path(w, naming(w->q, USAGE_DANE_TA, &w->chain[found.which]), found.depth);
        break;
    case PATH_STORED:
        note_path(w, a.of_cert[found.which], found.depth);
        break;
    case PATH_KEY:
        note_path(w, a.of_key[found.which], found.depth);
        break;
    }
}

/* ---- usages 0 and 1: a path to a public root, and the record names a certificate of it (RFC 6698 2.1.1) ---- */

static bool match_public(struct work *w, const struct cert *roots, size_t n_roots, path_set through,
                         struct path_answer *found)
{
    *found = path_find(&(struct path_query){
        .chain = w->chain,
        .n_chain = w->n,
        .sound = w->sound,
        .through = through,
        .stored = roots,
        .n_stored = n_roots,
        .at = w->q->at,
    });
    w->signatures += found->signatures;
    note(w, found->end == PATH_STORED ? MATCH_NO : found->end == PATH_EXPIRED ? MATCH_EXPIRED : MATCH_NOT_TRUSTED);
    return found->end == PATH_STORED;
}

static void match_pkix(struct work *w)
{
    const struct match_query *const q = w->q;
    const struct tlsa *const leaf = naming(q, USAGE_PKIX_EE, &w->chain[0]);
    const path_set through = named_issuers(w, USAGE_PKIX_TA);
    struct path_answer found;

    if (leaf != NULL && match_public(w, q->roots, q->n_roots, 0, &found))
        note_path(w, leaf, 0);
    if (through != 0 && match_public(w, q->roots, q->n_roots, through, &found))
        note_path(w, naming(q, USAGE_PKIX_TA, &w->chain[found.passed]), found.passed_depth);
    for (size_t i = 0; i < q->n_roots; i++) {
        const struct tlsa *const root = naming(q, USAGE_PKIX_TA, &q->roots[i]);

        if (root != NULL && match_public(w, &q->roots[i], 1, 0, &found))
            note_path(w, root, found.depth);
    }
}

/* ---- all of them ---- */

static void read_chain(struct work *w)
{
    const size_t n = w->q->n_chain < CHAIN_CERTS_MAX ? w->q->n_chain : CHAIN_CERTS_MAX;

    for (w->n = 0; w->n < n; w->n++)
        if (cert_read(w->q->chain[w->n], &w->chain[w->n]) == OK)
            w->sound |= (path_set)1 << w->n;
}

static struct span name_of(const struct match_query *q, const struct cert *leaf)
{
    for (size_t i = 0; i < q->n_names; i++)
        if (names_bear(leaf, q->names[i]))
            return q->names[i];
    return span_of(NULL, 0);
}

static struct match_answer told(struct match_answer a)
{
    static const char *const words[] = {
        [MATCH_NO] = "tlsa-invalid",
        [MATCH_NOT_TRUSTED] = "certificate-not-trusted",
        [MATCH_EXPIRED] = "certificate-expired",
        [MATCH_WRONG_NAME] = "certificate-host-mismatch",
        [MATCH_YES] = "-",
    };

    a.reason = words[a.result];
    if (a.tlsa != NULL)
        a.usage = a.tlsa->usage;
    return a;
}

struct match_answer dane_match(const struct match_query *q)
{
    struct work w = { .q = q };
    const struct tlsa *leaf;

    read_chain(&w);
    if (w.n == 0)
        return told(w.best);
    leaf = naming(q, USAGE_DANE_EE, &w.chain[0]);
    if (leaf != NULL) /* RFC 7671 5.1: no names, no dates, no chain */
        return told((struct match_answer){ .result = MATCH_YES, .tlsa = leaf });
    if ((w.sound & 1) != 0)
        w.name = name_of(q, &w.chain[0]);
    match_anchor(&w);
    if (w.best.result != MATCH_YES && q->n_roots > 0)
        match_pkix(&w);
    w.best.signatures = w.signatures;
    return told(w.best);
}
