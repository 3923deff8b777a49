/* dane/candidates: a case a branch of 'Which MX host is this?', on routes that the planner made. R29 R39 R50 R51 R55
 * A93 A94 A95 A96 */
#include "zone.h"

#include "cert/pem.h"
#include "dane/candidates.h"
#include "mint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct zone_run run;

#define D "d.example "
#define MX1 D "MX secure 10/mx.d.example"
#define MX2 D "MX secure 10/mx.d.example 20/b.d.example"
#define A1 "mx.d.example A secure 192.0.2.1"
#define A2 "b.d.example A secure 192.0.2.2"
#define I1 "mx.d.example A insecure 192.0.2.1", "mx.d.example AAAA insecure"
#define I2 "b.d.example A insecure 192.0.2.2", "b.d.example AAAA insecure"
#define T1 "_25._tcp.mx.d.example TLSA "
#define T2 "_25._tcp.b.d.example TLSA "

static const struct {
    const char *says;
    struct zone zone;
    const char *far;
    enum found found;
    const char *host, *sni, *sni2; /* candidates_host; the first and the second name for SNI */
    enum tlsa_state tlsa;
    bool tlsa_error, tlsaless_insecure;
} cases[] = {
    { "MX bogus", { { D "MX bogus" } }, "192.0.2.1", FOUND_FAILED, "", "", "", TLSA_NOT_ASKED, false, false },
    { "MX error", { { D "MX error" } }, "192.0.2.1", FOUND_FAILED, "", "", "", TLSA_NOT_ASKED, false, false },
    /* rule 1 */
    { "1: listed, TLSA",
      { { MX1, A1, T1 "secure 311" } },
      "192.0.2.1",
      FOUND_SECURE,
      "mx.d.example",
      "mx.d.example",
      "",
      TLSA_USABLE,
      false,
      false },
    { "1: listed, no TLSA",
      { { MX1, A1 } },
      "192.0.2.1",
      FOUND_SECURE,
      "mx.d.example",
      "mx.d.example",
      "",
      TLSA_NONE,
      false,
      false },
    { "1: listed, all unusable",
      { { MX1, A1, T1 "secure 011" } },
      "192.0.2.1",
      FOUND_SECURE,
      "mx.d.example",
      "mx.d.example",
      "",
      TLSA_UNUSABLE,
      false,
      false },
    { "1: two list it, the one with TLSA is tried first",
      { { MX2, A1, "b.d.example A secure 192.0.2.1", T2 "secure 311" } },
      "192.0.2.1",
      FOUND_SECURE,
      "b.d.example",
      "b.d.example",
      "mx.d.example",
      TLSA_USABLE,
      false,
      false },
    { "1: usable before unusable",
      { { MX2, A1, "b.d.example A secure 192.0.2.1", T1 "secure 011", T2 "secure 311" } },
      "192.0.2.1",
      FOUND_SECURE,
      "b.d.example",
      "b.d.example",
      "mx.d.example",
      TLSA_USABLE,
      false,
      false },
    { "1: a candidate's TLSA error",
      { { MX2, A1, A2, T1 "bogus", T2 "secure 311" } },
      "192.0.2.1",
      FOUND_SECURE,
      "mx.d.example",
      "mx.d.example",
      "",
      TLSA_NOT_ASKED,
      true,
      false },
    { "1: another's error does not matter",
      { { MX2, A1, A2, T1 "secure 311", T2 "bogus" } },
      "192.0.2.1",
      FOUND_SECURE,
      "mx.d.example",
      "mx.d.example",
      "",
      TLSA_USABLE,
      false,
      false },
    { "1: nor another's address failure",
      { { MX2, A1, T1 "secure 311", "b.d.example A error" } },
      "192.0.2.1",
      FOUND_SECURE,
      "mx.d.example",
      "mx.d.example",
      "",
      TLSA_USABLE,
      false,
      false },
    { "1: of two on one address, one TLSA error",
      { { MX2, A1, "b.d.example A secure 192.0.2.1", T1 "error", T2 "secure 311" } },
      "192.0.2.1",
      FOUND_SECURE,
      "b.d.example",
      "b.d.example",
      "mx.d.example",
      TLSA_USABLE,
      true,
      false },
    { "1: secure beats insecure",
      { { MX2, A1, "b.d.example A insecure 192.0.2.1", "b.d.example AAAA insecure" } },
      "192.0.2.1",
      FOUND_SECURE,
      "mx.d.example",
      "mx.d.example",
      "",
      TLSA_NONE,
      false,
      false },
    { "1: a secure alias to an insecure target binds (7672 2.2.2)",
      { { MX1, "mx.d.example A insecure >c.example 192.0.2.1", "mx.d.example AAAA insecure >c.example",
          "mx.d.example CNAME secure c.example", T1 "secure 311" } },
      "192.0.2.1",
      FOUND_SECURE,
      "mx.d.example",
      "mx.d.example",
      "",
      TLSA_USABLE,
      false,
      false },
    { "1: SNI is the base domain (2.2.3)",
      { { MX1, "mx.d.example A secure >e.example 192.0.2.1", "mx.d.example AAAA secure >e.example",
          "_25._tcp.e.example TLSA secure 311" } },
      "192.0.2.1",
      FOUND_SECURE,
      "mx.d.example",
      "e.example",
      "",
      TLSA_USABLE,
      false,
      false },
    { "1: two hosts of one base are one name",
      { { MX2, "mx.d.example A secure >e.example 192.0.2.1", "mx.d.example AAAA secure >e.example",
          "b.d.example A secure >e.example 192.0.2.1", "b.d.example AAAA secure >e.example",
          "_25._tcp.e.example TLSA secure 311" } },
      "192.0.2.1",
      FOUND_SECURE,
      "mx.d.example",
      "e.example",
      "",
      TLSA_USABLE,
      false,
      false },
    { "1: NAT64 is unmapped",
      { { MX1, A1, T1 "secure 311" } },
      "64:ff9b::192.0.2.1",
      FOUND_SECURE,
      "mx.d.example",
      "mx.d.example",
      "",
      TLSA_USABLE,
      false,
      false },
    { "1: NAT64 is unmapped where the DNS publishes it, too",
      { { MX1, "mx.d.example A secure", "mx.d.example AAAA secure 64:ff9b::192.0.2.1", T1 "secure 311" } },
      "64:ff9b::192.0.2.1",
      FOUND_SECURE,
      "mx.d.example",
      "mx.d.example",
      "",
      TLSA_USABLE,
      false,
      false },
    { "1: no MX: the domain is the host",
      { { "d.example A secure 192.0.2.1", "_25._tcp.d.example TLSA secure 311" } },
      "192.0.2.1",
      FOUND_SECURE,
      "d.example",
      "d.example",
      "",
      TLSA_USABLE,
      false,
      false },
    { "1: an address as MX",
      { { D "MX secure 10/192.0.2.1" } },
      "192.0.2.1",
      FOUND_SECURE,
      "192.0.2.1",
      "",
      "",
      TLSA_NONE,
      false,
      false },
    { "1: insecure MX, a host with TLSA binds (5)",
      { { D "MX insecure 10/mx.d.example", A1, T1 "secure 311" } },
      "192.0.2.1",
      FOUND_SECURE,
      "mx.d.example",
      "mx.d.example",
      "",
      TLSA_USABLE,
      false,
      false },
    /* rule 2 */
    { "2: insecure addresses list it",
      { { MX2, A1, T1 "secure 311", I2 } },
      "192.0.2.2",
      FOUND_INSECURE,
      "b.d.example",
      "b.d.example",
      "",
      TLSA_NOT_ASKED,
      false,
      false },
    { "2: before the failure of a third",
      { { MX2, "mx.d.example A error", I2 } },
      "192.0.2.2",
      FOUND_INSECURE,
      "b.d.example",
      "b.d.example",
      "",
      TLSA_NOT_ASKED,
      false,
      false },
    /* rule 3 */
    { "3: a host's A failed, it might be that one",
      { { MX2, "mx.d.example A bogus", A2 } },
      "192.0.2.9",
      FOUND_MAYBE,
      "",
      "",
      "",
      TLSA_NOT_ASKED,
      false,
      false },
    { "3: insecure MX alike",
      { { D "MX insecure 10/mx.d.example", "mx.d.example A error" } },
      "192.0.2.9",
      FOUND_MAYBE,
      "",
      "",
      "",
      TLSA_NOT_ASKED,
      false,
      false },
    { "3: a broken AAAA hides no IPv4 address",
      { { MX1, I1, "mx.d.example AAAA error" } },
      "192.0.2.9",
      FOUND_UNLISTED,
      "",
      "",
      "",
      TLSA_NOT_ASKED,
      false,
      true },
    { "3: it hides an IPv6 one",
      { { MX1, I1, "mx.d.example AAAA error" } },
      "2001:db8::9",
      FOUND_MAYBE,
      "",
      "",
      "",
      TLSA_NOT_ASKED,
      false,
      false },
    { "3: a host that could not be kept",
      { { D "MX secure 10/mx.d.example 20/b?.example", A1 } },
      "192.0.2.9",
      FOUND_MAYBE,
      "",
      "",
      "",
      TLSA_NOT_ASKED,
      false,
      false },
    { "3: A dropped, AAAA denied and forged to the client: its TLSA bind", /* the attack that family by family invites
                                                                            */
      { { MX1, "mx.d.example A timeout", T1 "secure 311" } },
      "2001:db8::9",
      FOUND_UNLISTED,
      "mx.d.example",
      "mx.d.example",
      "",
      TLSA_USABLE,
      false,
      false },
    /* rule 4 */
    { "4: unlisted, no TLSA anywhere",
      { { MX2, A1, A2 } },
      "192.0.2.9",
      FOUND_UNLISTED,
      "",
      "",
      "",
      TLSA_NONE,
      false,
      false },
    { "4: unlisted, some have TLSA",
      { { MX2, A1, A2, T2 "secure 311" } },
      "192.0.2.9",
      FOUND_UNLISTED,
      "b.d.example",
      "b.d.example",
      "",
      TLSA_USABLE,
      false,
      false },
    { "4: a host without TLSA has insecure addresses",
      { { MX2, A1, T1 "secure 311", I2 } },
      "192.0.2.9",
      FOUND_UNLISTED,
      "mx.d.example",
      "mx.d.example",
      "",
      TLSA_USABLE,
      false,
      true },
    { "4: a TLSA error of any host is one",
      { { MX2, A1, A2, T2 "timeout" } },
      "192.0.2.9",
      FOUND_UNLISTED,
      "",
      "",
      "",
      TLSA_NONE,
      true,
      false },
    /* rule 5 */
    { "5: insecure MX, unlisted: nothing binds",
      { { D "MX insecure 10/mx.d.example", A1, T1 "secure 311" } },
      "192.0.2.9",
      FOUND_UNLISTED,
      "",
      "",
      "",
      TLSA_NOT_ASKED,
      false,
      false },
    { "5: insecure null MX",
      { { D "MX insecure 0/." } },
      "192.0.2.9",
      FOUND_UNLISTED,
      "",
      "",
      "",
      TLSA_NOT_ASKED,
      false,
      false },
    /* rule 6 */
    { "6: secure null MX",
      { { D "MX secure 0/." } },
      "192.0.2.9",
      FOUND_NULL,
      "",
      "",
      "",
      TLSA_NOT_ASKED,
      false,
      false },
    { "6: no such domain",
      { { D "MX secure nxdomain" } },
      "192.0.2.9",
      FOUND_NO_DOMAIN,
      "",
      "",
      "",
      TLSA_NOT_ASKED,
      false,
      false },
};

static void is(const char *says, const char *what, struct span got, const char *want)
{
    if (!span_eq(got, span_str(want)))
        fail_msg("%s: %s is '%.*s', not '%s'", says, what, (int)got.n, (const char *)got.p, want);
}

static void branches(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const says = cases[i].says;
        struct candidates c;
        struct ip far;

        zone_run(&run, &cases[i].zone, "d.example", false);
        assert_int_equal(ip_parse(span_str(cases[i].far), &far), OK);
        candidates_find(&run.route, &far, &c);
        if (c.found != cases[i].found || c.tlsa != cases[i].tlsa || c.tlsa_error != cases[i].tlsa_error ||
            c.tlsaless_insecure != cases[i].tlsaless_insecure)
            fail_msg("%s: found=%d tlsa=%d error=%d tlsaless=%d", says, c.found, c.tlsa, c.tlsa_error,
                     c.tlsaless_insecure);
        is(says, "host", candidates_host(&run.route, &c), cases[i].host);
        is(says, "sni", candidates_sni(&run.route, &c, 0), cases[i].sni);
        is(says, "second sni", candidates_sni(&run.route, &c, 1), cases[i].sni2);
        is(says, "third sni", candidates_sni(&run.route, &c, 2), "");
    }
}

/* ---- candidates_match: a chain for mx1.hub.oakridge.example below the anchor whose key is in TA */

#define CERT "mx1.hub.oakridge.example"
#define TA "211=7e9a7300321c41f69c4a4ba12d428897a91ad4848442e3f7d4a41ad18b649c47"
#define OTHER "_25._tcp.b.d.example TLSA secure 311"

static const struct {
    const char *says;
    struct zone zone;
    const char *domain, *far;
    enum match_result want;
    const char *host; /* that matched */
} matches[] = {
    { "the host's base domain",
      { { D "MX secure 10/" CERT, CERT " A secure 192.0.2.1", "_25._tcp." CERT " TLSA secure " TA } },
      "d.example",
      "192.0.2.1",
      MATCH_YES,
      CERT },
    { "of an insecure MX too",
      { { D "MX insecure 10/" CERT, CERT " A secure 192.0.2.1", "_25._tcp." CERT " TLSA secure " TA } },
      "d.example",
      "192.0.2.1",
      MATCH_YES,
      CERT },
    { "the recipient domain (3.2.2)",
      { { CERT " MX secure 10/mx.d.example", A1, T1 "secure " TA } },
      CERT,
      "192.0.2.1",
      MATCH_YES,
      "mx.d.example" },
    { "its expanded name (3.2.2)",
      { { D "MX secure >" CERT " 10/mx.d.example", A1, T1 "secure " TA } },
      "d.example",
      "192.0.2.1",
      MATCH_YES,
      "mx.d.example" },
    { "neither with an insecure MX",
      { { CERT " MX insecure 10/mx.d.example", A1, T1 "secure " TA } },
      CERT,
      "192.0.2.1",
      MATCH_WRONG_NAME,
      "" },
    { "not the name that an alias hides", /* R42: base and SNI are the expanded name */
      { { D "MX secure 10/" CERT, CERT " A secure >e.example 192.0.2.1", CERT " AAAA secure >e.example",
          "_25._tcp.e.example TLSA secure " TA } },
      "d.example",
      "192.0.2.1",
      MATCH_WRONG_NAME,
      "" },
    { "not another candidate's name",
      { { D "MX secure 10/b.d.example 20/" CERT, "b.d.example A secure 192.0.2.1", CERT " A secure 192.0.2.1",
          "_25._tcp." CERT " TLSA secure 311", "_25._tcp.b.d.example TLSA secure " TA } },
      "d.example",
      "192.0.2.1",
      MATCH_WRONG_NAME,
      "" },
    { "any candidate's match is enough",
      { { D "MX secure 10/b.d.example 20/" CERT, "b.d.example A secure 192.0.2.1", CERT " A secure 192.0.2.1", OTHER,
          "_25._tcp." CERT " TLSA secure 311 " TA } },
      "d.example",
      "192.0.2.1",
      MATCH_YES,
      CERT },
    { "an unlisted address with a host's key (4)",
      { { D "MX secure 10/b.d.example 20/" CERT, A2, CERT " A secure 192.0.2.1",
          "_25._tcp." CERT " TLSA secure " TA } },
      "d.example",
      "192.0.2.9",
      MATCH_YES,
      CERT },
    { "no record of a host that does not list it",
      { { D "MX secure 10/b.d.example 20/" CERT, A2, OTHER, CERT " A secure 192.0.2.1",
          "_25._tcp." CERT " TLSA secure " TA } },
      "d.example",
      "192.0.2.2",
      MATCH_NO,
      "" },
    { "records that do not match", { { MX1, A1, T1 "secure 311 211" } }, "d.example", "192.0.2.1", MATCH_NO, "" },
};

static size_t read_chain(const char *path, uint8_t (*mem)[4096], struct span *chain, size_t max)
{
    char pem[32768];
    FILE *f = fopen(path, "r");
    struct span left;
    size_t n = 0;

    assert_non_null(f);
    left = span_of(pem, fread(pem, 1, sizeof pem, f));
    fclose(f);
    for (; n < max; n++) {
        size_t len = sizeof mem[n];

        if (pem_next(&left, mem[n], &len) != OK)
            break;
        chain[n] = span_of(mem[n], len);
    }
    return n;
}

static void matching(void **state)
{
    static uint8_t mem[4][4096];
    struct span chain[4];
    const size_t n_chain = read_chain("tests/chains/chains/path-nc-permitted-exact.pem", mem, chain, 4);

    (void)state;
    for (size_t i = 0; i < sizeof matches / sizeof matches[0]; i++) {
        struct candidates c;
        struct match_answer got;
        struct tlsa record = { .usage = USAGE_PKIX_TA };
        struct ip far;
        unsigned host = 99;

        zone_run(&run, &matches[i].zone, matches[i].domain, false);
        assert_int_equal(ip_parse(span_str(matches[i].far), &far), OK);
        candidates_find(&run.route, &far, &c);
        got = candidates_match(&run.route, &c, span_str(matches[i].domain), chain, n_chain, (struct wall){ 1718452800 },
                               &host, &record);
        if (got.result != matches[i].want || (got.result == MATCH_YES) != (host != 99))
            fail_msg("%s: %d %s", matches[i].says, got.result, got.reason);
        if (host == 99)
            continue;
        is(matches[i].says, "host", route_text(&run.route, run.route.host[host].name), matches[i].host);
        assert_ptr_equal(got.tlsa, &record);
        assert_int_equal(record.usage, USAGE_DANE_TA);
    }
}

/* Fifty hosts with bare keys of all sorts, and a chain that leads into a crowd: the work is bounded for the route. A100
 */
static void hostile_route(void **state)
{
    static struct route r;
    struct candidates c = { .found = FOUND_UNLISTED, .n = ROUTE_HOSTS_MAX, .tlsa = TLSA_USABLE };
    struct mint_key crowd_key, other_key;
    struct buf crowd[8];
    struct span chain[8];
    struct tlsa record;
    struct match_answer got;
    unsigned host = 99;

    (void)state;
    mint_key_make(&crowd_key, 1);
    mint_key_make(&other_key, 2);
    memcpy(r.pool, other_key.spki, sizeof other_key.spki);
    for (unsigned i = 0; i < 8; i++) {
        crowd[i] = mint(&(struct mint_spec){ .subject = "Crowd",
                                             .issuer = "Crowd",
                                             .key = &crowd_key,
                                             .signer = &crowd_key,
                                             .dns = { "mx.example" },
                                             .ca = true,
                                             .padding = i + 1 });
        chain[i] = buf_bytes(&crowd[i]);
    }
    r.record[0] = (struct route_tlsa){ USAGE_DANE_TA, SELECTOR_SPKI, MATCH_FULL, { 0, sizeof other_key.spki } };
    for (unsigned i = 0; i < ROUTE_HOSTS_MAX; i++) {
        r.host[i] = (struct route_host){ .tlsa = TLSA_USABLE, .n_tlsa = 1 };
        c.host[i] = (uint8_t)i;
    }
    got = candidates_match(&r, &c, SPAN("example"), chain, 8, (struct wall){ MINT_NOW }, &host, &record);
    assert_int_equal(got.result, MATCH_NO);
    assert_int_equal(host, 99);
    assert_true(got.signatures >= ROUTE_SIGNATURES_MAX);
    assert_true(got.signatures < ROUTE_SIGNATURES_MAX + PATH_SIGNATURES_MAX);
    for (unsigned i = 0; i < 8; i++)
        mint_free(&crowd[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(branches),
        cmocka_unit_test(matching),
        cmocka_unit_test(hostile_route),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
