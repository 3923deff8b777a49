/*
 * privs - what a process of ours may still do: user, capabilities, limits, system calls.     DESIGN.md 'Processes'
 * The only file that includes libcap and libseccomp. Each role's list of system calls stands beside the role:
 * ROLE.calls. Nothing here is undone later: every step only takes away.
 */
#ifndef ROLE_PRIVS_H
#define ROLE_PRIVS_H

#include "base/rc.h"
#include "ops/config.h"
#include "role/wire.h"

#include <sys/types.h>

/* privs_scrub - an empty environment but for PATH; *notify is NOTIFY_SOCKET's value, the caller's to free, or NULL. */
MUST_USE enum rc privs_scrub(char **notify);

/*
 * privs_descriptors - room for two descriptors a session, four more where it is a tunnel (io/duct.h), and our own.
 *   returns  OK | FAILED  the hard limit is lower and may not be raised: errno
 */
MUST_USE enum rc privs_descriptors(unsigned sessions);

/*
 * privs_broker - the broker's drop, before it forks anybody: as root becomes `uid` and `gid` with no other group and
 * keeps CAP_NET_ADMIN alone; as another user changes no uid and gives up every other capability. The bounding set is
 * emptied where that is allowed. no_new_privs is on, the process is not dumpable.
 *   returns  OK  and every part was read back | FAILED  errno, EPERM also where CAP_NET_ADMIN was not there
 */
MUST_USE enum rc privs_broker(uid_t uid, gid_t gid);

/*
 * privs_child - a child's drop, first thing after fork: no capability, killed when `parent` dies.
 *   returns  OK | FAILED  also where the parent is gone already
 */
MUST_USE enum rc privs_child(pid_t parent);

/*
 * privs_tool - the drop of a command that is about to read what strangers say: as root becomes `user`, or nobody where
 * there is no such user; no capability, no_new_privs.
 *   returns  OK | FAILED  errno
 */
MUST_USE enum rc privs_tool(const char *user);

/*
 * privs_clock - the drop of the time client (firmware/sntp): from root to `uid` and `gid` with no other group and
 * CAP_SYS_TIME alone, no_new_privs, not dumpable, and the system call filter of clock.calls.
 *   returns  OK  and every part was read back | FAILED  errno
 */
MUST_USE enum rc privs_clock(uid_t uid, gid_t gid);

/* privs_name - the name of this process as ps shows it: wax-broker, wax-worker, wax-resolver, wax-keeper. */
void privs_name(enum role role);
const char *privs_role_name(enum role role);

/*
 * privs_confine - the system call filter of a role, and Landlock where the kernel has it. The broker's filter is what
 * it and the starting children need together, since they inherit it; the children's own come on top.
 *   config    what files the role may touch
 *   landlock  the kernel's Landlock version that now binds this process, 0 for none
 *   returns   OK  the filter is on | FAILED  errno
 */
MUST_USE enum rc privs_confine(enum role role, const struct config *config, unsigned *landlock);

#endif
