#include "sntp.h"

#include <stdlib.h>

#include "base/cur.h"

#define ERA_S INT64_C(2208988800)  /* from 1900, where NTP's first era begins, to 1970 */
#define BUSY_NS (SNTP_SECOND / 64) /* a server's clock may tick that coarsely */
#define PAUSE_S 1024U
#define DAY_S 86400U

enum {
    VERSION = 4,
    MODE_CLIENT = 3,
    MODE_SERVER = 4,
    LEAP_UNKNOWN = 3,
    STRATUM_MAX = 15
};

void sntp_request(const struct sntp_asked *asked, uint8_t out[SNTP_PACKET])
{
    memset(out, 0, SNTP_PACKET);
    out[0] = VERSION << 3 | MODE_CLIENT;
    memcpy(out + SNTP_PACKET - sizeof asked->nonce, asked->nonce, sizeof asked->nonce);
}

/* Seconds since 1900 without their era, as the date nearest to `near_s`. */
static int64_t time_ns(struct cur *c, int64_t near_s)
{
    const uint32_t seconds = cur_u32(c), fraction = cur_u32(c);
    const int64_t s = near_s + (int32_t)(seconds - (uint32_t)(near_s + ERA_S));

    return s * SNTP_SECOND + (int64_t)((uint64_t)fraction * SNTP_SECOND >> 32);
}

static int64_t short_ns(struct cur *c)
{
    return (int64_t)((uint64_t)cur_u32(c) * SNTP_SECOND >> 16);
}

static bool is_set(struct span stamp)
{
    static const uint8_t none[8];

    return !span_eq(stamp, span_of(none, sizeof none));
}

static enum sntp_said kiss(struct span code)
{
    if (span_eq(code, SPAN("RATE")))
        return SNTP_RATE;
    return span_eq(code, SPAN("DENY")) || span_eq(code, SPAN("RSTR")) ? SNTP_DENY : SNTP_NO_TIME;
}

enum sntp_said sntp_judge(struct span datagram, const struct sntp_asked *asked, int64_t mono_ns, int64_t floor_s,
                          struct sntp_sample *out)
{
    struct cur c = cur_of(datagram);
    const uint8_t first = cur_u8(&c), stratum = cur_u8(&c);

    (void)cur_bytes(&c, 2); /* poll and precision */
    const int64_t root_delay = short_ns(&c), root_doubt = short_ns(&c);
    const struct span code = cur_bytes(&c, 4);

    (void)cur_bytes(&c, 8); /* when its clock was last set */
    const struct span origin = cur_bytes(&c, 8);
    struct cur came = c, went = c;
    const struct span came_stamp = cur_bytes(&c, 8), went_stamp = cur_bytes(&c, 8);

    if (cur_failed(&c) || (first >> 3 & 7) != VERSION || (first & 7) != MODE_SERVER ||
        !span_eq(origin, span_of(asked->nonce, sizeof asked->nonce)))
        return SNTP_STRANGE;
    if (stratum == 0)
        return kiss(code);
    if (first >> 6 == LEAP_UNKNOWN || stratum > STRATUM_MAX || !is_set(came_stamp) || !is_set(went_stamp))
        return SNTP_NO_TIME;

    (void)cur_bytes(&went, 8);
    const int64_t t2 = time_ns(&came, floor_s), t3 = time_ns(&went, floor_s);
    const int64_t whole = mono_ns - asked->mono_ns, busy = t3 - t2;
    if (busy < 0 || busy > whole + BUSY_NS)
        return SNTP_NO_TIME;
    const int64_t delay = whole > busy ? whole - busy : 0, distance = root_delay / 2 + root_doubt + delay / 2;
    if (distance >= SNTP_DISTANCE_NS)
        return SNTP_VAGUE;
    if (t3 < floor_s * SNTP_SECOND)
        return SNTP_EARLY;
    *out = (struct sntp_sample){ .offset_ns = (t2 - asked->wall_ns) / 2 + (t3 - asked->wall_ns - whole) / 2,
                                 .distance_ns = distance,
                                 .delay_ns = delay };
    return SNTP_TIME;
}

static int by_offset(const void *a, const void *b)
{
    const int64_t x = ((const struct sntp_sample *)a)->offset_ns, y = ((const struct sntp_sample *)b)->offset_ns;

    return (x > y) - (x < y);
}

enum rc sntp_agree(struct sntp_sample *samples, size_t n, size_t servers, struct sntp_sample *out, size_t *agree)
{
    const size_t enough = servers < 3 ? n : servers / 2 + 1;

    *agree = 0;
    if (n == 0)
        return UNUSABLE;
    qsort(samples, n, sizeof *samples, by_offset);
    *out = samples[(n - 1) / 2];
    for (size_t i = 0; i < n; i++)
        *agree += llabs(samples[i].offset_ns - out->offset_ns) <= SNTP_AGREE_NS;
    return *agree >= enough ? OK : UNUSABLE;
}

unsigned sntp_poll(unsigned poll, bool was, bool agreed, bool sent)
{
    const unsigned least = agreed ? SNTP_POLL_FIRST : sent ? SNTP_POLL_MIN : SNTP_POLL_UNSENT;

    if (was != agreed || poll < least)
        return least;
    return poll < SNTP_POLL_MAX ? poll + 1 : SNTP_POLL_MAX;
}

int64_t sntp_wait_ms(unsigned poll, uint32_t random)
{
    const int64_t ms = INT64_C(1000) << poll;

    return ms + random % (ms / 2);
}

unsigned sntp_pause_s(enum sntp_said kiss, unsigned last)
{
    const unsigned next = last == 0 ? 2 * PAUSE_S : 2 * last;

    return kiss == SNTP_DENY || next > DAY_S ? DAY_S : next;
}
