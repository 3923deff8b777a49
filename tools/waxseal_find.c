#include "waxseal_find.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "io/sealed.h"
#include "role/ground.h"
#include "role/privs.h"
#include "role/routes.h"

enum {
    GROUND_WAIT_MS = 20000, /* several tries at the root; the route is bounded by `decision` */
    GROUND_LOOK_MS = 50
};

struct search {
    const char *who;
    struct loop *loop;
    struct routes *routes;
    struct timer timer; /* until there is ground */
    struct mono since;
    const struct hostname *domain;
    uint16_t port;
    bool is_host;
    struct route *route;
    bool found;
};

static struct route *copy_of(const struct route *r)
{
    struct route *const copy = malloc(r->size);

    return copy == NULL ? NULL : memcpy(copy, r, r->size);
}

static void on_route(void *owner, const struct route *r)
{
    struct search *const s = owner;

    if (r == NULL) /* from routes_free */
        return;
    s->route = copy_of(r);
    s->found = s->route != NULL;
    loop_stop(s->loop);
}

static void give_up(struct search *s, const struct ground *g, const char *why)
{
    struct route *const none = malloc(sizeof *none);

    fprintf(stderr, "waxseal %s: %s\n", s->who, why);
    if (none != NULL) {
        route_failed(none, TRUST_ERROR, false);
        none->anchored = g->anchored;
        none->clock = (uint8_t)g->clock;
        s->route = copy_of(none);
    }
    free(none);
    loop_stop(s->loop);
}

/* Asked before the root is validated, a route would be given up in less time than a first start may take. */
static void look_at_ground(void *owner)
{
    struct search *const s = owner;
    const struct ground *const g = routes_ground(s->routes);

    if (ground_is_firm(g))
        routes_ask(s->routes, s->domain, s->port, s->is_host, on_route, s);
    else if (g->clock == CLOCK_UNSYNCED)
        give_up(s, g, "the clock cannot be believed, so no signature can");
    else if (clock_mono().ms - s->since.ms >= GROUND_WAIT_MS)
        give_up(s, g, "the DNS root could not be validated, so nothing is believed");
    else
        timer_set(&s->timer, GROUND_LOOK_MS);
}

static void on_line(void *who, int priority, const char *line)
{
    const struct search *const s = who;

    if (priority <= LOG_WARNING)
        fprintf(stderr, "waxseal %s: %s\n", s->who, line);
}

enum rc find_route(const char *who, const struct config *config, const struct hostname *domain, uint16_t port,
                   bool is_host, struct route **out)
{
    struct search s = { .who = who, .since = clock_mono(), .domain = domain, .port = port, .is_host = is_host };

    (void)signal(SIGPIPE, SIG_IGN); /* DNS over TCP: a closed connection is an answer */
    s.loop = loop_new();
    s.routes = s.loop == NULL ? NULL : routes_new(s.loop, config, on_line, &s);
    if (s.routes != NULL) {
        timer_init(&s.timer, s.loop, look_at_ground, &s);
        timer_set(&s.timer, 0);
        if (loop_run(s.loop) != OK)
            fprintf(stderr, "waxseal %s: the event loop failed\n", who);
        timer_cancel(&s.timer);
    }
    routes_free(s.routes);
    loop_free(s.loop);
    *out = s.route;
    return s.found ? OK : FAILED;
}

enum rc find_roots(const char *who, const struct config *config, struct material **out)
{
    int memory;

    *out = NULL;
    if (!site_needs_roots(&config->site))
        return OK;
    memory = sealed_new("waxseal-material");
    if (memory >= 0 && material_load(config, memory, stderr) == OK && sealed_shut(memory) == OK)
        *out = material_open(memory);
    if (memory >= 0)
        (void)close(memory);
    if (*out == NULL)
        fprintf(stderr, "waxseal %s: no public roots to judge by\n", who);
    return *out == NULL ? FAILED : OK;
}

struct config *find_config(const char *who, const char *path)
{
    struct config *const config = malloc(sizeof *config);

    (void)clearenv(); /* the configuration's reader expands ${VAR} */
    if (config == NULL)
        fprintf(stderr, "waxseal %s: out of memory\n", who);
    else if (config_load(path == NULL ? CONFIG_PATH : path, config, stderr) == OK)
        return config;
    free(config);
    return NULL;
}

struct config *find_config_drop(const char *who, const char *path)
{
    struct config *const config = find_config(who, path);

    if (config == NULL || privs_tool(config->user) == OK)
        return config;
    fprintf(stderr, "waxseal %s: cannot become %s: %s\n", who, config->user, strerror(errno));
    free(config);
    return NULL;
}

static const char *wrong_with(const char *text, const struct hostname *name)
{
    if (text[0] == '[')
        return "an address literal has no route to look for: DANE does not apply to it, and the default level counts";
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c > 127)
            return "write the name in A-labels (xn--...), as it stands in the mail";
    if (name == NULL)
        return "not a domain name";
    return hostname_is_numeric(name) ? "an address where a domain name belongs" : NULL;
}

enum rc find_domain(const char *who, const char *text, struct hostname *out)
{
    const bool is_name = hostname_parse(span_str(text), out) == OK;
    const char *const wrong = wrong_with(text, is_name ? out : NULL);

    if (wrong != NULL)
        fprintf(stderr, "waxseal %s: %s\n", who, wrong);
    return wrong == NULL ? OK : MALFORMED;
}
