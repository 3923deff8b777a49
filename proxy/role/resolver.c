#include "role/resolver.h"

#include "ops/anchors.h"
#include "role/kept.h"
#include "role/routes.h"

#include <assert.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

enum {
    AGAIN_MS = 20,  /* a worker whose pair is full is busy with a handshake */
    STATE_MS = 2000 /* how old the state may be that the keeper shows */
};

/* One request of a worker, until its answer is sent. */
struct ask {
    struct resolver *resolver;
    unsigned worker;
    uint32_t number;
    uint32_t life; /* of that worker: an answer to one that has died goes to nobody */
};

/* An answer for which there was no room in the pair. */
struct late {
    struct late *next;
    unsigned worker;
    uint32_t life;
    size_t n;
    _Alignas(8) uint8_t message[];
};

struct resolver {
    struct child *child;
    struct routes *routes;
    uint32_t life[PEERS_MAX];
    unsigned asks[PEERS_MAX]; /* of that life */
    struct late *late;        /* the oldest first */
    struct timer again, tell;
    struct wire_resolver told;
    bool keys; /* there are some that the keeper has not heard of */
    struct {
        struct wire_route head;
        struct route route;
    } message;
};
static_assert(sizeof(((struct resolver *)0)->message) <= MSG_MAX, "an answer is one message");

static void say(void *who, int priority, const char *line)
{
    struct resolver *self = who;

    child_say(self->child, priority, "%s", line);
}

/* What is bounded is shared out: a worker that was taken over, or whose clients flood it, leaves the others theirs. */
static unsigned share(const struct resolver *self, unsigned all)
{
    return all / child_config(self->child)->workers;
}

static void keep(struct resolver *self, const struct ask *ask, size_t n)
{
    struct late **at = &self->late, *late;
    unsigned its = 0;

    for (; *at != NULL; at = &(*at)->next)
        its += (*at)->worker == ask->worker;
    late = its < share(self, RESOLVER_LATE_MAX) ? malloc(sizeof *late + n) : NULL;
    if (late == NULL)
        return; /* the worker's own budget ends the wait: fails closed */
    *late = (struct late){ .worker = ask->worker, .life = ask->life, .n = n };
    memcpy(late->message, &self->message, n);
    *at = late;
    if (!timer_is_set(&self->again))
        timer_set(&self->again, AGAIN_MS);
}

/* Each late answer once; what still does not fit stays, in its order. */
static void send_late(void *owner)
{
    struct resolver *self = owner;

    for (struct late **at = &self->late; *at != NULL;) {
        struct late *late = *at;

        if (self->life[late->worker] == late->life &&
            child_send(self->child, ROLE_WORKER, late->worker, late->message, late->n, NULL, 0) == AGAIN_WRITE) {
            at = &late->next;
            continue;
        }
        *at = late->next;
        free(late);
    }
    if (self->late != NULL)
        timer_set(&self->again, AGAIN_MS);
}

static void on_route(void *owner, const struct route *route)
{
    struct ask *ask = owner;
    struct resolver *self = ask->resolver;
    const bool lives = self->life[ask->worker] == ask->life;

    if (lives)
        self->asks[ask->worker]--;
    if (route != NULL && lives) {
        const size_t n = offsetof(struct resolver, message.route) - offsetof(struct resolver, message) + route->size;

        self->message.head = (struct wire_route){ .kind = WIRE_ROUTE, .ask = ask->number };
        memcpy(&self->message.route, route, route->size);
        if (child_send(self->child, ROLE_WORKER, ask->worker, &self->message, n, NULL, 0) == AGAIN_WRITE)
            keep(self, ask, n);
    }
    free(ask);
}

/* What a worker asks; false: it does not keep to the protocol. */
static bool take(struct resolver *self, unsigned worker, const struct wire_route_ask *m, size_t n)
{
    struct hostname domain;
    struct ask *ask;

    if (n != sizeof *m || m->kind != WIRE_ROUTE_ASK || m->port == 0 || m->is_host > 1 ||
        memchr(m->domain, '\0', sizeof m->domain) == NULL || hostname_parse(span_str(m->domain), &domain) != OK)
        return false;
    ask = malloc(sizeof *ask);
    if (ask == NULL)
        return true; /* the worker's budget ends the wait */
    *ask = (struct ask){ self, worker, m->ask, self->life[worker] };
    if (self->asks[worker]++ < share(self, ROUTE_WAITERS_MAX))
        routes_ask(self->routes, &domain, m->port, m->is_host == 1, on_route, ask);
    else
        routes_refuse(self->routes, on_route, ask);
    return true;
}

/* What the keeper kept. */
static bool take_kept(struct resolver *self, const void *msg, size_t n)
{
    struct state kept;

    if (*(const uint32_t *)msg != WIRE_KEPT || kept_unpack(msg, n, &kept) != OK)
        return false;
    routes_kept(self->routes, &kept);
    return true;
}

static bool take_message(struct resolver *self, enum role from, unsigned index, const void *msg, size_t n)
{
    if (from == ROLE_KEEPER)
        return take_kept(self, msg, n);
    return from == ROLE_WORKER && index < PEERS_MAX && take(self, index, msg, n);
}

static void message(void *owner, enum role from, unsigned index, const void *msg, size_t n, const int *fds,
                    unsigned n_fds)
{
    struct resolver *self = owner;

    for (unsigned i = 0; i < n_fds; i++)
        close(fds[i]);
    if (n_fds > 0 || !take_message(self, from, index, msg, n)) {
        child_say(self->child, LOG_ERR, "resolver: a message that makes no sense: that process is cut off");
        child_cut(self->child, from, index);
    }
}

static void tell_keys(struct resolver *self)
{
    struct wire_kept message;
    struct state now;

    ground_keys(routes_ground(self->routes), &now);
    const size_t n = kept_pack(WIRE_ANCHORS, &now, &message);

    self->keys = child_send(self->child, ROLE_KEEPER, 0, &message, n, NULL, 0) != OK;
}

static void on_keys(void *owner)
{
    struct resolver *self = owner;

    self->keys = true;
    timer_set(&self->tell, 0); /* the keeper counts a new key's days from now */
}

/* To the keeper, where it has changed. */
static void tell_state(void *owner)
{
    struct resolver *self = owner;
    const struct ground *ground = routes_ground(self->routes);
    struct wire_resolver now;

    memset(&now, 0, sizeof now); /* to be compared as bytes */
    now.kind = WIRE_RESOLVER;
    now.anchored = ground->anchored;
    now.clock = (uint8_t)ground->clock;
    now.source = (uint16_t)ground->source;
    now.stale = ground->stale;
    now.tracks = ground->tracks;
    now.in_hand = routes_waiting(self->routes);
    for (unsigned i = 0; i < ground->keys.n; i++)
        if (anchor_is_trusted(&ground->keys.key[i]))
            now.tag[now.n_trusted++] = ground->keys.key[i].tag;
    if (memcmp(&now, &self->told, sizeof now) != 0 &&
        child_send(self->child, ROLE_KEEPER, 0, &now, sizeof now, NULL, 0) == OK)
        self->told = now;
    if (self->keys)
        tell_keys(self);
    timer_set(&self->tell, STATE_MS);
}

static void peer(void *owner, enum role with, unsigned index)
{
    struct resolver *self = owner;

    if (with == ROLE_KEEPER) { /* a new one knows nothing */
        self->told.kind = 0;
        self->keys = routes_ground(self->routes)->tracks && routes_ground(self->routes)->anchored;
        tell_state(self);
    }

    if (with == ROLE_WORKER && index < PEERS_MAX) {
        self->life[index]++;
        self->asks[index] = 0;
    }
}

static void config(void *owner)
{
    struct resolver *self = owner;

    routes_config(self->routes, child_config(self->child));
}

static void stop(void *owner)
{
    struct resolver *self = owner;

    timer_cancel(&self->again);
    timer_cancel(&self->tell);
    if (self->keys)
        tell_keys(self);
    routes_free(self->routes);
    while (self->late != NULL) {
        struct late *next = self->late->next;

        free(self->late);
        self->late = next;
    }
    free(self);
}

static void *start(struct child *c)
{
    struct resolver *self = calloc(1, sizeof *self);
    char folder[CONFIG_PATH_MAX];

    if (self == NULL)
        return NULL;
    self->child = c;
    timer_init(&self->again, child_loop(c), send_late, self);
    timer_init(&self->tell, child_loop(c), tell_state, self);
    self->routes = routes_new(child_loop(c), child_config(c), say, self);
    if (self->routes == NULL) {
        stop(self);
        return NULL;
    }
    anchors_folder(child_config(c)->control, folder);
    routes_track(self->routes, folder, on_keys);
    return self;
}

const struct child_ops resolver_ops = {
    .role = ROLE_RESOLVER,
    .start = start,
    .message = message,
    .peer = peer,
    .config = config,
    .stop = stop,
};
