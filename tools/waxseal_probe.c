/*
 * waxseal probe: what would become of mail to this domain, at each address of each MX host? waxseal_visit.h goes there.
 */
#include "waxseal.h"
#include "waxseal_facts.h"
#include "waxseal_find.h"
#include "waxseal_memory.h"
#include "waxseal_report.h"
#include "waxseal_visit.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    VISITS_MAX = 20, /* addresses; Postfix itself tries 5 (smtp_mx_address_limit) */
};

struct probe {
    const struct config *config;
    struct hostname domain;
    struct route *route;
    unsigned visits, well, refused;
};

static void address_words(const cJSON *a)
{
    report_outcome_words("    ", a);
    if (cJSON_HasObjectItem(a, "said"))
        printf("    it said: %s\n", report_text(a, "said"));
    if (cJSON_HasObjectItem(a, "would"))
        printf("    it would be refused: %s\n", report_text(a, "would"));
    if (cJSON_HasObjectItem(a, "record"))
        printf("    %s: TLSA %s\n", report_text(a, "host"), report_text(a, "record"));
    if (cJSON_HasObjectItem(a, "tls"))
        printf("    %s %s, SNI %s\n", report_text(a, "tls"), report_text(a, "cipher"), report_text(a, "sni"));
}

static void words(const cJSON *root)
{
    report_route_words(root, address_words);
    memory_words(root);
    if (cJSON_HasObjectItem(root, "outcome"))
        report_outcome_words("", root);
}

static void visit_all(struct probe *p, struct visitor *visitor, cJSON *root)
{
    for (unsigned i = 0; i < p->route->n_host; i++) {
        const struct route_host *const h = &p->route->host[i];

        for (unsigned k = 0; k < h->n_address; k++) {
            const struct ip *const ip = &p->route->address[h->address + k].ip;
            cJSON *const told = report_address(root, i, k);

            if (p->visits == VISITS_MAX) {
                report_unreachable(told, "not visited: there are too many addresses");
                continue;
            }
            const enum visited came = visitor_visit(visitor, ip, told);

            p->visits += came != VISITED_NOT;
            p->well += came == VISITED_WELL;
            p->refused += came == VISITED_REFUSED;
        }
    }
}

/* Nobody to visit: what a client would hear that connects somewhere all the same. */
static void tell_route(struct probe *p, cJSON *root)
{
    const struct ip nowhere = { { 0 } };
    const struct why_about about = { .domain = hostname_span(&p->domain) };
    char reply[WHY_REPLY_MAX];
    struct prospect then;

    if (prospect_open(&then, p->config, &p->domain, &nowhere) != OK)
        return;
    prospect_judge(&then, p->route);
    if (then.verdict.act == ACT_REFUSE)
        report_refused(root, then.verdict.why,
                       span_of(reply, why_reply(451, then.verdict.why, &about, reply, sizeof reply)));
    else
        report_unreachable(root, p->route->mx == ROUTE_NO_DOMAIN ? "there is no such domain"
                                 : p->route->mx == ROUTE_MX_NULL
                                     ? "the domain says that it takes no mail"
                                     : "no MX host has an address that may be connected to");
    prospect_close(&then);
}

static int probe(struct probe *p, bool json)
{
    const bool known = find_route("probe", p->config, &p->domain, SMTP_PORT, false, &p->route) == OK;
    struct visitor *const visitor = p->route == NULL ? NULL : visitor_new(p->config, &p->domain, p->route);
    bool whole = false;

    if (p->route != NULL && visitor == NULL)
        fputs("waxseal probe: it cannot be tried\n", stderr);
    if (visitor != NULL) {
        cJSON *const root =
            report_new(p->config, &p->domain, (enum level)site_policy(&p->config->site, &p->domain)->level, p->route);

        memory_add(root, p->config, &p->domain);
        visit_all(p, visitor, root);
        if (p->visits == 0)
            tell_route(p, root);
        whole = report_print(root, json, words);
    }
    if (visitor != NULL && !whole)
        fputs("waxseal probe: out of memory\n", stderr);
    visitor_free(visitor);
    free(p->route);
    return known && whole && p->well > 0 && p->refused == 0 ? EXIT_WELL : EXIT_NOT_WELL;
}

int waxseal_probe(const char *config_path, int argc, char **argv)
{
    const bool json = argc == 3 && strcmp(argv[1], "--json") == 0;
    struct probe p = { 0 };
    struct config *config;
    int status = EXIT_NOT_WELL;

    if ((argc != 2 && !json) || find_domain("probe", argv[argc - 1], &p.domain) != OK) {
        fputs("usage: waxseal [-c FILE] probe [--json] DOMAIN\n", stderr);
        return EXIT_USAGE;
    }
    config = find_config_drop("probe", config_path);
    p.config = config;
    if (config != NULL)
        status = probe(&p, json);
    free(config);
    return status;
}
