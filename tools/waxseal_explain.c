/*
 * waxseal explain: why would mail for this domain be sealed or refused at this address? Every fact and the verdict,
 * from the session's own code, and what it would make of each thing that the server may then do. Nobody is connected to
 * but name servers.
 */
#include "waxseal.h"
#include "waxseal_facts.h"
#include "waxseal_find.h"
#include "waxseal_memory.h"
#include "waxseal_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct explain {
    const struct config *config;
    struct hostname domain;
    struct ip address;
    struct route *route;
};

/* ---- what a server may do, as facts ---- */

static void matches(struct facts *f)
{
    f->offer = OFFER_MADE;
    f->handshake = HANDSHAKE_DONE;
    f->modern = true;
    f->matched = MATCHED_YES;
    f->mismatch = WHY_NONE;
}

static void matches_not(struct facts *f)
{
    matches(f);
    f->matched = MATCHED_NO;
    f->mismatch = level_names_peer(f->level) ? WHY_VALIDATION_FAILURE : WHY_TLSA_INVALID;
}

static void offers_not(struct facts *f)
{
    f->offer = OFFER_NONE;
}

static void refuses(struct facts *f)
{
    f->offer = OFFER_REFUSED;
}

static void fails(struct facts *f)
{
    f->handshake = HANDSHAKE_FAILED; /* and that connection is gone */
}

static const struct {
    const char *key, *words;
    void (*happen)(struct facts *f);
    enum {
        ALWAYS,
        JUDGED,
        NOT_JUDGED
    } when; /* a certificate is judged only where there are usable records */
} cases[] = {
    { "matched", "its certificate matches", matches, JUDGED },
    { "not-matched", "its certificate does not match", matches_not, JUDGED },
    { "tls", "TLS comes about", matches_not, NOT_JUDGED },
    { "no-starttls", "it does not offer STARTTLS", offers_not, ALWAYS },
    { "starttls-refused", "it refuses STARTTLS", refuses, ALWAYS },
    { "handshake-failed", "the handshake fails", fails, ALWAYS },
};

static void add_refusal(cJSON *to, const struct prospect *p, enum why why)
{
    char reply[WHY_REPLY_MAX];
    const size_t n = session_reply(p->session, 451, why, p->ask, span_of(NULL, 0), reply);

    report_refused(to, why, span_of(reply, n));
}

static void add_case(cJSON *to, const struct prospect *p, size_t i)
{
    struct facts f = p->facts;
    struct verdict v;

    cases[i].happen(&f);
    v = decide(&f);
    if (v.act == ACT_REFUSE) {
        add_refusal(to, p, v.why);
    } else if (v.act == ACT_SEND) {
        report_sent(to, v.grade, v.would ? "observe mode: it would be refused" : "it is sent");
        if (v.would)
            (void)cJSON_AddStringToObject(to, "would", why_word(v.why));
    } else {
        report_sent(to, GRADE_CLEARTEXT, "it is sent on a fresh connection");
    }
}

static void add_cases(cJSON *root, const struct prospect *p)
{
    const bool judged = p->facts.tlsa == TLSA_USABLE || level_names_peer(p->facts.level);
    cJSON *const all = cJSON_AddObjectToObject(root, "if");

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (cases[i].when != (judged ? NOT_JUDGED : JUDGED))
            add_case(cJSON_AddObjectToObject(all, cases[i].key), p, i);
}

/* ---- the facts ---- */

static void add_candidates(cJSON *root, const struct prospect *p)
{
    static const char *const found[] = {
        [FOUND_NOT_ASKED] = "not-asked", [FOUND_FAILED] = "failed",     [FOUND_NULL] = "null",
        [FOUND_NO_DOMAIN] = "no-domain", [FOUND_SECURE] = "secure",     [FOUND_INSECURE] = "insecure",
        [FOUND_MAYBE] = "maybe",         [FOUND_UNLISTED] = "unlisted",
    };
    const struct route *const r = p->ask->route;
    cJSON *list;

    (void)cJSON_AddStringToObject(root, "found", found[p->facts.found]);
    list = cJSON_AddArrayToObject(root, "candidates");
    for (unsigned i = 0; r != NULL && i < p->ask->candidates.n; i++) {
        char name[HOSTNAME_MAX + 1];

        text_printable(route_text(r, r->host[p->ask->candidates.host[i]].name), name, sizeof name);
        (void)cJSON_AddItemToArray(list, cJSON_CreateString(name));
    }
    (void)cJSON_AddStringToObject(root, "tlsa", report_tlsa(p->facts.tlsa));
    (void)cJSON_AddBoolToObject(root, "tlsa-error", p->facts.tlsa_error);
    (void)cJSON_AddBoolToObject(root, "tlsa-less-insecure", p->facts.tlsaless_insecure);
}

static void add_verdict(cJSON *root, const struct prospect *p)
{
    if (p->verdict.act == ACT_REFUSE) {
        (void)cJSON_AddStringToObject(root, "act", "refuse");
        add_refusal(root, p, p->verdict.why);
        return;
    }
    (void)cJSON_AddStringToObject(root, "act", p->verdict.act == ACT_SEND ? "send" : "upgrade");
    if (p->verdict.would)
        (void)cJSON_AddStringToObject(root, "would", why_word(p->verdict.why));
    if (p->verdict.act == ACT_SEND)
        return;
    report_add(root, "sni", asks_sni(p->session, p->ask));
    (void)cJSON_AddStringToObject(root, "tls-floor", asks_floor(p->ask) == TLS_FLOOR_1_2 ? "TLSv1.2" : "any");
    add_cases(root, p);
}

/* ---- in words ---- */

static void candidate_words(const cJSON *root)
{
    const cJSON *each, *const list = cJSON_GetObjectItemCaseSensitive(root, "candidates");

    printf("%s: ", report_text(root, "address"));
    printf("lookup of the host %s", report_text(root, "found"));
    cJSON_ArrayForEach(each, list)
        printf("%s %s", each == list->child ? ", it may be" : ",", cJSON_GetStringValue(each));
    printf("; TLSA %s%s%s\n", report_text(root, "tlsa"),
           cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "tlsa-error")) ? ", a lookup of them failed" : "",
           cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "tlsa-less-insecure"))
               ? ", a host without them has insecure addresses"
               : "");
}

static void words(const cJSON *root)
{
    const cJSON *const all = cJSON_GetObjectItemCaseSensitive(root, "if");

    report_route_words(root, NULL);
    candidate_words(root);
    memory_words(root);
    if (cJSON_HasObjectItem(root, "outcome")) {
        report_outcome_words("verdict: ", root);
        return;
    }
    printf("verdict: %s", report_text(root, "act"));
    if (all != NULL)
        printf(", %s TLS, SNI %s", strcmp(report_text(root, "tls-floor"), "any") == 0 ? "any" : "1.2 or newer",
               report_text(root, "sni"));
    if (cJSON_HasObjectItem(root, "would"))
        printf("; outside observe mode refused: %s", report_text(root, "would"));
    putchar('\n');
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const cJSON *const one = cJSON_GetObjectItemCaseSensitive(all, cases[i].key);

        if (one != NULL) {
            printf("  if %s:\n", cases[i].words);
            report_outcome_words("    ", one);
        }
    }
}

/* ---- the command ---- */

/* The route that the level asks for; false: it could not be found out, and e->route then says why, or is NULL. */
static bool find(struct explain *e, const struct prospect *p)
{
    return !p->wants_route ||
           find_route("explain", e->config, &p->wanted, p->session->server_port, p->is_host, &e->route) == OK;
}

static cJSON *report(const struct explain *e, const struct prospect *p)
{
    cJSON *const root = report_new(e->config, &e->domain, p->ask->level, e->route);
    char address[IP_TEXT_MAX];

    ip_text(&e->address, address);
    (void)cJSON_AddStringToObject(root, "address", address);
    if (p->is_host)
        report_add(root, "smarthost", hostname_span(&p->wanted));
    memory_add(root, e->config, &e->domain);
    add_candidates(root, p);
    add_verdict(root, p);
    return root;
}

static int explain(struct explain *e, bool json)
{
    struct prospect p;
    bool known, goes, whole;

    if (prospect_open(&p, e->config, &e->domain, &e->address) != OK) {
        fputs("waxseal explain: out of memory\n", stderr);
        return EXIT_NOT_WELL;
    }
    known = find(e, &p);
    prospect_judge(&p, e->route);
    goes = p.verdict.act != ACT_REFUSE && !p.verdict.would;
    whole = report_print(report(e, &p), json, words);
    prospect_close(&p);
    if (!whole)
        fputs("waxseal explain: out of memory\n", stderr);
    return known && goes && whole ? EXIT_WELL : EXIT_NOT_WELL;
}

int waxseal_explain(const char *config_path, int argc, char **argv)
{
    const bool json = argc == 4 && strcmp(argv[1], "--json") == 0;
    struct explain e = { 0 };
    struct config *config;
    int status = EXIT_NOT_WELL;

    if ((argc != 3 && !json) || find_domain("explain", argv[argc - 2], &e.domain) != OK ||
        ip_parse(span_str(argv[argc - 1]), &e.address) != OK) {
        fputs("usage: waxseal [-c FILE] explain [--json] DOMAIN ADDRESS\n", stderr);
        return EXIT_USAGE;
    }
    config = find_config_drop("explain", config_path);
    e.config = config;
    if (config != NULL)
        status = explain(&e, json);
    free(e.route);
    free(config);
    return status;
}
