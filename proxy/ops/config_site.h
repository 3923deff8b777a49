/*
 * config_site - one section `policy` or `smarthost` of the configuration into the site's tables. Knows nothing of the
 * file or of the library that reads it (ops/config.c).                                     INTERFACES.md
 * 'Configuration'
 */
#ifndef OPS_CONFIG_SITE_H
#define OPS_CONFIG_SITE_H

#include "ops/config_value.h"

/* As it stands in the file; NULL: not there. */
struct config_section {
    const char *title, *level;
    bool is_row; /* of policy-file: it stands behind all sections */
    unsigned n_match;
    const char *match[SITE_SECTION_MATCHES];
    const char *name, *port, *certificate, *key; /* of a smarthost */
};

/*
 * config_policy, config_smarthost - one section more.
 *   returns  OK | MALFORMED  *says is the rest of a sentence that begins `policy "TITLE"`; nothing is taken
 */
MUST_USE enum rc config_policy(struct config *c, const struct config_section *sec, struct value_says *says);
MUST_USE enum rc config_smarthost(struct config *c, const struct config_section *sec, struct value_says *says);

#endif
