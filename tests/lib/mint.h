/*
 * mint - makes certificates for tests: Ed25519, from seeds, so that each run makes the same ones.
 * A certificate is what its spec says, wrong as it may be; nothing is checked.
 */
#ifndef TESTS_MINT_H
#define TESTS_MINT_H

#include <assert.h>
#include <stdlib.h>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/ed25519.h>

#include "base/buf.h"
#include "cert/der.h"

#define MINT_NOW 1718452800 /* 2024-06-15 12:00:00: within the default validity */

struct mint_key {
    ed25519_key key;
    uint8_t spki[44];
};

struct mint_spec {
    const char *subject, *issuer; /* common names; NULL: an empty name */
    const struct mint_key *key, *signer;
    const char *dns[4];    /* DNS-IDs */
    struct span alt;       /* further elements of subjectAltName */
    bool ca;               /* basicConstraints cA */
    int path_len;          /* plus one; 0: none */
    int key_usage;         /* first octet of keyUsage; 0: none */
    struct span limits;    /* content of nameConstraints */
    struct span more;      /* further extensions, whole */
    size_t padding;        /* octets of an extension that nobody knows */
    struct span inner;     /* the algorithm that the signed part names, should it be another */
    bool v1;               /* version 1, no extensions */
    const char *from, *to; /* UTCTime */
};

static inline void mint_put(struct buf *b, struct span s)
{
    const enum rc rc = buf_put(b, s);

    assert(rc == OK);
    (void)rc;
}

static inline void mint_tlv(struct buf *b, uint8_t tag, struct span s)
{
    uint8_t head[4] = { tag, (uint8_t)s.n };
    size_t n = 2;

    assert(s.n < 0x10000);
    if (s.n >= 0x100) {
        head[1] = 0x82;
        head[2] = (uint8_t)(s.n >> 8);
        head[3] = (uint8_t)s.n;
        n = 4;
    } else if (s.n >= 0x80) {
        head[1] = 0x81;
        head[2] = (uint8_t)s.n;
        n = 3;
    }
    mint_put(b, span_of(head, n));
    mint_put(b, s);
}

/* A buffer of its own for what goes into an element. The tests' memory is freed by their end. */
static inline struct buf mint_buf(size_t cap)
{
    struct buf b;
    void *const mem = malloc(cap);

    assert(mem != NULL);
    buf_init(&b, mem, cap);
    return b;
}

static inline void mint_free(struct buf *b)
{
    free(b->mem);
    b->mem = NULL;
}

static inline void mint_key_make(struct mint_key *k, unsigned seed)
{
    static const uint8_t head[] = { 0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0 };
    uint8_t secret[32] = { (uint8_t)seed, (uint8_t)(seed >> 8), 0x5a };
    int rc = wc_ed25519_init(&k->key);

    memcpy(k->spki, head, sizeof head);
    rc |= wc_ed25519_import_private_only(secret, sizeof secret, &k->key);
    rc |= wc_ed25519_make_public(&k->key, k->spki + sizeof head, 32);
    rc |= wc_ed25519_import_private_key(secret, sizeof secret, k->spki + sizeof head, 32, &k->key);
    assert(rc == 0);
    (void)rc;
}

static inline struct span mint_spki(const struct mint_key *k)
{
    return span_of(k->spki, sizeof k->spki);
}

/* A distinguished name of one common name of some string type. */
static inline void mint_name(struct buf *b, uint8_t type, struct span text)
{
    struct buf value = mint_buf(1024), pair = mint_buf(1024), set = mint_buf(1024), rdn = mint_buf(1024);

    mint_tlv(&value, DER_OID, SPAN("\x55\x04\x03"));
    mint_tlv(&value, type, text);
    mint_tlv(&pair, DER_SEQUENCE, buf_bytes(&value));
    mint_tlv(&set, DER_SET, buf_bytes(&pair));
    if (text.p != NULL)
        mint_put(&rdn, buf_bytes(&set));
    mint_tlv(b, DER_SEQUENCE, buf_bytes(&rdn));
    mint_free(&value), mint_free(&pair), mint_free(&set), mint_free(&rdn);
}

static inline void mint_extension(struct buf *b, struct span oid, bool critical, struct span value)
{
    struct buf e = mint_buf(value.n + 64);

    mint_tlv(&e, DER_OID, oid);
    if (critical)
        mint_tlv(&e, DER_BOOLEAN, SPAN("\xff"));
    mint_tlv(&e, DER_OCTET_STRING, value);
    mint_tlv(b, DER_SEQUENCE, buf_bytes(&e));
    mint_free(&e);
}

static inline void mint_wrapped(struct buf *b, struct span oid, uint8_t tag, struct span content)
{
    struct buf value = mint_buf(content.n + 8);

    mint_tlv(&value, tag, content);
    mint_extension(b, oid, true, buf_bytes(&value));
    mint_free(&value);
}

static inline void mint_extensions(struct buf *out, const struct mint_spec *s)
{
    struct buf all = mint_buf(s->padding + s->more.n + s->limits.n + s->alt.n + 4096), in = mint_buf(s->alt.n + 2048);
    const uint8_t usage[] = { 0, (uint8_t)s->key_usage }, path_len = (uint8_t)(s->path_len - 1);

    for (size_t i = 0; i < 4 && s->dns[i] != NULL; i++)
        mint_tlv(&in, DER_CONTEXT | 2, span_str(s->dns[i]));
    mint_put(&in, s->alt);
    if (buf_used(&in) > 0)
        mint_wrapped(&all, SPAN("\x55\x1d\x11"), DER_SEQUENCE, buf_bytes(&in));
    buf_reset(&in);
    if (s->ca)
        mint_tlv(&in, DER_BOOLEAN, SPAN("\xff"));
    if (s->path_len > 0)
        mint_tlv(&in, DER_INTEGER, span_of(&path_len, 1));
    if (s->ca)
        mint_wrapped(&all, SPAN("\x55\x1d\x13"), DER_SEQUENCE, buf_bytes(&in));
    if (s->key_usage != 0)
        mint_wrapped(&all, SPAN("\x55\x1d\x0f"), DER_BIT_STRING, span_of(usage, 2));
    if (s->limits.n > 0)
        mint_wrapped(&all, SPAN("\x55\x1d\x1e"), DER_SEQUENCE, s->limits);
    if (s->padding > 0) {
        uint8_t *const zeros = calloc(1, s->padding);

        mint_extension(&all, SPAN("\x2a\x03"), false, span_of(zeros, s->padding));
        free(zeros);
    }
    mint_put(&all, s->more);
    if (buf_used(&all) > 0) {
        struct buf list = mint_buf(buf_used(&all) + 8);

        mint_tlv(&list, DER_SEQUENCE, buf_bytes(&all));
        mint_tlv(out, DER_CONTEXT_CONSTRUCTED | 3, buf_bytes(&list));
        mint_free(&list);
    }
    mint_free(&all), mint_free(&in);
}

/* The certificate, in memory of its own (free(buf.mem)). */
static inline struct buf mint(const struct mint_spec *s)
{
    static const uint8_t ed25519[] = { 0x30, 5, 6, 3, 0x2b, 0x65, 0x70 };
    const size_t cap = s->padding + s->more.n + s->limits.n + s->alt.n + 8192;
    struct buf tbs = mint_buf(cap), body = mint_buf(cap), validity = mint_buf(64), out = mint_buf(cap);
    uint8_t signature[65] = { 0 };
    word32 n = 64;
    int rc;

    if (!s->v1)
        mint_put(&body, SPAN("\xa0\x03\x02\x01\x02"));
    mint_tlv(&body, DER_INTEGER, SPAN("\x01"));
    mint_put(&body, s->inner.n > 0 ? s->inner : span_of(ed25519, sizeof ed25519));
    mint_name(&body, DER_UTF8, s->issuer != NULL ? span_str(s->issuer) : span_of(NULL, 0));
    mint_tlv(&validity, DER_UTC_TIME, s->from != NULL ? span_str(s->from) : SPAN("230101000000Z"));
    mint_tlv(&validity, DER_UTC_TIME, s->to != NULL ? span_str(s->to) : SPAN("330101000000Z"));
    mint_tlv(&body, DER_SEQUENCE, buf_bytes(&validity));
    mint_name(&body, DER_UTF8, s->subject != NULL ? span_str(s->subject) : span_of(NULL, 0));
    mint_put(&body, mint_spki(s->key));
    if (!s->v1)
        mint_extensions(&body, s);
    mint_tlv(&tbs, DER_SEQUENCE, buf_bytes(&body));
    rc = wc_ed25519_sign_msg(buf_bytes(&tbs).p, (word32)buf_used(&tbs), signature + 1, &n,
                             (ed25519_key *)&s->signer->key);
    assert(rc == 0);
    (void)rc;
    buf_reset(&body);
    mint_put(&body, buf_bytes(&tbs));
    mint_put(&body, span_of(ed25519, sizeof ed25519));
    mint_tlv(&body, DER_BIT_STRING, span_of(signature, sizeof signature));
    mint_tlv(&out, DER_SEQUENCE, buf_bytes(&body));
    mint_free(&tbs), mint_free(&body), mint_free(&validity);
    return out;
}

#endif
