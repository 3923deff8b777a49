/*
 * Fuzz target: one certificate. The oracle: what is read lies within it and makes a whole; names, constraints and the
 * signature by its own key can be asked of it, with the real library. R11, A71
 */
#include "cert/cert.h"
#include "cert/constraints.h"
#include "cert/names.h"
#include "cert/sign.h"

#include <stdlib.h>

static void must_lie_in(struct span whole, struct span part)
{
    if (part.n > 0 && (part.p < whole.p || part.p + part.n > whole.p + whole.n))
        abort();
}

static void check_frame(struct span in, const struct cert *c)
{
    const struct span parts[] = { c->tbs,           c->issuer,    c->subject,   c->spki,
                                  c->tbs_algorithm, c->algorithm, c->signature, c->alt_names,
                                  c->permitted,     c->excluded,  c->key_id,    c->issuer_key_id };

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        must_lie_in(in, parts[i]);
    if (!cert_is_shape(in) || c->spki.n == 0 || c->version < 1 || c->version > 3)
        abort();
}

static void check_names(const struct cert *c)
{
    unsigned budget = PATH_NAMES_MAX;
    struct names it;
    struct span name;

    names_init(&it, c);
    for (unsigned i = 0; i < 64 && names_next(&it, &name); i++)
        if (names_bear(c, name) && (name.n > HOSTNAME_MAX + 1 || span_find(name, '\0') < name.n || name.p[0] == '*'))
            abort();
    if (!names_dn_same(c->subject, c->subject) ||
        (names_dn_same(c->subject, c->issuer) != names_dn_same(c->issuer, c->subject)))
        abort();
    (void)constraints_allow(c, c, true, &budget);
    if (budget > PATH_NAMES_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct span in = span_of(data, size);
    struct cert c;
    const enum rc rc = cert_read(in, &c);

    if (!span_eq(c.whole, in))
        abort();
    if (rc == MALFORMED) {
        if (c.spki.n != 0)
            abort();
        return 0;
    }
    check_frame(in, &c);
    check_names(&c);
    (void)sign_verify(c.spki, c.algorithm, c.tbs, c.signature);
    return 0;
}
