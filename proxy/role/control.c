#include "role/control.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "ops/anchors.h"
#include "ops/log.h"
#include "policy/why.h"
#include "role/privs.h"

struct client {
    struct control *control;
    int fd; /* -1: free */
    struct watch watch;
    struct timer patience;
    char request[CONTROL_REQUEST_MAX];
    size_t n_request;
    char *answer; /* NULL: still asking */
    size_t n_answer, sent;
};

struct control {
    struct loop *loop;
    const struct control_view *view;
    control_reset_cb *reset;
    void *who;
    int fd; /* -1: none */
    struct watch watch;
    struct timer pause;
    struct client client[CONTROL_CLIENTS_MAX];
};

/* ---- the answer ---- */

static double age_s(struct mono then, struct mono now)
{
    const int64_t whole = (now.ms - then.ms) / 1000;

    return (double)whole;
}

/* What the broker told of all processes; of itself it tells by telling at all. */
static void add_processes(cJSON *to, const struct wire_counts *counts, bool late)
{
    cJSON *const list = cJSON_AddArrayToObject(to, "processes");

    for (unsigned i = 0; i < counts->n_processes && i < PROCESSES_MAX; i++) {
        const struct wire_process *const p = &counts->process[i];
        cJSON *const one = p->role > ROLE_KEEPER ? NULL : cJSON_CreateObject();

        if (one == NULL)
            continue;
        (void)cJSON_AddStringToObject(one, "role", privs_role_name((enum role)p->role));
        (void)cJSON_AddNumberToObject(one, "index", p->index);
        (void)cJSON_AddNumberToObject(one, "pid", p->pid);
        (void)cJSON_AddBoolToObject(one, "ready", p->ready != 0 && !(late && p->role == ROLE_BROKER));
        (void)cJSON_AddBoolToObject(one, "seccomp", p->seccomp != 0);
        (void)cJSON_AddNumberToObject(one, "landlock", p->landlock);
        (void)cJSON_AddNumberToObject(one, "restarts", p->restarts);
        (void)cJSON_AddItemToArray(list, one);
    }
}

static void add_numbers(cJSON *to, const struct control_view *v)
{
    cJSON *part = cJSON_AddObjectToObject(to, "sessions");

    (void)cJSON_AddNumberToObject(part, "now", v->counts.sessions);
    (void)cJSON_AddNumberToObject(part, "peak", v->counts.peak);
    (void)cJSON_AddNumberToObject(part, "limit", v->config->sessions);
    part = cJSON_AddObjectToObject(to, "connections");
    (void)cJSON_AddNumberToObject(part, "accepted", (double)v->counts.accepted);
    (void)cJSON_AddNumberToObject(part, "over-limit", (double)v->counts.over_limit);
    (void)cJSON_AddNumberToObject(part, "refused-address", (double)v->counts.refused_address);
    (void)cJSON_AddNumberToObject(part, "dial-failed", (double)v->counts.dial_failed);
    part = cJSON_AddObjectToObject(to, "outcomes");
    for (unsigned i = 0; i < OUTCOME__COUNT; i++)
        (void)cJSON_AddNumberToObject(part, log_outcome_word((enum outcome)i), (double)v->outcome[i]);
    part = cJSON_AddArrayToObject(to, "reasons"); /* several rows of why.def may share a word */
    for (unsigned i = 0; i < WHY__COUNT; i++) {
        cJSON *const one = i == WHY_NONE || v->why[i] == 0 ? NULL : cJSON_CreateObject();

        (void)cJSON_AddStringToObject(one, "reason", why_word((enum why)i));
        (void)cJSON_AddNumberToObject(one, "count", (double)v->why[i]);
        if (one != NULL)
            (void)cJSON_AddItemToArray(part, one);
    }
}

static void add_resolver(cJSON *to, const struct control_view *v)
{
    static const char *const clocks[] = {
        [CLOCK_UNSYNCED] = "unsynced", [CLOCK_ROUGH] = "rough", [CLOCK_SYNCED] = "synced"
    };
    cJSON *const part = cJSON_AddObjectToObject(to, "resolver");

    (void)cJSON_AddBoolToObject(part, "known", v->resolver_known);
    if (!v->resolver_known)
        return;
    (void)cJSON_AddBoolToObject(part, "anchored", v->resolver.anchored != 0);
    (void)cJSON_AddStringToObject(part, "clock", clocks[v->resolver.clock]);
    (void)cJSON_AddNumberToObject(part, "in-hand", v->resolver.in_hand);
}

static void add_anchors(cJSON *to, const struct control_view *v)
{
    static const char *const sources[] = {
        [ANCHORS_FILE] = "file", [ANCHORS_BUILTIN] = "built-in", [ANCHORS_KEPT] = "state-dir"
    };
    const struct wire_resolver *const r = &v->resolver;
    char tags[ANCHORS_MAX * 6 + 1] = "";
    size_t n = 0;

    if (!v->resolver_known)
        return;
    cJSON *const part = cJSON_AddObjectToObject(to, "anchors");
    for (unsigned i = 0; i < r->n_trusted; i++)
        n += (size_t)snprintf(tags + n, sizeof tags - n, "%s%u", i == 0 ? "" : " ", (unsigned)r->tag[i]);
    (void)cJSON_AddStringToObject(part, "source", sources[r->source]);
    (void)cJSON_AddStringToObject(part, "trusted", tags);
    (void)cJSON_AddBoolToObject(part, "stale", r->stale != 0);
    (void)cJSON_AddBoolToObject(part, "rfc5011", r->tracks != 0);
}

static void add_state(cJSON *to, const struct control_view *v)
{
    const time_t floor = (time_t)v->floor.s;
    cJSON *const part = cJSON_AddObjectToObject(to, "state");
    char text[32] = "";
    struct tm tm;

    if (gmtime_r(&floor, &tm) != NULL)
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    (void)cJSON_AddStringToObject(part, "clock-floor", text);
    (void)cJSON_AddBoolToObject(part, "writable", v->state_writable);
}

static char *status_text(const struct control_view *v)
{
    cJSON *const root = cJSON_CreateObject();
    char *text = NULL;

    (void)cJSON_AddBoolToObject(root, "enforce", v->config->enforce);
    (void)cJSON_AddBoolToObject(root, "draining", v->counts.draining != 0);
    add_processes(root, &v->counts, age_s(v->counts_at, clock_mono()) > COUNTS_LATE_S);
    add_numbers(root, v);
    add_resolver(root, v);
    add_anchors(root, v);
    add_state(root, v);
    (void)cJSON_AddNumberToObject(root, "failures-remembered", v->grace->n);
    (void)cJSON_AddNumberToObject(root, "log-lines-lost", (double)v->log_lost);
    text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    return text;
}

/* Ages in seconds; `clear`: when TLS fails again, clear text may follow. */
static cJSON *failure(const struct control_view *v, const struct grace_entry *e, struct mono now)
{
    cJSON *const one = cJSON_CreateObject();
    char client[IP_TEXT_MAX], host[HOSTNAME_MAX + 1];

    ip_text(&e->key.client, client);
    text_printable(span_str(e->key.host), host, sizeof host);
    (void)cJSON_AddStringToObject(one, "client", client);
    (void)cJSON_AddStringToObject(one, "host", host);
    (void)cJSON_AddNumberToObject(one, "first", age_s(e->first, now));
    (void)cJSON_AddNumberToObject(one, "last", age_s(e->last, now));
    (void)cJSON_AddBoolToObject(one, "clear",
                                grace_judge(v->grace, &e->key, now, v->config->clear_after_s) == GRACE_OVER);
    return one;
}

static char *memory_text(const struct control_view *v, const struct hostname *domain)
{
    cJSON *const root = cJSON_CreateObject();
    cJSON *const list = cJSON_AddArrayToObject(root, "failures");
    const struct mono now = clock_mono();
    unsigned told = 0, more = 0;
    char *text = NULL;

    for (uint32_t i = 0; i < v->grace->n; i++)
        if (strcmp(v->grace->entry[i].key.domain, domain->s) == 0) {
            if (told < CONTROL_MEMORY_MAX)
                told += cJSON_AddItemToArray(list, failure(v, &v->grace->entry[i], now)) != 0;
            else
                more++;
        }
    (void)cJSON_AddNumberToObject(root, "more", more);
    text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    return text;
}

/* ---- one client ---- */

static void end(struct client *k)
{
    if (k->fd < 0)
        return;
    watch_close(&k->watch);
    timer_cancel(&k->patience);
    close(k->fd);
    cJSON_free(k->answer);
    k->answer = NULL;
    k->fd = -1;
}

static void out_of_patience(void *owner)
{
    end(owner);
}

static void answer(struct client *k)
{
    while (k->sent < k->n_answer) {
        const ssize_t n = send(k->fd, k->answer + k->sent, k->n_answer - k->sent, MSG_NOSIGNAL);

        if (n > 0)
            k->sent += (size_t)n;
        else if (n < 0 && errno == EAGAIN && watch_want(&k->watch, LOOP_WRITE) == OK)
            return;
        else
            break;
    }
    end(k);
}

static bool is_request(const struct client *k, const char *request)
{
    return k->n_request == strlen(request) && memcmp(k->request, request, k->n_request) == 0;
}

/* Of `memory DOMAIN`; false: it is something else. */
static bool asks_memory(const struct client *k, struct hostname *domain)
{
    const struct span verb = SPAN("memory "), request = span_of(k->request, k->n_request);

    return request.n > verb.n && span_eq(span_first(request, verb.n), verb) && request.p[request.n - 1] == '\n' &&
           hostname_parse(span_from(span_first(request, request.n - 1), verb.n), domain) == OK;
}

/* The document, cJSON's to free; NULL without memory. */
static char *document(struct client *k)
{
    static const char done[] = "{\"done\":true}",
                      unknown[] = "{\"error\":\"the requests are: status, memory DOMAIN, clock reset\"}";
    const bool reset = is_request(k, "clock reset\n");
    const char *const text = reset ? done : unknown;
    struct hostname domain;
    char *copy = NULL;

    if (is_request(k, "status\n"))
        return status_text(k->control->view);
    if (asks_memory(k, &domain))
        return memory_text(k->control->view, &domain);
    if (reset)
        k->control->reset(k->control->who);
    copy = cJSON_malloc(strlen(text) + 1);
    if (copy != NULL)
        memcpy(copy, text, strlen(text) + 1);
    return copy;
}

static void asked(struct client *k)
{
    k->answer = document(k);
    if (k->answer == NULL) {
        end(k);
        return;
    }
    k->n_answer = strlen(k->answer);
    k->answer[k->n_answer++] = '\n'; /* in place of the NUL: it is bytes from here on */
    answer(k);
}

static void on_client(void *owner, unsigned ready)
{
    struct client *const k = owner;

    (void)ready;
    if (k->answer != NULL) {
        answer(k);
        return;
    }
    const ssize_t n = recv(k->fd, k->request + k->n_request, sizeof k->request - k->n_request, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        end(k);
        return;
    }
    k->n_request += (size_t)n;
    if (k->request[k->n_request - 1] == '\n' || k->n_request == sizeof k->request)
        asked(k);
}

static bool may_ask(int fd)
{
    struct ucred who;
    socklen_t len = sizeof who;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && (who.uid == 0 || who.uid == geteuid());
}

static void deaf(struct control *c)
{
    if (c->fd < 0)
        return;
    watch_close(&c->watch);
    timer_cancel(&c->pause);
    close(c->fd);
    c->fd = -1;
}

static void hear(void *owner)
{
    struct control *const c = owner;

    if (watch_want(&c->watch, LOOP_READ) != OK)
        deaf(c);
}

/* Without descriptors or memory accept fails again at once: who has connected waits. */
static void wait_a_little(struct control *c)
{
    if (watch_want(&c->watch, 0) != OK)
        deaf(c);
    else
        timer_set(&c->pause, ACCEPT_PAUSE_MS);
}

static void on_accept(void *owner, unsigned ready)
{
    struct control *const c = owner;
    const int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct client *k = NULL;

    (void)ready;
    if (fd < 0) {
        wait_a_little(c);
        return;
    }
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX && k == NULL; i++)
        if (c->client[i].fd < 0)
            k = &c->client[i];
    if (k == NULL || !may_ask(fd)) {
        close(fd);
        return;
    }
    k->fd = fd;
    k->n_request = k->n_answer = k->sent = 0;
    watch_open(&k->watch, c->loop, fd, on_client, k);
    timer_set(&k->patience, (int64_t)CONTROL_S * 1000);
    if (watch_want(&k->watch, LOOP_READ) != OK)
        end(k);
}

/* ---- the socket ---- */

struct control *control_new(struct loop *loop, const struct control_view *view, control_reset_cb *reset, void *who)
{
    struct control *const c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->loop = loop;
    c->view = view;
    c->reset = reset;
    c->who = who;
    c->fd = -1;
    timer_init(&c->pause, loop, hear, c);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        c->client[i].control = c;
        c->client[i].fd = -1;
        timer_init(&c->client[i].patience, loop, out_of_patience, &c->client[i]);
    }
    return c;
}

void control_free(struct control *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        end(&c->client[i]);
    deaf(c);
    free(c);
}

void control_listen(struct control *c, int fd)
{
    deaf(c);
    c->fd = fd;
    watch_open(&c->watch, c->loop, fd, on_accept, c);
    hear(c);
}
