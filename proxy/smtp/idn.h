/*
 * idn - a recipient's domain, which may be written in its own script, as the A-labels that the DNS knows.  RFC 5891 5,
 * 3492 Only what no reader can take for another name: code points that IDNA 2003, IDNA 2008 and UTS 46 all map to
 * themselves and that stand alone (no combining marks, no joiners, no right-to-left scripts, neither sharp s nor final
 * sigma), and capitals whose small letter is one of those. Everything else is refused: to encode it wrongly would take
 * the policy of another domain, and to encode it rightly takes the tables of Unicode (2 MB of libraries).
 */
#ifndef SMTP_IDN_H
#define SMTP_IDN_H

#include "smtp/hostname.h"

/*
 * idn_parse - hostname_parse for names that may hold U-labels in UTF-8.
 *   returns  OK         *out written, A-labels only
 *            MALFORMED  no name, or one that we cannot encode for sure
 */
MUST_USE enum rc idn_parse(struct span s, struct hostname *out);

#endif
