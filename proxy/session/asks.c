#include "session/asks.h"

#include "session/session.h"

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

/* Nobody answers: what the memory would say counts as the worst. */
static void memory_unknown(struct ask *a)
{
    a->grace = GRACE_UNKNOWN;
    a->latch = LATCH_UNKNOWN;
    a->state = ASK_READY;
}

static void ask_memory(struct session *s, struct ask *a)
{
    if (!asks_memory(a)) {
        a->grace = GRACE_WAIT;
        a->latch = LATCH_NOT_BUILT;
        a->state = ASK_READY;
        return;
    }
    a->number = s->host->number(s->host->self);
    a->since = session_now(s);
    a->state = ASK_MEMORY;
    if (!s->host->ask_memory(s->host->self, a->number, &s->client, &s->server, &a->domain, asks_host(a)))
        memory_unknown(a);
}

static void take_route(struct session *s, struct ask *a, struct route *route)
{
    a->route = route;
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

int asks_find(struct session *s, const struct hostname *domain)
{
    int fresh = -1;

    for (int i = 0; i < ASKS_MAX; i++) {
        const struct ask *const a = &s->asks.ask[i];

        if (a->state == ASK_FREE)
            fresh = fresh < 0 ? i : fresh;
        else if (domain == NULL ? a->domain.n == 0 : hostname_eq(&a->domain, domain))
            return i;
    }
    for (int i = 0; i < ASKS_MAX && fresh < 0; i++)
        fresh = is_idle(&s->asks.ask[i]) ? i : -1;
    if (fresh < 0)
        return -1;
    struct ask *const a = &s->asks.ask[fresh];

    release(a);
    *a = (struct ask){ .level = site_level(site_of(s), domain) };
    if (domain != NULL)
        a->domain = *domain;
    if (domain == NULL || !level_asks_dns(a->level)) {
        ask_memory(s, a);
        return fresh;
    }
    a->state = ASK_ROUTE;
    a->number = s->host->number(s->host->self);
    a->since = session_now(s);
    if (!s->host->ask_route(s->host->self, a->number, &a->domain, &s->server, s->server_port))
        route_unknown(s, a);
    return fresh;
}

static struct ask *waiting(struct session *s, enum ask_state state, uint32_t number)
{
    for (unsigned i = 0; i < ASKS_MAX; i++)
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
    for (unsigned i = 0; i < ASKS_MAX; i++) {
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

    for (unsigned i = 0; i < ASKS_MAX; i++) {
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

/* The chain is judged once for each channel and domain: it costs signatures. */
static void match_channel(struct session *s, struct ask *a)
{
    const struct tls_info *const tls = stream_tls(&s->far.stream);

    if (a->matched != MATCHED_NOT_TRIED && a->generation == s->far.generation)
        return;
    a->generation = s->far.generation;
    a->matched = MATCHED_NO;
    a->match = (struct match_answer){ .result = MATCH_NO };
    if (a->route == NULL || a->candidates.tlsa != TLSA_USABLE || tls->chain == NULL)
        return;
    a->match = candidates_match(a->route, &a->candidates, hostname_span(&a->domain), tls->chain->der, tls->chain->n,
                                s->host->wall(s->host->self), &a->host, &a->record);
    if (a->match.result == MATCH_YES)
        a->matched = MATCHED_YES;
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
    f->mismatch = decide_mismatch(a->match.result);
    f->more_names = far->n_sni < 2 && asks_sni(s, a).n > 0;
}

struct facts asks_facts(struct session *s, struct ask *a, enum ask_for what)
{
    const struct config *const config = s->host->config;
    struct facts f = {
        .level = a == NULL ? site_level(site_of(s), NULL) : a->level,
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
    f.literal = a->domain.n == 0;
    if (!level_asks_dns(a->level) || f.literal)
        return f;
    f.found = a->candidates.found;
    f.tlsa = a->candidates.tlsa;
    f.tlsa_error = a->candidates.tlsa_error;
    f.tlsaless_insecure = a->candidates.tlsaless_insecure;
    f.mx = a->route == NULL ? TRUST_ERROR : (enum trust)a->route->mx_trust;
    f.anchored = a->route != NULL && a->route->anchored;
    f.clock = a->route == NULL ? CLOCK_UNSYNCED : (enum clock_state)a->route->clock;
    f.dns_timeout = a->route != NULL && a->route->timeout;
    return f;
}

struct span asks_sni(const struct session *s, const struct ask *a)
{
    const struct far *const f = &s->far;

    for (unsigned nth = 0; a != NULL && a->route != NULL && nth < 2; nth++) {
        const struct span name = candidates_sni(a->route, &a->candidates, nth);
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
    const bool authenticates =
        a != NULL && (a->level == LEVEL_DANE_ONLY || (a->route != NULL && a->candidates.tlsa == TLSA_USABLE));

    return authenticates ? TLS_FLOOR_1_2 : TLS_FLOOR_ANY;
}

struct span asks_host(const struct ask *a)
{
    if (a->route == NULL)
        return span_of(NULL, 0);
    if (a->matched == MATCHED_YES && a->host < a->route->n_host)
        return route_text(a->route, a->route->host[a->host].name);
    return candidates_host(a->route, &a->candidates);
}

void asks_forget(struct session *s)
{
    for (unsigned i = 0; i < ASKS_MAX; i++) {
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
    for (unsigned i = 0; i < ASKS_MAX; i++)
        release(&s->asks.ask[i]);
}
