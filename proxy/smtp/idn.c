#include "smtp/idn.h"

#include "base/text.h"

enum { /* RFC 3492 5 */
    BASE = 36,
    TMIN = 1,
    TMAX = 26,
    SKEW = 38,
    DAMP = 700,
    INITIAL_BIAS = 72,
    INITIAL_N = 128
};

#define LABEL_MAX 63              /* RFC 1035 2.3.4 */
#define CODES_MAX (LABEL_MAX - 4) /* each code point is a digit at least, behind the `xn--` */

/*
 * Every `step`th code point from first to last, and its capital `up` below it (0: it has none that we take). What this
 * list holds, tests/system/idn holds against the tables of Unicode.
 */
static const struct range {
    uint32_t first, last;
    uint8_t step, up;
} ranges[] = {
    { 0x00e0, 0x00f6, 1, 32 }, /* Latin-1, without sharp s and the division sign */
    { 0x00f8, 0x00fe, 1, 32 }, { 0x00ff, 0x00ff, 1, 0 },
    { 0x0101, 0x012f, 2, 1 }, /* Latin Extended-A, without ligatures, long s and the Turkish pair of i */
    { 0x0135, 0x0137, 2, 1 },  { 0x0138, 0x0138, 1, 0 },
    { 0x013a, 0x013e, 2, 1 },  { 0x0142, 0x0148, 2, 1 },
    { 0x014b, 0x0177, 2, 1 },  { 0x017a, 0x017e, 2, 1 },
    { 0x01a1, 0x01a1, 1, 1 },                            /* Vietnamese */
    { 0x01b0, 0x01b0, 1, 1 },  { 0x01ce, 0x01dc, 2, 1 }, /* Pinyin */
    { 0x0219, 0x021b, 2, 1 },                            /* Romanian */
    { 0x03ac, 0x03ac, 1, 38 },                           /* Greek, without final sigma */
    { 0x03ad, 0x03af, 1, 37 }, { 0x03b1, 0x03c1, 1, 32 },
    { 0x03c3, 0x03cb, 1, 32 }, { 0x03cc, 0x03cc, 1, 64 },
    { 0x03cd, 0x03ce, 1, 63 }, { 0x0430, 0x044f, 1, 32 }, /* Cyrillic */
    { 0x0450, 0x045f, 1, 80 }, { 0x048b, 0x04bf, 2, 1 },
    { 0x04d1, 0x04f5, 2, 1 },  { 0x0561, 0x0586, 1, 48 }, /* Armenian */
    { 0x10d0, 0x10f0, 1, 0 },                             /* Georgian */
    { 0x1e01, 0x1e95, 2, 1 },                             /* Latin Extended Additional */
    { 0x1ea1, 0x1ef9, 2, 1 },  { 0x3005, 0x3005, 1, 0 },  /* the ideographic iteration mark */
    { 0x3041, 0x3096, 1, 0 },                             /* Hiragana */
    { 0x30a1, 0x30fa, 1, 0 },                             /* Katakana, without the middle dot */
    { 0x30fc, 0x30fe, 1, 0 },  { 0x3105, 0x312c, 1, 0 },  /* Bopomofo */
    { 0x3400, 0x4db5, 1, 0 },                             /* CJK */
    { 0x4e00, 0x9fa5, 1, 0 },  { 0xac00, 0xd7a3, 1, 0 },  /* Hangul syllables */
};

static bool is_in(const struct range *r, uint32_t code)
{
    return code >= r->first && code <= r->last && (code - r->first) % r->step == 0;
}

/* The code point as it is encoded, or 0 where it is none of ours. */
static uint32_t mapped(uint32_t code)
{
    struct hostname name;
    const uint8_t ascii = (uint8_t)code;

    if (code < INITIAL_N)
        return hostname_parse(span_of(&ascii, 1), &name) == OK && code != '_' ? text_fold(ascii) : 0;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (is_in(&ranges[i], code))
            return code;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (ranges[i].up > 0 && is_in(&ranges[i], code + ranges[i].up))
            return code + ranges[i].up;
    return 0;
}

/* Characters to be appended to; full is kept. */
struct out {
    char *s;
    size_t n, cap;
    bool full;
};

static void put(struct out *o, char c)
{
    o->full = o->full || o->n == o->cap;
    if (!o->full)
        o->s[o->n++] = c;
}

static char digit(uint32_t d)
{
    return (char)(d < 26 ? 'a' + d : '0' + d - 26);
}

/* RFC 3492 6.1 */
static uint32_t adapt(uint32_t delta, uint32_t points, bool is_first)
{
    uint32_t k = 0;

    delta = is_first ? delta / DAMP : delta / 2;
    for (delta += delta / points; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
        delta /= BASE - TMIN;
    return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

/* RFC 3492 6.3: one delta as a number of variable length. */
static void put_delta(struct out *o, uint32_t q, uint32_t bias)
{
    for (uint32_t k = BASE;; k += BASE) {
        const uint32_t t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias;

        if (q < t)
            break;
        put(o, digit(t + (q - t) % (BASE - t)));
        q = (q - t) / (BASE - t);
    }
    put(o, digit(q));
}

/* RFC 3492 6.3. No number overflows: 59 code points below 2^21. */
static void punycode(const uint32_t *code, size_t n, struct out *o)
{
    uint32_t now = INITIAL_N, delta = 0, bias = INITIAL_BIAS, done = 0;

    for (size_t i = 0; i < n; i++)
        if (code[i] < INITIAL_N) {
            put(o, (char)code[i]);
            done++;
        }
    const uint32_t basic = done;

    if (basic > 0)
        put(o, '-');
    while (done < n) {
        uint32_t next = UINT32_MAX;

        for (size_t i = 0; i < n; i++)
            if (code[i] >= now && code[i] < next)
                next = code[i];
        delta += (next - now) * (done + 1);
        now = next;
        for (size_t i = 0; i < n; i++) {
            delta += code[i] < now;
            if (code[i] != now)
                continue;
            put_delta(o, delta, bias);
            bias = adapt(delta, done + 1, done == basic);
            delta = 0;
            done++;
        }
        delta++;
        now++;
    }
}

/* A U-label as an A-label (RFC 5891 4.2, 5.4, 5.5). */
static bool put_label(struct out *o, struct span label)
{
    uint32_t code[CODES_MAX];
    size_t n = 0;

    while (label.n > 0) {
        uint32_t c;
        const size_t used = text_utf8(label, &c);

        if (used == 0 || n == CODES_MAX)
            return false;
        code[n] = mapped(c);
        if (code[n++] == 0)
            return false;
        label = span_from(label, used);
    }
    if (code[0] == '-' || code[n - 1] == '-' || (n >= 4 && code[2] == '-' && code[3] == '-')) /* RFC 5891 4.2.3.1 */
        return false;
    for (const char *c = "xn--"; *c != '\0'; c++)
        put(o, *c);
    punycode(code, n, o);
    return !o->full;
}

static bool is_ascii(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= INITIAL_N)
            return false;
    return true;
}

enum rc idn_parse(struct span s, struct hostname *out)
{
    char text[HOSTNAME_MAX + 1];
    struct out o = { .s = text, .cap = sizeof text };

    if (is_ascii(s))
        return hostname_parse(s, out);
    while (s.n > 0) {
        const struct span label = span_first(s, span_find(s, '.'));

        if (is_ascii(label))
            for (size_t i = 0; i < label.n; i++)
                put(&o, (char)label.p[i]);
        else if (!put_label(&o, label))
            return MALFORMED;
        if (label.n < s.n)
            put(&o, '.');
        s = span_from(s, label.n + 1);
    }
    return o.full ? MALFORMED : hostname_parse(span_of(text, o.n), out);
}
