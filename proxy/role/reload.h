/*
 * reload - SIGHUP: a throw-away child without capabilities parses the file, and what it made is looked at, sealed and
 * given to all. An invalid file changes nothing. The broker itself never reads a configuration while it has rights.
 * INTERFACES.md 'Programs'
 */
#ifndef ROLE_RELOAD_H
#define ROLE_RELOAD_H

#include "role/family.h"

struct reload {
    pid_t pid; /* of the child that parses, 0: none */
    int memory;
    bool again; /* SIGHUP came meanwhile */
};

/*
 * reload_begin - forks the parser. What it has to say it says to the log itself.
 *   now   what is in force: options that need a restart keep its values, and the log says which they are
 *   cap   the sessions that this process has descriptors for: more need a restart too
 */
void reload_begin(struct reload *r, struct family *f, const char *path, const struct config *now, unsigned cap);

/*
 * reload_end - the child `pid` has ended; false: it is not ours.
 *   *fresh   a new configuration, the caller's to free, or NULL: the old one stays
 *   *sealed  the same, to be given to the roles, the caller's to close, or -1
 */
bool reload_end(struct reload *r, struct family *f, pid_t pid, int status, const struct config *now,
                struct config **fresh, int *sealed);

#endif
