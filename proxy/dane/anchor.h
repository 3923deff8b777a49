/*
 * anchor - the keys that the root of the DNS is known by.                        RFC 4034 2.2, 5.3; RFC 5011 4.2
 * Reads what root.key files hold: DS and DNSKEY records of the root, a line each, and the comments of libunbound's
 * RFC 5011 files, whose keys in other states than VALID and MISSING are not trusted yet or any more. Pure: no file is
 * read here. An empty set must never reach the resolver: it would believe everything unsigned, silently.
 */
#ifndef DANE_ANCHOR_H
#define DANE_ANCHOR_H

#include "base/limits.h"
#include "base/rc.h"
#include "base/span.h"

struct anchors {
    unsigned n;
    char line[ANCHORS_MAX][ANCHOR_LINE_MAX]; /* `. IN DS …` or `. IN DNSKEY …`, one blank between the words */
    uint16_t tag[ANCHORS_MAX];               /* RFC 4034 B */
};

/*
 * anchor_parse - the text of a file.
 *   *line    the number of the line that was refused
 *   returns  OK         *out holds at least one key
 *            UNUSABLE   nothing wrong in it, and no key either
 *            MALFORMED  a line that is no DS or DNSKEY of the root
 *            FULL       more than ANCHORS_MAX keys
 */
MUST_USE enum rc anchor_parse(struct span text, struct anchors *out, unsigned *line);

/* anchor_add_builtin - adds the DS records of KSK-2017 and KSK-2024 where no key of the same tag is there. */
void anchor_add_builtin(struct anchors *out);

/* anchor_is_stale - knows the root by KSK-2017 and not by KSK-2024, which signs since October 2026 (A123). */
bool anchor_is_stale(const struct anchors *a);

#endif
