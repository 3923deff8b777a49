#include "smtp/command.h"

#include "base/ip.h"
#include "base/text.h"
#include "smtp/idn.h"

static const struct {
    const char *name;
    bool whole; /* any longer word is another verb; else it is this one, and odd */
} verbs[VERB_OTHER] = {
    [VERB_EHLO] = { "EHLO", true },       [VERB_HELO] = { "HELO", true },         [VERB_MAIL] = { "MAIL", false },
    [VERB_RCPT] = { "RCPT", false },      [VERB_DATA] = { "DATA", false },        [VERB_BDAT] = { "BDAT", false },
    [VERB_RSET] = { "RSET", true },       [VERB_NOOP] = { "NOOP", true },         [VERB_QUIT] = { "QUIT", true },
    [VERB_HELP] = { "HELP", true },       [VERB_VRFY] = { "VRFY", true },         [VERB_EXPN] = { "EXPN", true },
    [VERB_AUTH] = { "AUTH", false },      [VERB_STARTTLS] = { "STARTTLS", true }, [VERB_ETRN] = { "ETRN", true },
    [VERB_XCLIENT] = { "XCLIENT", true }, [VERB_XFORWARD] = { "XFORWARD", true },
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool is_alnum(uint8_t c)
{
    const uint8_t folded = text_fold(c);

    return (folded >= 'a' && folded <= 'z') || (c >= '0' && c <= '9');
}

static bool in_set(uint8_t c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Takes the bytes in front of the first blank. */
static struct span take_word(struct span *s)
{
    size_t n = 0;

    while (n < s->n && !is_blank(s->p[n]))
        n++;
    const struct span word = span_first(*s, n);

    *s = span_from(*s, n);
    return word;
}

/* ---- the line ---------------------------------------------------------------------------------------------------- */

static enum verb verb_of(struct span name, bool *odd)
{
    if (name.n == 0)
        return VERB_EMPTY;
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] > 127)
            *odd = true;
    for (int v = 0; v < VERB_OTHER; v++) {
        const struct span verb = span_str(verbs[v].name);

        if (text_eq_nocase(name, verb))
            return (enum verb)v;
        if (!verbs[v].whole && text_eq_nocase(span_first(name, verb.n), verb)) {
            *odd = true;
            return (enum verb)v;
        }
    }
    return VERB_OTHER;
}

enum rc command_line(struct span in, struct command *out, size_t *used)
{
    const struct span window = span_first(in, COMMAND_LINE_MAX);
    const size_t lf = span_find(window, '\n');

    *used = 0;
    if (lf == window.n)
        return window.n == COMMAND_LINE_MAX ? FULL : MORE;
    struct span line = span_first(window, lf);
    const bool crlf = lf > 0 && line.p[lf - 1] == '\r';

    if (crlf)
        line.n--;
    *out = (struct command){ .raw = span_first(window, lf + 1), .lf_only = !crlf };
    for (size_t i = 0; i < line.n; i++)
        if ((line.p[i] < ' ' && line.p[i] != '\t') || line.p[i] == 127)
            out->odd = true;
    line = text_trim(line);
    out->name = take_word(&line);
    out->args = text_trim(line);
    out->verb = verb_of(out->name, &out->odd);
    *used = lf + 1;
    return OK;
}

/* ---- what stands behind MAIL and RCPT: keyword, path, parameters ------------------------------------------------- */

bool command_next_param(struct span *params, struct span *name, struct span *value)
{
    *params = text_trim(*params);
    if (params->n == 0)
        return false;
    const struct span word = take_word(params);
    const size_t equals = span_find(word, '=');

    *name = span_first(word, equals);
    *value = span_from(word, equals + 1);
    return true;
}

static bool has_bracket(struct span s)
{
    return span_find(s, '<') < s.n || span_find(s, '>') < s.n;
}

/* RFC 5321 4.1.2 esmtp-keyword. Their values are the server's affair, but for a bracket: AUTH=<> alone has one. */
static bool params_are_sound(struct span params)
{
    struct span name, value;

    while (command_next_param(&params, &name, &value)) {
        if (name.n == 0 || !is_alnum(name.p[0]) || (has_bracket(value) && !span_eq(value, SPAN("<>"))))
            return false;
        for (size_t i = 1; i < name.n; i++)
            if (!is_alnum(name.p[i]) && name.p[i] != '-')
                return false;
    }
    return true;
}

struct parts {
    struct span path, params;
    bool bracketed;
};

/*
 * One path, then parameters or nothing. A second bracket anywhere, even in quotes or in a parameter, is refused:
 * servers differ in which of several they take.
 */
static bool split(struct span s, struct parts *out)
{
    out->bracketed = s.n > 0 && s.p[0] == '<';
    if (out->bracketed) {
        s = span_from(s, 1);
        const size_t close = span_find(s, '>');

        if (close == s.n)
            return false;
        out->path = span_first(s, close);
        out->params = span_from(s, close + 1);
    } else {
        out->params = s;
        out->path = take_word(&out->params);
        if (out->path.n == 0)
            return false;
    }
    if (has_bracket(out->path) || (out->params.n > 0 && !is_blank(out->params.p[0])))
        return false;
    return params_are_sound(out->params);
}

/* FROM or TO, its colon, then split. */
static bool split_behind(const struct command *c, struct span word, struct parts *out)
{
    struct span s = c->args;

    if (c->odd || !text_eq_nocase(span_first(s, word.n), word))
        return false;
    s = span_from(s, word.n);
    if (s.n == 0 || !(is_blank(s.p[0]) || s.p[0] == ':' || s.p[0] == '<'))
        return false;
    s = text_trim(s);
    if (s.n > 0 && s.p[0] == ':')
        s = text_trim(span_from(s, 1));
    return split(s, out);
}

enum rc command_mail(const struct command *c, struct mail_args *out)
{
    struct parts parts;

    if (!split_behind(c, SPAN("FROM"), &parts))
        return MALFORMED;
    *out = (struct mail_args){ .path = parts.path, .params = parts.params };
    return OK;
}

/* ---- a mailbox --------------------------------------------------------------------------------------------------- */

/*
 * Takes a local part of atoms and dots; dots may stand anywhere, as mailboxes like `a..b` exist. UTF-8 (RFC 6531 3.3)
 * must be valid: with the eighth bit taken off, only the invalid 0xC0 becomes an @.
 */
static struct span take_atoms(struct span *s)
{
    struct span left = *s;

    while (left.n > 0) {
        uint32_t code;
        const size_t n = text_utf8(left, &code);

        if (n == 0 || (n == 1 && !is_alnum(left.p[0]) && !in_set(left.p[0], "!#$%&'*+-/=?^_`{|}~.")))
            break;
        left = span_from(left, n);
    }
    const struct span atoms = span_first(*s, s->n - left.n);

    *s = left;
    return atoms;
}

/* Takes "..." with its escapes: printable ASCII. False: it does not end. */
static bool take_quoted(struct span *s)
{
    for (size_t i = 1; i < s->n; i++) {
        if (s->p[i] < ' ' || s->p[i] > '~')
            return false;
        if (s->p[i] == '\\') {
            i++;
            if (i < s->n && (s->p[i] < ' ' || s->p[i] > '~'))
                return false;
        } else if (s->p[i] == '"') {
            *s = span_from(*s, i + 1);
            return true;
        }
    }
    return false;
}

static bool domain_parse(struct span s, struct hostname *out)
{
    return idn_parse(s, out) == OK && !hostname_is_numeric(out);
}

/* Takes `@a,@b:` (RFC 5321 4.1.2 A-d-l). */
static bool take_route(struct span *s)
{
    while (s->n > 0 && s->p[0] == '@') {
        struct hostname hop;
        size_t n = 1;

        while (n < s->n && s->p[n] != ',' && s->p[n] != ':')
            n++;
        if (n == s->n || !domain_parse(span_from(span_first(*s, n), 1), &hop))
            return false;
        const bool final = s->p[n] == ':';

        *s = span_from(*s, n + 1);
        if (final)
            return true;
    }
    return false;
}

/* RFC 5321 4.1.3: [192.0.2.1], [IPv6:2001:db8::1]. A name in brackets is none: sendmail would look it up. */
static bool is_literal(struct span s)
{
    struct ip ip;

    if (s.n < 2 || s.p[0] != '[' || s.p[s.n - 1] != ']')
        return false;
    s = span_from(span_first(s, s.n - 1), 1);
    if (!text_eq_nocase(span_first(s, 5), SPAN("IPv6:")))
        return span_find(s, ':') == s.n && ip_parse(s, &ip) == OK;
    s = span_from(s, 5);
    return span_find(s, ':') < s.n && ip_parse(s, &ip) == OK;
}

static bool mailbox(const struct parts *parts, struct rcpt_args *out)
{
    struct span s = parts->path;
    struct span local = { 0 };
    const bool route = s.n > 0 && s.p[0] == '@';
    const bool quoted = !route && s.n > 0 && s.p[0] == '"';

    *out = (struct rcpt_args){ .params = parts->params };
    if ((route || quoted) && !parts->bracketed)
        return false;
    if (route && !take_route(&s))
        return false;
    if (s.n > 0 && s.p[0] == '"') {
        if (!take_quoted(&s))
            return false;
    } else {
        local = take_atoms(&s);
        if (local.n == 0)
            return false;
    }
    if (s.n == 0) {
        out->kind = RCPT_POSTMASTER;
        return !route && text_eq_nocase(local, SPAN("postmaster")); /* RFC 5321 4.5.1 */
    }
    if (s.p[0] != '@')
        return false;
    s = span_from(s, 1);
    out->kind = is_literal(s) ? RCPT_LITERAL : RCPT_DOMAIN;
    return out->kind == RCPT_LITERAL || domain_parse(s, &out->domain);
}

enum rc command_rcpt(const struct command *c, struct rcpt_args *out)
{
    struct parts parts;

    return split_behind(c, SPAN("TO"), &parts) && mailbox(&parts, out) ? OK : MALFORMED;
}

enum rc command_address(const struct command *c, struct rcpt_args *out)
{
    struct parts parts;

    if (c->odd)
        return MALFORMED;
    if (split(c->args, &parts) && mailbox(&parts, out) && out->kind != RCPT_POSTMASTER)
        return OK;
    for (size_t i = 0; i < c->args.n; i++)
        if (!is_alnum(c->args.p[i]) && !is_blank(c->args.p[i]) && !in_set(c->args.p[i], "-_.+'"))
            return MALFORMED;
    return UNUSABLE;
}

/* ---- a chunk ----------------------------------------------------------------------------------------------------- */

enum rc command_bdat(const struct command *c, uint64_t *octets, bool *last)
{
    struct span rest = c->args;
    const struct span size = take_word(&rest);
    uint64_t value;

    rest = text_trim(rest);
    if (c->odd || c->name.p != c->raw.p || span_find(c->raw, '\t') < c->raw.n)
        return MALFORMED;
    if ((size.n > 1 && size.p[0] == '0') || text_decimal(size, INT64_MAX, &value) != OK)
        return MALFORMED;
    if (rest.n > 0 && !text_eq_nocase(rest, SPAN("LAST")))
        return MALFORMED;
    *octets = value;
    *last = rest.n > 0;
    return OK;
}
