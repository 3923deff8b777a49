/* cert/constraints: what a CA may name. R20 */
#include "cert/constraints.h"

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

/* One permitted and one excluded base, each as tag and content; NULL: none of the list. */
struct limits {
    uint8_t tag;
    struct span permitted, excluded;
};

static struct buf ca_of(struct limits l)
{
    struct buf tree = mint_buf(512), list = mint_buf(512), limits = mint_buf(512), der;
    const struct span bases[] = { l.permitted, l.excluded };

    for (unsigned i = 0; i < 2; i++) {
        buf_reset(&tree);
        buf_reset(&list);
        if (bases[i].p == NULL)
            continue;
        mint_tlv(&tree, l.tag, bases[i]);
        mint_tlv(&list, DER_SEQUENCE, buf_bytes(&tree));
        mint_tlv(&limits, (uint8_t)(DER_CONTEXT_CONSTRUCTED | i), buf_bytes(&list));
    }
    der = mint(&(struct mint_spec){
        .subject = "CA", .issuer = "CA", .key = &key, .signer = &key, .ca = true, .limits = buf_bytes(&limits) });
    mint_free(&tree), mint_free(&list), mint_free(&limits);
    return der;
}

static bool allows(struct limits l, const struct mint_spec *spec)
{
    struct buf ca_der = ca_of(l), der = mint(spec);
    struct cert ca, c;
    unsigned budget = PATH_NAMES_MAX;
    bool yes;

    assert_int_equal(cert_read(buf_bytes(&ca_der), &ca), OK);
    assert_int_equal(cert_read(buf_bytes(&der), &c), OK);
    yes = constraints_allow(&ca, &c, true, &budget);
    mint_free(&ca_der), mint_free(&der);
    return yes;
}

static void dns_names(void **state)
{
    static const struct {
        const char *name, *permitted, *excluded;
        bool want;
    } rows[] = {
        { "mx.a.example", "a.example", NULL, true },
        { "a.example", "a.example", NULL, true },
        { "A.EXAMPLE", "a.example", NULL, true },
        { "mxa.example", "a.example", NULL, false },
        { "mx.a.example", ".a.example", NULL, true },
        { "a.example", ".a.example", NULL, false },
        { "any.thing", "", NULL, true },
        { "mx.a.example", NULL, "a.example", false },
        { "mx.a.example", NULL, ".a.example", false },
        { "a.example", NULL, ".a.example", false },
        { "a.example", NULL, "a.example.", false },
        { "mxa.example", NULL, "a.example", true },
        { "mx.example", NULL, "", false },
        { "*.a.example", "a.example", NULL, true },
        { "*.example", NULL, "a.example", false }, /* the wildcard could stand for a.example */
        { "*.example", NULL, "b.a.example", true },
        { "*.a.example", NULL, "mx.a.example", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct limits l = {
            .tag = DER_CONTEXT | 2,
            .permitted = rows[i].permitted != NULL ? span_str(rows[i].permitted) : span_of(NULL, 0),
            .excluded = rows[i].excluded != NULL ? span_str(rows[i].excluded) : span_of(NULL, 0),
        };
        const struct mint_spec spec = {
            .subject = "mx", .issuer = "CA", .key = &key, .signer = &key, .dns = { rows[i].name }
        };

        print_message("# %s\n", rows[i].name);
        assert_int_equal(allows(l, &spec), rows[i].want);
    }
}

/* A common name that can be taken for the DNS name is one here too. */
static void common_name(void **state)
{
    const struct limits l = { .tag = DER_CONTEXT | 2, .permitted = SPAN("a.example") };

    (void)state;
    assert_false(
        allows(l, &(struct mint_spec){ .subject = "mx.b.example", .issuer = "CA", .key = &key, .signer = &key }));
    assert_true(
        allows(l, &(struct mint_spec){ .subject = "mx.a.example", .issuer = "CA", .key = &key, .signer = &key }));
    assert_true(allows(l, &(struct mint_spec){ .subject = "My server", .issuer = "CA", .key = &key, .signer = &key }));
    assert_true(allows(
        l, &(struct mint_spec){
               .subject = "mx.b.example", .issuer = "CA", .key = &key, .signer = &key, .dns = { "a.example" } }));
}

static void addresses(void **state)
{
    static const struct {
        struct span address;
        bool permitted, excluded;
    } rows[] = {
        { { (const uint8_t *)"\x87\x04\xc0\x00\x02\x19", 6 }, true, false },
        { { (const uint8_t *)"\x87\x04\xc0\x00\x03\x19", 6 }, false, true },
        { { (const uint8_t *)"\x87\x10"
                             "0123456789abcdef",
            18 },
          false,
          true }, /* of the other family */
    };
    const struct span net = SPAN("\xc0\x00\x02\x00\xff\xff\xff\x00");

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct mint_spec spec = {
            .subject = "mx", .issuer = "CA", .key = &key, .signer = &key, .alt = rows[i].address
        };

        assert_int_equal(allows((struct limits){ .tag = DER_CONTEXT | 7, .permitted = net }, &spec), rows[i].permitted);
        assert_int_equal(allows((struct limits){ .tag = DER_CONTEXT | 7, .excluded = net }, &spec), rows[i].excluded);
        assert_false(allows((struct limits){ .tag = DER_CONTEXT | 7, .excluded = SPAN("\x01") }, &spec));
    }
}

/* A form that is not compared is refused where it is constrained, and only there. */
static void other_forms(void **state)
{
    const struct span mail = SPAN("\x81\x0a"
                                  "a@b.exampl");
    const struct mint_spec with = { .subject = "mx", .issuer = "CA", .key = &key, .signer = &key, .alt = mail },
                           without = { .subject = "mx", .issuer = "CA", .key = &key, .signer = &key };

    (void)state;
    assert_false(allows((struct limits){ .tag = DER_CONTEXT | 1, .permitted = SPAN("b.exampl") }, &with));
    assert_false(allows((struct limits){ .tag = DER_CONTEXT | 1, .excluded = SPAN("other") }, &with));
    assert_true(allows((struct limits){ .tag = DER_CONTEXT | 1, .excluded = SPAN("other") }, &without));
    assert_true(allows((struct limits){ .tag = DER_CONTEXT | 6, .excluded = SPAN("other") }, &with));
}

static void directory_names(void **state)
{
    struct buf within = mint_buf(256), other = mint_buf(256);
    const struct mint_spec spec = { .subject = "mx", .issuer = "CA", .key = &key, .signer = &key },
                           nameless = { .issuer = "CA", .key = &key, .signer = &key };
    const uint8_t tag = DER_CONTEXT_CONSTRUCTED | 4;

    (void)state;
    mint_name(&within, DER_PRINTABLE, SPAN("MX"));
    mint_name(&other, DER_PRINTABLE, SPAN("other"));
    assert_true(allows((struct limits){ .tag = tag, .permitted = buf_bytes(&within) }, &spec));
    assert_false(allows((struct limits){ .tag = tag, .permitted = buf_bytes(&other) }, &spec));
    assert_false(allows((struct limits){ .tag = tag, .excluded = buf_bytes(&other) }, &spec));
    assert_true(allows((struct limits){ .tag = tag, .excluded = buf_bytes(&other) }, &nameless));
    mint_free(&within), mint_free(&other);
}

/* Whoever may name hosts of one domain only names services of no other (RFC 4985 has constraints that nobody writes).
 */
static void services(void **state)
{
    static const uint8_t srv[] =
        "\xa0\x24\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x07\xa0\x18\x16\x16_submission.aa.example";
    const struct mint_spec spec = {
        .issuer = "CA", .key = &key, .signer = &key, .dns = { "b.example" }, .alt = span_of(srv, sizeof srv - 1)
    };
    const uint8_t tag = DER_CONTEXT | 2;

    (void)state;
    assert_true(allows((struct limits){ .tag = tag, .permitted = SPAN("example") }, &spec));
    assert_false(allows((struct limits){ .tag = tag, .permitted = SPAN("b.example") }, &spec));
    assert_false(allows((struct limits){ .tag = tag, .excluded = SPAN("aa.example") }, &spec));
    assert_true(allows((struct limits){ .tag = tag, .excluded = SPAN("a.example") }, &spec));
}

/* The budget is spent, not overdrawn, and then the answer is no. */
static void budget(void **state)
{
    const struct limits l = { .tag = DER_CONTEXT | 2, .permitted = SPAN("example") };
    struct buf ca_der = ca_of(l), der = mint(&(struct mint_spec){ .subject = "mx",
                                                                  .issuer = "CA",
                                                                  .key = &key,
                                                                  .signer = &key,
                                                                  .dns = { "a.example", "b.example", "c.example" } });
    struct cert ca, c;

    (void)state;
    assert_int_equal(cert_read(buf_bytes(&ca_der), &ca), OK);
    assert_int_equal(cert_read(buf_bytes(&der), &c), OK);
    for (unsigned given = 0; given < 8; given++) {
        unsigned left = given;

        assert_int_equal(constraints_allow(&ca, &c, true, &left), given > 4); /* three names and the subject */
        assert_true(left <= given);
    }
    mint_free(&ca_der), mint_free(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dns_names),   cmocka_unit_test(common_name),     cmocka_unit_test(addresses),
        cmocka_unit_test(other_forms), cmocka_unit_test(directory_names), cmocka_unit_test(budget),
        cmocka_unit_test(services),
    };

    return cmocka_run_group_tests(tests, make_key, NULL);
}
