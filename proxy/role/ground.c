#include "role/ground.h"

#include "base/clock.h"
#include "role/dates.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

enum {
    CLOCK_EVERY_MS = 5000,
    CLOCK_JUMP_MS = 60000, /* more than that between the two clocks: somebody set it */
    ROOT_EVERY_MS = 3000   /* until `. DNSKEY` validates */
};

static void say(struct ground *g, int priority, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(struct ground *g, int priority, const char *fmt, ...)
{
    char line[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    g->say(g->who, priority, line);
}

bool ground_is_firm(const struct ground *g)
{
    return g->anchored && g->clock != CLOCK_UNSYNCED;
}

/* ---- the root ---- */

static void on_root(void *owner, unsigned id, const struct answer *a, const char *why_bogus)
{
    struct ground *g = owner;

    (void)id;
    g->anchored = a->trust == TRUST_SECURE && a->result == ANSWER_DATA;
    if (g->anchored) {
        say(g, LOG_INFO, "dns: the root is validated%s", g->config.tcp ? ", over TCP alone" : "");
        g->said = false;
        g->cb(g->who, GROUND_FIRM);
        return;
    }
    if (!g->said)
        say(g, LOG_WARNING, "dns: the root cannot be validated, so nothing is believed: %s",
            why_bogus != NULL ? why_bogus : "no signed answer from the servers or forwarders");
    g->said = true;
    /* The root's keys are a large answer: where they do not come, UDP or what is larger than 512 bytes may be lost on
     * the way (A88). Each in turn, since the line may just be down. */
    if (a->trust != TRUST_BOGUS)
        g->config.tcp = !g->config.tcp;
    g->cb(g->who, GROUND_FAILED);
    timer_set(&g->root_timer, ROOT_EVERY_MS);
}

/* A context that knows nothing yet, and its first question. */
static bool renew(struct ground *g)
{
    char why[256] = "";
    struct lookup *fresh = lookup_new(g->loop, &g->config, &g->anchors, why, sizeof why);

    if (fresh == NULL) {
        say(g, LOG_ERR, "dns: %s", why);
        return false;
    }
    timer_cancel(&g->root_timer);
    lookup_free(g->lookup);
    g->lookup = fresh;
    g->anchored = false;
    g->cb(g->who, GROUND_FRESH);
    lookup_ask(g->lookup, ".", TYPE_DNSKEY, 0, on_root, g);
    return true;
}

static void try_again(void *owner)
{
    struct ground *g = owner;

    if (!renew(g))
        timer_set(&g->root_timer, ROOT_EVERY_MS);
}

/* ---- the clock ---- */

static int64_t clock_offset(void)
{
    return clock_wall().s * 1000 - clock_mono().ms;
}

/* Answers that were judged by another date are worth nothing: bogus ones are cached, and so are expired ones. */
static void look_at_clock(void *owner)
{
    static const char *const word[] = { "cannot be believed: nothing that needs DNS is sent", "rough", "synchronised" };
    struct ground *g = owner;
    const enum clock_state was = g->clock;
    const int64_t offset = clock_offset(), jump = offset - g->clock_offset_ms;

    g->clock = dates_state();
    g->clock_offset_ms = offset;
    if (g->clock != was)
        say(g, LOG_NOTICE, "dns: the clock is %s", word[g->clock]);
    if ((g->clock != was || jump > CLOCK_JUMP_MS || jump < -CLOCK_JUMP_MS) && !renew(g))
        g->clock = CLOCK_UNSYNCED; /* the old context is no good; this tries again */
    timer_set(&g->clock_timer, CLOCK_EVERY_MS);
}

/* ---- the configuration ---- */

static bool load_anchors(struct ground *g)
{
    char why[ANCHORS_SAY_MAX];
    struct anchors fresh;
    const enum rc rc = anchors_load(g->config.trust_anchor, g->config.trust_anchor_configured, &fresh, why);

    if (why[0] != '\0')
        say(g, rc == OK ? LOG_WARNING : LOG_ERR, "dns: %s", why);
    if (rc == OK)
        g->anchors = fresh;
    return rc == OK;
}

static void take_config(struct ground *g, const struct config *config)
{
    memcpy(g->config.trust_anchor, config->trust_anchor, sizeof g->config.trust_anchor);
    memcpy(g->config.root_hints, config->root_hints, sizeof g->config.root_hints);
    g->config.trust_anchor_configured = config->trust_anchor_configured;
    g->config.forward = config->forward;
}

static bool is_same(const struct lookup_config *a, const struct lookup_config *b)
{
    return strcmp(a->trust_anchor, b->trust_anchor) == 0 && strcmp(a->root_hints, b->root_hints) == 0 &&
           a->trust_anchor_configured == b->trust_anchor_configured && a->forward.n == b->forward.n &&
           memcmp(a->forward.at, b->forward.at, a->forward.n * sizeof a->forward.at[0]) == 0;
}

void ground_config(struct ground *g, const struct config *config)
{
    const struct lookup_config old = g->config;
    const struct anchors old_anchors = g->anchors;

    take_config(g, config);
    if (is_same(&old, &g->config) || (load_anchors(g) && renew(g)))
        return;
    say(g, LOG_ERR, "dns: the resolver goes on with the old configuration");
    g->config = old;
    g->anchors = old_anchors;
}

enum rc ground_open(struct ground *g, struct loop *loop, const struct config *config, ground_say *say_cb, ground_cb *cb,
                    void *who)
{
    *g = (struct ground){ .loop = loop, .say = say_cb, .cb = cb, .who = who, .clock = dates_state() };
    g->clock_offset_ms = clock_offset();
    take_config(g, config);
    timer_init(&g->clock_timer, loop, look_at_clock, g);
    timer_init(&g->root_timer, loop, try_again, g);
    if (!load_anchors(g) || !renew(g))
        return FAILED;
    timer_set(&g->clock_timer, CLOCK_EVERY_MS);
    return OK;
}

void ground_close(struct ground *g)
{
    timer_cancel(&g->clock_timer);
    timer_cancel(&g->root_timer);
    lookup_free(g->lookup);
    g->lookup = NULL;
}
