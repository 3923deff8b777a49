/* punycode - the way back, written from RFC 3492 6.2 and not from our encoder: what the tests of smtp/idn hold it
 * against. */
#ifndef TESTS_PUNYCODE_H
#define TESTS_PUNYCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static unsigned long punycode_adapt(unsigned long delta, unsigned long points, bool first)
{
    unsigned long k = 0;

    delta = first ? delta / 700 : delta / 2;
    delta += delta / points;
    while (delta > 455) {
        delta /= 35;
        k += 36;
    }
    return k + 36 * delta / (delta + 38);
}

/* The n characters behind an `xn--` as code points; their number, or -1. */
static int punycode_decode(const char *s, size_t n, uint32_t *out, size_t cap)
{
    unsigned long code = 128, i = 0, bias = 72;
    size_t at = 0, len = 0;

    for (size_t k = 0; k < n; k++)
        if (s[k] == '-')
            at = k;
    for (; len < at; len++)
        out[len] = (uint8_t)s[len];
    at += at > 0;
    while (at < n) {
        const unsigned long before = i;
        uint64_t weight = 1;

        for (unsigned long k = 36;; k += 36) {
            const char c = at < n ? s[at++] : '\0';
            const long d = c >= 'a' && c <= 'z' ? c - 'a' : c >= '0' && c <= '9' ? c - '0' + 26 : -1;
            const unsigned long t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;

            if (d < 0 || weight > (uint64_t)1 << 40)
                return -1;
            i += (unsigned long)((uint64_t)d * weight);
            if ((unsigned long)d < t)
                break;
            weight *= 36 - t;
        }
        bias = punycode_adapt(i - before, len + 1, before == 0);
        code += i / (len + 1);
        i %= len + 1;
        if (len == cap || code > 0x10ffff)
            return -1;
        memmove(out + i + 1, out + i, (len - i) * sizeof *out);
        out[i++] = (uint32_t)code;
        len++;
    }
    return (int)len;
}

#endif
