/*
 * waxseal_report - what probe and explain found out, as one JSON object, and in words: the words are made from the
 * object, so that the two cannot differ. The keys are waxseal(1)'s, and stable. Whatever a peer or the DNS wrote is
 * printable by the time it gets here. Running out of memory leaves gaps, and report_print then fails.
 */
#ifndef TOOLS_WAXSEAL_REPORT_H
#define TOOLS_WAXSEAL_REPORT_H

#include <cjson/cJSON.h>

#include "dane/route.h"
#include "ops/config.h"
#include "policy/decide.h"

/* report_trust, report_tlsa - the words of these enums; values from outside have passed route_check. */
const char *report_trust(unsigned trust);
const char *report_tlsa(unsigned state);

/* report_record - `3 1 1 HEX`. */
#define REPORT_RECORD_MAX 160 /* longer data ends in `...` */
void report_record(const struct tlsa *t, char out[REPORT_RECORD_MAX]);

/* report_new - domain, level, enforce; and where r is not NULL clock, anchored, mx and hosts with their addresses. */
cJSON *report_new(const struct config *config, const struct hostname *domain, enum level level, const struct route *r);

/* report_address - the object of the nth address of the nth host; NULL: none. */
cJSON *report_address(cJSON *root, unsigned host, unsigned address);

/* report_sent, report_unreachable, report_refused - what would become of mail: `outcome`, `explanation`; for a refusal
 * `reason` and `reply` (whose CRLF is taken off). */
void report_unreachable(cJSON *to, const char *explanation);
void report_sent(cJSON *to, enum grade grade, const char *explanation);
void report_refused(cJSON *to, enum why why, struct span reply);

/* report_add - text of others under this key, made printable; nothing where it is empty. */
void report_add(cJSON *to, const char *key, struct span text);

/* report_route_words, report_outcome_words - on stdout: the first lines of both commands; one outcome, behind `indent`.
 * report_text - the string of this key, or "-". */
void report_route_words(const cJSON *root, void (*behind_address)(const cJSON *address));
void report_outcome_words(const char *indent, const cJSON *o);
const char *report_text(const cJSON *from, const char *key);

/* report_print - as JSON, or by `words`; false: out of memory. Deletes root. */
bool report_print(cJSON *root, bool json, void (*words)(const cJSON *root));

#endif
