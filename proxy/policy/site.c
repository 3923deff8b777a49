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
