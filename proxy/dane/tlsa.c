#include "dane/tlsa.h"

#include "base/cur.h"
#include "cert/cert.h"

static bool is_sound(enum tlsa_selector selector, enum tlsa_match match, struct span data)
{
    switch (match) {
    case MATCH_FULL:
        return selector == SELECTOR_CERT ? cert_is_shape(data) : cert_is_spki_shape(data);
    case MATCH_SHA256:
        return data.n == 32;
    case MATCH_SHA512:
        return data.n == 64;
    }
    return false;
}

enum rc tlsa_parse(struct span rdata, struct tlsa *out)
{
    struct cur c = cur_of(rdata);
    const unsigned usage = cur_u8(&c), selector = cur_u8(&c), match = cur_u8(&c);
    const struct span data = cur_rest(&c);

    if (cur_failed(&c) || data.n == 0)
        return MALFORMED;
    if (usage > USAGE_LAST || selector > SELECTOR_LAST || match > MATCH_LAST)
        return UNUSABLE;
    if (!is_sound((enum tlsa_selector)selector, (enum tlsa_match)match, data))
        return MALFORMED;
    *out = (struct tlsa){ (enum tlsa_usage)usage, (enum tlsa_selector)selector, (enum tlsa_match)match, data };
    return OK;
}
