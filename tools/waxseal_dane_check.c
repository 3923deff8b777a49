/*
 * Whether what is published accepts a certificate, before it is served: the daemon's own search for the route and its
 * own match, in this process and without a daemon.                                            RFC 7671 8.1, RFC 7672 2
 */
#include "waxseal.h"
#include "waxseal_pem.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/text.h"
#include "cert/cert.h"
#include "dane/candidates.h"
#include "role/ground.h"
#include "role/routes.h"
#include "smtp/hostname.h"

enum { /* exit status */
    CHECK_ACCEPTED = 0,
    CHECK_REFUSED = 1, /* or could not be found out */
    CHECK_NOTHING = 2, /* published that could refuse it; usage too */
    CHECK_MALFORMED = 64,
};

enum {
    SMTP_PORT = 25,
    GROUND_WAIT_MS = 20000, /* several tries at the root; the route is bounded by `decision` */
    GROUND_LOOK_MS = 50
};

struct check {
    struct loop *loop;
    struct routes *routes;
    struct timer timer; /* until there is ground */
    struct mono since;
    struct hostname domain;
    struct pem_file chain;
    int status;
};

static const char *const trust_word[] = { "not-asked", "secure", "insecure", "bogus", "error" };

/* ---- what is said of it ---- */

/* One line; false: it would refuse, or that is unknown. *binding: its TLSA records must match. */
static bool host_accepts(const struct check *c, const struct route *r, unsigned i, bool *binding)
{
    static const char *const tlsa_word[] = { "not-asked", "none", "unusable", "usable", "error" };
    static const char *const family[] = { "a", "aaaa" };
    const struct route_host *h = &r->host[i];
    const struct candidates only = { .n = 1, .host = { (uint8_t)i } };
    bool accepts = h->tlsa != TLSA_ERROR;
    char name[HOSTNAME_MAX + 2];

    text_printable(route_text(r, h->name), name, sizeof name);
    printf("host=%s tlsa=%s", name, tlsa_word[h->tlsa]);
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
            printf(" %s=%s", family[f], trust_word[h->trust[f]]);
            accepts = false;
        }
    putchar('\n');
    return accepts;
}

static int judge(const struct check *c, const struct route *r)
{
    static const char *const mx_word[] = { "list", "implicit", "null", "no-domain", "failed" };
    bool accepted = r->mx != ROUTE_FAILED && !r->incomplete, binding = false;

    printf("domain=%s mx=%s trust=%s%s%s\n", c->domain.s, mx_word[r->mx], trust_word[r->mx_trust],
           r->incomplete ? " incomplete=yes" : "", r->timeout ? " timeout=yes" : "");
    for (unsigned i = 0; i < r->n_host; i++)
        accepted = host_accepts(c, r, i, &binding) && accepted;
    return !accepted ? CHECK_REFUSED : binding ? CHECK_ACCEPTED : CHECK_NOTHING;
}

/* ---- finding it out ---- */

static void on_route(void *owner, const struct route *r)
{
    struct check *c = owner;

    if (r == NULL) /* from routes_free */
        return;
    c->status = judge(c, r);
    loop_stop(c->loop);
}

/* Asked before the root is validated, a route would be given up in less time than a first start may take. */
static void look_at_ground(void *owner)
{
    struct check *c = owner;
    const struct ground *g = routes_ground(c->routes);

    if (ground_is_firm(g)) {
        routes_ask(c->routes, &c->domain, SMTP_PORT, false, on_route, c);
    } else if (g->clock == CLOCK_UNSYNCED) {
        fputs("waxseal dane check: the clock cannot be believed, so no signature can\n", stderr);
        loop_stop(c->loop);
    } else if (clock_mono().ms - c->since.ms >= GROUND_WAIT_MS) {
        fputs("waxseal dane check: the DNS root could not be validated, so nothing is believed\n", stderr);
        loop_stop(c->loop);
    } else {
        timer_set(&c->timer, GROUND_LOOK_MS);
    }
}

static void on_line(void *who, int priority, const char *line)
{
    (void)who;
    if (priority <= LOG_WARNING)
        fprintf(stderr, "waxseal dane check: %s\n", line);
}

static void find_out(struct check *c, const struct config *config)
{
    (void)signal(SIGPIPE, SIG_IGN); /* DNS over TCP: a closed connection is an answer */
    c->since = clock_mono();
    c->loop = loop_new();
    c->routes = c->loop == NULL ? NULL : routes_new(c->loop, config, on_line, NULL);
    if (c->routes != NULL) {
        timer_init(&c->timer, c->loop, look_at_ground, c);
        timer_set(&c->timer, 0);
        if (loop_run(c->loop) != OK)
            fputs("waxseal dane check: the event loop failed\n", stderr);
        timer_cancel(&c->timer);
    }
    routes_free(c->routes);
    loop_free(c->loop);
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
    struct check c = { .status = CHECK_REFUSED };
    struct config *config;

    if (argc != 3 || hostname_parse(span_str(argv[2]), &c.domain) != OK || hostname_is_numeric(&c.domain)) {
        fputs("usage: waxseal [-c FILE] dane check CERT DOMAIN (A-labels, no address)\n", stderr);
        return CHECK_NOTHING;
    }
    if (read_chain(argv[1], &c.chain) != OK)
        return CHECK_MALFORMED;
    clearenv(); /* the configuration's reader expands ${VAR} */
    config = malloc(sizeof *config);
    if (config == NULL)
        fputs("waxseal dane check: out of memory\n", stderr);
    else if (config_load(config_path == NULL ? CONFIG_PATH : config_path, config, stderr) == OK)
        find_out(&c, config);
    free(config);
    pem_free(&c.chain);
    return c.status;
}
