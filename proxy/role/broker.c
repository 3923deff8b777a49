#include "role/broker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "role/dial.h"
#include "role/intake.h"
#include "role/notify.h"
#include "role/reload.h"

struct broker;

struct listener {
    struct broker *broker;
    struct addr at;
    int fd; /* -1: closed */
    struct watch watch;
};

struct broker {
    const struct broker_start *start;
    struct loop *loop;
    struct config *config;
    struct family_given given; /* the same, as others see it, and the keys beside it */
    struct family *family;
    struct ledger *ledger;
    struct intake intake;
    struct reload reload;
    struct listener listener[CONFIG_ENDPOINTS_MAX];
    struct timer pause, tell;
    struct wire_counts counts;
    unsigned cap;
    bool up, stopping, well, news; /* news: numbers that the keeper has not heard */
};

/* ---- numbers ---- */

static void tell_counts(void *owner)
{
    struct broker *const b = owner;

    b->counts.kind = WIRE_COUNTS;
    b->counts.sessions = ledger_count(b->ledger);
    b->counts.peak = ledger_peak(b->ledger);
    b->counts.draining = b->stopping;
    b->counts.process[0] =
        (struct wire_process){ .role = ROLE_BROKER, .pid = (int32_t)getpid(), .ready = 1, .seccomp = 1 };
    b->counts.n_processes = 1 + family_list(b->family, &b->counts.process[1]);
    (void)!family_send(b->family, ROLE_KEEPER, 0, &b->counts, sizeof b->counts, NULL, 0);
    b->news = false;
    timer_set(&b->tell, COUNTS_IDLE_MS);
}

static void counted(struct broker *b)
{
    if (!b->news)
        timer_set(&b->tell, COUNTS_MS);
    b->news = true;
}

/* ---- listeners ---- */

static void listen_to(struct broker *b, bool yes)
{
    for (unsigned i = 0; i < CONFIG_ENDPOINTS_MAX; i++)
        if (b->listener[i].fd >= 0 && watch_want(&b->listener[i].watch, yes ? LOOP_READ : 0) != OK)
            family_say(b->family, LOG_ERR, "a listener cannot be watched: %s", strerror(errno));
}

/* Without a worker, connections wait in the kernel; after SIGTERM there is nothing to wait for. */
static void listen_if_useful(struct broker *b)
{
    unsigned worker = 0;

    listen_to(b, b->up && !b->stopping && !timer_is_set(&b->pause) && intake_worker(&b->intake, &worker));
}

static void pause_is_over(void *owner)
{
    listen_if_useful(owner);
}

static void on_accept(void *owner, unsigned ready)
{
    struct listener *const l = owner;

    (void)ready;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        const int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0) {
            intake_take(&l->broker->intake, &l->at, fd);
            counted(l->broker);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            family_say(l->broker->family, LOG_ERR, "accept: %s; waiting", strerror(errno));
            timer_set(&l->broker->pause, ACCEPT_PAUSE_MS);
            listen_if_useful(l->broker);
            return;
        }
        if (errno == EAGAIN)
            return; /* any other error is that of a connection that is gone already (accept(2)) */
    }
}

static void close_listeners(struct broker *b)
{
    for (unsigned i = 0; i < CONFIG_ENDPOINTS_MAX; i++) {
        if (b->listener[i].fd < 0)
            continue;
        watch_close(&b->listener[i].watch);
        close(b->listener[i].fd);
        b->listener[i].fd = -1;
    }
}

/* ---- what the children say ---- */

static void dial_again(struct broker *b, unsigned worker, const struct wire_session *ask)
{
    const struct ledger_entry *const e = ledger_find(b->ledger, ask->id, worker);
    struct wire_session answer = *ask;
    int server = -1;

    if (e != NULL)
        answer = intake_about(b->config, WIRE_DIALED, e, dial(b->config, e, &server) == OK ? 0 : errno);
    else /* not its session: it gets no socket */
        answer.error = EPERM;
    answer.kind = WIRE_DIALED;
    b->counts.dial_failed += server < 0;
    counted(b);
    if (family_send(b->family, ROLE_WORKER, worker, &answer, sizeof answer, &server, server >= 0 ? 1 : 0) != OK)
        family_say(b->family, LOG_ERR, "worker %u does not take its messages", worker);
    if (server >= 0)
        close(server);
}

static enum rc on_message(void *owner, enum role from, unsigned index, const void *msg, size_t n)
{
    struct broker *const b = owner;
    struct wire_session m;

    if (from != ROLE_WORKER || n != sizeof m)
        return MALFORMED;
    memcpy(&m, msg, sizeof m);
    if (m.kind == WIRE_DIAL) {
        dial_again(b, index, &m);
        return OK;
    }
    if (m.kind != WIRE_END)
        return MALFORMED;
    struct ledger_entry *const e = ledger_find(b->ledger, m.id, index);
    if (e != NULL)
        ledger_close(b->ledger, e);
    counted(b);
    return OK;
}

/* The first time: now the parent may go, and connections may come. */
static void come_up(struct broker *b)
{
    b->up = true;
    if (b->start->ready >= 0) {
        (void)!write(b->start->ready, "", 1);
        close(b->start->ready);
        if (b->start->null >= 0)
            (void)dup2(b->start->null, STDERR_FILENO);
    }
    notify_ready(b->start->notify);
    family_say(b->family, LOG_INFO, "ready: %u worker%s, %u listener%s", (unsigned)b->config->workers,
               b->config->workers == 1 ? "" : "s", (unsigned)b->config->listen.n, b->config->listen.n == 1 ? "" : "s");
}

static void on_ready(void *owner, enum role role, unsigned index)
{
    struct broker *const b = owner;
    const struct wire_simple control = { .kind = WIRE_CONTROL };

    (void)index;
    if (role == ROLE_KEEPER) {
        (void)!family_send(b->family, ROLE_KEEPER, 0, &control, sizeof control, &b->start->control, 1);
        tell_counts(b);
    }
    if (!b->up && family_is_ready(b->family)) {
        come_up(b);
        tell_counts(b);
    }
    listen_if_useful(b);
    counted(b);
}

static void on_died(void *owner, enum role role, unsigned index)
{
    struct broker *const b = owner;

    if (role == ROLE_WORKER)
        ledger_forget(b->ledger, index); /* the kernel has reset them with its descriptors */
    listen_if_useful(b);
    counted(b);
}

static void on_ended(void *owner, bool well)
{
    struct broker *const b = owner;

    b->well = well;
    loop_stop(b->loop);
}

/* ---- signals ---- */

static void begin_reload(struct broker *b)
{
    notify_reloading(b->start->notify);
    reload_begin(&b->reload, b->family, b->start->config_path, b->config, b->cap);
}

static void on_reaped(void *owner, pid_t pid, int status)
{
    struct broker *const b = owner;
    struct reloaded fresh;

    if (!reload_end(&b->reload, b->family, pid, status, b->config, &fresh))
        return;
    if (fresh.config != NULL) {
        free(b->config);
        if (b->given.material >= 0)
            close(b->given.material);
        b->config = fresh.config;
        b->given = (struct family_given){ fresh.config, fresh.material };
        family_reconfigure(b->family, fresh.sealed);
        close(fresh.sealed);
        family_say(b->family, LOG_INFO, "the configuration was read again and is in force");
    }
    notify_ready(b->start->notify);
    if (b->reload.again)
        begin_reload(b);
}

static void on_signal(void *owner, int number)
{
    struct broker *const b = owner;

    if (number == SIGCHLD) {
        family_reap(b->family);
    } else if (number == SIGHUP) {
        if (b->up && !b->stopping)
            begin_reload(b);
    } else if (b->stopping) {
        family_hurry(b->family);
    } else {
        b->stopping = true;
        notify_stopping(b->start->notify);
        close_listeners(b); /* from here on the kernel's rules reset what comes */
        family_say(b->family, LOG_INFO, "stopping: %u sessions are left to end", ledger_count(b->ledger));
        tell_counts(b);
        family_drain(b->family);
    }
}

/* ---- from start to end ---- */

static enum rc set_up(struct broker *b)
{
    static const int numbers[] = { SIGCHLD, SIGHUP, SIGTERM, SIGINT };
    static const struct family_ops ops = {
        .message = on_message, .ready = on_ready, .died = on_died, .ended = on_ended, .reaped = on_reaped
    };
    struct timespec boot = { 0 };

    (void)clock_gettime(CLOCK_BOOTTIME, &boot);
    b->cap = b->config->sessions;
    b->ledger = ledger_new(b->cap, (uint64_t)boot.tv_sec * 1000 + (uint64_t)boot.tv_nsec / 1000000);
    b->family = family_new(b->loop, b->start->roles, b->config->workers, &b->given, b->start->null, &ops, b);
    if (b->ledger == NULL || b->family == NULL)
        return FAILED;
    intake_init(&b->intake, &b->given.config, b->family, b->ledger, &b->counts);
    timer_init(&b->pause, b->loop, pause_is_over, b);
    timer_init(&b->tell, b->loop, tell_counts, b);
    for (unsigned i = 0; i < b->config->listen.n; i++) {
        struct listener *const l = &b->listener[i];

        *l = (struct listener){ .broker = b,
                                .at = { b->config->listen.at[i].ip, b->config->listen.at[i].port },
                                .fd = b->start->listener[i] };
        watch_open(&l->watch, b->loop, l->fd, on_accept, l);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (loop_signal(b->loop, numbers[i], on_signal, b) != OK)
            return FAILED;
    return family_start(b->family);
}

static void tear_down(struct broker *b)
{
    close_listeners(b);
    timer_cancel(&b->pause);
    timer_cancel(&b->tell);
    family_free(b->family);
    ledger_free(b->ledger);
    loop_free(b->loop);
    if (b->given.material >= 0)
        close(b->given.material);
    free(b->config);
}

int broker_run(const struct broker_start *start, struct config *config)
{
    struct broker b = { .start = start, .config = config, .given = { config, start->material } };

    for (unsigned i = 0; i < CONFIG_ENDPOINTS_MAX; i++)
        b.listener[i].fd = -1;
    b.loop = loop_new();
    if (b.loop == NULL || loop_guard(TURN_CPU_MS) != OK || set_up(&b) != OK)
        syslog(LOG_ERR, "cannot start: %s", strerror(errno));
    else if (loop_run(b.loop) != OK)
        syslog(LOG_ERR, "the loop failed: %s", strerror(errno));
    tear_down(&b);
    return b.well ? 0 : 1;
}
