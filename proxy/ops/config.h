/*
 * config - the file as one flat struct without pointers: parsed once in a process that may be thrown away, then handed
 * to every role as it is.     INTERFACES.md 'Configuration' Every option of INTERFACES.md parses; one whose feature
 * this build does not have is an error that says so, never a weaker level.
 */
#ifndef OPS_CONFIG_H
#define OPS_CONFIG_H

#include "base/ip.h"
#include "base/limits.h"
#include "policy/site.h"

#include <stdio.h>

#define CONFIG_PATH "/etc/waxseal/waxseal.conf"

struct config_nets {
    uint32_t n;
    struct ip_net net[CONFIG_NETS_MAX];
};

struct config_endpoint {
    struct ip ip;
    uint16_t port;
};

struct config_endpoints {
    uint32_t n;
    struct config_endpoint at[CONFIG_ENDPOINTS_MAX];
};

enum config_intercept {
    INTERCEPT_TPROXY,
    INTERCEPT_REDIRECT
};
enum config_source {
    SOURCE_CLIENT,
    SOURCE_GATEWAY
};
enum config_fail {
    FAIL_CLOSED,
    FAIL_OPEN
};
enum config_starttls {
    STARTTLS_PASSTHROUGH,
    STARTTLS_DECLINE,
    STARTTLS_TERMINATE
};
enum config_ambiguous {
    AMBIGUOUS_REFUSE,
    AMBIGUOUS_PASS
};
enum config_log {
    LOG_TO_SYSLOG,
    LOG_TO_STDERR,
    LOG_TO_FILE
};

/* Paths of a certificate (with its issuers) and of its key; "" for none. What is in them is ops/material.h's. */
struct config_credential {
    char certificate[CONFIG_PATH_MAX], key[CONFIG_PATH_MAX];
};
#define CONFIG_OWN_FILE "starttls.pem" /* in state-dir: where ops/own.h keeps the box's own */
#define CREDENTIAL_OWN 0               /* the first is the box's own; the others are smarthosts' */

struct config {
    uint32_t size; /* sizeof(struct config): what a receiver checks first */
    struct config_nets clients, exempt_client, exempt_destination, deny_destination;
    struct config_endpoints listen;
    enum config_intercept intercept;
    enum config_source source;
    enum config_fail fail;
    bool enforce;
    uint32_t workers;
    char user[64];
    char state_dir[CONFIG_PATH_MAX], control[CONFIG_PATH_MAX];
    enum config_log log;
    char log_path[CONFIG_PATH_MAX];
    uint32_t mark; /* divert mark, its routing table and conntrack zone (16 bits); far sockets carry mark + 1 */
    enum config_starttls client_starttls;
    enum config_ambiguous ambiguous;
    char trust_anchor[CONFIG_PATH_MAX], root_hints[CONFIG_PATH_MAX];
    bool trust_anchor_configured; /* written in the file: missing or bad is an error then, not a fallback */
    struct config_endpoints forward;
    char policy_file[CONFIG_PATH_MAX]; /* "": none. Its rows are in site */
    char ca_file[CONFIG_PATH_MAX];
    struct config_credential credential[CREDENTIALS_MAX];
    bool makes_own; /* the box's own is needed and the site names none: ops/own.h makes the file */
    uint32_t clear_after_s;
    uint32_t sessions, per_client, decision_s;
    struct site site;
};

/*
 * config_load - parses path (a missing file is an error; an empty one is valid and intercepts nothing).
 *   out      written only on OK
 *   errors   every error is printed there, one line each: FILE:LINE: sentence (a syntax error or an unknown option ends
 *            the reading, what comes behind it is not looked at)
 *   returns  OK | MALFORMED
 * The environment must be scrubbed before: libconfuse expands ${VAR} in double quotes. One call at a time in a process.
 */
MUST_USE enum rc config_load(const char *path, struct config *out, FILE *errors);

/* config_check - may this block of n bytes, which another process parsed, be used? Sizes, counts, enums, ends of
 * strings. OK or MALFORMED. */
MUST_USE enum rc config_check(const struct config *c, size_t n);

/*
 * config_reload_blockers - which options that differ need a restart (listen user workers intercept mark state-dir
 * control), as words with blanks between, "" for none.
 */
void config_reload_blockers(const struct config *now, const struct config *then, char *out, size_t cap);

bool config_nets_have(const struct config_nets *nets, const struct ip *ip);

/* config_option_name - the nth option as `name` or `section.name`, so that the manual can be tested; false behind the
 * last. */
bool config_option_name(size_t nth, char *out, size_t cap);

#endif
