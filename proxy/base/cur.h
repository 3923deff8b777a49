/*
 * cur - a reading cursor over a span. It keeps its first error, so fields are read in a row and asked about once.
 * Numbers are big-endian on the wire and host order in the result.
 */
#ifndef BASE_CUR_H
#define BASE_CUR_H

#include "base/span.h"

struct cur {
    struct span left;
    bool failed;
};

struct cur cur_of(struct span s);

/* Each takes its bytes from the front; past the end it returns 0 or an empty span and the cursor has failed. */
uint8_t cur_u8(struct cur *c);
uint16_t cur_u16(struct cur *c);
uint32_t cur_u32(struct cur *c);
struct span cur_bytes(struct cur *c, size_t n);

/* cur_rest - all that is left. */
struct span cur_rest(struct cur *c);

/* cur_fail - the caller found an error of its own. */
void cur_fail(struct cur *c);
bool cur_failed(const struct cur *c);

/* cur_done - no failure, and nothing left. */
bool cur_done(const struct cur *c);

#endif
