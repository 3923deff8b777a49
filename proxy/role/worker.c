#include "role/worker.h"

#include "role/dates.h"
#include "session/session.h"

#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

/* A session and what the worker keeps beside it. The host's functions get the session; its place is the list. */
struct place {
    struct place *next;
    struct session *session;
    struct timer timer;
    uint64_t ended; /* the session's number, when it is freed and the broker has not heard of it */
};

#define REAP_AGAIN_MS 20

struct worker {
    struct child *child;
    struct session_host host;
    struct place *places;
    struct place *dead; /* over: freed on the loop's next turn, outside their own callbacks */
    struct timer reap;
    uint32_t numbers;
    struct wall floor; /* of the clock, as the keeper last said */
    bool draining;
};

/* ---- what a session asks of us -------------------------------------------------------------------------------------
 */

static struct mono mono_now(void *self)
{
    (void)self;
    return clock_mono();
}

static struct wall wall_now(void *self)
{
    (void)self;
    return clock_wall();
}

/* No more than the floor: whether the clock is kept as well, only the resolver needs to know. */
static enum clock_state clock_now(void *self)
{
    const struct worker *const w = self;

    return dates_are_wrong(w->floor) ? CLOCK_UNSYNCED : CLOCK_ROUGH;
}

static uint32_t next_number(void *self)
{
    struct worker *const w = self;

    return ++w->numbers;
}

static bool ask_route(void *self, uint32_t number, const struct hostname *domain, bool is_host, const struct ip *far,
                      uint16_t port)
{
    const struct worker *const w = self;
    struct wire_route_ask ask = {
        .kind = WIRE_ROUTE_ASK, .ask = number, .far = *far, .port = port, .is_host = is_host
    };

    memcpy(ask.domain, domain->s, domain->n);
    return child_send(w->child, ROLE_RESOLVER, 0, &ask, sizeof ask, NULL, 0) == OK;
}

static bool ask_memory(void *self, uint32_t number, const struct ip *client, const struct ip *server,
                       const struct hostname *domain, struct span host)
{
    const struct worker *const w = self;
    struct wire_memory_ask ask = { .kind = WIRE_MEMORY_ASK, .ask = number, .client = *client, .server = *server };

    memcpy(ask.domain, domain->s, domain->n);
    if (host.n > 0 && host.n < sizeof ask.host)
        memcpy(ask.host, host.p, host.n);
    return child_send(w->child, ROLE_KEEPER, 0, &ask, sizeof ask, NULL, 0) == OK;
}

static bool dial(void *self, struct session *s)
{
    const struct worker *const w = self;
    const struct wire_session ask = { .kind = WIRE_DIAL, .id = s->id };

    return child_send(w->child, ROLE_BROKER, 0, &ask, sizeof ask, NULL, 0) == OK;
}

static void record(void *self, const struct record *r)
{
    const struct worker *const w = self;
    const struct wire_record message = { .kind = WIRE_RECORD, .record = *r };

    if (child_send(w->child, ROLE_KEEPER, 0, &message, sizeof message, NULL, 0) != OK)
        child_say(w->child, LOG_WARNING, "an outcome line was lost: the keeper does not take it");
}

static void rings(void *owner)
{
    const struct place *const p = owner;

    session_timeout(p->session);
}

static void set_timer(void *self, struct session *s, struct mono at)
{
    struct place *const p = s->place;
    const int64_t left = at.ms - clock_mono().ms;

    (void)self;
    timer_set(&p->timer, left > 0 ? left : 0);
}

static void over(void *self, struct session *s)
{
    struct worker *const w = self;
    struct place *const gone = s->place;

    for (struct place **at = &w->places; *at != NULL; at = &(*at)->next)
        if (*at == gone) {
            *at = gone->next;
            break;
        }
    timer_cancel(&gone->timer);
    gone->next = w->dead;
    w->dead = gone;
    timer_set(&w->reap, 0);
}

/* The broker counts sessions until it hears of their end: where its pair is full, since very many end at once, the
 * rest is told later. */
static void reap(void *owner)
{
    struct worker *const w = owner;

    for (struct place *p = w->dead; p != NULL && p->session != NULL; p = p->next) {
        p->ended = p->session->id;
        session_free(p->session);
        p->session = NULL;
    }
    while (w->dead != NULL) {
        struct place *const gone = w->dead;
        const struct wire_session end = { .kind = WIRE_END, .id = gone->ended };

        if (child_send(w->child, ROLE_BROKER, 0, &end, sizeof end, NULL, 0) == AGAIN_WRITE) {
            timer_set(&w->reap, REAP_AGAIN_MS);
            return;
        }
        w->dead = gone->next;
        free(gone);
    }
    if (w->draining && w->places == NULL)
        child_finish(w->child);
}

/* ---- what the others tell us ---------------------------------------------------------------------------------------
 */

static void take_session(struct worker *w, const struct wire_session *m, const int *fds)
{
    struct place *const p = calloc(1, sizeof *p);
    const struct wire_session end = { .kind = WIRE_END, .id = m->id };

    if (p != NULL)
        p->session = session_new(&w->host, p, m->id, &m->client, &m->server, m->server_port, fds[0], fds[1]);
    else {
        close(fds[0]);
        close(fds[1]);
    }
    if (p == NULL || p->session == NULL) {
        free(p);
        child_say(w->child, LOG_ERR, "no memory for a session");
        if (child_send(w->child, ROLE_BROKER, 0, &end, sizeof end, NULL, 0) != OK)
            child_say(w->child, LOG_ERR, "the broker does not hear that a session ended");
        return;
    }
    timer_init(&p->timer, w->host.loop, rings, p);
    p->next = w->places;
    w->places = p;
    session_start(p->session);
}

static void take_dialed(struct worker *w, const struct wire_session *m, const int *fds, unsigned n_fds)
{
    for (struct place *p = w->places; p != NULL; p = p->next)
        if (p->session->id == m->id) {
            session_dialed(p->session, n_fds == 1 ? fds[0] : -1, m->server_port);
            return;
        }
    if (n_fds == 1)
        close(fds[0]);
}

static void from_broker(struct worker *w, uint32_t kind, const void *msg, size_t n, const int *fds, unsigned n_fds)
{
    const struct wire_session *const m = msg;
    const bool whole = n == sizeof *m;

    if (kind == WIRE_SESSION && whole && n_fds == 2) {
        take_session(w, m, fds);
    } else if (kind == WIRE_DIALED && whole && n_fds <= 1) {
        take_dialed(w, m, fds, n_fds);
    } else {
        for (unsigned i = 0; i < n_fds; i++)
            close(fds[i]);
        child_cut(w->child, ROLE_BROKER, 0);
    }
}

static void from_resolver(struct worker *w, uint32_t kind, const void *msg, size_t n)
{
    const struct wire_route *const head = msg;
    const size_t size = n < sizeof *head ? 0 : n - sizeof *head;
    const bool fits = size >= offsetof(struct route, pool) && size <= sizeof(struct route);
    struct route *const route = fits ? malloc(size) : NULL; /* what crosses is what is used, and no more is kept */

    if (route != NULL)
        memcpy(route, head + 1, size);
    else if (fits)
        return; /* no memory: the decision's time ends the wait, and the resolver is not to blame */
    if (kind != WIRE_ROUTE || route == NULL || route_check(route, size) != OK) {
        free(route);
        child_cut(w->child, ROLE_RESOLVER, 0);
        return;
    }

    for (struct place *p = w->places, *next; p != NULL; p = next) {
        next = p->next;
        if (session_route(p->session, head->ask, route))
            return;
    }
    free(route); /* the session did not wait for it */
}

static void from_keeper(struct worker *w, uint32_t kind, const void *msg, size_t n)
{
    const struct wire_memory *const m = msg;

    if (kind != WIRE_MEMORY || n != sizeof *m || m->grace > GRACE_OVER) {
        child_cut(w->child, ROLE_KEEPER, 0);
        return;
    }
    w->floor = dates_floor((struct wall){ m->floor_s });
    for (struct place *p = w->places, *next; p != NULL; p = next) {
        next = p->next;
        if (session_memory(p->session, m->ask, (enum grace)m->grace))
            return;
    }
}

static void message(void *self, enum role from, unsigned index, const void *msg, size_t n, const int *fds,
                    unsigned n_fds)
{
    uint32_t kind;

    (void)index;
    memcpy(&kind, msg, sizeof kind);
    if (from != ROLE_BROKER)
        for (unsigned i = 0; i < n_fds; i++)
            close(fds[i]);
    switch (from) {
    case ROLE_BROKER:
        from_broker(self, kind, msg, n, fds, n_fds);
        break;
    case ROLE_RESOLVER:
        from_resolver(self, kind, msg, n);
        break;
    case ROLE_KEEPER:
        from_keeper(self, kind, msg, n);
        break;
    case ROLE_WORKER:
        break;
    }
}

/* A new pair: whatever was asked over the old one will not be answered. */
static void peer(void *self, enum role with, unsigned index)
{
    const struct worker *const w = self;

    (void)index;
    for (struct place *p = w->places, *next; p != NULL; p = next) {
        next = p->next;
        if (with == ROLE_RESOLVER || with == ROLE_KEEPER)
            session_lost(p->session, with == ROLE_RESOLVER);
    }
}

static void free_shown(struct worker *w)
{
    for (unsigned i = 0; i < CREDENTIALS_MAX; i++) {
        tls_ctx_free(w->host.shown[i]); /* sessions that use it keep it */
        w->host.shown[i] = NULL;
    }
}

/* The box's own certificate, for clients whose TLS ends here. Where a new one cannot be used, the old one goes on. */
static void take_own(struct worker *w)
{
    const struct tls_identity own = material_identity(child_material(w->child), CREDENTIAL_OWN);
    struct tls_ctx *fresh = NULL;

    if (child_config(w->child)->client_starttls != STARTTLS_TERMINATE)
        return;
    fresh = own.n > 0 ? tls_ctx_new_server() : NULL;
    if (fresh == NULL || tls_ctx_identity(fresh, &own) != OK) {
        child_say(w->child, LOG_ERR,
                  "the box's own certificate cannot be used: clients' STARTTLS gets the old one, or 454");
        tls_ctx_free(fresh);
        return;
    }
    tls_ctx_free(w->host.near_tls);
    w->host.near_tls = fresh;
}

/* The public roots of the day, as they lie in the sealed block; and a context for each certificate that is for some
 * smarthost, so that no other server is ever shown it. One that cannot be made is missing, and its smarthost gets no
 * mail. */
static void take_material(struct worker *w)
{
    take_own(w);
    w->host.roots = material_roots(child_material(w->child), &w->host.n_roots);
    free_shown(w);
    for (unsigned i = CREDENTIAL_OWN + 1; i < CREDENTIALS_MAX; i++) {
        const struct tls_identity id = material_identity(child_material(w->child), i);

        if (id.n == 0)
            continue;
        w->host.shown[i] = tls_ctx_new(TLS_FLOOR_1_2);
        if (w->host.shown[i] != NULL && tls_ctx_identity(w->host.shown[i], &id) == OK)
            continue;
        child_say(w->child, LOG_ERR, "no memory for the certificate of a smarthost: it gets no mail");
        tls_ctx_free(w->host.shown[i]);
        w->host.shown[i] = NULL;
    }
}

static void config(void *self)
{
    struct worker *const w = self;

    take_material(w);
    w->host.config = child_config(w->child);
}

static void drain(void *self)
{
    struct worker *const w = self;

    w->draining = true;
    timer_set(&w->reap, 0);
}

static void stop(void *self)
{
    struct worker *const w = self;

    reap(w);
    while (w->dead != NULL) { /* the broker forgets them with this process */
        struct place *const p = w->dead;

        w->dead = p->next;
        free(p);
    }
    while (w->places != NULL) {
        struct place *const p = w->places;

        w->places = p->next;
        timer_cancel(&p->timer);
        session_free(p->session);
        free(p);
    }
    timer_cancel(&w->reap);
    free_shown(w);
    tls_ctx_free(w->host.tls[TLS_FLOOR_ANY]);
    tls_ctx_free(w->host.tls[TLS_FLOOR_1_2]);
    tls_ctx_free(w->host.near_tls);
    free(w);
}

static void *start(struct child *c)
{
    struct worker *const w = calloc(1, sizeof *w);

    if (w == NULL)
        return NULL;
    w->child = c;
    w->floor = dates_floor((struct wall){ 0 });
    w->host = (struct session_host){
        .self = w,
        .loop = child_loop(c),
        .tls = { [TLS_FLOOR_ANY] = tls_ctx_new(TLS_FLOOR_ANY), [TLS_FLOOR_1_2] = tls_ctx_new(TLS_FLOOR_1_2) },
        .config = child_config(c),
        .mono = mono_now,
        .wall = wall_now,
        .clock = clock_now,
        .number = next_number,
        .ask_route = ask_route,
        .ask_memory = ask_memory,
        .dial = dial,
        .timer = set_timer,
        .record = record,
        .over = over,
    };
    timer_init(&w->reap, w->host.loop, reap, w);
    take_material(w);
    if (w->host.tls[TLS_FLOOR_ANY] == NULL || w->host.tls[TLS_FLOOR_1_2] == NULL) {
        child_say(c, LOG_ERR, "the TLS library does not start: no memory or no entropy");
        stop(w);
        return NULL;
    }
    return w;
}

const struct child_ops worker_ops = {
    .role = ROLE_WORKER,
    .start = start,
    .message = message,
    .peer = peer,
    .config = config,
    .drain = drain,
    .stop = stop,
};
