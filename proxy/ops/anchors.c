#include "ops/anchors.h"

#include "ops/file.h"

#include <errno.h>
#include <stdio.h>

static enum rc load(const char *path, struct anchors *out, char say[ANCHORS_SAY_MAX])
{
    uint8_t mem[ANCHORS_TEXT_MAX];
    size_t n;
    unsigned line = 0;
    enum rc rc = file_read(path, false, mem, sizeof mem, &n);

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

enum rc anchors_load(const char *path, bool configured, struct anchors_loaded *out, char say[ANCHORS_SAY_MAX])
{
    say[0] = '\0';
    const bool found = load(path, &out->anchors, say) == OK;

    if (!found && configured)
        return FAILED;
    out->source = found ? ANCHORS_FILE : ANCHORS_BUILTIN;
    out->stale = anchor_is_stale(&out->anchors);
    if (!found)
        (void)snprintf(say + strlen(say), ANCHORS_SAY_MAX - strlen(say), "; the built-in keys are used");
    else if (out->stale)
        (void)snprintf(
            say, ANCHORS_SAY_MAX,
            "trust anchor %s is stale: it lacks KSK-2024, which signs the root since 2026-10-11; the built-in "
            "key is added, bring the file up to date",
            path);
    if (!configured || out->stale)
        anchor_add_builtin(&out->anchors);
    return OK;
}

void anchors_folder(const char *control, char out[CONFIG_PATH_MAX])
{
    (void)snprintf(out, CONFIG_PATH_MAX, "%.200s.anchors", control); /* a socket's path is half as long */
}
