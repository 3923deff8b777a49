/*
 * Fuzz target: one datagram as an answer to a question, whose nonce and times are the first bytes. The oracle: what is
 * believed has the nonce and is no further from the floor, and no less certain, than the rules say.
 */
#include "../../firmware/sntp/sntp.h"

#include <stdlib.h>

#include "base/cur.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cur c = cur_of(span_of(data, size));
    struct sntp_asked asked = { { 0 }, cur_u32(&c) * SNTP_SECOND, cur_u16(&c) * SNTP_SECOND };
    const int64_t floor_s = cur_u32(&c), mono_ns = asked.mono_ns + cur_u32(&c);
    const struct span datagram = cur_rest(&c);
    struct sntp_sample s;

    if (datagram.n >= 32 && size % 2 == 0) /* half of the inputs know the nonce */
        memcpy(asked.nonce, datagram.p + 24, sizeof asked.nonce);
    if (sntp_judge(datagram, &asked, mono_ns, floor_s, &s) != SNTP_TIME)
        return 0;
    if (datagram.n < SNTP_PACKET || memcmp(datagram.p + 24, asked.nonce, sizeof asked.nonce) != 0 ||
        s.distance_ns >= SNTP_DISTANCE_NS || s.distance_ns < 0 || s.delay_ns < 0 ||
        asked.wall_ns + s.offset_ns < (floor_s - 5) * SNTP_SECOND)
        abort();
    return 0;
}
