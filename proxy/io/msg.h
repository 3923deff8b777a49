/*
 * msg - bounded messages, with descriptors, over a SOCK_SEQPACKET pair between two roles. A message is whole or not
 * there. What is in it, and whether it makes sense, is its reader's affair (role/wire.h). Nothing here waits.
 */
#ifndef IO_MSG_H
#define IO_MSG_H

#include "base/limits.h"
#include "base/rc.h"

#include <stddef.h>

/* msg_pair - both ends, close-on-exec and non-blocking, with room for a message of MSG_MAX in either direction. OK |
 * FAILED errno */
MUST_USE enum rc msg_pair(int out[2]);

/*
 * msg_send - one message of 1..MSG_MAX bytes, and copies of n_fds <= MSG_FDS_MAX descriptors; the caller's stay open.
 *   returns  OK | AGAIN_WRITE  no room now, nothing sent | CLOSED  nobody is at the other end | FAILED  errno
 */
MUST_USE enum rc msg_send(int fd, const void *mem, size_t n, const int *fds, unsigned n_fds);

/*
 * msg_recv - one message.
 *   *n       its length, 1..cap
 *   fds      room for *n_fds descriptors (<= MSG_FDS_MAX); *n_fds becomes how many came, close-on-exec, the caller's.
 * NULL with n_fds NULL where none are expected returns  OK | AGAIN_READ  none there | CLOSED  the other end is gone
 *            FAILED  longer than cap, or with more descriptors than expected (what came of them is closed): the peer
 * does not keep to the protocol, or the process has no descriptors left (MSG_CTRUNC); or errno Without OK, *n and
 * *n_fds are 0.
 */
MUST_USE enum rc msg_recv(int fd, void *mem, size_t cap, size_t *n, int *fds, unsigned *n_fds);

#endif
