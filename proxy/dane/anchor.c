#include "dane/anchor.h"

#include "base/text.h"
#include "cert/sign.h"

#include <stdio.h>

enum {
    WORDS_MAX = 40, /* a key may be written in groups */
    KEY_MAX = 1024, /* octets: RSA of 4096 bits has 520 */
    FLAGS_KSK = 257,
    PROTOCOL = 3, /* RFC 4034 2.1.2 */
    TAG_2017 = 20326,
    TAG_2024 = 38696,
    HOLD_DOWN_S = 30 * 86400, /* RFC 5011 2.4.1 */
    LATE_S = 86400            /* what was seen while its keeper was away may be older than now, by this much */
};

/* What stands beside a record. */
struct comment {
    enum anchor_state state;
    uint32_t count;
    int64_t changed;
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

static enum rc put(struct anchors *out, uint16_t tag, const char *type, const uint64_t number[3], const char *data,
                   const struct comment *beside)
{
    if (out->n == ANCHORS_MAX)
        return FULL;
    struct anchor *const key = &out->key[out->n];
    const int n = snprintf(key->line, sizeof key->line, ". IN %s %u %u %u %s", type, (unsigned)number[0],
                           (unsigned)number[1], (unsigned)number[2], data);

    if (n < 0 || (size_t)n >= sizeof key->line)
        return MALFORMED;
    key->tag = tag;
    key->state = beside->state;
    key->count = beside->count;
    key->changed = beside->changed;
    out->n++;
    return OK;
}

static enum rc take_ds(const struct span *words, unsigned n, const struct comment *beside, struct anchors *out)
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
    return put(out, (uint16_t)number[0], "DS", number, hex, beside);
}

static enum rc take_dnskey(const struct span *words, unsigned n, const struct comment *beside, struct anchors *out)
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
    return put(out, key_tag(FLAGS_KSK, (unsigned)number[2], key, len), "DNSKEY", number, text, beside);
}

/* The number behind `mark`, which libunbound writes as `;;mark=`; 0 where it is not there. */
static enum rc comment_number(struct span comment, struct span mark, uint64_t max, uint64_t *out)
{
    size_t digits = 0;

    *out = 0;
    while (comment.n >= mark.n && !span_eq(span_first(comment, mark.n), mark))
        comment = span_from(comment, 1);
    if (comment.n < mark.n)
        return OK;
    comment = span_from(comment, mark.n);
    while (digits < comment.n && comment.p[digits] >= '0' && comment.p[digits] <= '9')
        digits++;
    return text_decimal(span_first(comment, digits), max, out);
}

/* `;;state=1 [ ADDPEND ] ;;count=3 ;;lastchange=1790000000` */
static enum rc take_comment(struct span text, struct comment *out, bool *wanted)
{
    uint64_t state, count, changed;

    if (comment_number(text, SPAN(";;state="), UINT8_MAX, &state) != OK ||
        comment_number(text, SPAN(";;count="), UINT32_MAX, &count) != OK ||
        comment_number(text, SPAN(";;lastchange="), INT64_MAX, &changed) != OK)
        return MALFORMED;
    *wanted = state <= ANCHOR_MISSING;
    *out = (struct comment){ (enum anchor_state)state, (uint32_t)count, (int64_t)changed };
    return OK;
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
    struct comment beside;
    bool wanted;
    const struct span record = text_trim(span_first(line, end));
    const unsigned n = split(record, words);
    unsigned at;

    if (record.n == 0)
        return OK;
    at = n > 0 ? skip_ttl_and_class(words, n) : 0;
    if (n == 0 || at >= n || !span_eq(words[0], SPAN(".")))
        return MALFORMED;
    if (take_comment(span_from(line, end), &beside, &wanted) != OK)
        return MALFORMED;
    if (!wanted)
        return OK;
    if (text_eq_nocase(words[at], SPAN("DS")))
        return take_ds(words + at + 1, n - at - 1, &beside, out);
    if (text_eq_nocase(words[at], SPAN("DNSKEY")))
        return take_dnskey(words + at + 1, n - at - 1, &beside, out);
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
    for (unsigned i = 0; i < out->n; i++)
        if (anchor_is_trusted(&out->key[i]))
            return OK;
    return UNUSABLE;
}

size_t anchor_text(const struct anchors *a, char out[ANCHORS_TEXT_MAX])
{
    static const char *const words[] = { "", "ADDPEND", "VALID", "MISSING" };
    size_t n = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < a->n; i++) {
        const struct anchor *const key = &a->key[i];

        if (key->state == ANCHOR_GIVEN)
            n += (size_t)snprintf(out + n, ANCHORS_TEXT_MAX - n, "%s\n", key->line);
        else
            n += (size_t)snprintf(out + n, ANCHORS_TEXT_MAX - n, "%s ;;state=%u [%s] ;;count=%u ;;lastchange=%lld\n",
                                  key->line, (unsigned)key->state, words[key->state], (unsigned)key->count,
                                  (long long)key->changed);
    }
    return n;
}

/* ---- what a set knows ---- */

bool anchor_is_trusted(const struct anchor *key)
{
    return key->state != ANCHOR_PENDING;
}

static bool trusts_tag(const struct anchors *a, uint16_t tag)
{
    for (unsigned i = 0; i < a->n; i++)
        if (a->key[i].tag == tag && anchor_is_trusted(&a->key[i]))
            return true;
    return false;
}

void anchor_add_builtin(struct anchors *out)
{
    for (size_t i = 0; i < sizeof builtin / sizeof builtin[0]; i++) {
        if (trusts_tag(out, builtin[i].tag))
            continue;
        struct anchor *key = out->key; /* in the place of a pending one: it has waited long enough */

        while (key < out->key + out->n && key->tag != builtin[i].tag)
            key++;
        if (key == out->key + ANCHORS_MAX)
            continue;
        if (key == out->key + out->n)
            out->n++;
        *key = (struct anchor){ .tag = builtin[i].tag };
        (void)snprintf(key->line, sizeof key->line, "%s", builtin[i].line);
    }
}

/* A DNSKEY's digest as a DS record has it (RFC 4034 5.1.4), of a line that put() wrote; empty for any other line. */
static struct span digest_of(const char *line, enum sign_hash hash, uint8_t out[SIGN_DIGEST_MAX])
{
    uint8_t data[1 + 4 + KEY_MAX] = { 0, FLAGS_KSK >> 8, FLAGS_KSK & 0xff, PROTOCOL }; /* behind the root's name */
    struct span words[WORDS_MAX];
    uint64_t algorithm;
    const unsigned n = split(span_str(line), words);

    if (n != 7 || !span_eq(words[2], SPAN("DNSKEY")) || text_decimal(words[5], UINT8_MAX, &algorithm) != OK)
        return span_of(out, 0);
    data[4] = (uint8_t)algorithm;
    const size_t len = base64(words[6], data + 5, KEY_MAX);

    return sign_digest(hash, span_of(data, 5 + len), out);
}

/* Is the DNSKEY on one line that of the DS on the other? */
static bool is_digest(const char *ds, const char *dnskey)
{
    uint8_t digest[SIGN_DIGEST_MAX], want[SIGN_DIGEST_MAX];
    size_t n = sizeof want;
    struct span words[WORDS_MAX];

    if (split(span_str(ds), words) != 7 || !span_eq(words[2], SPAN("DS")) || text_hex(words[6], want, &n) != OK)
        return false;
    return span_eq(span_of(want, n),
                   digest_of(dnskey, span_eq(words[5], SPAN("4")) ? SIGN_SHA384 : SIGN_SHA256, digest));
}

/* Is it IANA's own? Another root may have a key of the same tag. */
static bool is_2017(const struct anchor *key)
{
    return key->tag == TAG_2017 && anchor_is_trusted(key) &&
           (text_eq_nocase(span_str(key->line), span_str(builtin[0].line)) || is_digest(builtin[0].line, key->line));
}

bool anchor_is_stale(const struct anchors *a)
{
    for (unsigned i = 0; i < a->n; i++)
        if (is_2017(&a->key[i]))
            return !trusts_tag(a, TAG_2024);
    return false;
}

const struct anchor *anchor_find(const struct anchors *a, const struct anchor *key)
{
    for (unsigned i = 0; i < a->n; i++) {
        const struct anchor *const one = &a->key[i];

        if (one->tag == key->tag &&
            (strcmp(one->line, key->line) == 0 || is_digest(one->line, key->line) || is_digest(key->line, one->line)))
            return one;
    }
    return NULL;
}

/* May it be trusted, by a set in which it stands as `was`? */
static bool vouches(const struct anchor *was, int64_t now_s)
{
    return was != NULL && (anchor_is_trusted(was) || now_s - was->changed >= HOLD_DOWN_S - LATE_S);
}

/* A pending key: when it began to wait. */
static int64_t since(const struct anchor *was, const struct anchor *key, int64_t now_s)
{
    if (was != NULL && !anchor_is_trusted(was))
        return was->changed > key->changed ? was->changed : key->changed;
    return key->changed < now_s - LATE_S ? now_s : key->changed;
}

bool anchor_follows(const struct anchors *given, const struct anchors *known, struct anchors *fresh, int64_t now_s)
{
    bool linked = known->n == 0;

    for (unsigned i = 0; i < fresh->n; i++) {
        struct anchor *const key = &fresh->key[i];
        const struct anchor *const was = anchor_find(known, key), *const first = anchor_find(given, key);

        if (!anchor_is_trusted(key))
            key->changed = since(was, key, now_s);
        else if (vouches(was, now_s))
            linked = true;
        else if (first == NULL || !anchor_is_trusted(first))
            return false;
    }
    return linked;
}

void anchor_base(const struct anchors *a, char out[ANCHOR_BASE_MAX])
{
    char text[ANCHORS_TEXT_MAX];
    uint8_t digest[SIGN_DIGEST_MAX];
    size_t n = 0;

    for (unsigned i = 0; i < a->n; i++)
        if (anchor_is_trusted(&a->key[i]))
            n += (size_t)snprintf(text + n, sizeof text - n, "%s\n", a->key[i].line);
    const struct span d = sign_digest(SIGN_SHA256, span_of(text, n), digest);

    out[0] = '\0';
    for (size_t i = 0; i < d.n; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", d.p[i]);
}
