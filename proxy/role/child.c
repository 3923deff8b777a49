#include "role/child.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "io/msg.h"
#include "io/sealed.h"
#include "role/privs.h"

#define MESSAGES_A_TURN 32 /* of one peer; then the others get theirs */
#define TORN_AGAIN_MS 1000 /* the broker's pair was full */

struct peer {
    struct child *child;
    enum role role;
    unsigned index;
    int fd;          /* -1: none now */
    uint32_t number; /* of this pair, or of the last one */
    bool torn;       /* it was cut, and the broker has not heard of it */
    struct watch watch;
};

struct child {
    const struct child_ops *ops;
    unsigned index;
    void *self; /* NULL until ops->start */
    struct loop *loop;
    struct config *config;
    struct material *material, *next_material; /* the second waits for its configuration */
    struct peer broker, resolver, keeper, worker[PEERS_MAX];
    struct timer torn;
    bool draining, finished, broken;
    _Alignas(8) unsigned char message[MSG_MAX];
};

struct loop *child_loop(struct child *c)
{
    return c->loop;
}

const struct config *child_config(const struct child *c)
{
    return c->config;
}

const struct material *child_material(const struct child *c)
{
    return c->material;
}

static struct peer *peer_of(struct child *c, enum role role, unsigned index)
{
    switch (role) {
    case ROLE_BROKER:
        return &c->broker;
    case ROLE_RESOLVER:
        return &c->resolver;
    case ROLE_KEEPER:
        return &c->keeper;
    case ROLE_WORKER:
        return index < PEERS_MAX ? &c->worker[index] : NULL;
    }
    return NULL;
}

static void peer_close(struct peer *p)
{
    if (p->fd < 0)
        return;
    watch_close(&p->watch);
    close(p->fd);
    p->fd = -1;
}

void child_finish(struct child *c)
{
    c->finished = true;
    loop_stop(c->loop);
}

/* Its process has died, or has cut us: whoever knows which does something about it. */
static void lose(struct child *c, struct peer *p)
{
    peer_close(p);
    if (p->role == ROLE_BROKER) { /* without it nothing comes any more */
        c->broken = true;
        loop_stop(c->loop);
    }
}

static void tell_torn(void *owner)
{
    struct child *const c = owner;

    for (unsigned i = 0; i < 2 + PEERS_MAX; i++) {
        struct peer *const p = i == 0 ? &c->resolver : i == 1 ? &c->keeper : &c->worker[i - 2];
        const struct wire_simple torn = { WIRE_TORN, p->role, p->index, p->number };

        if (!p->torn)
            continue;
        if (child_send(c, ROLE_BROKER, 0, &torn, sizeof torn, NULL, 0) == AGAIN_WRITE)
            timer_set(&c->torn, TORN_AGAIN_MS);
        else
            p->torn = false;
    }
}

void child_cut(struct child *c, enum role with, unsigned index)
{
    struct peer *const p = peer_of(c, with, index);

    if (p == NULL || p->fd < 0)
        return;
    lose(c, p);
    p->torn = with != ROLE_BROKER;
    tell_torn(c);
}

enum rc child_send(struct child *c, enum role to, unsigned index, const void *msg, size_t n, const int *fds,
                   unsigned n_fds)
{
    const struct peer *const p = peer_of(c, to, index);

    if (p == NULL || p->fd < 0)
        return FAILED;
    const enum rc rc = msg_send(p->fd, msg, n, fds, n_fds);
    return rc == CLOSED ? FAILED : rc;
}

void child_say(struct child *c, int priority, const char *fmt, ...)
{
    struct wire_log line = { .kind = WIRE_LOG, .priority = (uint32_t)priority };
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(line.text, sizeof line.text, fmt, args);
    va_end(args);
    if (c->ops->role == ROLE_KEEPER && c->self != NULL)
        c->ops->message(c->self, ROLE_KEEPER, 0, &line, sizeof line, NULL, 0);
    else if (child_send(c, ROLE_KEEPER, 0, &line, sizeof line, NULL, 0) != OK)
        (void)fprintf(stderr, "waxseald: %s\n", line.text);
}

/* ---- what the broker says ---- */

static void receive(void *owner, unsigned ready);

static enum rc peer_open(struct child *c, struct peer *p, int fd)
{
    peer_close(p);
    p->torn = false;
    p->fd = fd;
    watch_open(&p->watch, c->loop, fd, receive, p);
    if (watch_want(&p->watch, LOOP_READ) == OK)
        return OK;
    peer_close(p);
    return FAILED;
}

/* A new pair to another child; takes fd. */
static void meet(struct child *c, const struct wire_simple *m, int fd)
{
    struct peer *const p = m->role == ROLE_WORKER || m->role == ROLE_RESOLVER || m->role == ROLE_KEEPER
                               ? peer_of(c, m->role, m->index)
                               : NULL;

    if (p == NULL) {
        close(fd);
        return;
    }
    p->number = m->number;
    if (peer_open(c, p, fd) == OK && c->self != NULL && c->ops->peer != NULL)
        c->ops->peer(c->self, p->role, p->index);
}

/* What belongs to the next configuration; before the start, to the one that we have. Takes fd. */
static void prepare(struct child *c, int fd)
{
    struct material **const at = c->self == NULL && c->material == NULL ? &c->material : &c->next_material;

    material_close(*at);
    *at = material_open(fd);
    close(fd);
    if (*at == NULL)
        child_say(c, LOG_ERR, "%s: roots and keys did not arrive whole", privs_role_name(c->ops->role));
}

/* A configuration that was parsed elsewhere: sealed, so that nobody changes it while it is read. Takes fd. */
static void reconfigure(struct child *c, int fd)
{
    struct config *const fresh = malloc(sizeof *fresh);
    const struct span sealed = sealed_map(fd, sizeof *fresh);
    const bool well =
        fresh != NULL && sealed.n == sizeof *fresh && (c->ops->role != ROLE_WORKER || c->next_material != NULL);

    close(fd);
    if (well)
        memcpy(fresh, sealed.p, sizeof *fresh);
    sealed_unmap(sealed);
    if (!well || config_check(fresh, sizeof *fresh) != OK) {
        child_say(c, LOG_ERR, "%s: the new configuration did not arrive whole; the old one stays",
                  privs_role_name(c->ops->role));
        free(fresh);
        return;
    }
    struct config *const old = c->config;
    struct material *const old_material = c->material;

    c->config = fresh;
    c->material = c->next_material;
    c->next_material = NULL;
    if (c->self != NULL && c->ops->config != NULL)
        c->ops->config(c->self);
    free(old);
    material_close(old_material);
}

static void drain(struct child *c)
{
    c->draining = true;
    if (c->self == NULL)
        return; /* child_run looks at it after the start */
    if (c->ops->drain != NULL)
        c->ops->drain(c->self);
    else
        child_finish(c);
}

/* Those of the broker's messages that are the same for every role. False: the role's own. Takes the descriptors only
 * with true. */
static bool from_broker(struct child *c, size_t n, const int *fds, unsigned n_fds)
{
    const struct wire_simple *const m = (const struct wire_simple *)c->message;

    if (n != sizeof *m)
        return false;
    if (m->kind == WIRE_PEER && n_fds == 1)
        meet(c, m, fds[0]);
    else if (m->kind == WIRE_MATERIAL && n_fds == 1 && c->ops->role == ROLE_WORKER)
        prepare(c, fds[0]);
    else if (m->kind == WIRE_CONFIG && n_fds == 1)
        reconfigure(c, fds[0]);
    else if (m->kind == WIRE_DRAIN && n_fds == 0)
        drain(c);
    else
        return false;
    return true;
}

static void dispatch(struct child *c, struct peer *p, size_t n, const int *fds, unsigned n_fds)
{
    if (n >= sizeof(uint32_t)) {
        if (p->role == ROLE_BROKER && from_broker(c, n, fds, n_fds))
            return;
        if (c->self != NULL) {
            c->ops->message(c->self, p->role, p->index, c->message, n, fds, n_fds);
            return;
        }
    }
    for (unsigned i = 0; i < n_fds; i++)
        close(fds[i]);
}

static void receive(void *owner, unsigned ready)
{
    struct peer *const p = owner;
    struct child *const c = p->child;
    const int fd = p->fd;

    (void)ready;
    for (int i = 0; i < MESSAGES_A_TURN && p->fd == fd && !c->finished; i++) {
        int fds[MSG_FDS_MAX];
        unsigned n_fds = MSG_FDS_MAX;
        size_t n = 0;
        const enum rc rc = msg_recv(fd, c->message, sizeof c->message, &n, fds, &n_fds);

        if (rc == AGAIN_READ)
            return;
        if (rc != OK) {
            if (rc == CLOSED)
                lose(c, p);
            else
                child_cut(c, p->role, p->index);
            return;
        }
        dispatch(c, p, n, fds, n_fds);
    }
}

/* ---- from start to end ---- */

static void peer_init(struct child *c, struct peer *p, enum role role, unsigned index)
{
    *p = (struct peer){ .child = c, .role = role, .index = index, .fd = -1 };
}

static struct child *child_new(const struct child_ops *ops, unsigned index, int broker, const struct config *config)
{
    struct child *const c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->ops = ops;
    c->index = index;
    peer_init(c, &c->broker, ROLE_BROKER, 0);
    peer_init(c, &c->resolver, ROLE_RESOLVER, 0);
    peer_init(c, &c->keeper, ROLE_KEEPER, 0);
    for (unsigned i = 0; i < PEERS_MAX; i++)
        peer_init(c, &c->worker[i], ROLE_WORKER, i);
    c->loop = loop_new();
    if (c->loop != NULL)
        timer_init(&c->torn, c->loop, tell_torn, c);
    c->config = malloc(sizeof *c->config);
    if (c->config != NULL)
        memcpy(c->config, config, sizeof *config);
    if (c->loop == NULL || c->config == NULL || peer_open(c, &c->broker, broker) != OK) {
        loop_free(c->loop);
        free(c->config);
        free(c);
        return NULL;
    }
    return c;
}

static void child_free(struct child *c)
{
    if (c->self != NULL)
        c->ops->stop(c->self);
    timer_cancel(&c->torn);
    peer_close(&c->broker);
    peer_close(&c->resolver);
    peer_close(&c->keeper);
    for (unsigned i = 0; i < PEERS_MAX; i++)
        peer_close(&c->worker[i]);
    loop_free(c->loop);
    free(c->config);
    material_close(c->material);
    material_close(c->next_material);
    free(c);
}

/* The pairs that came before the start, told now. */
static void meet_all(struct child *c)
{
    struct peer *const single[] = { &c->resolver, &c->keeper };

    if (c->ops->peer == NULL)
        return;
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
        if (single[i]->fd >= 0)
            c->ops->peer(c->self, single[i]->role, 0);
    for (unsigned i = 0; i < PEERS_MAX; i++)
        if (c->worker[i].fd >= 0)
            c->ops->peer(c->self, ROLE_WORKER, i);
}

static enum rc begin(struct child *c, int null)
{
    struct wire_ready ready = { .kind = WIRE_READY, .seccomp = 1 };

    receive(&c->broker, LOOP_READ); /* the pairs to its peers wait there: what the start has to say can be logged */
    if (c->broken)
        return FAILED;
    c->self = c->ops->start(c);
    if (c->self == NULL || (null >= 0 && dup2(null, STDERR_FILENO) < 0))
        return FAILED;
    if (privs_confine(c->ops->role, c->config, &ready.landlock) != OK) {
        child_say(c, LOG_ERR, "%s: the system call filter cannot be set: %s", privs_role_name(c->ops->role),
                  strerror(errno));
        return FAILED;
    }
    meet_all(c);
    if (c->draining)
        drain(c);
    return msg_send(c->broker.fd, &ready, sizeof ready, NULL, 0);
}

int child_run(const struct child_ops *ops, unsigned index, int broker, const struct config *config, int null)
{
    struct child *c = NULL;
    bool well = false;

    privs_name(ops->role);
    if (loop_guard(TURN_CPU_MS) != OK)
        return 1;
    c = child_new(ops, index, broker, config);
    if (c == NULL)
        return 1;
    well = begin(c, null) == OK && (c->finished || loop_run(c->loop) == OK) && c->finished;
    child_free(c);
    return well ? 0 : 1;
}
