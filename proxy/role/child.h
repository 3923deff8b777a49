/*
 * child - what every role but the broker has in common: its loop, its pairs to the others, its configuration, its words
 * to the log. A role is a struct child_ops; child_run does the rest, from its name to the last message. The broker gave
 * up its privileges for it, and closed whatever is not its own, before (role/family.c).
 */
#ifndef ROLE_CHILD_H
#define ROLE_CHILD_H

#include "io/loop.h"
#include "ops/config.h"
#include "ops/material.h"
#include "role/wire.h"

struct child;

struct child_ops {
    enum role role;
    /*
     * start - makes the role's own state before the system call filter is on: open files, read anchors, make contexts.
     *   returns  the state, or NULL: the reason was said, the child exits
     */
    void *(*start)(struct child *c);
    /* message - one from a peer, at least a kind long; n was not checked against that kind. The descriptors are the
     * callee's. */
    void (*message)(void *self, enum role from, unsigned index, const void *msg, size_t n, const int *fds,
                    unsigned n_fds);
    /* peer - a pair to (role, index) is there, for the first time or anew: whatever was asked over the old one is lost.
     * May be NULL. */
    void (*peer)(void *self, enum role with, unsigned index);
    /* config - child_config has changed. May be NULL. */
    void (*config)(void *self);
    /* drain - no new work will come; the role calls child_finish when it is done. NULL: done at once. */
    void (*drain)(void *self);
    /* stop - frees everything, so that leak checkers see what is lost. */
    void (*stop)(void *self);
};

/*
 * child_run - the whole life of a child behind its pair to the broker, which it takes.
 *   null     a descriptor that takes stderr's place once the role has started: nobody reads it any more; -1: it stays
 *   returns  its exit status: 0 when it finished, else 1
 */
int child_run(const struct child_ops *ops, unsigned index, int broker, const struct config *config, int null);

struct loop *child_loop(struct child *c);
const struct config *child_config(const struct child *c);

/* child_material - the roots and keys of that configuration; NULL in all roles but the worker's. It changes with it. */
const struct material *child_material(const struct child *c);

/* child_send - one message with descriptors, which stay the caller's. FAILED where there is no such peer now,
 * AGAIN_WRITE where its pair is full. */
MUST_USE enum rc child_send(struct child *c, enum role to, unsigned index, const void *msg, size_t n, const int *fds,
                            unsigned n_fds);

/* child_say - one line for the log, by way of the keeper; to stderr while there is none. Never waits. */
void child_say(struct child *c, int priority, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* child_cut - ends the pair to a peer that does not keep to the protocol, and asks the broker for another, which comes
 * PAIR_AGAIN_MS behind the last one at the earliest; the pair to the broker: ends this child. */
void child_cut(struct child *c, enum role with, unsigned index);

/* child_finish - ends the loop; child_run returns 0. */
void child_finish(struct child *c);

#endif
