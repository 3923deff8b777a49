#include "role/dates.h"

#include "base/clock.h"

#include <sys/timex.h>

#ifndef BUILD_EPOCH
#error "the Makefile gives the time of the build: SOURCE_DATE_EPOCH, or the last commit's"
#endif

bool dates_are_wrong(void)
{
    return clock_wall().s < (int64_t)BUILD_EPOCH;
}

enum clock_state dates_state(void)
{
    struct timex t = { .modes = 0 };

    if (dates_are_wrong())
        return CLOCK_UNSYNCED;
    return adjtimex(&t) == TIME_ERROR || (t.status & STA_UNSYNC) != 0 ? CLOCK_ROUGH : CLOCK_SYNCED;
}
