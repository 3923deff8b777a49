/*
 * sign - digests and signatures. The only file of its room that calls wolfCrypt; keys are read by us.
 *   RFC 3279, 4055 (RSA, PSS), 5480, 5758 (ECDSA), 8410 (Ed25519)
 * RSA of 1024 to 4096 bits with PKCS #1 1.5 or PSS, ECDSA on P-256, P-384, P-521, each with SHA-256, -384 or -512;
 * Ed25519. All else is refused: MD5 and SHA-1 as a policy, DSA, Ed448 and other curves because nobody asks for them.
 */
#ifndef CERT_SIGN_H
#define CERT_SIGN_H

#include "base/rc.h"
#include "base/span.h"

#define SIGN_DIGEST_MAX 64

enum sign_hash {
    SIGN_SHA256,
    SIGN_SHA384,
    SIGN_SHA512,
};

/* sign_digest - the digest of data in out; an empty span, should the library fail. */
struct span sign_digest(enum sign_hash hash, struct span data, uint8_t out[SIGN_DIGEST_MAX]);

/*
 * sign_verify - did the holder of this key sign data?
 *   spki       SubjectPublicKeyInfo, whole
 *   algorithm  AlgorithmIdentifier of the signature, whole
 *   returns    OK        yes
 *              UNUSABLE  key or algorithm cannot be read, are none of ours, or do not belong together; costs next to
 *                        nothing
 *              FAILED    no, or no memory
 */
MUST_USE enum rc sign_verify(struct span spki, struct span algorithm, struct span data, struct span signature);

#endif
