/*
 * family - the broker's children: forked, joined by pairs, watched, made again when they die, and led to their end.
 * Each child starts with its pairs waiting; when one is made again, each peer gets a new pair to it, and where one of
 * two has cut theirs, both get another, at most every PAIR_AGAIN_MS. Knows nothing of connections: what else a child
 * says goes to the broker.
 */
#ifndef ROLE_FAMILY_H
#define ROLE_FAMILY_H

#include "role/child.h"

#include <sys/types.h>

struct family;

struct family_ops {
    /* message - other than READY and TORN, at least a kind long, without descriptors. Not OK: the child does not keep
     * to the protocol and is killed. */
    enum rc (*message)(void *owner, enum role from, unsigned index, const void *msg, size_t n);
    /* ready - it has started; all of them have when family_is_ready. */
    void (*ready)(void *owner, enum role role, unsigned index);
    /* died - whatever it had is gone. Before all were ready for the first time the family does not go on: it calls
     * ended. */
    void (*died)(void *owner, enum role role, unsigned index);
    /* ended - the last one is gone after family_drain, or the start failed. */
    void (*ended)(void *owner, bool well);
    /* reaped - a child of this process that is none of these. */
    void (*reaped)(void *owner, pid_t pid, int status);
};

/* What each child gets when it starts; it may change. */
struct family_given {
    const struct config *config;
    int material; /* for workers alone: shut memory, see ops/material.h; -1: none */
};

/*
 * family_new - nobody is started yet.
 *   roles   worker's, resolver's and keeper's ops, by enum role
 *   given   borrowed
 *   null    see child_run
 */
struct family *family_new(struct loop *loop, const struct child_ops *const roles[], unsigned workers,
                          const struct family_given *given, int null, const struct family_ops *ops, void *owner);

/* family_free - kills who is left. NULL is fine. */
void family_free(struct family *f);

/* family_start - forks all. FAILED with errno where the first one could not be. */
MUST_USE enum rc family_start(struct family *f);

/* family_reap - SIGCHLD came. */
void family_reap(struct family *f);

/* family_is_ready - of one; of the whole. */
bool family_has(const struct family *f, enum role role, unsigned index);
bool family_is_ready(const struct family *f);

/* family_send - as child_send. */
MUST_USE enum rc family_send(struct family *f, enum role to, unsigned index, const void *msg, size_t n, const int *fds,
                             unsigned n_fds);

/* family_reconfigure - `given` has changed: all that live hear of it. `sealed` holds the configuration. One that does
 * not take it is killed: it would go on with another. */
void family_reconfigure(struct family *f, int sealed);

/* family_say - one line for the log; while there is no keeper to syslog and stderr. Works in a fork of the broker too.
 */
void family_say(struct family *f, int priority, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* family_drain - no new work: workers end their sessions (bounded: DRAIN_S), then the resolver, then the keeper.
 * family_hurry - workers end now. */
void family_drain(struct family *f);
void family_hurry(struct family *f);

/* family_list - as status shows them, without the broker; out has room for PROCESSES_MAX. Returns how many. */
unsigned family_list(const struct family *f, struct wire_process *out);

#endif
