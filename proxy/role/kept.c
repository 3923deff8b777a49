#include "role/kept.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

#include "role/dates.h"

enum {
    LOOK_MS = 60000,
    JUMP_MS = 60000 /* more than that between the two clocks: somebody set it, and the resolver has yet to notice */
};

static void say(const struct kept *k, int priority, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(const struct kept *k, int priority, const char *fmt, ...)
{
    char line[STATE_SAY_MAX + CONFIG_PATH_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    k->say(k->who, priority, line);
}

/* ---- the file ---- */

static void save(struct kept *k)
{
    const bool was = k->writable;

    k->writable = state_save(k->folder, &k->state) == OK;
    k->saved_at = clock_mono();
    k->ever_saved = true;
    if (k->writable)
        k->dirty = false;
    if (was && !k->writable)
        say(k, LOG_WARNING, "state-dir %s cannot be written (%s): what is learnt lasts until the next restart only",
            k->folder, strerror(errno));
    else if (!was && k->writable)
        say(k, LOG_NOTICE, "state-dir %s can be written again", k->folder);
}

static void save_if_due(struct kept *k)
{
    if (k->dirty && (!k->ever_saved || clock_mono().ms - k->saved_at.ms >= (int64_t)STATE_EVERY_S * 1000))
        save(k);
}

/* ---- the floor ---- */

static int64_t clock_offset(void)
{
    return clock_wall().s * 1000 - clock_mono().ms;
}

struct wall kept_floor(const struct kept *k)
{
    return dates_floor((struct wall){ k->state.floor_s });
}

static void set_floor(struct kept *k, struct wall floor)
{
    k->state.floor_s = floor.s;
    k->dirty = true;
    k->floor_changed(k->who);
}

/* Takes the time as known where it has run evenly since it was proven, and is `step_s` or more behind the floor. */
static void raise_floor(struct kept *k, int64_t step_s)
{
    const struct wall now = clock_wall(), floor = dates_floor(now);
    const int64_t offset = clock_offset(), jump = offset - k->offset_ms;

    k->offset_ms = offset;
    if (k->proven && dates_state(kept_floor(k)) == CLOCK_SYNCED && jump < JUMP_MS && jump > -JUMP_MS &&
        floor.s >= kept_floor(k).s + step_s)
        set_floor(k, floor);
}

static void look(void *owner)
{
    struct kept *const k = owner;

    raise_floor(k, FLOOR_STEP_S);
    save_if_due(k);
    timer_set(&k->look, LOOK_MS);
}

void kept_proven(struct kept *k, bool proven)
{
    if (proven && !k->proven) /* by the clock as it is now */
        k->offset_ms = clock_offset();
    k->proven = proven;
}

void kept_reset(struct kept *k)
{
    set_floor(k, dates_floor((struct wall){ 0 }));
    save(k);
}

/* ---- the keys ---- */

void kept_given(struct kept *k, const struct anchors *given)
{
    k->given = *given;
    anchor_base(given, k->base);
}

void kept_anchors(struct kept *k, struct state *from)
{
    static const struct anchors none;
    char old[ANCHORS_TEXT_MAX], fresh[ANCHORS_TEXT_MAX];
    const bool same = strcmp(k->state.base, from->base) == 0;

    if (strcmp(k->base, from->base) != 0 ||
        !anchor_follows(&k->given, same ? &k->state.anchors : &none, &from->anchors, clock_wall().s)) {
        if (!k->said_keys)
            say(k, LOG_WARNING,
                "the resolver's keys of the root do not follow from those that are known (RFC 5011): they are "
                "not kept");
        k->said_keys = true;
        return;
    }
    k->said_keys = false;
    const size_t n_old = anchor_text(&k->state.anchors, old), n_fresh = anchor_text(&from->anchors, fresh);

    if (same && span_eq(span_of(old, n_old), span_of(fresh, n_fresh)))
        return;
    memcpy(k->state.base, from->base, sizeof k->state.base);
    k->state.anchors = from->anchors;
    k->dirty = true;
    save_if_due(k);
}

/* ---- from start to end ---- */

void kept_open(struct kept *k, struct loop *loop, const char *folder, kept_say *say_cb, kept_floor_cb *floor_changed,
               void *who)
{
    char why[STATE_SAY_MAX];

    *k = (struct kept){ .say = say_cb, .floor_changed = floor_changed, .who = who };
    (void)snprintf(k->folder, sizeof k->folder, "%s", folder);
    k->writable = access(folder, W_OK | X_OK) == 0;
    if (!k->writable)
        say(k, LOG_WARNING, "state-dir %s cannot be written (%s): what is learnt lasts until the next restart only",
            folder, strerror(errno));
    state_load(folder, &k->state, why);
    if (why[0] != '\0')
        say(k, LOG_WARNING, "%s", why);
    k->offset_ms = clock_offset();
    timer_init(&k->look, loop, look, k);
    timer_set(&k->look, LOOK_MS);
}

void kept_close(struct kept *k)
{
    timer_cancel(&k->look);
    raise_floor(k, 1);
    if (k->dirty)
        save(k);
}

/* ---- messages ---- */

size_t kept_pack(enum wire kind, const struct state *s, struct wire_kept *out)
{
    *out = (struct wire_kept){ .kind = kind, .floor_s = s->floor_s };
    memcpy(out->base, s->base, sizeof out->base);
    if (s->base[0] != '\0')
        out->n = (uint32_t)anchor_text(&s->anchors, out->text);
    return offsetof(struct wire_kept, text) + out->n;
}

enum rc kept_unpack(const void *msg, size_t n, struct state *out)
{
    const struct wire_kept *const m = msg;
    unsigned line;

    *out = (struct state){ 0 };
    if (n < offsetof(struct wire_kept, text) || m->n > sizeof m->text || n != offsetof(struct wire_kept, text) + m->n ||
        memchr(m->base, '\0', sizeof m->base) == NULL || m->floor_s < 0)
        return MALFORMED;
    out->floor_s = m->floor_s;
    if (m->n == 0)
        return OK;
    memcpy(out->base, m->base, sizeof out->base);
    for (const char *c = m->base; *c != '\0'; c++) /* it goes into a file line by line */
        if (strchr("0123456789abcdef", *c) == NULL)
            return MALFORMED;
    if (strlen(m->base) != ANCHOR_BASE_MAX - 1)
        return MALFORMED;
    return anchor_parse(span_of(m->text, m->n), &out->anchors, &line) == OK ? OK : MALFORMED;
}
