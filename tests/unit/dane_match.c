/* dane/match: what the cases of tests/chains do not show. R12 R13 R16 R18 R19 R20 R23 R49 R50 R52, A98, A100 */
#include "dane/match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "cert/sign.h"
#include "dane/usable.h"
#include "mint.h"

static struct mint_key root_key, ca_key, leaf_key, evil_key;

static const struct wall now = { MINT_NOW };

static int make_keys(void **state)
{
    (void)state;
    mint_key_make(&root_key, 1);
    mint_key_make(&ca_key, 2);
    mint_key_make(&leaf_key, 3);
    mint_key_make(&evil_key, 4);
    return 0;
}

static struct buf leaf_of(const char *issuer, const struct mint_key *signer)
{
    return mint(&(struct mint_spec){
        .subject = "mx", .issuer = issuer, .key = &leaf_key, .signer = signer, .dns = { "mx.example" } });
}

static struct buf ca_of(const char *subject, const struct mint_key *key, const char *issuer,
                        const struct mint_key *signer)
{
    return mint(&(struct mint_spec){ .subject = subject, .issuer = issuer, .key = key, .signer = signer, .ca = true });
}

static struct match_answer ask(const struct tlsa *tlsa, size_t n_tlsa, const struct span *chain, size_t n_chain)
{
    const struct span name = SPAN("mx.example");

    return dane_match(&(struct match_query){
        .tlsa = tlsa, .n_tlsa = n_tlsa, .chain = chain, .n_chain = n_chain, .names = &name, .n_names = 1, .at = now });
}

static struct tlsa full(enum tlsa_usage usage, enum tlsa_selector selector, struct span data)
{
    return (struct tlsa){ usage, selector, MATCH_FULL, data };
}

/* No trust lives on: a CA that one server planted does not help another. */
static void planted_ca(void **state)
{
    struct buf planted = ca_of("Root", &evil_key, "Root", &evil_key),
               root = ca_of("Root", &root_key, "Root", &root_key);
    struct buf own = leaf_of("Root", &evil_key), forged = leaf_of("Root", &evil_key);
    const struct span first[] = { buf_bytes(&own), buf_bytes(&planted) };
    const struct span second[] = { buf_bytes(&forged), buf_bytes(&root) };
    const struct tlsa evil = full(USAGE_DANE_TA, SELECTOR_CERT, buf_bytes(&planted)),
                      good = full(USAGE_DANE_TA, SELECTOR_CERT, buf_bytes(&root));

    (void)state;
    assert_int_equal(ask(&evil, 1, first, 2).result, MATCH_YES);
    assert_int_equal(ask(&good, 1, second, 2).result, MATCH_NOT_TRUSTED);
    assert_int_equal(ask(&good, 1, second, 1).result, MATCH_NO);
    assert_int_equal(ask(&good, 1, first, 2).result, MATCH_NO);
    assert_int_equal(ask(&evil, 1, first, 2).result, MATCH_YES);
    mint_free(&planted), mint_free(&root), mint_free(&own), mint_free(&forged);
}

/* Each way to miss has its word, RFC 8460's, and the closest one is told. */
static void reasons(void **state)
{
    static const struct {
        const char *dns, *to;
        enum match_result result;
        const char *reason;
    } rows[] = {
        { "mx.example", "330101000000Z", MATCH_YES, "-" },
        { "mx.other", "330101000000Z", MATCH_WRONG_NAME, "certificate-host-mismatch" },
        { "mx.example", "240101000000Z", MATCH_EXPIRED, "certificate-expired" },
        { "mx.other", "240101000000Z", MATCH_EXPIRED, "certificate-expired" },
    };
    struct buf root = ca_of("Root", &root_key, "Root", &root_key), stray = leaf_of("Root", &evil_key);
    struct tlsa anchor = full(USAGE_DANE_TA, SELECTOR_SPKI, mint_spki(&root_key));
    struct match_answer got;
    struct span chain[2];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf leaf = mint(&(struct mint_spec){ .subject = "mx",
                                                    .issuer = "Root",
                                                    .key = &leaf_key,
                                                    .signer = &root_key,
                                                    .dns = { rows[i].dns },
                                                    .to = rows[i].to });

        chain[0] = buf_bytes(&leaf);
        chain[1] = buf_bytes(&root);
        got = ask(&anchor, 1, chain, 2);
        assert_int_equal(got.result, rows[i].result);
        assert_string_equal(got.reason, rows[i].reason);
        mint_free(&leaf);
    }
    chain[0] = buf_bytes(&stray);
    got = ask(&anchor, 1, chain, 2);
    assert_string_equal(got.reason, "certificate-not-trusted");
    got = ask(&anchor, 1, chain, 1);
    assert_string_equal(got.reason, "tlsa-invalid");
    assert_null(got.tlsa);
    assert_int_equal(ask(&anchor, 1, chain, 0).result, MATCH_NO);
    assert_int_equal(ask(&anchor, 0, chain, 2).result, MATCH_NO);
    mint_free(&root), mint_free(&stray);
}

/* What cannot be read matches 3 0 x by its bytes, and nothing else; bytes behind a certificate are bytes of it. */
static void unreadable(void **state)
{
    struct buf root = ca_of("Root", &root_key, "Root", &root_key), leaf = leaf_of("Root", &root_key);
    static const char *const how[] = { "cut short", "a byte behind", "an inner length", "nothing" };

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t bytes[2048], digest[SIGN_DIGEST_MAX];
        struct span chain[] = { { bytes, buf_used(&leaf) }, buf_bytes(&root) };
        struct tlsa records[] = { { USAGE_DANE_EE, SELECTOR_CERT, MATCH_SHA256, { 0 } },
                                  { USAGE_DANE_EE, SELECTOR_SPKI, MATCH_FULL, mint_spki(&leaf_key) },
                                  { USAGE_DANE_TA, SELECTOR_SPKI, MATCH_FULL, mint_spki(&root_key) } };

        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, buf_bytes(&leaf).p, chain[0].n);
        if (i == 0)
            chain[0].n--;
        if (i == 1)
            chain[0].n++;
        if (i == 2)
            bytes[7] ^= 1;
        records[0].data = sign_digest(SIGN_SHA256, chain[0], digest);
        print_message("# %s\n", how[i]);
        assert_int_equal(ask(&records[0], 1, chain, 2).result, MATCH_YES);
        assert_int_equal(ask(&records[1], 1, chain, 2).result, i == 3 ? MATCH_YES : MATCH_NO);
        assert_int_equal(ask(&records[2], 1, chain, 2).result, i == 3 ? MATCH_YES : MATCH_NOT_TRUSTED);
    }
    mint_free(&root), mint_free(&leaf);
}

/* 3 kB and 60 kB leaves, by their bytes, by their key, and under an anchor. A100 */
static void large_leaves(void **state)
{
    static const size_t sizes[] = { 3000, 60000 };
    struct buf root = ca_of("Root", &root_key, "Root", &root_key);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint8_t digest[SIGN_DIGEST_MAX];
        struct buf leaf = mint(&(struct mint_spec){ .subject = "mx",
                                                    .issuer = "Root",
                                                    .key = &leaf_key,
                                                    .signer = &root_key,
                                                    .dns = { "mx.example" },
                                                    .padding = sizes[i] });
        const struct span chain[] = { buf_bytes(&leaf), buf_bytes(&root) };
        const struct tlsa records[] = {
            full(USAGE_DANE_EE, SELECTOR_CERT, chain[0]),
            full(USAGE_DANE_EE, SELECTOR_SPKI, mint_spki(&leaf_key)),
            { USAGE_DANE_EE, SELECTOR_CERT, MATCH_SHA512, sign_digest(SIGN_SHA512, chain[0], digest) },
            full(USAGE_DANE_TA, SELECTOR_CERT, chain[1]),
        };

        for (size_t r = 0; r < 4; r++)
            assert_int_equal(ask(&records[r], 1, chain, 2).result, MATCH_YES);
        mint_free(&leaf);
    }
    mint_free(&root);
}

/* The leaf is never its own anchor, however it is sent or published. */
static void leaf_as_anchor(void **state)
{
    struct buf self = mint(&(struct mint_spec){
        .subject = "mx", .issuer = "mx", .key = &leaf_key, .signer = &leaf_key, .dns = { "mx.example" }, .ca = true });
    const struct span chain[] = { buf_bytes(&self), buf_bytes(&self) };
    const struct tlsa records[] = { full(USAGE_DANE_TA, SELECTOR_CERT, buf_bytes(&self)),
                                    full(USAGE_DANE_TA, SELECTOR_SPKI, mint_spki(&leaf_key)) };

    (void)state;
    for (size_t n = 1; n <= 2; n++)
        for (size_t r = 0; r < 2; r++)
            assert_int_not_equal(ask(&records[r], 1, chain, n).result, MATCH_YES);
    mint_free(&self);
}

/* An anchor from the DNS alone: whole (R18) with its constraints (R20), or a bare key (R19). */
static void anchor_in_dns(void **state)
{
    struct buf root = ca_of("Root", &root_key, "Root", &root_key), ca = ca_of("CA", &ca_key, "Root", &root_key);
    struct buf tight = mint(&(struct mint_spec){
        .subject = "Root", .issuer = "Root", .key = &root_key, .signer = &root_key, .ca = true, .path_len = 1 });
    struct buf leaf = leaf_of("CA", &ca_key);
    const struct span chain[] = { buf_bytes(&leaf), buf_bytes(&ca) };
    const struct tlsa whole = full(USAGE_DANE_TA, SELECTOR_CERT, buf_bytes(&root)),
                      narrow = full(USAGE_DANE_TA, SELECTOR_CERT, buf_bytes(&tight)),
                      key = full(USAGE_DANE_TA, SELECTOR_SPKI, mint_spki(&root_key)),
                      other = full(USAGE_DANE_TA, SELECTOR_SPKI, mint_spki(&evil_key));
    struct match_answer got = ask(&whole, 1, chain, 2);

    (void)state;
    assert_int_equal(got.result, MATCH_YES);
    assert_int_equal(got.depth, 2);
    assert_int_equal(got.usage, USAGE_DANE_TA);
    assert_ptr_equal(got.tlsa, &whole);
    assert_int_equal(ask(&key, 1, chain, 2).result, MATCH_YES);
    assert_int_equal(ask(&narrow, 1, chain, 2).result, MATCH_NO);
    assert_int_equal(ask(&other, 1, chain, 2).result, MATCH_NO);
    assert_int_equal(ask(&whole, 1, chain, 1).result, MATCH_NO); /* the CA between is missing */
    mint_free(&root), mint_free(&ca), mint_free(&tight), mint_free(&leaf);
}

/* RFC 7672 3.2.2: the base domain, the next-hop domain, its expanded name; the first that fits is told. R50 */
static void reference_identifiers(void **state)
{
    struct buf root = ca_of("Root", &root_key, "Root", &root_key), leaf = leaf_of("Root", &root_key);
    const struct span chain[] = { buf_bytes(&leaf), buf_bytes(&root) };
    const struct span names[] = { SPAN("base.example"), SPAN("next-hop.example"), SPAN("MX.example.") };
    const struct tlsa anchor = full(USAGE_DANE_TA, SELECTOR_CERT, buf_bytes(&root));
    struct match_query q = { .tlsa = &anchor, .n_tlsa = 1, .chain = chain, .n_chain = 2, .names = names, .at = now };

    (void)state;
    for (q.n_names = 0; q.n_names < 3; q.n_names++)
        assert_int_equal(dane_match(&q).result, MATCH_WRONG_NAME);
    assert_int_equal(dane_match(&q).result, MATCH_YES);
    assert_true(span_eq(dane_match(&q).name, names[2]));
    mint_free(&root), mint_free(&leaf);
}

/*
 * 64 certificates of one name and one key, each a possible issuer of all others, under 32 records: the work is bounded,
 * and the answer is no. The leaf leads into the crowd; no way out of it leads to the anchor, nor do the bare keys help.
 */
static void hostile_crowd(void **state)
{
    struct buf crowd[CHAIN_CERTS_MAX], anchor = ca_of("Elsewhere", &evil_key, "Elsewhere", &evil_key);
    struct span chain[CHAIN_CERTS_MAX];
    struct mint_key keys[ROUTE_TLSA_MAX];
    struct tlsa records[ROUTE_TLSA_MAX];
    struct match_answer got;

    (void)state;
    for (size_t i = 0; i < CHAIN_CERTS_MAX; i++) {
        crowd[i] = mint(&(struct mint_spec){ .subject = "Crowd",
                                             .issuer = "Crowd",
                                             .key = &ca_key,
                                             .signer = &ca_key,
                                             .dns = { "mx.example" },
                                             .ca = true,
                                             .padding = i + 1 });
        chain[i] = buf_bytes(&crowd[i]);
    }
    for (unsigned i = 0; i < ROUTE_TLSA_MAX; i++) {
        mint_key_make(&keys[i], 100 + i);
        records[i] = i % 2 == 0 ? full(USAGE_DANE_TA, SELECTOR_SPKI, mint_spki(&keys[i]))
                                : full(USAGE_DANE_TA, SELECTOR_CERT, buf_bytes(&anchor));
    }
    got = ask(records, ROUTE_TLSA_MAX, chain, CHAIN_CERTS_MAX);
    assert_int_not_equal(got.result, MATCH_YES);
    assert_true(got.signatures <= PATH_SIGNATURES_MAX);
    assert_true(got.signatures > 0);
    for (size_t i = 0; i < CHAIN_CERTS_MAX; i++)
        mint_free(&crowd[i]);
    mint_free(&anchor);
}

/* Usages 0 and 1 without public roots match nothing; the records are usable all the same. R48 is usable.h's. */
static void without_roots(void **state)
{
    struct buf root = ca_of("Root", &root_key, "Root", &root_key), leaf = leaf_of("Root", &root_key);
    const struct span chain[] = { buf_bytes(&leaf), buf_bytes(&root) };
    const struct tlsa records[] = { full(USAGE_PKIX_TA, SELECTOR_CERT, chain[1]),
                                    full(USAGE_PKIX_EE, SELECTOR_CERT, chain[0]) };
    struct cert roots[1];
    const struct span name = SPAN("mx.example");

    (void)state;
    assert_int_equal(cert_read(chain[1], &roots[0]), OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ask(&records[i], 1, chain, 2).result, MATCH_NO);
        assert_int_equal(dane_match(&(struct match_query){ .tlsa = &records[i],
                                                           .n_tlsa = 1,
                                                           .chain = chain,
                                                           .n_chain = 2,
                                                           .names = &name,
                                                           .n_names = 1,
                                                           .at = now,
                                                           .roots = roots,
                                                           .n_roots = 1 })
                             .result,
                         MATCH_YES);
    }
    mint_free(&root), mint_free(&leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planted_ca),     cmocka_unit_test(reasons),
        cmocka_unit_test(unreadable),     cmocka_unit_test(large_leaves),
        cmocka_unit_test(leaf_as_anchor), cmocka_unit_test(anchor_in_dns),
        cmocka_unit_test(hostile_crowd),  cmocka_unit_test(reference_identifiers),
        cmocka_unit_test(without_roots),
    };

    return cmocka_run_group_tests(tests, make_keys, NULL);
}
