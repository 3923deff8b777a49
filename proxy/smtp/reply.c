#include "smtp/reply.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

enum rc reply_line_parse(struct span in, struct reply_line *out)
{
    const struct span window = span_first(in, REPLY_LINE_MAX);
    const size_t lf = span_find(window, '\n');

    if (lf == window.n)
        return window.n == REPLY_LINE_MAX ? FULL : MORE;
    struct span line = span_first(window, lf);

    while (line.n > 0 && line.p[line.n - 1] == '\r') /* CR CR LF is written by servers in text mode */
        line.n--;
    if (line.n < 3 || line.p[0] < '2' || line.p[0] > '5' || !is_digit(line.p[1]) || !is_digit(line.p[2]))
        return MALFORMED;
    if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')
        return MALFORMED;
    if (span_find(line, '\r') < line.n || span_find(line, '\0') < line.n)
        return MALFORMED;
    *out = (struct reply_line){
        .code = (line.p[0] - 48U) * 100 + (line.p[1] - 48U) * 10 + (line.p[2] - 48U),
        .last = line.n == 3 || line.p[3] == ' ',
        .raw = span_first(window, lf + 1),
        .text = span_from(line, 4),
    };
    return OK;
}
