/*
 * Whether what is published accepts a certificate, before it is served: the daemon's own search for the route and its
 * own match, in this process and without a daemon.                                            RFC 7671 8.1, RFC 7672 2
 */
#include "waxseal.h"
#include "waxseal_find.h"
#include "waxseal_pem.h"
#include "waxseal_report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "cert/cert.h"
#include "dane/candidates.h"

enum { /* exit status */
    CHECK_ACCEPTED = 0,
    CHECK_REFUSED = 1, /* or could not be found out */
    CHECK_NOTHING = 2, /* published that could refuse it; usage too */
    CHECK_MALFORMED = 64,
};

struct check {
    struct hostname domain;
    struct pem_file chain;
};

/* ---- what is said of it ---- */

/* One line; false: it would refuse, or that is unknown. *binding: its TLSA records must match. */
static bool host_accepts(const struct check *c, const struct route *r, unsigned i, bool *binding)
{
    static const char *const family[] = { "a", "aaaa" };
    const struct route_host *h = &r->host[i];
    const struct candidates only = { .n = 1, .host = { (uint8_t)i } };
    bool accepts = h->tlsa != TLSA_ERROR;
    char name[HOSTNAME_MAX + 2];

    text_printable(route_text(r, h->name), name, sizeof name);
    printf("host=%s tlsa=%s", name, report_tlsa(h->tlsa));
    if (h->tlsa == TLSA_USABLE) {
        struct tlsa record;
        unsigned which;
        const struct match_answer a = candidates_match(r, &only, hostname_span(&c->domain), c->chain.certs, c->chain.n,
                                                       clock_wall(), &which, &record);

        *binding = true;
        accepts = a.result == MATCH_YES;
        putchar(' ');
        dane_tell(&a);
    }
    for (unsigned f = 0; f < 2; f++)
        if (h->trust[f] >= TRUST_BOGUS) { /* mail cannot find the host, whatever its records say */
            printf(" %s=%s", family[f], report_trust(h->trust[f]));
            accepts = false;
        }
    putchar('\n');
    return accepts;
}

static int judge(const struct check *c, const struct route *r)
{
    static const char *const mx_word[] = { "list", "implicit", "null", "no-domain", "failed" };
    bool accepted = r->mx != ROUTE_FAILED && !r->incomplete, binding = false;

    printf("domain=%s mx=%s trust=%s%s%s\n", c->domain.s, mx_word[r->mx], report_trust(r->mx_trust),
           r->incomplete ? " incomplete=yes" : "", r->timeout ? " timeout=yes" : "");
    for (unsigned i = 0; i < r->n_host; i++)
        accepted = host_accepts(c, r, i, &binding) && accepted;
    return !accepted ? CHECK_REFUSED : binding ? CHECK_ACCEPTED : CHECK_NOTHING;
}

/* A record of its very bytes would match a leaf that cannot be read; to rotate to one is a mistake all the same. */
static enum rc read_chain(const char *path, struct pem_file *chain)
{
    struct cert leaf;
    const enum rc rc = pem_read(path, chain);

    if (rc != OK || cert_read(chain->certs[0], &leaf) != MALFORMED)
        return rc;
    fprintf(stderr, "waxseal dane check: %s: its first certificate cannot be read\n", path);
    pem_free(chain);
    return MALFORMED;
}

int dane_check(const char *config_path, int argc, char **argv)
{
    struct check c = { 0 };
    struct config *config;
    struct route *route = NULL;
    int status = CHECK_REFUSED;

    if (argc != 3 || find_domain("dane check", argv[2], &c.domain) != OK) {
        fputs("usage: waxseal [-c FILE] dane check CERT DOMAIN (A-labels, no address)\n", stderr);
        return CHECK_NOTHING;
    }
    if (read_chain(argv[1], &c.chain) != OK)
        return CHECK_MALFORMED;
    config = find_config_drop("dane check", config_path);
    if (config != NULL && find_route("dane check", config, &c.domain, SMTP_PORT, false, &route) == OK)
        status = judge(&c, route);
    free(route);
    free(config);
    pem_free(&c.chain);
    return status;
}
