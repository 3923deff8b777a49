#include "policy/site.h"

/* Among the sections, or among the rows of policy-file: the exact domain, else the longest parent. NULL: neither. */
static const struct site_entry *find(const struct site *s, const struct hostname *domain, uint8_t late)
{
    const struct site_entry *best = NULL; /* the longest parent so far */

    for (uint32_t i = 0; i < s->n; i++) {
        const struct site_entry *e = &s->entry[i];

        if (e->late != late)
            continue;
        if (!e->parent && hostname_eq(&e->domain, domain))
            return e;
        if (e->parent && hostname_is_under(domain, &e->domain) && (best == NULL || e->domain.n > best->domain.n))
            best = e;
    }
    return best;
}

const struct site_policy *site_policy(const struct site *s, const struct hostname *domain)
{
    const struct site_entry *e = domain == NULL ? NULL : find(s, domain, 0);

    if (e == NULL && domain != NULL)
        e = find(s, domain, 1);
    return e == NULL ? &s->fallback : &e->policy;
}

const struct site_smarthost *site_smarthost(const struct site *s, const struct ip *server)
{
    const struct ip ip = ip_unmap_nat64(server);

    for (uint32_t i = 0; i < s->n_smarthost; i++)
        if (ip_eq(&s->smarthost[i].ip, server) || ip_eq(&s->smarthost[i].ip, &ip))
            return &s->smarthost[i];
    return NULL;
}

/* Postfix's smtp_tls_verify_cert_match and smtp_tls_secure_cert_match. A fingerprint has to be written. */
const struct site_match *site_matches(const struct site *s, const struct site_policy *p, unsigned *n)
{
    static const struct site_match verify[] = { { .who = SITE_HOSTNAME } };
    static const struct site_match secure[] = { { .who = SITE_NEXTHOP }, { .who = SITE_DOT_NEXTHOP } };

    *n = p->n_match;
    if (p->n_match > 0)
        return &s->match[p->match];
    if (p->level == LEVEL_VERIFY) {
        *n = sizeof verify / sizeof verify[0];
        return verify;
    }
    if (p->level == LEVEL_SECURE) {
        *n = sizeof secure / sizeof secure[0];
        return secure;
    }
    return NULL;
}

bool site_asks_mx(const struct site *s, const struct site_policy *p)
{
    unsigned n;
    const struct site_match *const m = site_matches(s, p, &n);

    for (unsigned i = 0; i < n; i++)
        if (m[i].who == SITE_HOSTNAME)
            return true;
    return false;
}

static bool is_public(const struct site_policy *p)
{
    return p->level == LEVEL_VERIFY || p->level == LEVEL_SECURE;
}

bool site_needs_roots(const struct site *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (is_public(&s->entry[i].policy))
            return true;
    for (uint32_t i = 0; i < s->n_smarthost; i++)
        if (is_public(&s->smarthost[i].policy))
            return true;
    return is_public(&s->fallback);
}
