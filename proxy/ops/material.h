/*
 * material - what is in the files that the configuration names: public roots, and certificates with their keys.
 * A worker can open nothing, so whoever parses the configuration reads them into one sealed block beside it
 * (io/sealed.h), which goes to the workers alone: the keys are in no other process that talks to the world. Roots are
 * read only where a level asks for them. The block is flat and bounded, without pointers; its reader checks it.
 */
#ifndef OPS_MATERIAL_H
#define OPS_MATERIAL_H

#include "cert/cert.h"
#include "io/tls.h"
#include "ops/config.h"

#include <stdio.h>

/* material_is_named - does this configuration need any file of that kind? */
bool material_is_named(const struct config *c);

/*
 * material_load - reads the files as whoever calls, holds them against each other and writes the block.
 *   memory   of sealed_new; the caller shuts it
 *   errors   what is wrong, a line each: a file that cannot be read, or has nothing of its kind; a key that everybody
 *            may read, is encrypted, or belongs to another certificate
 *   returns  OK | MALFORMED
 */
MUST_USE enum rc material_load(const struct config *c, int memory, FILE *errors);

/* ---- the reader ---- */

struct material;

/* material_open - of shut memory, which stays the caller's. NULL: it is no such block, or there is no memory. */
MUST_USE struct material *material_open(int memory);
void material_close(struct material *m); /* NULL is fine */

/* material_roots - all that a path may end in; they live as long as m. m = NULL: none. */
const struct cert *material_roots(const struct material *m, size_t *n);

/* material_identity - the certificate and key of config.credential[index]; n = 0 where it has none. Lives as long as m,
 * which may be NULL. */
struct tls_identity material_identity(const struct material *m, unsigned index);

#endif
