/*
 * own - the box's own certificate with its key, made once and kept in state-dir, for `client-starttls = "terminate"`
 * where the site names none. One file, so that the two can never be of different days.
 */
#ifndef OPS_OWN_H
#define OPS_OWN_H

#include "ops/config.h"

#include <stdio.h>

/*
 * own_make - the file, for its owner alone, where the configuration needs it and there is none yet; whoever calls can
 * write state-dir. The name in it is the machine's.
 *   not_before  what no clock of this box was meant to precede: the time of the build, in seconds since 1970
 *   says        what was made, or why not, a line
 *   returns     OK  it is there, or not needed | FAILED
 */
MUST_USE enum rc own_make(const struct config *c, int64_t not_before, FILE *says);

#endif
