/*
 * pem - certificates and private keys out of text.                                            RFC 7468 2, 5, 10, 13
 * Text around the armour and objects of other kinds are stepped over; lines may be of any length and end in CRLF.
 */
#ifndef CERT_PEM_H
#define CERT_PEM_H

#include "base/buf.h"
#include "base/rc.h"
#include "base/span.h"

/*
 * pem_next - the next certificate of the text.
 *   text     moved behind what was read
 *   out, n   its bytes; *n is the capacity in and the length out. text->n / 4 * 3 is always enough
 *   returns  OK         *n octets, whatever they are: nothing looks inside
 *            MORE       no further certificate
 *            MALFORMED  armour without an end, or what is inside is not base64
 *            FULL       it does not fit
 */
MUST_USE enum rc pem_next(struct span *text, uint8_t *out, size_t *n);

/*
 * pem_key - the first private key of the text: PKCS #8, SEC 1 or PKCS #1, as it is.
 *   out, n   as above; whoever calls wipes them
 *   returns  as above | UNUSABLE  there is one, but it is encrypted
 */
MUST_USE enum rc pem_key(struct span text, uint8_t *out, size_t *n);

/* pem_put - the other way: der as text with this label, behind what is in out. OK or FULL. */
MUST_USE enum rc pem_put(const char *label, struct span der, struct buf *out);

#endif
