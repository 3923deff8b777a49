#include "base/text.h"

uint8_t text_fold(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool text_eq_nocase(struct span a, struct span b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (text_fold(a.p[i]) != text_fold(b.p[i]))
            return false;
    return true;
}

bool text_ends_nocase(struct span s, struct span tail)
{
    return s.n >= tail.n && text_eq_nocase(span_from(s, s.n - tail.n), tail);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct span text_trim(struct span s)
{
    while (s.n > 0 && is_blank(s.p[0]))
        s = span_from(s, 1);
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

enum rc text_decimal(struct span s, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;

    if (s.n == 0)
        return MALFORMED;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return MALFORMED;
    for (size_t i = 0; i < s.n; i++) {
        const uint64_t digit = s.p[i] - (uint64_t)'0';

        if (value > (max - digit) / 10 || digit > max)
            return FULL;
        value = value * 10 + digit;
    }
    *out = value;
    return OK;
}

size_t text_printable(struct span s, char *out, size_t cap)
{
    size_t n = 0;

    for (; n < s.n && n + 1 < cap; n++)
        out[n] = (char)(s.p[n] >= 32 && s.p[n] < 127 ? s.p[n] : '?');
    out[n] = '\0';
    return n;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = text_fold(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t text_utf8(struct span s, uint32_t *code)
{
    const uint8_t c = s.p[0];
    const size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

    if (n == 0 || n > s.n)
        return 0;
    *code = n == 1 ? c : c & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s.p[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (s.p[i] & 0x3f);
    }
    if ((c == 0xe0 && s.p[1] < 0xa0) || (c == 0xed && s.p[1] > 0x9f) || (c == 0xf0 && s.p[1] < 0x90) ||
        (c == 0xf4 && s.p[1] > 0x8f))
        return 0;
    return n;
}

enum rc text_hex(struct span s, uint8_t *out, size_t *n)
{
    size_t done = 0;
    int high = -1;

    for (size_t i = 0; i < s.n; i++) {
        if (is_blank(s.p[i]))
            continue;
        const int digit = hex_digit(s.p[i]);

        if (digit < 0)
            return MALFORMED;
        if (high < 0) {
            high = digit;
            continue;
        }
        if (done == *n)
            return FULL;
        out[done++] = (uint8_t)(high << 4 | digit);
        high = -1;
    }
    if (high >= 0)
        return MALFORMED;
    *n = done;
    return OK;
}
