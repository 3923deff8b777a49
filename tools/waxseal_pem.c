#include "waxseal_pem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cert/pem.h"

#define FILE_MAX (8 << 20) /* the public roots are 250 kB of text */

void pem_free(struct pem_file *f)
{
    free(f->der);
    free(f->certs);
    *f = (struct pem_file){ 0 };
}

static enum rc read_file(const char *path, uint8_t **text, size_t *n)
{
    FILE *const f = fopen(path, "re");
    enum rc rc = FAILED;

    *text = NULL;
    if (f == NULL)
        return FAILED;
    *text = malloc(FILE_MAX);
    if (*text != NULL) {
        *n = fread(*text, 1, FILE_MAX, f);
        rc = ferror(f) ? FAILED : *n == FILE_MAX ? FULL : OK;
    }
    fclose(f);
    return rc;
}

static enum rc decode(struct span text, struct pem_file *out)
{
    size_t used = 0, cap = text.n;

    out->der = malloc(text.n + 1);
    out->certs = malloc((text.n / 32 + 1) * sizeof *out->certs); /* the armour alone is longer than 32 */
    if (out->der == NULL || out->certs == NULL)
        return FAILED;
    for (;;) {
        size_t n = cap - used;
        const enum rc rc = pem_next(&text, out->der + used, &n);

        if (rc == MORE)
            return out->n > 0 ? OK : MALFORMED;
        if (rc != OK)
            return rc;
        out->certs[out->n++] = span_of(out->der + used, n);
        used += n;
    }
}

enum rc pem_read(const char *path, struct pem_file *out)
{
    uint8_t *text;
    size_t n = 0;
    enum rc rc = read_file(path, &text, &n);

    *out = (struct pem_file){ 0 };
    if (rc == FAILED)
        fprintf(stderr, "waxseal dane: %s: %s\n", path, strerror(errno));
    else if (rc == OK)
        rc = decode(span_of(text, n), out);
    if (rc != OK && rc != FAILED)
        fprintf(stderr, "waxseal dane: %s: %s\n", path, rc == FULL ? "too large" : "not certificates in PEM form");
    free(text);
    if (rc != OK)
        pem_free(out);
    return rc;
}
