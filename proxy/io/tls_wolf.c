/* The one place that knows wolfSSL's TLS. Its options come first: they decide the layout of its structures. */
/* clang-format off */
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/error-ssl.h>
/* clang-format on */

#include "io/tls.h"

#include "base/limits.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* What one call may read from the kernel. A peer that floods with records that carry nothing must not hold the loop;
 * the longest certificate message fits. */
#define TURN_BYTES_MAX 131072

struct tls_ctx {
    WOLFSSL_CTX *wolf;
    bool server;
    bool identified; /* it has a certificate: a server without one makes no session */
};

struct tls {
    WOLFSSL *ssl;
    bool server;
    int fd;
    size_t budget;       /* left of TURN_BYTES_MAX */
    bool ended;          /* the kernel said: end of stream */
    int error;           /* errno of a socket call that failed, 0 for none */
    int broken;          /* errno of a send: from then on it is only read */
    const char *trouble; /* our own reason to fail */
    struct chain *chain;
    char failure[80];
};

/*
 * What is offered, best first: the library's name, IANA's, and whether a level that authenticates may use it too
 * (forward secret, and of TLS 1.2 or later by its own rule or by TLS_FLOOR_1_2). Names that a build lacks are skipped
 * by it.
 */
static const struct suite {
    const char *wolf, *iana;
    bool opportunistic_only;
} suites[] = {
    { "TLS13-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256", false },
    { "TLS13-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384", false },
    { "TLS13-CHACHA20-POLY1305-SHA256", "TLS_CHACHA20_POLY1305_SHA256", false },
    { "ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", false },
    { "ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", false },
    { "ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", false },
    { "ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", false },
    { "ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", false },
    { "ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", false },
    { "DHE-RSA-AES128-GCM-SHA256", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", false },
    { "DHE-RSA-AES256-GCM-SHA384", "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", false },
    { "DHE-RSA-CHACHA20-POLY1305", "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", false },
    { "ECDHE-ECDSA-AES128-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", false },
    { "ECDHE-RSA-AES128-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", false },
    { "ECDHE-ECDSA-AES256-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", false },
    { "ECDHE-RSA-AES256-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", false },
    { "DHE-RSA-AES128-SHA256", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", false },
    { "DHE-RSA-AES256-SHA256", "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", false },
    { "ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", false },
    { "ECDHE-RSA-AES128-SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", false },
    { "ECDHE-ECDSA-AES256-SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", false },
    { "ECDHE-RSA-AES256-SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", false },
    { "DHE-RSA-AES128-SHA", "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", false },
    { "DHE-RSA-AES256-SHA", "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", false },
    { "AES128-GCM-SHA256", "TLS_RSA_WITH_AES_128_GCM_SHA256", true },
    { "AES256-GCM-SHA384", "TLS_RSA_WITH_AES_256_GCM_SHA384", true },
    { "AES128-SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA256", true },
    { "AES256-SHA256", "TLS_RSA_WITH_AES_256_CBC_SHA256", true },
    { "AES128-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA", true },
    { "AES256-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA", true },
};

#define N_SUITES (sizeof suites / sizeof suites[0])

/* ---- the socket, as the library sees it ---- */

static int receive(WOLFSSL *ssl, char *mem, int size, void *ctx)
{
    struct tls *t = ctx;
    ssize_t n;

    (void)ssl;
    if (t->budget == 0)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    do {
        n = recv(t->fd, mem, (size_t)size < t->budget ? (size_t)size : t->budget, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n > 0) {
        t->budget -= (size_t)n;
        return (int)n;
    }
    if (n == 0) {
        t->ended = true;
        return WOLFSSL_CBIO_ERR_CONN_CLOSE;
    }
    if (errno == EAGAIN)
        return WOLFSSL_CBIO_ERR_WANT_READ;
    t->error = errno;
    return WOLFSSL_CBIO_ERR_CONN_RST;
}

static int transmit(WOLFSSL *ssl, char *mem, int size, void *ctx)
{
    struct tls *t = ctx;
    ssize_t n;

    (void)ssl;
    if (t->broken != 0)
        return size;
    do {
        n = send(t->fd, mem, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0)
        return (int)n;
    if (errno == EAGAIN)
        return WOLFSSL_CBIO_ERR_WANT_WRITE;
    /* Behind an error the library reads no more, and why the peer went (its alert, a last reply) is still to be read.
     */
    t->broken = errno;
    return size;
}

/* ---- the chain ---- */

/* The DER lies in the record buffer, which the library reuses: one block takes the list and all bytes. */
static struct chain *copy_chain(const WOLFSSL_BUFFER_INFO *certs, unsigned n)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < n; i++)
        bytes += certs[i].length;
    if (n > CHAIN_CERTS_MAX || bytes > CHAIN_BYTES_MAX)
        return NULL;
    struct chain *chain = malloc(sizeof *chain + n * sizeof chain->der[0] + bytes);
    if (chain == NULL)
        return NULL;
    *chain = (struct chain){ .n = n, .bytes = bytes };
    uint8_t *to = (uint8_t *)&chain->der[n];
    for (unsigned i = 0; i < n; i++) {
        memcpy(to, certs[i].buffer, certs[i].length);
        chain->der[i] = span_of(to, certs[i].length);
        to += certs[i].length;
    }
    return chain;
}

/*
 * The library calls once for each certificate, from the last to the first, and has the whole chain each time. What it
 * thinks of them is not asked: 1 goes on. (Verifying and then forgiving would be another thing: the peer's issuers
 * would become authorities of the shared context, and the server be sent an alert.)
 */
static int on_chain(int verified, WOLFSSL_X509_STORE_CTX *store)
{
    struct tls *t = store->userCtx;

    (void)verified;
    if (t->chain == NULL && store->totalCerts > 0)
        t->chain = copy_chain(store->certs, (unsigned)store->totalCerts);
    if (t->chain == NULL)
        t->trouble = "the certificate chain is over our bounds, or no memory for it";
    return t->chain != NULL;
}

/* ---- contexts ---- */

static bool set_suites(WOLFSSL_CTX *wolf, enum tls_floor floor)
{
    char list[N_SUITES * 32];
    size_t n = 0;

    for (size_t i = 0; i < N_SUITES; i++) {
        if (suites[i].opportunistic_only && floor != TLS_FLOOR_ANY)
            continue;
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n == 0 ? "" : ":", suites[i].wolf);
        assert(n < sizeof list);
    }
    return wolfSSL_CTX_set_cipher_list(wolf, list) == WOLFSSL_SUCCESS;
}

static struct tls_ctx *ctx_new(enum tls_floor floor, bool server)
{
    int groups[] = { WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1, WOLFSSL_ECC_SECP521R1 };
    struct tls_ctx *ctx = calloc(1, sizeof *ctx);

    if (ctx == NULL)
        return NULL;
    ctx->server = server;
    ctx->wolf = wolfSSL_CTX_new(server ? wolfSSLv23_server_method() : wolfSSLv23_client_method());
    if (ctx->wolf == NULL)
        goto fail;
    /* Debian's build has no TLS 1.0: then 1.1 is the least. */
    if (floor == TLS_FLOOR_1_2 ? wolfSSL_CTX_SetMinVersion(ctx->wolf, WOLFSSL_TLSV1_2) != WOLFSSL_SUCCESS
                               : wolfSSL_CTX_SetMinVersion(ctx->wolf, WOLFSSL_TLSV1) != WOLFSSL_SUCCESS &&
                                     wolfSSL_CTX_SetMinVersion(ctx->wolf, WOLFSSL_TLSV1_1) != WOLFSSL_SUCCESS)
        goto fail;
    if (!set_suites(ctx->wolf, floor) ||
        wolfSSL_CTX_set_groups(ctx->wolf, groups, sizeof groups / sizeof groups[0]) != WOLFSSL_SUCCESS)
        goto fail;
#ifdef SINGLE_THREADED
    /* One generator for all sessions: seeded now, not at each session (and not behind the system call filter). */
    if (wolfSSL_CTX_new_rng(ctx->wolf) != WOLFSSL_SUCCESS)
        goto fail;
#endif
    (void)wolfSSL_CTX_set_session_cache_mode(ctx->wolf, WOLFSSL_SESS_CACHE_OFF);
    wolfSSL_CTX_SetIORecv(ctx->wolf, receive);
    wolfSSL_CTX_SetIOSend(ctx->wolf, transmit);
    wolfSSL_CTX_set_verify(ctx->wolf, WOLFSSL_VERIFY_NONE, on_chain);
    return ctx;
fail:
    tls_ctx_free(ctx);
    return NULL;
}

struct tls_ctx *tls_ctx_new(enum tls_floor floor)
{
    return ctx_new(floor, false);
}

/* Tickets are the library's own affair: it seals them with a key of the context and changes that every hour. */
struct tls_ctx *tls_ctx_new_server(void)
{
    return ctx_new(TLS_FLOOR_ANY, true);
}

void tls_ctx_free(struct tls_ctx *ctx)
{
    if (ctx == NULL)
        return;
    wolfSSL_CTX_free(ctx->wolf);
    free(ctx);
}

enum rc tls_ctx_identity(struct tls_ctx *ctx, const struct tls_identity *id)
{
    uint8_t *all = NULL;
    size_t n = 0;
    int ret;

    assert(id->n > 0 && id->n <= CREDENTIAL_CERTS_MAX);
    for (unsigned i = 0; i < id->n; i++)
        n += id->chain[i].n;
    if (n > CHAIN_BYTES_MAX || id->key.n > INT32_MAX)
        return UNUSABLE;
    all = malloc(n + 1);
    if (all == NULL)
        return FAILED;
    n = 0;
    for (unsigned i = 0; i < id->n; i++) {
        memcpy(all + n, id->chain[i].p, id->chain[i].n);
        n += id->chain[i].n;
    }
    ret = wolfSSL_CTX_use_certificate_chain_buffer_format(ctx->wolf, all, (long)n, WOLFSSL_FILETYPE_ASN1);
    free(all);
    if (ret == WOLFSSL_SUCCESS)
        ret = wolfSSL_CTX_use_PrivateKey_buffer(ctx->wolf, id->key.p, (long)id->key.n, WOLFSSL_FILETYPE_ASN1);
    if (ret == WOLFSSL_SUCCESS)
        ret = wolfSSL_CTX_check_private_key(ctx->wolf);
    ctx->identified = ret == WOLFSSL_SUCCESS;
    return ret == WOLFSSL_SUCCESS ? OK : ret == MEMORY_E ? FAILED : UNUSABLE;
}

/* ---- sessions ---- */

struct tls *tls_new(struct tls_ctx *ctx, int fd, const char *sni)
{
    struct tls *t = ctx->server && !ctx->identified ? NULL : calloc(1, sizeof *t);

    if (t == NULL)
        return NULL;
    t->fd = fd;
    t->server = ctx->server;
    t->ssl = wolfSSL_new(ctx->wolf);
    if (t->ssl == NULL ||
        (sni != NULL && wolfSSL_UseSNI(t->ssl, WOLFSSL_SNI_HOST_NAME, sni,
                                       (unsigned short)strnlen(sni, HOSTNAME_MAX)) != WOLFSSL_SUCCESS)) {
        tls_free(t);
        return NULL;
    }
    wolfSSL_SetIOReadCtx(t->ssl, t);
    wolfSSL_SetIOWriteCtx(t->ssl, t);
    wolfSSL_SetCertCbCtx(t->ssl, t);
    return t;
}

void tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    wolfSSL_free(t->ssl);
    free(t->chain);
    free(t);
}

/* RFC 8446 6.2 and RFC 5246 7.2.2, those that peers send to us. */
static const char *alert_name(int code)
{
    static const struct {
        int code;
        const char *name;
    } alerts[] = {
        { 0, "close_notify" },
        { 10, "unexpected_message" },
        { 20, "bad_record_mac" },
        { 22, "record_overflow" },
        { 40, "handshake_failure" },
        { 42, "bad_certificate" },
        { 43, "unsupported_certificate" },
        { 45, "certificate_expired" },
        { 46, "certificate_unknown" },
        { 48, "unknown_ca" },
        { 47, "illegal_parameter" },
        { 50, "decode_error" },
        { 51, "decrypt_error" },
        { 70, "protocol_version" },
        { 71, "insufficient_security" },
        { 80, "internal_error" },
        { 86, "inappropriate_fallback" },
        { 90, "user_canceled" },
        { 109, "missing_extension" },
        { 112, "unrecognized_name" },
        { 116, "certificate_required" },
        { 120, "no_application_protocol" },
    };

    for (size_t i = 0; i < sizeof alerts / sizeof alerts[0]; i++) {
        if (alerts[i].code == code)
            return alerts[i].name;
    }
    return NULL;
}

static void explain(struct tls *t, int error)
{
    WOLFSSL_ALERT_HISTORY history = { 0 };
    const bool has_alert = error == FATAL_ERROR && wolfSSL_get_alert_history(t->ssl, &history) == WOLFSSL_SUCCESS;
    const char *alert = has_alert ? alert_name(history.last_rx.code) : NULL;
    const char *const peer = t->server ? "client" : "server";

    if (t->trouble != NULL)
        (void)snprintf(t->failure, sizeof t->failure, "%s", t->trouble);
    else if (t->error != 0)
        (void)snprintf(t->failure, sizeof t->failure, "%s", strerror(t->error));
    else if (t->ended)
        (void)snprintf(t->failure, sizeof t->failure, "the %s closed the connection without close_notify", peer);
    else if (alert != NULL)
        (void)snprintf(t->failure, sizeof t->failure, "the %s sent the alert %s", peer, alert);
    else if (has_alert)
        (void)snprintf(t->failure, sizeof t->failure, "the %s sent the alert %d", peer, history.last_rx.code);
    else if (error == MATCH_SUITE_ERROR)
        (void)snprintf(t->failure, sizeof t->failure, "no cipher suite in common");
    else if (error == VERSION_ERROR || error == UNKNOWN_RECORD_TYPE || error == UNKNOWN_HANDSHAKE_TYPE)
        (void)snprintf(t->failure, sizeof t->failure, "not TLS, or a version below what is asked (TLS error %d)",
                       error);
    else
        (void)snprintf(t->failure, sizeof t->failure, "TLS error %d", error);
}

static enum rc outcome(struct tls *t, int ret)
{
    const int error = wolfSSL_get_error(t->ssl, ret);

    switch (error) {
    case WOLFSSL_ERROR_WANT_READ:
        return AGAIN_READ;
    case WOLFSSL_ERROR_WANT_WRITE:
        return AGAIN_WRITE;
    case WOLFSSL_ERROR_ZERO_RETURN:
        return CLOSED;
    default:
        explain(t, error);
        return FAILED;
    }
}

enum rc tls_handshake(struct tls *t)
{
    t->budget = TURN_BYTES_MAX;
    const int ret = t->server ? wolfSSL_accept(t->ssl) : wolfSSL_connect(t->ssl);
    if (ret != WOLFSSL_SUCCESS) {
        const enum rc rc = outcome(t, ret);
        if (rc != CLOSED)
            return rc;
        t->trouble = "the peer ended the handshake with close_notify";
    } else if (!t->server && t->chain == NULL && t->trouble == NULL && wolfSSL_session_reused(t->ssl) == 0) {
        t->trouble = "the server showed no certificate"; /* never offered, so it would be our own bug: not a channel */
    }
    if (t->trouble == NULL)
        return OK;
    explain(t, 0);
    return FAILED;
}

enum rc tls_read(struct tls *t, void *mem, size_t cap, size_t *n)
{
    t->budget = TURN_BYTES_MAX;
    const int ret = wolfSSL_read(t->ssl, mem, cap > INT32_MAX ? INT32_MAX : (int)cap);
    *n = ret > 0 ? (size_t)ret : 0;
    return ret > 0 ? OK : outcome(t, ret);
}

static enum rc cannot_send(struct tls *t)
{
    (void)snprintf(t->failure, sizeof t->failure, "%s", strerror(t->broken));
    return FAILED;
}

enum rc tls_write(struct tls *t, struct span s, size_t *n)
{
    const int ret = wolfSSL_write(t->ssl, s.p, s.n > INT32_MAX ? INT32_MAX : (int)s.n);

    *n = ret > 0 ? (size_t)ret : 0;
    if (t->broken != 0)
        return cannot_send(t);
    return ret > 0 ? OK : outcome(t, ret);
}

enum rc tls_shutdown(struct tls *t)
{
    const int ret = wolfSSL_shutdown(t->ssl);

    if (t->broken != 0)
        return cannot_send(t);
    return ret == WOLFSSL_SUCCESS || ret == WOLFSSL_SHUTDOWN_NOT_DONE ? OK : outcome(t, ret);
}

void tls_describe(const struct tls *t, struct tls_info *info)
{
    const char *name = wolfSSL_get_cipher_name(t->ssl);

    info->version = wolfSSL_get_version(t->ssl);
    info->cipher = "unknown";
    info->resumed = wolfSSL_session_reused(t->ssl) != 0;
    for (size_t i = 0; i < N_SUITES; i++) {
        if (name != NULL && strcmp(name, suites[i].wolf) == 0)
            info->cipher = suites[i].iana;
    }
}

struct chain *tls_take_chain(struct tls *t)
{
    struct chain *chain = t->chain;

    t->chain = NULL;
    return chain;
}

const char *tls_failure(const struct tls *t)
{
    return t->failure;
}
