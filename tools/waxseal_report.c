#include "waxseal_report.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

const char *report_trust(unsigned trust)
{
    static const char *const words[] = { [TRUST_NOT_ASKED] = "not-asked",
                                         [TRUST_SECURE] = "secure",
                                         [TRUST_INSECURE] = "insecure",
                                         [TRUST_BOGUS] = "bogus",
                                         [TRUST_ERROR] = "error" };

    return words[trust];
}

const char *report_tlsa(unsigned state)
{
    static const char *const words[] = { [TLSA_NOT_ASKED] = "not-asked",
                                         [TLSA_NONE] = "none",
                                         [TLSA_UNUSABLE] = "unusable",
                                         [TLSA_USABLE] = "usable",
                                         [TLSA_ERROR] = "error" };

    return words[state];
}

/* ---- the object ---- */

void report_record(const struct tlsa *t, char out[REPORT_RECORD_MAX])
{
    static const char digits[] = "0123456789abcdef";
    const size_t whole = 64; /* SHA-512 */
    const size_t shown = t->data.n <= whole ? t->data.n : whole;
    int n = snprintf(out, REPORT_RECORD_MAX, "%d %d %d ", (int)t->usage, (int)t->selector, (int)t->match);

    for (size_t i = 0; i < shown; i++) {
        out[n++] = digits[t->data.p[i] >> 4];
        out[n++] = digits[t->data.p[i] & 15];
    }
    snprintf(out + n, REPORT_RECORD_MAX - (size_t)n, "%s", shown < t->data.n ? "..." : "");
}

void report_add(cJSON *to, const char *key, struct span text)
{
    char printable[WHY_REPLY_MAX];

    text_printable(text, printable, sizeof printable);
    if (printable[0] != '\0')
        (void)cJSON_AddStringToObject(to, key, printable);
}

static void add_mx(cJSON *root, const struct route *r)
{
    static const char *const words[] = { [ROUTE_MX_LIST] = "list",
                                         [ROUTE_MX_IMPLICIT] = "implicit",
                                         [ROUTE_MX_NULL] = "null",
                                         [ROUTE_NO_DOMAIN] = "no-domain",
                                         [ROUTE_FAILED] = "failed" };
    cJSON *const mx = cJSON_AddObjectToObject(root, "mx");

    (void)cJSON_AddStringToObject(mx, "answer", words[r->mx]);
    (void)cJSON_AddStringToObject(mx, "trust", report_trust(r->mx_trust));
    (void)cJSON_AddBoolToObject(mx, "incomplete", r->incomplete != 0);
    (void)cJSON_AddBoolToObject(mx, "timeout", r->timeout != 0);
    report_add(mx, "expanded", route_text(r, r->expanded));
}

static void add_host(cJSON *hosts, const struct route *r, const struct route_host *h)
{
    cJSON *const one = cJSON_CreateObject();
    cJSON *list;

    report_add(one, "host", route_text(r, h->name));
    (void)cJSON_AddNumberToObject(one, "preference", h->preference);
    (void)cJSON_AddStringToObject(one, "a", report_trust(h->trust[0]));
    (void)cJSON_AddStringToObject(one, "aaaa", report_trust(h->trust[1]));
    (void)cJSON_AddStringToObject(one, "tlsa", report_tlsa(h->tlsa));
    report_add(one, "base", route_text(r, h->base));
    list = cJSON_AddArrayToObject(one, "records");
    for (unsigned i = 0; i < h->n_tlsa; i++) {
        const struct route_tlsa *const t = &r->record[h->tlsa_at + i];
        const struct tlsa record = { (enum tlsa_usage)t->usage, (enum tlsa_selector)t->selector,
                                     (enum tlsa_match)t->match, route_text(r, t->data) };
        char text[REPORT_RECORD_MAX];

        report_record(&record, text);
        (void)cJSON_AddItemToArray(list, cJSON_CreateString(text));
    }
    list = cJSON_AddArrayToObject(one, "addresses");
    for (unsigned i = 0; i < h->n_address; i++) {
        const struct route_address *const a = &r->address[h->address + i];
        cJSON *const at = cJSON_CreateObject();
        char text[IP_TEXT_MAX];

        ip_text(&a->ip, text);
        (void)cJSON_AddStringToObject(at, "address", text);
        (void)cJSON_AddStringToObject(at, "trust", report_trust(a->trust));
        (void)cJSON_AddItemToArray(list, at);
    }
    (void)cJSON_AddItemToArray(hosts, one);
}

cJSON *report_new(const struct config *config, const struct hostname *domain, enum level level, const struct route *r)
{
    static const char *const clocks[] = {
        [CLOCK_UNSYNCED] = "unsynced", [CLOCK_ROUGH] = "rough", [CLOCK_SYNCED] = "synced"
    };
    cJSON *const root = cJSON_CreateObject();
    cJSON *hosts;

    report_add(root, "domain", hostname_span(domain));
    (void)cJSON_AddStringToObject(root, "level", level_name(level));
    (void)cJSON_AddBoolToObject(root, "enforce", config->enforce);
    if (r == NULL)
        return root;
    (void)cJSON_AddStringToObject(root, "clock", clocks[r->clock]);
    (void)cJSON_AddBoolToObject(root, "anchored", r->anchored != 0);
    add_mx(root, r);
    hosts = cJSON_AddArrayToObject(root, "hosts");
    for (unsigned i = 0; i < r->n_host; i++)
        add_host(hosts, r, &r->host[i]);
    return root;
}

cJSON *report_address(cJSON *root, unsigned host, unsigned address)
{
    const cJSON *const one = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, "hosts"), (int)host);

    return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(one, "addresses"), (int)address);
}

void report_sent(cJSON *to, enum grade grade, const char *explanation)
{
    static const char *const words[] = {
        [GRADE_CLEARTEXT] = "cleartext", [GRADE_ENCRYPTED] = "encrypted", [GRADE_VERIFIED] = "verified"
    };

    (void)cJSON_AddStringToObject(to, "outcome", words[grade]);
    (void)cJSON_AddStringToObject(to, "explanation", explanation);
}

void report_unreachable(cJSON *to, const char *explanation)
{
    (void)cJSON_AddStringToObject(to, "outcome", "unreachable");
    (void)cJSON_AddStringToObject(to, "explanation", explanation);
}

void report_refused(cJSON *to, enum why why, struct span reply)
{
    while (reply.n > 0 && (reply.p[reply.n - 1] == '\r' || reply.p[reply.n - 1] == '\n'))
        reply.n--;
    (void)cJSON_AddStringToObject(to, "outcome", "refused");
    (void)cJSON_AddStringToObject(to, "reason", why_word(why));
    report_add(to, "reply", reply);
}

/* ---- in words ---- */

const char *report_text(const cJSON *from, const char *key)
{
    const char *const text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(from, key));

    return text == NULL ? "-" : text;
}

static bool has(const cJSON *from, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(from, key));
}

static void host_words(const cJSON *host, void (*behind_address)(const cJSON *address))
{
    const cJSON *each;

    printf("%s, preference %.0f: TLSA %s", report_text(host, "host"),
           cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(host, "preference")), report_text(host, "tlsa"));
    if (strcmp(report_text(host, "base"), report_text(host, "host")) != 0)
        printf(" at %s", report_text(host, "base"));
    printf(", A %s, AAAA %s\n", report_text(host, "a"), report_text(host, "aaaa"));
    cJSON_ArrayForEach(each, cJSON_GetObjectItemCaseSensitive(host, "records"))
        printf("  TLSA %s\n", cJSON_GetStringValue(each));
    cJSON_ArrayForEach(each, cJSON_GetObjectItemCaseSensitive(host, "addresses"))
    {
        printf("  %s (%s)\n", report_text(each, "address"), report_text(each, "trust"));
        if (behind_address != NULL)
            behind_address(each);
    }
}

void report_route_words(const cJSON *root, void (*behind_address)(const cJSON *address))
{
    const cJSON *const mx = cJSON_GetObjectItemCaseSensitive(root, "mx");
    const cJSON *host;

    printf("%s: level %s%s\n", report_text(root, "domain"), report_text(root, "level"),
           has(root, "enforce") ? "" : ", observe mode: nothing is refused");
    if (mx == NULL) {
        puts("this level asks no DNS");
        return;
    }
    printf("clock %s, DNS root %s\n", report_text(root, "clock"),
           has(root, "anchored") ? "validated" : "not validated");
    printf("MX %s, %s%s%s\n", report_text(mx, "answer"), report_text(mx, "trust"),
           has(mx, "incomplete") ? ", incomplete: it has hosts that are not looked at" : "",
           has(mx, "timeout") ? ", a lookup timed out" : "");
    cJSON_ArrayForEach(host, cJSON_GetObjectItemCaseSensitive(root, "hosts")) host_words(host, behind_address);
}

void report_outcome_words(const char *indent, const cJSON *o)
{
    const char *const outcome = report_text(o, "outcome");

    if (strcmp(outcome, "refused") == 0)
        printf("%srefused: %s\n", indent, report_text(o, "reply"));
    else
        printf("%s%s: %s\n", indent, outcome, report_text(o, "explanation"));
}

bool report_print(cJSON *root, bool json, void (*words)(const cJSON *root))
{
    char *const text = cJSON_PrintUnformatted(root);
    const bool whole = text != NULL;

    if (whole && json)
        puts(text);
    else if (whole)
        words(root);
    cJSON_free(text);
    cJSON_Delete(root);
    return whole;
}
