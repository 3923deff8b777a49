/* Fuzz target: domains in their own script. The oracle is the way back: each A-label that we made decodes to the label
 * that was written, small letters for capitals, and the result is a host name that stays itself. A97 */
#include "smtp/idn.h"

#include "../lib/punycode.h"
#include "base/text.h"

#include <stdlib.h>

/* The small letter of what idn takes as a capital; its table is another text than this. */
static uint32_t small(uint32_t c)
{
    struct hostname name;
    uint8_t utf8[4] = { (uint8_t)(0xe0 | c >> 12), (uint8_t)(0x80 | (c >> 6 & 63)), (uint8_t)(0x80 | (c & 63)) };
    uint32_t alone[64];
    struct span s = span_of(utf8, 3);

    if (c < 0x80)
        return text_fold((uint8_t)c);
    if (c < 0x800) {
        utf8[1] = (uint8_t)(0xc0 | c >> 6);
        s = span_of(utf8 + 1, 2);
    }
    if (idn_parse(s, &name) != OK || punycode_decode(name.s + 4, name.n - 4U, alone, 64) != 1)
        abort();
    return alone[0];
}

static void check(struct span written, struct span made)
{
    uint32_t code[64];
    const int n = punycode_decode((const char *)made.p + 4, made.n - 4, code, 64);
    int i = 0;

    for (; written.n > 0; i++) {
        uint32_t c;
        const size_t used = text_utf8(written, &c);

        if (used == 0 || i >= n || code[i] != small(c))
            abort();
        written = span_from(written, used);
    }
    if (i != n)
        abort();
}

static bool is_ascii(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] > 127)
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span written = span_of(data, size), made;
    struct hostname name, again;

    if (idn_parse(written, &name) != OK)
        return 0;
    if (hostname_parse(hostname_span(&name), &again) != OK || !hostname_eq(&name, &again))
        abort();
    for (made = hostname_span(&name); made.n > 0; made = span_from(made, span_find(made, '.') + 1)) {
        const struct span label = span_first(made, span_find(made, '.'));
        const struct span from = span_first(written, span_find(written, '.'));

        if (is_ascii(from) ? !text_eq_nocase(from, label) : label.n > 63)
            abort();
        if (!is_ascii(from))
            check(from, label);
        written = span_from(written, from.n + 1);
    }
    return 0;
}
