/*
 * sealed - a block of memory that one process makes and others read: nobody can change it any more, so what a reader
 * has checked stays true. What is in it is its reader's affair. memfd_create(2)
 */
#ifndef IO_SEALED_H
#define IO_SEALED_H

#include "base/rc.h"
#include "base/span.h"

/* sealed_new - an empty one, open for writing, close-on-exec; name is shown in /proc only. -1: errno. */
MUST_USE int sealed_new(const char *name);

/* sealed_put - writes all of s behind what is there. OK or FAILED errno. */
MUST_USE enum rc sealed_put(int fd, struct span s);

/* sealed_shut - from now on nobody changes it, neither the bytes nor their number. OK or FAILED errno. */
MUST_USE enum rc sealed_shut(int fd);

/*
 * sealed_map - all of it to read, where it is shut and its first 32 bits are its own size, which is at most `most`; fd
 * stays the caller's. Its pages are shared by all who map it. An empty span: it is not so, or there is no memory.
 */
struct span sealed_map(int fd, size_t most);
void sealed_unmap(struct span s);

#endif
