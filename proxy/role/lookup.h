/*
 * lookup - one DNS question, validated on this box: the seam to libunbound, and the only place that includes it.
 * Recurses from the root or asks the configured forwarders, and validates either (RFC 7672 2.1.1: no AD bit is
 * believed). Its cache obeys the TTLs (RFC 6698 A.3); nothing is kept beside it. A context is thrown away whole when
 * the clock or the configuration has changed, since what it holds was judged by the old.
 */
#ifndef ROLE_LOOKUP_H
#define ROLE_LOOKUP_H

#include "dane/anchor.h"
#include "dane/answer.h"
#include "io/loop.h"
#include "ops/config.h"

struct lookup;

/* What of the configuration concerns the DNS. */
struct lookup_config {
    char trust_anchor[CONFIG_PATH_MAX];
    bool trust_anchor_configured;
    char root_hints[CONFIG_PATH_MAX]; /* a missing file: the library's own list */
    struct config_endpoints forward;
    bool tcp; /* no UDP: what is between loses it, or its large answers */
};

/*
 * lookup_new - a context on `loop`. Files are opened here and never later, but for `tracked`.
 *   anchors  at least one trusted key
 *   tracked  NULL, or a file that holds the same, in which the library goes by RFC 5011: it writes it anew whenever it
 *            has seen the root's keys, and *ends the process* where it cannot
 *   say      why not, where NULL comes back
 */
struct lookup *lookup_new(struct loop *loop, const struct lookup_config *config, const struct anchors *anchors,
                          const char *tracked, char *say, size_t cap);

/* lookup_free - no callback comes for what is still open. NULL is fine. */
void lookup_free(struct lookup *l);

/*
 * What an answer is handed to. It may come before lookup_ask returns.
 *   a          borrowed for the call
 *   why_bogus  with TRUST_BOGUS: the library's reason, printable; else NULL
 */
typedef void lookup_cb(void *owner, unsigned id, const struct answer *a, const char *why_bogus);

/* lookup_room - how many more questions can be asked now, of LOOKUPS_MAX. */
unsigned lookup_room(const struct lookup *l);

/*
 * lookup_ask - asks; there must be room. cb is called once, unless lookup_forget comes first.
 *   name    text without final dot, "." for the root
 *   type    enum answer_type
 */
void lookup_ask(struct lookup *l, const char *name, unsigned type, unsigned id, lookup_cb *cb, void *owner);

/* lookup_forget - cb is called no more for `owner`. The library goes on, and its cache gets the answer. */
void lookup_forget(struct lookup *l, const void *owner);

#endif
