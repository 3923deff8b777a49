/*
 * names - whose certificate is it?                                RFC 6125 6.4; RFC 7672 3.2.3; RFC 5280 7.1; RFC 4985
 * DNS names compare octet by octet without regard to ASCII case, in A-labels. A wildcard is `*` as the whole first
 * label and stands for one label; at least two labels must follow it. The common name counts only where no DNS-ID is
 * present, malformed ones included. Addresses and any other form of name do not count.
 */
#ifndef CERT_NAMES_H
#define CERT_NAMES_H

#include "base/limits.h"
#include "cert/cert.h"
#include "cert/der.h"

/* The DNS names that a certificate presents: its DNS-IDs, else those common names that could be one. */
struct names {
    struct cur alt;
    struct cur subject, rdn;
    bool is_common; /* they are common names */
    uint8_t wide[HOSTNAME_MAX];
};

void names_init(struct names *it, const struct cert *c);

/* names_next - the next one as the certificate has it: a DNS-ID may be no name at all. False at the end. *name lives
 * until the next call. */
bool names_next(struct names *it, struct span *name);

/*
 * What the levels that ask a public root want to know, where an SRV-ID is a name too and keeps the common name from
 * counting (RFC 6125 6.4.4):
 *   names_bear_host     does c bear this name, as names_bear has it?
 *   names_bear_below    does it bear any name below this domain, a wildcard too?
 *   names_bear_service  does it bear the SRV-ID `_service.host` (RFC 4985)?
 */
bool names_bear_host(const struct cert *c, struct span reference);
bool names_bear_below(const struct cert *c, struct span domain);
bool names_bear_service(const struct cert *c, struct span service, struct span host);

/* names_next_service - the next SRV-ID of c.alt_names, as it is; false at the end. */
bool names_next_service(struct cur *alt, struct span *name);

/* names_bear - does c bear this reference identifier? A final dot of it is not part of the name; what is no host name
 * matches nothing. */
bool names_bear(const struct cert *c, struct span reference);

/*
 * names_dn_within, names_dn_same - distinguished names (whole elements): does `name` begin with all of `base`; are they
 * the same? Printable, UTF-8 and IA5 strings compare by their characters, ASCII case and doubled blanks apart; any
 * other value by its bytes.
 */
bool names_dn_within(struct span name, struct span base);
bool names_dn_same(struct span a, struct span b);

/* names_attribute - the next attribute of a distinguished name whose two cursors the caller keeps: type and value. */
bool names_attribute(struct cur *subject, struct cur *rdn, struct span *type, struct der *value);

#endif
