#include "ops/state.h"

#include "base/text.h"
#include "cert/sign.h"
#include "ops/file.h"

#include <errno.h>
#include <stdio.h>

#define HEAD "waxseal-state "
#define VERSION "waxseal-state 1"

static void put_sum(struct span text, char out[2 * SIGN_DIGEST_MAX + 1])
{
    uint8_t digest[SIGN_DIGEST_MAX];
    const struct span d = sign_digest(SIGN_SHA256, text, digest);

    out[0] = '\0';
    for (size_t i = 0; i < d.n; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", d.p[i]);
}

/* The next line, without its end; false where there is no whole one. */
static bool next_line(struct span *text, struct span *line)
{
    const size_t n = span_find(*text, '\n');

    if (n == text->n)
        return false;
    *line = span_first(*text, n);
    *text = span_from(*text, n + 1);
    return true;
}

/* What stands behind `word` on this line; false: another line. */
static bool value_of(struct span line, struct span word, struct span *value)
{
    if (!span_eq(span_first(line, word.n), word))
        return false;
    *value = span_from(line, word.n);
    return true;
}

/* The text above the last line, if that is the right sum of it. */
static bool is_whole(struct span text, struct span *body)
{
    char want[2 * SIGN_DIGEST_MAX + 1];
    size_t at = text.n == 0 ? 0 : text.n - 1;
    struct span sum;

    while (at > 0 && text.p[at - 1] != '\n')
        at--;
    *body = span_first(text, at);
    put_sum(*body, want);
    return text.n > 0 && text.p[text.n - 1] == '\n' && want[0] != '\0' &&
           value_of(span_first(span_from(text, at), text.n - at - 1), SPAN("sum "), &sum) &&
           span_eq(sum, span_str(want));
}

static enum rc take_anchors(struct span base, struct span lines, struct state *out)
{
    unsigned line;

    if (base.n != ANCHOR_BASE_MAX - 1)
        return MALFORMED;
    (void)text_printable(base, out->base, sizeof out->base);
    return anchor_parse(lines, &out->anchors, &line) == OK ? OK : MALFORMED;
}

/* The floor on this line; false: another line, or 0 for a number that is none. */
static bool floor_of(struct span line, uint64_t *floor)
{
    struct span value;

    if (!value_of(line, SPAN("floor "), &value))
        return false;
    if (text_decimal(value, INT64_MAX, floor) != OK)
        *floor = 0;
    return true;
}

static enum rc take_body(struct span body, struct state *out)
{
    struct span line, value;
    uint64_t floor = 0;

    if (!next_line(&body, &line)) /* the version, which is known */
        return MALFORMED;
    if (body.n == 0)
        return OK;
    if (!next_line(&body, &line))
        return MALFORMED;
    if (floor_of(line, &floor)) {
        if (floor == 0)
            return MALFORMED;
        out->floor_s = (int64_t)floor;
        if (body.n == 0)
            return OK;
        if (!next_line(&body, &line))
            return MALFORMED;
    }
    return value_of(line, SPAN("anchors "), &value) ? take_anchors(value, body, out) : MALFORMED;
}

enum rc state_parse(struct span text, struct state *out)
{
    const struct span first = span_first(text, span_find(text, '\n'));
    struct span body, version;
    enum rc rc = MALFORMED;

    *out = (struct state){ 0 };
    if (value_of(first, SPAN(HEAD), &version) && !span_eq(first, SPAN(VERSION)))
        return UNUSABLE;
    if (span_eq(first, SPAN(VERSION)) && is_whole(text, &body))
        rc = take_body(body, out);
    if (rc != OK)
        *out = (struct state){ 0 };
    return rc;
}

size_t state_text(const struct state *s, char out[STATE_TEXT_MAX])
{
    char sum[2 * SIGN_DIGEST_MAX + 1];
    size_t n = (size_t)snprintf(out, STATE_TEXT_MAX, VERSION "\n");

    if (s->floor_s > 0)
        n += (size_t)snprintf(out + n, STATE_TEXT_MAX - n, "floor %lld\n", (long long)s->floor_s);
    if (s->base[0] != '\0') {
        n += (size_t)snprintf(out + n, STATE_TEXT_MAX - n, "anchors %s\n", s->base);
        n += anchor_text(&s->anchors, out + n);
    }
    put_sum(span_of(out, n), sum);
    return n + (size_t)snprintf(out + n, STATE_TEXT_MAX - n, "sum %s\n", sum);
}

static void path_of(const char *folder, char out[CONFIG_PATH_MAX + 32])
{
    (void)snprintf(out, CONFIG_PATH_MAX + 32, "%.*s/" STATE_FILE, CONFIG_PATH_MAX, folder);
}

int64_t state_floor(const char *folder)
{
    char path[CONFIG_PATH_MAX + 32];
    uint8_t text[STATE_TEXT_MAX];
    struct span left, line;
    uint64_t floor = 0;
    size_t n = 0;

    path_of(folder, path);
    if (file_read(path, true, text, sizeof text, &n) != OK)
        return 0;
    left = span_of(text, n);
    if (!next_line(&left, &line) || !span_eq(line, SPAN(VERSION)) || !next_line(&left, &line))
        return 0;
    return floor_of(line, &floor) ? (int64_t)floor : 0;
}

void state_load(const char *folder, struct state *out, char say[STATE_SAY_MAX])
{
    static const char *const wrong[] = { [MALFORMED] = "it is damaged", [UNUSABLE] = "it is of another version" };
    char path[CONFIG_PATH_MAX + 32];
    uint8_t text[STATE_TEXT_MAX];
    size_t n = 0;

    path_of(folder, path);
    *out = (struct state){ 0 };
    say[0] = '\0';
    errno = 0;
    enum rc rc = file_read(path, true, text, sizeof text, &n);
    if (rc == FAILED) {
        if (errno != ENOENT)
            (void)snprintf(say, STATE_SAY_MAX, "%s cannot be read and is not used: %s", path, strerror(errno));
        return;
    }
    rc = rc == OK ? state_parse(span_of(text, n), out) : MALFORMED;
    if (rc != OK)
        (void)snprintf(say, STATE_SAY_MAX, "%s is not used: %s", path, wrong[rc]);
}

enum rc state_save(const char *folder, const struct state *s)
{
    char text[STATE_TEXT_MAX];
    const size_t n = state_text(s, text);

    return file_replace(folder, STATE_FILE, span_of(text, n));
}
