/*
 * ground - what every answer stands on: a lookup context, the root validated in it, a clock that can be believed.
 * An unanchored resolver proves nothing (RFC 7672 2.1.1): until `. DNSKEY` validates secure there is no ground. When
 * the clock's state changes or somebody sets it, and when the configuration changes, the context begins afresh: what it
 * holds was judged by the old. It does so too while the root does not validate, since failures are cached:
 * by turns with UDP and over TCP alone, for paths that lose the one or its large answers.
 */
#ifndef ROLE_GROUND_H
#define ROLE_GROUND_H

#include "ops/anchors.h"
#include "policy/facts.h"
#include "role/lookup.h"

/* ground_say - one line for the log; priority is syslog's. */
typedef void ground_say(void *who, int priority, const char *line);

enum ground_event {
    GROUND_FRESH,  /* another context: whatever was asked of the old one is not answered any more */
    GROUND_FIRM,   /* the root has validated */
    GROUND_FAILED, /* it did not; this goes on trying */
};

/* ground_event - GROUND_FRESH comes at the very start too. May ask questions, may not free the ground. */
typedef void ground_cb(void *who, enum ground_event event);

struct ground {
    /* to be read by everybody */
    struct lookup *lookup;
    enum clock_state clock;
    bool anchored;
    /* ground.c's own */
    struct loop *loop;
    ground_say *say;
    ground_cb *cb;
    void *who;
    struct lookup_config config;
    struct anchors anchors;
    int64_t clock_offset_ms; /* wall minus monotonic, when last looked at */
    struct timer clock_timer, root_timer;
    bool said; /* that the root does not validate */
};

/* ground_open - opens all its files now; OK, or FAILED after saying why. A zeroed or failed ground may be closed. */
MUST_USE enum rc ground_open(struct ground *g, struct loop *loop, const struct config *config, ground_say *say,
                             ground_cb *cb, void *who);
void ground_close(struct ground *g);

/* ground_config - where what concerns the DNS has changed, a fresh context; one that cannot be made is said, and the
 * old one stays. */
void ground_config(struct ground *g, const struct config *config);

/* ground_is_firm - may answers be believed? */
bool ground_is_firm(const struct ground *g);

#endif
