#include "smtp/hostname.h"

#include "base/text.h"

#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_label_byte(uint8_t folded)
{
    return (folded >= 'a' && folded <= 'z') || is_digit(folded) || folded == '-' || folded == '_';
}

enum rc hostname_parse(struct span s, struct hostname *out)
{
    size_t label = 0;

    if (s.n > 1 && s.p[s.n - 1] == '.')
        s.n--;
    if (s.n == 0 || s.n > HOSTNAME_MAX)
        return MALFORMED;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '.') {
            if (!is_label_byte(text_fold(s.p[i])) || ++label > LABEL_MAX)
                return MALFORMED;
            continue;
        }
        if (label == 0)
            return MALFORMED;
        label = 0;
    }
    if (label == 0)
        return MALFORMED;
    for (size_t i = 0; i < s.n; i++)
        out->s[i] = (char)text_fold(s.p[i]);
    out->s[s.n] = '\0';
    out->n = (uint8_t)s.n;
    return OK;
}

struct span hostname_span(const struct hostname *name)
{
    return span_of(name->s, name->n);
}

bool hostname_eq(const struct hostname *a, const struct hostname *b)
{
    return span_eq(hostname_span(a), hostname_span(b));
}

bool hostname_is_under(const struct hostname *name, const struct hostname *parent)
{
    if (parent->n == 0 || name->n <= parent->n + 1)
        return false;
    const struct span tail = span_from(hostname_span(name), (size_t)name->n - parent->n - 1);

    return tail.p[0] == '.' && span_eq(span_from(tail, 1), hostname_span(parent));
}

bool hostname_is_numeric(const struct hostname *name)
{
    struct span last = hostname_span(name);

    for (size_t dot = span_find(last, '.'); dot < last.n; dot = span_find(last, '.'))
        last = span_from(last, dot + 1);
    const bool hex = last.n >= 2 && last.p[0] == '0' && last.p[1] == 'x';

    for (size_t i = hex ? 2 : 0; i < last.n; i++)
        if (!is_digit(last.p[i]) && !(hex && last.p[i] >= 'a' && last.p[i] <= 'f'))
            return false;
    return true;
}
