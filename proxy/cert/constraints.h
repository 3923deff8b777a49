/*
 * constraints - may this CA have named that certificate?                                             RFC 5280 4.2.1.10
 * DNS names (those of services too), addresses and permitted directory names are compared. A certificate with a name of
 * any other form is refused where a constraint speaks of that form; so is one with a subject, where a directory name is
 * excluded.
 */
#ifndef CERT_CONSTRAINTS_H
#define CERT_CONSTRAINTS_H

#include "cert/cert.h"

/*
 * constraints_allow - do all names of c keep within what ca permits, and out of what it excludes?
 *   is_leaf  common names count where names.h takes them for the DNS name
 *   budget   comparisons left; it counts down, and at 0 the answer is no
 */
bool constraints_allow(const struct cert *ca, const struct cert *c, bool is_leaf, unsigned *budget);

#endif
