#include "dane/anchor.h"

#include "base/text.h"

#include <stdio.h>

enum {
    WORDS_MAX = 40, /* a key may be written in groups */
    KEY_MAX = 1024, /* octets: RSA of 4096 bits has 520 */
    FLAGS_KSK = 257,
    PROTOCOL = 3, /* RFC 4034 2.1.2 */
    TAG_2017 = 20326,
    TAG_2024 = 38696
};

static const struct {
    uint16_t tag;
    const char *line;
} builtin[] = {
    { TAG_2017, ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D" },
    { TAG_2024, ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16" },
};

static struct span next_word(struct span *left)
{
    size_t n = 0;

    *left = text_trim(*left);
    while (n < left->n && left->p[n] != ' ' && left->p[n] != '\t')
        n++;
    const struct span word = span_first(*left, n);

    *left = span_from(*left, n);
    return word;
}

static unsigned split(struct span line, struct span *words)
{
    unsigned n = 0;

    for (struct span w = next_word(&line); w.n > 0; w = next_word(&line)) {
        if (n == WORDS_MAX)
            return 0;
        words[n++] = w;
    }
    return n;
}

/* Words first..n in one piece. 0 where they are too long. */
static size_t join(const struct span *words, unsigned first, unsigned n, char *out, size_t cap)
{
    size_t len = 0;

    for (unsigned i = first; i < n; i++) {
        if (words[i].n >= cap - len)
            return 0;
        memcpy(out + len, words[i].p, words[i].n);
        len += words[i].n;
    }
    out[len] = '\0';
    return len;
}

static int base64_value(uint8_t c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)(at - digits);
}

/* RFC 4648 4, strict. The octets written, 0 for none. */
static size_t base64(struct span s, uint8_t *out, size_t cap)
{
    uint32_t bits = 0;
    size_t n = 0, digits = s.n;

    if (s.n % 4 != 0)
        return 0;
    for (unsigned i = 0; i < 2 && digits > 0 && s.p[digits - 1] == '='; i++)
        digits--;
    for (size_t i = 0; i < digits; i++) {
        const int value = base64_value(s.p[i]);

        if (value < 0 || n == cap)
            return 0;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 != 0)
            out[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    return n;
}

/* RFC 4034 B */
static uint16_t key_tag(unsigned flags, unsigned algorithm, const uint8_t *key, size_t n)
{
    uint32_t sum = flags + (PROTOCOL << 8 | algorithm);

    for (size_t i = 0; i < n; i++)
        sum += i % 2 == 0 ? (uint32_t)key[i] << 8 : key[i];
    return (uint16_t)(sum + (sum >> 16));
}

/* The three numbers in front of a digest or key. */
static bool numbers(const struct span *words, uint64_t out[3])
{
    return text_decimal(words[0], UINT16_MAX, &out[0]) == OK && text_decimal(words[1], UINT8_MAX, &out[1]) == OK &&
           text_decimal(words[2], UINT8_MAX, &out[2]) == OK;
}

static enum rc put(struct anchors *out, uint16_t tag, const char *type, const uint64_t number[3], const char *data)
{
    if (out->n == ANCHORS_MAX)
        return FULL;
    const int n = snprintf(out->line[out->n], ANCHOR_LINE_MAX, ". IN %s %u %u %u %s", type, (unsigned)number[0],
                           (unsigned)number[1], (unsigned)number[2], data);

    if (n < 0 || n >= ANCHOR_LINE_MAX)
        return MALFORMED;
    out->tag[out->n++] = tag;
    return OK;
}

static enum rc take_ds(const struct span *words, unsigned n, struct anchors *out)
{
    static const size_t digest[] = { [1] = 20, [2] = 32, [4] = 48 }; /* RFC 4034 5.1.4, 4509, 6605 */
    char hex[ANCHOR_LINE_MAX];
    uint8_t octets[64];
    size_t len = sizeof octets;
    uint64_t number[3];

    if (n < 4 || !numbers(words, number) || join(words, 3, n, hex, sizeof hex) == 0 ||
        text_hex(span_str(hex), octets, &len) != OK)
        return MALFORMED;
    if (number[2] >= sizeof digest / sizeof digest[0] || digest[number[2]] == 0 || digest[number[2]] != len)
        return MALFORMED;
    return put(out, (uint16_t)number[0], "DS", number, hex);
}

static enum rc take_dnskey(const struct span *words, unsigned n, struct anchors *out)
{
    char text[ANCHOR_LINE_MAX];
    uint8_t key[KEY_MAX];
    uint64_t number[3];

    if (n < 4 || !numbers(words, number) || number[1] != PROTOCOL || join(words, 3, n, text, sizeof text) == 0)
        return MALFORMED;
    const size_t len = base64(span_str(text), key, sizeof key);

    if (len == 0)
        return MALFORMED;
    if (number[0] != FLAGS_KSK) /* a zone's key, or a revoked one (RFC 5011 2.1) */
        return OK;
    return put(out, key_tag(FLAGS_KSK, (unsigned)number[2], key, len), "DNSKEY", number, text);
}

/* `;;state=2 [  VALID  ]`: of the states of RFC 5011 4.2 only 2 (VALID) and 3 (MISSING) are trusted. */
static bool is_trusted_state(struct span comment)
{
    static const char mark[] = ";;state=";

    for (; comment.n >= sizeof mark; comment = span_from(comment, 1))
        if (memcmp(comment.p, mark, sizeof mark - 1) == 0)
            return comment.p[sizeof mark - 1] == '2' || comment.p[sizeof mark - 1] == '3';
    return true;
}

/* [TTL] [IN] in either order, behind the owner; the index of the type. */
static unsigned skip_ttl_and_class(const struct span *words, unsigned n)
{
    uint64_t ttl;
    unsigned at = 1;

    while (at < n && at < 3 &&
           (text_eq_nocase(words[at], SPAN("IN")) || text_decimal(words[at], INT32_MAX, &ttl) == OK))
        at++;
    return at;
}

static enum rc take_line(struct span line, struct anchors *out)
{
    const size_t end = span_find(line, ';');
    struct span words[WORDS_MAX];
    const struct span record = text_trim(span_first(line, end));
    const unsigned n = split(record, words);
    unsigned at;

    if (record.n == 0)
        return OK;
    at = n > 0 ? skip_ttl_and_class(words, n) : 0;
    if (n == 0 || at >= n || !span_eq(words[0], SPAN(".")))
        return MALFORMED;
    if (!is_trusted_state(span_from(line, end)))
        return OK;
    if (text_eq_nocase(words[at], SPAN("DS")))
        return take_ds(words + at + 1, n - at - 1, out);
    if (text_eq_nocase(words[at], SPAN("DNSKEY")))
        return take_dnskey(words + at + 1, n - at - 1, out);
    return MALFORMED;
}

enum rc anchor_parse(struct span text, struct anchors *out, unsigned *line)
{
    out->n = 0;
    for (*line = 1; text.n > 0; ++*line) {
        const size_t n = span_find(text, '\n');
        struct span one = span_first(text, n);

        if (one.n > 0 && one.p[one.n - 1] == '\r')
            one.n--;
        const enum rc rc = take_line(one, out);

        if (rc != OK)
            return rc;
        text = span_from(text, n + 1);
    }
    return out->n > 0 ? OK : UNUSABLE;
}

static bool has_tag(const struct anchors *a, uint16_t tag)
{
    for (unsigned i = 0; i < a->n; i++)
        if (a->tag[i] == tag)
            return true;
    return false;
}

void anchor_add_builtin(struct anchors *out)
{
    for (size_t i = 0; i < sizeof builtin / sizeof builtin[0]; i++) {
        if (has_tag(out, builtin[i].tag) || out->n == ANCHORS_MAX)
            continue;
        (void)snprintf(out->line[out->n], ANCHOR_LINE_MAX, "%s", builtin[i].line);
        out->tag[out->n++] = builtin[i].tag;
    }
}

bool anchor_is_stale(const struct anchors *a)
{
    return has_tag(a, TAG_2017) && !has_tag(a, TAG_2024);
}
