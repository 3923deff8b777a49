/*
 * routes ANCHOR HINTS FORWARD DOMAIN… - the routes to these domains as the resolver role finds them out, a line each.
 * FORWARD is ADDRESS@PORT, or - to recurse. Exits 3 where the anchors are refused. As in the role, files and system
 * calls are shut off behind the start; then a changed configuration makes a fresh context.
 */
#include "role/routes.h"
#include "role/privs.h"

#include "route_dump.h"

#include <stdlib.h>

#ifndef SANITIZED
#define SANITIZED 0 /* 1: the leak checker wants more than a resolver may do */
#endif

static struct loop *loop;
static int waiting;

static void on_line(void *who, int priority, const char *line)
{
    if (who != &loop) /* whoever gets the line uses that pointer */
        exit(5);
    fprintf(stderr, "<%d> %s\n", priority, line);
}

static void on_route(void *owner, const struct route *r)
{
    if (r == NULL)
        return;
    if (route_check(r, r->size) != OK)
        printf("%s: not a route\n", (const char *)owner);
    else if (!r->anchored)
        printf("%s: no anchor\n", (const char *)owner);
    else
        printf("%s: %s\n", (const char *)owner, dump(r));
    if (--waiting == 0)
        loop_stop(loop);
}

int main(int argc, char **argv)
{
    static struct config config;
    struct routes *routes;
    unsigned landlock;

    if (argc < 5)
        return 2;
    snprintf(config.trust_anchor, sizeof config.trust_anchor, "%s", argv[1]);
    snprintf(config.root_hints, sizeof config.root_hints, "%s", argv[2]);
    config.trust_anchor_configured = true;
    config.decision_s = 25;
    if (strcmp(argv[3], "-") != 0) {
        char *at = strchr(argv[3], '@');

        if (at == NULL || ip_parse(span_of(argv[3], (size_t)(at - argv[3])), &config.forward.at[0].ip) != OK)
            return 2;
        config.forward.at[0].port = (uint16_t)atoi(at + 1);
        config.forward.n = 1;
    }
    loop = loop_new();
    routes = routes_new(loop, &config, on_line, &loop);
    if (routes == NULL) {
        loop_free(loop);
        return 3;
    }
    if (!SANITIZED && privs_confine(ROLE_RESOLVER, &config, &landlock) != OK)
        return 4;
    config.forward.n = 1 - config.forward.n;
    routes_config(routes, &config);
    config.forward.n = 1 - config.forward.n;
    routes_config(routes, &config);
    waiting = argc - 4;
    for (int i = 4; i < argc; i++) {
        struct hostname domain;

        if (hostname_parse(span_str(argv[i]), &domain) != OK)
            return 2;
        routes_ask(routes, &domain, 25, false, on_route, argv[i]);
    }
    if (waiting > 0 && loop_run(loop) != OK)
        return 1;
    routes_free(routes);
    loop_free(loop);
    return 0;
}
