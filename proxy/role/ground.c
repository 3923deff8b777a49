#include "role/ground.h"

#include "ops/file.h"
#include "role/dates.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <syslog.h>

#define KEYS_FILE "root.key"

enum {
    CLOCK_EVERY_MS = 5000,
    CLOCK_JUMP_MS = 60000,  /* more than that between the two clocks: somebody set it */
    ROOT_EVERY_MS = 3000,   /* until `. DNSKEY` validates */
    ROOT_AGAIN_MS = 3600000 /* RFC 5011 2.3: as often as every hour; the library has no timer for it, and answers from
                               its cache while it can */
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

static int64_t clock_offset(void)
{
    return clock_wall().s * 1000 - clock_mono().ms;
}

/* Was the clock set since it was last looked at? */
static bool was_set(const struct ground *g)
{
    const int64_t jump = clock_offset() - g->clock_offset_ms;

    return jump > CLOCK_JUMP_MS || jump < -CLOCK_JUMP_MS;
}

enum clock_state ground_clock(const struct ground *g)
{
    return was_set(g) || clock_wall().s < g->floor.s ? CLOCK_UNSYNCED : g->clock;
}

bool ground_is_firm(const struct ground *g)
{
    return g->anchored && ground_clock(g) != CLOCK_UNSYNCED;
}

/* ---- the root's keys ---- */

static void keys_path(const struct ground *g, char out[CONFIG_PATH_MAX + 16])
{
    (void)snprintf(out, CONFIG_PATH_MAX + 16, "%s/" KEYS_FILE, g->folder);
}

static enum rc read_keys(const struct ground *g, struct anchors *out)
{
    char path[CONFIG_PATH_MAX + 16];
    uint8_t text[ANCHORS_TEXT_MAX];
    unsigned line;
    size_t n;

    keys_path(g, path);
    const enum rc rc = file_read(path, true, text, sizeof text, &n);

    if (rc != OK || n == 0) /* a full folder leaves an empty one */
        return FAILED;
    return anchor_parse(span_of(text, n), out, &line);
}

static bool write_keys(struct ground *g)
{
    char text[ANCHORS_TEXT_MAX];
    struct statvfs fs;
    const size_t n = anchor_text(&g->keys, text);

    /* The library ends the process where it cannot write: so there must be room for its copies before it is asked to.
     */
    bool well = statvfs(g->folder, &fs) == 0;
    if (well && fs.f_blocks > 0 && (uint64_t)fs.f_bavail * fs.f_bsize < 4 * sizeof text) {
        errno = ENOSPC;
        well = false;
    }
    well = well && file_replace(g->folder, KEYS_FILE, span_of(text, n)) == OK;
    if (!well && !g->said_folder)
        say(g, LOG_WARNING, "dns: %s cannot be written (%s): the root's keys are not tracked", g->folder,
            strerror(errno));
    g->said_folder = !well;
    return well;
}

/* Is there a file from which the library can go on? Never one without a trusted key: it would believe everything. */
static bool has_keys_file(struct ground *g)
{
    struct anchors found;

    if (g->wrote && read_keys(g, &found) == OK)
        g->keys = found;
    else
        g->wrote = write_keys(g);
    return g->wrote;
}

/* The library has written: what does it trust now? */
static void look_at_keys(struct ground *g)
{
    char path[CONFIG_PATH_MAX + 16];
    struct anchors found;
    struct stat st;

    keys_path(g, path);
    if (!g->tracks || !g->anchored || stat(path, &st) != 0 ||
        (st.st_mtim.tv_sec == g->written.tv_sec && st.st_mtim.tv_nsec == g->written.tv_nsec))
        return;
    g->written = st.st_mtim;
    const enum rc rc = read_keys(g, &found);
    if (rc == OK) {
        g->keys = found;
        g->cb(g->who, GROUND_KEYS);
    } else if (rc != UNUSABLE) { /* a full folder: the library has cut it, and goes on from memory */
        say(g, LOG_WARNING, "dns: %s was not written whole: the root's keys are not tracked", path);
        g->tracks = g->wrote = false;
    } else { /* all were revoked: from here on the library proves nothing */
        say(g, LOG_ERR, "dns: the root has revoked all keys that are trusted: nothing is believed");
        g->anchored = false;
        timer_set(&g->root_timer, ROOT_EVERY_MS);
        g->cb(g->who, GROUND_FAILED);
    }
}

/* ---- the root ---- */

static void ask_root(struct ground *g);

static void on_root(void *owner, unsigned id, const struct answer *a, const char *why_bogus)
{
    struct ground *g = owner;
    const bool was = g->anchored, secure = a->trust == TRUST_SECURE && a->result == ANSWER_DATA;

    (void)id;
    timer_set(&g->root_timer, ROOT_AGAIN_MS);
    if (was && a->trust != TRUST_INSECURE) /* each answer is validated by itself: a failed look takes nothing away */
        return;
    g->anchored = secure;
    if (secure) {
        say(g, LOG_INFO, "dns: the root is validated%s", g->config.tcp ? ", over TCP alone" : "");
        g->said = false;
        g->cb(g->who, GROUND_FIRM);
        look_at_keys(g); /* the library has written them before it answered */
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
    timer_set(&g->root_timer, ROOT_EVERY_MS);
    g->cb(g->who, GROUND_FAILED);
}

static void ask_root(struct ground *g)
{
    if (lookup_room(g->lookup) > 0)
        lookup_ask(g->lookup, ".", TYPE_DNSKEY, 0, on_root, g);
    else
        timer_set(&g->root_timer, ROOT_EVERY_MS);
}

static bool may_track(const struct ground *g)
{
    return g->folder[0] != '\0' && g->heard && g->clock != CLOCK_UNSYNCED;
}

static struct lookup *make(struct ground *g)
{
    char path[CONFIG_PATH_MAX + 16], why[256] = "";
    struct lookup *fresh = NULL;

    g->tracks = may_track(g) && has_keys_file(g);
    if (g->tracks) {
        keys_path(g, path);
        fresh = lookup_new(g->loop, &g->config, &g->keys, path, why, sizeof why);
        g->tracks = fresh != NULL;
        if (fresh == NULL)
            say(g, LOG_ERR, "dns: %s; the root's keys are not tracked", why);
    }
    if (fresh == NULL)
        fresh = lookup_new(g->loop, &g->config, &g->keys, NULL, why, sizeof why);
    if (fresh == NULL)
        say(g, LOG_ERR, "dns: %s", why);
    return fresh;
}

/* A context that knows nothing yet, and its first question. */
static bool renew(struct ground *g)
{
    struct lookup *fresh = make(g);

    if (fresh == NULL)
        return false;
    timer_cancel(&g->root_timer);
    lookup_free(g->lookup);
    g->lookup = fresh;
    g->anchored = false;
    g->cb(g->who, GROUND_FRESH);
    ask_root(g);
    return true;
}

static void try_again(void *owner)
{
    struct ground *g = owner;

    if (g->anchored && (g->tracks || !may_track(g) || !write_keys(g))) /* else it can be tracked again */
        ask_root(g);
    else if (!renew(g))
        timer_set(&g->root_timer, ROOT_EVERY_MS);
}

/* ---- the clock ---- */

/* Answers that were judged by another date are worth nothing: bogus ones are cached, and so are expired ones. */
static void look_at_clock(void *owner)
{
    static const char *const word[] = { "cannot be believed: nothing that needs DNS is sent", "rough", "synchronised" };
    struct ground *g = owner;
    const enum clock_state was = g->clock;
    const bool set = was_set(g);

    g->clock = dates_state(g->floor);
    g->clock_offset_ms = clock_offset();
    look_at_keys(g);
    if (g->clock != was)
        say(g, LOG_NOTICE, "dns: the clock is %s", word[g->clock]);
    if ((g->clock != was || set) && !renew(g))
        g->clock = CLOCK_UNSYNCED; /* the old context is no good; this tries again */
    timer_set(&g->clock_timer, CLOCK_EVERY_MS);
}

void ground_look(struct ground *g)
{
    if (was_set(g))
        timer_set(&g->clock_timer, 0);
}

/* ---- the configuration ---- */

/* What the configuration's file holds; where that is what it held before, what RFC 5011 has made of it goes on. */
static bool load_anchors(struct ground *g)
{
    char why[ANCHORS_SAY_MAX], base[ANCHOR_BASE_MAX];
    struct anchors_loaded fresh;
    const enum rc rc = anchors_load(g->config.trust_anchor, g->config.trust_anchor_configured, &fresh, why);

    if (why[0] != '\0')
        say(g, rc == OK ? LOG_WARNING : LOG_ERR, "dns: %s", why);
    if (rc != OK)
        return false;
    g->stale = fresh.stale;
    anchor_base(&fresh.anchors, base);
    if (strcmp(base, g->base) == 0)
        return true;
    memcpy(g->base, base, sizeof base);
    g->source = fresh.source;
    g->keys = fresh.anchors;
    g->wrote = false;
    return true;
}

/* What was kept, where it came from the keys that the configuration has now. */
static void adopt(struct ground *g, const struct state *kept)
{
    if (kept->base[0] == '\0')
        return;
    if (strcmp(kept->base, g->base) != 0) {
        say(g, LOG_NOTICE, "dns: the keys in state-dir came from another trust anchor and are not used");
        return;
    }
    g->source = ANCHORS_KEPT;
    g->keys = kept->anchors;
    if (!anchor_is_stale(&g->keys))
        return;
    say(g, LOG_WARNING, "dns: the keys in state-dir are stale: the built-in KSK-2024 is added");
    g->stale = true;
    anchor_add_builtin(&g->keys);
}

void ground_track(struct ground *g, const char *folder)
{
    (void)snprintf(g->folder, sizeof g->folder, "%s", folder);
    g->floor = (struct wall){ INT64_MAX };
    g->clock = CLOCK_UNSYNCED;
}

void ground_kept(struct ground *g, const struct state *kept)
{
    g->floor = dates_floor((struct wall){ kept->floor_s });
    if (!g->heard)
        adopt(g, kept);
    g->heard = true; /* and where the clock can be believed, that makes a context which tracks */
    look_at_clock(g);
}

void ground_keys(const struct ground *g, struct state *out)
{
    *out = (struct state){ .anchors = g->keys };
    memcpy(out->base, g->base, sizeof out->base);
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
    const struct ground old = *g;

    take_config(g, config);
    if (is_same(&old.config, &g->config) || (load_anchors(g) && renew(g)))
        return;
    say(g, LOG_ERR, "dns: the resolver goes on with the old configuration");
    g->config = old.config;
    g->keys = old.keys;
    memcpy(g->base, old.base, sizeof g->base);
    g->source = old.source;
    g->stale = old.stale;
    g->wrote = false;
}

enum rc ground_open(struct ground *g, struct loop *loop, const struct config *config, ground_say *say_cb, ground_cb *cb,
                    void *who)
{
    *g = (struct ground){ .loop = loop, .say = say_cb, .cb = cb, .who = who };
    g->floor = dates_floor((struct wall){ 0 });
    g->clock = dates_state(g->floor);
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
