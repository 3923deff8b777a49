/*
 * duct - bytes between two sockets that the kernel carries: splice(2) through a pipe, neither copied nor seen.
 * Two descriptors and, of memory, the pages of what is in it. The process must ignore SIGPIPE: splice has no
 * MSG_NOSIGNAL.
 */
#ifndef IO_DUCT_H
#define IO_DUCT_H

#include "base/rc.h"

#include <stdbool.h>
#include <stddef.h>

/* Its memory is the owner's. */
struct duct {
    int in, out; /* of the pipe; -1: not open */
    bool asked;  /* duct_open was called */
    size_t n;    /* bytes in it */
};

void duct_init(struct duct *w);

/*
 * duct_open - from one stream socket to another, which become non-blocking. It stays closed where descriptors or the
 * user's share of pipe memory are used up, and is not tried again.
 */
void duct_open(struct duct *w, int from, int to);

bool duct_is_open(const struct duct *w);

/*
 * duct_take - into an empty duct, what `from` has: at most DUCT_BYTES.
 *   *n       how much came
 *   returns  OK | AGAIN_READ  nothing is there now | CLOSED | FAILED  errno
 */
MUST_USE enum rc duct_take(struct duct *w, int from, size_t *n);

/* duct_give - to `to`, what it takes. OK: w->n is less by that | AGAIN_WRITE  it takes nothing now | FAILED  errno */
MUST_USE enum rc duct_give(struct duct *w, int to);

/* duct_close - what is in it is dropped. */
void duct_close(struct duct *w);

#endif
