/*
 * kept - what the keeper keeps over a restart: the floor of the clock and the root's keys (ops/state), in memory, and
 * in state-dir at most every STATE_EVERY_S and at the end. A folder that cannot be written is said once and survived.
 *   The floor rises only while the kernel calls the clock synchronised *and* the root validates by it: its signatures
 * hold for some days, so a time server that lies by years cannot raise it. The kernel is asked here too: the resolver
 * may have been taken over.
 */
#ifndef ROLE_KEPT_H
#define ROLE_KEPT_H

#include "base/clock.h"
#include "io/loop.h"
#include "ops/state.h"
#include "role/wire.h"

typedef void kept_say(void *who, int priority, const char *line);

/* kept_floor_cb - the floor is another one: the resolver is to hear of it. */
typedef void kept_floor_cb(void *who);

struct kept {
    /* to be read by everybody */
    struct state state;
    bool writable; /* state-dir, when last tried */
    /* kept.c's own */
    char folder[CONFIG_PATH_MAX];
    kept_say *say;
    kept_floor_cb *floor_changed;
    void *who;
    struct anchors given;
    char base[ANCHOR_BASE_MAX]; /* names these */
    bool dirty, proven, ever_saved, said_keys;
    struct mono saved_at;
    int64_t offset_ms; /* wall minus monotonic, when last looked at */
    struct timer look;
};

/* kept_open - reads the file, and says what is wrong with it. */
void kept_open(struct kept *k, struct loop *loop, const char *folder, kept_say *say, kept_floor_cb *floor_changed,
               void *who);
/* kept_close - writes what has changed. */
void kept_close(struct kept *k);

/* kept_proven - do the kernel and the root's signatures vouch for the clock now? */
void kept_proven(struct kept *k, bool proven);

/* kept_given - the keys of the configuration, as this process has read them itself. Without them none are kept. */
void kept_given(struct kept *k, const struct anchors *given);

/* kept_anchors - keys from the resolver, which are kept where RFC 5011 can have made them of those that are known here
 * (anchor_follows). */
void kept_anchors(struct kept *k, struct state *from);

/* kept_reset - back to the time of the build: for a clock that was once believed and wrong. */
void kept_reset(struct kept *k);

/* kept_floor - the floor that holds now. */
struct wall kept_floor(const struct kept *k);

/* kept_pack - a message; its length. kept_unpack - MALFORMED: it is none. */
size_t kept_pack(enum wire kind, const struct state *s, struct wire_kept *out);
MUST_USE enum rc kept_unpack(const void *msg, size_t n, struct state *out);

#endif
