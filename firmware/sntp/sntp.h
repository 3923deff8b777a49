/*
 * sntp - the time as servers tell it: what they are asked, what of one answer is believed, what several say together.
 *                                                                              RFC 5905 7.3, 7.4, 8, 14; RFC 4330 5, 10
 * Pure: no sockets, no clock, no randomness; times are nanoseconds since 1970 in 64 bits, and the caller's. Nothing
 * here is authenticated: who is on the path to a server says what the time is, and the floor bounds how far back.
 */
#ifndef SNTP_SNTP_H
#define SNTP_SNTP_H

#include "base/rc.h"
#include "base/span.h"

#define SNTP_SECOND INT64_C(1000000000)
#define SNTP_DISTANCE_NS SNTP_SECOND /* RFC 5905 14, MAXDIST: what is less certain is no time */
#define SNTP_AGREE_NS SNTP_SECOND    /* certificates and signatures need no better */

enum {
    SNTP_PACKET = 48, /* without extensions, of which we send and read none */
    SNTP_SERVERS_MAX = 8,
    SNTP_POLL_MAX = 10,  /* 1024 s: as a power of two, like all below */
    SNTP_POLL_FIRST = 6, /* once it is known */
    SNTP_POLL_MIN = 4,   /* RFC 4330 10: never more often than every 15 s */
    SNTP_POLL_UNSENT = 2 /* no link, no route, no name yet: nobody is troubled */
};

/* One question. Our own clock is not in it: the transmit time is a random number, which must come back (RFC 5905 8). */
struct sntp_asked {
    uint8_t nonce[8];
    int64_t wall_ns, mono_ns; /* when, by both clocks */
};

/* What a server makes of our clock. */
struct sntp_sample {
    int64_t offset_ns;   /* to be added to it */
    int64_t distance_ns; /* how far off that may be: half of all ways there and back, and the server's own doubt */
    int64_t delay_ns;    /* our way there and back */
};

enum sntp_said {
    SNTP_TIME,
    SNTP_STRANGE, /* no answer to this question: of another size, kind or nonce. The right one may still come */
    SNTP_RATE,    /* kiss: less often (RFC 5905 7.4) */
    SNTP_DENY,    /* kiss: no more */
    SNTP_NO_TIME, /* it knows none itself: unsynchronised, stratum out of range, times that are not set or run back */
    SNTP_VAGUE,   /* beyond SNTP_DISTANCE_NS */
    SNTP_EARLY    /* before the floor */
};

/* sntp_request - the packet. */
void sntp_request(const struct sntp_asked *asked, uint8_t out[SNTP_PACKET]);

/*
 * sntp_judge - one datagram that came from the address and port that were asked.
 *   mono_ns   when it came
 *   floor_s   no time is earlier than that, and the 32 bits of seconds are read as the date nearest to it: for 68 years
 *             on, past the end of NTP's era in 2036 too
 *   *out      written with SNTP_TIME alone
 */
enum sntp_said sntp_judge(struct span datagram, const struct sntp_asked *asked, int64_t mono_ns, int64_t floor_s,
                          struct sntp_sample *out);

/*
 * sntp_agree - what they say together: the median, if enough of them lie within SNTP_AGREE_NS of it.
 *   samples   those of the n servers that told a time; sorted here
 *   servers   how many are configured. From three on more than half of these must agree, so that one liar is outvoted;
 *             of two both, where both answer; one is believed alone
 *   *agree    how many do
 *   returns   OK  *out written | UNUSABLE  there is no such time
 */
MUST_USE enum rc sntp_agree(struct sntp_sample *samples, size_t n, size_t servers, struct sntp_sample *out,
                            size_t *agree);

/* sntp_poll - the next interval as a power of two seconds, from the last one (0 at first): it doubles while nothing
 * changes, and begins anew when the servers begin (`was` not agreed) or cease to agree. */
unsigned sntp_poll(unsigned poll, bool was, bool agreed, bool sent);

/* sntp_wait_ms - that interval, longer by up to a half, so that boxes that were switched on together do not ask
 * together. */
int64_t sntp_wait_ms(unsigned poll, uint32_t random);

/* sntp_pause_s - how long a server is left alone for a kiss, when it was `last` (0: none) for the one before. RATE:
 * ever longer. DENY: a day, since who is on the path can say it too, and must not silence a server for good. */
unsigned sntp_pause_s(enum sntp_said kiss, unsigned last);

#endif
