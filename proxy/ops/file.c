#include "ops/file.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM (CONFIG_PATH_MAX + 32)

/* errno as it was before the descriptor went. */
static enum rc fail(int fd)
{
    const int why = errno;

    close(fd);
    errno = why;
    return FAILED;
}

enum rc file_read(const char *path, bool own, uint8_t *mem, size_t cap, size_t *n)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (own ? O_NOFOLLOW : 0));
    ssize_t got = -1;
    struct stat st;

    *n = 0;
    if (fd < 0)
        return FAILED;
    if (own && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
        errno = EINVAL;
        return fail(fd);
    }
    while (*n < cap && (got = read(fd, mem + *n, cap - *n)) > 0)
        *n += (size_t)got;
    if (got < 0)
        return fail(fd);
    close(fd);
    return *n < cap ? OK : FULL;
}

static enum rc write_all(int fd, struct span text)
{
    while (text.n > 0) {
        const ssize_t n = write(fd, text.p, text.n);

        if (n < 0)
            return FAILED;
        text = span_from(text, (size_t)n);
    }
    return fsync(fd) == 0 ? OK : FAILED;
}

enum rc file_replace(const char *folder, const char *name, struct span text)
{
    char path[PATH_ROOM], fresh[PATH_ROOM];

    (void)snprintf(path, sizeof path, "%.*s/%.20s", CONFIG_PATH_MAX, folder, name);
    (void)snprintf(fresh, sizeof fresh, "%.*s/%.20s.new", CONFIG_PATH_MAX, folder, name);
    (void)unlink(fresh); /* of a life that ended in the middle */
    const int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return FAILED;
    const enum rc rc = write_all(fd, text) == OK ? OK : fail(fd);
    if (rc == OK)
        close(fd);
    if (rc != OK || rename(fresh, path) != 0) {
        const int why = errno;

        (void)unlink(fresh);
        errno = why;
        return FAILED;
    }
    const int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
        (void)fsync(dir); /* some file systems cannot; then the rename reaches the disk a little later */
        close(dir);
    }
    return OK;
}
