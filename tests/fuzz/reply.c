/*
 * Fuzz target: a server's bytes as reply lines, and those as an EHLO list. The oracle: the same line whatever follows
 * it and wherever it is cut; one line to every client, whatever it takes for an ending; a list that forgets nothing.
 */
#include "smtp/reply.h"
#include "smtp/ehlo.h"

#include <stdlib.h>

static void check_line(struct span in, const struct reply_line *l)
{
    struct reply_line again;
    struct span body = l->raw;

    if (l->raw.p != in.p || l->raw.n == 0 || l->raw.n > REPLY_LINE_MAX || l->raw.p[l->raw.n - 1] != '\n')
        abort();
    if (l->code < 200 || l->code > 599 || (unsigned)(l->raw.p[0] - '0') != l->code / 100)
        abort();
    if (reply_line_parse(l->raw, &again) != OK || again.code != l->code || again.last != l->last ||
        !span_eq(again.text, l->text))
        abort();
    if (reply_line_parse(span_first(l->raw, l->raw.n - 1), &again) != MORE)
        abort();
    body.n--;
    while (body.n > 0 && body.p[body.n - 1] == '\r')
        body.n--;
    if (span_find(body, '\r') < body.n || span_find(body, '\n') < body.n || span_find(body, '\0') < body.n)
        abort();
    if (l->last != (body.n == 3 || body.p[3] == ' ') || l->text.n != (body.n > 4 ? body.n - 4 : 0))
        abort();
}

static void check_list(struct ehlo *list, struct span text, bool first)
{
    const struct ehlo before = *list;
    struct ehlo again;
    const enum rc rc = ehlo_line(list, text, first);

    if (rc != OK &&
        (rc != FULL || list->lines != EHLO_LINES_MAX || before.has != list->has || before.names_n != list->names_n))
        abort();
    if ((before.has & ~list->has) != 0 || list->names_n < before.names_n || list->names_n > EHLO_NAMES_MAX ||
        memcmp(before.names, list->names, before.names_n) != 0 || (first && list->has != before.has))
        abort();
    if (list->names_n > 0 && list->names[list->names_n - 1] != ' ')
        abort();
    again = *list;
    if (ehlo_line(&again, text, first) == OK && (again.has != list->has || again.names_n != list->names_n))
        abort(); /* the same line again lists nothing new */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span left = span_of(data, size);
    struct ehlo list, nothing;
    bool first = true;

    ehlo_reset(&list);
    ehlo_reset(&nothing);
    while (left.n > 0) {
        struct reply_line l;
        struct command c;
        size_t used;
        const enum rc rc = reply_line_parse(left, &l);

        if (rc == MORE && (span_find(left, '\n') < left.n || left.n >= REPLY_LINE_MAX))
            abort();
        if (rc == FULL && span_find(span_first(left, REPLY_LINE_MAX), '\n') < REPLY_LINE_MAX)
            abort();
        if (rc == MORE || rc == FULL)
            break;
        if (rc == OK) {
            check_line(left, &l);
            check_list(&list, l.text, first);
            first = l.last;
        } else if (command_line(left, &c, &used) == OK &&
                   (ehlo_drift(&list, &list, &c) || ehlo_drift(&nothing, &list, &c))) {
            abort(); /* nothing drifts from itself, nor from a list that showed nothing */
        }
        left = span_from(left, span_find(left, '\n') + 1);
    }
    return 0;
}
