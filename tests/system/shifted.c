/*
 * shifted - the daemon itself, with a wall clock that the test can set while it runs: the file that $SHIFTED names
 * holds how far it stands from the machine's (int64, seconds) and whether the kernel calls it synchronised (int64, 0 or
 * 1). All processes see it at once, and so do the libraries in them. The monotonic clock is the machine's own.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

struct shift {
    volatile int64_t seconds, synced;
};
static const struct shift none = { 0, 1 };
static const struct shift *shift = &none;

__attribute__((constructor)) static void begin(void)
{
    const char *const path = getenv("SHIFTED");
    const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *const at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        abort();
    shift = at;
    close(fd);
}

/* What the linker finds before the C library's. */
int clock_gettime(clockid_t which, struct timespec *out)
{
    const int rc = (int)syscall(SYS_clock_gettime, which, out);

    if (rc == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        out->tv_sec += shift->seconds;
    return rc;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    const int rc = clock_gettime(CLOCK_REALTIME, &now);

    (void)zone;
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return rc;
}

time_t time(time_t *out)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}

int adjtimex(struct timex *t)
{
    t->status = shift->synced != 0 ? STA_PLL : STA_UNSYNC;
    return shift->synced != 0 ? TIME_OK : TIME_ERROR;
}
