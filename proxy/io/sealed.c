#include "io/sealed.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SHUT (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

int sealed_new(const char *name)
{
    return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

enum rc sealed_put(int fd, struct span s)
{
    while (s.n > 0) {
        const ssize_t n = write(fd, s.p, s.n);

        if (n <= 0)
            return FAILED;
        s = span_from(s, (size_t)n);
    }
    return OK;
}

enum rc sealed_shut(int fd)
{
    return fcntl(fd, F_ADD_SEALS, SHUT) == 0 ? OK : FAILED;
}

/* Roles that read these may not call stat. */
static uint32_t size_of(int fd)
{
    uint32_t size = 0;
    char byte;

    if (pread(fd, &size, sizeof size, 0) != (ssize_t)sizeof size || size < sizeof size)
        return 0;
    return pread(fd, &byte, 1, size - 1) == 1 && pread(fd, &byte, 1, size) == 0 ? size : 0;
}

struct span sealed_map(int fd, size_t most)
{
    const int seals = fcntl(fd, F_GET_SEALS);
    const uint32_t size = size_of(fd);
    void *p = MAP_FAILED;

    if (seals >= 0 && (seals & SHUT) == SHUT && size > 0 && size <= most)
        /* private: older kernels take every shared mapping of sealed memory for one that will be written */
        p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    return p == MAP_FAILED ? span_of(NULL, 0) : span_of(p, size);
}

void sealed_unmap(struct span s)
{
    if (s.n > 0)
        (void)munmap((void *)s.p, s.n);
}
