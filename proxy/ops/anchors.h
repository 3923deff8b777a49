/*
 * anchors - the trust anchors of the configuration, from their file.       INTERFACES.md 'Configuration', RFC
 * 7672 2.1.1
 */
#ifndef OPS_ANCHORS_H
#define OPS_ANCHORS_H

#include "dane/anchor.h"

#define ANCHORS_SAY_MAX 512

/*
 * anchors_load - reads the file at `path`.
 *   configured  the path was written in the configuration: a file that is missing, empty or garbage is an error, and
 *               what it holds is all that counts. Else it is the distribution's copy of the root's own keys: a bad one
 *               only costs a warning, and the built-in keys are always added (the file may be older than the last roll)
 *   say         a sentence for the log, or ""
 *   returns     OK  *out holds at least one key | FAILED  say tells why
 */
MUST_USE enum rc anchors_load(const char *path, bool configured, struct anchors *out, char say[ANCHORS_SAY_MAX]);

#endif
