/*
 * waxseal_memory - what the box remembers of mail for a domain, from the running daemon, for probe and explain. The
 * verdicts that they tell are those of a client of which nothing is remembered; this is told beside them.
 */
#ifndef TOOLS_WAXSEAL_MEMORY_H
#define TOOLS_WAXSEAL_MEMORY_H

#include <cjson/cJSON.h>

#include "ops/config.h"

/* memory_add - `memory`: {"failures": [...], "more": n} as the daemon tells it, or "unknown" where it does not. */
void memory_add(cJSON *root, const struct config *config, const struct hostname *domain);

/* memory_words - that on stdout. */
void memory_words(const cJSON *root);

#endif
