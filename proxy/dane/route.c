#include "dane/route.h"

#include "smtp/hostname.h"

enum {
    BEST_CLOCK = 2
};

struct span route_text(const struct route *r, struct route_text t)
{
    return span_of(r->pool + t.at, t.n);
}

void route_failed(struct route *r, enum trust how, bool timeout)
{
    memset(r, 0, offsetof(struct route, pool));
    r->size = offsetof(struct route, pool);
    r->mx = ROUTE_FAILED;
    r->mx_trust = (uint8_t)how;
    r->timeout = timeout;
    r->anchored = 1;
    r->clock = BEST_CLOCK;
}

static bool in_pool(const struct route *r, struct route_text t)
{
    return t.at <= r->pool_used && t.n <= r->pool_used - t.at;
}

/* Names go into SNI, replies and the log: what is not a clean host name is not one that we sent. */
static bool is_name(const struct route *r, struct route_text t)
{
    struct hostname name;

    return in_pool(r, t) && hostname_parse(route_text(r, t), &name) == OK &&
           span_eq(hostname_span(&name), route_text(r, t));
}

static bool is_answer(unsigned trust)
{
    return trust == TRUST_SECURE || trust == TRUST_INSECURE;
}

static bool is_host(const struct route *r, const struct route_host *h)
{
    if (!is_name(r, h->name) || !is_name(r, h->base) || h->tlsa > TLSA_ERROR)
        return false;
    if (h->trust[0] > TRUST_ERROR || h->trust[1] > TRUST_ERROR)
        return false;
    if (h->n_address > ROUTE_ADDRESSES_MAX || h->address > r->n_address || h->n_address > r->n_address - h->address)
        return false;
    if (h->n_tlsa > ROUTE_TLSA_MAX || h->tlsa_at > r->n_record || h->n_tlsa > r->n_record - h->tlsa_at)
        return false;
    return (h->tlsa == TLSA_USABLE) == (h->n_tlsa > 0);
}

enum rc route_check(const struct route *r, size_t n)
{
    if (n < offsetof(struct route, pool) || n > sizeof *r || r->size != n ||
        r->pool_used != n - offsetof(struct route, pool))
        return MALFORMED;
    if (r->mx > ROUTE_FAILED || r->mx_trust > TRUST_ERROR || r->timeout > 1 || r->anchored > 1 ||
        r->clock > BEST_CLOCK || r->incomplete > 1)
        return MALFORMED;
    if (r->n_host > ROUTE_HOSTS_MAX || r->n_address > ROUTE_ADDRESSES_ALL || r->n_record > ROUTE_TLSA_ALL)
        return MALFORMED;
    if ((r->mx == ROUTE_FAILED) == is_answer(r->mx_trust))
        return MALFORMED;
    if (r->n_host > 0 && r->mx != ROUTE_MX_LIST && r->mx != ROUTE_MX_IMPLICIT)
        return MALFORMED;
    if (r->expanded.n > 0 && !is_name(r, r->expanded))
        return MALFORMED;
    for (unsigned i = 0; i < r->n_host; i++)
        if (!is_host(r, &r->host[i]))
            return MALFORMED;
    for (unsigned i = 0; i < r->n_address; i++)
        if (!is_answer(r->address[i].trust))
            return MALFORMED;
    for (unsigned i = 0; i < r->n_record; i++)
        if (!in_pool(r, r->record[i].data))
            return MALFORMED;
    return OK;
}
