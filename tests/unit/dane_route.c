/* dane/route, dane/route_plan: RFC 7672 2, a case a clause, each in both orders of answers. R10 R21 R24 R25 R27 R28 R29
 * R31 R33 R35-R48 A81-A84 A87 A93 A95 */
#include "route_dump.h"
#include "zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct zone_run run;
#define D "d.example "
#define MX1 D "MX secure 10/mx.d.example"
#define A1 "mx.d.example A secure 192.0.2.1"
#define TLSA1 "_25._tcp.mx.d.example TLSA "
#define HOST "list secure | mx.d.example "

static const struct {
    const char *says;
    struct zone zone;
    const char *want;
    const char *not_asked; /* a question that must not be among those asked */
} cases[] = {
    /* ---- MX: 2.1, 2.2.1 */
    { "MX bogus hides where mail goes (2.1.2)", { { D "MX bogus" } }, "failed bogus", "A" },
    { "MX SERVFAIL (2.1.2)", { { D "MX error" } }, "failed error", "A" },
    { "MX timeout", { { D "MX timeout" } }, "failed error timeout", "A" },
    { "MX that never comes", { { D "MX never" } }, "failed error timeout", "A" },
    { "an answer of unknown trust is an error", { { D "MX 10/mx.d.example" } }, "failed error", "A" },
    { "NXDOMAIN is an answer (2.1.1)", { { D "MX secure nxdomain" } }, "no-domain secure", "A" },
    { "an insecure one too", { { D "MX insecure nxdomain" } }, "no-domain insecure", "A" },
    { "null MX (7505)", { { D "MX secure 0/." } }, "null secure", "A" },
    { "insecure null MX", { { D "MX insecure 0/." } }, "null insecure", "A" },
    { "a root beside a host is no host (7505 3)",
      { { D "MX secure 0/. 10/mx.d.example", A1 } },
      HOST "secure secure none 192.0.2.1",
      "./A" },
    { "no MX: the domain is the host (5321 5.1, 7672 2.2.2)",
      { { D "A secure 192.0.2.9", "_25._tcp.d.example TLSA secure 311" } },
      "implicit secure | d.example secure secure usable 311 192.0.2.9",
      NULL },
    { "insecure NODATA likewise",
      { { D "MX insecure nodata", D "A insecure 192.0.2.9", D "AAAA insecure" } },
      "implicit insecure | d.example insecure insecure not-asked 192.0.2.9?",
      "TLSA" },
    { "malformed MX", { { D "MX secure junk" } }, "failed error", "A" },
    { "hosts by preference, equals as they came, doubles once (2.2.1)",
      { { D "MX secure 20/c.d.example 10/B.d.example 10/a.d.example 30/b.d.example" } },
      "list secure | b.d.example secure secure not-asked | a.d.example secure secure not-asked | c.d.example secure "
      "secure not-asked",
      "TLSA" },
    { "a host name with a blank cannot be used: something is missing",
      { { D "MX secure 10/m?x.d.example" } },
      "list secure incomplete",
      "A" },
    { "an address as MX: DANE does not apply (2.2)",
      { { D "MX secure 10/192.0.2.7" } },
      "list secure | 192.0.2.7 secure secure none 192.0.2.7",
      "A" },
    { "the same, insecure",
      { { D "MX insecure 10/192.0.2.7" } },
      "list insecure | 192.0.2.7 insecure insecure not-asked 192.0.2.7?",
      "A" },
    { "insecure MX: the host's own TLSA are found all the same (2.2.1)",
      { { D "MX insecure 10/mx.d.example", A1, TLSA1 "secure 311" } },
      "list insecure | mx.d.example secure secure usable 311 192.0.2.1",
      NULL },
    { "a secure alias of the domain gives its expanded name (3.2.2)",
      { { D "MX secure >e.example 10/mx.d.example", A1, TLSA1 "secure 311" } },
      "list secure =e.example | mx.d.example secure secure usable 311 192.0.2.1",
      NULL },
    { "an insecure one does not",
      { { D "MX insecure >e.example 10/mx.d.example", A1 } },
      "list insecure | mx.d.example secure secure none 192.0.2.1",
      NULL },
    { "a domain that is an alias and has no MX (3.2.2)",
      { { D "MX secure >e.example nodata", D "A secure >e.example 192.0.2.9", D "AAAA secure >e.example",
          "_25._tcp.e.example TLSA secure 211" } },
      "implicit secure =e.example | d.example secure secure usable 211 base=e.example 192.0.2.9",
      "_25._tcp.d.example/TLSA" },
    /* ---- addresses before TLSA: 2.2.2 */
    { "insecure addresses: no TLSA is asked (2.2.2)",
      { { MX1, "mx.d.example A insecure 192.0.2.1", "mx.d.example AAAA insecure" } },
      HOST "insecure insecure not-asked 192.0.2.1?",
      "TLSA" },
    { "a broken AAAA takes no DANE from A",
      { { MX1, A1, "mx.d.example AAAA error", TLSA1 "secure 311" } },
      HOST "secure error usable 311 192.0.2.1",
      NULL },
    { "nor one that never comes",
      { { MX1, A1, "mx.d.example AAAA never", TLSA1 "secure 311" } },
      "list secure timeout | mx.d.example secure error usable 311 192.0.2.1",
      NULL },
    { "A bogus, AAAA denied: what was hidden is bound",
      { { MX1, "mx.d.example A bogus", TLSA1 "secure 311" } },
      HOST "bogus secure usable 311",
      NULL },
    { "A never, AAAA denied: it cannot be told what binds",
      { { MX1, "mx.d.example A never", TLSA1 "secure 311" } },
      "list secure timeout | mx.d.example error secure tlsa-error",
      NULL },
    { "both fail: unreachable",
      { { MX1, "mx.d.example A bogus", "mx.d.example AAAA error" } },
      HOST "bogus error not-asked",
      "TLSA" },
    { "no addresses: unreachable (2.2.2)", { { MX1 } }, HOST "secure secure not-asked", "TLSA" },
    { "malformed address",
      { { MX1, "mx.d.example A secure junk", "mx.d.example AAAA insecure" } },
      HOST "error insecure not-asked",
      "TLSA" },
    { "one host's failure leaves the others alone (2.1.2)",
      { { D "MX secure 10/bad.example 20/mx.d.example", "bad.example A bogus", "bad.example AAAA bogus", A1,
          TLSA1 "secure 311" } },
      "list secure | bad.example bogus bogus not-asked | mx.d.example secure secure usable 311 192.0.2.1",
      NULL },
    /* ---- TLSA: 2.2, 2.2.3, 3.1 */
    { "securely none", { { MX1, A1 } }, HOST "secure secure none 192.0.2.1", NULL },
    { "TLSA NXDOMAIN", { { MX1, A1, TLSA1 "secure nxdomain" } }, HOST "secure secure none 192.0.2.1", NULL },
    { "insecure TLSA are none (2.2.3)",
      { { MX1, A1, TLSA1 "insecure 311" } },
      HOST "secure secure none 192.0.2.1",
      NULL },
    { "TLSA bogus: unreachable (2.1.2)",
      { { MX1, A1, TLSA1 "bogus 311" } },
      HOST "secure secure tlsa-error 192.0.2.1",
      NULL },
    { "TLSA SERVFAIL", { { MX1, A1, TLSA1 "error" } }, HOST "secure secure tlsa-error 192.0.2.1", NULL },
    { "TLSA timeout",
      { { MX1, A1, TLSA1 "timeout" } },
      "list secure timeout | mx.d.example secure secure tlsa-error 192.0.2.1",
      NULL },
    { "TLSA never",
      { { MX1, A1, TLSA1 "never" } },
      "list secure timeout | mx.d.example secure secure tlsa-error 192.0.2.1",
      NULL },
    { "all unusable: usages 0, 1 and malformed (2.2, 3.1.3)",
      { { MX1, A1, TLSA1 "secure 001 111 399 junk" } },
      HOST "secure secure unusable 192.0.2.1",
      NULL },
    { "the usable ones, agility applied (7671 9)",
      { { MX1, A1, TLSA1 "secure 311 312 111 201 junk" } },
      HOST "secure secure usable 312 201 192.0.2.1",
      NULL },
    { "aliases of the TLSA owner do not change the base (2.2.3)",
      { { MX1, A1, TLSA1 "secure >_dane.e.example 211" } },
      HOST "secure secure usable 211 192.0.2.1",
      NULL },
/* ---- aliased hosts: 2.2.2, 2.1.3 */
#define AA "mx.d.example A secure >e.example 192.0.2.1", "mx.d.example AAAA secure >e.example"
    { "a secure alias: the expanded name first",
      { { MX1, AA, "_25._tcp.e.example TLSA secure 311" } },
      HOST "secure secure usable 311 base=e.example 192.0.2.1",
      "_25._tcp.mx.d.example/TLSA" },
    { "then the original", { { MX1, AA, TLSA1 "secure 311" } }, HOST "secure secure usable 311 192.0.2.1", NULL },
    { "insecure ones at the expanded name are none there",
      { { MX1, AA, "_25._tcp.e.example TLSA insecure 311", TLSA1 "secure 212" } },
      HOST "secure secure usable 212 192.0.2.1",
      NULL },
    { "unusable ones at the expanded name bind there (2.2.3)",
      { { MX1, AA, "_25._tcp.e.example TLSA secure 011", TLSA1 "secure 311" } },
      HOST "secure secure unusable base=e.example 192.0.2.1",
      "_25._tcp.mx.d.example/TLSA" },
    { "an error there is one",
      { { MX1, AA, "_25._tcp.e.example TLSA error", TLSA1 "secure 311" } },
      HOST "secure secure tlsa-error 192.0.2.1",
      "_25._tcp.mx.d.example/TLSA" },
    { "neither has any", { { MX1, AA } }, HOST "secure secure none 192.0.2.1", NULL },
#define IA "mx.d.example A insecure >c.example 192.0.2.1", "mx.d.example AAAA insecure >c.example"
    { "secure alias, insecure target: the original name (2.2.2)",
      { { MX1, IA, "mx.d.example CNAME secure c.example", TLSA1 "secure 311" } },
      HOST "insecure insecure usable 311 192.0.2.1?",
      "_25._tcp.c.example/TLSA" },
    { "insecure alias: nothing is asked",
      { { MX1, IA, "mx.d.example CNAME insecure c.example" } },
      HOST "insecure insecure not-asked 192.0.2.1?",
      "TLSA" },
    { "whether the alias is secure cannot be told",
      { { MX1, IA, "mx.d.example CNAME bogus" } },
      HOST "insecure insecure tlsa-error 192.0.2.1?",
      "TLSA" },
    { "the same, never",
      { { MX1, IA, "mx.d.example CNAME never" } },
      "list secure timeout | mx.d.example insecure insecure tlsa-error 192.0.2.1?",
      "TLSA" },
    { "an alias that changes between A and AAAA",
      { { MX1, "mx.d.example A secure >e.example 192.0.2.1", "mx.d.example AAAA secure >f.example",
          "_25._tcp.e.example TLSA secure 311" } },
      HOST "secure secure tlsa-error 192.0.2.1",
      NULL },
    { "an expanded name that is no host name",
      { { MX1, "mx.d.example A secure >?.example 192.0.2.1" } },
      HOST "error secure none",
      NULL },
};

static bool was_asked(const char *what)
{
    return strstr(run.asked, what) != NULL;
}

static void clauses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (unsigned backwards = 0; backwards < 2; backwards++) {
            zone_run(&run, &cases[i].zone, "d.example", backwards);
            if (strcmp(dump(&run.route), cases[i].want) != 0)
                fail_msg("%s: '%s', not '%s'", cases[i].says, dump_text, cases[i].want);
            if (cases[i].not_asked != NULL && was_asked(cases[i].not_asked))
                fail_msg("%s: asked %s", cases[i].says, run.asked);
            if (route_check(&run.route, run.route.size) != OK)
                fail_msg("%s: no route", cases[i].says);
        }
    }
}

/* ---- bounds: what is over one is an error, never insecure and never none */

static char line[ZONE_LINES][16384];

static const char *form(unsigned i, const char *fmt, ...) PRINTF_LIKE(2, 3);
static const char *form(unsigned i, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(line[i], sizeof line[i], fmt, args);
    va_end(args);
    return line[i];
}

/* R14: what a route may be used for is the least of its answers; errors promise nothing and shorten nothing. */
static void ttl(void **state)
{
    static const struct zone z = { { D "MX secure ttl=300 10/mx.d.example", "mx.d.example A secure ttl=90 192.0.2.1",
                                     "mx.d.example AAAA error ttl=3", TLSA1 "secure ttl=60 311" } };
    static const struct zone none = { { D "MX error" } };

    (void)state;
    zone_run(&run, &z, "d.example", false);
    assert_int_equal(run.route.ttl_s, 60);
    zone_run(&run, &none, "d.example", false);
    assert_int_equal(run.route.ttl_s, 0);
}

static void fifty_hosts(void **state)
{
    struct zone z = { { 0 } };

    (void)state;
    for (unsigned hosts = ROUTE_HOSTS_MAX; hosts <= ROUTE_HOSTS_MAX + 1; hosts++) {
        form(0, D "MX secure");
        for (unsigned i = 0; i < hosts; i++) {
            snprintf(strchr(line[0], '\0'), 64, " %u/mx%u.d.example", 100 - i, i);
            z.line[1 + i] = form(1 + i, "mx%u.d.example A secure 192.0.2.%u", i, i);
        }
        z.line[0] = line[0];
        zone_run(&run, &z, "d.example", false);
        assert_int_equal(run.route.n_host, ROUTE_HOSTS_MAX);
        assert_int_equal(run.route.host[0].preference, 100 - (hosts - 1));
        assert_int_equal(run.route.incomplete, hosts > ROUTE_HOSTS_MAX);
        assert_int_equal(route_check(&run.route, run.route.size), OK);
    }
}

static void many_records(void **state)
{
    struct zone z = { { MX1, line[0], line[1] } };

    (void)state;
    form(0, "mx.d.example A secure");
    for (unsigned i = 0; i <= ROUTE_ADDRESSES_MAX; i++)
        snprintf(strchr(line[0], '\0'), 64, " 192.0.2.%u", i);
    form(1, "mx.d.example AAAA secure 2001:db8::1");
    zone_run(&run, &z, "d.example", false);
    assert_string_equal(dump(&run.route), HOST "error secure none 2001:db8::1");
    form(0, A1);
    form(1, TLSA1 "secure");
    for (unsigned i = 0; i <= ROUTE_TLSA_MAX; i++)
        snprintf(strchr(line[1], '\0'), 64, " 311%c", 'A' + i);
    zone_run(&run, &z, "d.example", false);
    assert_string_equal(dump(&run.route), HOST "secure secure tlsa-error 192.0.2.1");
}

/* Each of 50 hosts has as much as one may have: what does not fit is an error of those hosts alone. */
static void whole_route(void **state)
{
    struct zone z = { { 0 } };
    unsigned usable = 0, failed = 0;

    (void)state;
    form(0, D "MX secure");
    for (unsigned i = 0; i < ROUTE_HOSTS_MAX; i++) {
        snprintf(strchr(line[0], '\0'), 64, " 10/mx%u.d.example", i);
        form(1 + 2 * i, "mx%u.d.example A secure", i);
        for (unsigned k = 0; k < ROUTE_ADDRESSES_MAX; k++)
            snprintf(strchr(line[1 + 2 * i], '\0'), 64, " 192.0.2.%u", k);
        form(2 + 2 * i, "_25._tcp.mx%u.d.example TLSA secure", i);
        for (unsigned k = 0; k < ROUTE_TLSA_MAX; k++)
            snprintf(strchr(line[2 + 2 * i], '\0'), 64, " 312%c", 'A' + k);
    }
    for (unsigned i = 0; i <= 2 * ROUTE_HOSTS_MAX; i++)
        z.line[i] = line[i];
    zone_run(&run, &z, "d.example", false);
    for (unsigned i = 0; i < ROUTE_HOSTS_MAX; i++) {
        const struct route_host *h = &run.route.host[i];

        usable += h->tlsa == TLSA_USABLE && h->n_tlsa == ROUTE_TLSA_MAX;
        failed += h->trust[0] == TRUST_ERROR && h->n_address == 0;
        assert_true(h->tlsa == TLSA_USABLE || h->tlsa == TLSA_ERROR);
        assert_true(h->n_address == ROUTE_ADDRESSES_MAX || h->trust[0] == TRUST_ERROR);
    }
    assert_int_equal(usable, ROUTE_TLSA_ALL / ROUTE_TLSA_MAX);
    assert_int_equal(failed, ROUTE_HOSTS_MAX - ROUTE_ADDRESSES_ALL / ROUTE_ADDRESSES_MAX);
    assert_int_equal(route_check(&run.route, run.route.size), OK);
}

static void long_names(void **state)
{
    static const char label[] = "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-0123456.";
    struct zone z = { { line[0], line[1] } };

    (void)state;
    form(0, D "MX secure 10/%s%s%s%s", label, label, label,
         "abcdefghijklmnopqrstuvwxyz-012345678.abcdefghijklmnopqrstuv");
    form(1, "%s A secure 192.0.2.1", strchr(line[0], '/') + 1);
    zone_run(&run, &z, "d.example", false);
    assert_int_equal(run.route.n_host, 1);
    assert_int_equal(run.route.host[0].name.n, 245);
    assert_int_equal(run.route.host[0].tlsa, TLSA_ERROR); /* _25._tcp. and 245 are no name: nothing could be asked */
}

/* ---- route_check: what another process sends */

static void check_refuses(void **state)
{
    static const struct zone z = { { MX1, A1, TLSA1 "secure 311" } };
    struct route *r = &run.route;
    struct route good;

    (void)state;
    zone_run(&run, &z, "d.example", false);
    good = *r;
#define BAD(what)                                                                                                      \
    do {                                                                                                               \
        what;                                                                                                          \
        assert_int_equal(route_check(r, good.size), MALFORMED);                                                        \
        *r = good;                                                                                                     \
    } while (0)
    BAD(r->size++);
    BAD(r->pool_used++);
    BAD(r->mx = 9);
    BAD(r->mx_trust = 9);
    BAD(r->mx_trust = TRUST_BOGUS);
    BAD(r->mx = ROUTE_MX_NULL);
    BAD(r->timeout = 2);
    BAD(r->anchored = 2);
    BAD(r->clock = 3);
    BAD(r->incomplete = 2);
    BAD(r->n_host = ROUTE_HOSTS_MAX + 1);
    BAD(r->n_address = ROUTE_ADDRESSES_ALL + 1);
    BAD(r->n_record = ROUTE_TLSA_ALL + 1);
    BAD(r->host[0].name.at = r->pool_used);
    BAD(r->host[0].name.n = 0);
    BAD(r->host[0].base.n = UINT16_MAX);
    BAD(r->pool[r->host[0].name.at] = '\0');
    BAD(r->pool[r->host[0].name.at] = 'M');
    BAD(r->host[0].tlsa = 9);
    BAD(r->host[0].tlsa = TLSA_NONE);
    BAD(r->host[0].trust[1] = 9);
    BAD(r->host[0].address = 1);
    BAD(r->host[0].n_address = 2);
    BAD(r->host[0].tlsa_at = 1);
    BAD(r->host[0].n_tlsa = 2);
    BAD(r->host[0].n_tlsa = 0);
    BAD(r->address[0].trust = TRUST_BOGUS);
    BAD(r->record[0].data.n = UINT16_MAX);
    BAD(r->expanded.n = UINT16_MAX);
    assert_int_equal(route_check(r, good.size), OK);
    assert_int_equal(route_check(r, good.size - 1U), MALFORMED);
    assert_int_equal(route_check(r, 4), MALFORMED);
}

static void failed_route(void **state)
{
    (void)state;
    route_failed(&run.route, TRUST_ERROR, true);
    assert_int_equal(route_check(&run.route, run.route.size), OK);
    assert_string_equal(dump(&run.route), "failed error timeout");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clauses),       cmocka_unit_test(ttl),          cmocka_unit_test(fifty_hosts),
        cmocka_unit_test(many_records),  cmocka_unit_test(whole_route),  cmocka_unit_test(long_names),
        cmocka_unit_test(check_refuses), cmocka_unit_test(failed_route),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
