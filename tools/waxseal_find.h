/*
 * waxseal_find - the route to a domain, found out in this process and without a daemon, as the resolver role does it:
 * what `dane check`, `probe` and `explain` share.                                                     role/routes.h
 */
#ifndef TOOLS_WAXSEAL_FIND_H
#define TOOLS_WAXSEAL_FIND_H

#include "dane/route.h"
#include "ops/config.h"
#include "ops/material.h"
#include "smtp/hostname.h"

/* The port of mail exchangers, and the one in the name of their TLSA records. */
#define SMTP_PORT 25

/*
 * find_config - the configuration (path NULL: the default one) with the environment scrubbed; its errors go to stderr.
 *   who      the subcommand, for what is said on stderr
 *   returns  the caller's to free(); NULL after saying why
 */
struct config *find_config(const char *who, const char *path);

/* find_config_drop - the same, and from here on the process is the daemon's user, and no more root: what it reads
 * next comes from strangers (privs_tool). */
struct config *find_config_drop(const char *who, const char *path);

/* find_domain - a domain from the command line; MALFORMED after saying why: an address literal, a name that is not
 * written in A-labels, an address in place of a name. */
MUST_USE enum rc find_domain(const char *who, const char *text, struct hostname *out);

/*
 * find_roots - the public roots, where a level of the configuration asks for them.
 *   out      material_close's; NULL where none does
 *   returns  OK | FAILED  after saying why
 */
MUST_USE enum rc find_roots(const char *who, const struct config *config, struct material **out);

/*
 * find_route - waits at most 20 s for the DNS root to be validated, then as long as a decision may take.
 *   is_host  the name is that of a host (a smarthost's): no MX is asked
 *   out      the caller's to free(). With FAILED a route that answers nothing and says whether root or clock are the
 *            reason; NULL without memory
 *   returns  OK | FAILED  after saying why: no memory, no ground to stand on, anchors that cannot be read
 */
MUST_USE enum rc find_route(const char *who, const struct config *config, const struct hostname *domain, uint16_t port,
                            bool is_host, struct route **out);

#endif
