#include "world.h"

#include "zone.h"

#include <ctype.h>
#include <stdarg.h>

void world_complain(struct world *w, const char *fmt, ...)
{
    va_list args;

    if (w->complaint[0] != '\0')
        return;
    va_start(args, fmt);
    vsnprintf(w->complaint, sizeof w->complaint, fmt, args);
    va_end(args);
}

/* ---- the host ---- */

static struct mono mono_now(void *self)
{
    return ((struct world *)self)->now;
}

static struct wall wall_now(void *self)
{
    struct world *const w = self;

    w->judged++;
    return w->wall;
}

static enum clock_state clock_now(void *self)
{
    return ((struct world *)self)->clock;
}

static uint32_t number(void *self)
{
    return ++((struct world *)self)->numbers;
}

static bool ask(struct world *w, enum server who, uint32_t n, const struct hostname *domain, bool memory, bool is_host)
{
    if (who == SERVER_DEAD || w->n_questions == WORLD_QUESTIONS)
        return false;
    w->questions[w->n_questions++] =
        (struct question){ .number = n, .memory = memory, .is_host = is_host, .domain = *domain };
    return true;
}

static bool ask_route(void *self, uint32_t n, const struct hostname *domain, bool is_host, const struct ip *far,
                      uint16_t port)
{
    struct world *const w = self;

    if (!ip_eq(far, &w->server) || port != w->port)
        world_complain(w, "the resolver was asked for another server");
    return ask(w, w->resolver, n, domain, false, is_host);
}

static bool ask_memory(void *self, uint32_t n, const struct ip *client, const struct ip *server,
                       const struct hostname *domain, struct span host)
{
    struct world *const w = self;

    (void)host;
    if (!ip_eq(client, &w->client) || !ip_eq(server, &w->server))
        world_complain(w, "the keeper was asked for another session");
    return ask(w, w->keeper, n, domain, true, false);
}

static bool dial(void *self, struct session *s)
{
    struct world *const w = self;

    (void)s;
    w->dials++;
    if (w->broker == SERVER_DEAD)
        return false;
    w->dialing++;
    return true;
}

static void set_timer(void *self, struct session *s, struct mono at)
{
    struct world *const w = self;

    (void)s;
    w->timer = at;
    if (w->judged > 1 && level_names_peer((enum level)w->config.site.fallback.level))
        world_complain(w, "%u chains were judged in one step", w->judged);
    w->judged = 0;
}

static void record(void *self, const struct record *r)
{
    struct world *const w = self;

    if (record_check(r) != OK)
        world_complain(w, "a record that no keeper would take");
    if (w->n_records < WORLD_RECORDS)
        w->records[w->n_records++] = *r;
}

static void over(void *self, struct session *s)
{
    struct world *const w = self;

    (void)s;
    if (w->over)
        world_complain(w, "it is over twice");
    w->over = true;
}

void world_init(struct world *w)
{
    static const uint8_t client[4] = { 192, 168, 1, 10 }, server[4] = { 192, 0, 2, 25 };

    memset(w, 0, sizeof *w);
    w->host = (struct session_host){
        .self = w,
        .tls = { [TLS_FLOOR_ANY] = wire_ctx(TLS_FLOOR_ANY), [TLS_FLOOR_1_2] = wire_ctx(TLS_FLOOR_1_2) },
        .near_tls = wire_ctx_server(),
        .config = &w->config,
        .mono = mono_now,
        .wall = wall_now,
        .clock = clock_now,
        .number = number,
        .ask_route = ask_route,
        .ask_memory = ask_memory,
        .dial = dial,
        .timer = set_timer,
        .record = record,
        .over = over,
    };
    w->now.ms = 1000000;
    w->wall.s = 1718452800; /* of tests/chains */
    w->client = ip_v4(client);
    w->server = ip_v4(server);
    w->grace = GRACE_WAIT;
    w->config.enforce = true;
    w->config.decision_s = 25;
    w->config.client_starttls = STARTTLS_PASSTHROUGH;
    w->config.ambiguous = AMBIGUOUS_REFUSE;
    w->config.site.fallback.level = LEVEL_DANE;
    w->credentials = true;
    w->port = 25;
    w->clock = CLOCK_SYNCED;
    wires_reset();
}

bool world_begin(struct world *w)
{
    const int near = wire_new(false), far = wire_new(true);

    w->near = wire_of(near);
    w->far = wire_of(far);
    w->near->cut = w->far->cut = w->cut;
    w->session = session_new(&w->host, w, 1, &w->client, &w->server, w->port, near, far);
    if (w->session == NULL)
        return false;
    session_start(w->session);
    return true;
}

/* ---- the oath: what holds whatever the two ends do ---- */

static bool begins(struct span line, const char *word)
{
    const size_t n = strlen(word);

    return line.n >= n && text_eq_nocase(span_first(line, n), span_of(word, n)) && (line.n == n || !isalnum(line.p[n]));
}

/* A line that left in clear in a world where only TLS will do. */
static void check_clear(struct world *w, struct span line)
{
    static const char *const never[] = { "MAIL", "RCPT", "DATA", "BDAT", "AUTH" };

    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        if (begins(line, never[i]))
            world_complain(w, "%s left in clear", never[i]);
}

static void check_far(struct world *w, const struct wire *wire)
{
    const size_t end = wire->sealed_from < wire->hears.n ? wire->sealed_from : wire->hears.n;
    struct span left = span_of(wire->hears.mem, end);

    while (left.n > 0 && left.p[0] != 0x16) { /* the client's own TLS is no command line */
        const size_t n = span_find(left, '\n');
        const struct span line = span_first(left, n);

        if (w->only_sealed)
            check_clear(w, line);
        else if (begins(line, "DATA") || begins(line, "BDAT")) /* a content may say AUTH */
            break;
        else if (w->credentials && begins(line, "AUTH"))
            world_complain(w, "AUTH left in clear");
        left = span_from(left, n + 1);
    }
}

static void world_oath(struct world *w)
{
    const struct wire *wire;

    for (unsigned i = 0; (wire = wire_nth(i)) != NULL; i++)
        if (wire->is_far)
            check_far(w, wire);
}

/* ---- turns ---- */

static struct route *route_of(struct world *w, const struct question *q)
{
    static struct zone_run run;
    static struct zone zone;

    memset(&zone, 0, sizeof zone);
    memcpy(zone.line, w->zone, w->zone_lines * sizeof zone.line[0]);
    zone_run_to(&run, &zone, q->domain.s, w->port, q->is_host, false);
    run.route.anchored = 1;
    run.route.clock = (uint8_t)w->clock;
    struct route *const r = malloc(run.route.size);

    if (r != NULL)
        memcpy(r, &run.route, run.route.size);
    return r;
}

static void answer(struct world *w, const struct question *q)
{
    if (q->memory) {
        (void)session_memory(w->session, q->number, w->grace);
        return;
    }
    struct route *const r = route_of(w, q);

    if (r != NULL && !session_route(w->session, q->number, r))
        free(r);
}

void world_answer(struct world *w, bool memory)
{
    for (unsigned i = 0; i < w->n_questions && !w->over;) {
        const struct question q = w->questions[i];

        if (q.memory != memory) {
            i++;
            continue;
        }
        memmove(&w->questions[i], &w->questions[i + 1], (--w->n_questions - i) * sizeof q);
        answer(w, &q);
        i = 0;
    }
}

void world_dialed(struct world *w, bool connected)
{
    const int fd = connected ? wire_new(true) : -1;

    if (w->dialing == 0)
        return;
    w->dialing--;
    if (fd >= 0)
        wire_of(fd)->cut = w->cut;
    session_dialed(w->session, fd, w->port);
    if (fd >= 0 && wire_of(fd)->stream != NULL) /* otherwise it came too late */
        w->far = wire_of(fd);
}

static bool answers(struct world *w)
{
    const unsigned before = w->n_questions;

    if (w->resolver == SERVER_ANSWERS)
        world_answer(w, false);
    if (w->keeper == SERVER_ANSWERS && !w->over)
        world_answer(w, true);
    return w->n_questions != before;
}

void world_run(struct world *w)
{
    bool moved = true;

    for (unsigned turns = 0; moved && !w->over; turns++) {
        moved = wires_turn();
        if (!w->over && w->dialing > 0 && w->broker == SERVER_ANSWERS) {
            world_dialed(w, true);
            moved = true;
        }
        if (!w->over)
            moved |= answers(w);
        if (!w->over && w->timer.ms <= w->now.ms) {
            session_timeout(w->session);
            moved = true;
        }
        if (turns > 2000000)
            world_complain(w, "it does not come to rest"), moved = false;
    }
    world_oath(w);
}

void world_wait(struct world *w, int64_t ms)
{
    const int64_t until = w->now.ms + ms;

    world_run(w);
    for (unsigned rings = 0; !w->over && w->timer.ms <= until; rings++) {
        if (w->timer.ms > w->now.ms)
            w->now = w->timer;
        session_timeout(w->session);
        world_run(w);
        if (rings > 1000) {
            world_complain(w, "its timer rings without end, far %s, decision since %lld ms, ending since %lld",
                           far_leg_name(w->session->far.leg), (long long)(w->now.ms - w->session->decision.ms),
                           (long long)w->session->ending.ms);
            break;
        }
    }
    w->now.ms = until;
    world_run(w);
}

void world_end(struct world *w)
{
    session_free(w->session);
    w->session = NULL;
}
