#include "ops/config_option.h"

#include <sys/un.h>

static void *field(struct config *c, const struct config_option *row)
{
    return (char *)c + row->at;
}

static enum rc take_nets(struct config *c, const struct config_option *row, const char *value, struct value_says *says)
{
    return value_net(value, field(c, row), says);
}

static enum rc take_endpoint(struct config *c, const struct config_option *row, const char *value,
                             struct value_says *says)
{
    return value_endpoint(value, (uint16_t)row->size, field(c, row), says);
}

static enum rc take_number(struct config *c, const struct config_option *row, const char *value,
                           struct value_says *says)
{
    return value_number(value, row->lo, row->hi, field(c, row), says);
}

static enum rc take_word(struct config *c, const struct config_option *row, const char *value, struct value_says *says)
{
    return value_word(value, row->words, field(c, row), says);
}

static enum rc take_yes_no(struct config *c, const struct config_option *row, const char *value,
                           struct value_says *says)
{
    return value_yes_no(value, field(c, row), says);
}

static enum rc take_path(struct config *c, const struct config_option *row, const char *value, struct value_says *says)
{
    return value_path(value, field(c, row), row->size, says);
}

static enum rc take_named(struct config *c, const struct config_option *row, const char *value, struct value_says *says)
{
    return value[0] == '\0' ? OK : take_path(c, row, value, says);
}

static enum rc take_user(struct config *c, const struct config_option *row, const char *value, struct value_says *says)
{
    return value_user(value, field(c, row), row->size, says);
}

static enum rc take_log(struct config *c, const struct config_option *row, const char *value, struct value_says *says)
{
    (void)row;
    if (strcmp(value, "syslog") == 0)
        c->log = LOG_TO_SYSLOG;
    else if (strcmp(value, "stderr") == 0)
        c->log = LOG_TO_STDERR;
    else if (value_path(value, c->log_path, sizeof c->log_path, says) == OK)
        c->log = LOG_TO_FILE;
    else
        return MALFORMED;
    return OK;
}

/* "" is none; what is in it is read behind all sections. */
static enum rc take_path_or_none(struct config *c, const struct config_option *row, const char *value,
                                 struct value_says *says)
{
    return value[0] == '\0' ? OK : take_path(c, row, value, says);
}

static const struct value_word intercept_words[] = { { "tproxy", false }, { "redirect", false }, { NULL, false } };
static const struct value_word source_words[] = { { "client", false }, { "gateway", false }, { NULL, false } };
static const struct value_word fail_words[] = { { "closed", false }, { "open", false }, { NULL, false } };
static const struct value_word ambiguous_words[] = { { "refuse", false }, { "pass", false }, { NULL, false } };
static const struct value_word starttls_words[] = {
    { "passthrough", false }, { "decline", false }, { "terminate", false }, { NULL, false }
};
_Static_assert(sizeof(enum config_fail) == sizeof(unsigned), "value_word writes an unsigned into the enums");

#define AT(f) offsetof(struct config, f)
#define TEXT(f) .at = offsetof(struct config, f), .size = sizeof(((struct config *)NULL)->f)
#define SUN_PATH sizeof(((struct sockaddr_un *)NULL)->sun_path)

const struct config_option config_options[CONFIG_OPTIONS] = {
    { NULL, "clients", true, NULL, take_nets, .at = AT(clients) },
    { NULL, "exempt-client", true, NULL, take_nets, .at = AT(exempt_client) },
    { NULL, "exempt-destination", true, NULL, take_nets, .at = AT(exempt_destination) },
    { NULL, "deny-destination", true, NULL, take_nets, .at = AT(deny_destination) },
    { NULL, "listen", true, "127.0.0.1:2525 [::1]:2525", take_endpoint, .at = AT(listen) },
    { NULL, "intercept", false, "tproxy", take_word, .at = AT(intercept), .words = intercept_words },
    { NULL, "source", false, "client", take_word, .at = AT(source), .words = source_words },
    { NULL, "fail", false, "closed", take_word, .at = AT(fail), .words = fail_words },
    { NULL, "enforce", false, "yes", take_yes_no, .at = AT(enforce) },
    { NULL, "workers", false, "1", take_number, .at = AT(workers), .lo = 1, .hi = PEERS_MAX },
    { NULL, "user", false, "waxseal", take_user, TEXT(user) },
    { NULL, "state-dir", false, "/var/lib/waxseal", take_path, TEXT(state_dir) },
    { NULL, "control", false, "/run/waxseal/control", take_path, .at = AT(control), .size = SUN_PATH },
    { NULL, "log", false, "syslog", take_log, .at = AT(log) },
    { NULL, "mark", false, "0x5753", take_number, .at = AT(mark), .lo = MARK_MIN, .hi = MARK_MAX },
    { NULL, "client-starttls", false, "passthrough", take_word, .at = AT(client_starttls), .words = starttls_words },
    { NULL, "ambiguous-end-of-data", false, "refuse", take_word, .at = AT(ambiguous), .words = ambiguous_words },
    { NULL, "policy-file", false, "", take_path_or_none, TEXT(policy_file) },
    { "resolver", "trust-anchor", false, "/usr/share/dns/root.key", take_path, TEXT(trust_anchor) },
    { "resolver", "root-hints", false, "/usr/share/dns/root.hints", take_path, TEXT(root_hints) },
    { "resolver", "forward", true, NULL, take_endpoint, .at = AT(forward), .size = 53 },
    { "tls", "ca-file", false, "/etc/ssl/certs/ca-certificates.crt", take_path, TEXT(ca_file) },
    { "tls", "certificate", false, "", take_named, TEXT(credential[CREDENTIAL_OWN].certificate) },
    { "tls", "key", false, "", take_named, TEXT(credential[CREDENTIAL_OWN].key) },
    { "tls", "clear-after", false, "300", take_number, .at = AT(clear_after_s), .lo = 0, .hi = CLEAR_AFTER_MAX_S },
    { "limits", "sessions", false, "1000", take_number, .at = AT(sessions), .lo = 1, .hi = SESSIONS_MAX },
    { "limits", "per-client", false, "200", take_number, .at = AT(per_client), .lo = 1, .hi = SESSIONS_MAX },
    { "limits", "decision", false, "25", take_number, .at = AT(decision_s), .lo = DECISION_MIN_S,
      .hi = DECISION_MAX_S },
};

const char *const config_sections[CONFIG_SECTIONS] = { "resolver", "tls", "limits" };

/* What only the sections of their own kind have: read section by section in ops/config.c. */
static const char *const titled_options[] = { "policy.level",          "policy.match",    "smarthost.name",
                                              "smarthost.level",       "smarthost.match", "smarthost.port",
                                              "smarthost.certificate", "smarthost.key" };

bool config_option_name(size_t nth, char *out, size_t cap)
{
    const size_t titled = sizeof titled_options / sizeof titled_options[0];

    if (nth >= CONFIG_OPTIONS + titled)
        return false;
    if (nth >= CONFIG_OPTIONS)
        snprintf(out, cap, "%s", titled_options[nth - CONFIG_OPTIONS]);
    else if (config_options[nth].section == NULL)
        snprintf(out, cap, "%s", config_options[nth].name);
    else
        snprintf(out, cap, "%s.%s", config_options[nth].section, config_options[nth].name);
    return true;
}

const struct config_option *config_option_find(const char *section, const char *name)
{
    for (size_t i = 0; i < CONFIG_OPTIONS; i++)
        if (strcmp(config_options[i].name, name) == 0 &&
            (section == NULL ? config_options[i].section == NULL
                             : config_options[i].section != NULL && strcmp(config_options[i].section, section) == 0))
            return &config_options[i];
    return NULL;
}
