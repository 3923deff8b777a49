/*
 * landlock - which files this process may still touch, where the kernel can hold it to that (Linux 5.13 and up).
 * A second wall behind the system call filter, which cannot look at paths. By raw system calls: there is no library.
 * With it come, where the kernel knows them, no TCP of its own for roles without network, and no signals and no
 * abstract sockets towards processes outside.
 */
#ifndef ROLE_LANDLOCK_H
#define ROLE_LANDLOCK_H

#include "base/rc.h"

#include <stdbool.h>
#include <stddef.h>

struct landlock_path {
    const char *path; /* a file, or a folder with all below it; a missing one is skipped: it stays out of reach */
    bool write;       /* also write, make, rename and remove */
};

/*
 * landlock_enter - from now on nothing but these paths can be opened; descriptors that are open stay as they are.
 *   network  the role makes TCP connections of its own
 *   version  the kernel's version that binds us now, 0 where it has none: no error
 *   returns  OK | FAILED  errno
 */
MUST_USE enum rc landlock_enter(const struct landlock_path *paths, size_t n, bool network, unsigned *version);

#endif
