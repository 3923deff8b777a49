/* ops/state, ops/file, role/dates: what is kept over a restart, and what of it is believed. A85 A113 A114 */
#include "cert/sign.h"
#include "ops/file.h"
#include "ops/state.h"
#include "role/dates.h"
#include "role/kept.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KEYS                                                                                                           \
    ". IN DNSKEY 257 3 13 3E9VM+7qfknXsU+WfACb3jRANIRpJR/tRJ+Sb6CRq7uysd3/g+HI4lYFE71uhVPqjeGCqYzIC0rKbiL5Um+PKQ== "   \
    ";;state=2 [VALID] ;;count=0 ;;lastchange=1700000000\n"                                                            \
    ". IN DNSKEY 257 3 13 4E9VM+7qfknXsU+WfACb3jRANIRpJR/tRJ+Sb6CRq7uysd3/g+HI4lYFE71uhVPqjeGCqYzIC0rKbiL5Um+PKQ== "   \
    ";;state=1 [ADDPEND] ;;count=3 ;;lastchange=1700000001\n"
#define BASE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct state sample(void)
{
    struct state s = { .floor_s = 1790000000, .base = BASE };
    unsigned line;

    assert_int_equal(anchor_parse(SPAN(KEYS), &s.anchors, &line), OK);
    return s;
}

static void same(const struct state *a, const struct state *b)
{
    char one[STATE_TEXT_MAX], two[STATE_TEXT_MAX];

    state_text(a, one);
    state_text(b, two);
    assert_string_equal(one, two);
}

static void there_and_back(void **unused)
{
    char text[STATE_TEXT_MAX];
    struct state all = sample(), floor = { .floor_s = 5 }, keys = all, none = { 0 };
    const struct state *const cases[] = { &all, &floor, &keys, &none };

    (void)unused;
    keys.floor_s = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct state back;
        const size_t n = state_text(cases[i], text);

        assert_int_equal(state_parse(span_of(text, n), &back), OK);
        same(cases[i], &back);
    }
    state_text(&all, text);
    assert_non_null(strstr(text, "waxseal-state 1\nfloor 1790000000\nanchors " BASE "\n" KEYS "sum "));
    assert_int_equal(all.anchors.key[1].state, ANCHOR_PENDING);
    assert_int_equal(all.anchors.key[1].count, 3);
    assert_int_equal(all.anchors.key[1].changed, 1700000001);
}

/* Every cut and every changed byte is seen, and leaves nothing behind. */
static void damaged(void **unused)
{
    char text[STATE_TEXT_MAX];
    const struct state all = sample(), none = { 0 };
    const size_t n = state_text(&all, text);
    struct state back;

    (void)unused;
    for (size_t i = 0; i < n; i++) {
        assert_int_not_equal(state_parse(span_of(text, i), &back), OK);
        same(&back, &none);
        text[i] ^= 1;
        assert_int_not_equal(state_parse(span_of(text, n), &back), OK);
        same(&back, &none);
        text[i] ^= 1;
    }
    assert_int_equal(state_parse(span_of(text, n), &back), OK);
    text[n] = '\n';
    assert_int_equal(state_parse(span_of(text, n + 1), &back), MALFORMED);
}

/* A right sum does not make a right text. */
static void not_ours(void **unused)
{
    static const char *const bodies[] = {
        "waxseal-state 1\nfloor -1\n",           "waxseal-state 1\nfloor 99999999999999999999\n",
        "waxseal-state 1\nfloor 1\nfloor 2\n",   "waxseal-state 1\nlatch x\n",
        "waxseal-state 1\nanchors x\n" KEYS,     "waxseal-state 1\nanchors " BASE "\n",
        "waxseal-state 1\nanchors " BASE "\nx\n"
    };
    char text[STATE_TEXT_MAX];
    uint8_t digest[SIGN_DIGEST_MAX];

    (void)unused;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct state back;
        int n = snprintf(text, sizeof text, "%ssum ", bodies[i]);

        assert_int_equal(sign_digest(SIGN_SHA256, span_str(bodies[i]), digest).n, 32);
        for (int k = 0; k < 32; k++)
            n += snprintf(text + n, 3, "%02x", digest[k]);
        text[n++] = '\n';
        if (state_parse(span_of(text, (size_t)n), &back) != MALFORMED)
            fail_msg("taken: %s", bodies[i]);
    }
}

static void files(void **unused)
{
    char folder[] = "/tmp/stateXXXXXX", path[64], fresh[64], say[STATE_SAY_MAX];
    const struct state all = sample(), none = { 0 };
    struct state back;
    struct stat st;

    (void)unused;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/state", folder);
    snprintf(fresh, sizeof fresh, "%s/state.new", folder);
    state_load(folder, &back, say);
    assert_string_equal(say, ""); /* nothing is there: nothing to say */
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(symlink("/etc/passwd", fresh), 0);
    state_load(folder, &back, say);
    assert_non_null(strstr(say, "cannot be read"));
    same(&back, &none);
    assert_int_equal(state_save(folder, &all), OK); /* the links go, what they lead to stays */
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0600);
    assert_int_equal(lstat(fresh, &st), -1);
    state_load(folder, &back, say);
    assert_string_equal(say, "");
    same(&back, &all);
    assert_int_equal(mkdir(fresh, 0700), 0); /* where the new one must go */
    assert_int_equal(state_save(folder, &none), FAILED);
    state_load(folder, &back, say);
    same(&back, &all); /* the old one is whole */
    rmdir(fresh);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    state_load(folder, &back, say); /* does not wait */
    assert_non_null(strstr(say, "cannot be read"));
    unlink(path);
    rmdir(folder);
    errno = 0;
    assert_int_equal(state_save(folder, &all), FAILED);
    assert_int_equal(errno, ENOENT);
}

static void messages(void **unused)
{
    static struct wire_kept m;
    const struct state all = sample(), floor = { .floor_s = 7 };
    struct state back;
    size_t n = kept_pack(WIRE_KEPT, &all, &m);

    (void)unused;
    assert_int_equal(kept_unpack(&m, n, &back), OK);
    same(&back, &all);
    assert_int_equal(kept_unpack(&m, n - 1, &back), MALFORMED);
    assert_int_equal(kept_unpack(&m, 4, &back), MALFORMED);
    m.base[3] = '\n'; /* it would write lines into the file */
    assert_int_equal(kept_unpack(&m, n, &back), MALFORMED);
    memset(m.base, 'a', sizeof m.base);
    assert_int_equal(kept_unpack(&m, n, &back), MALFORMED);
    n = kept_pack(WIRE_KEPT, &all, &m);
    m.text[2] = 'X';
    assert_int_equal(kept_unpack(&m, n, &back), MALFORMED);
    m.n = UINT32_MAX;
    assert_int_equal(kept_unpack(&m, n, &back), MALFORMED);
    n = kept_pack(WIRE_KEPT, &floor, &m);
    assert_int_equal(kept_unpack(&m, n, &back), OK);
    same(&back, &floor);
    m.floor_s = -1;
    assert_int_equal(kept_unpack(&m, n, &back), MALFORMED);
}

static void floors(void **unused)
{
    const struct wall build = dates_floor((struct wall){ 0 });
    const int64_t year = 31557600;

    (void)unused;
    assert_true(build.s > 1700000000);
    assert_int_equal(dates_floor((struct wall){ build.s - 1 }).s, build.s);
    assert_int_equal(dates_floor((struct wall){ INT64_MIN }).s, build.s);
    assert_int_equal(dates_floor((struct wall){ build.s + year }).s, build.s + year);
    assert_true(dates_floor((struct wall){ INT64_MAX }).s < build.s + 11 * year); /* A114: one day the box recovers */
    assert_int_equal(dates_state((struct wall){ clock_wall().s + 100 }), CLOCK_UNSYNCED);
    assert_int_not_equal(dates_state((struct wall){ clock_wall().s }), CLOCK_UNSYNCED);
    assert_true(dates_are_wrong((struct wall){ clock_wall().s + 100 }));
    assert_false(dates_are_wrong((struct wall){ clock_wall().s }));
}

/* The time client has no hash: it takes the floor of a file that it cannot check, and of another's nothing. */
static void floor_alone(void **unused)
{
    static const struct {
        const char *text;
        int64_t want;
    } rows[] = {
        { "waxseal-state 1\nfloor 1790000000\nsum x\n", 1790000000 },
        { "waxseal-state 2\nfloor 1790000000\nsum x\n", 0 },
        { "waxseal-state 1\nanchors x\nfloor 1790000000\n", 0 },
        { "waxseal-state 1\nfloor 17900000000000000000000\n", 0 },
        { "waxseal-state 1\nfloor 1790000000", 0 },
        { "", 0 },
    };
    char folder[] = "/tmp/waxseal-floor-XXXXXX", path[64];

    (void)unused;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(state_floor(folder), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(file_replace(folder, STATE_FILE, span_str(rows[i].text)), OK);
        assert_int_equal(state_floor(folder), rows[i].want);
    }
    (void)snprintf(path, sizeof path, "%s/" STATE_FILE, folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void count_said(void *who, int priority, const char *line)
{
    (void)priority;
    *(unsigned *)who += strstr(line, "are not kept") != NULL;
}

static void another_floor(void *who)
{
    (void)who;
}

/* The keeper believes no resolver: what outlives both follows from what it has read and kept itself (R24). */
static void keys_that_follow(void **unused)
{
    char folder[] = "/tmp/waxseal-kept-XXXXXX", path[64];
    static struct kept k;
    struct state from = sample();
    unsigned said = 0;
    struct loop *loop = loop_new();

    (void)unused;
    assert_non_null(mkdtemp(folder));
    kept_open(&k, loop, folder, count_said, another_floor, &said);
    kept_anchors(&k, &from); /* no key is known here */
    assert_true(k.state.base[0] == '\0' && said == 1);
    kept_given(&k, &from.anchors);
    kept_anchors(&k, &from); /* of another base */
    assert_true(k.state.base[0] == '\0' && said == 1);
    memcpy(from.base, k.base, sizeof from.base);
    kept_anchors(&k, &from);
    assert_string_equal(k.state.base, k.base);
    assert_int_equal(k.state.anchors.key[1].state, ANCHOR_PENDING);
    from.anchors.key[1].state = ANCHOR_VALID;
    kept_anchors(&k, &from);
    kept_anchors(&k, &from);
    assert_int_equal(k.state.anchors.key[1].state, ANCHOR_PENDING);
    assert_int_equal(said, 2); /* once each time */
    kept_close(&k);
    loop_free(loop);
    (void)snprintf(path, sizeof path, "%s/" STATE_FILE, folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),   cmocka_unit_test(damaged),
        cmocka_unit_test(not_ours),         cmocka_unit_test(files),
        cmocka_unit_test(messages),         cmocka_unit_test(floors),
        cmocka_unit_test(keys_that_follow), cmocka_unit_test(floor_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
