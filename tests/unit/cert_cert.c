/* cert/cert: what is read of a certificate, and how much of it a path may trust. R11 R20 */
#include "cert/cert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "mint.h"

static struct mint_key key;

static int make_key(void **state)
{
    (void)state;
    mint_key_make(&key, 1);
    return 0;
}

static enum rc read_of(struct mint_spec spec, struct cert *out)
{
    struct buf der;
    enum rc rc;

    spec.subject = "mx";
    spec.issuer = "CA";
    spec.key = spec.signer = &key;
    der = mint(&spec);
    rc = cert_read(buf_bytes(&der), out);
    mint_free(&der);
    return rc;
}

static void facts(void **state)
{
    struct cert c;

    (void)state;
    assert_int_equal(read_of((struct mint_spec){ .dns = { "a" } }, &c), OK);
    assert_true(!c.is_ca && c.may_sign_certs && c.may_serve_tls && c.for_tls_servers && c.version == 3);
    assert_true(c.path_len == CERT_PATH_LEN_NONE);
    assert_false(cert_valid_at(&c, (struct wall){ 1672531199 }));
    assert_true(cert_valid_at(&c, (struct wall){ 1672531200 })); /* notBefore is inclusive */
    assert_true(cert_valid_at(&c, (struct wall){ 1988150400 })); /* so is notAfter */
    assert_false(cert_valid_at(&c, (struct wall){ 1988150401 }));
    assert_int_equal(read_of((struct mint_spec){ .ca = true, .path_len = 3, .key_usage = 0x04 }, &c), OK);
    assert_true(c.is_ca && c.path_len == 2 && c.may_sign_certs && !c.may_serve_tls);
    assert_int_equal(read_of((struct mint_spec){ .key_usage = 0x80 }, &c), OK);
    assert_true(!c.may_sign_certs && c.may_serve_tls);
    assert_int_equal(read_of((struct mint_spec){ .v1 = true }, &c), OK);
    assert_true(c.version == 1 && !c.is_ca);
}

/* Readable as a frame, so that usage 3 can match its key, and no more. */
static void unusable(void **state)
{
    static const struct {
        const char *says;
        struct mint_spec spec;
    } rows[] = {
        { "an unknown critical extension",
          { .more = { (const uint8_t *)"\x30\x0b\x06\x02\x2a\x04\x01\x01\xff\x04\x02xy", 13 } } },
        { "the same extension twice",
          { .padding = 1, .more = { (const uint8_t *)"\x30\x06\x06\x02\x2a\x03\x04\x00", 8 } } },
        { "keyUsage that is none",
          { .more = { (const uint8_t *)"\x30\x09\x06\x03\x55\x1d\x0f\x04\x02\x03\x00", 11 } } },
        { "no purpose at all", { .more = { (const uint8_t *)"\x30\x09\x06\x03\x55\x1d\x25\x04\x02\x30\x00", 11 } } },
        { "an extension with something behind its value",
          { .more = { (const uint8_t *)"\x30\x0a\x06\x03\x55\x1d\x11\x04\x03\x30\x00\x00", 12 } } },
        { "constraints on nothing", { .limits = { (const uint8_t *)"\xa0\x00", 2 } } },
        { "a subtree with a minimum",
          { .limits = { (const uint8_t *)"\xa0\x08\x30\x06\x82\x01\x61\x80\x01\x01", 10 } } },
        { "a name without a form", { .alt = { (const uint8_t *)"\x04\x01\x61", 3 } } },
        { "a date that is none", { .to = "330230000000Z" } },
    };
    struct cert c;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_message("# %s\n", rows[i].says);
        assert_int_equal(read_of(rows[i].spec, &c), UNUSABLE);
        assert_int_equal(c.spki.n, sizeof key.spki);
        assert_int_equal(c.alt_names.n, 0); /* nothing half read */
    }
    assert_int_equal(
        read_of((struct mint_spec){ .more = { (const uint8_t *)"\x30\x08\x06\x02\x2a\x04\x04\x02xy", 10 } }, &c), OK);
}

static void many_extensions(void **state)
{
    struct buf more = mint_buf(4096);
    struct cert c;

    (void)state;
    for (unsigned i = 0; i <= CERT_EXTENSIONS_MAX; i++) {
        const uint8_t oid[] = { 0x2a, 0x05, (uint8_t)i };

        assert_int_equal(read_of((struct mint_spec){ .more = buf_bytes(&more) }, &c), OK);
        mint_extension(&more, span_of(oid, sizeof oid), false, SPAN("x"));
    }
    assert_int_equal(read_of((struct mint_spec){ .more = buf_bytes(&more) }, &c), UNUSABLE);
    mint_free(&more);
}

/* Cut anywhere it is no certificate, and no byte beyond the cut is touched (the copies are exact, for the sanitizer).
 */
static void every_cut(void **state)
{
    struct buf der = mint(&(struct mint_spec){
        .subject = "mx", .issuer = "CA", .key = &key, .signer = &key, .dns = { "a" }, .ca = true });
    const struct span whole = buf_bytes(&der);
    struct cert c;

    (void)state;
    assert_true(cert_is_shape(whole));
    assert_true(cert_is_spki_shape(mint_spki(&key)));
    assert_false(cert_is_shape(mint_spki(&key)));
    assert_false(cert_is_spki_shape(whole));
    for (size_t n = 0; n < whole.n; n++) {
        uint8_t *const copy = malloc(n + 1);

        memcpy(copy, whole.p, n);
        assert_int_equal(cert_read(span_of(copy, n), &c), MALFORMED);
        assert_int_equal(c.spki.n, 0);
        assert_int_equal(c.whole.n, n);
        assert_false(cert_is_shape(span_of(copy, n)));
        free(copy);
    }
    mint_free(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts),
        cmocka_unit_test(unusable),
        cmocka_unit_test(many_extensions),
        cmocka_unit_test(every_cut),
    };

    return cmocka_run_group_tests(tests, make_key, NULL);
}
