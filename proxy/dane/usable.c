#include "dane/usable.h"

static bool is_pkix(const struct tlsa *t)
{
    return t->usage == USAGE_PKIX_TA || t->usage == USAGE_PKIX_EE;
}

/* Is there a stronger digest for the same usage and selector? The matching types are in order of strength. */
static bool is_outdone(const struct tlsa *t, const struct tlsa *set, size_t n)
{
    for (size_t i = 0; i < n && t->match != MATCH_FULL; i++)
        if (set[i].usage == t->usage && set[i].selector == t->selector && set[i].match > t->match)
            return true;
    return false;
}

size_t usable_select(struct tlsa *set, size_t n, bool rfc7672)
{
    size_t kept = 0, left = 0;

    for (size_t i = 0; i < n; i++)
        if (!rfc7672 || !is_pkix(&set[i]))
            set[kept++] = set[i];
    /* Moving a record down loses none that outdoes another: what outdoes is itself kept, or outdone by one that is. */
    for (size_t i = 0; i < kept; i++)
        if (!is_outdone(&set[i], set, left) && !is_outdone(&set[i], set + i, kept - i))
            set[left++] = set[i];
    return left;
}
