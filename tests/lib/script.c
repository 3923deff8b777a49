#include "script.h"

#include "cert/pem.h"
#include "ops/config_site.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- words ---- */

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)c - '0' : (unsigned)(c | 0x20) - 'a' + 10;
}

/* Escapes in place: \r \n \t \0 \\ \" \xNN. Returns the length. */
static size_t unescape(char *to, const char *from, size_t n)
{
    size_t out = 0;

    for (size_t i = 0; i < n; i++) {
        if (from[i] != '\\' || i + 1 == n) {
            to[out++] = from[i];
            continue;
        }
        switch (from[++i]) {
        case 'r':
            to[out++] = '\r';
            break;
        case 'n':
            to[out++] = '\n';
            break;
        case 't':
            to[out++] = '\t';
            break;
        case '0':
            to[out++] = '\0';
            break;
        case 'x':
            to[out++] = (char)(hex_digit(from[i + 1]) << 4 | hex_digit(from[i + 2]));
            i += 2;
            break;
        default:
            to[out++] = from[i];
        }
    }
    return out;
}

/* Room for words that are longer than their source: "…" has its CRLF, 'x'*1000 is repeated. */
static char room[2 * WIRE_BYTES];
static size_t room_used;

static bool quoted(char **at, struct word *w)
{
    char *const start = *at + 1, quote = **at;
    char *end = start;

    while (*end != '\0' && *end != quote)
        end += *end == '\\' && end[1] != '\0' ? 2 : 1;
    if (*end == '\0')
        return false;
    char *rest = end + 1;
    char *const text = room + room_used;
    size_t n = unescape(text, start, (size_t)(end - start));
    unsigned long times = 1;

    if (quote == '"' && *rest == '*') {
        w->open = true;
        rest++;
    } else if (quote == '"') {
        memcpy(text + n, "\r\n", 2);
        n += 2;
    }
    if (*rest == '*')
        times = strtoul(rest + 1, &rest, 10);
    if (room_used + n * times + 2 > sizeof room)
        return false;
    for (unsigned long i = 1; i < times; i++)
        memcpy(text + i * n, text, n);
    w->text = span_of(text, n * times);
    w->quoted = true;
    room_used += n * times;
    *at = rest;
    return true;
}

bool words_split(char *text, struct words *out)
{
    char *at = text;

    out->n = 0;
    room_used = 0;
    for (;;) {
        at += strspn(at, " \t");
        if (*at == '\0')
            return out->n > 0;
        if (out->n == WORDS_MAX)
            return false;
        struct word *const w = &out->word[out->n++];

        *w = (struct word){ 0 };
        if (*at == '"' || *at == '\'') {
            if (!quoted(&at, w))
                return false;
            continue;
        }
        const size_t n = strcspn(at, " \t");

        w->text = span_of(at, n);
        at += n;
    }
}

bool word_is(const struct word *w, const char *text)
{
    return !w->quoted && span_eq(w->text, span_str(text));
}

bool words_begin(const struct words *w, const char *first)
{
    return w->n > 0 && word_is(&w->word[0], first);
}

bool words_are(const struct words *w, const char *only)
{
    return w->n == 1 && words_begin(w, only);
}

bool words_have(const struct words *w, const char *any)
{
    for (unsigned i = 0; i < w->n; i++)
        if (word_is(&w->word[i], any))
            return true;
    return false;
}

long word_number(const struct words *w, unsigned i)
{
    return i < w->n ? strtol((const char *)w->word[i].text.p, NULL, 10) : 0;
}

void words_shift(struct words *w)
{
    memmove(w->word, w->word + 1, --w->n * sizeof w->word[0]);
}

/* ---- settings ---- */

static char *copy_of(struct span s)
{
    char *const text = malloc(s.n + 1);

    assert(text != NULL);
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return text;
}

static void add_dns(const struct words *w, struct world *world)
{
    const uint8_t *const from = w->word[1].text.p;
    const struct span *const last = &w->word[w->n - 1].text;

    assert(world->zone_lines + 1 < WORLD_ZONE);
    world->zone[world->zone_lines++] = copy_of(span_of(from, (size_t)(last->p + last->n - from)));
}

/* `level DOMAIN LEVEL [MATCH…]`, `smarthost NAME LEVEL PORT [MATCH…]`: as the configuration would have it. */
static bool set_section(const struct words *w, struct world *world, bool smarthost)
{
    const bool shows = smarthost && w->n > 4 && word_is(&w->word[4], "certificate");
    const unsigned first_match = shows ? 5 : smarthost ? 4 : 3;
    struct config_section sec = { .n_match = w->n - first_match };
    struct value_says says;
    char text[9][HOSTNAME_MAX + 1];

    if (w->n < first_match || w->n > 9)
        return false;
    for (unsigned i = 1; i < w->n; i++)
        snprintf(text[i], sizeof text[i], "%.*s", (int)w->word[i].text.n, (const char *)w->word[i].text.p);
    for (unsigned i = 0; i < sec.n_match; i++)
        sec.match[i] = text[first_match + i];
    sec.level = text[2];
    world->credentials &= strcmp(sec.level, "none") != 0;
    if (!smarthost) {
        sec.title = text[1];
        return config_policy(&world->config, &sec, &says) == OK;
    }
    ip_text(&world->server, text[0]);
    sec.title = text[0];
    sec.name = text[1];
    if (shows) {
        sec.certificate = sec.key = "/for-this-one";
        world->host.shown[CREDENTIAL_OWN + 1] = wire_ctx_shows();
    }
    sec.port = text[3];
    world->port = (uint16_t)word_number(w, 3);
    return config_smarthost(&world->config, &sec, &says) == OK;
}

static bool set_option(const struct words *w, struct world *world)
{
    if (word_is(&w->word[1], "observe"))
        world->config.enforce = world->credentials = false;
    else if (word_is(&w->word[1], "ambiguous-pass"))
        world->config.ambiguous = AMBIGUOUS_PASS;
    else if (word_is(&w->word[1], "decline"))
        world->config.client_starttls = STARTTLS_DECLINE;
    else if (word_is(&w->word[1], "terminate"))
        world->config.client_starttls = STARTTLS_TERMINATE;
    else if (word_is(&w->word[1], "only-sealed"))
        world->only_sealed = true;
    else
        return false;
    return true;
}

static bool set_roots(const struct words *w, struct world *world)
{
    struct chain *const chain = script_chain(w->word[1].text);

    if (chain == NULL)
        return false;
    free(world->root_bytes);
    world->root_bytes = chain;
    world->host.roots = world->root;
    world->host.n_roots = 0;
    for (unsigned i = 0; i < chain->n && world->host.n_roots < WORLD_ROOTS; i++)
        if (cert_read(chain->der[i], &world->root[world->host.n_roots]) == OK)
            world->host.n_roots++;
    return true;
}

bool script_setting(const struct words *w, struct world *world)
{
    if (words_begin(w, "dns") && w->n > 3)
        add_dns(w, world);
    else if (words_begin(w, "level"))
        return set_section(w, world, false);
    else if (words_begin(w, "smarthost"))
        return set_section(w, world, true);
    else if (words_begin(w, "roots") && w->n == 2)
        return set_roots(w, world);
    else if (words_begin(w, "option") && w->n == 2)
        return set_option(w, world);
    else if (words_begin(w, "clock") && w->n == 2 && word_is(&w->word[1], "wrong"))
        world->clock = CLOCK_UNSYNCED;
    else if (words_begin(w, "address") && w->n == 2)
        return ip_parse(w->word[1].text, &world->server) == OK;
    else if (words_begin(w, "time") && w->n == 2)
        world->wall.s = word_number(w, 1);
    else
        return false;
    return true;
}

void script_done(struct world *world)
{
    for (unsigned i = 0; i < world->zone_lines; i++)
        free((char *)world->zone[i]); // NOLINT: copy_of's
    world->zone_lines = 0;
    free(world->root_bytes);
    world->root_bytes = NULL;
}

/* ---- files ---- */

static char *read_file(const char *path, size_t *n)
{
    FILE *const f = fopen(path, "rb");
    char *mem = NULL;

    if (f == NULL)
        return NULL;
    if (fseek(f, 0, SEEK_END) == 0) {
        *n = (size_t)ftell(f);
        rewind(f);
        mem = malloc(*n + 1);
        assert(mem != NULL);
        *n = fread(mem, 1, *n, f);
        mem[*n] = '\0';
    }
    fclose(f);
    return mem;
}

struct chain *script_chain(struct span name)
{
    static uint8_t der[CHAIN_CERTS_MAX][8192];
    char path[256];
    size_t n = 0, bytes = 0, size[CHAIN_CERTS_MAX];
    unsigned certs = 0;

    snprintf(path, sizeof path, "tests/chains/chains/%.*s", (int)name.n, name.p);
    char *const mem = read_file(path, &n);
    struct span text = span_of(mem, n);

    if (mem == NULL)
        return NULL;
    for (; certs < CHAIN_CERTS_MAX; certs++) {
        size[certs] = sizeof der[0];
        if (pem_next(&text, der[certs], &size[certs]) != OK)
            break;
        bytes += size[certs];
    }
    struct chain *const c = malloc(sizeof *c + certs * sizeof c->der[0] + bytes);

    assert(c != NULL);
    c->n = certs;
    c->bytes = bytes;
    uint8_t *at = (uint8_t *)&c->der[certs];

    for (unsigned i = 0; i < certs; at += size[i++]) {
        memcpy(at, der[i], size[i]);
        c->der[i] = span_of(at, size[i]);
    }
    free(mem);
    return c;
}

/* ---- scripts ---- */

static void add(struct block *b, unsigned line, char *text)
{
    struct statement *const more = realloc(b->at, (b->n + 1) * sizeof *more);

    assert(more != NULL);
    b->at = more;
    b->at[b->n++] = (struct statement){ line, text };
}

static void add_all(struct block *b, const struct block *from)
{
    for (unsigned i = 0; i < from->n; i++)
        add(b, from->at[i].line, from->at[i].text);
}

static const struct block *part_of(const struct script *s, const char *name)
{
    for (unsigned i = 0; i < s->n_parts; i++)
        if (strcmp(s->parts[i].name, name) == 0)
            return &s->parts[i];
    fprintf(stderr, "%s: no part is called `%s`\n", s->path, name);
    exit(1);
}

static struct block *begin(struct block *blocks, unsigned *n, char *name)
{
    assert(*n < CASES_MAX);
    name += strspn(name, " \t");
    blocks[*n] = (struct block){ .name = name };
    return &blocks[(*n)++];
}

static char *trimmed(char *text)
{
    text += strspn(text, " \t");
    for (size_t n = strlen(text); n > 0 && isspace((unsigned char)text[n - 1]);)
        text[--n] = '\0';
    return text;
}

/* The next `;` that is in no quotes. */
static char *split(char *text)
{
    char quote = '\0';

    for (; *text != '\0'; text++) {
        if (quote != '\0' && *text == '\\' && text[1] != '\0')
            text++;
        else if (quote != '\0')
            quote = *text == quote ? '\0' : quote;
        else if (*text == '"' || *text == '\'')
            quote = *text;
        else if (*text == ';') {
            *text = '\0';
            return text + 1;
        }
    }
    return NULL;
}

static void read_line(struct script *s, struct block **at, unsigned line, char *text)
{
    for (char *next; text != NULL; text = next) {
        next = strncmp(text, "case ", 5) == 0 ? NULL : split(text);
        text = trimmed(text);
        if (*text == '\0')
            continue;
        if (strncmp(text, "case ", 5) == 0) {
            *at = begin(s->cases, &s->n_cases, text + 5);
            add_all(*at, &s->common);
        } else if (strncmp(text, "part ", 5) == 0) {
            *at = begin(s->parts, &s->n_parts, text + 5);
        } else if (strncmp(text, "do ", 3) == 0) {
            add_all(*at, part_of(s, trimmed(text + 3)));
        } else {
            add(*at, line, text);
        }
    }
}

struct script *script_load(const char *path)
{
    struct script *const s = calloc(1, sizeof *s);
    struct block *at;
    size_t n;
    unsigned line = 1;

    assert(s != NULL);
    s->path = path;
    s->name = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
    s->mem = read_file(path, &n);
    if (s->mem == NULL) {
        perror(path);
        free(s);
        return NULL;
    }
    at = &s->common;
    for (char *text = s->mem, *next; text != NULL; text = next, line++) {
        next = strchr(text, '\n');
        if (next != NULL)
            *next++ = '\0';
        text = trimmed(text);
        if (*text != '#')
            read_line(s, &at, line, text);
    }
    return s;
}

void script_free(struct script *s)
{
    for (unsigned i = 0; i < s->n_cases; i++)
        free(s->cases[i].at);
    for (unsigned i = 0; i < s->n_parts; i++)
        free(s->parts[i].at);
    free(s->common.at);
    free(s->mem);
    free(s);
}
