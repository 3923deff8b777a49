/* cert/path: ways up that the cases of tests/chains do not show, and the bounds of the search. R13 R19 R20, A100 */
#include "cert/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mint.h"

static struct mint_key keys[CHAIN_CERTS_MAX + 2];

static int make_keys(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof keys / sizeof keys[0]; i++)
        mint_key_make(&keys[i], i + 1);
    return 0;
}

struct chain {
    struct buf der[CHAIN_CERTS_MAX + 2];
    struct cert certs[CHAIN_CERTS_MAX + 2];
    size_t n;
    path_set sound;
};

static void add(struct chain *c, struct mint_spec spec)
{
    c->der[c->n] = mint(&spec);
    if (cert_read(buf_bytes(&c->der[c->n]), &c->certs[c->n]) == OK && c->n < 64)
        c->sound |= (path_set)1 << c->n;
    c->n++;
}

static void drop(struct chain *c)
{
    while (c->n > 0)
        mint_free(&c->der[--c->n]);
    *c = (struct chain){ 0 };
}

static struct path_answer find(const struct chain *c, path_set trusted)
{
    return path_find(&(struct path_query){
        .chain = c->certs, .n_chain = c->n, .sound = c->sound, .trusted = trusted, .at = { MINT_NOW } });
}

/* A line of n certificates, the last one self-signed; the names say which key. */
static void line(struct chain *c, size_t n, bool reversed)
{
    static char names[CHAIN_CERTS_MAX + 2][24];

    for (size_t i = 0; i < n; i++) {
        const size_t at = reversed && i > 0 ? n - i : i, up = at + 1 < n ? at + 1 : at;

        snprintf(names[at], sizeof names[at], "c%zu", at);
        snprintf(names[up], sizeof names[up], "c%zu", up);
        add(c, (struct mint_spec){
                   .subject = names[at], .issuer = names[up], .key = &keys[at], .signer = &keys[up], .ca = at > 0 });
    }
}

static void lines(void **state)
{
    static struct chain c;
    struct path_answer got;

    (void)state;
    for (size_t n = 2; n <= PATH_SIGNATURES_MAX + 1; n++) {
        line(&c, n, n % 2 == 0);
        got = find(&c, (path_set)1 << (n % 2 == 0 ? 1 : n - 1));
        assert_int_equal(got.end, PATH_SENT);
        assert_int_equal(got.depth, n - 1);
        assert_int_equal(got.signatures, n - 1);
        drop(&c);
    }
    line(&c, PATH_SIGNATURES_MAX + 2, false); /* one signature too many */
    got = find(&c, (path_set)1 << (PATH_SIGNATURES_MAX + 1));
    assert_int_equal(got.end, PATH_NONE);
    assert_int_equal(got.signatures, PATH_SIGNATURES_MAX);
    drop(&c);
    line(&c, 3, false);
    c.n = CHAIN_CERTS_MAX + 2; /* what is behind the bound is not looked at */
    for (size_t i = 3; i < c.n; i++)
        c.certs[i] = c.certs[1];
    assert_int_equal(find(&c, 4).end, PATH_SENT);
    c.n = 3;
    drop(&c);
}

/* Six CAs with one name that have all signed each other: very many ways, none to the anchor. */
static void all_signed_by_all(void **state)
{
    static struct chain c;
    struct path_answer got;

    (void)state;
    add(&c, (struct mint_spec){ .subject = "mx", .issuer = "Ring", .key = &keys[0], .signer = &keys[1] });
    for (unsigned i = 0; i < 6; i++)
        for (unsigned up = 0; up < 6; up++)
            add(&c,
                (struct mint_spec){
                    .subject = "Ring", .issuer = "Ring", .key = &keys[1 + i], .signer = &keys[1 + up], .ca = true });
    got = find(&c, 0);
    assert_int_equal(got.end, PATH_NONE);
    assert_int_equal(got.signatures, PATH_SIGNATURES_MAX);
    drop(&c);
}

/* Eight layers of twins: 256 ways, cheap in signatures. The one that is asked for comes after half of them: too late.
 */
static void too_many_ways(void **state)
{
    static struct chain c;
    static const char *const names[] = { "L0", "L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", "Top" };
    struct path_query q = { .at = { MINT_NOW } };
    struct path_answer got;

    (void)state;
    add(&c, (struct mint_spec){ .subject = names[0], .issuer = names[1], .key = &keys[0], .signer = &keys[1] });
    for (unsigned layer = 1; layer <= 8; layer++)
        for (size_t twin = 1; twin <= 2; twin++)
            add(&c, (struct mint_spec){ .subject = names[layer],
                                        .issuer = names[layer + 1],
                                        .key = &keys[layer],
                                        .signer = &keys[layer + 1],
                                        .ca = true,
                                        .padding = twin });
    add(&c, (struct mint_spec){ .subject = "Top", .issuer = "Top", .key = &keys[9], .signer = &keys[9], .ca = true });
    q.chain = c.certs;
    q.n_chain = c.n;
    q.sound = c.sound;
    q.trusted = (path_set)1 << (c.n - 1);
    got = path_find(&q);
    assert_int_equal(got.end, PATH_SENT);
    assert_int_equal(got.signatures, 9);
    q.through = 2;
    assert_int_equal(path_find(&q).end, PATH_SENT);
    q.through = 4;
    got = path_find(&q);
    assert_int_equal(got.end, PATH_NONE);
    assert_true(got.signatures <= PATH_SIGNATURES_MAX);
    drop(&c);
}

/* RFC 5280 4.1.1.2: the algorithm inside and the one outside are the same. And a leaf that is no TLS server's is none.
 */
static void odd_leaves(void **state)
{
    static const struct mint_spec odd[] = {
        { .inner = { (const uint8_t *)"\x30\x07\x06\x03\x2b\x65\x70\x05\x00", 9 } },
        { .key_usage = 0x04 },
        { .v1 = false },
    };
    static struct chain c;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct mint_spec leaf = odd[i];

        leaf.subject = "mx";
        leaf.issuer = "R";
        leaf.key = &keys[0];
        leaf.signer = &keys[1];
        add(&c, leaf);
        add(&c, (struct mint_spec){ .subject = "R", .issuer = "R", .key = &keys[1], .signer = &keys[1], .ca = true });
        assert_int_equal(find(&c, 2).end, i == 2 ? PATH_SENT : PATH_NONE);
        drop(&c);
    }
}

/* The leaf's own certificate again, or a certificate twice, is no further step. */
static void twice(void **state)
{
    static struct chain c;
    const struct mint_spec self = { .subject = "mx", .issuer = "mx", .key = &keys[0], .signer = &keys[0], .ca = true };

    (void)state;
    add(&c, self);
    add(&c, self);
    assert_int_equal(find(&c, 2).end, PATH_NONE);
    assert_int_equal(
        path_find(
            &(struct path_query){
                .chain = c.certs, .n_chain = 1, .sound = 1, .stored = &c.certs[1], .n_stored = 1, .at = { MINT_NOW } })
            .end,
        PATH_NONE);
    drop(&c);
}

static void who_may_issue(void **state)
{
    static const struct {
        const char *says;
        struct mint_spec spec;
        bool as_anchor, between;
    } rows[] = {
        { "a CA", { .ca = true }, true, true },
        { "a CA with keyCertSign", { .ca = true, .key_usage = 0x04 }, true, true },
        { "no CA", { .dns = { "a" } }, false, false },
        { "no keyCertSign", { .ca = true, .key_usage = 0x80 }, false, false },
        { "version 1", { .v1 = true }, false, false },
        { "a CA for mail only",
          { .ca = true,
            .more = { (const uint8_t
                           *)"\x30\x13\x06\x03\x55\x1d\x25\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x04",
                      21 } },
          false,
          false },
    };
    static struct chain c;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mint_spec ca = rows[i].spec;

        ca.subject = "CA";
        ca.issuer = "Root";
        ca.key = &keys[1];
        ca.signer = &keys[2];
        print_message("# %s\n", rows[i].says);
        add(&c, (struct mint_spec){ .subject = "mx", .issuer = "CA", .key = &keys[0], .signer = &keys[1] });
        add(&c, ca);
        add(&c,
            (struct mint_spec){ .subject = "Root", .issuer = "Root", .key = &keys[2], .signer = &keys[2], .ca = true });
        assert_int_equal(find(&c, 2).end, rows[i].as_anchor ? PATH_SENT : PATH_NONE);
        assert_int_equal(find(&c, 4).end, rows[i].between ? PATH_SENT : PATH_NONE);
        drop(&c);
    }
    /* a root of version 1 has no way to say that it is a CA */
    add(&c, (struct mint_spec){ .subject = "mx", .issuer = "Old", .key = &keys[0], .signer = &keys[1] });
    add(&c, (struct mint_spec){ .subject = "Old", .issuer = "Old", .key = &keys[1], .signer = &keys[1], .v1 = true });
    assert_int_equal(find(&c, 2).end, PATH_SENT);
    drop(&c);
}

/* Dates: the path that would hold but for them is told apart from none, and a valid twin is found. */
static void dates(void **state)
{
    static struct chain c;
    const struct mint_spec root = { .subject = "R", .issuer = "R", .key = &keys[2], .signer = &keys[2], .ca = true };
    struct mint_spec ca = { .subject = "CA", .issuer = "R", .key = &keys[1], .signer = &keys[2], .ca = true };

    (void)state;
    add(&c, (struct mint_spec){ .subject = "mx", .issuer = "CA", .key = &keys[0], .signer = &keys[1] });
    ca.to = "240101000000Z";
    add(&c, ca);
    add(&c, root);
    assert_int_equal(find(&c, 4).end, PATH_EXPIRED);
    assert_int_equal(find(&c, 2).end, PATH_EXPIRED);
    assert_int_equal(find(&c, 0).end, PATH_NONE);
    ca.to = NULL;
    add(&c, ca);
    assert_int_equal(find(&c, 4).end, PATH_SENT);
    drop(&c);
}

/* Path length: self-issued certificates do not count, and every CA of the path is asked. */
static void path_length(void **state)
{
    static struct chain c;

    (void)state;
    for (int self_issued = 0; self_issued < 2; self_issued++)
        for (int len = 0; len < 4; len++) {
            add(&c, (struct mint_spec){ .subject = "mx", .issuer = "CA", .key = &keys[0], .signer = &keys[1] });
            add(&c, (struct mint_spec){ .subject = "CA",
                                        .issuer = self_issued ? "CA" : "Mid",
                                        .key = &keys[1],
                                        .signer = &keys[2],
                                        .ca = true });
            add(&c, (struct mint_spec){ .subject = self_issued ? "CA" : "Mid",
                                        .issuer = "Root",
                                        .key = &keys[2],
                                        .signer = &keys[3],
                                        .ca = true,
                                        .path_len = len });
            add(&c, (struct mint_spec){
                        .subject = "Root", .issuer = "Root", .key = &keys[3], .signer = &keys[3], .ca = true });
            assert_int_equal(find(&c, 8).end, self_issued || len == 0 || len >= 2 ? PATH_SENT : PATH_NONE);
            drop(&c);
        }
}

/* Name constraints of a CA bind what is below it, the self-issued apart. */
static void constrained(void **state)
{
    static const uint8_t limits[] = { 0xa0, 7, 0x30, 5, 0x82, 3, 'o', 'r', 'g' };
    static struct chain c;

    (void)state;
    for (int good = 0; good < 2; good++) {
        add(&c, (struct mint_spec){ .subject = "mx",
                                    .issuer = "CA",
                                    .key = &keys[0],
                                    .signer = &keys[1],
                                    .dns = { "mx.org", good ? "b.org" : "b.com" } });
        add(&c, (struct mint_spec){ .subject = "CA",
                                    .issuer = "CA",
                                    .key = &keys[1],
                                    .signer = &keys[2],
                                    .dns = { "ca.com" },
                                    .ca = true });
        add(&c, (struct mint_spec){ .subject = "CA",
                                    .issuer = "R",
                                    .key = &keys[2],
                                    .signer = &keys[3],
                                    .ca = true,
                                    .limits = { limits, sizeof limits } });
        assert_int_equal(find(&c, 4).end, good ? PATH_SENT : PATH_NONE);
        drop(&c);
    }
}

/* Anchors that are not sent; and a path that must hold a certificate of a set. */
static void stored_and_through(void **state)
{
    static struct chain c, roots;
    const struct span key = mint_spki(&keys[2]), other = mint_spki(&keys[3]);
    struct path_query q = { .at = { MINT_NOW } };
    struct path_answer got;

    (void)state;
    add(&c, (struct mint_spec){ .subject = "mx", .issuer = "CA", .key = &keys[0], .signer = &keys[1] });
    add(&c, (struct mint_spec){ .subject = "CA", .issuer = "R", .key = &keys[1], .signer = &keys[2], .ca = true });
    add(&c, (struct mint_spec){ .subject = "X", .issuer = "R", .key = &keys[4], .signer = &keys[2], .ca = true });
    add(&roots, (struct mint_spec){ .subject = "R", .issuer = "R", .key = &keys[3], .signer = &keys[3], .ca = true });
    add(&roots, (struct mint_spec){ .subject = "R", .issuer = "R", .key = &keys[2], .signer = &keys[2], .ca = true });
    q.chain = c.certs;
    q.n_chain = c.n;
    q.sound = c.sound;
    assert_int_equal(path_find(&q).end, PATH_NONE);
    q.keys = &other;
    q.n_keys = 1;
    assert_int_equal(path_find(&q).end, PATH_NONE);
    q.keys = &key;
    got = path_find(&q);
    assert_int_equal(got.end, PATH_KEY);
    assert_int_equal(got.depth, 2);
    q.n_keys = 0;
    q.stored = roots.certs;
    q.n_stored = 2;
    got = path_find(&q);
    assert_int_equal(got.end, PATH_STORED);
    assert_int_equal(got.which, 1);
    assert_int_equal(got.depth, 2);
    q.through = 2;
    got = path_find(&q);
    assert_int_equal(got.passed, 1);
    assert_int_equal(got.passed_depth, 1);
    q.through = 4; /* sent, but beside the path */
    assert_int_equal(path_find(&q).end, PATH_NONE);
    drop(&c), drop(&roots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),         cmocka_unit_test(all_signed_by_all),
        cmocka_unit_test(too_many_ways), cmocka_unit_test(odd_leaves),
        cmocka_unit_test(twice),         cmocka_unit_test(dates),
        cmocka_unit_test(who_may_issue), cmocka_unit_test(path_length),
        cmocka_unit_test(constrained),   cmocka_unit_test(stored_and_through),
    };

    return cmocka_run_group_tests(tests, make_keys, NULL);
}
