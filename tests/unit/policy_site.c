/* policy/site: exact domain before the longest parent before the default (INTERFACES.md 'Precedence'). R3 R9 R57 */
#include "policy/site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct site site;

static void add(const char *domain, bool parent, enum level level)
{
    struct site_entry *e = &site.entry[site.n++];

    assert_int_equal(hostname_parse(span_str(domain), &e->domain), OK);
    e->parent = parent;
    e->policy.level = (uint8_t)level;
}

static void precedence(void **state)
{
    static const struct {
        const char *domain;
        enum level want;
    } cases[] = {
        { "example.org", LEVEL_DANE_ONLY },    { "EXAMPLE.ORG.", LEVEL_DANE_ONLY },
        { "a.example.org", LEVEL_ENCRYPT },    { "b.a.example.org", LEVEL_MAY },
        { "c.b.a.example.org", LEVEL_MAY },    { "x.a.example.org", LEVEL_MAY },
        { "notexample.org", LEVEL_DANE },      { "org", LEVEL_DANE },
        { "example.net", LEVEL_DANE },         { "x.exact.a.example.org", LEVEL_MAY },
        { "exact.a.example.org", LEVEL_NONE },
    };
    struct hostname h;

    (void)state;
    site.fallback.level = LEVEL_DANE;
    add("a.example.org", true, LEVEL_MAY);
    add("example.org", true, LEVEL_ENCRYPT);
    add("example.org", false, LEVEL_DANE_ONLY);
    add("exact.a.example.org", false, LEVEL_NONE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(hostname_parse(span_str(cases[i].domain), &h), OK);
        assert_int_equal(site_policy(&site, &h)->level, cases[i].want);
    }
    assert_int_equal(site_policy(&site, NULL)->level, LEVEL_DANE);
}

static void empty_site(void **state)
{
    static struct site empty;
    struct hostname h;

    (void)state;
    empty.fallback.level = LEVEL_ENCRYPT;
    assert_int_equal(hostname_parse(SPAN("example.org"), &h), OK);
    assert_int_equal(site_policy(&empty, &h)->level, LEVEL_ENCRYPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(precedence), cmocka_unit_test(empty_site) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
