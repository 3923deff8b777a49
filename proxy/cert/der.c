#include "cert/der.h"

static size_t length_of(struct cur *c)
{
    const uint8_t first = cur_u8(c);
    size_t n = 0;

    if (first < 0x80)
        return first;
    if (first == 0x80 || first > 0x84) { /* indefinite, or beyond any certificate */
        cur_fail(c);
        return 0;
    }
    for (unsigned left = first & 0x7fU; left > 0; left--) {
        const uint8_t next = cur_u8(c);

        if (n == 0 && next == 0) /* X.690 10.1: the shortest form */
            cur_fail(c);
        n = n << 8 | next;
    }
    if (n < 0x80)
        cur_fail(c);
    return n;
}

struct der der_next(struct cur *c)
{
    const struct span before = c->left;
    struct der out = { .tag = cur_u8(c) };

    if ((out.tag & 0x1f) == 0x1f) /* a tag of several bytes: X.509 has none */
        cur_fail(c);
    out.content = cur_bytes(c, length_of(c));
    if (cur_failed(c))
        return (struct der){ .content = { before.p, 0 }, .whole = { before.p, 0 } };
    out.whole = span_first(before, before.n - c->left.n);
    return out;
}

struct der der_take(struct cur *c, uint8_t tag)
{
    if (!der_at(c, tag))
        cur_fail(c);
    return der_next(c);
}

bool der_at(const struct cur *c, uint8_t tag)
{
    return !c->failed && c->left.n > 0 && c->left.p[0] == tag;
}

bool der_bool(struct cur *c)
{
    const struct span s = der_take(c, DER_BOOLEAN).content;

    if (s.n != 1 || (s.p[0] != 0 && s.p[0] != 0xff)) /* X.690 11.1 */
        cur_fail(c);
    return !cur_failed(c) && s.p[0] != 0;
}

uint32_t der_uint(struct cur *c, uint32_t max)
{
    const struct span s = der_take(c, DER_INTEGER).content;
    uint64_t value = 0;

    if (s.n == 0 || (s.p[0] & 0x80) != 0 || (s.n > 1 && s.p[0] == 0 && (s.p[1] & 0x80) == 0)) {
        cur_fail(c); /* empty, negative, or not in its shortest form */
        return 0;
    }
    for (size_t i = 0; i < s.n && value <= max; i++)
        value = value << 8 | s.p[i];
    return value > max ? max : (uint32_t)value;
}

struct span der_bits(struct cur *c)
{
    const struct span s = der_take(c, DER_BIT_STRING).content;

    if (s.n == 0 || s.p[0] != 0)
        cur_fail(c);
    return cur_failed(c) ? span_of(s.p, 0) : span_from(s, 1);
}

/* Two digits; anything else fails the cursor. */
static int two(struct cur *c)
{
    const uint8_t tens = cur_u8(c), ones = cur_u8(c);

    if (tens < '0' || tens > '9' || ones < '0' || ones > '9')
        cur_fail(c);
    return (tens - '0') * 10 + (ones - '0');
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_before(int year, int month)
{
    static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    const int past = year - 1; /* whole years, 1 to past */
    const int64_t days = (int64_t)past * 365 + past / 4 - past / 100 + past / 400 - (year == 0 ? 1 : 0);

    return days + before[month - 1] + (month > 2 && is_leap(year) ? 1 : 0) - 719162; /* 719162: to 1970 */
}

struct wall der_time(struct cur *c)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    const struct der e = der_next(c);
    struct cur t = cur_of(e.content);
    int year = two(&t);

    if (e.tag == DER_GENERALIZED_TIME)
        year = year * 100 + two(&t);
    else
        year += year < 50 ? 2000 : 1900; /* RFC 5280 4.1.2.5.1 */

    const int month = two(&t), day = two(&t), hour = two(&t), minute = two(&t), second = two(&t);

    if ((e.tag != DER_UTC_TIME && e.tag != DER_GENERALIZED_TIME) || cur_u8(&t) != 'Z' || !cur_done(&t) || month < 1 ||
        month > 12 || day < 1 || day > days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0) || hour > 23 ||
        minute > 59 || second > 59) {
        cur_fail(c);
        return (struct wall){ 0 };
    }
    return (struct wall){ (((days_before(year, month) + day - 1) * 24 + hour) * 60 + minute) * 60 + second };
}
