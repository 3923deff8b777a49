#include "dane/candidates.h"

#include "smtp/hostname.h"

static bool is_failure(unsigned trust)
{
    return trust == TRUST_BOGUS || trust == TRUST_ERROR;
}

static bool has_tlsa(const struct route_host *h)
{
    return h->tlsa == TLSA_USABLE || h->tlsa == TLSA_UNUSABLE;
}

/* Does the host list this address? How is that to be trusted? NOT_ASKED: it does not. */
static enum trust lists(const struct route *r, const struct route_host *h, const struct ip *ip)
{
    for (unsigned i = 0; i < h->n_address; i++) {
        const struct route_address *a = &r->address[h->address + i];
        const struct ip known = ip_unmap_nat64(&a->ip); /* as the address that was dialled */

        if (!ip_eq(&known, ip))
            continue;
        /* A host whose TLSA were asked for over insecure addresses has a secure alias for a name: what binds it is its
         * key, and that is known whatever address it has (RFC 7672 2.2.2). */
        return a->trust == TRUST_SECURE || h->tlsa != TLSA_NOT_ASKED ? TRUST_SECURE : TRUST_INSECURE;
    }
    return TRUST_NOT_ASKED;
}

static bool has_insecure_address(const struct route *r, const struct route_host *h)
{
    for (unsigned i = 0; i < h->n_address; i++)
        if (r->address[h->address + i].trust == TRUST_INSECURE)
            return true;
    return false;
}

/* Usable records first, since they alone can match; then those that at least ask for TLS; hosts are by preference. */
static void in_order(const struct route *r, const bool *in, struct candidates *out)
{
    static const struct {
        unsigned from, to;
    } rank[] = { { TLSA_USABLE, TLSA_USABLE },
                 { TLSA_UNUSABLE, TLSA_UNUSABLE },
                 { TLSA_NOT_ASKED, TLSA_NONE },
                 { TLSA_ERROR, TLSA_ERROR } };

    for (unsigned k = 0; k < sizeof rank / sizeof rank[0]; k++)
        for (unsigned i = 0; i < r->n_host; i++)
            if (in[i] && r->host[i].tlsa >= rank[k].from && r->host[i].tlsa <= rank[k].to)
                out->host[out->n++] = (uint8_t)i;
}

/* What these hosts ask, taken together. */
static void sum_up(const struct route *r, const bool *in, struct candidates *out)
{
    for (unsigned i = 0; i < r->n_host; i++) {
        const enum tlsa_state tlsa = (enum tlsa_state)r->host[i].tlsa;

        if (!in[i])
            continue;
        if (tlsa == TLSA_ERROR)
            out->tlsa_error = true;
        else if (tlsa > out->tlsa)
            out->tlsa = tlsa;
    }
}

/* Rules 1 and 2: the hosts that list the address with this trust. */
static bool listed(const struct route *r, const struct ip *far, enum trust trust, struct candidates *out)
{
    bool in[ROUTE_HOSTS_MAX] = { false }, any = false;

    for (unsigned i = 0; i < r->n_host; i++) {
        in[i] = lists(r, &r->host[i], far) == trust;
        any = any || in[i];
    }
    in_order(r, in, out);
    sum_up(r, in, out);
    return any;
}

/* Rule 3: might the address be that of a host which we could not see whole? Only a failure of its own family hides it:
 * a broken AAAA takes nothing from A. Where the other family's answer was secure, TLSA were asked for (rule 4). */
static bool hidden(const struct route *r, const struct ip *far)
{
    if (r->incomplete)
        return true;
    for (unsigned i = 0; i < r->n_host; i++)
        if (is_failure(r->host[i].trust[ip_is_v4(far) ? 0 : 1]))
            return true;
    return false;
}

/* Rule 4: nobody lists it, and the MX set is secure. */
static void unlisted(const struct route *r, struct candidates *out)
{
    bool in[ROUTE_HOSTS_MAX] = { false }, all[ROUTE_HOSTS_MAX] = { false };

    for (unsigned i = 0; i < r->n_host; i++) {
        const struct route_host *h = &r->host[i];

        all[i] = true;
        in[i] = has_tlsa(h);
        if (!in[i] && h->tlsa != TLSA_ERROR && has_insecure_address(r, h))
            out->tlsaless_insecure = true;
    }
    in_order(r, in, out);
    sum_up(r, all, out);
}

void candidates_find(const struct route *r, const struct ip *far, struct candidates *out)
{
    const struct ip ip = ip_unmap_nat64(far);

    *out = (struct candidates){ .found = FOUND_FAILED, .tlsa = TLSA_NOT_ASKED };
    switch ((enum route_mx)r->mx) {
    case ROUTE_FAILED:
        return;
    case ROUTE_NO_DOMAIN:
        out->found = FOUND_NO_DOMAIN;
        return;
    case ROUTE_MX_NULL:
        out->found = r->mx_trust == TRUST_SECURE ? FOUND_NULL : FOUND_UNLISTED;
        return;
    case ROUTE_MX_LIST:
    case ROUTE_MX_IMPLICIT:
        break;
    }
    if (listed(r, &ip, TRUST_SECURE, out)) {
        out->found = FOUND_SECURE;
    } else if (listed(r, &ip, TRUST_INSECURE, out)) {
        out->found = FOUND_INSECURE;
    } else if (hidden(r, &ip)) {
        out->found = FOUND_MAYBE;
    } else {
        out->found = FOUND_UNLISTED;
        if (r->mx_trust == TRUST_SECURE)
            unlisted(r, out);
    }
}

/* Where the record has an address in place of a name there is nothing to send as SNI (RFC 6066 3). */
static bool is_sni(struct span name)
{
    struct hostname host;

    return hostname_parse(name, &host) == OK && !hostname_is_numeric(&host);
}

struct span candidates_sni(const struct route *r, const struct candidates *c, unsigned nth)
{
    for (unsigned i = 0; i < c->n; i++) {
        const struct span base = route_text(r, r->host[c->host[i]].base);
        bool seen = !is_sni(base);

        for (unsigned k = 0; k < i && !seen; k++)
            seen = span_eq(route_text(r, r->host[c->host[k]].base), base);
        if (!seen && nth-- == 0)
            return base;
    }
    return SPAN("");
}

struct span candidates_host(const struct route *r, const struct candidates *c)
{
    return c->n > 0 ? route_text(r, r->host[c->host[0]].name) : SPAN("");
}

/* One host's records on the chain, by that host's own names. */
static struct match_answer match_host(const struct route *r, const struct route_host *h, struct span domain,
                                      const struct span *chain, size_t n_chain, struct wall at, struct tlsa *set)
{
    /* RFC 7672 3.2.2: names that an insecure MX set gave are no identifiers of the domain. */
    const struct span names[] = { route_text(r, h->base), domain, route_text(r, r->expanded) };
    const size_t n_names = r->mx_trust != TRUST_SECURE ? 1 : r->expanded.n == 0 ? 2 : 3;
    struct match_query q = { .tlsa = set, .chain = chain, .n_chain = n_chain, .names = names, .n_names = n_names };

    for (; q.n_tlsa < h->n_tlsa; q.n_tlsa++) {
        const struct route_tlsa *t = &r->record[h->tlsa_at + q.n_tlsa];

        set[q.n_tlsa] = (struct tlsa){ (enum tlsa_usage)t->usage, (enum tlsa_selector)t->selector,
                                       (enum tlsa_match)t->match, route_text(r, t->data) };
    }
    q.at = at;
    return dane_match(&q);
}

struct match_answer candidates_match(const struct route *r, const struct candidates *c, struct span domain,
                                     const struct span *chain, size_t n_chain, struct wall at, unsigned *host,
                                     struct tlsa *record)
{
    struct match_answer best = { .result = MATCH_NO, .name = SPAN(""), .reason = "tlsa-invalid" };
    unsigned spent = 0;

    for (unsigned i = 0; i < c->n && spent < ROUTE_SIGNATURES_MAX; i++) {
        const struct route_host *h = &r->host[c->host[i]];
        struct tlsa set[ROUTE_TLSA_MAX];
        struct match_answer got;

        if (h->tlsa != TLSA_USABLE)
            continue;
        got = match_host(r, h, domain, chain, n_chain, at, set);
        spent += got.signatures;
        if (got.result == MATCH_YES) {
            *host = c->host[i];
            *record = *got.tlsa;
            got.tlsa = record; /* set[] ends here */
            got.signatures = spent;
            return got;
        }
        if (got.result > best.result)
            best = got;
    }
    best.signatures = spent;
    return best;
}
