/*
 * reload - SIGHUP: a throw-away child without capabilities parses the file, and what it made is looked at, sealed and
 * given to all. An invalid file changes nothing. The broker itself never reads a configuration while it has rights.
 * INTERFACES.md 'Programs'
 */
#ifndef ROLE_RELOAD_H
#define ROLE_RELOAD_H

#include "role/family.h"

struct reload {
    pid_t pid;            /* of the child that parses, 0: none */
    int memory, material; /* what it writes into */
    bool again;           /* SIGHUP came meanwhile */
};

/*
 * reload_begin - forks the parser. What it has to say it says to the log itself.
 *   now   what is in force: options that need a restart keep its values, and the log says which they are
 *   cap   the sessions that this process has descriptors for: more need a restart too
 */
void reload_begin(struct reload *r, struct family *f, const char *path, const struct config *now, unsigned cap);

/* What came of it, the caller's to free and to close. Without config there is nothing: the old one stays. */
struct reloaded {
    struct config *config;
    int sealed;   /* the same, to be given to the roles */
    int material; /* and what belongs to it (ops/material.h) */
};

/* reload_end - the child `pid` has ended; false: it is not ours. */
bool reload_end(struct reload *r, struct family *f, pid_t pid, int status, const struct config *now,
                struct reloaded *out);

#endif
