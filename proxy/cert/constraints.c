#include "cert/constraints.h"

#include "base/text.h"
#include "cert/names.h"

enum { /* forms of GeneralName */
    MAIL_NAME = DER_CONTEXT | 1,
    DNS_NAME = DER_CONTEXT | 2,
    DIRECTORY_NAME = DER_CONTEXT_CONSTRUCTED | 4,
    ADDRESS = DER_CONTEXT | 7,
};

/* A base with a dot in front holds the names below it only. An empty base holds all names. */
static bool dns_within(struct span name, struct span base)
{
    if (base.n == 0 || text_eq_nocase(name, base))
        return true;
    if (name.n <= base.n || !text_ends_nocase(name, base))
        return false;
    return base.p[0] == '.' || name.p[name.n - base.n - 1] == '.';
}

/* Dots around the base make it no smaller, and a wildcard is excluded with any one name that it could stand for. */
static bool dns_excluded(struct span name, struct span base)
{
    if (base.n > 0 && base.p[0] == '.')
        base = span_from(base, 1);
    if (base.n > 0 && base.p[base.n - 1] == '.')
        base.n--;
    return dns_within(name, base) || (name.n > 1 && name.p[0] == '*' &&
                                      text_eq_nocase(span_from(name, 1), span_from(base, span_find(base, '.'))));
}

/* base: address and mask, one behind the other */
static bool address_within(struct span address, struct span base)
{
    if (base.n != 2 * address.n)
        return false;
    for (size_t i = 0; i < address.n; i++)
        if (((address.p[i] ^ base.p[i]) & base.p[address.n + i]) != 0)
            return false;
    return true;
}

static bool is_permitted(uint8_t form, struct span name, struct span base)
{
    switch (form) {
    case DNS_NAME:
        return dns_within(name, base);
    case ADDRESS:
        return address_within(name, base);
    case DIRECTORY_NAME:
        return names_dn_within(name, base);
    }
    return false;
}

static bool is_excluded(uint8_t form, struct span name, struct span base)
{
    switch (form) {
    case DNS_NAME:
        return dns_excluded(name, base);
    case ADDRESS:
        return (base.n != 8 && base.n != 32) || address_within(name, base);
    }
    return true;
}

/* The next base of the same form as the name; false at the end, and when the budget is. */
static bool next_base(struct cur *list, uint8_t form, struct span *base, unsigned *budget)
{
    while (list->left.n > 0 && *budget > 0) {
        struct cur tree = cur_of(der_take(list, DER_SEQUENCE).content);
        const struct der e = der_next(&tree);

        --*budget;
        *base = e.content;
        if (e.tag == form)
            return true;
    }
    return false;
}

static bool allows(const struct cert *ca, uint8_t form, struct span name, unsigned *budget)
{
    struct cur permitted = cur_of(ca->permitted), excluded = cur_of(ca->excluded);
    bool speaks = false, within = false;
    struct span base;

    while (!within && next_base(&permitted, form, &base, budget)) {
        speaks = true;
        within = is_permitted(form, name, base);
    }
    if (speaks && !within)
        return false;
    while (next_base(&excluded, form, &base, budget))
        if (is_excluded(form, name, base))
            return false;
    return *budget > 0;
}

static bool allows_subject(const struct cert *ca, const struct cert *c, unsigned *budget)
{
    struct cur outer = cur_of(c->subject), subject = cur_of(der_take(&outer, DER_SEQUENCE).content);
    struct cur rdn = cur_of(span_of(NULL, 0));
    struct span type;
    struct der value;

    if (subject.left.n > 0 && !allows(ca, DIRECTORY_NAME, c->subject, budget))
        return false;
    while (names_attribute(&subject, &rdn, &type, &value))
        if (span_eq(type, SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01")) &&
            !allows(ca, MAIL_NAME, value.content, budget))
            return false; /* emailAddress: a mail name of old */
    return true;
}

bool constraints_allow(const struct cert *ca, const struct cert *c, bool is_leaf, unsigned *budget)
{
    struct cur alt = cur_of(c->alt_names);
    struct names it;
    struct span name;

    if (ca->permitted.n == 0 && ca->excluded.n == 0)
        return true;
    while (alt.left.n > 0) {
        const struct der e = der_next(&alt);

        if (!allows(ca, e.tag, e.content, budget))
            return false;
    }
    names_init(&it, c);
    while (is_leaf && it.is_common && names_next(&it, &name))
        if (!allows(ca, DNS_NAME, name, budget))
            return false;
    /* Without this a CA that may name hosts of one domain only could name services of any: the two forms have
     * constraints of their own (RFC 4985 4), and nobody writes those of the second. */
    for (alt = cur_of(c->alt_names); is_leaf && names_next_service(&alt, &name);)
        if (!allows(ca, DNS_NAME, span_from(name, span_find(name, '.') + 1), budget))
            return false;
    return allows_subject(ca, c, budget);
}
