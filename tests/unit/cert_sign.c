/* cert/sign: which keys and algorithms are taken at all; each algorithm at work is in tests/chains (s.alg). A99 */
#include "cert/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mint.h"

#define RSA(n) "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01" n
#define NIL "\x05\x00"

static void digests(void **state)
{
    uint8_t out[SIGN_DIGEST_MAX];

    (void)state;
    assert_true(
        span_eq(sign_digest(SIGN_SHA256, SPAN("abc"), out),
                SPAN("\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a"
                     "\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad")));
    assert_int_equal(sign_digest(SIGN_SHA384, SPAN(""), out).n, 48);
    assert_int_equal(sign_digest(SIGN_SHA512, SPAN(""), out).n, 64);
}

static void ed25519(void **state)
{
    struct mint_key key, other;
    uint8_t bytes[64];
    word32 n = sizeof bytes;
    const struct span algorithm = SPAN("\x30\x05\x06\x03\x2b\x65\x70"), signature = { bytes, sizeof bytes };

    (void)state;
    mint_key_make(&key, 1);
    mint_key_make(&other, 2);
    assert_int_equal(wc_ed25519_sign_msg((const byte *)"text", 4, bytes, &n, &key.key), 0);
    assert_int_equal(sign_verify(mint_spki(&key), algorithm, SPAN("text"), signature), OK);
    assert_int_equal(sign_verify(mint_spki(&key), algorithm, SPAN("Text"), signature), FAILED);
    assert_int_equal(sign_verify(mint_spki(&other), algorithm, SPAN("text"), signature), FAILED);
    assert_int_equal(sign_verify(mint_spki(&key), algorithm, SPAN("text"), span_first(signature, 63)), FAILED);
    assert_int_equal(sign_verify(mint_spki(&key), algorithm, SPAN("text"), span_of(NULL, 0)), FAILED);
    assert_int_equal(sign_verify(mint_spki(&key), SPAN("\x30\x0d" RSA("\x0b") NIL), SPAN("text"), signature), UNUSABLE);
}

/* Refused before any arithmetic: UNUSABLE costs no signature check. */
static void algorithms(void **state)
{
    static const struct {
        const char *says;
        struct span algorithm;
        bool taken;
    } rows[] = {
        { "RSA with SHA-256", { (const uint8_t *)"\x30\x0d" RSA("\x0b") NIL, 15 }, true },
        { "RSA with SHA-384", { (const uint8_t *)"\x30\x0d" RSA("\x0c") NIL, 15 }, true },
        { "RSA with SHA-1", { (const uint8_t *)"\x30\x0d" RSA("\x05") NIL, 15 }, false },
        { "RSA with MD5", { (const uint8_t *)"\x30\x0d" RSA("\x04") NIL, 15 }, false },
        { "PSS with its defaults, SHA-1", { (const uint8_t *)"\x30\x0d" RSA("\x0a") "\x30\x00", 15 }, false },
        { "PSS without parameters", { (const uint8_t *)"\x30\x0b" RSA("\x0a"), 13 }, false },
        { "ECDSA for an RSA key", { (const uint8_t *)"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12 }, false },
        { "nothing", { (const uint8_t *)"", 0 }, false },
        { "no OID", { (const uint8_t *)"\x30\x00", 2 }, false },
    };
    uint8_t modulus[129], signature[128] = { 1 };
    struct buf rsa = mint_buf(512), bits = mint_buf(512), inner = mint_buf(512), spki = mint_buf(512);

    (void)state;
    memset(modulus, 0xc5, sizeof modulus);
    modulus[0] = 0;
    mint_tlv(&inner, DER_INTEGER, span_of(modulus, sizeof modulus));
    mint_tlv(&inner, DER_INTEGER, SPAN("\x01\x00\x01"));
    mint_put(&bits, SPAN("\0"));
    mint_tlv(&bits, DER_SEQUENCE, buf_bytes(&inner));
    mint_put(&rsa, SPAN("\x30\x0d" RSA("\x01") NIL));
    mint_tlv(&rsa, DER_BIT_STRING, buf_bytes(&bits));
    mint_tlv(&spki, DER_SEQUENCE, buf_bytes(&rsa));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_message("# %s\n", rows[i].says);
        assert_int_equal(sign_verify(buf_bytes(&spki), rows[i].algorithm, SPAN("text"), span_of(signature, 128)),
                         rows[i].taken ? FAILED : UNUSABLE);
    }
    assert_int_equal(sign_verify(buf_bytes(&spki), rows[0].algorithm, SPAN("text"), span_of(signature, 127)), FAILED);
    mint_free(&rsa), mint_free(&bits), mint_free(&inner), mint_free(&spki);
}

/* An RSA key of this modulus and exponent, in octets of 45, asked about a signature of this length. */
static enum rc rsa_of(size_t modulus, size_t exponent, struct span algorithm, size_t length)
{
    uint8_t number[1024], signature[1024] = { 1 };
    struct buf inner = mint_buf(4096), bits = mint_buf(4096), rsa = mint_buf(4096), spki = mint_buf(4096);
    enum rc rc;

    memset(number, 0x45, sizeof number);
    mint_tlv(&inner, DER_INTEGER, span_of(number, modulus));
    mint_tlv(&inner, DER_INTEGER, span_of(number, exponent));
    mint_put(&bits, SPAN("\0"));
    mint_tlv(&bits, DER_SEQUENCE, buf_bytes(&inner));
    mint_put(&rsa, SPAN("\x30\x0d" RSA("\x01") NIL));
    mint_tlv(&rsa, DER_BIT_STRING, buf_bytes(&bits));
    mint_tlv(&spki, DER_SEQUENCE, buf_bytes(&rsa));
    rc = sign_verify(buf_bytes(&spki), algorithm, SPAN("text"), span_of(signature, length));
    mint_free(&inner), mint_free(&bits), mint_free(&rsa), mint_free(&spki);
    return rc;
}

static void rsa_sizes(void **state)
{
    static const struct {
        size_t modulus, exponent;
        enum rc want;
    } rows[] = {
        { 127, 3, UNUSABLE }, { 128, 3, FAILED },   { 512, 8, FAILED },
        { 513, 3, UNUSABLE }, { 512, 9, UNUSABLE }, { 512, 512, UNUSABLE }, /* a long exponent burns our time */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(rsa_of(rows[i].modulus, rows[i].exponent, SPAN("\x30\x0d" RSA("\x0b") NIL), rows[i].modulus),
                         rows[i].want);
}

#define SHA256 "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01"
#define SHA512 "\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03"
#define PSS(hash, mask, salt)                                                                                          \
    SPAN("\x30\x3d" RSA("\x0a") "\x30\x30\xa0\x0d" hash "\xa1\x1a\x30\x18" RSA("\x08") mask "\xa2\x03\x02\x01" salt)

static void pss(void **state)
{
    (void)state;
    assert_int_equal(rsa_of(256, 3, PSS(SHA256, SHA256, "\x20"), 256), FAILED);
    assert_int_equal(rsa_of(256, 3, PSS(SHA256, SHA256, "\x00"), 256), FAILED);
    assert_int_equal(rsa_of(256, 3, PSS(SHA256, SHA256, "\x21"), 256), UNUSABLE); /* a salt longer than the digest */
    assert_int_equal(rsa_of(256, 3, PSS(SHA256, SHA512, "\x20"), 256), UNUSABLE);
    assert_int_equal(rsa_of(256, 3, PSS(SHA512, SHA512, "\x40"), 256), FAILED);
    assert_int_equal(rsa_of(128, 3, PSS(SHA512, SHA512, "\x40"), 128), FAILED); /* no room for digest and salt */
    assert_int_equal(rsa_of(256, 3, PSS(SHA256, SHA256, "\x20"), 255), FAILED);
    assert_int_equal(rsa_of(256, 3, PSS(SHA256, SHA256, "\x20"), 1024), FAILED); /* longer than any buffer of ours */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests),   cmocka_unit_test(ed25519), cmocka_unit_test(algorithms),
        cmocka_unit_test(rsa_sizes), cmocka_unit_test(pss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
