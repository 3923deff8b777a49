/*
 * anchor - the keys that the root of the DNS is known by.                        RFC 4034 2.2, 5.3; RFC 5011 4.2
 * Reads what root.key files hold: DS and DNSKEY records of the root, a line each, and the comments of libunbound's
 * RFC 5011 files: keys in the states VALID and MISSING are trusted, a pending one is kept for the time that it has
 * waited, all others are dropped. Pure: no file is read here. A set without a trusted key must never reach the
 * resolver: it would believe everything unsigned, silently.
 */
#ifndef DANE_ANCHOR_H
#define DANE_ANCHOR_H

#include "base/limits.h"
#include "base/rc.h"
#include "base/span.h"

/* RFC 5011 4.2, by the numbers of libunbound's files. */
enum anchor_state {
    ANCHOR_GIVEN = 0,   /* no state stands beside it: trusted as somebody wrote it down */
    ANCHOR_PENDING = 1, /* seen, signed by a trusted key, and not for long enough */
    ANCHOR_VALID = 2,
    ANCHOR_MISSING = 3 /* trusted, and not among the root's keys at present */
};

struct anchor {
    char line[ANCHOR_LINE_MAX]; /* `. IN DS …` or `. IN DNSKEY …`, one blank between the words */
    uint16_t tag;               /* RFC 4034 B */
    enum anchor_state state;
    uint32_t count;  /* how often a pending one was seen */
    int64_t changed; /* when the state began, seconds since 1970 */
};

struct anchors {
    unsigned n;
    struct anchor key[ANCHORS_MAX];
};

/*
 * anchor_parse - the text of a file.
 *   *line    the number of the line that was refused
 *   returns  OK         *out holds at least one trusted key
 *            UNUSABLE   nothing wrong in it, and no trusted key either
 *            MALFORMED  a line that is no DS or DNSKEY of the root
 *            FULL       more than ANCHORS_MAX keys
 */
MUST_USE enum rc anchor_parse(struct span text, struct anchors *out, unsigned *line);

/* anchor_text - as a file that anchor_parse and libunbound read; the same set gives the same text. The length written,
 * without the NUL. */
size_t anchor_text(const struct anchors *a, char out[ANCHORS_TEXT_MAX]);

bool anchor_is_trusted(const struct anchor *key);

/* anchor_add_builtin - adds the DS records of KSK-2017 and KSK-2024 where no trusted key of the same tag is there. */
void anchor_add_builtin(struct anchors *out);

/* anchor_is_stale - knows the root by IANA's KSK-2017 and not by KSK-2024, which signs since October 2026 (A123). */
bool anchor_is_stale(const struct anchors *a);

/* anchor_find - the same key in this set, as a record of either type (a DS of SHA-256 or SHA-384); NULL where there is
 * none. */
const struct anchor *anchor_find(const struct anchors *a, const struct anchor *key);

/*
 * anchor_follows - could RFC 5011 have made `fresh` of what was known before? For whoever keeps the keys that another
 * process found: that process may have been taken over, and keys outlive it.
 *   given, known  the configuration's; what was kept of them so far, maybe nothing
 *   returns       true   each key that is trusted now was trusted before, or has been pending here for 30 days
 *                        (2.4.1), and where some were known, one of these is among them. A pending one that is new
 *                        begins to wait now, whatever its date says
 */
bool anchor_follows(const struct anchors *given, const struct anchors *known, struct anchors *fresh, int64_t now_s);

/* anchor_base - what names this set of trusted keys, whatever else is known of them: a digest in hexadecimal. */
void anchor_base(const struct anchors *a, char out[ANCHOR_BASE_MAX]);

#endif
