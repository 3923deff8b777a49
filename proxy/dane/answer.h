/*
 * answer - one DNS answer packet, read.                                  RFC 1035 4.1, RFC 2181 10.1, RFC 7672 2.1.3
 * Follows the CNAMEs inside the packet from the name that was asked to the records of the type that was asked. Pure:
 * what validation made of the packet is not in it (the caller writes `trust`), and no AD bit is looked at.
 */
#ifndef DANE_ANSWER_H
#define DANE_ANSWER_H

#include "base/limits.h"
#include "dane/route.h"
#include "smtp/hostname.h"

enum answer_type {
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_MX = 15,
    TYPE_AAAA = 28,
    TYPE_DNSKEY = 48,
    TYPE_TLSA = 52
};

enum answer_result {
    ANSWER_DATA,     /* at least one record */
    ANSWER_NODATA,   /* the name exists, without such records; an answer, not an error (RFC 7672 2.1.1) */
    ANSWER_NXDOMAIN, /* the same for a name that does not exist */
    ANSWER_ERROR,    /* any other rcode, a malformed packet, a bound */
    ANSWER_TIMEOUT,
};

#define ANSWER_NAME_MAX 255 /* RFC 1035 2.3.4: a name on the wire */

struct answer {
    uint8_t trust;         /* enum trust, by the caller */
    uint8_t result;        /* enum answer_result; meaningless where trust is BOGUS */
    uint32_t ttl_s;        /* the least of all records in it, those of a denial too; 0 where there is none */
    struct span canonical; /* wire form: the name behind the aliases; empty where there was none */
    uint16_t n;
    struct span rdata[ROUTE_ANSWER_MAX]; /* names in MX and CNAME records uncompressed */
};

/* What an answer's spans point to beside the packet. */
struct answer_room {
    uint8_t canonical[ANSWER_NAME_MAX];
    uint8_t rdata[ROUTE_ANSWER_MAX][2 + ANSWER_NAME_MAX];
};

/*
 * answer_read - never allocates. *out points into packet and room, and trust is NOT_ASKED. An error has no TTL (0).
 *   name   the question, text without final dot, or "." for the root
 */
void answer_read(struct span packet, const char *name, unsigned type, struct answer_room *room, struct answer *out);

/*
 * answer_name - an uncompressed name as text.
 *   returns  OK | UNUSABLE  it has bytes that no host name has, or is the root | MALFORMED  it is no such name
 */
MUST_USE enum rc answer_name(struct span wire, struct hostname *out);

#endif
