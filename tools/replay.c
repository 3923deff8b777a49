/*
 * replay - runs scripts of both ends, DNS and clock against the session code, without any network; speaks TAP.
 *   replay [FILE...]     default: the *.smtp files of tests/replay and of its folders bugs and recorded
 * Each case runs as it stands, then with every segment of both ends cut into single bytes, then once for each byte of
 * what either end says with a cut in front of that byte: the result must be the same (A14, A73).
 * Then with faults, where only the invariants count: the first allocation fails, then the second, until a run
 * completes; and either end is gone suddenly, behind the first statement, then behind the second. The scripts'
 * language: tests/replay/GRAMMAR.md
 */
#include "replay.h"
#include "alloc.h"
#include "base/text.h"
#include "ops/log.h"

#include <glob.h>

/* Nothing may be left that the script has not spoken of. */
static bool nothing_left(struct run *r)
{
    struct world *const w = r->world;

    if (w->session == NULL)
        return run_fail(r, "nothing happens in this case");
    if (!w->over) {
        w->near->breaks = true;
        world_run(w);
    }
    if (!w->over && !r->ended)
        world_wait(w, (int64_t)(SESSION_BYE_S + 1) * 1000);
    if (!w->over)
        return run_fail(r, "the session does not end when its client is gone");
    if (w->complaint[0] != '\0')
        return run_fail(r, "%s", w->complaint);
    struct wire *const unheard = run_far_heard();
    const struct span rest = wire_unheard(w->near).n > 0 ? wire_unheard(w->near) : wire_unheard(unheard);

    if (rest.n > 0)
        return run_fail(r, "nobody expected `%.*s`", (int)rest.n, rest.p);
    if (w->records_seen < w->n_records) {
        char line[LOG_LINE_MAX];

        log_outcome(&w->records[w->records_seen], line, sizeof line);
        return run_fail(r, "nobody expected the outcome line %s", line);
    }
    return w->dials == w->dials_seen ? true : run_fail(r, "nobody expected a dial");
}

/* With faults the script is only what happens: what it expects does not. */
static bool run_faulty(struct run *r, unsigned nth)
{
    static struct world world;
    const struct block *const block = &r->script->cases[nth];

    r->world = &world;
    world_init(&world);
    alloc_arm(r->fails_nth);
    for (unsigned i = 0; i < block->n; i++) {
        (void)run_line(r, block->at[i].text);
        if (i + 1 != r->gone_behind || world.session == NULL)
            continue;
        struct wire *const w = r->gone == NEAR_BREAKS || r->gone == NEAR_ENDS ? world.near : world.far;

        if (r->gone == NEAR_BREAKS || r->gone == FAR_BREAKS)
            w->breaks = true;
        else
            w->ends = true;
        world_run(&world);
    }
    const bool failed = alloc_disarm();

    if (world.session != NULL && !world.over) {
        world.near->breaks = true;
        world.near->stalls = false;
        world_wait(&world, (int64_t)(SESSION_BYE_S + 1) * 1000);
    }
    if (world.session != NULL && !world.over) /* it had ended before, behind a QUIT that still waits for the server */
        world_wait(&world, (int64_t)(SESSION_IDLE_S + SESSION_BYE_S + 2) * 1000);
    const bool bad = world.complaint[0] != '\0' || (world.session != NULL && !world.over);

    if (bad)
        printf("# %s: %s\n", r->script->path, world.complaint[0] != '\0' ? world.complaint : "the session lives on");
    world_end(&world);
    script_done(&world);
    if (r->fails_nth > 0 && !failed)
        r->fails_nth = 0;
    return !bad;
}

static bool run_faults(struct run *r, unsigned nth)
{
    for (unsigned n = 1; n > 0; n = r->fails_nth == 0 ? 0 : n + 1) {
        r->fails_nth = n;
        if (!run_faulty(r, nth)) {
            printf("# allocation %u failed\n", n);
            return false;
        }
    }
    for (r->gone_behind = 1; r->gone_behind <= r->script->cases[nth].n; r->gone_behind++)
        for (r->gone = NEAR_BREAKS; r->gone < GONE__COUNT; r->gone++)
            if (!run_faulty(r, nth)) {
                printf("# end %d behind line %u\n", (int)r->gone, r->script->cases[nth].at[r->gone_behind - 1].line);
                return false;
            }
    return true;
}

static bool run_case(struct run *r, unsigned nth)
{
    static struct world world;
    const struct block *const block = &r->script->cases[nth];
    bool good = true;
    unsigned line = 0;

    r->world = &world;
    r->near_bytes = r->far_bytes = 0;
    r->ended = false;
    r->whole_only = false;
    r->failed[0] = '\0';
    world_init(&world);
    world.cut = r->cut;
    for (unsigned i = 0; good && i < block->n; i++) {
        line = block->at[i].line;
        good = run_line(r, block->at[i].text);
    }
    if (good)
        good = nothing_left(r);
    if (!good) {
        char words[sizeof r->failed];

        text_printable(span_str(r->failed), words, sizeof words);
        printf("# %s:%u: %s\n", r->script->path, line, words);
    }
    world_end(&world);
    script_done(&world);
    return good;
}

static bool run_cuts(struct run *r, unsigned nth)
{
    const size_t near = r->near_bytes, far = r->far_bytes;

    for (size_t i = 1; i < near + far; i++) {
        r->near_at = i < near ? i : SIZE_MAX;
        r->far_at = i > near ? i - near : SIZE_MAX;
        if (!run_case(r, nth)) {
            printf("# cut in front of byte %zu of %s\n", i < near ? i : i - near, i < near ? "near" : "far");
            return false;
        }
    }
    return true;
}

static void run_script(const struct script *script, unsigned *n)
{
    for (unsigned nth = 0; nth < script->n_cases; nth++) {
        struct run r = { .script = script, .near_at = SIZE_MAX, .far_at = SIZE_MAX };
        const char *const name = script->cases[nth].name;

        const bool whole = run_case(&r, nth);

        printf("%s %u - %s: %s\n", whole ? "ok" : "not ok", ++*n, script->name, name);
        if (!whole)
            continue;
        const size_t near = r.near_bytes, far = r.far_bytes;
        const bool cuts = !r.whole_only;

        r.cut = cuts;
        if (cuts)
            printf("%s %u - %s: %s, in single bytes\n", run_case(&r, nth) ? "ok" : "not ok", ++*n, script->name, name);
        r.cut = 0;
        printf("%s %u - %s: %s, with faults\n", run_faults(&r, nth) ? "ok" : "not ok", ++*n, script->name, name);
        r.near_bytes = near, r.far_bytes = far;
        if (!cuts || near + far > CUTS_MAX)
            continue;
        printf("%s %u - %s: %s, cut anywhere\n", run_cuts(&r, nth) ? "ok" : "not ok", ++*n, script->name, name);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    glob_t found = { 0 };
    unsigned n = 0;

    if (argc == 1) {
        glob("tests/replay/*.smtp", 0, NULL, &found);
        glob("tests/replay/bugs/*.smtp", found.gl_pathc > 0 ? GLOB_APPEND : 0, NULL, &found);
        glob("tests/replay/recorded/*.smtp", found.gl_pathc > 0 ? GLOB_APPEND : 0, NULL, &found);
    }
    char **const paths = argc > 1 ? argv + 1 : found.gl_pathv;
    const size_t count = argc > 1 ? (size_t)argc - 1 : found.gl_pathc;

    for (size_t i = 0; i < count; i++) {
        struct script *const script = script_load(paths[i]);

        if (script == NULL)
            return 1;
        run_script(script, &n);
        script_free(script);
    }
    globfree(&found);
    printf("1..%u\n", n);
    return n == 0;
}
