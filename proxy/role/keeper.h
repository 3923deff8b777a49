/*
 * keeper - what the box remembers and tells, for all workers: the log, the counters, the memory of failed handshakes,
 * the control socket. It has no network.
 */
#ifndef ROLE_KEEPER_H
#define ROLE_KEEPER_H

#include "role/child.h"

extern const struct child_ops keeper_ops;

#endif
