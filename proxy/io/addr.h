/*
 * addr - an address with its port, as text and as a socket wants it, and the few socket calls of an interceptor.
 * IPv4 is ::ffff:a.b.c.d in struct ip and AF_INET at the socket. No zones, no names.
 */
#ifndef IO_ADDR_H
#define IO_ADDR_H

#include "base/ip.h"

#include <sys/socket.h>

#define ADDR_TEXT_MAX (IP_TEXT_MAX + 8) /* brackets, colon, five digits */

struct addr {
    struct ip ip;
    uint16_t port;
};

/* addr_text - `192.0.2.1:25`, `[2001:db8::1]:25`. */
void addr_text(const struct addr *a, char out[ADDR_TEXT_MAX]);

/*
 * addr_parse - ADDRESS:PORT, [V6]:PORT, and where default_port is not 0 also ADDRESS and [V6] alone. Ports 1-65535.
 *   returns  OK  *out written | MALFORMED
 */
MUST_USE enum rc addr_parse(struct span s, uint16_t default_port, struct addr *out);

/* addr_to_sockaddr - returns the length for bind and connect. addr_from_sockaddr - FAILED for another family. */
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);
MUST_USE enum rc addr_from_sockaddr(const struct sockaddr_storage *sa, struct addr *out);

/*
 * addr_listen - a non-blocking listener, *fd the caller's.
 *   transparent  accepts for any address (IP_TRANSPARENT; CAP_NET_ADMIN): a tproxy listener
 *   returns      OK | FAILED  errno
 */
MUST_USE enum rc addr_listen(const struct addr *at, bool transparent, int *fd);

/* How to leave the box; all zero: as the kernel likes. */
struct addr_from {
    const struct addr *source; /* bind to it; NULL: the kernel chooses. Port 0: the kernel chooses that */
    bool transparent;          /* the source may be somebody else's address (CAP_NET_ADMIN) */
    uint32_t mark;             /* SO_MARK (CAP_NET_ADMIN); 0: none */
};

/* addr_connect - begins a TCP connection; *fd is the caller's, non-blocking, connected or connecting. OK | FAILED errno
 */
MUST_USE enum rc addr_connect(const struct addr *to, const struct addr_from *from, int *fd);

/* addr_peer, addr_local - both ends of a connected socket. Under tproxy the local end is where the client wanted to go.
 */
MUST_USE enum rc addr_peer(int fd, struct addr *out);
MUST_USE enum rc addr_local(int fd, struct addr *out);

/* addr_before_nat - where the client of a redirected connection wanted to go (SO_ORIGINAL_DST). OK | FAILED errno */
MUST_USE enum rc addr_before_nat(int fd, struct addr *out);

/* addr_is_ours - may a socket be bound to this address without IP_TRANSPARENT? Then it is one of the box's own. */
bool addr_is_ours(const struct ip *ip);

#endif
