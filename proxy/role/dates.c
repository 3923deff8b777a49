#include "role/dates.h"

#include <sys/timex.h>

#ifndef BUILD_EPOCH
#error "the Makefile gives the time of the build: SOURCE_DATE_EPOCH, or the last commit's"
#endif

#define BUILD_S ((int64_t)BUILD_EPOCH)
#define TEN_YEARS_S ((int64_t)3653 * 86400)

struct wall dates_floor(struct wall kept)
{
    if (kept.s < BUILD_S)
        return (struct wall){ BUILD_S };
    return (struct wall){ kept.s > BUILD_S + TEN_YEARS_S ? BUILD_S + TEN_YEARS_S : kept.s };
}

bool dates_are_wrong(struct wall floor)
{
    return clock_wall().s < floor.s;
}

enum clock_state dates_state(struct wall floor)
{
    struct timex t = { .modes = 0 };

    if (dates_are_wrong(floor))
        return CLOCK_UNSYNCED;
    return adjtimex(&t) == TIME_ERROR || (t.status & STA_UNSYNC) != 0 ? CLOCK_ROUGH : CLOCK_SYNCED;
}

int64_t dates_build(void)
{
    return (int64_t)BUILD_EPOCH;
}
