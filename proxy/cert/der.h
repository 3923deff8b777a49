/*
 * der - the elements of DER as spans.                                                          X.690 8, 10; RFC
 * 5280 4.1 Strict: lengths are definite and minimal, tags are one byte, an element ends within its cursor. An element
 * that is not so fails the cursor (base/cur.h), so a caller reads in a row and asks once. Nothing is copied or
 * allocated.
 */
#ifndef CERT_DER_H
#define CERT_DER_H

#include "base/clock.h"
#include "base/cur.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OID = 0x06,
    DER_UTF8 = 0x0c,
    DER_PRINTABLE = 0x13,
    DER_TELETEX = 0x14,
    DER_IA5 = 0x16,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_BMP = 0x1e,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT = 0x80,             /* | n: [n] IMPLICIT of a primitive type */
    DER_CONTEXT_CONSTRUCTED = 0xa0, /* | n: [n] EXPLICIT, or IMPLICIT of a constructed type */
};

struct der {
    uint8_t tag;
    struct span content;
    struct span whole; /* tag and length included */
};

/* der_next - the next element, whatever it is. */
struct der der_next(struct cur *c);

/* der_take - the next element, which must have this tag. */
struct der der_take(struct cur *c, uint8_t tag);

/* der_at - does the next element have this tag? */
bool der_at(const struct cur *c, uint8_t tag);

/* der_bool - a BOOLEAN, 00 or FF. */
bool der_bool(struct cur *c);

/* der_uint - an INTEGER from 0 to max; a larger one is max, since every number read here is a bound or a version. */
uint32_t der_uint(struct cur *c, uint32_t max);

/* der_bits - the octets of a BIT STRING without unused bits. */
struct span der_bits(struct cur *c);

/* der_time - a UTCTime or GeneralizedTime in the one form that RFC 5280 4.1.2.5 allows: to the second, in Z. */
struct wall der_time(struct cur *c);

#endif
