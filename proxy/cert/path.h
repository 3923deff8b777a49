/*
 * path - does this chain lead to a trust anchor, at this time?                                   RFC 5280 6.1, RFC 4158
 * The first certificate is the server's; all others are a heap to build from, in any order. Every way up is tried,
 * within the bounds of base/limits.h (PATH_*), and each search starts from nothing: trust is what the query says.
 * Not here: names of the server (names.h), revocation, policies.
 */
#ifndef CERT_PATH_H
#define CERT_PATH_H

#include "base/limits.h"
#include "cert/cert.h"

/* A set of certificates of the chain: bit i is chain[i]. */
typedef uint64_t path_set;

struct path_query {
    const struct cert *chain; /* read, as sent; of more than CHAIN_CERTS_MAX the rest is not looked at */
    size_t n_chain;
    path_set sound;            /* those whose cert_read was OK: no other is part of a path */
    path_set trusted;          /* those that are anchors; the server's own never is */
    path_set through;          /* the path must hold one of these; none: any path will do */
    const struct cert *stored; /* anchors that need not be sent; all sound */
    size_t n_stored;
    const struct span *keys; /* anchors of which only the SubjectPublicKeyInfo is known */
    size_t n_keys;
    struct wall at;
};

enum path_end {
    PATH_NONE,    /* no way up */
    PATH_EXPIRED, /* there is one, but for a certificate that is not valid at this time */
    PATH_SENT,    /* ends in chain[which] */
    PATH_STORED,  /* ends in stored[which] */
    PATH_KEY,     /* ends under keys[which] */
};

struct path_answer {
    enum path_end end;
    size_t which;
    unsigned depth; /* of the anchor above the server's certificate, which has 0 */
    size_t passed;  /* a certificate of `through` that the path holds; 0 where that is empty */
    unsigned passed_depth;
    unsigned signatures; /* how many were checked: at most PATH_SIGNATURES_MAX */
};

struct path_answer path_find(const struct path_query *q);

#endif
