#include "role/keeper.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "ops/anchors.h"
#include "ops/log.h"
#include "policy/grace.h"
#include "role/control.h"
#include "role/kept.h"
#include "role/privs.h"

#define LAST_LINES_MS 200 /* between the word to end and the end: what dead peers still said lies in their pairs */

/* How much one process has said in the present minute. */
struct talk {
    struct mono since; /* the first line */
    unsigned n;
};

struct keeper {
    struct child *child;
    struct talk resolver, worker[PEERS_MAX];
    struct log log;
    struct grace_table grace;
    struct control *control;
    struct control_view view;
    struct kept kept;
    struct timer last_lines;
};

/* ---- what the others tell ---- */

static bool is_text(const char *s, size_t cap)
{
    return memchr(s, '\0', cap) != NULL;
}

/* The broker and this one say as much as they like. */
static bool may_say(struct keeper *k, enum role from, unsigned index)
{
    struct talk *const t = from == ROLE_RESOLVER                      ? &k->resolver
                           : from == ROLE_WORKER && index < PEERS_MAX ? &k->worker[index]
                                                                      : NULL;
    const struct mono now = clock_mono();

    if (t == NULL)
        return true;
    if (t->n == 0 || now.ms - t->since.ms >= (int64_t)SAY_S * 1000)
        *t = (struct talk){ .since = now };
    if (t->n > SAY_MAX)
        return false;
    if (t->n++ < SAY_MAX)
        return true;
    child_say(k->child, LOG_WARNING, "%s %u has more to say than is written in a minute", privs_role_name(from), index);
    return false;
}

static enum rc on_log(struct keeper *k, enum role from, unsigned index, const struct wire_log *m)
{
    char line[sizeof m->text];

    if (!is_text(m->text, sizeof m->text) || m->priority > LOG_DEBUG)
        return MALFORMED;
    if (!may_say(k, from, index))
        return OK;
    (void)text_printable(span_str(m->text), line, sizeof line); /* it may quote what came from far away */
    log_line(&k->log, clock_wall(), (int)m->priority, line);
    return OK;
}

/* A finished domain: its line, its number, and what it teaches about TLS at this host. */
static enum rc on_record(struct keeper *k, const struct wire_record *m)
{
    const struct record *const r = &m->record;
    char line[LOG_LINE_MAX];
    struct grace_key key;

    if (record_check(r) != OK)
        return MALFORMED;
    (void)log_outcome(r, line, sizeof line);
    log_line(&k->log, clock_wall(), LOG_INFO, line);
    k->view.outcome[r->outcome]++;
    k->view.why[r->why]++;
    if (r->tls_done || r->tls_failed) {
        grace_key_of(&key, &r->client, &r->server, r->by_address != 0 ? "" : r->domain, r->mx);
        if (r->tls_done)
            grace_succeeded(&k->grace, &key);
        else
            grace_failed(&k->grace, &key, clock_mono());
    }
    return OK;
}

static enum rc on_ask(struct keeper *k, unsigned worker, const struct wire_memory_ask *m)
{
    struct wire_memory answer = { .kind = WIRE_MEMORY, .ask = m->ask, .floor_s = kept_floor(&k->kept).s };
    struct grace_key key;

    if (!is_text(m->domain, sizeof m->domain) || !is_text(m->host, sizeof m->host))
        return MALFORMED;
    grace_key_of(&key, &m->client, &m->server, m->domain, m->host);
    answer.grace = (uint8_t)grace_judge(&k->grace, &key, clock_mono(), child_config(k->child)->clear_after_s);
    (void)!child_send(k->child, ROLE_WORKER, worker, &answer, sizeof answer, NULL,
                      0); /* full: unknown, no clear text */
    return OK;
}

static void show_kept(struct keeper *k)
{
    k->view.floor = kept_floor(&k->kept);
    k->view.state_writable = k->kept.writable;
}

static enum rc on_resolver(struct keeper *k, const struct wire_resolver *m)
{
    if (m->clock > CLOCK_SYNCED || m->source > ANCHORS_KEPT || m->n_trusted > ANCHORS_MAX)
        return MALFORMED;
    k->view.resolver = *m;
    k->view.resolver_known = true;
    kept_proven(&k->kept, m->anchored != 0 && m->clock == CLOCK_SYNCED);
    return OK;
}

static enum rc on_anchors(struct keeper *k, const void *msg, size_t n)
{
    struct state from;

    if (kept_unpack(msg, n, &from) != OK || from.base[0] == '\0')
        return MALFORMED;
    kept_anchors(&k->kept, &from);
    return OK;
}

/* To the resolver: the floor, and what else it is to begin with. */
static void tell_kept(struct keeper *k, const struct state *s)
{
    struct wire_kept message;
    const size_t n = kept_pack(WIRE_KEPT, s, &message);

    if (child_send(k->child, ROLE_RESOLVER, 0, &message, n, NULL, 0) == AGAIN_WRITE)
        log_line(&k->log, clock_wall(), LOG_ERR, "the resolver does not take the floor of the clock");
}

static void on_floor(void *who)
{
    struct keeper *const k = who;
    const struct state floor = { .floor_s = k->kept.state.floor_s };

    show_kept(k);
    tell_kept(k, &floor);
}

static void on_reset(void *who)
{
    struct keeper *const k = who;

    log_line(&k->log, clock_wall(), LOG_NOTICE, "the floor of the clock was reset to the time of the build");
    kept_reset(&k->kept);
}

static void on_say(void *who, int priority, const char *line)
{
    struct keeper *const k = who;

    log_line(&k->log, clock_wall(), priority, line);
}

/* One message, by its kind: its length must be that of its struct. MALFORMED ends the pair. */
static enum rc take(struct keeper *k, enum role from, unsigned index, const void *msg, size_t n)
{
    switch (*(const uint32_t *)msg) {
    case WIRE_LOG:
        return n == sizeof(struct wire_log) ? on_log(k, from, index, msg) : MALFORMED;
    case WIRE_RECORD:
        return from != ROLE_RESOLVER && n == sizeof(struct wire_record) ? on_record(k, msg) : MALFORMED;
    case WIRE_MEMORY_ASK:
        return from == ROLE_WORKER && n == sizeof(struct wire_memory_ask) ? on_ask(k, index, msg) : MALFORMED;
    case WIRE_COUNTS:
        if (from != ROLE_BROKER || n != sizeof k->view.counts)
            return MALFORMED;
        memcpy(&k->view.counts, msg, n);
        k->view.counts_at = clock_mono();
        return OK;
    case WIRE_RESOLVER:
        return from == ROLE_RESOLVER && n == sizeof(struct wire_resolver) ? on_resolver(k, msg) : MALFORMED;
    case WIRE_ANCHORS:
        return from == ROLE_RESOLVER ? on_anchors(k, msg, n) : MALFORMED;
    default:
        return MALFORMED;
    }
}

static void message(void *self, enum role from, unsigned index, const void *msg, size_t n, const int *fds,
                    unsigned n_fds)
{
    struct keeper *const k = self;
    const bool control = from == ROLE_BROKER && *(const uint32_t *)msg == WIRE_CONTROL && n_fds == 1;

    k->view.config = child_config(k->child);
    if (control)
        control_listen(k->control, fds[0]);
    for (unsigned i = 0; i < n_fds && !control; i++)
        close(fds[i]);
    if (!control && take(k, from, index, msg, n) != OK) {
        child_say(k->child, LOG_ERR, "the pair to role %d %u is cut: misshapen message", (int)from, index);
        child_cut(k->child, from, index);
    }
    show_kept(k);
    k->view.log_lost = k->log.lost;
}

static void peer(void *self, enum role with, unsigned index)
{
    struct keeper *const k = self;

    (void)index;
    if (with == ROLE_RESOLVER) { /* a new one: what the old one said is past */
        k->view.resolver_known = false;
        kept_proven(&k->kept, false);
        tell_kept(k, &k->kept.state);
    }
}

/* ---- from start to end ---- */

/* The configuration's keys of the root, read here too: the resolver is not asked what its own must follow from. What is
 * wrong with the file, it says. */
static void take_given(struct keeper *k, const struct config *c)
{
    struct anchors_loaded given;
    char say[ANCHORS_SAY_MAX];

    if (anchors_load(c->trust_anchor, c->trust_anchor_configured, &given, say) == OK)
        kept_given(&k->kept, &given.anchors);
}

static void config(void *self)
{
    struct keeper *const k = self;
    const struct config *const c = child_config(k->child), *const old =
                                                               k->view.config; /* which lives until behind this */
    struct log fresh;

    if (strcmp(c->trust_anchor, old->trust_anchor) != 0 || c->trust_anchor_configured != old->trust_anchor_configured)
        take_given(k, c);
    k->view.config = c;
    if (c->log == k->log.to && (c->log != LOG_TO_FILE || strcmp(c->log_path, k->log.path) == 0)) {
        if (log_reopen(&k->log) != OK)
            child_say(k->child, LOG_ERR, "the log cannot be opened anew: %s; the old one stays", strerror(errno));
    } else if (log_open(&fresh, c->log, c->log_path) == OK) {
        log_close(&k->log);
        k->log = fresh;
    } else {
        child_say(k->child, LOG_ERR, "the new log cannot be opened: %s; the old one stays", strerror(errno));
    }
}

static void last_lines_are_written(void *owner)
{
    struct keeper *const k = owner;

    child_finish(k->child);
}

static void drain(void *self)
{
    struct keeper *const k = self;

    timer_set(&k->last_lines, LAST_LINES_MS);
}

static void stop(void *self)
{
    struct keeper *const k = self;

    timer_cancel(&k->last_lines);
    kept_close(&k->kept);
    control_free(k->control);
    log_close(&k->log);
    free(k);
}

static void *start(struct child *c)
{
    const struct config *const conf = child_config(c);
    struct keeper *const k = calloc(1, sizeof *k);

    if (k == NULL)
        return NULL;
    k->child = c;
    k->view.config = conf;
    k->view.grace = &k->grace;
    k->control = control_new(child_loop(c), &k->view, on_reset, k);
    timer_init(&k->last_lines, child_loop(c), last_lines_are_written, k);
    if (log_open(&k->log, conf->log, conf->log_path) != OK) {
        child_say(c, LOG_ERR, "the log cannot be opened: %s: %s", conf->log_path, strerror(errno));
        control_free(k->control);
        free(k);
        return NULL;
    }
    kept_open(&k->kept, child_loop(c), conf->state_dir, on_say, on_floor, k);
    take_given(k, conf);
    if (k->control == NULL) {
        stop(k);
        return NULL;
    }
    show_kept(k);
    return k;
}

const struct child_ops keeper_ops = {
    .role = ROLE_KEEPER,
    .start = start,
    .message = message,
    .peer = peer,
    .config = config,
    .drain = drain,
    .stop = stop,
};
