/*
 * cert - an X.509 certificate as a plain value.                                                             RFC 5280 4
 * Read once, without understanding keys or checking signatures; the spans point into the certificate's own bytes.
 * Not here: whether the certificate is any good (path.h), whose it is (names.h).
 */
#ifndef CERT_CERT_H
#define CERT_CERT_H

#include "base/clock.h"
#include "base/rc.h"
#include "base/span.h"

#define CERT_PATH_LEN_NONE UINT32_MAX /* basicConstraints without pathLenConstraint */

struct cert {
    struct span whole;
    /* The frame: whole elements, except signature (the octets of the BIT STRING). */
    struct span tbs, issuer, subject, spki, tbs_algorithm, algorithm, signature;
    uint32_t version; /* 1, 2, 3 */

    /* What a path needs, known where cert_read returned OK. */
    struct wall not_before, not_after;  /* both inclusive */
    struct span alt_names;              /* elements of subjectAltName */
    struct span permitted, excluded;    /* elements of nameConstraints' two lists */
    struct span key_id, issuer_key_id;  /* subjectKeyIdentifier, authorityKeyIdentifier's [0]; empty where absent */
    uint32_t path_len;                  /* of basicConstraints */
    bool is_ca;                         /* basicConstraints cA */
    bool may_sign_certs, may_serve_tls; /* by keyUsage; true where that is absent */
    bool for_tls_servers;               /* by extKeyUsage; true where that is absent */
};

/*
 * cert_read - one certificate, which must fill der.
 *   returns  OK         everything is written
 *            UNUSABLE   the frame is written, the rest not: dates or extensions cannot be read, an extension is there
 *                       twice, or a critical one is unknown (RFC 5280 4.2): no path may contain it
 *            MALFORMED  no certificate; out holds `whole` and empty spans
 */
MUST_USE enum rc cert_read(struct span der, struct cert *out);

/* cert_valid_at - within its validity, both ends included (RFC 5280 4.1.2.5). */
bool cert_valid_at(const struct cert *c, struct wall at);

/* cert_is_shape, cert_is_spki_shape - has it the outline of a certificate, of a SubjectPublicKeyInfo, and no byte more?
 * What is inside the outline need not be readable. */
bool cert_is_shape(struct span der);
bool cert_is_spki_shape(struct span der);

#endif
