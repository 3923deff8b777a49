/*
 * garbled - the daemon itself, whose processes say nonsense to each other when the test wants it: the file that
 * $GARBLED names holds, for each kind of message (enum wire), how many of those that are sent next become one that
 * nobody knows (int64); below zero: how often the next one is sent again.
 */
#include "io/msg.h"

#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KINDS 64

static volatile int64_t *left;

__attribute__((constructor)) static void begin(void)
{
    const char *const path = getenv("GARBLED");
    const int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *const at = fd < 0 ? MAP_FAILED : mmap(NULL, KINDS * sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        abort();
    left = at;
    close(fd);
}

enum rc __real_msg_send(int fd, const void *mem, size_t n, const int *fds, unsigned n_fds);
enum rc __wrap_msg_send(int fd, const void *mem, size_t n, const int *fds, unsigned n_fds);

enum rc __wrap_msg_send(int fd, const void *mem, size_t n, const int *fds, unsigned n_fds)
{
    static const uint32_t nonsense[2] = { 0xffffffff, 0 };
    uint32_t kind = 0;

    if (n >= sizeof kind)
        memcpy(&kind, mem, sizeof kind);
    while (kind < KINDS && left[kind] < 0)
        if (__real_msg_send(fd, mem, n, fds, n_fds) == AGAIN_WRITE)
            (void)sched_yield();
        else
            left[kind]++;
    if (kind >= KINDS || left[kind] == 0)
        return __real_msg_send(fd, mem, n, fds, n_fds);
    left[kind]--;
    return __real_msg_send(fd, nonsense, sizeof nonsense, NULL, 0);
}
