/*
 * config_option - the table of options: name, default, and how the text becomes which field.     INTERFACES.md
 * 'Configuration' Knows nothing of the file or of the library that reads it (ops/config.c).
 */
#ifndef OPS_CONFIG_OPTION_H
#define OPS_CONFIG_OPTION_H

#include "ops/config_value.h"

enum {
    CONFIG_OPTIONS = 28,
    CONFIG_SECTIONS = 3, /* those with options of their own in the table; policy and smarthost have a title */
};

/* One option: how its text becomes which field. Scalars have one value, lists any number. */
struct config_option {
    const char *section, *name; /* section NULL: top level */
    bool list;
    const char *fallback; /* the default, values apart by blanks; NULL: none */
    enum rc (*take)(struct config *c, const struct config_option *row, const char *value, struct value_says *says);
    size_t at, size; /* the field; size of a text, default port of an endpoint */
    uint32_t lo, hi; /* of a number */
    const struct value_word *words;
};

extern const struct config_option config_options[CONFIG_OPTIONS];
extern const char *const config_sections[CONFIG_SECTIONS];

/* config_option_find - section NULL: top level. NULL where there is none. */
const struct config_option *config_option_find(const char *section, const char *name);

#endif
