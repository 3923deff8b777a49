/* route_dump - a route as one line, so that tests can say what they want in words. */
#ifndef TESTS_ROUTE_DUMP_H
#define TESTS_ROUTE_DUMP_H

#include "dane/route.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char dump_text[65536];

static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void say(const char *fmt, ...)
{
    va_list args;
    const size_t at = strlen(dump_text);

    va_start(args, fmt);
    vsnprintf(dump_text + at, sizeof dump_text - at, fmt, args);
    va_end(args);
}

static void say_text(const struct route *r, const char *before, struct route_text t)
{
    const struct span s = route_text(r, t);

    say("%s%.*s", before, (int)s.n, (const char *)s.p);
}

/* A route as one line: `list secure | HOST A-trust AAAA-trust tlsa[n] [base] ADDRESS…`. */
static const char *dump(const struct route *r)
{
    static const char *const mx[] = { "list", "implicit", "null", "no-domain", "failed" };
    static const char *const trust[] = { "not-asked", "secure", "insecure", "bogus", "error" };
    static const char *const tlsa[] = { "not-asked", "none", "unusable", "usable", "tlsa-error" };

    dump_text[0] = '\0';
    say("%s %s", mx[r->mx], trust[r->mx_trust]);
    if (r->expanded.n > 0)
        say_text(r, " =", r->expanded);
    say("%s%s", r->incomplete ? " incomplete" : "", r->timeout ? " timeout" : "");
    for (unsigned i = 0; i < r->n_host; i++) {
        const struct route_host *h = &r->host[i];

        say_text(r, " | ", h->name);
        say(" %s %s %s", trust[h->trust[0]], trust[h->trust[1]], tlsa[h->tlsa]);
        for (unsigned k = 0; k < h->n_tlsa; k++)
            say(" %u%u%u", r->record[h->tlsa_at + k].usage, r->record[h->tlsa_at + k].selector,
                r->record[h->tlsa_at + k].match);
        if (!span_eq(route_text(r, h->name), route_text(r, h->base)))
            say_text(r, " base=", h->base);
        for (unsigned k = 0; k < h->n_address; k++) {
            char ip[IP_TEXT_MAX];

            ip_text(&r->address[h->address + k].ip, ip);
            say(" %s%s", ip, r->address[h->address + k].trust == TRUST_SECURE ? "" : "?");
        }
    }
    return dump_text;
}

#endif
