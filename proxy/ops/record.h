/*
 * record - one finished recipient domain of one transaction (or a tunnel, or a session that ended before a recipient).
 * Plain values of fixed size: it crosses from worker to keeper as it is. What the line looks like is ops/log.h's; which
 * failures it teaches is policy/grace.h's.
 */
#ifndef OPS_RECORD_H
#define OPS_RECORD_H

#include "base/ip.h"
#include "base/limits.h"
#include "policy/decide.h"

enum outcome {
    OUTCOME_VERIFIED,
    OUTCOME_ENCRYPTED,
    OUTCOME_CLEARTEXT,
    OUTCOME_REFUSED,
    OUTCOME_FAILED,
    OUTCOME_TUNNEL,
    OUTCOME__COUNT
};
enum auth {
    AUTH_NONE,
    AUTH_DANE_EE,
    AUTH_DANE_TA,
    AUTH_PKIX,
    AUTH_FINGERPRINT,
    AUTH__COUNT
};

#define FLAG_UNLISTED_ADDRESS 1u
#define FLAG_SPLIT_HORIZON 2u
#define FLAG_DECLARE_A_SMARTHOST 4u /* AUTH went to a server of which nobody knows that it is the right one */

struct record {
    uint8_t outcome, auth, level; /* enum outcome, enum auth, enum level */
    uint8_t why;                  /* enum why; WHY_NONE on success */
    uint8_t resumed, would, mx_insecure;
    uint8_t flags;
    uint8_t tls_failed;       /* a handshake (or an offered STARTTLS) failed here: the keeper's memory of failures */
    uint8_t by_address;       /* a smarthost's: that memory is of the address alone, whoever the mail is for */
    uint8_t tls_done;         /* and here it succeeded: that memory is erased */
    uint32_t asked, accepted; /* recipients of this domain: parsed from the client, and accepted by the server */
    uint64_t bytes;           /* octets of content that went out */
    uint64_t session;         /* id */
    struct ip client, server;
    char domain[HOSTNAME_MAX + 1]; /* "" is printed as - */
    char mx[HOSTNAME_MAX + 1];
    char tls[16], cipher[64]; /* "" without TLS */
    char client_tls[16];      /* the version of the client's TLS that ended here; "": it spoke in clear */
    char text[160];           /* the far server's or our last words about a failure, printable */
};

/* record_check - may this, which came from another process, be used? Enums in range, every string ends. */
MUST_USE enum rc record_check(const struct record *r);

#endif
