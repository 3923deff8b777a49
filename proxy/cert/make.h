/*
 * make - the box's own certificate, for who named none: P-256, signed by itself.              RFC 5280 4.1, RFC 5915 3
 * Nobody judges it (an opportunistic client takes any), so it says little: the name, and dates that need no clock. From
 * the day that is given, without an end (RFC 5280 4.1.2.5): a box has nobody who would renew it.
 */
#ifndef CERT_MAKE_H
#define CERT_MAKE_H

#include "base/buf.h"

#define MAKE_BYTES_MAX 2048 /* either as PEM text, with a name as long as names may be */

/*
 * make_own - a fresh key and its certificate as PEM text behind what is in out: key first (PKCS #8).
 *   name        a DNS name; the certificate's subject and its DNS-ID
 *   not_before  UTCTime: YYMMDDhhmmssZ
 *   returns     OK | FULL | FAILED  no entropy, no memory
 * Whoever calls wipes out.
 */
MUST_USE enum rc make_own(struct span name, struct span not_before, struct buf *out);

#endif
