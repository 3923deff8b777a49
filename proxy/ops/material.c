#include "ops/material.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cert/pem.h"
#include "io/sealed.h"

/* A run of the pool. */
struct run {
    uint32_t at, n;
};

struct block {
    uint32_t size; /* of all of it that is used */
    uint32_t n_root;
    struct run root[MATERIAL_ROOTS_MAX];
    struct {
        uint32_t n; /* 0: no such credential */
        struct run chain[CREDENTIAL_CERTS_MAX], key;
    } credential[CREDENTIALS_MAX];
    uint8_t pool[MATERIAL_POOL_MAX]; /* last: only its used part is written */
};

#define POOL_AT offsetof(struct block, pool)

/* ---- the maker ---- */

struct making {
    struct block *block;
    uint32_t used; /* of the pool */
    FILE *errors;
    bool failed;
};

struct text {
    uint8_t *p;
    size_t n;
};

static void complain(struct making *m, const char *path, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void complain(struct making *m, const char *path, const char *fmt, ...)
{
    char raw[CONFIG_PATH_MAX + 200], line[sizeof raw];
    const int n = snprintf(raw, sizeof raw, "%s: ", path);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(raw + n, sizeof raw - (size_t)n, fmt, ap);
    va_end(ap);
    (void)text_printable(span_str(raw), line, sizeof line);
    fprintf(m->errors, "%s\n", line);
    m->failed = true;
}

static void forget(struct text *t)
{
    if (t->p != NULL)
        explicit_bzero(t->p, t->n);
    free(t->p);
    *t = (struct text){ NULL, 0 };
}

static bool read_all(int fd, struct text *t)
{
    size_t got = 0;

    while (got < t->n) {
        const ssize_t n = read(fd, t->p + got, t->n - got);

        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

/* A plain file of sane size. One with a secret must not be everybody's: whoever reads it is this box to its provider.
 */
static bool read_file(struct making *m, const char *path, bool secret, struct text *t)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    *t = (struct text){ NULL, 0 };
    if (fd < 0 || fstat(fd, &st) != 0) {
        complain(m, path, "%s", strerror(errno));
    } else if (!S_ISREG(st.st_mode) || st.st_size > MATERIAL_FILE_MAX) {
        complain(m, path, "is no plain file of at most %d bytes", MATERIAL_FILE_MAX);
    } else if (secret && (st.st_mode & (S_IROTH | S_IWOTH)) != 0) {
        complain(m, path, "holds a private key, and everybody may read it: chmod o-rw");
    } else {
        *t = (struct text){ malloc((size_t)st.st_size + 1), (size_t)st.st_size };
        if (t->p == NULL || !read_all(fd, t)) {
            complain(m, path, "cannot be read whole");
            forget(t);
        }
    }
    if (fd >= 0)
        close(fd);
    return t->p != NULL;
}

static size_t room(const struct making *m)
{
    return MATERIAL_POOL_MAX - m->used;
}

static struct run keep(struct making *m, size_t n)
{
    const struct run run = { m->used, (uint32_t)n };

    m->used += run.n;
    return run;
}

/* Says what pem.h's answer means; true for OK alone. */
static bool is_read(struct making *m, const char *path, enum rc rc, const char *what)
{
    if (rc == MORE)
        complain(m, path, "has no %s in it (PEM: -----BEGIN ...)", what);
    else if (rc == UNUSABLE)
        complain(m, path, "is encrypted: write it without a pass phrase, and for this user alone");
    else if (rc == FULL)
        complain(m, path, "is too large: all certificates and keys together have room for %d bytes", MATERIAL_POOL_MAX);
    else if (rc != OK)
        complain(m, path, "is damaged: its PEM text cannot be decoded");
    return rc == OK;
}

static void load_roots(struct making *m, const char *path)
{
    struct block *const b = m->block;
    struct text text;
    struct cert cert;
    struct span rest;

    if (!read_file(m, path, false, &text))
        return;
    rest = span_of(text.p, text.n);
    for (;;) {
        size_t n = room(m);
        const enum rc rc = pem_next(&rest, b->pool + m->used, &n);

        if (rc == MORE && b->n_root > 0)
            break;
        if (!is_read(m, path, rc, "certificate that could be a root"))
            break;
        if (cert_read(span_of(b->pool + m->used, n), &cert) != OK)
            continue; /* no path may hold it; the others are none the worse for it */
        if (b->n_root == MATERIAL_ROOTS_MAX) {
            complain(m, path, "has more than %d certificates", MATERIAL_ROOTS_MAX);
            break;
        }
        b->root[b->n_root++] = keep(m, n);
    }
    forget(&text);
}

static bool load_chain(struct making *m, const char *path, unsigned index)
{
    struct block *const b = m->block;
    struct text text;
    struct span rest;
    enum rc rc = OK;

    if (!read_file(m, path, false, &text))
        return false;
    rest = span_of(text.p, text.n);
    for (;;) {
        size_t n = room(m);

        rc = pem_next(&rest, b->pool + m->used, &n);
        if (rc == MORE && b->credential[index].n > 0)
            rc = OK;
        else if (rc == OK && b->credential[index].n < CREDENTIAL_CERTS_MAX) {
            b->credential[index].chain[b->credential[index].n++] = keep(m, n);
            continue;
        } else if (rc == OK) {
            complain(m, path, "has more than %d certificates: it is for the box's own and its issuers",
                     CREDENTIAL_CERTS_MAX);
            rc = MALFORMED;
            break;
        }
        rc = is_read(m, path, rc, "certificate") ? OK : MALFORMED;
        break;
    }
    forget(&text);
    return rc == OK;
}

static bool load_key(struct making *m, const char *path, unsigned index)
{
    struct text text;
    size_t n = room(m);
    bool ok;

    if (!read_file(m, path, true, &text))
        return false;
    ok = is_read(m, path, pem_key(span_of(text.p, text.n), m->block->pool + m->used, &n), "private key");
    if (ok)
        m->block->credential[index].key = keep(m, n);
    forget(&text);
    return ok;
}

static struct span of(const struct block *b, struct run r)
{
    return span_of(b->pool + r.at, r.n);
}

static struct tls_identity identity_of(const struct block *b, unsigned index)
{
    struct tls_identity id = { .n = b->credential[index].n, .key = of(b, b->credential[index].key) };

    for (unsigned i = 0; i < id.n; i++)
        id.chain[i] = of(b, b->credential[index].chain[i]);
    return id;
}

/* Tried out here, so that a worker never starts with a key that is of no use. */
static void load_credential(struct making *m, const struct config_credential *c, unsigned index)
{
    struct tls_ctx *ctx = NULL;
    struct tls_identity id;
    enum rc rc = FAILED;

    if (!load_chain(m, c->certificate, index) || !load_key(m, c->key, index))
        return;
    ctx = tls_ctx_new(TLS_FLOOR_1_2);
    id = identity_of(m->block, index);
    if (ctx != NULL)
        rc = tls_ctx_identity(ctx, &id);
    tls_ctx_free(ctx);
    if (rc == UNUSABLE)
        complain(m, c->key, "does not belong to the certificate in %s, or one of the two cannot be read",
                 c->certificate);
    else if (rc != OK)
        complain(m, c->key, "the TLS library does not take it: no memory or no entropy");
}

bool material_is_named(const struct config *c)
{
    for (unsigned i = 0; i < CREDENTIALS_MAX; i++)
        if (c->credential[i].certificate[0] != '\0')
            return true;
    return site_needs_roots(&c->site);
}

enum rc material_load(const struct config *c, int memory, FILE *errors)
{
    struct making m = { .block = calloc(1, sizeof *m.block), .errors = errors };

    if (m.block == NULL) {
        fprintf(errors, "out of memory\n");
        return MALFORMED;
    }
    if (site_needs_roots(&c->site))
        load_roots(&m, c->ca_file);
    for (unsigned i = 0; i < CREDENTIALS_MAX; i++)
        if (c->credential[i].certificate[0] != '\0')
            load_credential(&m, &c->credential[i], i);
    m.block->size = (uint32_t)POOL_AT + m.used;
    if (!m.failed && sealed_put(memory, span_of(m.block, m.block->size)) != OK)
        complain(&m, "memory for certificates", "%s", strerror(errno));
    explicit_bzero(m.block->pool, m.used);
    free(m.block);
    return m.failed ? MALFORMED : OK;
}

/* ---- the reader ---- */

struct material {
    struct span mapped;
    const struct block *block;
    size_t n_root;
    struct cert root[];
};

static bool is_inside(const struct block *b, struct run r)
{
    const size_t pool = b->size - POOL_AT;

    return r.n > 0 && r.at <= pool && r.n <= pool - r.at;
}

static bool is_well(const struct block *b, size_t n)
{
    if (n < POOL_AT || b->size != n || b->n_root > MATERIAL_ROOTS_MAX)
        return false;
    for (unsigned i = 0; i < b->n_root; i++)
        if (!is_inside(b, b->root[i]))
            return false;
    for (unsigned i = 0; i < CREDENTIALS_MAX; i++) {
        if (b->credential[i].n > CREDENTIAL_CERTS_MAX)
            return false;
        for (unsigned k = 0; k < b->credential[i].n; k++)
            if (!is_inside(b, b->credential[i].chain[k]))
                return false;
        if (b->credential[i].n > 0 && !is_inside(b, b->credential[i].key))
            return false;
    }
    return true;
}

struct material *material_open(int memory)
{
    const struct span all = sealed_map(memory, sizeof(struct block));
    const struct block *const b = (const struct block *)all.p;
    struct material *m = NULL;

    if (all.n > 0 && is_well(b, all.n))
        m = calloc(1, sizeof *m + b->n_root * sizeof m->root[0]);
    if (m == NULL) {
        sealed_unmap(all);
        return NULL;
    }
    m->mapped = all;
    m->block = b;
    for (unsigned i = 0; i < b->n_root; i++)
        if (cert_read(of(b, b->root[i]), &m->root[m->n_root]) == OK)
            m->n_root++;
    return m;
}

void material_close(struct material *m)
{
    if (m == NULL)
        return;
    sealed_unmap(m->mapped);
    free(m);
}

const struct cert *material_roots(const struct material *m, size_t *n)
{
    *n = m == NULL ? 0 : m->n_root;
    return m == NULL ? NULL : m->root;
}

struct tls_identity material_identity(const struct material *m, unsigned index)
{
    return m == NULL || index >= CREDENTIALS_MAX ? (struct tls_identity){ .n = 0 } : identity_of(m->block, index);
}
