/*
 * anchors - the trust anchors of the configuration, from their file.       INTERFACES.md 'Configuration', RFC
 * 7672 2.1.1
 */
#ifndef OPS_ANCHORS_H
#define OPS_ANCHORS_H

#include "dane/anchor.h"

#define ANCHORS_SAY_MAX 512

enum anchors_source {
    ANCHORS_FILE,
    ANCHORS_BUILTIN,
    ANCHORS_KEPT /* what RFC 5011 had made of them, over a restart */
};

struct anchors_loaded {
    struct anchors anchors;     /* at least one trusted key */
    enum anchors_source source; /* BUILTIN: the file gave none */
    bool stale;                 /* the file knows the root by KSK-2017 alone; KSK-2024 was added */
};

/*
 * anchors_load - reads the file at `path`.
 *   configured  the path was written in the configuration: a file that is missing, empty or garbage is an error, and
 *               what it holds is all that counts, but for KSK-2024 beside IANA's own KSK-2017. Else it is the
 *               distribution's copy of the root's own keys: a bad one only costs a warning, and the built-in keys are
 *               always added (the file may be older than the last roll)
 *   say         a sentence for the log, or ""
 *   returns     OK | FAILED  say tells why
 */
MUST_USE enum rc anchors_load(const char *path, bool configured, struct anchors_loaded *out, char say[ANCHORS_SAY_MAX]);

/* anchors_folder - where the resolver keeps what RFC 5011 teaches it while it runs: beside the control socket, which
 * lies in RAM. */
void anchors_folder(const char *control, char out[CONFIG_PATH_MAX]);

#endif
