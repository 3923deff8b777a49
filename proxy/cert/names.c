#include "cert/names.h"

#include "base/text.h"

#define OTHER_NAME (DER_CONTEXT_CONSTRUCTED | 0)
#define DNS_ID (DER_CONTEXT | 2)
#define SRV_NAME "\x2b\x06\x01\x05\x05\x07\x08\x07" /* id-on-dnsSRV */

/* Labels of 1 to 63 visible ASCII characters, no `*`, dots between them, at most 253 in all. */
static bool is_host(struct span s)
{
    if (s.n == 0 || s.n > HOSTNAME_MAX)
        return false;
    for (struct span rest = s;;) {
        const struct span label = span_first(rest, span_find(rest, '.'));

        if (label.n == 0 || label.n > 63)
            return false;
        for (size_t i = 0; i < label.n; i++)
            if (label.p[i] <= ' ' || label.p[i] > '~' || label.p[i] == '*')
                return false;
        if (label.n == rest.n)
            return true;
        rest = span_from(rest, label.n + 1);
    }
}

/* Could this common name be meant as a DNS name? Of a single label it is a title. */
static bool is_host_like(struct span s)
{
    const struct span host = s.n > 2 && s.p[0] == '*' && s.p[1] == '.' ? span_from(s, 2) : s;

    return is_host(host) && span_find(s, '.') < s.n;
}

bool names_attribute(struct cur *subject, struct cur *rdn, struct span *type, struct der *value)
{
    struct cur pair;

    if (rdn->left.n == 0 && subject->left.n > 0)
        *rdn = cur_of(der_take(subject, DER_SET).content);
    if (rdn->left.n == 0)
        return false;
    pair = cur_of(der_take(rdn, DER_SEQUENCE).content);
    *type = der_take(&pair, DER_OID).content;
    *value = der_next(&pair);
    return cur_done(&pair);
}

/* ---- names that a certificate presents ---- */

static bool next_dns_id(struct cur *alt, struct span *name)
{
    while (alt->left.n > 0) {
        const struct der e = der_next(alt);

        if (e.tag == DNS_ID) {
            *name = e.content;
            return true;
        }
    }
    return false;
}

/* A string of two-byte characters, as far as it is ASCII. */
static struct span narrow(struct span s, uint8_t out[HOSTNAME_MAX])
{
    size_t n = 0;

    for (; n < s.n / 2 && n < HOSTNAME_MAX && s.p[2 * n] == 0; n++)
        out[n] = s.p[2 * n + 1];
    return span_of(out, 2 * n == s.n ? n : 0);
}

static bool next_common_name(struct names *it, struct span *name)
{
    struct span type;
    struct der value;

    while (names_attribute(&it->subject, &it->rdn, &type, &value)) {
        if (!span_eq(type, SPAN("\x55\x04\x03"))) /* id-at-commonName */
            continue;
        *name = value.tag == DER_BMP ? narrow(value.content, it->wide) : value.content;
        if ((value.tag == DER_UTF8 || value.tag == DER_PRINTABLE || value.tag == DER_IA5 || value.tag == DER_TELETEX ||
             value.tag == DER_BMP) &&
            is_host_like(*name))
            return true;
    }
    return false;
}

void names_init(struct names *it, const struct cert *c)
{
    struct cur alt = cur_of(c->alt_names), subject = cur_of(c->subject);
    struct span any;

    it->alt = alt;
    it->is_common = !next_dns_id(&alt, &any);
    it->subject = cur_of(der_take(&subject, DER_SEQUENCE).content);
    it->rdn = cur_of(span_of(NULL, 0));
}

bool names_next(struct names *it, struct span *name)
{
    return it->is_common ? next_common_name(it, name) : next_dns_id(&it->alt, name);
}

/* `reference` is a host; so then is what equals it. */
static bool matches(struct span presented, struct span reference)
{
    if (text_eq_nocase(presented, reference))
        return true;
    if (presented.n < 2 || presented.p[0] != '*' || presented.p[1] != '.')
        return false;

    const struct span domain = span_from(presented, 2);

    return span_find(domain, '.') < domain.n &&
           text_eq_nocase(domain, span_from(reference, span_find(reference, '.') + 1));
}

static struct span without_dot(struct span host)
{
    return host.n > 0 && host.p[host.n - 1] == '.' ? span_first(host, host.n - 1) : host;
}

bool names_bear(const struct cert *c, struct span reference)
{
    struct names it;
    struct span name;

    reference = without_dot(reference);
    if (!is_host(reference))
        return false;
    names_init(&it, c);
    while (names_next(&it, &name))
        if (matches(name, reference))
            return true;
    return false;
}

/* ---- names of services ---- */

/* OtherName ::= { type OBJECT IDENTIFIER, [0] EXPLICIT SRVName ::= IA5String } */
bool names_next_service(struct cur *alt, struct span *name)
{
    while (alt->left.n > 0) {
        const struct der e = der_next(alt);
        struct cur c = cur_of(e.content);

        if (e.tag != OTHER_NAME || !span_eq(der_take(&c, DER_OID).content, SPAN(SRV_NAME)))
            continue;
        struct cur value = cur_of(der_take(&c, DER_CONTEXT_CONSTRUCTED | 0).content);

        *name = der_take(&value, DER_IA5).content;
        if (cur_done(&c) && cur_done(&value))
            return true;
    }
    return false;
}

bool names_bear_service(const struct cert *c, struct span service, struct span host)
{
    struct cur alt = cur_of(c->alt_names);
    struct span name;

    host = without_dot(host);
    if (!is_host(host))
        return false;
    while (names_next_service(&alt, &name)) {
        const struct span label = span_first(name, span_find(name, '.'));

        if (label.n == service.n + 1 && label.p[0] == '_' && text_eq_nocase(span_from(label, 1), service) &&
            text_eq_nocase(span_from(name, label.n + 1), host))
            return true;
    }
    return false;
}

/* Its names are common names, and an SRV-ID stands in front of them. */
static bool is_for_services(const struct cert *c)
{
    struct cur alt = cur_of(c->alt_names);
    struct names it;
    struct span name;

    names_init(&it, c);
    return it.is_common && names_next_service(&alt, &name);
}

bool names_bear_host(const struct cert *c, struct span reference)
{
    return !is_for_services(c) && names_bear(c, reference);
}

bool names_bear_below(const struct cert *c, struct span domain)
{
    struct names it;
    struct span name;

    domain = without_dot(domain);
    if (!is_host(domain) || is_for_services(c))
        return false;
    names_init(&it, c);
    while (names_next(&it, &name)) {
        const struct span host = name.n > 2 && name.p[0] == '*' && name.p[1] == '.' ? span_from(name, 2) : name;
        const size_t skip = name.n - domain.n;

        if (is_host(host) && name.n > domain.n + 1 && name.p[skip - 1] == '.' &&
            text_eq_nocase(span_from(name, skip), domain))
            return true;
    }
    return false;
}

/* ---- distinguished names ---- */

/* The next character, blanks in a row taken as one; -1 at the end. */
static int next_char(struct span *s)
{
    const uint8_t c = s->n > 0 ? s->p[0] : 0;

    if (s->n == 0)
        return -1;
    *s = span_from(*s, 1);
    while (c == ' ' && s->n > 0 && s->p[0] == ' ')
        *s = span_from(*s, 1);
    return text_fold(c);
}

static bool is_text(uint8_t tag)
{
    return tag == DER_UTF8 || tag == DER_PRINTABLE || tag == DER_IA5;
}

static bool same_value(struct der a, struct der b)
{
    struct span x = text_trim(a.content), y = text_trim(b.content);
    int c;

    if (!is_text(a.tag) || !is_text(b.tag))
        return span_eq(a.whole, b.whole);
    do {
        c = next_char(&x);
        if (c != next_char(&y))
            return false;
    } while (c >= 0);
    return true;
}

static bool same_rdn(struct der a, struct der b)
{
    struct cur no_more = cur_of(span_of(NULL, 0)), x = cur_of(a.content), y = cur_of(b.content);
    struct span type_a, type_b;
    struct der value_a, value_b;

    if (span_eq(a.whole, b.whole))
        return true;
    while (x.left.n > 0 && y.left.n > 0)
        if (!names_attribute(&no_more, &x, &type_a, &value_a) || !names_attribute(&no_more, &y, &type_b, &value_b) ||
            !span_eq(type_a, type_b) || !same_value(value_a, value_b))
            return false;
    return x.left.n == 0 && y.left.n == 0;
}

bool names_dn_within(struct span name, struct span base)
{
    struct cur outer = cur_of(name), outer_base = cur_of(base);
    struct cur in = cur_of(der_take(&outer, DER_SEQUENCE).content);
    struct cur in_base = cur_of(der_take(&outer_base, DER_SEQUENCE).content);

    while (in_base.left.n > 0) {
        const struct der rdn = der_take(&in, DER_SET), rdn_base = der_take(&in_base, DER_SET);

        if (cur_failed(&in) || cur_failed(&in_base) || !same_rdn(rdn, rdn_base))
            return false;
    }
    return cur_done(&outer) && cur_done(&outer_base);
}

bool names_dn_same(struct span a, struct span b)
{
    return span_eq(a, b) || (names_dn_within(a, b) && names_dn_within(b, a));
}
