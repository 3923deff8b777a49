#include "cert/cert.h"

#include "base/limits.h"
#include "cert/der.h"

#define ID_CE "\x55\x1d" /* 2.5.29 */

/* keyUsage bits as they stand in the first octet (RFC 5280 4.2.1.3) */
enum {
    KEY_USAGE_TLS = 0x80 | 0x20 | 0x08, /* digitalSignature, keyEncipherment, keyAgreement */
    KEY_USAGE_CERT_SIGN = 0x04,
};

bool cert_valid_at(const struct cert *c, struct wall at)
{
    return at.s >= c->not_before.s && at.s <= c->not_after.s;
}

bool cert_is_shape(struct span der)
{
    struct cur file = cur_of(der), c = cur_of(der_take(&file, DER_SEQUENCE).content);

    der_take(&c, DER_SEQUENCE);
    der_take(&c, DER_SEQUENCE);
    der_take(&c, DER_BIT_STRING);
    return cur_done(&file) && cur_done(&c);
}

bool cert_is_spki_shape(struct span der)
{
    struct cur file = cur_of(der), c = cur_of(der_take(&file, DER_SEQUENCE).content);
    struct cur algorithm = cur_of(der_take(&c, DER_SEQUENCE).content);

    der_take(&algorithm, DER_OID);
    der_take(&c, DER_BIT_STRING);
    return cur_done(&file) && cur_done(&c) && !cur_failed(&algorithm);
}

/* ---- extensions: each reads its content into the certificate and fails the cursor where it cannot ---- */

static void basic_constraints(struct cur *c, struct cert *out) /* RFC 5280 4.2.1.9 */
{
    struct cur in = cur_of(der_take(c, DER_SEQUENCE).content);

    if (der_at(&in, DER_BOOLEAN))
        out->is_ca = der_bool(&in);
    if (der_at(&in, DER_INTEGER))
        out->path_len = der_uint(&in, CERT_PATH_LEN_NONE - 1);
    if (!cur_done(&in))
        cur_fail(c);
}

static void key_usage(struct cur *c, struct cert *out) /* 4.2.1.3 */
{
    const struct span bits = der_take(c, DER_BIT_STRING).content;

    if (bits.n < 2 || bits.p[0] > 7) {
        cur_fail(c);
        return;
    }
    out->may_sign_certs = (bits.p[1] & KEY_USAGE_CERT_SIGN) != 0;
    out->may_serve_tls = (bits.p[1] & KEY_USAGE_TLS) != 0;
}

static void key_purposes(struct cur *c, struct cert *out) /* 4.2.1.12 */
{
    struct cur in = cur_of(der_take(c, DER_SEQUENCE).content);

    out->for_tls_servers = false;
    if (in.left.n == 0)
        cur_fail(c);
    while (in.left.n > 0) {
        const struct span oid = der_take(&in, DER_OID).content;

        if (span_eq(oid, SPAN("\x2b\x06\x01\x05\x05\x07\x03\x01")) || span_eq(oid, SPAN(ID_CE "\x25\x00")))
            out->for_tls_servers = true; /* id-kp-serverAuth, anyExtendedKeyUsage */
    }
    if (cur_failed(&in))
        cur_fail(c);
}

/* A list of elements, each under a context tag: GeneralNames. It may be empty: then there are no names. */
static struct span general_names(struct cur *c)
{
    const struct span list = der_take(c, DER_SEQUENCE).content;
    struct cur in = cur_of(list);

    while (in.left.n > 0)
        if ((der_next(&in).tag & 0xc0) != DER_CONTEXT)
            cur_fail(&in);
    if (cur_failed(&in))
        cur_fail(c);
    return list;
}

static void alt_names(struct cur *c, struct cert *out) /* 4.2.1.6 */
{
    out->alt_names = general_names(c);
}

/* minimum and maximum are not used in this profile (4.2.1.10), so a subtree is a base and nothing behind it. */
static struct span subtrees(struct cur *in, uint8_t tag)
{
    struct cur list;
    struct span out;

    if (!der_at(in, tag))
        return span_of(in->left.p, 0);
    out = der_take(in, tag).content;
    list = cur_of(out);
    while (list.left.n > 0) {
        struct cur tree = cur_of(der_take(&list, DER_SEQUENCE).content);

        der_next(&tree);
        if (!cur_done(&tree))
            cur_fail(&list);
    }
    if (out.n == 0 || cur_failed(&list))
        cur_fail(in);
    return out;
}

static void name_constraints(struct cur *c, struct cert *out) /* 4.2.1.10 */
{
    struct cur in = cur_of(der_take(c, DER_SEQUENCE).content);

    out->permitted = subtrees(&in, DER_CONTEXT_CONSTRUCTED | 0);
    out->excluded = subtrees(&in, DER_CONTEXT_CONSTRUCTED | 1);
    if (!cur_done(&in))
        cur_fail(c);
}

static void subject_key_id(struct cur *c, struct cert *out) /* 4.2.1.2 */
{
    out->key_id = der_take(c, DER_OCTET_STRING).content;
}

static void authority_key_id(struct cur *c, struct cert *out) /* 4.2.1.1; issuer and serial are hints, and not used */
{
    struct cur in = cur_of(der_take(c, DER_SEQUENCE).content);

    if (der_at(&in, DER_CONTEXT | 0))
        out->issuer_key_id = der_take(&in, DER_CONTEXT | 0).content;
    while (in.left.n > 0)
        der_next(&in);
    if (cur_failed(&in))
        cur_fail(c);
}

static void any_value(struct cur *c, struct cert *out)
{
    (void)out;
    der_next(c);
}

/*
 * The extensions that we understand. Policies: any will do for us, and nothing that is accepted here can require an
 * explicit one, so their tree can stay unbuilt; policyConstraints, which could, is not in the list and is always
 * critical (RFC 5280 4.2.1.11).
 */
static const struct {
    struct span oid;
    void (*read)(struct cur *c, struct cert *out);
} known[] = {
    { { (const uint8_t *)ID_CE "\x0e", 3 }, subject_key_id },
    { { (const uint8_t *)ID_CE "\x0f", 3 }, key_usage },
    { { (const uint8_t *)ID_CE "\x11", 3 }, alt_names },
    { { (const uint8_t *)ID_CE "\x13", 3 }, basic_constraints },
    { { (const uint8_t *)ID_CE "\x1e", 3 }, name_constraints },
    { { (const uint8_t *)ID_CE "\x20", 3 }, any_value }, /* certificatePolicies */
    { { (const uint8_t *)ID_CE "\x23", 3 }, authority_key_id },
    { { (const uint8_t *)ID_CE "\x25", 3 }, key_purposes },
    { { (const uint8_t *)ID_CE "\x36", 3 }, any_value }, /* inhibitAnyPolicy */
};

static bool one_extension(struct cur *c, struct span *oid, struct cert *out)
{
    struct cur e = cur_of(der_take(c, DER_SEQUENCE).content), value;
    bool critical = false;

    *oid = der_take(&e, DER_OID).content;
    if (der_at(&e, DER_BOOLEAN))
        critical = der_bool(&e);
    value = cur_of(der_take(&e, DER_OCTET_STRING).content);
    if (!cur_done(&e) || cur_failed(c))
        return false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (span_eq(*oid, known[i].oid)) {
            known[i].read(&value, out);
            return cur_done(&value);
        }
    return !critical;
}

static bool extensions(struct span list, struct cert *out)
{
    struct span seen[CERT_EXTENSIONS_MAX];
    struct cur c = cur_of(list);
    size_t n = 0;

    while (c.left.n > 0) {
        if (n == CERT_EXTENSIONS_MAX || !one_extension(&c, &seen[n], out))
            return false;
        for (size_t i = 0; i < n; i++)
            if (span_eq(seen[i], seen[n])) /* RFC 5280 4.2: not more than one of a kind */
                return false;
        n++;
    }
    return true;
}

/* What is behind the public key: identifiers of version 2 and 3, then the extensions of version 3. */
static bool behind_the_key(struct cur *tbs, struct cert *out)
{
    struct cur wrapped;

    if (der_at(tbs, DER_CONTEXT | 1))
        der_next(tbs);
    if (der_at(tbs, DER_CONTEXT | 2))
        der_next(tbs);
    if (!der_at(tbs, DER_CONTEXT_CONSTRUCTED | 3))
        return cur_done(tbs);
    wrapped = cur_of(der_take(tbs, DER_CONTEXT_CONSTRUCTED | 3).content);
    const struct span list = der_take(&wrapped, DER_SEQUENCE).content;

    return out->version == 3 && cur_done(&wrapped) && cur_done(tbs) && extensions(list, out);
}

enum rc cert_read(struct span der, struct cert *out)
{
    struct cur file = cur_of(der), c = cur_of(der_take(&file, DER_SEQUENCE).content);
    const struct der tbs = der_take(&c, DER_SEQUENCE);
    struct cur in = cur_of(tbs.content), validity, version;
    struct cert it = {
        .whole = der,
        .tbs = tbs.whole,
        .version = 1,
        .path_len = CERT_PATH_LEN_NONE,
        .may_sign_certs = true,
        .may_serve_tls = true,
        .for_tls_servers = true,
    };

    it.algorithm = der_take(&c, DER_SEQUENCE).whole;
    it.signature = der_bits(&c);
    if (der_at(&in, DER_CONTEXT_CONSTRUCTED | 0)) {
        version = cur_of(der_take(&in, DER_CONTEXT_CONSTRUCTED | 0).content);
        it.version = der_uint(&version, 254) + 1;
        if (!cur_done(&version))
            cur_fail(&in);
    }
    der_take(&in, DER_INTEGER); /* the serial is no matter to us, be it negative or long */
    it.tbs_algorithm = der_take(&in, DER_SEQUENCE).whole;
    it.issuer = der_take(&in, DER_SEQUENCE).whole;
    validity = cur_of(der_take(&in, DER_SEQUENCE).content);
    it.subject = der_take(&in, DER_SEQUENCE).whole;
    it.spki = der_take(&in, DER_SEQUENCE).whole;
    if (!cur_done(&file) || !cur_done(&c) || cur_failed(&in) || it.version > 3) {
        *out = (struct cert){ .whole = der };
        return MALFORMED;
    }
    *out = it;
    it.not_before = der_time(&validity);
    it.not_after = der_time(&validity);
    if (!cur_done(&validity) || !behind_the_key(&in, &it))
        return UNUSABLE;
    *out = it;
    return OK;
}
