#include "ops/config.h"

static bool ends(const char *s, size_t cap)
{
    return memchr(s, '\0', cap) != NULL;
}

/* A bool of another process is looked at as a byte first: any other value in it would be undefined. */
static bool is_bool(const bool *b)
{
    uint8_t byte;

    memcpy(&byte, b, sizeof byte);
    return byte <= 1;
}

static bool nets_well(const struct config_nets *nets)
{
    if (nets->n > CONFIG_NETS_MAX)
        return false;
    for (uint32_t i = 0; i < nets->n; i++)
        if (nets->net[i].bits > 128)
            return false;
    return true;
}

static bool endpoints_well(const struct config_endpoints *e)
{
    if (e->n > CONFIG_ENDPOINTS_MAX)
        return false;
    for (uint32_t i = 0; i < e->n; i++)
        if (e->at[i].port == 0)
            return false;
    return true;
}

static bool policy_well(const struct site *s, const struct site_policy *p)
{
    return p->level < LEVEL__COUNT && p->match <= s->n_match && p->n_match <= s->n_match - p->match;
}

static bool name_well(const struct hostname *h)
{
    return h->n > 0 && h->n <= HOSTNAME_MAX && strnlen(h->s, sizeof h->s) == h->n;
}

static bool matches_well(const struct site *s)
{
    if (s->n_match > SITE_MATCHES_MAX || s->pool_used > SITE_POOL_MAX)
        return false;
    for (uint32_t i = 0; i < s->n_match; i++)
        if (s->match[i].who >= SITE_WHO__COUNT || s->match[i].at > s->pool_used ||
            s->match[i].n > s->pool_used - s->match[i].at)
            return false;
    return true;
}

static bool site_well(const struct site *s)
{
    if (!matches_well(s) || !policy_well(s, &s->fallback) || s->n > SITE_ENTRIES_MAX ||
        s->n_smarthost > SITE_SMARTHOSTS_MAX)
        return false;
    for (uint32_t i = 0; i < s->n; i++)
        if (s->entry[i].parent > 1 || s->entry[i].late > 1 || !policy_well(s, &s->entry[i].policy) ||
            !name_well(&s->entry[i].domain))
            return false;
    for (uint32_t i = 0; i < s->n_smarthost; i++) {
        const struct site_smarthost *const h = &s->smarthost[i];

        if (!policy_well(s, &h->policy) || !name_well(&h->name) || h->credential >= CREDENTIALS_MAX ||
            (h->port != 25 && h->port != 465 && h->port != 587))
            return false;
    }
    return true;
}

static bool enums_well(const struct config *c)
{
    return c->intercept <= INTERCEPT_REDIRECT && c->source <= SOURCE_GATEWAY && c->fail <= FAIL_OPEN &&
           c->client_starttls <= STARTTLS_TERMINATE && c->ambiguous <= AMBIGUOUS_PASS && c->log <= LOG_TO_FILE &&
           is_bool(&c->enforce) && is_bool(&c->trust_anchor_configured) && is_bool(&c->makes_own);
}

static bool numbers_well(const struct config *c)
{
    return c->workers >= 1 && c->workers <= PEERS_MAX && c->mark >= MARK_MIN && c->mark <= MARK_MAX &&
           c->sessions >= 1 && c->sessions <= SESSIONS_MAX && c->per_client >= 1 && c->per_client <= SESSIONS_MAX &&
           c->decision_s >= DECISION_MIN_S && c->decision_s <= DECISION_MAX_S && c->clear_after_s <= CLEAR_AFTER_MAX_S;
}

static bool texts_well(const struct config *c)
{
    for (unsigned i = 0; i < CREDENTIALS_MAX; i++)
        if (!ends(c->credential[i].certificate, sizeof c->credential[i].certificate) ||
            !ends(c->credential[i].key, sizeof c->credential[i].key))
            return false;
    return ends(c->user, sizeof c->user) && ends(c->state_dir, sizeof c->state_dir) &&
           ends(c->control, sizeof c->control) && ends(c->log_path, sizeof c->log_path) &&
           ends(c->trust_anchor, sizeof c->trust_anchor) && ends(c->root_hints, sizeof c->root_hints) &&
           ends(c->ca_file, sizeof c->ca_file) && ends(c->policy_file, sizeof c->policy_file);
}

enum rc config_check(const struct config *c, size_t n)
{
    if (n != sizeof *c || c->size != sizeof *c)
        return MALFORMED;
    return nets_well(&c->clients) && nets_well(&c->exempt_client) && nets_well(&c->exempt_destination) &&
                   nets_well(&c->deny_destination) && endpoints_well(&c->listen) && endpoints_well(&c->forward) &&
                   enums_well(c) && numbers_well(c) && texts_well(c) && site_well(&c->site)
               ? OK
               : MALFORMED;
}

static bool same_listeners(const struct config_endpoints *a, const struct config_endpoints *b)
{
    if (a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (a->at[i].port != b->at[i].port || !ip_eq(&a->at[i].ip, &b->at[i].ip))
            return false;
    return true;
}

void config_reload_blockers(const struct config *now, const struct config *then, char *out, size_t cap)
{
    const struct {
        const char *word;
        bool same;
    } options[] = {
        { "listen", same_listeners(&now->listen, &then->listen) },
        { "user", strcmp(now->user, then->user) == 0 },
        { "workers", now->workers == then->workers },
        { "intercept", now->intercept == then->intercept },
        { "mark", now->mark == then->mark },
        { "state-dir", strcmp(now->state_dir, then->state_dir) == 0 },
        { "control", strcmp(now->control, then->control) == 0 },
    };
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (!options[i].same && n < cap)
            n += (size_t)snprintf(out + n, cap - n, "%s%s", n == 0 ? "" : " ", options[i].word);
}

bool config_nets_have(const struct config_nets *nets, const struct ip *ip)
{
    for (uint32_t i = 0; i < nets->n; i++)
        if (ip_net_has(&nets->net[i], ip))
            return true;
    return false;
}
