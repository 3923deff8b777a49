/*
 * spawn - the way from a fork of the broker to a process that has nothing of it but what it is given.
 */
#ifndef ROLE_SPAWN_H
#define ROLE_SPAWN_H

#include "role/child.h"

#include <sys/types.h>

/*
 * spawn_fork - as fork, but the child never runs a signal handler of the loop (they write into pipes of the broker): it
 * is deaf to the signals that the broker hears, and has given up its capabilities; one that could not has ended.
 */
MUST_USE pid_t spawn_fork(void);

/* spawn_child - the rest of a role's life, in the child; closes every descriptor but fd, null and stdio. */
_Noreturn void spawn_child(const struct child_ops *ops, unsigned index, int fd, const struct config *config, int null);

#endif
