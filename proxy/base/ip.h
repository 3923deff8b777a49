/*
 * ip - an internet address as 16 bytes, IPv4 as ::ffff:a.b.c.d, and networks of them.
 * A plain value: the pure rooms judge addresses too. Socket addresses and ports are io/addr.h's.
 */
#ifndef BASE_IP_H
#define BASE_IP_H

#include "base/rc.h"
#include "base/span.h"

#define IP_TEXT_MAX 46 /* INET6_ADDRSTRLEN */

struct ip {
    uint8_t b[16];
};

struct ip_net {
    struct ip ip;
    unsigned bits; /* of 128: an IPv4 /24 is 120 here */
};

struct ip ip_v4(const uint8_t b[4]);
bool ip_is_v4(const struct ip *ip);
bool ip_eq(const struct ip *a, const struct ip *b);

/* ip_text - as people write it: dotted for IPv4, RFC 5952 for IPv6. */
void ip_text(const struct ip *ip, char out[IP_TEXT_MAX]);

/* ip_parse - one address, no brackets, no zone. OK or MALFORMED. */
MUST_USE enum rc ip_parse(struct span s, struct ip *out);

/* ip_net_parse - ADDRESS or ADDRESS/BITS; MALFORMED also where bits behind the mask are set. */
MUST_USE enum rc ip_net_parse(struct span s, struct ip_net *out);
bool ip_net_has(const struct ip_net *net, const struct ip *ip);

/* ip_is_special - unspecified, loopback, link-local, multicast or broadcast: never a mail server on the internet. */
bool ip_is_special(const struct ip *ip);

/* ip_unmap_nat64 - 64:ff9b::a.b.c.d (RFC 6052 2.1) as its IPv4 address; any other unchanged. */
struct ip ip_unmap_nat64(const struct ip *ip);

#endif
