/*
 * Fuzz target: a client's lines. The oracle for recipients is a set of careless readers (qmail's, and those that take
 * the first or the last bracket): each finds our domain, or nothing that is a domain. A56, A57, A97
 */
#include "smtp/command.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* What stands behind the last @ must be the domain that we found, or no name at all. */
static void agree(struct span address, const struct rcpt_args *ours)
{
    struct hostname theirs;
    size_t at = address.n;

    while (at > 0 && address.p[at - 1] != '@')
        at--;
    if (at == 0 || hostname_parse(span_from(address, at), &theirs) != OK)
        return;
    if (ours->kind != RCPT_DOMAIN || !hostname_eq(&theirs, &ours->domain))
        abort();
}

/* qmail-smtpd: from the first < or : to the terminator, a route cut off, quotes and escapes taken away. */
static void qmail(struct span arg, const struct rcpt_args *ours)
{
    uint8_t address[COMMAND_LINE_MAX];
    const bool bracket = span_find(arg, '<') < arg.n;
    const uint8_t terminator = bracket ? '>' : ' ';
    bool quoted = false;
    size_t n = 0;

    arg = span_from(arg, span_find(arg, bracket ? '<' : ':') + 1);
    while (!bracket && arg.n > 0 && arg.p[0] == ' ')
        arg = span_from(arg, 1);
    if (arg.n > 0 && arg.p[0] == '@')
        arg = span_from(arg, span_find(arg, ':') + 1);
    for (size_t i = 0; i < arg.n && (quoted || arg.p[i] != terminator); i++) {
        if (arg.p[i] == '"') {
            quoted = !quoted;
            continue;
        }
        if (arg.p[i] == '\\')
            i++;
        if (i < arg.n)
            address[n++] = arg.p[i];
    }
    agree(span_of(address, n), ours);
}

static void brackets(struct span arg, const struct rcpt_args *ours)
{
    const size_t open = span_find(arg, '<');
    const struct span inside = span_from(arg, open + 1);
    size_t close = inside.n, last_open = arg.n;

    if (open == arg.n)
        return;
    agree(span_first(inside, span_find(inside, '>')), ours);
    while (close > 0 && inside.p[close - 1] != '>')
        close--;
    if (close > 0)
        agree(span_first(inside, close - 1), ours);
    while (last_open > 0 && arg.p[last_open - 1] != '<')
        last_open--;
    const struct span tail = span_from(arg, last_open);

    agree(span_first(tail, span_find(tail, '>')), ours);
}

/* The eighth bit taken off, as some did. A domain in its own script always reads as another then: whoever writes one
 * says SMTPUTF8, which such a server does not offer; so only local parts are held against it. */
static void seven_bits(struct span arg, const struct rcpt_args *ours)
{
    uint8_t plain[COMMAND_LINE_MAX];

    for (size_t i = arg.n; i > 0 && arg.p[i - 1] != '@'; i--)
        if (arg.p[i - 1] > 127)
            return;
    for (size_t i = 0; i < arg.n; i++)
        plain[i] = arg.p[i] & 127;
    qmail(span_of(plain, arg.n), ours);
}

static void check_domain(const struct command *c, const struct rcpt_args *r)
{
    struct hostname again;

    if (c->odd)
        abort();
    if (r->kind != RCPT_DOMAIN)
        return;
    if (hostname_parse(hostname_span(&r->domain), &again) != OK || !hostname_eq(&again, &r->domain) ||
        hostname_is_numeric(&r->domain))
        abort();
}

static void check_params(struct span params)
{
    struct span name, value;
    size_t before = params.n + 1;

    while (command_next_param(&params, &name, &value)) {
        if (name.n == 0 || params.n >= before || span_find(name, '@') < name.n)
            abort();
        before = params.n;
    }
}

static void check_bdat(const struct command *c)
{
    uint64_t octets;
    bool last;
    char text[64];

    if (command_bdat(c, &octets, &last) != OK)
        return;
    const int n = snprintf(text, sizeof text, "%" PRIu64, octets);

    if (octets > INT64_MAX || !span_eq(span_first(c->args, (size_t)n), span_str(text)) ||
        last != (text_trim(span_from(c->args, (size_t)n)).n == 4))
        abort();
}

static void check_command(const struct command *c)
{
    struct mail_args mail;
    struct rcpt_args rcpt;

    if (c->verb == VERB_MAIL && command_mail(c, &mail) == OK) {
        if (span_find(mail.path, '>') < mail.path.n || span_find(mail.path, '<') < mail.path.n)
            abort();
        check_params(mail.params);
    }
    if (c->verb == VERB_RCPT && command_rcpt(c, &rcpt) == OK) {
        check_domain(c, &rcpt);
        check_params(rcpt.params);
        qmail(c->args, &rcpt);
        brackets(c->args, &rcpt);
        seven_bits(c->args, &rcpt);
    }
    if (c->verb == VERB_BDAT)
        check_bdat(c);
    switch (command_address(c, &rcpt)) {
    case OK:
        check_domain(c, &rcpt);
        brackets(c->args, &rcpt);
        break;
    case UNUSABLE:
        if (span_find(c->args, '@') < c->args.n || span_find(c->args, '<') < c->args.n)
            abort();
        break;
    default:
        break;
    }
}

static void check_line(struct span in, const struct command *c, size_t used)
{
    struct command again;
    size_t n;

    if (used == 0 || c->raw.p != in.p || c->raw.n != used || used > COMMAND_LINE_MAX || c->raw.p[used - 1] != '\n' ||
        c->lf_only != (used < 2 || c->raw.p[used - 2] != '\r'))
        abort();
    if (c->name.p < c->raw.p || c->name.p + c->name.n > c->raw.p + c->raw.n ||
        (c->args.n > 0 && (c->args.p < c->name.p + c->name.n || c->args.p + c->args.n > c->raw.p + c->raw.n)))
        abort();
    if (span_find(c->raw, '\0') < c->raw.n && !c->odd)
        abort();
    if (span_find(c->raw, '\r') + (c->lf_only ? 1U : 2U) < c->raw.n && !c->odd)
        abort();
    if (command_line(span_first(in, used - 1), &again, &n) != MORE || n != 0)
        abort();
    if (command_line(c->raw, &again, &n) != OK || n != used || again.verb != c->verb || again.odd != c->odd ||
        !span_eq(again.args, c->args))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span left = span_of(data, size);

    while (left.n > 0) {
        struct command c;
        size_t used;
        const enum rc rc = command_line(left, &c, &used);

        if (rc != OK) {
            if (span_find(span_first(left, COMMAND_LINE_MAX), '\n') <
                    (left.n < COMMAND_LINE_MAX ? left.n : COMMAND_LINE_MAX) ||
                (rc == FULL) != (left.n >= COMMAND_LINE_MAX) || used != 0)
                abort();
            break;
        }
        check_line(left, &c, used);
        check_command(&c);
        left = span_from(left, used);
    }
    return 0;
}
