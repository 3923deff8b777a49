#include "ops/anchors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* The whole file; FULL where it is longer than any that holds ANCHORS_MAX keys. */
static enum rc read_file(const char *path, uint8_t *mem, size_t cap, size_t *n)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = -1;

    *n = 0;
    if (fd < 0)
        return FAILED;
    while (*n < cap && (got = read(fd, mem + *n, cap - *n)) > 0)
        *n += (size_t)got;
    if (got < 0) {
        const int why = errno;

        close(fd);
        errno = why;
        return FAILED;
    }
    close(fd);
    return *n < cap ? OK : FULL;
}

static enum rc load(const char *path, struct anchors *out, char say[ANCHORS_SAY_MAX])
{
    uint8_t mem[ANCHORS_MAX * ANCHOR_LINE_MAX];
    size_t n;
    unsigned line = 0;
    enum rc rc = read_file(path, mem, sizeof mem, &n);

    out->n = 0;
    if (rc == FAILED) {
        (void)snprintf(say, ANCHORS_SAY_MAX, "trust anchor %s: %s", path, strerror(errno));
        return FAILED;
    }
    if (rc == OK)
        rc = anchor_parse(span_of(mem, n), out, &line);
    if (rc == OK)
        return OK;
    if (rc == UNUSABLE)
        (void)snprintf(say, ANCHORS_SAY_MAX, "trust anchor %s: no key in it", path);
    else if (rc == FULL)
        (void)snprintf(say, ANCHORS_SAY_MAX, "trust anchor %s: too long", path);
    else
        (void)snprintf(say, ANCHORS_SAY_MAX, "trust anchor %s: line %u is no DS or DNSKEY record of the root", path,
                       line);
    out->n = 0;
    return FAILED;
}

static void add(char say[ANCHORS_SAY_MAX], const char *path, const char *sentence)
{
    const size_t at = strlen(say);

    if (at == 0)
        (void)snprintf(say, ANCHORS_SAY_MAX, "trust anchor %s: %s", path, sentence);
    else
        (void)snprintf(say + at, ANCHORS_SAY_MAX - at, "; %s", sentence);
}

enum rc anchors_load(const char *path, bool configured, struct anchors *out, char say[ANCHORS_SAY_MAX])
{
    enum rc rc;

    say[0] = '\0';
    rc = load(path, out, say);
    if (rc != OK && configured)
        return rc;
    if (rc != OK)
        add(say, path, "the built-in keys are used");
    else if (anchor_is_stale(out))
        add(say, path,
            configured ? "it lacks KSK-2024, which signs the root since 2026-10-11"
                       : "it lacks KSK-2024, the built-in key is added");
    if (!configured)
        anchor_add_builtin(out);
    return OK;
}
