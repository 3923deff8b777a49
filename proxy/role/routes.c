#include "role/routes.h"

#include "base/clock.h"
#include "base/text.h"
#include "dane/route_plan.h"
#include "ops/anchors.h"
#include "role/dates.h"
#include "role/lookup.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

enum {
    CLOCK_EVERY_MS = 5000,
    CLOCK_JUMP_MS = 60000, /* more than that between the two clocks: somebody set it */
    ROOT_EVERY_MS = 3000,  /* until `. DNSKEY` validates */
    ROOT_WAIT_MS = 5000,   /* who asks before that waits no longer */
    HANDSHAKE_MS = 10000,  /* of the decision budget, DESIGN.md; what is left is the route's */
    SLACK_MS = 1000,       /* and that is for the way there and back */
    SAID_EVERY_MS = 60000, /* lines about bogus answers: in this time no more than */
    SAID_MAX = 20,
    ROOT_ID = 1
};

struct waiter {
    struct waiter *next;
    struct job *job;
    routes_cb *cb;
    void *owner;
    struct timer timer;
};

/* One plan that runs. */
struct job {
    struct job *next;
    struct routes *routes;
    struct hostname domain;
    unsigned open; /* questions with the library */
    bool said;     /* a bogus answer */
    struct timer life;
    struct waiter *waiters;
    struct route_plan plan;
};

struct routes {
    struct loop *loop;
    routes_say *say;
    void *who;
    struct lookup_config config; /* what it was made with */
    int64_t decision_ms;
    struct anchors anchors;
    struct lookup *lookup;
    enum clock_state clock;
    int64_t clock_offset_ms; /* wall minus monotonic, when last looked at */
    struct timer clock_timer, root_timer;
    bool anchored, asking_root, root_said;
    bool pumping;        /* an answer may come inside a question */
    struct mono said_at; /* the first line of this minute */
    unsigned said;
    unsigned n_jobs, n_waiters;
    struct job *jobs;   /* the oldest first */
    struct route route; /* of the callback that runs */
};

static void say(struct routes *r, int priority, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(struct routes *r, int priority, const char *fmt, ...)
{
    char line[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    r->say(r->who, priority, line);
}

static bool is_ready(const struct routes *r)
{
    return r->anchored && r->clock != CLOCK_UNSYNCED;
}

/* The time that a route may take: a handshake must still fit behind it. */
static int64_t patience_ms(const struct routes *r)
{
    const int64_t budget = r->decision_ms, left = budget - HANDSHAKE_MS - SLACK_MS;

    if (!is_ready(r))
        return ROOT_WAIT_MS < budget / 2 ? ROOT_WAIT_MS : budget / 2;
    return left > budget / 2 ? left : budget / 2;
}

/* ---- jobs and who waits for them ------------------------------------------------------------------------------------
 */

/* Takes the waiter out, hands it the route in r->route and forgets it. */
static void hand_out(struct waiter *w, bool any)
{
    struct routes *r = w->job->routes;
    struct waiter **at = &w->job->waiters;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    timer_cancel(&w->timer);
    r->n_waiters--;
    w->cb(w->owner, any ? &r->route : NULL);
    free(w);
}

/* r->route: what is known of the job now. */
static void finish(struct job *job)
{
    struct routes *r = job->routes;

    if (is_ready(r))
        route_plan_finish(&job->plan, &r->route);
    else
        route_failed(&r->route, TRUST_ERROR, false);
    r->route.anchored = r->anchored;
    r->route.clock = (uint8_t)r->clock;
}

static void hand_out_all(struct job *job)
{
    struct routes *r = job->routes;
    const bool was = r->pumping;

    r->pumping = true;             /* so that nobody frees the job meanwhile */
    while (job->waiters != NULL) { /* each time anew: a callback may ask for another route, and use r->route */
        finish(job);
        hand_out(job->waiters, true);
    }
    r->pumping = was;
}

static void tired(void *owner)
{
    struct waiter *w = owner;

    finish(w->job);
    hand_out(w, true);
}

static void job_free(struct job *job)
{
    struct routes *r = job->routes;
    struct job **at = &r->jobs;

    assert(job->waiters == NULL);
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    timer_cancel(&job->life);
    lookup_forget(r->lookup, job);
    r->n_jobs--;
    free(job);
}

static void pump(struct routes *r);

static void outlived(void *owner)
{
    struct job *job = owner;
    struct routes *r = job->routes;

    hand_out_all(job);
    job_free(job);
    pump(r);
}

/* Once a route, and not without end: the zones of others fill no log. */
static void say_bogus(struct job *job, const char *why)
{
    struct routes *r = job->routes;
    const struct mono now = clock_mono();

    if (r->said == 0 || now.ms - r->said_at.ms >= SAID_EVERY_MS) {
        r->said_at = now;
        r->said = 0;
    }
    if (job->said || r->said == SAID_MAX)
        return;
    job->said = true;
    r->said++;
    say(r, LOG_WARNING, "dns: domain=%s bogus: %s", job->domain.s, why);
}

static void on_answer(void *owner, unsigned id, const struct answer *a, const char *why_bogus)
{
    struct job *job = owner;
    struct routes *r = job->routes;

    job->open--;
    if (why_bogus != NULL)
        say_bogus(job, why_bogus);
    route_plan_answer(&job->plan, id, a);
    pump(r);
}

/* Asks what can be asked. Answers out of the cache come at once, so this goes on until nothing moves. */
static bool advance(struct job *job)
{
    struct routes *r = job->routes;
    struct route_question q;
    bool moved = false;

    while (job->open < LOOKUPS_OF_ROUTE && lookup_room(r->lookup) > 0 && route_plan_next(&job->plan, &q)) {
        job->open++;
        moved = true;
        lookup_ask(r->lookup, q.name, q.type, q.id, on_answer, job);
    }
    return moved;
}

static void pump(struct routes *r)
{
    bool moved = true;

    if (r->pumping || !is_ready(r))
        return;
    r->pumping = true;
    while (moved) {
        moved = false;
        for (struct job *job = r->jobs, *next; job != NULL; job = next) {
            moved = advance(job) || moved;
            if (route_plan_done(&job->plan))
                hand_out_all(job);
            next = job->next; /* behind the callbacks: they may have added one */
            if (route_plan_done(&job->plan) && job->waiters == NULL)
                job_free(job);
        }
    }
    r->pumping = false;
}

static struct job *find(struct routes *r, const struct hostname *domain, uint16_t port)
{
    struct job *job = r->jobs;

    while (job != NULL && (job->plan.port != port || !hostname_eq(&job->domain, domain)))
        job = job->next;
    return job;
}

static struct job *job_new(struct routes *r, const struct hostname *domain, uint16_t port)
{
    struct job *job = r->n_jobs < ROUTES_MAX ? malloc(sizeof *job) : NULL;
    struct job **at = &r->jobs;

    if (job == NULL)
        return NULL;
    memset(job, 0, offsetof(struct job, plan)); /* the plan's pool is big, and written before it is read */
    job->routes = r;
    job->domain = *domain;
    route_plan_init(&job->plan, domain, port);
    timer_init(&job->life, r->loop, outlived, job);
    timer_set(&job->life, (int64_t)ROUTE_LIFE_S * 1000);
    while (*at != NULL)
        at = &(*at)->next;
    *at = job;
    r->n_jobs++;
    return job;
}

void routes_ask(struct routes *r, const struct hostname *domain, uint16_t port, routes_cb *cb, void *owner)
{
    const bool refuse = r->clock == CLOCK_UNSYNCED || r->n_waiters >= ROUTE_WAITERS_MAX;
    struct waiter *w = refuse ? NULL : calloc(1, sizeof *w);
    struct job *job = w == NULL ? NULL : find(r, domain, port);

    if (w != NULL && job == NULL)
        job = job_new(r, domain, port);
    if (job == NULL) {
        free(w);
        route_failed(&r->route, TRUST_ERROR, false);
        r->route.anchored = r->anchored;
        r->route.clock = (uint8_t)r->clock;
        cb(owner, &r->route);
        return;
    }
    *w = (struct waiter){ .next = job->waiters, .job = job, .cb = cb, .owner = owner };
    job->waiters = w;
    r->n_waiters++;
    timer_init(&w->timer, r->loop, tired, w);
    timer_set(&w->timer, patience_ms(r));
    pump(r);
}

/* ---- the root, the clock, the configuration
 * -------------------------------------------------------------------------- */

static void ask_root(void *owner);

static void on_root(void *owner, unsigned id, const struct answer *a, const char *why_bogus)
{
    struct routes *r = owner;

    (void)id;
    r->asking_root = false;
    r->anchored = a->trust == TRUST_SECURE && a->result == ANSWER_DATA;
    if (r->anchored) {
        say(r, LOG_INFO, "dns: the root is validated");
        pump(r);
        return;
    }
    if (!r->root_said)
        say(r, LOG_WARNING, "dns: the root cannot be validated, so nothing is believed: %s",
            why_bogus != NULL ? why_bogus : "no signed answer from the servers or forwarders");
    r->root_said = true;
    for (struct job *job = r->jobs; job != NULL; job = job->next)
        hand_out_all(job);
    timer_set(&r->root_timer, ROOT_EVERY_MS);
}

static void ask_root(void *owner)
{
    struct routes *r = owner;

    if (r->asking_root || r->anchored || r->clock == CLOCK_UNSYNCED)
        return;
    r->asking_root = true;
    lookup_ask(r->lookup, ".", TYPE_DNSKEY, ROOT_ID, on_root, r);
}

/* A context that knows nothing yet; the plans begin again on it. */
static bool renew(struct routes *r)
{
    char why[256] = "";
    struct lookup *fresh = lookup_new(r->loop, &r->config, &r->anchors, why, sizeof why);

    if (fresh == NULL) {
        say(r, LOG_ERR, "dns: %s", why);
        return false;
    }
    lookup_free(r->lookup);
    r->lookup = fresh;
    r->anchored = r->asking_root = r->root_said = false;
    for (struct job *job = r->jobs; job != NULL; job = job->next) {
        const uint16_t port = job->plan.port;

        job->open = 0;
        route_plan_init(&job->plan, &job->domain, port);
    }
    timer_set(&r->root_timer, 0);
    return true;
}

static int64_t clock_offset(void)
{
    return clock_wall().s * 1000 - clock_mono().ms;
}

/* Answers that were judged by another date are worth nothing: bogus ones are cached, and so are expired ones. */
static void look_at_clock(void *owner)
{
    static const char *const word[] = { "cannot be believed: nothing that needs DNS is sent", "rough", "synchronised" };
    struct routes *r = owner;
    const enum clock_state was = r->clock;
    const int64_t jump = clock_offset() - r->clock_offset_ms;

    r->clock = dates_state();
    r->clock_offset_ms = clock_offset();
    if (r->clock != was)
        say(r, LOG_NOTICE, "dns: the clock is %s", word[r->clock]);
    if ((r->clock != was || jump > CLOCK_JUMP_MS || jump < -CLOCK_JUMP_MS) && !renew(r))
        r->clock = CLOCK_UNSYNCED; /* the old context is no good; this tries again */
    timer_set(&r->clock_timer, CLOCK_EVERY_MS);
}

static bool load_anchors(struct routes *r, const struct lookup_config *config, struct anchors *out)
{
    char why[ANCHORS_SAY_MAX];
    const enum rc rc = anchors_load(config->trust_anchor, config->trust_anchor_configured, out, why);

    if (why[0] != '\0')
        say(r, rc == OK ? LOG_WARNING : LOG_ERR, "dns: %s", why);
    return rc == OK;
}

static void take_config(struct routes *r, const struct config *config)
{
    memcpy(r->config.trust_anchor, config->trust_anchor, sizeof r->config.trust_anchor);
    memcpy(r->config.root_hints, config->root_hints, sizeof r->config.root_hints);
    r->config.trust_anchor_configured = config->trust_anchor_configured;
    r->config.forward = config->forward;
    r->decision_ms = (int64_t)config->decision_s * 1000;
}

struct routes *routes_new(struct loop *loop, const struct config *config, routes_say *say_cb, void *who)
{
    struct routes *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->loop = loop;
    r->say = say_cb;
    r->who = who;
    take_config(r, config);
    r->clock = dates_state();
    r->clock_offset_ms = clock_offset();
    timer_init(&r->clock_timer, loop, look_at_clock, r);
    timer_init(&r->root_timer, loop, ask_root, r);
    if (!load_anchors(r, &r->config, &r->anchors) || !renew(r)) {
        routes_free(r);
        return NULL;
    }
    timer_set(&r->clock_timer, CLOCK_EVERY_MS);
    return r;
}

void routes_free(struct routes *r)
{
    if (r == NULL)
        return;
    timer_cancel(&r->clock_timer);
    timer_cancel(&r->root_timer);
    for (struct job *job = r->jobs, *next; job != NULL; job = next) {
        next = job->next;
        while (job->waiters != NULL)
            hand_out(job->waiters, false);
        job_free(job);
    }
    lookup_free(r->lookup);
    free(r);
}

static bool is_same(const struct lookup_config *a, const struct lookup_config *b)
{
    return strcmp(a->trust_anchor, b->trust_anchor) == 0 && strcmp(a->root_hints, b->root_hints) == 0 &&
           a->trust_anchor_configured == b->trust_anchor_configured && a->forward.n == b->forward.n &&
           memcmp(a->forward.at, b->forward.at, a->forward.n * sizeof a->forward.at[0]) == 0;
}

void routes_config(struct routes *r, const struct config *config)
{
    const struct lookup_config old = r->config;
    const struct anchors old_anchors = r->anchors;

    take_config(r, config);
    if (is_same(&old, &r->config) || (load_anchors(r, &r->config, &r->anchors) && renew(r)))
        return;
    say(r, LOG_ERR, "dns: the resolver goes on with the old configuration");
    r->config = old;
    r->anchors = old_anchors;
}
