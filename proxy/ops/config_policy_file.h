/*
 * config_policy_file - the table of levels for large sites, in the syntax of Postfix's smtp_tls_policy_maps: `DOMAIN
 * LEVEL [match=NAME:NAME]`, a line each; a line that begins with a blank goes on with the one before; # begins a
 * comment. Its rows stand behind all policy sections (policy/site.h). What Waxseal has no equal for is an error, not
 * ignored.
 */
#ifndef OPS_CONFIG_POLICY_FILE_H
#define OPS_CONFIG_POLICY_FILE_H

#include "ops/config_site.h"

/* config_policy_file - takes rows until all are, or one is wrong.
 *   text     of the file; is written to
 *   *line    where the wrong one begins; *says is the rest of a sentence that begins with its domain, at *domain
 *   returns  OK | MALFORMED */
MUST_USE enum rc config_policy_file(struct config *c, char *text, unsigned *line, const char **domain,
                                    struct value_says *says);

#endif
