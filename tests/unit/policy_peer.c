/*
 * policy/peer: fingerprint, verify and secure on chains made here: a root, an issuer below it, a server.
 * R9 R64 R66 R68, A98; the names of Postfix's TLS_README
 */
#include "policy/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cert/sign.h"
#include "mint.h"

static struct mint_key root_key, issuer_key, server_key;
static struct buf root, issuer;
static struct cert roots[1];
static struct site site;
static struct route route;

static int make(void **state)
{
    (void)state;
    mint_key_make(&root_key, 1);
    mint_key_make(&issuer_key, 2);
    mint_key_make(&server_key, 3);
    root = mint(&(struct mint_spec){
        .subject = "Root", .issuer = "Root", .key = &root_key, .signer = &root_key, .ca = true, .key_usage = 4 });
    issuer = mint(&(struct mint_spec){
        .subject = "Issuer", .issuer = "Root", .key = &issuer_key, .signer = &root_key, .ca = true, .key_usage = 4 });
    assert_int_equal(cert_read(buf_bytes(&root), &roots[0]), OK);
    return 0;
}

static struct route_text pooled(const char *name)
{
    const struct route_text t = { route.pool_used, (uint16_t)strlen(name) };

    memcpy(route.pool + t.at, name, t.n);
    route.pool_used = (uint16_t)(route.pool_used + t.n);
    return t;
}

static void match(enum site_who who, struct span text)
{
    site.match[site.n_match++] = (struct site_match){ (uint8_t)who, (uint8_t)text.n, (uint16_t)site.pool_used };
    if (text.n > 0)
        memcpy(site.pool + site.pool_used, text.p, text.n);
    site.pool_used += (uint32_t)text.n;
}

struct server {
    const char *dns, *from, *to;
    struct span alt;
};

static enum why judge(struct server server, enum level level, const char *nexthop, bool is_smarthost)
{
    struct buf leaf = mint(&(struct mint_spec){ .subject = "server",
                                                .issuer = "Issuer",
                                                .key = &server_key,
                                                .signer = &issuer_key,
                                                .dns = { server.dns },
                                                .alt = server.alt,
                                                .from = server.from,
                                                .to = server.to });
    const struct span chain[] = { buf_bytes(&leaf), buf_bytes(&issuer) };
    const struct site_policy policy = { (uint8_t)level, (uint8_t)site.n_match, 0 };
    const enum why why = peer_judge(&(struct peer_query){ .site = &site,
                                                          .policy = &policy,
                                                          .nexthop = span_str(nexthop),
                                                          .is_smarthost = is_smarthost,
                                                          .route = &route,
                                                          .chain = chain,
                                                          .n_chain = 2,
                                                          .roots = roots,
                                                          .n_roots = 1,
                                                          .at = { MINT_NOW } });

    mint_free(&leaf);
    return why;
}

static void none(void)
{
    site.n_match = site.pool_used = 0;
    route.n_host = 0;
    route.pool_used = 0;
}

static void usual_names(void **state)
{
    (void)state;
    none();
    /* secure: the domain, or below it */
    assert_int_equal(judge((struct server){ .dns = "bank.example" }, LEVEL_SECURE, "bank.example", false), WHY_NONE);
    assert_int_equal(judge((struct server){ .dns = "mx.bank.example" }, LEVEL_SECURE, "bank.example", false), WHY_NONE);
    assert_int_equal(judge((struct server){ .dns = "bank.example.net" }, LEVEL_SECURE, "bank.example", false),
                     WHY_HOST_MISMATCH);
    assert_int_equal(judge((struct server){ .dns = "bank.example" }, LEVEL_SECURE, "", false), WHY_HOST_MISMATCH);
    /* verify: one of the MX hosts */
    assert_int_equal(judge((struct server){ .dns = "mx.hub.example" }, LEVEL_VERIFY, "bank.example", false),
                     WHY_HOST_MISMATCH);
    route.n_host = 2;
    route.host[0].name = pooled("other.example");
    route.host[1].name = pooled("mx.hub.example");
    assert_int_equal(judge((struct server){ .dns = "mx.hub.example" }, LEVEL_VERIFY, "bank.example", false), WHY_NONE);
    assert_int_equal(judge((struct server){ .dns = "*.hub.example" }, LEVEL_VERIFY, "bank.example", false), WHY_NONE);
    assert_int_equal(judge((struct server){ .dns = "bank.example" }, LEVEL_VERIFY, "bank.example", false),
                     WHY_HOST_MISMATCH);
    assert_int_equal(judge((struct server){ .dns = "mx.hub.example" }, LEVEL_SECURE, "bank.example", false),
                     WHY_HOST_MISMATCH); /* what the DNS says is nothing to secure */
    /* of a smarthost: its configured name (R64) */
    assert_int_equal(judge((struct server){ .dns = "mail.hq.example" }, LEVEL_VERIFY, "mail.hq.example", true),
                     WHY_NONE);
    assert_int_equal(judge((struct server){ .dns = "mx.hub.example" }, LEVEL_VERIFY, "mail.hq.example", true),
                     WHY_HOST_MISMATCH);
}

static void written_names(void **state)
{
    (void)state;
    none();
    match(SITE_NAME, SPAN("mx.example"));
    match(SITE_DOT_NAME, SPAN("hub.example"));
    assert_int_equal(judge((struct server){ .dns = "mx.example" }, LEVEL_SECURE, "bank.example", false), WHY_NONE);
    assert_int_equal(judge((struct server){ .dns = "a.b.hub.example" }, LEVEL_SECURE, "bank.example", false), WHY_NONE);
    assert_int_equal(judge((struct server){ .dns = "hub.example" }, LEVEL_SECURE, "bank.example", false),
                     WHY_HOST_MISMATCH);
    assert_int_equal(judge((struct server){ .dns = "bank.example" }, LEVEL_SECURE, "bank.example", false),
                     WHY_HOST_MISMATCH); /* what is written stands in place of what is usual */
}

/* An SRV-ID is a name of a smarthost, of no domain (RFC 7817 3). */
static void services(void **state)
{
    static const uint8_t srv[] =
        "\xa0\x24\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x07\xa0\x18\x16\x16_submission.aa.example";
    const struct server s = { .dns = "x.example", .alt = span_of(srv, sizeof srv - 1) };

    (void)state;
    none();
    assert_int_equal(judge(s, LEVEL_SECURE, "aa.example", true), WHY_NONE);
    assert_int_equal(judge(s, LEVEL_SECURE, "aa.example", false), WHY_HOST_MISMATCH);
    assert_int_equal(judge(s, LEVEL_SECURE, "bb.example", true), WHY_HOST_MISMATCH);
}

static void dates_and_trust(void **state)
{
    const struct server good = { .dns = "bank.example" };

    (void)state;
    none();
    assert_int_equal(
        judge((struct server){ .dns = "bank.example", .to = "240101000000Z" }, LEVEL_SECURE, "bank.example", false),
        WHY_EXPIRED);
    assert_int_equal(
        judge((struct server){ .dns = "bank.example", .from = "250101000000Z" }, LEVEL_SECURE, "bank.example", false),
        WHY_EXPIRED);
    struct cert other;
    struct buf der = mint(&(struct mint_spec){
        .subject = "Root", .issuer = "Root", .key = &issuer_key, .signer = &issuer_key, .ca = true, .key_usage = 4 });
    const struct cert was = roots[0];

    assert_int_equal(cert_read(buf_bytes(&der), &other), OK);
    roots[0] = other; /* the same name, another key */
    assert_int_equal(judge(good, LEVEL_SECURE, "bank.example", false), WHY_NOT_TRUSTED);
    assert_int_equal(judge(good, LEVEL_VERIFY, "bank.example", true), WHY_NOT_TRUSTED);
    roots[0] = was;
    mint_free(&der);
    assert_int_equal(judge(good, LEVEL_SECURE, "bank.example", false), WHY_NONE);
    /* no level that is none of the three is ever satisfied here */
    for (int level = 0; level <= LEVEL_DANE_ONLY; level++)
        assert_int_equal(judge(good, (enum level)level, "bank.example", false), WHY_VALIDATION_FAILURE);
}

/* Certificate or key, SHA-256 or SHA-512; dates, issuers and names are not asked. */
static void fingerprints(void **state)
{
    const struct server old = { .dns = "x.example", .to = "240101000000Z" };
    uint8_t out[SIGN_DIGEST_MAX];
    struct buf leaf = mint(&(struct mint_spec){ .subject = "server",
                                                .issuer = "Issuer",
                                                .key = &server_key,
                                                .signer = &issuer_key,
                                                .dns = { "x.example" },
                                                .to = "240101000000Z" });

    (void)state;
    none();
    assert_int_equal(judge(old, LEVEL_FINGERPRINT, "bank.example", false),
                     WHY_FINGERPRINT);                                     /* an empty list takes nobody */
    match(SITE_DIGEST, sign_digest(SIGN_SHA256, buf_bytes(&issuer), out)); /* the issuer's is not the server's */
    assert_int_equal(judge(old, LEVEL_FINGERPRINT, "bank.example", false), WHY_FINGERPRINT);
    none();
    match(SITE_DIGEST, sign_digest(SIGN_SHA256, buf_bytes(&leaf), out));
    assert_int_equal(judge(old, LEVEL_FINGERPRINT, "bank.example", false), WHY_NONE);
    none();
    match(SITE_DIGEST, sign_digest(SIGN_SHA512, mint_spki(&server_key), out));
    assert_int_equal(judge(old, LEVEL_FINGERPRINT, "", false), WHY_NONE);
    site.pool[0] ^= 1;
    assert_int_equal(judge(old, LEVEL_FINGERPRINT, "", false), WHY_FINGERPRINT);
    mint_free(&leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_names),     cmocka_unit_test(written_names), cmocka_unit_test(services),
        cmocka_unit_test(dates_and_trust), cmocka_unit_test(fingerprints),
    };

    return cmocka_run_group_tests(tests, make, NULL);
}
