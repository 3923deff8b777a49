/*
 * waxseal_pem - the certificates of a PEM file, whole, for the subcommands that judge them.             RFC 7468
 */
#ifndef TOOLS_WAXSEAL_PEM_H
#define TOOLS_WAXSEAL_PEM_H

#include "base/rc.h"
#include "base/span.h"

/* DER, in the order of the file: spans into one allocation. */
struct pem_file {
    uint8_t *der;
    struct span *certs;
    size_t n;
};

/*
 * pem_read - at least one certificate; says on stderr what was wrong. Whether they can be read as certificates is
 * cert_read's to say.
 *   out      pem_free's when OK; zeroed otherwise
 *   returns  OK | MALFORMED | FULL  a file too large | FAILED  the file cannot be read, or out of memory
 */
MUST_USE enum rc pem_read(const char *path, struct pem_file *out);

/* pem_free - a zeroed or freed one is fine. */
void pem_free(struct pem_file *f);

#endif
