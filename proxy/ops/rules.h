/*
 * rules - what the kernel must do so that the daemon gets its connections, as text for nft(8): one table of our own.
 * INTERFACES.md 'The rules', DESIGN.md 'Fail closed in the kernel' Pure: from the configuration alone; `waxseal rules`
 * brings it into the kernel.
 *
 * Hooks, in the order in which a packet meets them:
 *   raw (-300)         a conntrack zone for the client's leg, since with source = client both legs may have one tuple
 *   mangle (-150)      new SYNs to the listener, everything that has a socket of ours to that socket, the rest reset
 *   dstnat - 1 (-101)  redirect only: new connections to the listener's port
 *   dstnat + 10 (-90)  once more to the socket: behind IPv6 masquerade, in kernels before 6.15, the client's
 *                      address is only back now; and with redirect, the reset of what NAT did not take
 *   forward            the second wall: nothing with our mark, nothing of clients to port 25, should the policy route
 *                      be missing
 * The far sockets are the box's own and carry mark + 1: they pass no prerouting and are never caught (A110).
 */
#ifndef OPS_RULES_H
#define OPS_RULES_H

#include "base/buf.h"
#include "ops/config.h"

#define RULES_TABLE "waxseal"    /* of family inet */
#define RULES_STAMP "made_from_" /* begins the name of the chain that tells from which script the table was made */
#define RULES_PRIORITY 100       /* of the ip rule: in front of what policy routing for uplinks uses */

/*
 * rules_nft - a script that replaces the table in one transaction, whether it is there or not.
 *   out      empty, appended to; RULES_TEXT_MAX holds any
 *   returns  OK | FULL
 */
MUST_USE enum rc rules_nft(const struct config *c, struct buf *out);

#endif
