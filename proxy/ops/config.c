#include "ops/config.h"

#include "base/text.h"
#include "ops/config_option.h"
#include "ops/config_policy_file.h"
#include "ops/config_site.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct reading {
    const char *path;
    FILE *errors;
    unsigned failed;
    int line[CONFIG_OPTIONS]; /* where each option was read last; 0: not in the file */
    struct config *out;
};

/* libconfuse hands no pointer of ours to its callbacks, so the one reading that goes on stands here. */
static struct reading *current;

static void complain(struct reading *r, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void complain(struct reading *r, int line, const char *fmt, ...)
{
    char raw[512], text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    (void)text_printable(span_str(raw), text, sizeof text);
    r->failed++;
    if (line > 0)
        fprintf(r->errors, "%s:%d: %s\n", r->path, line, text);
    else
        fprintf(r->errors, "%s: %s\n", r->path, text);
}

static void confuse_error(cfg_t *cfg, const char *fmt, va_list ap)
{
    char text[400];

    vsnprintf(text, sizeof text, fmt, ap);
    complain(current, cfg == NULL ? 0 : cfg->line, "%s", text);
}

/* Called at each value that was read: notes the line. Never refuses, so that all errors are found in one run. */
static int note_option(cfg_t *cfg, cfg_opt_t *opt)
{
    const struct config_option *row = config_option_find(strcmp(cfg->name, "root") == 0 ? NULL : cfg->name, opt->name);

    if (row == NULL)
        return 0;
    if (!row->list && current->line[row - config_options] != 0)
        complain(current, cfg->line, "%s is already in line %d", opt->name, current->line[row - config_options]);
    current->line[row - config_options] = cfg->line;
    return 0;
}

static void take_value(struct reading *r, const struct config_option *row, const char *value)
{
    struct value_says says;

    if (row->take(r->out, row, value, &says) != OK)
        complain(r, r->line[row - config_options], "%s%s%s: \"%.100s\" %s", row->section == NULL ? "" : row->section,
                 row->section == NULL ? "" : ".", row->name, value, says.text);
}

static void take_default(struct reading *r, const struct config_option *row)
{
    char values[128], *rest = values;

    if (row->fallback == NULL)
        return;
    snprintf(values, sizeof values, "%s", row->fallback);
    for (char *value; (value = strsep(&rest, " ")) != NULL;)
        take_value(r, row, value);
}

static void take_rows(struct reading *r, cfg_t *cfg)
{
    for (size_t i = 0; i < CONFIG_OPTIONS; i++) {
        cfg_t *at = config_options[i].section == NULL ? cfg : cfg_getsec(cfg, config_options[i].section);
        cfg_opt_t *opt = at == NULL ? NULL : cfg_getopt(at, config_options[i].name);
        const unsigned n = opt == NULL ? 0 : cfg_opt_size(opt);

        if (n == 0 || r->line[i] == 0)
            take_default(r, &config_options[i]);
        else
            for (unsigned k = 0; k < n; k++)
                take_value(r, &config_options[i], cfg_opt_getnstr(opt, k));
    }
    r->out->trust_anchor_configured = r->line[config_option_find("resolver", "trust-anchor") - config_options] != 0;
}

/* The text of an option that only a smarthost has. */
static const char *text_of(cfg_t *sec, const char *name)
{
    return cfg_getopt(sec, name) == NULL ? NULL : cfg_getstr(sec, name);
}

static void take_section(struct reading *r, cfg_t *sec, const char *kind,
                         enum rc (*take)(struct config *, const struct config_section *, struct value_says *))
{
    struct config_section text = { .title = cfg_title(sec), .level = cfg_getstr(sec, "level") };
    struct value_says says;

    text.n_match = cfg_size(sec, "match");
    for (unsigned i = 0; i < text.n_match && i < SITE_SECTION_MATCHES; i++)
        text.match[i] = cfg_getnstr(sec, "match", i);
    if (take == config_smarthost) {
        text.name = text_of(sec, "name");
        text.port = text_of(sec, "port");
        text.certificate = text_of(sec, "certificate");
        text.key = text_of(sec, "key");
    }
    if (take(r->out, &text, &says) != OK)
        complain(r, sec->line, "%s \"%.100s\": %s", kind, text.title, says.text);
}

static void take_sections(struct reading *r, cfg_t *cfg)
{
    r->out->site.fallback.level = LEVEL_DANE;
    for (unsigned i = 0; i < cfg_size(cfg, "policy"); i++)
        take_section(r, cfg_getnsec(cfg, "policy", i), "policy", config_policy);
    for (unsigned i = 0; i < cfg_size(cfg, "smarthost"); i++)
        take_section(r, cfg_getnsec(cfg, "smarthost", i), "smarthost", config_smarthost);
}

/* What each option alone cannot see. */
static bool has_family(const struct config_nets *nets, bool v4)
{
    for (uint32_t i = 0; i < nets->n; i++)
        if (ip_is_v4(&nets->net[i].ip) == v4)
            return true;
    return false;
}

static bool listens(const struct config *c, bool v4)
{
    for (uint32_t i = 0; i < c->listen.n; i++)
        if (ip_is_v4(&c->listen.at[i].ip) == v4)
            return true;
    return false;
}

static bool is_loopback(const struct ip *ip)
{
    return ip_is_v4(ip) ? ip->b[12] == 127 : ip_eq(ip, &(struct ip){ .b = { [15] = 1 } });
}

static void check_clients(struct reading *r)
{
    const struct config_nets *clients = &r->out->clients;
    const int line = r->line[config_option_find(NULL, "clients") - config_options];
    char text[IP_TEXT_MAX];

    for (uint32_t i = 0; i < clients->n; i++) {
        const struct ip_net *net = &clients->net[i];

        ip_text(&net->ip, text);
        if (net->bits == (ip_is_v4(&net->ip) ? 96U : 0U))
            complain(r, line, "clients: %s/0 is everybody: mail that comes in would be taken too", text);
        else if (ip_is_special(&net->ip))
            complain(r, line, "clients: %s is no address that a mail server sends from", text);
    }
    for (int v4 = 0; v4 <= 1; v4++)
        if (has_family(clients, v4) && !listens(r->out, v4))
            complain(r, line, "clients has %s addresses, and listen has none of them", v4 ? "IPv4" : "IPv6");
}

/* The box's own certificate: both files, or one that we make. */
static void take_own(struct reading *r)
{
    struct config *const c = r->out;
    struct config_credential *const own = &c->credential[CREDENTIAL_OWN];
    const bool has_certificate = own->certificate[0] != '\0', has_key = own->key[0] != '\0';

    if (has_certificate != has_key) {
        complain(r, r->line[config_option_find("tls", has_key ? "key" : "certificate") - config_options],
                 "tls: a certificate and its key are named together, or neither is");
    } else if (!has_certificate && c->client_starttls == STARTTLS_TERMINATE) {
        c->makes_own = true;
        if (snprintf(own->certificate, sizeof own->certificate, "%s/" CONFIG_OWN_FILE, c->state_dir) >=
            (int)sizeof own->certificate)
            complain(r, r->line[config_option_find(NULL, "state-dir") - config_options],
                     "state-dir: is too long for a file in it");
        memcpy(own->key, own->certificate, sizeof own->key);
    }
}

static void check_together(struct reading *r)
{
    const struct config *c = r->out;

    check_clients(r);
    if (c->intercept != INTERCEPT_REDIRECT)
        return;
    if (c->fail == FAIL_OPEN)
        complain(r, r->line[config_option_find(NULL, "fail") - config_options],
                 "fail = \"open\" cannot be had with intercept = \"redirect\": without the daemon the kernel resets");
    for (uint32_t i = 0; i < c->listen.n; i++)
        if (is_loopback(&c->listen.at[i].ip)) {
            complain(r, r->line[config_option_find(NULL, "listen") - config_options],
                     "listen: a redirected connection never reaches a loopback address: it needs the LAN's");
            return;
        }
}

static cfg_opt_t option(const struct config_option *row)
{
    cfg_opt_t list = CFG_STR_LIST(row->name, NULL, CFGF_NODEFAULT), one = CFG_STR(row->name, NULL, CFGF_NODEFAULT);

    list.validcb = one.validcb = note_option;
    return row->list ? list : one;
}

/* libconfuse's table, made from ours; it copies what it is given. */
static cfg_t *make_table(void)
{
    cfg_opt_t policy[] = { CFG_STR("level", NULL, CFGF_NODEFAULT), CFG_STR_LIST("match", NULL, CFGF_NODEFAULT),
                           CFG_END() };
    cfg_opt_t smarthost[] = { CFG_STR("name", NULL, CFGF_NODEFAULT),
                              CFG_STR("level", NULL, CFGF_NODEFAULT),
                              CFG_STR_LIST("match", NULL, CFGF_NODEFAULT),
                              CFG_STR("port", NULL, CFGF_NODEFAULT),
                              CFG_STR("certificate", NULL, CFGF_NODEFAULT),
                              CFG_STR("key", NULL, CFGF_NODEFAULT),
                              CFG_END() };
    cfg_opt_t sub[CONFIG_SECTIONS][CONFIG_OPTIONS + 1], top[CONFIG_OPTIONS + CONFIG_SECTIONS + 3];
    size_t n = 0;

    for (size_t s = 0; s < CONFIG_SECTIONS; s++) {
        size_t k = 0;

        for (size_t i = 0; i < CONFIG_OPTIONS; i++)
            if (config_options[i].section != NULL && strcmp(config_options[i].section, config_sections[s]) == 0)
                sub[s][k++] = option(&config_options[i]);
        sub[s][k] = (cfg_opt_t)CFG_END();
        top[n++] = (cfg_opt_t)CFG_SEC(config_sections[s], sub[s], CFGF_NONE);
    }
    for (size_t i = 0; i < CONFIG_OPTIONS; i++)
        if (config_options[i].section == NULL)
            top[n++] = option(&config_options[i]);
    top[n++] = (cfg_opt_t)CFG_SEC("policy", policy, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
    top[n++] = (cfg_opt_t)CFG_SEC("smarthost", smarthost, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
    top[n] = (cfg_opt_t)CFG_END();
    return cfg_init(top, CFGF_NONE);
}

/* libconfuse's reader ends the process when a read fails, and would wait at a pipe: only a plain file of sane size. */
static FILE *open_plain(struct reading *r, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    FILE *f = NULL;

    if (fd >= 0 && fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || st.st_size > CONFIG_BYTES_MAX)) {
        complain(r, 0, "is no plain file of at most %d bytes", CONFIG_BYTES_MAX);
        close(fd);
        return NULL;
    }
    if (fd >= 0 && (f = fdopen(fd, "r")) != NULL)
        return f;
    complain(r, 0, "%s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return NULL;
}

/* Its errors name the file itself. */
static void take_policy_file(struct reading *r)
{
    struct reading own = { .path = r->out->policy_file, .errors = r->errors };
    char *const text = own.path[0] == '\0' ? NULL : calloc(1, CONFIG_BYTES_MAX + 1);
    FILE *f = text == NULL ? NULL : open_plain(&own, own.path);
    const char *domain = "";
    struct value_says says;
    unsigned line = 0;

    if (f != NULL) {
        const size_t n = fread(text, 1, CONFIG_BYTES_MAX, f);

        if (ferror(f) || memchr(text, '\0', n) != NULL)
            complain(&own, 0, "is no text");
        else if (config_policy_file(r->out, text, &line, &domain, &says) != OK)
            complain(&own, (int)line, "\"%.100s\" %s", domain, says.text);
        fclose(f);
    } else if (own.path[0] != '\0' && text == NULL) {
        complain(&own, 0, "out of memory");
    }
    free(text);
    r->failed += own.failed;
}

static void read_file(struct reading *r, cfg_t *cfg)
{
    FILE *f = open_plain(r, r->path);

    if (f == NULL)
        return;
    current = r;
    cfg_set_error_function(cfg, confuse_error);
    if (cfg_parse_fp(cfg, f) != CFG_SUCCESS && r->failed == 0)
        complain(r, cfg->line, "syntax error");
    current = NULL;
    fclose(f);
    take_rows(r, cfg);
    take_sections(r, cfg);
    take_policy_file(r);
    if (r->failed == 0)
        take_own(r);
    if (r->failed == 0)
        check_together(r);
}

enum rc config_load(const char *path, struct config *out, FILE *errors)
{
    struct reading r = { .path = path, .errors = errors };
    cfg_t *cfg = make_table();
    enum rc rc = MALFORMED;

    r.out = calloc(1, sizeof *r.out);
    if (cfg == NULL || r.out == NULL) {
        complain(&r, 0, "out of memory");
    } else {
        r.out->size = sizeof *r.out;
        read_file(&r, cfg);
        if (r.failed == 0) {
            memcpy(out, r.out, sizeof *out);
            rc = OK;
        }
    }
    free(r.out);
    if (cfg != NULL)
        cfg_free(cfg);
    return rc;
}
