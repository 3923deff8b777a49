#include "cert/pem.h"

#define BEGIN SPAN("-----BEGIN CERTIFICATE-----")
#define END SPAN("-----END CERTIFICATE-----")

/* The next line, without its end and the blanks before that. */
static struct span take_line(struct span *text)
{
    struct span line = span_first(*text, span_find(*text, '\n'));

    *text = span_from(*text, line.n + 1);
    while (line.n > 0 && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == ' ' || line.p[line.n - 1] == '\t'))
        line.n--;
    return line;
}

static int digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Base64 as it comes, line by line. */
struct decoder {
    uint8_t *out;
    size_t cap, n;
    uint32_t bits;
    unsigned digits, padding;
};

static enum rc put(struct decoder *d, uint8_t c)
{
    const int digit = digit_of(c);

    if (c == ' ' || c == '\t')
        return OK;
    if (c == '=') {
        d->padding++;
        return d->digits % 4 + d->padding <= 4 && d->digits % 4 >= 2 ? OK : MALFORMED;
    }
    if (digit < 0 || d->padding > 0)
        return MALFORMED;
    d->bits = d->bits << 6 | (uint32_t)digit;
    d->digits++;
    if (d->digits % 4 == 1)
        return OK;
    if (d->n == d->cap)
        return FULL;
    d->out[d->n++] = (uint8_t)(d->bits >> (6 - 2 * ((d->digits - 1) % 4)));
    return OK;
}

static enum rc body(struct span *text, struct decoder *d)
{
    while (text->n > 0) {
        const struct span line = take_line(text);

        if (span_eq(line, END))
            return (d->digits + d->padding) % 4 == 0 ? OK : MALFORMED;
        for (size_t i = 0; i < line.n; i++) {
            const enum rc rc = put(d, line.p[i]);

            if (rc != OK)
                return rc;
        }
    }
    return MALFORMED;
}

enum rc pem_next(struct span *text, uint8_t *out, size_t *n)
{
    struct decoder d = { .out = out, .cap = *n };
    enum rc rc;

    while (!span_eq(take_line(text), BEGIN))
        if (text->n == 0)
            return MORE;
    rc = body(text, &d);
    *n = d.n;
    return rc;
}
