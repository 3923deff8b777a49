/*
 * config_value - one value of the configuration, as text, becomes one field, or a sentence that says why not. Pure.
 * Which option it is for, and in which line it stands, is ops/config.c's.
 */
#ifndef OPS_CONFIG_VALUE_H
#define OPS_CONFIG_VALUE_H

#include "ops/config.h"

/* Why a value is not taken, to be printed behind it; room for the longest of them and an address. */
struct value_says {
    char text[280];
};

/* value_no - writes *says. MALFORMED. */
enum rc value_no(struct value_says *says, const char *fmt, ...) PRINTF_LIKE(2, 3);

struct value_word {
    const char *word; /* NULL ends the list */
    bool unbuilt;     /* known, but its feature is not in this build */
};

/* Each returns OK with the field changed, or MALFORMED with *says written and the field as it was. */
MUST_USE enum rc value_net(const char *s, struct config_nets *nets, struct value_says *says);
/* default_port 0: the port must be there */
MUST_USE enum rc value_endpoint(const char *s, uint16_t default_port, struct config_endpoints *out,
                                struct value_says *says);
MUST_USE enum rc value_number(const char *s, uint32_t lo, uint32_t hi, uint32_t *out, struct value_says *says);
MUST_USE enum rc value_word(const char *s, const struct value_word *words, unsigned *out, struct value_says *says);
MUST_USE enum rc value_yes_no(const char *s, bool *out, struct value_says *says);
/* an absolute path without control characters */
MUST_USE enum rc value_path(const char *s, char *out, size_t cap, struct value_says *says);
/* what useradd(8) makes */
MUST_USE enum rc value_user(const char *s, char *out, size_t cap, struct value_says *says);
MUST_USE enum rc value_level(const char *s, uint8_t *out, struct value_says *says);
/* a domain, or `.domain` for what is below it */
MUST_USE enum rc value_domain(const char *s, struct site_entry *out, struct value_says *says);

#endif
