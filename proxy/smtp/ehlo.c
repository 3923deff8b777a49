#include "smtp/ehlo.h"

#include "base/text.h"

static const char *const keywords[EHLO__COUNT] = {
    [EHLO_STARTTLS] = "STARTTLS",
    [EHLO_PIPELINING] = "PIPELINING",
    [EHLO_SIZE] = "SIZE",
    [EHLO_8BITMIME] = "8BITMIME",
    [EHLO_CHUNKING] = "CHUNKING",
    [EHLO_BINARYMIME] = "BINARYMIME",
    [EHLO_SMTPUTF8] = "SMTPUTF8",
    [EHLO_DSN] = "DSN",
    [EHLO_AUTH] = "AUTH",
    [EHLO_ENHANCEDSTATUSCODES] = "ENHANCEDSTATUSCODES",
    [EHLO_REQUIRETLS] = "REQUIRETLS",
    [EHLO_ETRN] = "ETRN",
    [EHLO_VRFY] = "VRFY",
    [EHLO_EXPN] = "EXPN",
    [EHLO_HELP] = "HELP",
    [EHLO_XCLIENT] = "XCLIENT",
    [EHLO_XFORWARD] = "XFORWARD",
    [EHLO_DELIVERBY] = "DELIVERBY",
    [EHLO_MT_PRIORITY] = "MT-PRIORITY",
    [EHLO_FUTURERELEASE] = "FUTURERELEASE",
    [EHLO_BURL] = "BURL",
    [EHLO_LIMITS] = "LIMITS",
};
_Static_assert(EHLO__COUNT <= 32, "struct ehlo keeps one bit for each");

/* Parameters whose keyword has another name than they have. */
static const struct {
    const char *param, *keyword;
} params[] = {
    { "BODY", "8BITMIME" },          /* RFC 6152 3; BINARYMIME is asked for by its value */
    { "RET", "DSN" },                /* RFC 3461 4 */
    { "ENVID", "DSN" },              /* RFC 3461 4 */
    { "NOTIFY", "DSN" },             /* RFC 3461 4 */
    { "ORCPT", "DSN" },              /* RFC 3461 4 */
    { "BY", "DELIVERBY" },           /* RFC 2852 4 */
    { "HOLDFOR", "FUTURERELEASE" },  /* RFC 4865 4 */
    { "HOLDUNTIL", "FUTURERELEASE" } /* RFC 4865 4 */
};

void ehlo_reset(struct ehlo *e)
{
    *e = (struct ehlo){ 0 };
}

/* EHLO__COUNT: it has no bit. */
static enum ehlo_keyword keyword_of(struct span name)
{
    for (int k = 0; k < EHLO__COUNT; k++)
        if (text_eq_nocase(name, span_str(keywords[k])))
            return (enum ehlo_keyword)k;
    return EHLO__COUNT;
}

static bool has_name(const struct ehlo *e, struct span name)
{
    struct span left = span_of(e->names, e->names_n);

    while (left.n > 0) {
        const struct span one = span_first(left, span_find(left, ' '));

        if (text_eq_nocase(one, name))
            return true;
        left = span_from(left, one.n + 1);
    }
    return false;
}

static void add_name(struct ehlo *e, struct span name)
{
    if (has_name(e, name))
        return;
    if (name.n + 1 > (size_t)EHLO_NAMES_MAX - e->names_n) {
        e->overflow = true;
        return;
    }
    for (size_t i = 0; i < name.n; i++)
        e->names[e->names_n++] = (char)text_fold(name.p[i]);
    e->names[e->names_n++] = ' ';
}

/* A firewall overwrites what it does not know with X, and some put a letter at the end to tell the lines apart. */
static bool is_masked(struct span name)
{
    if (name.n < 4)
        return false;
    for (size_t i = 0; i + 1 < name.n; i++)
        if (name.p[i] != 'X')
            return false;
    return name.p[name.n - 1] >= 'A' && name.p[name.n - 1] <= 'Z';
}

static struct span first_word(struct span text)
{
    size_t n = 0;

    text = text_trim(text);
    while (n < text.n && text.p[n] > ' ' && text.p[n] < 127 && text.p[n] != '=')
        n++;
    const bool ends = n == text.n || text.p[n] == ' ' || text.p[n] == '\t' || text.p[n] == '=';

    return span_first(text, ends ? n : 0);
}

enum rc ehlo_line(struct ehlo *e, struct span text, bool first)
{
    if (e->lines == EHLO_LINES_MAX)
        return FULL;
    e->lines++;
    if (first)
        return OK;
    const struct span name = first_word(text);
    const enum ehlo_keyword k = keyword_of(name);

    if (name.n == 0)
        return OK;
    if (k != EHLO__COUNT)
        e->has |= UINT32_C(1) << k;
    else
        add_name(e, name);
    e->masked = e->masked || is_masked(name);
    return OK;
}

bool ehlo_names(struct span text, enum ehlo_keyword k)
{
    return keyword_of(first_word(text)) == k;
}

bool ehlo_has(const struct ehlo *e, enum ehlo_keyword k)
{
    return (e->has >> k & 1) != 0;
}

static bool drifts(const struct ehlo *shown, const struct ehlo *now, struct span name)
{
    const enum ehlo_keyword k = keyword_of(name);

    if (k != EHLO__COUNT)
        return ehlo_has(shown, k) && !ehlo_has(now, k);
    return has_name(shown, name) && !has_name(now, name) && !now->overflow;
}

static struct span keyword_of_param(struct span name, struct span value)
{
    if (text_eq_nocase(name, SPAN("BODY")) && text_eq_nocase(value, SPAN("BINARYMIME")))
        return SPAN("BINARYMIME"); /* RFC 3030 3 */
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++)
        if (text_eq_nocase(name, span_str(params[i].param)))
            return span_str(params[i].keyword);
    return name;
}

static bool params_drift(const struct ehlo *shown, const struct ehlo *now, struct span left)
{
    struct span name, value;

    while (command_next_param(&left, &name, &value))
        if (drifts(shown, now, keyword_of_param(name, value)))
            return true;
    return false;
}

bool ehlo_drift(const struct ehlo *shown, const struct ehlo *now, const struct command *cmd)
{
    struct mail_args mail;
    struct rcpt_args rcpt;

    switch (cmd->verb) {
    case VERB_MAIL:
        return command_mail(cmd, &mail) == OK && params_drift(shown, now, mail.params);
    case VERB_RCPT:
        return command_rcpt(cmd, &rcpt) == OK && params_drift(shown, now, rcpt.params);
    case VERB_BDAT:
        return drifts(shown, now, SPAN("CHUNKING"));
    case VERB_EHLO:
    case VERB_HELO:
    case VERB_DATA:
    case VERB_RSET:
    case VERB_NOOP:
    case VERB_QUIT:
    case VERB_VRFY:
    case VERB_STARTTLS:
    case VERB_EMPTY:
    case VERB__COUNT:
        return false;
    case VERB_HELP:
    case VERB_EXPN:
    case VERB_AUTH:
    case VERB_ETRN:
    case VERB_XCLIENT:
    case VERB_XFORWARD:
    case VERB_OTHER:
        break;
    }
    return drifts(shown, now, cmd->name);
}
