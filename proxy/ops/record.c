#include "ops/record.h"

#define IS_FLAG(v) ((v) <= 1)

static bool ends(const char *s, size_t cap)
{
    return memchr(s, '\0', cap) != NULL;
}

enum rc record_check(const struct record *r)
{
    if (r->outcome >= OUTCOME__COUNT || r->auth >= AUTH__COUNT || r->level >= LEVEL__COUNT || r->why >= WHY__COUNT)
        return MALFORMED;
    if (!IS_FLAG(r->resumed) || !IS_FLAG(r->would) || !IS_FLAG(r->mx_insecure) || !IS_FLAG(r->tls_failed) ||
        !IS_FLAG(r->tls_done) || !IS_FLAG(r->by_address))
        return MALFORMED;
    if ((r->flags & ~(FLAG_UNLISTED_ADDRESS | FLAG_SPLIT_HORIZON | FLAG_DECLARE_A_SMARTHOST)) != 0 ||
        r->accepted > r->asked)
        return MALFORMED;
    if (!ends(r->domain, sizeof r->domain) || !ends(r->mx, sizeof r->mx) || !ends(r->tls, sizeof r->tls) ||
        !ends(r->cipher, sizeof r->cipher) || !ends(r->client_tls, sizeof r->client_tls) ||
        !ends(r->text, sizeof r->text))
        return MALFORMED;
    return OK;
}
