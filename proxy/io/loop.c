#include "io/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define SIGNALS_MAX 8

_Static_assert(sizeof(struct event) <= sizeof(struct loop_event), "the library's event fits its place");
_Static_assert(_Alignof(struct event) <= _Alignof(struct loop_event), "and may stand there");

struct signal_watch {
    struct event event;
    loop_signal_cb *cb;
    void *owner;
};

struct loop {
    struct event_base *base;
    unsigned n_signals;
    struct signal_watch signals[SIGNALS_MAX];
};

static struct event *event_of(struct loop_event *e)
{
    return (struct event *)(void *)e->opaque;
}

struct loop *loop_new(void)
{
    struct loop *loop = calloc(1, sizeof *loop);
    struct event_config *config = event_config_new();

    if (loop != NULL && config != NULL) {
        /* One thread; and nobody's environment chooses how mail is watched. */
        (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
        loop->base = event_base_new_with_config(config);
    }
    if (config != NULL)
        event_config_free(config);
    if (loop != NULL && loop->base == NULL) {
        free(loop);
        loop = NULL;
    }
    return loop;
}

/* What the guard's signal sees: has the loop gone on since it came last? One loop a process. A number of turns would
 * come round to where it was, and end a process that is only busy. */
static volatile sig_atomic_t went_on;

static void on_cpu_spent(int number)
{
    if (went_on) {
        went_on = 0;
        return;
    }
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

enum rc loop_guard(unsigned cpu_ms)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGXCPU };
    const struct timespec period = { .tv_sec = cpu_ms / 1000, .tv_nsec = (long)(cpu_ms % 1000) * 1000000 };
    const struct itimerspec when = { .it_interval = period, .it_value = period };
    const struct sigaction action = { .sa_handler = on_cpu_spent, .sa_flags = SA_RESTART };
    timer_t timer;

    if (sigaction(SIGXCPU, &action, NULL) != 0 || timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) != 0)
        return FAILED;
    return timer_settime(timer, 0, &when, NULL) == 0 ? OK : FAILED;
}

enum rc loop_run(struct loop *loop)
{
    int more;

    do {
        went_on = 1;
        more = event_base_loop(loop->base, EVLOOP_ONCE);
    } while (more == 0 && !event_base_got_break(loop->base));
    return more < 0 ? FAILED : OK;
}

void loop_stop(struct loop *loop)
{
    (void)event_base_loopbreak(loop->base);
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    for (unsigned i = 0; i < loop->n_signals; i++)
        (void)event_del(&loop->signals[i].event);
    event_base_free(loop->base);
    free(loop);
}

void *loop_base(struct loop *loop)
{
    return loop->base;
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    const struct signal_watch *s = arg;

    (void)what;
    s->cb(s->owner, (int)number);
}

enum rc loop_signal(struct loop *loop, int number, loop_signal_cb *cb, void *owner)
{
    struct signal_watch *s = &loop->signals[loop->n_signals];

    if (loop->n_signals == SIGNALS_MAX)
        return FAILED;
    *s = (struct signal_watch){ .cb = cb, .owner = owner };
    if (event_assign(&s->event, loop->base, number, EV_SIGNAL | EV_PERSIST, on_signal, s) != 0 ||
        event_add(&s->event, NULL) != 0)
        return FAILED;
    loop->n_signals++;
    return OK;
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    const struct watch *w = arg;

    (void)fd;
    w->cb(w->owner, ((what & EV_READ) != 0 ? LOOP_READ : 0U) | ((what & EV_WRITE) != 0 ? LOOP_WRITE : 0U));
}

void watch_open(struct watch *w, struct loop *loop, int fd, watch_cb *cb, void *owner)
{
    *w = (struct watch){ .loop = loop, .cb = cb, .owner = owner, .fd = fd };
}

enum rc watch_want(struct watch *w, unsigned want)
{
    struct event *e = event_of(&w->event);
    const short flags =
        (short)(EV_PERSIST | ((want & LOOP_READ) != 0 ? EV_READ : 0) | ((want & LOOP_WRITE) != 0 ? EV_WRITE : 0));

    if (want == w->want)
        return OK;
    if (w->want != 0)
        (void)event_del(e);
    w->want = 0;
    if (want != 0 && (event_assign(e, w->loop->base, w->fd, flags, on_ready, w) != 0 || event_add(e, NULL) != 0))
        return FAILED;
    w->want = want;
    return OK;
}

void watch_close(struct watch *w)
{
    if (w->cb != NULL && w->want != 0)
        (void)event_del(event_of(&w->event));
    w->want = 0;
    w->cb = NULL;
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    const struct timer *t = arg;

    (void)fd;
    (void)what;
    t->cb(t->owner);
}

void timer_init(struct timer *t, struct loop *loop, timer_cb *cb, void *owner)
{
    *t = (struct timer){ .cb = cb, .owner = owner };
    (void)event_assign(event_of(&t->event), loop->base, -1, 0, on_time, t);
}

void timer_set(struct timer *t, int64_t after_ms)
{
    const int64_t ms = after_ms < 0 ? 0 : after_ms;
    const struct timeval tv = { .tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

    if (event_add(event_of(&t->event), &tv) != 0)
        abort(); /* no memory for the heap of timers: without one nothing would ever end */
}

bool timer_is_set(const struct timer *t)
{
    return t->cb != NULL && event_pending((const struct event *)(const void *)t->event.opaque, EV_TIMEOUT, NULL) != 0;
}

void timer_cancel(struct timer *t)
{
    if (t->cb != NULL)
        (void)event_del(event_of(&t->event));
}
