/* cert/names: whose certificate it is. R52 R66 */
#include "cert/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mint.h"

static struct mint_key key;

static int make_key(void **state)
{
    (void)state;
    mint_key_make(&key, 1);
    return 0;
}

static bool bears(const char *common, const char *dns, struct span alt, const char *reference)
{
    struct buf der = mint(&(struct mint_spec){
        .subject = common, .issuer = "CA", .key = &key, .signer = &key, .dns = { dns }, .alt = alt });
    struct cert c;
    bool yes;

    assert_int_equal(cert_read(buf_bytes(&der), &c), OK);
    yes = names_bear(&c, span_str(reference));
    mint_free(&der);
    return yes;
}

static void dns_ids(void **state)
{
    static const struct {
        const char *presented, *reference;
        bool want;
    } rows[] = {
        { "mx.example", "mx.example", true },
        { "MX.Example", "mx.eXample", true },
        { "mx.example", "mx.example.", true },
        { "mx.example.", "mx.example", false },
        { "mx.example", "mx.example..", false },
        { "mx.example", ".", false },
        { "mx.example", "", false },
        { "example", "example", true },
        { "*.hub.example", "mx.hub.example", true },
        { "*.hub.example", "a.mx.hub.example", false },
        { "*.hub.example", "hub.example", false },
        { "*.hub.example", ".hub.example", false },
        { "*.hub.example", "*.hub.example", false },
        { "*.example", "mx.example", false }, /* nobody speaks for a whole top level */
        { "*", "mx", false },
        { "*.", "mx.", false },
        { "*.*.example", "a.b.example", false },
        { "m*.hub.example", "mx.hub.example", false },
        { "mx.*.example", "mx.hub.example", false },
        { "mx..example", "mx..example", false },
        { "mx example", "mx example", false },
        { "m\xc3\xa9.example", "m\xc3\xa9.example", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_message("# %s, asked for %s\n", rows[i].presented, rows[i].reference);
        assert_int_equal(bears("mx", rows[i].presented, span_of(NULL, 0), rows[i].reference), rows[i].want);
    }
}

static void long_names(void **state)
{
    char name[HOSTNAME_MAX + 4];

    (void)state;
    for (size_t n = HOSTNAME_MAX; n <= HOSTNAME_MAX + 1; n++) {
        for (size_t i = 0; i < n; i++)
            name[i] = i % 50 == 49 ? '.' : 'a';
        name[n] = '\0';
        assert_int_equal(bears("mx", name, span_of(NULL, 0), name), n == HOSTNAME_MAX);
    }
    memset(name, 'a', 64);
    strcpy(name + 64, ".example");
    assert_false(bears("mx", name, span_of(NULL, 0), name));
    assert_true(bears("mx", name + 1, span_of(NULL, 0), name + 1));
}

/* The common name counts where no DNS-ID stands, and only if it looks like a host. */
static void common_names(void **state)
{
    static const uint8_t nul[] = { 0x82, 11, 'm', 'x', '.', 'e', 'x', 0, 'm', 'p', 'l', 'e', 'x' };

    (void)state;
    assert_true(bears("mx.example", NULL, span_of(NULL, 0), "mx.example"));
    assert_true(bears("*.hub.example", NULL, span_of(NULL, 0), "mx.hub.example"));
    assert_false(bears("*.example", NULL, span_of(NULL, 0), "mx.example"));
    assert_false(bears("mx", NULL, span_of(NULL, 0), "mx"));
    assert_false(bears("mx.example", "other.example", span_of(NULL, 0), "mx.example"));
    assert_false(bears("mx.example", "", span_of(NULL, 0), "mx.example")); /* a DNS-ID, be it empty */
    assert_false(bears("mx.example", NULL, span_of(nul, sizeof nul), "mx.example"));
    assert_false(bears(NULL, NULL, span_of(NULL, 0), "mx.example"));
    assert_true(
        bears("mx.example", NULL, SPAN("\x87\x04\x01\x02\x03\x04"), "mx.example")); /* an address is no DNS-ID */
    assert_false(bears("mx", NULL, SPAN("\x87\x04\x01\x02\x03\x04"), "1.2.3.4"));
}

/* An SRV-ID of 22 octets. */
#define SRV(name) SPAN("\xa0\x24\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x07\xa0\x18\x16\x16" name)

/* What verify and secure take: SRV-IDs keep the common name from counting (RFC 6125 6.4.4, 4985, 7817 3). R66 */
static void hosts_and_services(void **state)
{
    static const struct {
        const char *common, *dns;
        struct span alt;
        const char *reference;
        bool host, below, submission;
    } rows[] = {
        { "x", "mx.example", { 0 }, "mx.example", true, false, false },
        { "mx.example", NULL, { 0 }, "mx.example", true, false, false },
        { "mx.example", NULL, SRV("_submission.aa.example"), "mx.example", false, false, false },
        { "x", NULL, SRV("_submission.aa.example"), "aa.example", false, false, true },
        { "x", NULL, SRV("_SUBMISSION.aA.example"), "Aa.example.", false, false, true },
        { "x", NULL, SRV("_submission.aa.example"), "example", false, false, false },
        { "x", NULL, SRV("_submissiom.aa.example"), "aa.example", false, false, false },
        { "x", NULL, SPAN("\xa0\x24\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x09\xa0\x18\x16\x16_submission.aa.example"),
          "aa.example", false, false, false },
        { "x", "mx.example", SRV("_submission.aa.example"), "aa.example", false, false, true },
        { "x", "a.mx.example", { 0 }, "mx.example", false, true, false },
        { "x", "b.a.mx.example", { 0 }, "mx.example", false, true, false },
        { "x", "*.mx.example", { 0 }, "mx.example", false, true, false },
        { "x", "amx.example", { 0 }, "mx.example", false, false, false },
        { "x", ".mx.example", { 0 }, "mx.example", false, false, false },
        { "x", "a..mx.example", { 0 }, "mx.example", false, false, false },
        { "x", "a.mx.example", { 0 }, "", false, false, false },
        { "x", "a.mx.example", { 0 }, ".", false, false, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf der = mint(&(struct mint_spec){ .subject = rows[i].common,
                                                   .issuer = "CA",
                                                   .key = &key,
                                                   .signer = &key,
                                                   .dns = { rows[i].dns },
                                                   .alt = rows[i].alt });
        const struct span reference = span_str(rows[i].reference);
        struct cert c;

        print_message("# %zu: %s\n", i, rows[i].reference);
        assert_int_equal(cert_read(buf_bytes(&der), &c), OK);
        assert_int_equal(names_bear_host(&c, reference), rows[i].host);
        assert_int_equal(names_bear_below(&c, reference), rows[i].below);
        assert_int_equal(names_bear_service(&c, SPAN("submission"), reference), rows[i].submission);
        mint_free(&der);
    }
}

static bool same(uint8_t type_a, struct span a, uint8_t type_b, struct span b)
{
    struct buf x = mint_buf(1024), y = mint_buf(1024);
    bool yes;

    mint_name(&x, type_a, a);
    mint_name(&y, type_b, b);
    yes = names_dn_same(buf_bytes(&x), buf_bytes(&y));
    assert_int_equal(yes, names_dn_same(buf_bytes(&y), buf_bytes(&x)));
    mint_free(&x), mint_free(&y);
    return yes;
}

static void distinguished_names(void **state)
{
    (void)state;
    assert_true(same(DER_UTF8, SPAN("My CA"), DER_PRINTABLE, SPAN(" my  ca ")));
    assert_false(same(DER_UTF8, SPAN("My CA"), DER_UTF8, SPAN("MyCA")));
    assert_false(same(DER_UTF8, SPAN("CA"), DER_UTF8, SPAN("CA1")));
    assert_false(same(DER_UTF8, SPAN("CA"), DER_BMP, SPAN("CA"))); /* bytes of another meaning */
    assert_true(same(DER_BMP, SPAN("\0C"), DER_BMP, SPAN("\0C")));
    assert_false(same(DER_BMP, SPAN("\0C"), DER_BMP, SPAN("\0c")));
    assert_false(same(DER_UTF8, SPAN("CA"), DER_UTF8, span_of(NULL, 0)));
    assert_false(names_dn_within(SPAN("\x30\x00"), SPAN("\x30")));
    assert_true(names_dn_within(SPAN("\x30\x00"), SPAN("\x30\x00")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_ids),
        cmocka_unit_test(long_names),
        cmocka_unit_test(common_names),
        cmocka_unit_test(hosts_and_services),
        cmocka_unit_test(distinguished_names),
    };

    return cmocka_run_group_tests(tests, make_key, NULL);
}
