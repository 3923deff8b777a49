#include "session/asks.h"

#include "session/session.h"

#include "policy/peer.h"

#include <assert.h>
#include <stdlib.h>

static bool asks_memory(const struct ask *a)
{
    return a->level == LEVEL_MAY || a->level == LEVEL_DANE;
}

static const struct site *site_of(const struct session *s)
{
    return &s->host->config->site;
}

/* What the site says of mail for this domain (NULL: none) at this address. */
static const struct site_policy *policy_of(const struct session *s, const struct hostname *domain)
{
    const struct site_smarthost *const smart = site_smarthost(site_of(s), &s->server);

    return smart == NULL ? site_policy(site_of(s), domain) : &smart->policy;
}

uint8_t asks_level(const struct session *s)
{
    return policy_of(s, NULL)->level;
}

/* Nobody answers: what the memory would say counts as the worst. */
static void memory_unknown(struct ask *a)
{
    a->grace = GRACE_UNKNOWN;
    a->latch = LATCH_UNKNOWN;
    a->state = ASK_READY;
}

static void ask_memory(struct session *s, struct ask *a)
{
    static const struct hostname nobody;

    if (!asks_memory(a)) {
        a->grace = GRACE_WAIT;
        a->latch = LATCH_NOT_BUILT;
        a->state = ASK_READY;
        return;
    }
    a->number = s->host->number(s->host->self);
    a->since = session_now(s);
    a->state = ASK_MEMORY;
    if (!s->host->ask_memory(s->host->self, a->number, &s->client, &s->server, a->is_smarthost ? &nobody : &a->domain,
                             asks_host(s, a)))
        memory_unknown(a);
}

static void take_route(struct session *s, struct ask *a, struct route *route)
{
    const uint32_t use_s = route->ttl_s > ROUTE_USE_MIN_S ? route->ttl_s : ROUTE_USE_MIN_S;

    a->route = route;
    a->stale.ms = session_now(s).ms + (int64_t)use_s * 1000;
    candidates_find(route, &s->server, &a->candidates);
    ask_memory(s, a);
}

/* A resolver that is dead answers like one that failed (A91). */
static void route_unknown(struct session *s, struct ask *a)
{
    struct route *const route = malloc(sizeof *route);

    if (route != NULL) {
        route_failed(route, TRUST_ERROR, false);
        struct route *const small = realloc(route, route->size);

        a->route = small == NULL ? route : small;
    }
    a->stale.ms = session_now(s).ms + (int64_t)ROUTE_USE_MIN_S * 1000;
    a->candidates = (struct candidates){ .found = FOUND_FAILED };
    ask_memory(s, a);
}

static void release(struct ask *a)
{
    if (a->state == ASK_FREE)
        return;
    free(a->route);
    *a = (struct ask){ .state = ASK_FREE };
}

/* Nobody waits for it, and no recipient of the transaction belongs to it: that of a VRFY, say. */
static bool is_idle(const struct ask *a)
{
    return a->refs == 0 && a->asked == 0;
}

void asks_unanswered(struct session *s, struct ask *a)
{
    if (a->state == ASK_ROUTE)
        route_unknown(s, a);
}

static void ask_route(struct session *s, struct ask *a, const struct hostname *name)
{
    a->state = ASK_ROUTE;
    a->number = s->host->number(s->host->self);
    a->since = session_now(s);
    if (!s->host->ask_route(s->host->self, a->number, name, a->is_smarthost, &s->server, s->server_port))
        route_unknown(s, a);
}

/* RFC 6698 A.3: a recipient that comes late in a long transaction is judged by the records of its own time; what was
 * gathered of the domain stays. */
static void refresh(struct session *s, struct ask *a)
{
    const struct site_smarthost *const smart = site_smarthost(site_of(s), &s->server);

    if (a->state != ASK_READY || a->refs > 0 || a->route == NULL || session_now(s).ms < a->stale.ms)
        return;
    free(a->route);
    a->route = NULL;
    a->matched = MATCHED_NOT_TRIED;
    if (a->is_smarthost == (smart != NULL))
        ask_route(s, a, smart == NULL ? &a->domain : &smart->name);
    else
        route_unknown(s, a); /* the configuration has changed under the transaction */
}

/* At a smarthost's address only its own level counts, and the host is known by name. */
static void begin(struct session *s, struct ask *a, const struct hostname *domain)
{
    const struct site_smarthost *const smart = site_smarthost(site_of(s), &s->server);
    const struct site_policy *const policy = policy_of(s, domain);
    const struct hostname *const name = smart == NULL ? domain : &smart->name;

    release(a);
    *a = (struct ask){ .level = (enum level)policy->level, .is_smarthost = smart != NULL };
    if (domain != NULL)
        a->domain = *domain;
    a->asks_mx = smart == NULL && domain != NULL && site_asks_mx(site_of(s), policy);
    if (name == NULL || !(level_is_dane(a->level) || a->asks_mx)) {
        ask_memory(s, a);
        return;
    }
    ask_route(s, a, name);
}

int asks_find(struct session *s, const struct hostname *domain)
{
    int fresh = -1;

    for (int i = 0; i < (int)s->asks.n; i++) {
        struct ask *const a = &s->asks.ask[i];

        if (a->state == ASK_FREE)
            fresh = fresh < 0 ? i : fresh;
        else if (domain == NULL ? a->domain.n == 0 : hostname_eq(&a->domain, domain)) {
            refresh(s, a);
            return i;
        }
    }
    if (fresh < 0 && s->asks.n < ASKS_MAX)
        fresh = (int)s->asks.n++;
    for (int i = 0; i < ASKS_MAX && fresh < 0; i++)
        fresh = is_idle(&s->asks.ask[i]) ? i : -1;
    if (fresh < 0)
        return -1;
    begin(s, &s->asks.ask[fresh], domain);
    return fresh;
}

struct ask *asks_of(struct session *s, const struct slot *slot)
{
    return slot->ask < 0 ? NULL : &s->asks.ask[slot->ask];
}

void asks_address(struct session *s, struct slot *slot)
{
    const enum level level = (enum level)policy_of(s, NULL)->level;
    const bool says = site_smarthost(site_of(s), &s->server) != NULL ? level != LEVEL_NONE : level_names_peer(level);
    const int ask = says ? asks_find(s, NULL) : -1;

    slot->ask = (int8_t)ask;
    if (ask >= 0) {
        s->asks.ask[ask].refs++;
    } else if (says) { /* none is left to judge the channel by */
        slot->kind = SLOT_LOCAL;
        slot->why = WHY_TOO_MANY_DOMAINS;
    }
}

static struct ask *waiting(struct session *s, enum ask_state state, uint32_t number)
{
    for (unsigned i = 0; i < s->asks.n; i++)
        if (s->asks.ask[i].state == state && s->asks.ask[i].number == number)
            return &s->asks.ask[i];
    return NULL;
}

bool asks_route(struct session *s, uint32_t number, struct route *route)
{
    struct ask *const a = waiting(s, ASK_ROUTE, number);

    if (a != NULL)
        take_route(s, a, route);
    return a != NULL;
}

bool asks_remember(struct session *s, uint32_t number, enum grace grace)
{
    struct ask *const a = waiting(s, ASK_MEMORY, number);

    if (a == NULL)
        return false;
    a->grace = grace;
    a->latch = LATCH_NOT_BUILT;
    a->state = ASK_READY;
    return true;
}

void asks_lost(struct session *s, bool resolver)
{
    for (unsigned i = 0; i < s->asks.n; i++) {
        struct ask *const a = &s->asks.ask[i];

        if (resolver && a->state == ASK_ROUTE)
            route_unknown(s, a);
        else if (!resolver && a->state == ASK_MEMORY)
            memory_unknown(a);
    }
}

struct mono asks_tick(struct session *s, struct mono now)
{
    struct mono next = { INT64_MAX };

    for (unsigned i = 0; i < s->asks.n; i++) {
        struct ask *const a = &s->asks.ask[i];
        const int64_t end = a->since.ms + KEEPER_SILENT_MS;

        if (a->state != ASK_MEMORY)
            continue;
        if (now.ms >= end)
            memory_unknown(a);
        else if (end < next.ms)
            next.ms = end;
    }
    return next;
}

/* Against whom the site names. Its policy is looked up anew: the configuration may have changed. */
static enum why judge_peer(const struct session *s, const struct ask *a, const struct chain *chain)
{
    const struct hostname *const domain = a->domain.n == 0 ? NULL : &a->domain;
    const struct site_smarthost *const smart = site_smarthost(site_of(s), &s->server);

    return peer_judge(&(struct peer_query){
        .site = site_of(s),
        .policy = policy_of(s, domain),
        .nexthop = hostname_span(smart == NULL ? &a->domain : &smart->name),
        .is_smarthost = smart != NULL,
        .route = a->route,
        .chain = chain->der,
        .n_chain = chain->n,
        .roots = s->host->roots,
        .n_roots = s->host->n_roots,
        .at = s->host->wall(s->host->self),
    });
}

static enum why judge_tlsa(const struct session *s, struct ask *a, const struct chain *chain)
{
    const struct site_smarthost *const smart = site_smarthost(site_of(s), &s->server);
    const struct hostname *const nexthop = smart == NULL ? &a->domain : &smart->name;

    a->match = candidates_match(a->route, &a->candidates, hostname_span(nexthop), chain->der, chain->n,
                                s->host->wall(s->host->self), &a->host, &a->record);
    return decide_mismatch(a->match.result);
}

/* Who the peer was shown to be. */
static enum auth auth_of(const struct ask *a)
{
    if (a->matched != MATCHED_YES)
        return AUTH_NONE;
    if (level_names_peer(a->level))
        return a->level == LEVEL_FINGERPRINT ? AUTH_FINGERPRINT : AUTH_PKIX;
    return a->match.usage == 3 ? AUTH_DANE_EE : AUTH_DANE_TA;
}

/* The chain is judged once for each channel and domain: it costs signatures. */
static void match_channel(struct session *s, struct ask *a)
{
    const struct chain *const chain = stream_tls(&s->far.stream)->chain;

    if (a->matched != MATCHED_NOT_TRIED && a->generation == s->far.generation)
        return;
    a->generation = s->far.generation;
    a->matched = MATCHED_NO;
    a->match = (struct match_answer){ .result = MATCH_NO };
    a->mismatch = decide_mismatch(MATCH_NO);
    if (level_names_peer(a->level))
        a->mismatch = chain == NULL ? WHY_VALIDATION_FAILURE : judge_peer(s, a, chain);
    else if (a->route != NULL && a->candidates.tlsa == TLSA_USABLE && chain != NULL)
        a->mismatch = judge_tlsa(s, a, chain);
    s->laboured |= a->match.signatures > 0 || level_names_peer(a->level);
    if (a->mismatch == WHY_NONE)
        a->matched = MATCHED_YES;
    if (a->accepted == 0 || a->matched == MATCHED_YES) /* what later records say takes nothing from who is in already */
        a->auth = auth_of(a);
}

static void channel_facts(struct session *s, struct ask *a, struct facts *f)
{
    const struct far *const far = &s->far;

    f->offer = far_offer(far);
    f->handshake = far->handshake == HANDSHAKE_FAILED ? HANDSHAKE_FAILED : HANDSHAKE_NOT_TRIED;
    f->authed = far->authed;
    if (far->leg != LEG_READY || !stream_is_tls(&far->stream))
        return;
    f->handshake = HANDSHAKE_DONE;
    f->offer = OFFER_MADE;
    f->modern = strcmp(stream_tls(&far->stream)->version, "TLSv1.2") >= 0; /* TLSv1, TLSv1.1, TLSv1.2, TLSv1.3 */
    if (a == NULL)
        return;
    match_channel(s, a);
    f->matched = a->matched;
    f->mismatch = a->mismatch;
    f->more_names = far->n_sni < 2 && asks_sni(s, a).n > 0;
}

struct facts asks_facts(struct session *s, struct ask *a, enum ask_for what)
{
    const struct config *const config = s->host->config;
    struct facts f = {
        .level = a == NULL ? (enum level)policy_of(s, NULL)->level : a->level,
        .what = what,
        .grace = a == NULL ? GRACE_WAIT : a->grace,
        .latch = a == NULL ? LATCH_NOT_BUILT : a->latch,
        .sts = STS_NOT_BUILT,
        .requiretls = what == FOR_RCPT && s->txn.requiretls,
        .enforce = config->enforce,
    };

    channel_facts(s, a, &f);
    if (a == NULL)
        return f;
    f.literal = a->domain.n == 0 && !a->is_smarthost;
    f.asks_mx = a->asks_mx;
    f.clock = s->host->clock(s->host->self);
    if (!(level_is_dane(a->level) || a->asks_mx) || f.literal)
        return f;
    f.found = a->candidates.found;
    f.tlsa = a->candidates.tlsa;
    f.tlsa_error = a->candidates.tlsa_error;
    f.tlsaless_insecure = a->candidates.tlsaless_insecure;
    f.mx = a->route == NULL ? TRUST_ERROR : (enum trust)a->route->mx_trust;
    f.anchored = a->route != NULL && a->route->anchored;
    if (a->route == NULL || f.clock != CLOCK_UNSYNCED)
        f.clock = a->route == NULL ? CLOCK_UNSYNCED : (enum clock_state)a->route->clock;
    f.dns_timeout = a->route != NULL && a->route->timeout;
    return f;
}

/* The nth name that this ask would show: a smarthost's own, else the candidates', else the first that the site wrote.
 */
static struct span name_to_show(const struct session *s, const struct ask *a, unsigned nth)
{
    const struct site_smarthost *const smart = site_smarthost(site_of(s), &s->server);
    unsigned n;

    if (a->is_smarthost && (a->route == NULL || nth > 0))
        return nth == 0 && smart != NULL ? hostname_span(&smart->name) : span_of(NULL, 0);
    if (a->route != NULL)
        return candidates_sni(a->route, &a->candidates, nth);
    if (nth > 0 || !level_names_peer(a->level))
        return span_of(NULL, 0);
    const struct site_match *const m = site_matches(site_of(s), policy_of(s, a->domain.n == 0 ? NULL : &a->domain), &n);

    for (unsigned i = 0; i < n; i++)
        if (m[i].who == SITE_NAME)
            return site_match_text(site_of(s), &m[i]);
    return span_of(NULL, 0);
}

struct span asks_sni(const struct session *s, const struct ask *a)
{
    const struct far *const f = &s->far;

    for (unsigned nth = 0; a != NULL && nth < 2; nth++) {
        const struct span name = name_to_show(s, a, nth);
        bool shown = false;

        for (unsigned i = 0; i < f->n_sni; i++)
            shown |= span_eq(name, span_str(f->sni[i]));
        if (name.n > 0 && !shown)
            return name;
    }
    return span_of(NULL, 0);
}

enum tls_floor asks_floor(const struct ask *a)
{
    const bool authenticates = a != NULL && (a->level == LEVEL_DANE_ONLY || level_names_peer(a->level) ||
                                             (a->route != NULL && a->candidates.tlsa == TLSA_USABLE));

    return authenticates ? TLS_FLOOR_1_2 : TLS_FLOOR_ANY;
}

struct span asks_host(const struct session *s, const struct ask *a)
{
    const struct site_smarthost *const smart = site_smarthost(site_of(s), &s->server);

    if (a->is_smarthost)
        return smart == NULL ? span_of(NULL, 0) : hostname_span(&smart->name);
    if (a->route == NULL)
        return span_of(NULL, 0);
    if (a->matched == MATCHED_YES && a->host < a->route->n_host && !level_names_peer(a->level))
        return route_text(a->route, a->route->host[a->host].name);
    return candidates_host(a->route, &a->candidates);
}

void asks_forget(struct session *s)
{
    for (unsigned i = 0; i < s->asks.n; i++) {
        struct ask *const a = &s->asks.ask[i];

        if (a->refs == 0) {
            release(a);
            continue;
        }
        a->asked = a->accepted = 0;
        a->refused = a->tls_failed = a->tls_done = false;
        a->why = WHY_NONE;
        a->sent = (struct verdict){ 0 };
        a->said[0] = '\0';
    }
}

void asks_free(struct session *s)
{
    for (unsigned i = 0; i < s->asks.n; i++)
        release(&s->asks.ask[i]);
}
