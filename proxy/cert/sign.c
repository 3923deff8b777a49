#include "cert/sign.h"

#include <stdlib.h>

/* The library's options.h does not say that it was built with 128-bit arithmetic, where the compiler has it, and keys
 * are smaller without: initialising one would write past its end. */
#if defined(__SIZEOF_INT128__) && !defined(HAVE___UINT128_T)
#define HAVE___UINT128_T 1
#endif
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/rsa.h>

#include "cert/der.h"

#define RSA_BYTES_MIN 128
#define RSA_BYTES_MAX 512        /* the library's bound */
#define RSA_EXPONENT_BYTES_MAX 8 /* a long one makes a check as dear as a signature */
#define PSS_SALT_DEFAULT 20      /* RFC 4055 3.1 */

enum family {
    RSA_PKCS1,
    RSA_PSS,
    ECDSA,
    ED25519,
};

struct method {
    enum family family;
    enum sign_hash hash;
    uint32_t salt; /* of PSS */
};

struct key {
    enum family family; /* RSA_PKCS1 may check PSS signatures too; RSA_PSS is a key for these alone */
    bool has_pss;       /* such a key may bind hash and salt (RFC 4055 3.3) */
    struct method pss;
    struct span modulus, exponent; /* RSA */
    int curve;                     /* ECDSA */
    struct span point;             /* ECDSA, Ed25519 */
};

/* ---- digests ---- */

static enum wc_HashType wolf_hash(enum sign_hash hash)
{
    switch (hash) {
    case SIGN_SHA256:
        return WC_HASH_TYPE_SHA256;
    case SIGN_SHA384:
        return WC_HASH_TYPE_SHA384;
    case SIGN_SHA512:
        return WC_HASH_TYPE_SHA512;
    }
    return WC_HASH_TYPE_NONE;
}

static size_t hash_len(enum sign_hash hash)
{
    return hash == SIGN_SHA256 ? 32 : hash == SIGN_SHA384 ? 48 : 64;
}

struct span sign_digest(enum sign_hash hash, struct span data, uint8_t out[SIGN_DIGEST_MAX])
{
    const size_t n = hash_len(hash);

    if (wc_Hash(wolf_hash(hash), data.p, (word32)data.n, out, (word32)n) != 0)
        return span_of(out, 0);
    return span_of(out, n);
}

/* ---- algorithms and keys, from DER ---- */

#define RSA_OID(n) "\x2a\x86\x48\x86\xf7\x0d\x01\x01" n
#define ECDSA_OID(n) "\x2a\x86\x48\xce\x3d\x04\x03" n
#define SHA_OID(n) "\x60\x86\x48\x01\x65\x03\x04\x02" n
#define MGF1_OID RSA_OID("\x08")
#define PSS_OID RSA_OID("\x0a")
#define ED25519_OID "\x2b\x65\x70"

static bool read_hash(struct cur *c, enum sign_hash *out)
{
    struct cur in = cur_of(der_take(c, DER_SEQUENCE).content);
    const struct span oid = der_take(&in, DER_OID).content;

    if (span_eq(oid, SPAN(SHA_OID("\x01"))))
        *out = SIGN_SHA256;
    else if (span_eq(oid, SPAN(SHA_OID("\x02"))))
        *out = SIGN_SHA384;
    else if (span_eq(oid, SPAN(SHA_OID("\x03"))))
        *out = SIGN_SHA512;
    else
        return false;
    return !cur_failed(&in);
}

/* RFC 4055 3.1. Hash and mask are of one kind in practice, and the library asks for that. The defaults are SHA-1. */
static bool read_pss(struct cur *c, struct method *out)
{
    struct cur in = cur_of(der_take(c, DER_SEQUENCE).content), field, mgf;
    enum sign_hash mask;

    out->family = RSA_PSS;
    out->salt = PSS_SALT_DEFAULT;
    field = cur_of(der_take(&in, DER_CONTEXT_CONSTRUCTED | 0).content);
    if (!read_hash(&field, &out->hash))
        return false;
    field = cur_of(der_take(&in, DER_CONTEXT_CONSTRUCTED | 1).content);
    mgf = cur_of(der_take(&field, DER_SEQUENCE).content);
    if (!span_eq(der_take(&mgf, DER_OID).content, SPAN(MGF1_OID)) || !read_hash(&mgf, &mask) || mask != out->hash)
        return false;
    if (der_at(&in, DER_CONTEXT_CONSTRUCTED | 2)) {
        field = cur_of(der_take(&in, DER_CONTEXT_CONSTRUCTED | 2).content);
        out->salt = der_uint(&field, RSA_BYTES_MAX);
        if (!cur_done(&field))
            return false;
    }
    return cur_done(&in) && out->salt <= hash_len(out->hash);
}

static bool read_method(struct span algorithm, struct method *out)
{
    static const struct {
        struct span oid;
        struct method method;
    } methods[] = {
        { { (const uint8_t *)RSA_OID("\x0b"), 9 }, { RSA_PKCS1, SIGN_SHA256, 0 } },
        { { (const uint8_t *)RSA_OID("\x0c"), 9 }, { RSA_PKCS1, SIGN_SHA384, 0 } },
        { { (const uint8_t *)RSA_OID("\x0d"), 9 }, { RSA_PKCS1, SIGN_SHA512, 0 } },
        { { (const uint8_t *)ECDSA_OID("\x02"), 8 }, { ECDSA, SIGN_SHA256, 0 } },
        { { (const uint8_t *)ECDSA_OID("\x03"), 8 }, { ECDSA, SIGN_SHA384, 0 } },
        { { (const uint8_t *)ECDSA_OID("\x04"), 8 }, { ECDSA, SIGN_SHA512, 0 } },
        { { (const uint8_t *)ED25519_OID, 3 }, { ED25519, SIGN_SHA512, 0 } },
    };
    struct cur outer = cur_of(algorithm), c = cur_of(der_take(&outer, DER_SEQUENCE).content);
    const struct span oid = der_take(&c, DER_OID).content;

    if (cur_failed(&c))
        return false;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (span_eq(oid, methods[i].oid)) {
            *out = methods[i].method;
            return true;
        }
    return span_eq(oid, SPAN(PSS_OID)) && read_pss(&c, out);
}

/* A positive INTEGER as bytes without leading zeros. */
static struct span positive(struct cur *c)
{
    struct span s = der_take(c, DER_INTEGER).content;

    if (s.n == 0 || (s.p[0] & 0x80) != 0)
        cur_fail(c);
    while (s.n > 0 && s.p[0] == 0)
        s = span_from(s, 1);
    return s;
}

static bool read_rsa(struct span bits, struct key *out)
{
    struct cur outer = cur_of(bits), c = cur_of(der_take(&outer, DER_SEQUENCE).content);

    out->modulus = positive(&c);
    out->exponent = positive(&c);
    return cur_done(&c) && cur_done(&outer) && out->modulus.n >= RSA_BYTES_MIN && out->modulus.n <= RSA_BYTES_MAX &&
           out->exponent.n > 0 && out->exponent.n <= RSA_EXPONENT_BYTES_MAX;
}

static bool read_curve(struct cur *c, struct key *out)
{
    const struct span oid = der_take(c, DER_OID).content;

    if (span_eq(oid, SPAN("\x2a\x86\x48\xce\x3d\x03\x01\x07")))
        out->curve = ECC_SECP256R1;
    else if (span_eq(oid, SPAN("\x2b\x81\x04\x00\x22")))
        out->curve = ECC_SECP384R1;
    else if (span_eq(oid, SPAN("\x2b\x81\x04\x00\x23")))
        out->curve = ECC_SECP521R1;
    else
        return false;
    return true;
}

static bool read_key(struct span spki, struct key *out)
{
    struct cur outer = cur_of(spki), c = cur_of(der_take(&outer, DER_SEQUENCE).content);
    struct cur algorithm = cur_of(der_take(&c, DER_SEQUENCE).content);
    const struct span oid = der_take(&algorithm, DER_OID).content, bits = der_bits(&c);

    *out = (struct key){ .point = bits };
    if (cur_failed(&algorithm) || !cur_done(&c))
        return false;
    if (span_eq(oid, SPAN(RSA_OID("\x01")))) {
        out->family = RSA_PKCS1;
        return read_rsa(bits, out);
    }
    if (span_eq(oid, SPAN(PSS_OID))) {
        out->family = RSA_PSS;
        out->has_pss = algorithm.left.n > 0;
        return (!out->has_pss || read_pss(&algorithm, &out->pss)) && read_rsa(bits, out);
    }
    if (span_eq(oid, SPAN("\x2a\x86\x48\xce\x3d\x02\x01"))) {
        out->family = ECDSA;
        return read_curve(&algorithm, out);
    }
    out->family = ED25519;
    return span_eq(oid, SPAN(ED25519_OID)) && bits.n == ED25519_PUB_KEY_SIZE;
}

static bool may_use(const struct key *key, const struct method *with)
{
    if (with->family != RSA_PSS)
        return key->family == with->family;
    return key->family == RSA_PKCS1 ||
           (key->family == RSA_PSS && (!key->has_pss || (key->pss.hash == with->hash && with->salt >= key->pss.salt)));
}

/* ---- the checks ---- */

static unsigned bits_of(struct span modulus)
{
    unsigned n = (unsigned)modulus.n * 8;

    for (unsigned mask = 0x80; (modulus.p[0] & mask) == 0; mask >>= 1)
        n--;
    return n;
}

static bool rsa_pkcs1(RsaKey *key, enum sign_hash hash, struct span digest, struct span signature)
{
    uint8_t got[RSA_BYTES_MAX], want[SIGN_DIGEST_MAX + 32];
    const word32 n = wc_EncodeSignature(want, digest.p, (word32)digest.n, wc_HashGetOID(wolf_hash(hash)));
    const int m = wc_RsaSSL_Verify(signature.p, (word32)signature.n, got, sizeof got, key);

    return m > 0 && n > 0 && span_eq(span_of(got, (size_t)m), span_of(want, n));
}

static bool rsa_pss(RsaKey *key, const struct method *with, unsigned bits, struct span digest, struct span signature)
{
    uint8_t in[RSA_BYTES_MAX], out[RSA_BYTES_MAX]; /* the call wants its input writable */
    const int mgf = with->hash == SIGN_SHA256   ? WC_MGF1SHA256
                    : with->hash == SIGN_SHA384 ? WC_MGF1SHA384
                                                : WC_MGF1SHA512;
    int n;

    memcpy(in, signature.p, signature.n);
    n = wc_RsaPSS_Verify_ex(in, (word32)signature.n, out, sizeof out, wolf_hash(with->hash), mgf, (int)with->salt, key);
    return n > 0 && wc_RsaPSS_CheckPadding_ex(digest.p, (word32)digest.n, out, (word32)n, wolf_hash(with->hash),
                                              (int)with->salt, (int)bits) == 0;
}

static bool rsa(const struct key *k, const struct method *with, struct span digest, struct span signature)
{
    RsaKey *const key = calloc(1, sizeof *key); /* 8 kB */
    bool yes = false;

    if (key == NULL)
        return false;
    if (signature.n == k->modulus.n && wc_InitRsaKey(key, NULL) == 0) {
        if (wc_RsaPublicKeyDecodeRaw(k->modulus.p, (word32)k->modulus.n, k->exponent.p, (word32)k->exponent.n, key) ==
            0)
            yes = with->family == RSA_PSS ? rsa_pss(key, with, bits_of(k->modulus), digest, signature)
                                          : rsa_pkcs1(key, with->hash, digest, signature);
        wc_FreeRsaKey(key);
    }
    free(key);
    return yes;
}

static bool ecdsa(const struct key *k, struct span digest, struct span signature)
{
    ecc_key *const key = wc_ecc_key_new(NULL);
    int yes = 0;

    if (key == NULL)
        return false;
    if (wc_ecc_import_x963_ex(k->point.p, (word32)k->point.n, key, k->curve) != 0 || wc_ecc_check_key(key) != 0 ||
        wc_ecc_verify_hash(signature.p, (word32)signature.n, digest.p, (word32)digest.n, &yes, key) != 0)
        yes = 0;
    wc_ecc_key_free(key);
    return yes == 1;
}

static bool ed25519(const struct key *k, struct span data, struct span signature)
{
    ed25519_key *const key = calloc(1, sizeof *key);
    int yes = 0;

    if (key == NULL)
        return false;
    if (wc_ed25519_init(key) == 0) {
        if (wc_ed25519_import_public(k->point.p, (word32)k->point.n, key) != 0 ||
            wc_ed25519_verify_msg(signature.p, (word32)signature.n, data.p, (word32)data.n, &yes, key) != 0)
            yes = 0;
        wc_ed25519_free(key);
    }
    free(key);
    return yes == 1;
}

enum rc sign_verify(struct span spki, struct span algorithm, struct span data, struct span signature)
{
    uint8_t out[SIGN_DIGEST_MAX];
    struct method with;
    struct span digest;
    struct key key;
    bool yes = false;

    if (!read_method(algorithm, &with) || !read_key(spki, &key) || !may_use(&key, &with))
        return UNUSABLE;
    digest = sign_digest(with.hash, data, out);
    if (digest.n == 0)
        return FAILED;
    switch (with.family) {
    case RSA_PKCS1:
    case RSA_PSS:
        yes = rsa(&key, &with, digest, signature);
        break;
    case ECDSA:
        yes = ecdsa(&key, digest, signature);
        break;
    case ED25519:
        yes = ed25519(&key, data, signature);
        break;
    }
    return yes ? OK : FAILED;
}
