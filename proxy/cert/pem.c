#include "cert/pem.h"

static const char *const certificate[] = { "CERTIFICATE", NULL };
static const char *const keys[] = { "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", NULL };
static const char *const sealed_key[] = { "ENCRYPTED PRIVATE KEY", NULL };

/* Which of these labels does a line of armour (`BEGIN` or `END`) carry? NULL: it is none, or another's. */
static const char *label_of(struct span line, struct span word, const char *const *labels)
{
    const struct span front = SPAN("-----"), name = span_from(line, front.n + word.n);

    if (!span_eq(span_first(line, front.n), front) || !span_eq(span_first(span_from(line, front.n), word.n), word))
        return NULL;
    for (; *labels != NULL; labels++) {
        const struct span label = span_str(*labels);

        if (span_eq(span_first(name, label.n), label) && span_eq(span_from(name, label.n), front))
            return *labels;
    }
    return NULL;
}

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

static enum rc body(struct span *text, const char *label, struct decoder *d)
{
    const char *const same[] = { label, NULL };

    while (text->n > 0) {
        const struct span line = take_line(text);

        if (label_of(line, SPAN("END "), same) != NULL)
            return (d->digits + d->padding) % 4 == 0 ? OK : MALFORMED;
        for (size_t i = 0; i < line.n; i++) {
            const enum rc rc = put(d, line.p[i]);

            if (rc != OK)
                return rc;
        }
    }
    return MALFORMED;
}

/* The next object with one of these labels. */
static enum rc next_of(struct span *text, const char *const *labels, uint8_t *out, size_t *n)
{
    struct decoder d = { .out = out, .cap = *n };
    const char *label = NULL;
    enum rc rc;

    while ((label = label_of(take_line(text), SPAN("BEGIN "), labels)) == NULL)
        if (text->n == 0)
            return MORE;
    rc = body(text, label, &d);
    *n = d.n;
    return rc;
}

enum rc pem_next(struct span *text, uint8_t *out, size_t *n)
{
    return next_of(text, certificate, out, n);
}

static bool holds(struct span text, struct span word)
{
    for (; text.n >= word.n; text = span_from(text, 1))
        if (span_eq(span_first(text, word.n), word))
            return true;
    return false;
}

enum rc pem_key(struct span text, uint8_t *out, size_t *n)
{
    const struct span all = text;
    enum rc rc = next_of(&text, keys, out, n);

    if (rc == MORE) {
        size_t none = 0;

        text = all;
        rc = next_of(&text, sealed_key, out, &none) == MORE ? MORE : UNUSABLE;
    } else if (rc == MALFORMED && holds(all, SPAN("Proc-Type:"))) { /* RFC 1421 4.6.1.1: `4,ENCRYPTED` */
        rc = UNUSABLE;
    }
    return rc;
}

/* Three octets are four digits, 48 a line (RFC 7468 2). */
static enum rc put_line(struct span s, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char line[66];
    size_t n = 0;

    for (size_t i = 0; i < s.n; i += 3) {
        const size_t left = s.n - i;
        const uint32_t all =
            (uint32_t)s.p[i] << 16 | (left > 1 ? (uint32_t)s.p[i + 1] << 8 : 0) | (left > 2 ? s.p[i + 2] : 0);

        for (unsigned k = 0; k < 4; k++)
            line[n++] = (char)(k > left ? '=' : digits[all >> (18 - 6 * k) & 63]);
    }
    line[n++] = '\n';
    return buf_put(out, span_of(line, n));
}

enum rc pem_put(const char *label, struct span der, struct buf *out)
{
    enum rc rc = buf_printf(out, "-----BEGIN %s-----\n", label);

    for (; rc == OK && der.n > 0; der = span_from(der, 48))
        rc = put_line(span_first(der, 48), out);
    return rc == OK ? buf_printf(out, "-----END %s-----\n", label) : rc;
}
