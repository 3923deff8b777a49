/*
 * tls - the seam to the TLS library: client sessions that trust nothing, and server sessions that ask for nothing.
 *                                                                                  RFC 8446, RFC 5246, RFC 3207
 * No certificate is judged here and no authority is known: the chain that the server shows is copied as it stood on the
 * wire, and cert/ and dane/ judge the copy. That the server holds the leaf's private key *is* checked. Never offered:
 * anonymous, NULL, EXPORT, RC4, DES. Everything else about the library stays in tls_wolf.c.
 */
#ifndef IO_TLS_H
#define IO_TLS_H

#include "base/limits.h"
#include "base/rc.h"
#include "base/span.h"

struct tls_ctx;
struct tls;

/* What a server showed, leaf first, in wire order, in one block of exact size. n = 0: no certificate. */
struct chain {
    unsigned n;        /* <= CHAIN_CERTS_MAX */
    size_t bytes;      /* of all certificates together, <= CHAIN_BYTES_MAX */
    struct span der[]; /* [n], each points into the same block */
};

/* A channel, for logs and verdicts. The words are static. */
struct tls_info {
    const char *version; /* TLSv1.3, TLSv1.2, TLSv1.1, TLSv1 */
    const char *cipher;  /* its IANA name: TLS_AES_128_GCM_SHA256 */
    bool resumed;
    const struct chain *chain; /* NULL: dropped, or none was shown (resumption; we are the server) */
};

/* The least that a session of this context accepts. */
enum tls_floor {
    TLS_FLOOR_ANY, /* opportunistic: TLS 1.0 and up, static RSA too: better than clear (RFC 7435 3) */
    TLS_FLOOR_1_2, /* authenticated: 1.2 and up (RFC 7672 1.1 wants no less of a level that promises something) */
};

/* What this side shows of itself, where it is asked to: DER, the leaf first, and its private key (PKCS #8, SEC 1 or
 * PKCS #1). */
struct tls_identity {
    unsigned n; /* 0: nothing */
    struct span chain[CREDENTIAL_CERTS_MAX];
    struct span key;
};

/* tls_ctx_new - what client sessions share. NULL: no memory or no entropy. */
struct tls_ctx *tls_ctx_new(enum tls_floor floor);

/*
 * tls_ctx_new_server - what server sessions share; none comes about before tls_ctx_identity. Takes whatever is better
 * than clear (TLS_FLOOR_ANY) and asks for no certificate. Sessions are resumed by tickets alone (RFC 5077, RFC 8446
 * 4.6.1): nothing is stored here. Their key is made in this context, never leaves it and is changed every hour: a
 * ticket of another process, or an old one, costs a full handshake.
 */
struct tls_ctx *tls_ctx_new_server(void);
void tls_ctx_free(struct tls_ctx *ctx);

/*
 * tls_ctx_identity - from now on sessions of this context show this (as clients: only to a server that asks). Copied.
 *   returns  OK | UNUSABLE  certificate or key cannot be read, or the key is another's (the
 *            distribution's library sees that in the handshake alone) | FAILED  no memory
 */
MUST_USE enum rc tls_ctx_identity(struct tls_ctx *ctx, const struct tls_identity *id);

/*
 * tls_new - a session on a connected descriptor, which stays the caller's: as client or server, as the context says.
 *   sni      as client: server name to send (RFC 6066 3), NULL for none; copied
 *   returns  NULL: no memory or no entropy
 */
struct tls *tls_new(struct tls_ctx *ctx, int fd, const char *sni);
void tls_free(struct tls *t);

/* Each goes as far as it can without waiting. Behind FAILED the session is of no more use; tls_failure says why. */

/* tls_handshake - OK, AGAIN_READ, AGAIN_WRITE, FAILED. */
MUST_USE enum rc tls_handshake(struct tls *t);

/* tls_read - at most cap bytes, *n > 0 with OK. CLOSED: close_notify came. A bare end of stream is FAILED, so that
 * nobody can cut a reply short (RFC 8446 6.1). AGAIN_*: nothing stands behind in the library either. */
MUST_USE enum rc tls_read(struct tls *t, void *mem, size_t cap, size_t *n);

/* tls_write - some of s, *n > 0 with OK. After AGAIN_* the next call must bring the same bytes and may bring more
 * behind them. */
MUST_USE enum rc tls_write(struct tls *t, struct span s, size_t *n);

/* tls_shutdown - sends close_notify and does not wait for the peer's: OK, AGAIN_WRITE, FAILED. */
MUST_USE enum rc tls_shutdown(struct tls *t);

/* tls_describe - version and cipher of a session whose handshake is done; info->chain is not touched. */
void tls_describe(const struct tls *t, struct tls_info *info);

/* tls_take_chain - the captured chain, now the caller's to free(); NULL when none was shown or it was taken. */
struct chain *tls_take_chain(struct tls *t);

/* tls_failure - printable, at most one short sentence; "" before any failure. Lives as long as t. */
const char *tls_failure(const struct tls *t);

#endif
