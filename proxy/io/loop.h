/*
 * loop - the one event loop of a process: readiness of descriptors, timers, signals. Hides libevent.
 * Level-triggered, one thread, nothing in it waits. A callback may end, free or start anything, its own watch or timer
 * included. The memory of a watch or timer is its owner's, usually a field; it allocates nothing.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/rc.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* loop_new - a loop without anything in it; NULL when the kernel or memory refuses. */
struct loop *loop_new(void);

/* loop_run - calls back until loop_stop, or until nothing is left to wait for. OK, or FAILED with errno. */
MUST_USE enum rc loop_run(struct loop *loop);

/*
 * loop_guard - from now on this process dies of SIGXCPU when it spends cpu_ms of processor time, twice that at the
 * latest, without coming back to its loop: what spins in one callback holds up everybody, and whoever waits for the
 * process makes a new one. For the whole process, once, before its system calls are filtered. OK or FAILED (errno).
 */
MUST_USE enum rc loop_guard(unsigned cpu_ms);

/* loop_stop - loop_run returns behind the callback that is running. */
void loop_stop(struct loop *loop);

/* loop_free - also ends the signals. Watches and timers must be closed before. NULL is fine. */
void loop_free(struct loop *loop);

/* loop_base - the library's own loop, for libunbound, which shares it (ub_ctx_create_event). */
void *loop_base(struct loop *loop);

/* loop_signal - from now on signal `number` is told by cb, in the loop. At most 8. OK or FAILED. */
typedef void loop_signal_cb(void *owner, int number);
MUST_USE enum rc loop_signal(struct loop *loop, int number, loop_signal_cb *cb, void *owner);

/* Room for the library's event; loop.c checks the size. */
struct loop_event {
    void *opaque[16];
};

/* What of a descriptor is of interest, and what a callback is told. */
enum {
    LOOP_READ = 1, /* readable, or ended, or failed */
    LOOP_WRITE = 2
};

typedef void watch_cb(void *owner, unsigned ready);

struct watch {
    struct loop_event event;
    struct loop *loop;
    watch_cb *cb; /* NULL: not open */
    void *owner;
    int fd;
    unsigned want;
};

/*
 * watch_open - looks at fd, which stays the caller's, with no interest at first. Close the watch before the descriptor.
 *   ready (of cb)  LOOP_READ, LOOP_WRITE or both, never what watch_want did not ask
 */
void watch_open(struct watch *w, struct loop *loop, int fd, watch_cb *cb, void *owner);

/* watch_want - the interest from now on, until changed: 0, LOOP_READ, LOOP_WRITE or both. OK or FAILED (errno). */
MUST_USE enum rc watch_want(struct watch *w, unsigned want);

/* watch_close - no callback comes any more. A zeroed or closed watch is fine. */
void watch_close(struct watch *w);

typedef void timer_cb(void *owner);

/* One shot. */
struct timer {
    struct loop_event event;
    timer_cb *cb; /* NULL: not initialised */
    void *owner;
};

void timer_init(struct timer *t, struct loop *loop, timer_cb *cb, void *owner);

/* timer_set - rings once, after_ms from now (0: on the loop's next turn), in place of an earlier setting. */
void timer_set(struct timer *t, int64_t after_ms);

bool timer_is_set(const struct timer *t);

/* timer_cancel - does not ring. A zeroed, silent or cancelled timer is fine. */
void timer_cancel(struct timer *t);

#endif
