/*
 * ground - what every answer stands on: a lookup context, the root validated in it, a clock that can be believed.
 * An unanchored resolver proves nothing (RFC 7672 2.1.1): until `. DNSKEY` validates secure there is no ground. When
 * the clock's state changes or somebody sets it, and when the configuration changes, the context begins afresh: what it
 * holds was judged by the old. It does so too while the root does not validate, since failures are cached:
 * by turns with UDP and over TCP alone, for paths that lose the one or its large answers.
 *   The root's keys come from the configuration's file. Where they are tracked (RFC 5011), libunbound reads and writes
 * them in a folder of RAM that nobody else writes, and this looks at what it has written: only a set with a trusted key
 * ever reaches the next context. Nothing is tracked by a clock that cannot be believed.
 */
#ifndef ROLE_GROUND_H
#define ROLE_GROUND_H

#include "base/clock.h"

#include "ops/anchors.h"
#include "ops/state.h"
#include "policy/facts.h"
#include "role/lookup.h"

#include <time.h>

/* ground_say - one line for the log; priority is syslog's. */
typedef void ground_say(void *who, int priority, const char *line);

enum ground_event {
    GROUND_FRESH,  /* another context: whatever was asked of the old one is not answered any more */
    GROUND_FIRM,   /* the root has validated */
    GROUND_FAILED, /* it did not; this goes on trying */
    GROUND_KEYS,   /* the root's keys were seen anew: ground_keys */
};

/* ground_event - GROUND_FRESH comes at the very start too. May ask questions, may not free the ground. */
typedef void ground_cb(void *who, enum ground_event event);

struct ground {
    /* to be read by everybody */
    struct lookup *lookup;
    enum clock_state clock;
    bool anchored;
    enum anchors_source source;
    bool stale;          /* that source lacks the key that signs the root */
    bool tracks;         /* RFC 5011 runs in the present context */
    struct anchors keys; /* what is trusted, and what is pending */
    /* ground.c's own */
    struct loop *loop;
    ground_say *say;
    ground_cb *cb;
    void *who;
    struct lookup_config config;
    char base[ANCHOR_BASE_MAX];   /* names the configuration's keys */
    char folder[CONFIG_PATH_MAX]; /* of RAM, "": nothing is tracked */
    bool heard;                   /* what was kept has been told */
    bool wrote;                   /* the file in that folder came from these keys */
    struct wall floor;            /* of the clock */
    struct timespec written;      /* of the file in that folder, when last looked at */
    int64_t clock_offset_ms;      /* wall minus monotonic, when last looked at */
    struct timer clock_timer, root_timer;
    bool said, said_folder; /* that the root does not validate; that the folder is of no use */
};

/* ground_open - opens all its files now; OK, or FAILED after saying why. A zeroed or failed ground may be closed. */
MUST_USE enum rc ground_open(struct ground *g, struct loop *loop, const struct config *config, ground_say *say,
                             ground_cb *cb, void *who);
void ground_close(struct ground *g);

/* ground_track - keys are to be tracked in this folder, and the clock is not believed before ground_kept. At once
 * behind ground_open. */
void ground_track(struct ground *g, const char *folder);

/* ground_kept - the floor of the clock, and at the first time the keys that outlived a restart, if there are any. */
void ground_kept(struct ground *g, const struct state *kept);

/* ground_keys - what is worth keeping. */
void ground_keys(const struct ground *g, struct state *out);

/* ground_config - where what concerns the DNS has changed, a fresh context; one that cannot be made is said, and the
 * old one stays. */
void ground_config(struct ground *g, const struct config *config);

/* ground_is_firm - may answers be believed? */
bool ground_is_firm(const struct ground *g);

/* ground_look - somebody asks: a clock that was set is looked at soon, and not only in its time. */
void ground_look(struct ground *g);

/* ground_clock - the clock's state; UNSYNCED too where somebody has set it and the context has yet to be made anew. */
enum clock_state ground_clock(const struct ground *g);

#endif
