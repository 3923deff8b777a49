#include "role/routes.h"

#include "base/clock.h"
#include "dane/route_plan.h"
#include "role/ground.h"
#include "role/lanes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>

enum {
    ROOT_WAIT_MS = 5000,   /* who asks before the root is validated waits no longer */
    HANDSHAKE_MS = 10000,  /* of the decision budget, DESIGN.md; what is left is the route's */
    SLACK_MS = 1000,       /* and that is for the way there and back */
    SAID_EVERY_MS = 60000, /* lines about bogus answers: in this time no more than */
    SAID_MAX = 20
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
    struct mono began; /* no answer in the plan is older */
    unsigned open;     /* questions with the library */
    int64_t cpu_ms;    /* clock_cpu_ms when the first of these was asked */
    unsigned failed;
    bool said; /* a bogus answer */
    struct timer life;
    struct waiter *waiters;
    struct route_plan plan;
};

struct routes {
    struct ground ground;
    struct loop *loop;
    ground_say *say;
    void (*keys)(void *who); /* NULL: nobody keeps them */
    void *who;
    struct lanes lanes;
    int64_t decision_ms;
    bool pumping;        /* an answer may come inside a question */
    struct mono said_at; /* the first line of this minute */
    unsigned said;
    unsigned n_jobs, n_waiters;
    struct job *jobs;   /* the oldest first */
    struct route route; /* of the callback that runs */
};

/* The time that a route may take: a handshake must still fit behind it. */
static int64_t patience_ms(const struct routes *r)
{
    const int64_t budget = r->decision_ms, left = budget - HANDSHAKE_MS - SLACK_MS;

    if (!ground_is_firm(&r->ground))
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

static uint32_t age_s(const struct job *job)
{
    return (uint32_t)((clock_mono().ms - job->began.ms + 999) / 1000);
}

/* The plan holds an answer that must not be used any more (RFC 6698 A.3): those who waited for it take it as the one
 * that was fetched for them, but nobody else. */
static bool is_stale(const struct job *job)
{
    const uint32_t ttl_s = route_plan_ttl_s(&job->plan);

    return age_s(job) > (ttl_s > ROUTE_USE_MIN_S ? ttl_s : ROUTE_USE_MIN_S);
}

/* r->route: what is known of the job now. */
static void finish(struct job *job)
{
    struct routes *r = job->routes;

    if (ground_is_firm(&r->ground))
        route_plan_finish(&job->plan, &r->route);
    else
        route_failed(&r->route, TRUST_ERROR, false);
    r->route.ttl_s = r->route.ttl_s > age_s(job) ? r->route.ttl_s - age_s(job) : 0;
    r->route.anchored = r->ground.anchored;
    r->route.clock = (uint8_t)ground_clock(&r->ground);
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
    lookup_forget(r->ground.lookup, job);
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
    char line[HOSTNAME_MAX + 300];

    if (r->said == 0 || now.ms - r->said_at.ms >= SAID_EVERY_MS) {
        r->said_at = now;
        r->said = 0;
    }
    if (job->said || r->said == SAID_MAX)
        return;
    job->said = true;
    r->said++;
    (void)snprintf(line, sizeof line, "dns: domain=%s bogus: %s", job->domain.s, why);
    r->say(r->who, LOG_WARNING, line);
}

static void on_answer(void *owner, unsigned id, const struct answer *a, const char *why_bogus)
{
    struct job *job = owner;
    struct routes *r = job->routes;

    job->open--;
    if (a->result >= ANSWER_ERROR)
        job->failed++;
    if (a->trust == TRUST_BOGUS && clock_cpu_ms() - job->cpu_ms >= LANE_COSTLY_MS)
        lanes_note(&r->lanes, lane_of(&job->domain), clock_mono());
    if (why_bogus != NULL)
        say_bogus(job, why_bogus);
    route_plan_answer(&job->plan, id, a);
    pump(r);
}

/* How many questions it may have open: a route full of dead servers, or one that nobody waits for, leaves the places to
 * the others. */
static unsigned share(const struct job *job)
{
    return job->waiters != NULL && job->failed < LOOKUPS_OF_ROUTE ? LOOKUPS_OF_ROUTE : LOOKUPS_OF_DEAD;
}

/* May the job ask a further question? In a costly lane one after the other, and for those who wait. */
static bool has_way(const struct job *job)
{
    const struct routes *r = job->routes;
    const struct span lane = lane_of(&job->domain);
    unsigned ahead = 0;

    for (const struct job *other = r->jobs; other != NULL; other = other->next)
        ahead += other != job && other->open > 0 && span_eq(lane_of(&other->domain), lane);
    if (lanes_is_costly(&r->lanes, lane, clock_mono()))
        return job->waiters != NULL && job->open == 0 && ahead == 0;
    return job->open > 0 || ahead < LANE_JOBS_MAX;
}

/* Asks what can be asked. Answers out of the cache come at once, so this goes on until nothing moves. */
static bool advance(struct job *job)
{
    struct routes *r = job->routes;
    struct route_question q;
    bool moved = false;

    while (job->open < share(job) && lookup_room(r->ground.lookup) > 0 && has_way(job) &&
           route_plan_next(&job->plan, &q)) {
        if (job->open++ == 0)
            job->cpu_ms = clock_cpu_ms();
        moved = true;
        lookup_ask(r->ground.lookup, q.name, q.type, q.id, on_answer, job);
    }
    return moved;
}

static void pump(struct routes *r)
{
    bool moved = true;

    if (r->pumping || !ground_is_firm(&r->ground))
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

static struct job *find(struct routes *r, const struct hostname *domain, uint16_t port, bool is_host)
{
    struct job *job = r->jobs;

    while (job != NULL && (job->plan.port != port || job->plan.is_host != is_host ||
                           !hostname_eq(&job->domain, domain) || is_stale(job)))
        job = job->next;
    return job;
}

static struct job *job_new(struct routes *r, const struct hostname *domain, uint16_t port, bool is_host)
{
    struct job *job = r->n_jobs < ROUTES_MAX ? malloc(sizeof *job) : NULL;
    struct job **at = &r->jobs;

    if (job == NULL)
        return NULL;
    memset(job, 0, offsetof(struct job, plan)); /* the plan's pool is big, and written before it is read */
    job->routes = r;
    job->domain = *domain;
    job->began = clock_mono();
    route_plan_init(&job->plan, domain, port, is_host);
    timer_init(&job->life, r->loop, outlived, job);
    timer_set(&job->life, (int64_t)ROUTE_LIFE_S * 1000);
    while (*at != NULL)
        at = &(*at)->next;
    *at = job;
    r->n_jobs++;
    return job;
}

void routes_refuse(struct routes *r, routes_cb *cb, void *owner)
{
    route_failed(&r->route, TRUST_ERROR, false);
    r->route.anchored = r->ground.anchored;
    r->route.clock = (uint8_t)ground_clock(&r->ground);
    cb(owner, &r->route);
}

void routes_ask(struct routes *r, const struct hostname *domain, uint16_t port, bool is_host, routes_cb *cb,
                void *owner)
{
    ground_look(&r->ground);
    const bool refuse = ground_clock(&r->ground) == CLOCK_UNSYNCED;
    struct waiter *w = refuse ? NULL : calloc(1, sizeof *w);
    struct job *job = w == NULL ? NULL : find(r, domain, port, is_host);

    if (w != NULL && job == NULL)
        job = job_new(r, domain, port, is_host);
    if (job == NULL) {
        free(w);
        routes_refuse(r, cb, owner);
        return;
    }
    *w = (struct waiter){ .next = job->waiters, .job = job, .cb = cb, .owner = owner };
    job->waiters = w;
    r->n_waiters++;
    timer_init(&w->timer, r->loop, tired, w);
    timer_set(&w->timer, patience_ms(r));
    pump(r);
}

/* ---- the whole ---- */

static void on_say(void *who, int priority, const char *line)
{
    const struct routes *r = who;

    r->say(r->who, priority, line);
}

static void on_ground(void *who, enum ground_event event)
{
    struct routes *r = who;

    switch (event) {
    case GROUND_FRESH: /* the plans begin again */
        for (struct job *job = r->jobs; job != NULL; job = job->next) {
            const uint16_t port = job->plan.port;
            const bool is_host = job->plan.is_host;

            job->open = job->failed = 0;
            job->began = clock_mono();
            route_plan_init(&job->plan, &job->domain, port, is_host);
        }
        break;
    case GROUND_FIRM:
        pump(r);
        break;
    case GROUND_FAILED:
        for (struct job *job = r->jobs; job != NULL; job = job->next)
            hand_out_all(job);
        break;
    case GROUND_KEYS:
        if (r->keys != NULL)
            r->keys(r->who);
        break;
    }
}

void routes_track(struct routes *r, const char *folder, void (*keys)(void *who))
{
    r->keys = keys;
    ground_track(&r->ground, folder);
}

void routes_kept(struct routes *r, const struct state *kept)
{
    ground_kept(&r->ground, kept);
}

const struct ground *routes_ground(const struct routes *r)
{
    return &r->ground;
}

unsigned routes_waiting(const struct routes *r)
{
    return r->n_waiters;
}

struct routes *routes_new(struct loop *loop, const struct config *config, ground_say *say, void *who)
{
    struct routes *r = calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    r->loop = loop;
    r->say = say;
    r->who = who;
    r->decision_ms = (int64_t)config->decision_s * 1000;
    if (ground_open(&r->ground, loop, config, on_say, on_ground, r) == OK)
        return r;
    ground_close(&r->ground);
    free(r);
    return NULL;
}

void routes_free(struct routes *r)
{
    if (r == NULL)
        return;
    for (struct job *job = r->jobs, *next; job != NULL; job = next) {
        next = job->next;
        while (job->waiters != NULL)       /* hand_out takes the first one out of the list, */
            hand_out(job->waiters, false); /* NOLINT(clang-analyzer-unix.Malloc): which the analyser does not see */
        job_free(job);
    }
    ground_close(&r->ground);
    free(r);
}

void routes_config(struct routes *r, const struct config *config)
{
    r->decision_ms = (int64_t)config->decision_s * 1000;
    ground_config(&r->ground, config);
}
