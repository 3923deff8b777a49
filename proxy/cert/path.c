#include "cert/path.h"

#include <assert.h>

#include "cert/constraints.h"
#include "cert/names.h"
#include "cert/sign.h"

static_assert(CHAIN_CERTS_MAX <= 64, "a path_set has 64 bits");

struct search {
    const struct path_query *q;
    size_t n;
    uint8_t path[CHAIN_CERTS_MAX]; /* the way up so far, the server's certificate first */
    unsigned length;
    path_set usable; /* read, and not there before: the same certificate twice is one */
    path_set self_issued;
    path_set on_path;
    /* What is known of chain[i]: who may have issued it by name, of whom it has been checked, who has signed it. */
    path_set named[CHAIN_CERTS_MAX], checked[CHAIN_CERTS_MAX], signed_by[CHAIN_CERTS_MAX];
    path_set name_known;
    unsigned signatures, steps, names; /* what is left of each bound */
    struct path_answer best;
};

static bool has(path_set set, size_t i)
{
    return (set >> i & 1) != 0;
}

static bool is_self_issued(const struct cert *c)
{
    return names_dn_same(c->subject, c->issuer);
}

/* Name chaining, and the key identifiers where both are there: a hint, but one that a sound CA gets right. */
static bool may_have_issued(const struct cert *issuer, const struct cert *c)
{
    return names_dn_same(issuer->subject, c->issuer) &&
           (issuer->key_id.n == 0 || c->issuer_key_id.n == 0 || span_eq(issuer->key_id, c->issuer_key_id));
}

/* RFC 5280 6.1.4 (k), (n), and the key purposes of a CA as a restriction of what it issues. */
static bool may_issue(const struct cert *c)
{
    return c->is_ca && c->may_sign_certs && c->for_tls_servers;
}

/* An anchor is trusted for its key. A root of version 1 cannot say that it is a CA. */
static bool may_anchor(const struct cert *c)
{
    return may_issue(c) || (c->version == 1 && is_self_issued(c));
}

static bool signature_holds(struct search *s, struct span spki, const struct cert *c)
{
    enum rc rc;

    if (s->signatures == 0 || !span_eq(c->algorithm, c->tbs_algorithm)) /* RFC 5280 4.1.1.2 */
        return false;
    rc = sign_verify(spki, c->algorithm, c->tbs, c->signature);
    if (rc != UNUSABLE)
        s->signatures--;
    return rc == OK;
}

/* Did chain[up] sign chain[i]? Checked once, however many paths hold the two. */
static bool sent_signed(struct search *s, size_t up, size_t i)
{
    const path_set bit = (path_set)1 << up;

    if ((s->checked[i] & bit) == 0) {
        s->checked[i] |= bit;
        if (signature_holds(s, s->q->chain[up].spki, &s->q->chain[i]))
            s->signed_by[i] |= bit;
    }
    return (s->signed_by[i] & bit) != 0;
}

static path_set issuers_by_name(struct search *s, size_t i)
{
    if (!has(s->name_known, i)) {
        s->name_known |= (path_set)1 << i;
        for (size_t up = 1; up < s->n; up++) {
            const struct cert *const c = &s->q->chain[up];

            if (up != i && has(s->usable, up) && (has(s->q->trusted, up) ? may_anchor(c) : may_issue(c)) &&
                may_have_issued(c, &s->q->chain[i]))
                s->named[i] |= (path_set)1 << up;
        }
    }
    return s->named[i];
}

/* The server's own certificate, published as an anchor, is none. */
static bool is_on_path(const struct search *s, struct span der)
{
    for (unsigned d = 0; d < s->length; d++)
        if (span_eq(s->q->chain[s->path[d]].whole, der))
            return true;
    return false;
}

/* ca stands at `depth` above the path: does it bear with all that is below? RFC 5280 6.1.3 (b), (c), 6.1.4 (l), (m) */
static bool bears_with(struct search *s, const struct cert *ca, unsigned depth)
{
    uint32_t below = 0;

    for (unsigned d = 0; d < depth; d++) {
        const struct cert *const c = &s->q->chain[s->path[d]];
        const bool self_issued = d > 0 && has(s->self_issued, s->path[d]);

        if (!self_issued && !constraints_allow(ca, c, d == 0, &s->names))
            return false;
        if (d > 0 && !self_issued)
            below++;
    }
    return ca->path_len == CERT_PATH_LEN_NONE || below <= ca->path_len;
}

/*
 * A way up has come to an anchor (top; NULL for a bare key). If all on it hold, or all but their dates, that is noted.
 * The search ends with the first way that holds.
 */
static bool arrive(struct search *s, const struct cert *top, struct path_answer found)
{
    const struct path_query *const q = s->q;
    bool in_time = top == NULL || cert_valid_at(top, q->at);
    bool passes = q->through == 0;

    if (top != NULL && (!may_anchor(top) || !bears_with(s, top, s->length)))
        return false;
    for (unsigned d = 0; d < s->length; d++) {
        const struct cert *const c = &q->chain[s->path[d]];

        in_time = in_time && cert_valid_at(c, q->at);
        if (d > 0 && !bears_with(s, c, d))
            return false;
        if (!passes && has(q->through, s->path[d])) {
            passes = true;
            found.passed = s->path[d];
            found.passed_depth = d;
        }
    }
    if (!passes)
        return false;
    if (!in_time)
        found = (struct path_answer){ .end = PATH_EXPIRED };
    s->best = found;
    return in_time;
}

static bool climb(struct search *s);

static bool climb_to(struct search *s, size_t up)
{
    const struct cert *const c = &s->q->chain[up];
    const path_set bit = (path_set)1 << up;
    bool found;

    if (s->steps == 0 || s->length == CHAIN_CERTS_MAX)
        return false;
    s->steps--;
    if (has(s->q->trusted, up))
        return arrive(s, c, (struct path_answer){ .end = PATH_SENT, .which = up, .depth = s->length });
    s->path[s->length++] = (uint8_t)up;
    s->on_path |= bit;
    found = climb(s);
    s->length--;
    s->on_path &= ~bit;
    return found;
}

/* From the top of the path: certificates that were sent, then those that we hold, then bare keys. As deep as the chain
 * is long at most. */
static bool climb(struct search *s)
{
    const struct path_query *const q = s->q;
    const size_t top = s->path[s->length - 1];
    const struct cert *const c = &q->chain[top];
    const path_set named = issuers_by_name(s, top) & ~s->on_path;

    for (size_t up = 1; up < s->n; up++)
        if (has(named, up) && sent_signed(s, up, top) && climb_to(s, up))
            return true;
    for (size_t i = 0; i < q->n_stored; i++)
        if (may_have_issued(&q->stored[i], c) && !is_on_path(s, q->stored[i].whole) &&
            signature_holds(s, q->stored[i].spki, c) &&
            arrive(s, &q->stored[i], (struct path_answer){ .end = PATH_STORED, .which = i, .depth = s->length }))
            return true;
    for (size_t i = 0; i < q->n_keys; i++)
        if (signature_holds(s, q->keys[i], c) &&
            arrive(s, NULL, (struct path_answer){ .end = PATH_KEY, .which = i, .depth = s->length }))
            return true;
    return false;
}

static void look_at(struct search *s, size_t i)
{
    const struct cert *const c = &s->q->chain[i];

    if (!has(s->q->sound, i))
        return;
    for (size_t before = 0; before < i; before++)
        if (has(s->usable, before) && span_eq(s->q->chain[before].whole, c->whole))
            return;
    s->usable |= (path_set)1 << i;
    if (is_self_issued(c))
        s->self_issued |= (path_set)1 << i;
}

struct path_answer path_find(const struct path_query *q)
{
    struct search s = {
        .q = q,
        .n = q->n_chain < CHAIN_CERTS_MAX ? q->n_chain : CHAIN_CERTS_MAX,
        .length = 1,
        .on_path = 1,
        .signatures = PATH_SIGNATURES_MAX,
        .steps = PATH_STEPS_MAX,
        .names = PATH_NAMES_MAX,
    };
    const struct cert *const leaf = q->chain;

    if (s.n == 0 || !has(q->sound, 0) || !leaf->may_serve_tls || !leaf->for_tls_servers)
        return s.best;
    for (size_t i = 0; i < s.n; i++)
        look_at(&s, i);
    climb(&s);
    s.best.signatures = PATH_SIGNATURES_MAX - s.signatures;
    return s.best;
}
