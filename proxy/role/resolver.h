/*
 * resolver - the process that asks the DNS: requests of workers in, routes out (role/routes.h). It sees no mail, no TLS
 * and no state, and it alone parses what name servers say.
 */
#ifndef ROLE_RESOLVER_H
#define ROLE_RESOLVER_H

#include "role/child.h"

extern const struct child_ops resolver_ops;

#endif
