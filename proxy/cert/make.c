#include "cert/make.h"

#include <stdlib.h>

#if defined(__SIZEOF_INT128__) && !defined(HAVE___UINT128_T)
#define HAVE___UINT128_T 1 /* see cert/sign.c */
#endif
#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/random.h>

#include "cert/der.h"
#include "cert/pem.h"

enum {
    SECRET = 32,
    POINT = 65,
    SERIAL = 16,
    COMMON_NAME_MAX = 64, /* RFC 5280 A.1, ub-common-name */
};

#define ECDSA_SHA256 SPAN("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02") /* RFC 5758 3.2 */
#define P256_KEY                                                                                                       \
    SPAN("\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07") /* 5480 2 */

/* DER from its end to its beginning: what an element holds is there before its length is written. */
struct back {
    uint8_t mem[1024];
    size_t at; /* where the bytes so far begin */
    bool full;
};

static void put(struct back *b, struct span s)
{
    b->full |= s.n > b->at;
    if (b->full)
        return;
    b->at -= s.n;
    memcpy(b->mem + b->at, s.p, s.n);
}

/* What was put since b->at was `end` becomes one element. */
static void wrap(struct back *b, uint8_t tag, size_t end)
{
    const size_t n = end - b->at;
    const uint8_t one[] = { tag, (uint8_t)n }, two[] = { tag, 0x81, (uint8_t)n },
                  three[] = { tag, 0x82, (uint8_t)(n >> 8), (uint8_t)n };

    put(b, n < 0x80 ? span_of(one, sizeof one) : n < 0x100 ? span_of(two, sizeof two) : span_of(three, sizeof three));
}

static void element(struct back *b, uint8_t tag, struct span s)
{
    const size_t end = b->at;

    put(b, s);
    wrap(b, tag, end);
}

static struct span bytes(const struct back *b)
{
    return span_of(b->mem + b->at, sizeof b->mem - b->at);
}

/* BIT STRING of whole octets, and the tag of its frame. */
static void bits(struct back *b, struct span s)
{
    const size_t end = b->at;

    put(b, s);
    put(b, span_of("", 1));
    wrap(b, DER_BIT_STRING, end);
}

static void distinguished(struct back *b, struct span name)
{
    const size_t end = b->at;

    element(b, DER_UTF8, span_first(name, COMMON_NAME_MAX));
    element(b, DER_OID, SPAN("\x55\x04\x03"));
    wrap(b, DER_SEQUENCE, end);
    wrap(b, DER_SET, end);
    wrap(b, DER_SEQUENCE, end);
}

static void dns_id(struct back *b, struct span name)
{
    const size_t end = b->at;

    element(b, DER_CONTEXT | 2, name);
    wrap(b, DER_SEQUENCE, end);
    wrap(b, DER_OCTET_STRING, end);
    element(b, DER_OID, SPAN("\x55\x1d\x11"));
    wrap(b, DER_SEQUENCE, end);
    wrap(b, DER_SEQUENCE, end);
    wrap(b, DER_CONTEXT_CONSTRUCTED | 3, end);
}

static void key_info(struct back *b, const uint8_t *point)
{
    const size_t end = b->at;

    bits(b, span_of(point, POINT));
    put(b, P256_KEY);
    wrap(b, DER_SEQUENCE, end);
}

static void validity(struct back *b, struct span not_before)
{
    const size_t end = b->at;

    element(b, DER_GENERALIZED_TIME, SPAN("99991231235959Z"));
    element(b, DER_UTC_TIME, not_before);
    wrap(b, DER_SEQUENCE, end);
}

/* RFC 5208 5 around RFC 5915 3. */
static void private_key(struct back *b, const uint8_t *secret, const uint8_t *point)
{
    const size_t end = b->at;

    bits(b, span_of(point, POINT));
    wrap(b, DER_CONTEXT_CONSTRUCTED | 1, end);
    element(b, DER_OCTET_STRING, span_of(secret, SECRET));
    element(b, DER_INTEGER, SPAN("\x01"));
    wrap(b, DER_SEQUENCE, end);
    wrap(b, DER_OCTET_STRING, end);
    put(b, P256_KEY);
    element(b, DER_INTEGER, span_of("", 1));
    wrap(b, DER_SEQUENCE, end);
}

struct maker {
    WC_RNG rng;
    ecc_key key;
    struct back tbs, whole;
    uint8_t secret[SECRET], point[POINT], serial[SERIAL];
};

static bool draw(struct maker *m)
{
    word32 secret_n = SECRET, point_n = POINT;

    if (wc_ecc_make_key(&m->rng, SECRET, &m->key) != 0 || wc_ecc_export_x963(&m->key, m->point, &point_n) != 0 ||
        wc_ecc_export_private_only(&m->key, m->secret, &secret_n) != 0 || point_n != POINT || secret_n != SECRET ||
        wc_RNG_GenerateBlock(&m->rng, m->serial, SERIAL) != 0)
        return false;
    m->serial[0] = (m->serial[0] & 0x3f) | 0x40; /* positive, and of constant length (RFC 5280 4.1.2.2) */
    return true;
}

static bool certificate(struct maker *m, struct span name, struct span not_before)
{
    struct back *const tbs = &m->tbs;
    uint8_t digest[WC_SHA256_DIGEST_SIZE], signature[80];
    word32 n = sizeof signature;

    dns_id(tbs, name);
    key_info(tbs, m->point);
    distinguished(tbs, name);
    validity(tbs, not_before);
    distinguished(tbs, name);
    put(tbs, ECDSA_SHA256);
    element(tbs, DER_INTEGER, span_of(m->serial, SERIAL));
    put(tbs, SPAN("\xa0\x03\x02\x01\x02"));
    wrap(tbs, DER_SEQUENCE, sizeof tbs->mem);
    if (wc_Hash(WC_HASH_TYPE_SHA256, bytes(tbs).p, (word32)bytes(tbs).n, digest, sizeof digest) != 0 ||
        wc_ecc_sign_hash(digest, sizeof digest, signature, &n, &m->rng, &m->key) != 0)
        return false;
    bits(&m->whole, span_of(signature, n));
    put(&m->whole, ECDSA_SHA256);
    put(&m->whole, bytes(tbs));
    wrap(&m->whole, DER_SEQUENCE, sizeof m->whole.mem);
    return !tbs->full && !m->whole.full;
}

enum rc make_own(struct span name, struct span not_before, struct buf *out)
{
    struct maker *const m = calloc(1, sizeof *m);
    struct back key = { .at = sizeof key.mem };
    enum rc rc = FAILED;

    if (m == NULL)
        return FAILED;
    m->tbs.at = m->whole.at = sizeof m->tbs.mem;
    if (wc_InitRng(&m->rng) == 0 && wc_ecc_init(&m->key) == 0) {
        if (draw(m) && certificate(m, name, not_before)) {
            private_key(&key, m->secret, m->point);
            rc = pem_put("PRIVATE KEY", bytes(&key), out);
            if (rc == OK)
                rc = pem_put("CERTIFICATE", bytes(&m->whole), out);
        }
        wc_ecc_free(&m->key);
        (void)wc_FreeRng(&m->rng);
    }
    explicit_bzero(&key, sizeof key);
    explicit_bzero(m, sizeof *m);
    free(m);
    return rc;
}
