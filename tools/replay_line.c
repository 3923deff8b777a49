/* What each statement of tests/replay does. */
#include "alloc.h"
#include "base/text.h"
#include "ops/log.h"
#include "replay.h"

#include <stdarg.h>

#include <stdlib.h>

typedef bool statement(struct run *r, struct words *args);

bool run_fail(struct run *r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(r->failed, sizeof r->failed, fmt, args);
    va_end(args);
    return false;
}

static bool begun(struct run *r)
{
    if (r->world->session == NULL && !world_begin(r->world))
        return run_fail(r, "no session");
    return true;
}

/* ---- what the ends do ---- */

static bool says(struct run *r, struct wire *w, const struct words *args)
{
    size_t *const bytes = w->is_far ? &r->far_bytes : &r->near_bytes;
    const size_t at = w->is_far ? r->far_at : r->near_at;

    for (unsigned i = 0; i < args->n; i++) {
        const struct span s = args->word[i].text;

        if (!args->word[i].quoted)
            return run_fail(r, "%.*s is no word of this statement", (int)s.n, s.p);
        if (at >= *bytes && at < *bytes + s.n)
            w->pause_at = w->says.n + (at - *bytes);
        *bytes += s.n;
        wire_says(w, s);
    }
    return true;
}

static bool do_end(struct wire *w, const struct words *args)
{
    if (words_are(args, "ends"))
        w->ends = true;
    else if (words_are(args, "resets") || words_are(args, "cut"))
        w->breaks = true;
    else if (words_are(args, "stalls"))
        w->stalls = true;
    else if (words_are(args, "flows"))
        w->stalls = false;
    else
        return false;
    return true;
}

static bool tls_up(struct run *r, struct wire *w, const struct words *args)
{
    static const char *const versions[] = { "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3" };
    unsigned v = 3;

    if (!w->handshakes)
        return run_fail(r, "no handshake is under way");
    for (unsigned i = 1; i < args->n; i++) {
        bool known = false;

        if (args->word[i].quoted) { /* comes with the end of the handshake */
            w->early = args->word[i].text;
            continue;
        }

        for (unsigned k = 0; k < 4; k++)
            if (word_is(&args->word[i], versions[k]))
                v = k, known = true;
        if (known)
            continue;
        alloc_pause(true);
        free(w->chain);
        w->chain = script_chain(args->word[i].text);
        alloc_pause(false);
        if (w->chain == NULL)
            return run_fail(r, "no chain %.*s", (int)args->word[i].text.n, args->word[i].text.p);
    }
    w->info = (struct tls_info){ .version = versions[v], .cipher = "TLS_AES_128_GCM_SHA256" };
    w->tls_up = true;
    return true;
}

static bool tls_fails(struct wire *w)
{
    snprintf(w->words, sizeof w->words, "alert: handshake failure");
    return w->tls_fails = true;
}

static bool st_near(struct run *r, struct words *args)
{
    if (!begun(r))
        return false;
    struct wire *const w = r->world->near;

    if (words_begin(args, "tls"))
        return tls_up(r, w, args);
    if (words_begin(args, "tls-fails"))
        return tls_fails(w);
    return do_end(w, args) || says(r, w, args);
}

static bool st_far(struct run *r, struct words *args)
{
    if (!begun(r))
        return false;
    struct wire *const w = r->world->far;

    if (words_are(args, "connects"))
        return w->connects = true;
    if (words_are(args, "refuses"))
        return w->refuses = true;
    if (do_end(w, args))
        return true;
    if (words_begin(args, "tls"))
        return tls_up(r, w, args);
    if (words_begin(args, "tls-fails"))
        return tls_fails(w);
    w->connects = true;
    return says(r, w, args);
}

static bool st_wait(struct run *r, struct words *args)
{
    if (!begun(r))
        return false;
    world_wait(r->world, word_number(args, 0) * 1000);
    return true;
}

static bool st_whole(struct run *r, struct words *args)
{
    (void)args;
    return r->whole_only = true;
}

static bool st_overload(struct run *r, struct words *args)
{
    (void)args;
    if (!begun(r))
        return false;
    session_kill(r->world->session, WHY_OVERLOAD);
    return true;
}

/* ---- what they must hear ---- */

/* The first line (or what there is of it) must be this text: all of it, or up to a final `*`. */
static bool hear(struct run *r, struct wire *w, const struct word *want)
{
    const struct span all = wire_unheard(w);
    const struct span text = want->text;
    char shown[2][300];
    size_t n = text.n;
    bool same = all.n >= n && span_eq(span_first(all, n), text);

    if (want->open) {
        const size_t line = span_find(all, '\n') + 1;

        n = line < all.n ? line : all.n;
        same = same && n > 0 && all.p[n - 1] == '\n';
    }
    if (same) {
        wire_heard(w, n);
        return true;
    }
    text_printable(text, shown[0], sizeof shown[0]);
    text_printable(all, shown[1], sizeof shown[1]);
    return run_fail(r, "%s should hear `%s`, heard `%s`", w->is_far ? "far" : "near", shown[0], shown[1]);
}

/* What it heard before the connection was reset is a beginning of this text: how much had left is chance. */
static bool hear_upto(struct run *r, struct wire *w, const struct word *want)
{
    const struct span all = wire_unheard(w);

    if (all.n > want->text.n || !span_eq(span_first(want->text, all.n), all))
        return run_fail(r, "%s heard `%.*s`", w->is_far ? "far" : "near", (int)all.n, all.p);
    wire_heard(w, all.n);
    return true;
}

struct wire *run_far_heard(void)
{
    struct wire *w, *last = NULL;

    for (unsigned i = 0; (w = wire_nth(i)) != NULL; i++)
        if (w->is_far) {
            last = w;
            if (wire_unheard(w).n > 0)
                break;
        }
    return last;
}

static bool hear_as(struct run *r, struct wire *w, const struct word *want, bool sealed)
{
    if (wire_unheard(w).n > 0 && (w->hears.taken >= w->sealed_from) != sealed)
        return run_fail(r, "%s goes out where %s should", sealed ? "clear text" : "TLS", sealed ? "TLS" : "clear text");
    return hear(r, w, want);
}

static bool hear_far(struct run *r, const struct words *args, bool sealed)
{
    for (unsigned i = 1; i < args->n; i++)
        if (!hear_as(r, run_far_heard(), &args->word[i], sealed))
            return false;
    return true;
}

static bool closed(struct run *r, struct wire *w, const struct words *args)
{
    const bool reset = words_have(args, "reset");

    if (w->stream != NULL)
        return words_have(args, "ended") && w->was_ended ? true : run_fail(r, "the connection is still open");
    if (w->was_reset != reset)
        return run_fail(r, "the connection was %s", reset ? "closed in good order" : "reset");
    return w->close_seen = true;
}

static bool st_expect_near(struct run *r, struct words *args)
{
    struct wire *const w = r->world->near;

    if (words_have(args, "reset") || words_have(args, "closed") || words_have(args, "ended"))
        return closed(r, w, args);
    if (words_have(args, "nothing"))
        return wire_unheard(w).n == 0 ? true
                                      : run_fail(r, "near heard `%.*s`", (int)wire_unheard(w).n, wire_unheard(w).p);
    if (args->n == 3 && word_is(&args->word[1], "upto"))
        return hear_upto(r, w, &args->word[2]);
    if (words_have(args, "handshake"))
        return w->handshakes ? true : run_fail(r, "the client cannot begin TLS");
    for (unsigned i = 1; i < args->n; i++)
        if (!hear_as(r, w, &args->word[i], w->info.version != NULL))
            return false;
    return true;
}

static bool st_expect_far(struct run *r, struct words *args)
{
    struct wire *w = NULL;

    if (words_have(args, "nothing"))
        return wire_unheard(run_far_heard()).n == 0
                   ? true
                   : run_fail(r, "far heard `%.*s`", (int)wire_unheard(run_far_heard()).n,
                              wire_unheard(run_far_heard()).p);
    if (args->n == 3 && word_is(&args->word[1], "upto"))
        return hear_upto(r, run_far_heard(), &args->word[2]);
    if (words_have(args, "ended"))
        return closed(r, r->world->far, args);
    if (!words_have(args, "reset") && !words_have(args, "closed"))
        return hear_far(r, args, false);
    for (unsigned i = 0; (w = wire_nth(i)) != NULL; i++)
        if (w->is_far && (w->stream == NULL || wire_nth(i + 1) == NULL) && !w->close_seen)
            return closed(r, w, args);
    return run_fail(r, "no far connection was closed");
}

static bool st_expect_handshake(struct run *r, struct words *args)
{
    struct wire *const w = r->world->far;

    if (!w->handshakes || w->handshake_seen)
        return run_fail(r, "no handshake began");
    w->handshake_seen = true;
    for (unsigned i = 1; i < args->n; i++) {
        const struct span text = args->word[i].text;
        char now[HOSTNAME_MAX + 16];

        if (text.n > 4 && memcmp(text.p, "sni=", 4) == 0)
            snprintf(now, sizeof now, "sni=%s", w->sni[0] == '\0' ? "-" : w->sni);
        else if (text.n > 6 && memcmp(text.p, "shows=", 6) == 0)
            snprintf(now, sizeof now, "shows=%s", w->shows ? "yes" : "no");
        else
            snprintf(now, sizeof now, "floor=%s", w->floor == TLS_FLOOR_1_2 ? "1.2" : "any");
        if (!word_is(&args->word[i], now))
            return run_fail(r, "the handshake has %s", now);
    }
    return true;
}

static bool st_expect(struct run *r, struct words *args)
{
    if (!begun(r))
        return false;
    if (words_begin(args, "near"))
        return st_expect_near(r, args);
    if (words_begin(args, "far"))
        return st_expect_far(r, args);
    if (words_begin(args, "sealed"))
        return hear_far(r, args, true);
    if (words_begin(args, "handshake"))
        return st_expect_handshake(r, args);
    if (words_begin(args, "dial"))
        return r->world->dials > r->world->dials_seen ? r->world->dials_seen++,
               true                                   : run_fail(r, "nothing was dialled");
    return run_fail(r, "expect what?");
}

static bool st_back(struct run *r, struct words *args)
{
    if (!begun(r))
        return false;
    r->world->far->connects = true;
    if (!says(r, r->world->far, args))
        return false;
    world_run(r->world);
    for (unsigned i = 0; i < args->n; i++)
        if (!hear(r, r->world->near, &args->word[i]))
            return false;
    return true;
}

static bool st_end(struct run *r, struct words *args)
{
    (void)args;
    r->ended = true;
    if (!begun(r))
        return false;
    if (!r->world->over && r->world->near->was_ended) { /* our goodbye is said: the client hangs up in turn */
        r->world->near->ends = true;
        world_run(r->world);
    }
    return r->world->over ? true : run_fail(r, "the session goes on");
}

static bool st_log(struct run *r, struct words *args)
{
    char line[LOG_LINE_MAX + 2] = " ";

    if (r->world->records_seen == r->world->n_records)
        return run_fail(r, "no outcome line was written");
    const size_t n = log_outcome(&r->world->records[r->world->records_seen++], line + 1, sizeof line - 2);

    memcpy(line + 1 + n, " ", 2);
    for (unsigned i = 0; i < args->n; i++) {
        const struct span word = args->word[i].text;
        const bool lacks = word.n > 0 && word.p[0] == '!';
        char want[300];

        snprintf(want, sizeof want, lacks ? " %.*s" : " %.*s ", (int)(word.n - lacks), word.p + lacks);
        if ((strstr(line, want) == NULL) != lacks)
            return run_fail(r, "%s`%s` in the outcome line%s", lacks ? "" : "no ", want, line);
    }
    return true;
}

/* ---- the world around them ---- */

static bool st_server(struct run *r, struct words *args, enum server *who, bool memory)
{
    struct world *const w = r->world;

    if (words_begin(args, "holds"))
        *who = SERVER_HOLDS;
    else if (words_begin(args, "dead"))
        *who = SERVER_DEAD;
    else if (words_begin(args, "answers")) {
        *who = SERVER_ANSWERS;
        if (w->session != NULL)
            world_answer(w, memory);
    } else if (words_begin(args, "dies")) {
        *who = SERVER_DEAD;
        w->n_questions = 0;
        session_lost(w->session, !memory);
    } else
        return false;
    return true;
}

static bool st_resolver(struct run *r, struct words *args)
{
    return st_server(r, args, &r->world->resolver, false) ||
           run_fail(r, "the resolver answers, holds, dies or is dead");
}

static bool st_keeper(struct run *r, struct words *args)
{
    if (words_begin(args, "over"))
        r->world->grace = GRACE_OVER;
    else if (words_begin(args, "wait"))
        r->world->grace = GRACE_WAIT;
    else
        return st_server(r, args, &r->world->keeper, true) ||
               run_fail(r, "the keeper says over or wait, holds, dies …");
    return true;
}

static bool st_broker(struct run *r, struct words *args)
{
    if (words_begin(args, "fails")) {
        world_dialed(r->world, false);
        return true;
    }
    return st_server(r, args, &r->world->broker, false);
}

static const struct {
    const char *name;
    statement *run;
    bool quiet; /* nothing of it reaches the session by itself */
} statements[] = {
    { "near", st_near, false },         { "far", st_far, false },       { "expect", st_expect, true },
    { "wait", st_wait, false },         { "log", st_log, true },        { "end", st_end, true },
    { "resolver", st_resolver, false }, { "keeper", st_keeper, false }, { "broker", st_broker, false },
    { "overload", st_overload, false }, { "whole", st_whole, true },    { "back", st_back, true },
};

bool run_line(struct run *r, const char *line)
{
    char text[16384];
    struct words args;

    snprintf(text, sizeof text, "%s", line);
    if (!words_split(text, &args))
        return run_fail(r, "this cannot be read");
    alloc_pause(true);
    const bool setting = script_setting(&args, r->world);

    alloc_pause(false);
    if (setting)
        return true;
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        if (!words_begin(&args, statements[i].name))
            continue;
        words_shift(&args);
        if (!statements[i].run(r, &args))
            return false;
        if (!statements[i].quiet && r->world->session != NULL && !r->world->over)
            world_run(r->world);
        return r->world->complaint[0] == '\0' ? true : run_fail(r, "%s", r->world->complaint);
    }
    return run_fail(r, "no such statement");
}
