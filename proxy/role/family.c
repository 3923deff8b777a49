#include "role/family.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/msg.h"
#include "role/bond.h"
#include "role/member.h"
#include "role/privs.h"
#include "role/spawn.h"

#define MESSAGES_A_TURN 64
#define KEEPER 0 /* members in the order of their start: the log first, then what the workers ask */
#define RESOLVER 1
#define WORKERS 2

static void spawn_again(void *owner);
static void end_of_patience(void *owner);
static void advance(struct family *f);

struct member *member_of(struct family *f, enum role role, unsigned index)
{
    for (unsigned i = 0; i < f->n; i++)
        if (f->member[i].role == role && f->member[i].index == index)
            return &f->member[i];
    return NULL;
}

struct family *family_new(struct loop *loop, const struct child_ops *const roles[], unsigned workers,
                          const struct family_given *given, int null, const struct family_ops *ops, void *owner)
{
    struct family *const f = calloc(1, sizeof *f);

    if (f == NULL)
        return NULL;
    *f = (struct family){ .loop = loop, .roles = roles, .given = given, .ops = ops, .owner = owner, .null = null };
    timer_init(&f->patience, loop, end_of_patience, f);
    timer_init(&f->mend, loop, bond_mend, f);
    f->n = WORKERS + (workers < PEERS_MAX ? workers : PEERS_MAX);
    for (unsigned i = 0; i < f->n; i++) {
        struct member *const m = &f->member[i];

        *m = (struct member){ .family = f,
                              .role = i == KEEPER     ? ROLE_KEEPER
                                      : i == RESOLVER ? ROLE_RESOLVER
                                                      : ROLE_WORKER,
                              .index = i < WORKERS ? 0 : i - WORKERS,
                              .fd = -1 };
        timer_init(&m->again, loop, spawn_again, m);
    }
    return f;
}

static void hang_up(struct member *m)
{
    if (m->fd < 0)
        return;
    watch_close(&m->watch);
    close(m->fd);
    m->fd = -1;
}

void family_free(struct family *f)
{
    if (f == NULL)
        return;
    timer_cancel(&f->patience);
    timer_cancel(&f->mend);
    for (unsigned i = 0; i < f->n; i++) {
        timer_cancel(&f->member[i].again);
        hang_up(&f->member[i]);
        if (f->member[i].pid > 0) {
            (void)kill(f->member[i].pid, SIGKILL);
            (void)waitpid(f->member[i].pid, NULL, 0);
        }
    }
    free(f);
}

void family_say(struct family *f, int priority, const char *fmt, ...)
{
    struct wire_log line = { .kind = WIRE_LOG, .priority = (uint32_t)priority };
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(line.text, sizeof line.text, fmt, args);
    va_end(args);
    if (family_send(f, ROLE_KEEPER, 0, &line, sizeof line, NULL, 0) != OK)
        syslog(priority, "%s", line.text); /* main opened it so that it goes to stderr too */
}

/* ---- messages ---- */

enum rc family_send(struct family *f, enum role to, unsigned index, const void *msg, size_t n, const int *fds,
                    unsigned n_fds)
{
    const struct member *const m = member_of(f, to, index);

    return m == NULL || m->fd < 0 ? FAILED : msg_send(m->fd, msg, n, fds, n_fds);
}

void member_end(struct member *m, const char *why)
{
    if (m->pid <= 0)
        return;
    family_say(m->family, LOG_ERR, "%s %u (pid %d) is ended: %s", privs_role_name(m->role), m->index, (int)m->pid, why);
    (void)kill(m->pid, SIGKILL); /* SIGCHLD tells the rest */
}

/* Roots and keys are a worker's alone. */
static enum rc give_material(const struct family *f, const struct member *m, int fd)
{
    const struct wire_simple material = { .kind = WIRE_MATERIAL };

    if (m->role != ROLE_WORKER || f->given->material < 0)
        return OK;
    return msg_send(fd, &material, sizeof material, &f->given->material, 1);
}

void family_reconfigure(struct family *f, int sealed)
{
    const struct wire_simple config = { .kind = WIRE_CONFIG };

    for (unsigned i = 0; i < f->n; i++) {
        struct member *const m = &f->member[i];

        if (m->fd >= 0 &&
            (give_material(f, m, m->fd) != OK || msg_send(m->fd, &config, sizeof config, &sealed, 1) != OK))
            member_end(m, "it does not take its messages");
    }
}

static enum rc is_ready_now(struct member *m, const void *msg, size_t n)
{
    struct family *const f = m->family;

    if (n != sizeof m->ready || m->ready.kind != 0)
        return MALFORMED;
    memcpy(&m->ready, msg, n);
    if (f->stage == STARTING && family_is_ready(f))
        f->stage = RUNNING;
    f->ops->ready(f->owner, m->role, m->index);
    return OK;
}

/* What is not READY's or TORN's is the broker's to read. */
static enum rc take(struct member *m, const void *msg, size_t n)
{
    struct family *const f = m->family;
    uint32_t kind = 0;

    if (n < sizeof kind)
        return MALFORMED;
    memcpy(&kind, msg, sizeof kind);
    if (kind == WIRE_READY)
        return is_ready_now(m, msg, n);
    return kind == WIRE_TORN ? bond_torn(m, msg, n) : f->ops->message(f->owner, m->role, m->index, msg, n);
}

static void receive(void *owner, unsigned ready)
{
    struct member *const m = owner;

    (void)ready;
    for (int i = 0; i < MESSAGES_A_TURN && m->fd >= 0; i++) {
        _Alignas(
            8) unsigned char msg[sizeof(struct wire_session) + 64]; /* the longest that a child sends us, and more */
        size_t n = 0;
        enum rc rc = msg_recv(m->fd, msg, sizeof msg, &n, NULL, NULL);

        if (rc == AGAIN_READ)
            return;
        if (rc == OK)
            rc = take(m, msg, n);
        if (rc == OK)
            continue;
        if (rc != CLOSED)
            member_end(m, "it does not keep to the protocol");
        hang_up(m);
        timer_set(&m->again, (int64_t)DRAIN_LAST_S * 1000); /* to die, or to end what it has begun to end */
    }
}

/* ---- birth ---- */

static enum rc try_spawn(struct member *m)
{
    struct family *const f = m->family;
    int pair[2];
    enum rc rc = msg_pair(pair);

    if (rc != OK)
        return rc;
    for (unsigned i = 0; i < f->n && rc == OK; i++)
        if (f->member[i].fd >= 0 && f->member[i].role != m->role) /* workers have nothing to say to each other */
            rc = bond_join(m, pair[0], &f->member[i]);
    if (rc == OK)
        rc = give_material(f, m, pair[0]);
    m->pid = rc == OK ? spawn_fork() : -1;
    if (m->pid == 0)
        spawn_child(f->roles[m->role], m->index, pair[1], f->given->config, f->null);
    close(pair[1]);
    if (m->pid < 0) {
        m->pid = 0;
        close(pair[0]);
        return FAILED;
    }
    m->fd = pair[0];
    m->started = clock_mono();
    m->ready = (struct wire_ready){ 0 };
    watch_open(&m->watch, f->loop, m->fd, receive, m);
    return watch_want(&m->watch, LOOP_READ);
}

static void later(struct member *m)
{
    const bool soon = m->started.ms != 0 && clock_mono().ms - m->started.ms < RESTART_SOON_MS;

    m->delay_ms = soon && m->delay_ms > 0 ? 2 * m->delay_ms : RESTART_MIN_MS;
    if (m->delay_ms > RESTART_MAX_MS)
        m->delay_ms = RESTART_MAX_MS;
    timer_set(&m->again, m->delay_ms);
}

static void spawn(struct member *m)
{
    if (try_spawn(m) == OK)
        return;
    family_say(m->family, LOG_ERR, "%s %u cannot be started: %s", privs_role_name(m->role), m->index, strerror(errno));
    if (m->pid > 0)
        member_end(m, "it cannot be watched");
    else
        later(m);
}

static void spawn_again(void *owner)
{
    struct member *const m = owner;

    if (m->pid > 0) {
        member_end(m, "it lives on without its pair");
    } else {
        m->restarts++;
        spawn(m);
    }
}

enum rc family_start(struct family *f)
{
    for (unsigned i = 0; i < f->n; i++)
        if (try_spawn(&f->member[i]) != OK)
            return FAILED;
    return OK;
}

/* ---- death ---- */

static void obituary(struct member *m, int status)
{
    struct family *const f = m->family;
    const char *const name = privs_role_name(m->role);

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && f->stage >= DRAIN_WORKERS)
        return;
    if (WIFEXITED(status))
        family_say(f, LOG_ERR, "%s %u (pid %d) ended with status %d", name, m->index, (int)m->pid, WEXITSTATUS(status));
    else
        family_say(f, LOG_ERR, "%s %u (pid %d) was killed by signal %d%s", name, m->index, (int)m->pid,
                   WTERMSIG(status), WTERMSIG(status) == SIGSYS ? ": it called what its role may not" : "");
}

/* Does the family, as it is now, still need this one? */
static bool is_needed(const struct family *f, const struct member *m)
{
    switch (f->stage) {
    case STARTING:
    case DRAIN_KEEPER:
    case OVER:
        return false;
    case RUNNING:
        return true;
    case DRAIN_WORKERS: /* sessions still ask them */
        return m->role != ROLE_WORKER;
    case DRAIN_RESOLVER:
        return m->role == ROLE_KEEPER;
    }
    return false;
}

static void bury(struct member *m, int status)
{
    struct family *const f = m->family;

    hang_up(m);
    timer_cancel(&m->again);
    obituary(m, status);
    m->pid = 0;
    m->ready = (struct wire_ready){ 0 };
    f->ops->died(f->owner, m->role, m->index);
    if (f->stage == STARTING) {
        f->stage = OVER;
        f->ops->ended(f->owner, false);
    } else if (is_needed(f, m)) {
        later(m);
    }
}

void family_reap(struct family *f)
{
    int status = 0;

    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        struct member *m = NULL;

        for (unsigned i = 0; i < f->n && m == NULL; i++)
            if (f->member[i].pid == pid)
                m = &f->member[i];
        if (m != NULL)
            bury(m, status);
        else
            f->ops->reaped(f->owner, pid, status);
    }
    if (f->stage >= DRAIN_WORKERS)
        advance(f);
}

/* ---- the end ---- */

static bool lives(const struct family *f, enum role role)
{
    for (unsigned i = 0; i < f->n; i++)
        if (f->member[i].role == role && f->member[i].pid > 0)
            return true;
    return false;
}

static void stage_of(struct family *f, enum stage stage, enum role role, int64_t patience_s)
{
    const struct wire_simple drain = { .kind = WIRE_DRAIN };

    f->stage = stage;
    for (unsigned i = 0; i < f->n; i++) {
        struct member *const m = &f->member[i];

        if (m->role != role)
            continue;
        timer_cancel(&m->again);
        if (m->fd >= 0 && msg_send(m->fd, &drain, sizeof drain, NULL, 0) != OK)
            member_end(m, "it does not take its messages");
    }
    timer_set(&f->patience, patience_s * 1000);
}

static void kill_role(struct family *f, enum role role)
{
    for (unsigned i = 0; i < f->n; i++)
        if (f->member[i].role == role)
            member_end(&f->member[i], "it has had its time to end");
}

static void end_of_patience(void *owner)
{
    struct family *const f = owner;

    kill_role(f, f->stage == DRAIN_WORKERS ? ROLE_WORKER : f->stage == DRAIN_RESOLVER ? ROLE_RESOLVER : ROLE_KEEPER);
}

/* To the next stage when the last of this one is gone. */
static void advance(struct family *f)
{
    if (f->stage == DRAIN_WORKERS && !lives(f, ROLE_WORKER))
        stage_of(f, DRAIN_RESOLVER, ROLE_RESOLVER, DRAIN_LAST_S);
    if (f->stage == DRAIN_RESOLVER && !lives(f, ROLE_RESOLVER))
        stage_of(f, DRAIN_KEEPER, ROLE_KEEPER, DRAIN_LAST_S);
    if (f->stage == DRAIN_KEEPER && !lives(f, ROLE_KEEPER)) {
        f->stage = OVER;
        timer_cancel(&f->patience);
        f->ops->ended(f->owner, true);
    }
}

void family_drain(struct family *f)
{
    if (f->stage >= DRAIN_WORKERS)
        return;
    stage_of(f, DRAIN_WORKERS, ROLE_WORKER, DRAIN_S);
    advance(f);
}

void family_hurry(struct family *f)
{
    if (f->stage == DRAIN_WORKERS)
        kill_role(f, ROLE_WORKER);
}

/* ---- who is there ---- */

bool family_has(const struct family *f, enum role role, unsigned index)
{
    for (unsigned i = 0; i < f->n; i++)
        if (f->member[i].role == role && f->member[i].index == index)
            return f->member[i].ready.kind != 0;
    return false;
}

bool family_is_ready(const struct family *f)
{
    for (unsigned i = 0; i < f->n; i++)
        if (f->member[i].ready.kind == 0)
            return false;
    return true;
}

unsigned family_list(const struct family *f, struct wire_process *out)
{
    for (unsigned i = 0; i < f->n; i++) {
        const struct member *const m = &f->member[i];

        out[i] = (struct wire_process){ .role = m->role,
                                        .index = m->index,
                                        .pid = m->pid,
                                        .ready = m->ready.kind != 0,
                                        .seccomp = m->ready.seccomp,
                                        .landlock = m->ready.landlock,
                                        .restarts = m->restarts };
    }
    return f->n;
}
