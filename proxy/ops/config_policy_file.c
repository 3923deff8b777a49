#include "ops/config_policy_file.h"

#include <string.h>

#define BLANKS " \t\r"

/* match=a:b at the levels of names; fingerprints have colons of their own, and `|` between them (postconf(5)). */
static enum rc take_match(struct config_section *row, char *value, struct value_says *says)
{
    const bool digests = strcmp(row->level, "fingerprint") == 0;

    for (char *name; (name = strsep(&value, digests ? "|" : ":|")) != NULL;) {
        if (row->n_match == SITE_SECTION_MATCHES)
            return value_no(says, "has more names in match than a row may");
        row->match[row->n_match++] = name;
    }
    return OK;
}

static enum rc take_row(struct config *c, char *row, const char **domain, struct value_says *says)
{
    struct config_section sec = { .is_row = true };
    char *rest = row;

    sec.title = *domain = strsep(&rest, BLANKS);
    rest = rest == NULL ? row + strlen(row) : rest + strspn(rest, BLANKS);
    sec.level = *rest == '\0' ? NULL : strsep(&rest, BLANKS);
    for (char *word; sec.level != NULL && (word = strsep(&rest, BLANKS)) != NULL;) {
        if (*word == '\0')
            continue;
        if (strncmp(word, "match=", strlen("match=")) != 0)
            return value_no(says, "has \"%.60s\", which has no equal here", word);
        if (take_match(&sec, word + strlen("match="), says) != OK)
            return MALFORMED;
    }
    if (strcmp(sec.title, "default") == 0 || strchr(sec.title, '[') != NULL)
        return value_no(says, "is no domain: the default and hosts have sections");
    return config_policy(c, &sec, says);
}

enum rc config_policy_file(struct config *c, char *text, unsigned *line, const char **domain, struct value_says *says)
{
    unsigned number = 1;

    for (char *at = text; at != NULL && *at != '\0';) {
        char *const row = at, *end = strchr(at, '\n');

        *line = number++;
        while (end != NULL && (end[1] == ' ' || end[1] == '\t')) { /* it goes on: the line end becomes a blank */
            *end = ' ';
            end = strchr(end + 1, '\n');
            number++;
        }
        at = end == NULL ? NULL : end + 1;
        if (end != NULL)
            *end = '\0';
        if (row[strspn(row, BLANKS)] == '\0' || row[strspn(row, BLANKS)] == '#')
            continue;
        if (take_row(c, row + strspn(row, BLANKS), domain, says) != OK)
            return MALFORMED;
    }
    return OK;
}
