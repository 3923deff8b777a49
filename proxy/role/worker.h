/*
 * worker - the sessions: SMTP, TLS, DANE, the verdict, on descriptors that it is given. It can open, connect and run
 * nothing.
 */
#ifndef ROLE_WORKER_H
#define ROLE_WORKER_H

#include "role/child.h"

extern const struct child_ops worker_ops;

#endif
