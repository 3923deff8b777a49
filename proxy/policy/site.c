#include "policy/site.h"

enum level site_level(const struct site *s, const struct hostname *domain)
{
    const struct site_entry *best = NULL; /* the longest parent so far */

    if (domain == NULL)
        return (enum level)s->fallback;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct site_entry *e = &s->entry[i];

        if (!e->parent && hostname_eq(&e->domain, domain))
            return (enum level)e->level;
        if (e->parent && hostname_is_under(domain, &e->domain) && (best == NULL || e->domain.n > best->domain.n))
            best = e;
    }
    return (enum level)(best == NULL ? s->fallback : best->level);
}

static bool is_public(unsigned level)
{
    return level == LEVEL_VERIFY || level == LEVEL_SECURE;
}

bool site_needs_roots(const struct site *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (is_public(s->entry[i].level))
            return true;
    return is_public(s->fallback);
}
