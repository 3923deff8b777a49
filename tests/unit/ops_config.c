/*
 * ops/config: an empty file is valid and intercepts nothing; each wrong line is named and nothing is half applied; what
 * this build lacks is refused, never weakened; a block of another process is checked whole. A109, A118
 */
#include "ops/config.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char says[4096];
static struct config got;

/* One configuration, its errors in says with the file's name as F. */
static enum rc load(const char *text)
{
    char path[] = "/tmp/ops_config_XXXXXX";
    const int fd = mkstemp(path);
    FILE *errors = tmpfile();
    size_t n = 0;
    enum rc rc;

    assert_true(fd >= 0 && errors != NULL);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    rc = config_load(path, &got, errors);
    unlink(path);
    rewind(errors);
    for (char line[512]; fgets(line, sizeof line, errors) != NULL;) {
        assert_int_equal(strncmp(line, path, strlen(path)), 0);
        n += (size_t)snprintf(says + n, sizeof says - n, "F%s", line + strlen(path));
    }
    says[n] = '\0';
    fclose(errors);
    assert_int_equal(rc == OK, n == 0);
    return rc;
}

static void defaults(void **state)
{
    (void)state;
    memset(&got, 0xff, sizeof got);
    assert_int_equal(load(""), OK);
    assert_int_equal(got.clients.n + got.exempt_client.n + got.exempt_destination.n + got.deny_destination.n, 0);
    assert_int_equal(got.listen.n, 2);
    assert_int_equal(got.listen.at[0].port, 2525);
    assert_true(ip_is_v4(&got.listen.at[0].ip) && !ip_is_v4(&got.listen.at[1].ip));
    assert_int_equal(got.intercept, INTERCEPT_TPROXY);
    assert_int_equal(got.source, SOURCE_CLIENT);
    assert_int_equal(got.fail, FAIL_CLOSED);
    assert_true(got.enforce);
    assert_int_equal(got.workers, 1);
    assert_string_equal(got.user, "waxseal");
    assert_string_equal(got.state_dir, "/var/lib/waxseal");
    assert_string_equal(got.control, "/run/waxseal/control");
    assert_int_equal(got.log, LOG_TO_SYSLOG);
    assert_int_equal(got.mark, 0x5753);
    assert_int_equal(got.client_starttls, STARTTLS_PASSTHROUGH);
    assert_int_equal(got.ambiguous, AMBIGUOUS_REFUSE);
    assert_string_equal(got.trust_anchor, "/usr/share/dns/root.key");
    assert_false(got.trust_anchor_configured);
    assert_string_equal(got.root_hints, "/usr/share/dns/root.hints");
    assert_int_equal(got.forward.n, 0);
    assert_string_equal(got.ca_file, "/etc/ssl/certs/ca-certificates.crt");
    assert_int_equal(got.clear_after_s, 300);
    assert_int_equal(got.sessions, 1000);
    assert_int_equal(got.per_client, 200);
    assert_int_equal(got.decision_s, 25);
    assert_int_equal(got.site.fallback.level, LEVEL_DANE);
    assert_int_equal(got.site.n, 0);
    assert_int_equal(config_check(&got, sizeof got), OK);
}

static void every_option(void **state)
{
    (void)state;
    assert_int_equal(
        load("# a comment\n"
             "clients = {\"192.0.2.0/24\", 2001:db8::/64}\nclients += { \"198.51.100.7\" }\n"
             "exempt-client = \"192.0.2.9\" exempt-destination = {\"203.0.113.0/24\"}\n"
             "deny-destination = {\"10.0.0.0/8\"}\n"
             "listen = {\"0.0.0.0:26\", \"[2001:db8::1]:2526\"}\n"
             "intercept = \"redirect\" source = \"gateway\" fail = \"closed\" enforce = no workers = 4\n"
             "user = \"mail-seal\" state-dir = \"/s\" control = \"/c\" log = \"/var/log/w/x\" mark = 300\n"
             "client-starttls = \"decline\" ambiguous-end-of-data = \"pass\" policy-file = \"\"\n"
             "resolver { trust-anchor = \"/a\" root-hints = \"/h\"\n"
             "  forward = {\"192.0.2.1\", \"192.0.2.1:5353\", \"2001:db8::53\", \"[2001:db8::53]:54\"} }\n"
             "tls { ca-file = \"/ca\" certificate = \"/crt\" key = \"/key\" clear-after = 0 }\n"
             "limits { sessions = 7 per-client = 3 decision = 240 }\n"
             "policy \"default\" { level = \"may\" }\n"
             "policy \"Example.ORG.\" { level = \"dane-only\" }\npolicy \".example.org\" { level = none }\n"),
        OK);
    assert_int_equal(got.clients.n, 3);
    assert_int_equal(got.exempt_client.n, 1);
    assert_int_equal(got.exempt_destination.n, 1);
    assert_int_equal(got.deny_destination.n, 1);
    assert_int_equal(got.listen.at[0].port, 26);
    assert_int_equal(got.listen.at[1].port, 2526);
    assert_int_equal(got.intercept, INTERCEPT_REDIRECT);
    assert_int_equal(got.source, SOURCE_GATEWAY);
    assert_false(got.enforce);
    assert_int_equal(got.workers, 4);
    assert_string_equal(got.user, "mail-seal");
    assert_int_equal(got.log, LOG_TO_FILE);
    assert_string_equal(got.log_path, "/var/log/w/x");
    assert_int_equal(got.mark, 300);
    assert_int_equal(got.client_starttls, STARTTLS_DECLINE);
    assert_string_equal(got.credential[CREDENTIAL_OWN].certificate, "/crt");
    assert_string_equal(got.credential[CREDENTIAL_OWN].key, "/key");
    assert_false(got.makes_own);
    assert_int_equal(got.ambiguous, AMBIGUOUS_PASS);
    assert_true(got.trust_anchor_configured);
    assert_int_equal(got.forward.n, 4);
    assert_int_equal(got.forward.at[0].port, 53);
    assert_int_equal(got.forward.at[1].port, 5353);
    assert_int_equal(got.forward.at[2].port, 53);
    assert_int_equal(got.forward.at[3].port, 54);
    assert_int_equal(got.clear_after_s, 0);
    assert_int_equal(got.sessions, 7);
    assert_int_equal(got.decision_s, 240);
    assert_int_equal(got.site.fallback.level, LEVEL_MAY);
    assert_int_equal(got.site.n, 2);
    assert_string_equal(got.site.entry[0].domain.s, "example.org");
    assert_int_equal(got.site.entry[0].policy.level, LEVEL_DANE_ONLY);
    assert_int_equal(got.site.entry[0].parent, 0);
    assert_int_equal(got.site.entry[1].parent, 1);
    assert_int_equal(got.site.entry[1].policy.level, LEVEL_NONE);
    assert_int_equal(config_check(&got, sizeof got), OK);
}

/* Each is refused, with these words and this line in front. */
#define DIGEST "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"

static const struct {
    const char *text, *want;
} refused[] = {
    { "\nclients = {\"10.0.0.1/24\"}", "F:2: clients: \"10.0.0.1/24\" is no address or network" },
    { "clients = {\"mail.example\"}", "F:1: clients: \"mail.example\" is no address" },
    { "clients = {\"10.0.0.0/8\",\"10.1.0.1\"}", "F:1: clients: \"10.1.0.1\" overlaps with 10.0.0.0" },
    { "clients = {\"0.0.0.0/0\"}", "F:1: clients: 0.0.0.0/0 is everybody" },
    { "clients = {\"::/0\"}", "F:1: clients: ::/0 is everybody" },
    { "clients = {\"127.0.0.1\"}", "F:1: clients: 127.0.0.1 is no address that a mail server sends from" },
    { "clients = {\"2001:db8::/64\"} listen = {\"127.0.0.1:1\"}", "F:1: clients has IPv6 addresses" },
    { "listen = {\"127.0.0.1\"}", "F:1: listen: \"127.0.0.1\" lacks a port" },
    { "listen = {\"127.0.0.1:0\"}", "F:1: listen: \"127.0.0.1:0\" has a port" },
    { "listen = {\"127.0.0.1:65536\"}", "F:1: listen: \"127.0.0.1:65536\" has a port" },
    { "listen = {\"127.0.0.1:\"}", "F:1: listen: \"127.0.0.1:\" is no address with a port" },
    { "listen = {\"[127.0.0.1]:25\"}", "F:1: listen: \"[127.0.0.1]:25\" is no address with a port" },
    { "listen = {\"[::1]25\"}", "F:1: listen: \"[::1]25\" is no address with a port" },
    { "listen = {\"[::1\"}", "F:1: listen: \"[::1\" is no address with a port" },
    { "listen = {\"::1\"}", "F:1: listen: \"::1\" lacks a port" },
    { "listen = {\"[::1]:5\",\"[0::1]:5\"}", "F:1: listen: \"[0::1]:5\" is there twice" },
    { "intercept = \"nat\"", "F:1: intercept: \"nat\" is none of \"tproxy\", \"redirect\"" },
    { "intercept = \"redirect\"", "F: listen: a redirected connection never reaches a loopback address" },
    { "intercept = \"redirect\" fail = \"open\" listen = {\"192.0.2.1:25\"}", "F:1: fail = \"open\" cannot be had" },
    { "enforce = maybe", "F:1: enforce: \"maybe\" is neither yes nor no" },
    { "workers = 0", "F:1: workers: \"0\" is no number from 1 to 16" },
    { "workers = 17", "F:1: workers: \"17\" is no number" },
    { "workers = -1", "F:1: workers: \"-1\" is no number" },
    { "mark = 255", "F:1: mark: \"255\" is no number from 256 to 65534" },
    { "mark = 0xffff", "F:1: mark: \"0xffff\" is no number" },
    { "mark = 0x", "F:1: mark: \"0x\" is no number" },
    { "mark = 0xg00", "F:1: mark: \"0xg00\" is no number" },
    { "mark = 0x100005753", "F:1: mark: \"0x100005753\" is no number" },
    { "limits { decision = 4 }", "F:1: limits.decision: \"4\" is no number from 5 to 240" },
    { "limits { decision = 241 }", "F:1: limits.decision: \"241\" is no number" },
    { "limits { sessions = 4294967297 }", "F:1: limits.sessions: \"4294967297\" is no number" },
    { "tls { clear-after = 86401 }", "F:1: tls.clear-after: \"86401\" is no number from 0 to 86400" },
    { "user = \"\"", "F:1: user: \"\" is no user name" },
    { "user = \"../x\"", "F:1: user: \"../x\" is no user name" },
    { "state-dir = \"var\"", "F:1: state-dir: \"var\" is no absolute path" },
    { "log = \"file\"", "F:1: log: \"file\" is no absolute path" },
    { "log = \"/a\\nb\"", "F:1: log: \"/a?b\" has a control character" },
    { "control = "
      "\"/"
      "12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567\"",
      "F:1: control: \"/1234" },
    { "workers = 2\nworkers = 3", "F:2: workers is already in line 1" },
    { "policy \"a.example\" { }", "F:1: policy \"a.example\": has no level" },
    { "policy \"a.example\" { level = \"best\" }", "F:1: policy \"a.example\": level \"best\" is no level: none, may" },
    { "policy \"a..example\" { level = \"may\" }", "F:1: policy \"a..example\": is no domain name" },
    { "policy \"b\xc3\xbc.example\" { level = \"may\" }", "F:1: policy \"b??.example\": is no domain name" },
    { "policy \"192.0.2.1\" { level = \"may\" }", "F:1: policy \"192.0.2.1\": is a number" },
    { "policy \".\" { level = \"may\" }", "F:1: policy \".\": is no domain name" },
    { "policy \"a.example\" { level = \"may\" }\npolicy \"A.example.\" { level = \"dane\" }",
      "F:2: policy \"A.example.\": is there twice" },
    { "policy \"a.example\" { level = \"dane\" match = {\"nexthop\"} }",
      "F:1: policy \"a.example\": match is for the levels fingerprint, verify and secure, not for dane" },
    { "policy \"a.example\" { level = \"fingerprint\" }", "F:1: policy \"a.example\": level fingerprint needs match" },
    { "policy \"a.example\" { level = \"fingerprint\" match = {\"nexthop\"} }",
      "F:1: policy \"a.example\": match \"nexthop\" is no fingerprint" },
    { "policy \"a.example\" { level = \"fingerprint\" match = {\"" DIGEST "00\"} }",
      "F:1: policy \"a.example\": match \"0123" },
    { "policy \"a.example\" { level = \"fingerprint\" match = {\"01:23\"} }",
      "F:1: policy \"a.example\": match \"01:23\" is" },
    { "policy \"a.example\" { level = \"secure\" match = {\"" DIGEST "\"} }",
      "F:1: policy \"a.example\": match \"0123456789" },
    { "policy \"a.example\" { level = \"secure\" match = {\"a..b\"} }",
      "F:1: policy \"a.example\": match \"a..b\" is neither nexthop, dot-nexthop, hostname nor a host name" },
    { "policy \"a.example\" { level = \"verify\" match = {\"192.0.2.1\"} }",
      "F:1: policy \"a.example\": match \"192.0.2.1\" is neither" },
#define SMART(more) "smarthost \"192.0.2.5\" { name = \"m.example\" " more " }"
#define SMART_SAYS "F:1: smarthost \"192.0.2.5\": "
    { SMART(""), SMART_SAYS "has no level" },
    { "smarthost \"192.0.2.5\" { level = \"may\" }", SMART_SAYS "has no name" },
    { "smarthost \"192.0.2.5\" { name = \"192.0.2.5\" level = \"may\" }",
      SMART_SAYS "name \"192.0.2.5\" is no host name" },
    { "smarthost \"m.example\" { name = \"m.example\" level = \"may\" }",
      "F:1: smarthost \"m.example\": is no address of a server" },
    { "smarthost \"127.0.0.1\" { name = \"m.example\" level = \"may\" }",
      "F:1: smarthost \"127.0.0.1\": is no address" },
    { SMART("level = \"may\"") SMART("level = \"may\""), "F:" },
    { SMART("level = \"may\"") "smarthost \"::ffff:192.0.2.5\" { name = \"m.example\" level = \"may\" }",
      "F:1: smarthost \"::ffff:192.0.2.5\": is " },
    { SMART("level = \"may\" port = 26"), SMART_SAYS "port \"26\" is none of 25, 465, 587" },
    { SMART("level = \"none\" port = 465"), SMART_SAYS "level none has no TLS" },
    { SMART("level = \"none\" certificate = \"/c\" key = \"/k\""), SMART_SAYS "level none has no TLS" },
    { SMART("level = \"may\" certificate = \"/c\""), SMART_SAYS "needs both certificate and key" },
    { SMART("level = \"may\" key = \"/c\""), SMART_SAYS "needs both certificate and key" },
    { SMART("level = \"may\" certificate = \"c\" key = \"/k\""), SMART_SAYS "certificate \"c\" is no absolute path" },
    { SMART("level = \"may\" match = {\"nexthop\"}"), SMART_SAYS "match is for the levels" },
    /* not built: refused, never weaker */
    { "policy-file = \"p\"", "F:1: policy-file: \"p\" is no absolute path" },
    { "tls { certificate = \"/c\" }", "F:1: tls: a certificate and its key are named together" },
    { "tls {\n key = \"/k\" }", "F:2: tls: a certificate and its key are named together" },
    { "tls { certificate = \"c\" key = \"/k\" }", "F:1: tls.certificate: \"c\" is no absolute path" },
    /* syntax, and libconfuse's own extras */
    { "bogus = 1", "F:1: no such option 'bogus'" },
    { "include(\"/etc/passwd\")", "F:1: no such option 'include'" },
    { "workers = \"1", "F:" },
    { "policy { level = may }", "F:1: missing title for section 'policy'" },
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        memset(&got, 0xab, sizeof got);
        if (load(refused[i].text) == OK)
            fail_msg("taken: %s", refused[i].text);
        if (strncmp(says, refused[i].want, strlen(refused[i].want)) != 0)
            fail_msg("%s\n says: %s want: %s", refused[i].text, says, refused[i].want);
        for (size_t k = 0; k < sizeof got; k++) /* nothing is half applied */
            assert_int_equal(((uint8_t *)&got)[k], 0xab);
    }
}

/* Postfix's words, and what is usual where none stand (policy/site.h). */
static void whose_certificate(void **state)
{
    const struct site *const s = &got.site;
    const struct site_match *m;
    unsigned n;

    (void)state;
    assert_int_equal(
        load("policy \"a.example\" { level = \"secure\" match = {\"nexthop\", \"dot-nexthop\", \"hostname\", "
             "\"MX.Example\", \".hub.example\"} }\n"
             "policy \"b.example\" { level = \"fingerprint\" match = {\"" DIGEST
             "\", \"01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:"
             "EF\", \"" DIGEST DIGEST "\"} }\n"
             "policy \"c.example\" { level = \"verify\" }\npolicy \"d.example\" { level = \"secure\" }"),
        OK);
    assert_int_equal(config_check(&got, sizeof got), OK);
    m = site_matches(s, &s->entry[0].policy, &n);
    assert_int_equal(n, 5);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(m[i].who, SITE_NEXTHOP + i);
    assert_true(span_eq(site_match_text(s, &m[3]), SPAN("mx.example")));
    assert_true(span_eq(site_match_text(s, &m[4]), SPAN("hub.example")));
    assert_true(site_asks_mx(s, &s->entry[0].policy));
    m = site_matches(s, &s->entry[1].policy, &n);
    assert_int_equal(n, 3);
    assert_int_equal(m[2].n, 64);
    assert_true(span_eq(site_match_text(s, &m[0]), site_match_text(s, &m[1])));
    m = site_matches(s, &s->entry[2].policy, &n);
    assert_true(n == 1 && m[0].who == SITE_HOSTNAME);
    m = site_matches(s, &s->entry[3].policy, &n);
    assert_true(n == 2 && m[0].who == SITE_NEXTHOP && m[1].who == SITE_DOT_NEXTHOP);
    assert_false(site_asks_mx(s, &s->entry[3].policy));
    assert_true(site_needs_roots(s));
}

static void smarthosts(void **state)
{
    static char text[256 * (SITE_SMARTHOSTS_MAX + 2)];
    struct ip ip;
    size_t n = 0;

    (void)state;
    assert_int_equal(
        load("smarthost \"192.0.2.5\" { name = \"Mail.HQ.example\" level = \"secure\" port = 587\n"
             " match = {\"nexthop\"} certificate = \"/c\" key = \"/k\" }\n"
             "smarthost \"2001:db8::5\" { name = \"m.example\" level = \"may\" certificate = \"/c\" key = \"/k\" }\n"
             "smarthost \"192.0.2.6\" { name = \"m.example\" level = \"dane\" port = 465 certificate = \"/d\" "
             "key = \"/k\" }\nsmarthost \"192.0.2.7\" { name = \"m.example\" level = \"none\" }\n"),
        OK);
    assert_int_equal(config_check(&got, sizeof got), OK);
    assert_int_equal(got.site.n_smarthost, 4);
    assert_string_equal(got.site.smarthost[0].name.s, "mail.hq.example");
    assert_int_equal(got.site.smarthost[0].port, 587);
    assert_int_equal(got.site.smarthost[1].port, 25);
    assert_int_equal(got.site.smarthost[0].credential, 1); /* one file, one credential */
    assert_int_equal(got.site.smarthost[1].credential, 1);
    assert_int_equal(got.site.smarthost[2].credential, 2);
    assert_int_equal(got.site.smarthost[3].credential, CREDENTIAL_OWN);
    assert_string_equal(got.credential[CREDENTIAL_OWN].certificate, "");
    assert_string_equal(got.credential[2].certificate, "/d");
    assert_int_equal(ip_parse(SPAN("192.0.2.6"), &ip), OK);
    assert_ptr_equal(site_smarthost(&got.site, &ip), &got.site.smarthost[2]);
    assert_int_equal(ip_parse(SPAN("64:ff9b::192.0.2.6"), &ip), OK); /* a translator would deliver it there */
    assert_ptr_equal(site_smarthost(&got.site, &ip), &got.site.smarthost[2]);
    assert_int_equal(ip_parse(SPAN("192.0.2.8"), &ip), OK);
    assert_null(site_smarthost(&got.site, &ip));
    for (int i = 0; i <= SITE_SMARTHOSTS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "smarthost \"192.0.2.%d\" { name = \"m.example\" level = may }\n", i + 1);
    assert_int_equal(load(text), MALFORMED);
    assert_non_null(strstr(says, "F:33: smarthost \"192.0.2.33\": is one too many: 32"));
    n = 0;
    for (int i = 0; i < CREDENTIALS_MAX; i++)
        n += (size_t)snprintf(
            text + n, sizeof text - n,
            "smarthost \"192.0.2.%d\" { name = \"m.example\" level = may certificate = \"/%d\" key = \"/k\" }\n", i + 1,
            i);
    assert_int_equal(load(text), MALFORMED);
    assert_non_null(strstr(says, "F:9: smarthost \"192.0.2.9\": has one certificate too many: 8"));
}

/* Who names no certificate gets one that is made, where it is needed. */
static void own_certificate(void **state)
{
    (void)state;
    assert_int_equal(load("client-starttls = \"terminate\" state-dir = \"/s\""), OK);
    assert_true(got.makes_own);
    assert_string_equal(got.credential[CREDENTIAL_OWN].certificate, "/s/starttls.pem");
    assert_string_equal(got.credential[CREDENTIAL_OWN].key, "/s/starttls.pem");
    assert_int_equal(load("client-starttls = \"terminate\" tls { certificate = \"/c\" key = \"/k\" }"), OK);
    assert_false(got.makes_own);
    assert_string_equal(got.credential[CREDENTIAL_OWN].key, "/k");
    assert_int_equal(load("client-starttls = \"passthrough\" tls { certificate = \"\" key = \"\" }"), OK);
    assert_false(got.makes_own);
    assert_string_equal(got.credential[CREDENTIAL_OWN].certificate, "");
    assert_int_equal(config_check(&got, sizeof got), OK);
}

/* One table behind these sections; what is said of it, without its name. */
static const char *with_table(const char *sections, const char *rows)
{
    static char words[512];
    char path[] = "/tmp/ops_policy_XXXXXX", text[512];
    const int fd = mkstemp(path);
    FILE *const errors = tmpfile();

    assert_int_equal(write(fd, rows, strlen(rows)), strlen(rows));
    close(fd);
    char conf[] = "/tmp/ops_config_XXXXXX";
    const int conf_fd = mkstemp(conf);

    snprintf(text, sizeof text, "policy-file = \"%s\"\n%s", path, sections);
    assert_int_equal(write(conf_fd, text, strlen(text)), strlen(text));
    close(conf_fd);
    memset(words, 0, sizeof words);
    if (config_load(conf, &got, errors) != OK) {
        rewind(errors);
        assert_non_null(fgets(words, sizeof words, errors));
    }
    fclose(errors);
    unlink(conf);
    unlink(path);
    return strncmp(words, path, strlen(path)) == 0 ? words + strlen(path) : words;
}

static enum level level_of(const char *domain)
{
    struct hostname h;

    assert_int_equal(hostname_parse(span_str(domain), &h), OK);
    return (enum level)site_policy(&got.site, &h)->level;
}

/* Postfix's table, behind the sections in the same order (INTERFACES.md 'Precedence'). R9 R57 */
static void policy_file(void **state)
{
    static const struct {
        const char *rows, *want;
    } wrong[] = {
        { "a.example", ":1: \"a.example\" has no level" },
        { "a.example may\na.example may", ":2: \"a.example\" is there twice" },
        { "a.example best", ":1: \"a.example\" level \"best\" is no level" },
        { "# x\n\na.example encrypt\n ciphers=high",
          ":3: \"a.example\" has \"ciphers=high\", which has no equal here" },
        { "default may", ":1: \"default\" is no domain" },
        { "[mx.example]:25 may", ":1: \"[mx.example]:25\" is no domain" },
        { "a.example fingerprint", ":1: \"a.example\" level fingerprint needs match" },
        { "a.example dane match=b.example", ":1: \"a.example\" match is for the levels" },
    };

    (void)state;
    assert_string_equal(
        with_table("policy \".b.example\" { level = \"encrypt\" }\npolicy \"c.example\" { level = \"none\" }",
                   "# of last year\r\na.example\tsecure match=mx.a.example:.hub.example\r\n\n"
                   "x.b.example  may\n.d.example\n   dane-only\nc.example dane\n"
                   "f.example fingerprint match=" DIGEST "|" DIGEST "\n"),
        "");
    assert_int_equal(config_check(&got, sizeof got), OK);
    assert_int_equal(level_of("a.example"), LEVEL_SECURE);
    assert_int_equal(got.site.entry[2].policy.n_match, 2);
    assert_int_equal(level_of("x.b.example"), LEVEL_ENCRYPT); /* a section's parent comes before a row */
    assert_int_equal(level_of("y.d.example"), LEVEL_DANE_ONLY);
    assert_int_equal(level_of("c.example"), LEVEL_NONE);
    assert_int_equal(level_of("f.example"), LEVEL_FINGERPRINT);
    assert_int_equal(level_of("g.example"), LEVEL_DANE);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *const said = with_table("", wrong[i].rows);

        if (strncmp(said, wrong[i].want, strlen(wrong[i].want)) != 0)
            fail_msg("%s\n says: %s want: %s", wrong[i].rows, said, wrong[i].want);
    }
}

static void all_errors_in_one_run(void **state)
{
    (void)state;
    assert_int_equal(load("workers = 0\nmark = 1\npolicy \"x_y.example\" {\n level = \"high\"\n}\nlog = \"here\"\n"),
                     MALFORMED);
    assert_non_null(strstr(says, "F:1: workers"));
    assert_non_null(strstr(says, "F:2: mark"));
    assert_non_null(strstr(says, "F:6: log"));
    assert_non_null(strstr(says, ": level \"high\""));
}

static void full_sets(void **state)
{
    static char text[64 * (SITE_ENTRIES_MAX + 2)];
    size_t n = 0;

    (void)state;
    for (int i = 0; i <= CONFIG_NETS_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s\"10.%d.%d.1\"%s", i == 0 ? "deny-destination={" : "",
                              i / 256, i % 256, i == CONFIG_NETS_MAX ? "}" : ",");
    assert_int_equal(load(text), MALFORMED);
    assert_non_null(strstr(says, "\"10.1.0.1\" is one too many: a set holds 256"));
    n = 0;
    for (int i = 0; i <= SITE_ENTRIES_MAX; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "policy \"d%d.example\" { level = \"may\" }\n", i);
    assert_int_equal(load(text), MALFORMED);
    assert_non_null(strstr(says, "F:1025: policy \"d1024.example\": is one too many"));
}

static void no_plain_file(void **state)
{
    FILE *errors = tmpfile();

    (void)state;
    assert_int_equal(config_load("/nowhere/at/all", &got, errors), MALFORMED);
    assert_int_equal(config_load("/tmp", &got, errors), MALFORMED);
    assert_int_equal(config_load("/dev/zero", &got, errors), MALFORMED);
    fclose(errors);
}

static void block_of_another_process(void **state)
{
    static struct config c;

    (void)state;
    assert_int_equal(load("policy \"a.example\" { level = \"may\" } clients = {\"192.0.2.1\"}\n"
                          "smarthost \"192.0.2.5\" { name = \"m.example\" level = \"may\" }"),
                     OK);
    assert_int_equal(config_check(&got, sizeof got - 1), MALFORMED);
#define BREAK(change)                                                                                                  \
    do {                                                                                                               \
        c = got;                                                                                                       \
        assert_int_equal(config_check(&c, sizeof c), OK);                                                              \
        change;                                                                                                        \
        assert_int_equal(config_check(&c, sizeof c), MALFORMED);                                                       \
    } while (0)
    BREAK(c.size--);
    BREAK(c.clients.n = CONFIG_NETS_MAX + 1);
    BREAK(c.clients.net[0].bits = 129);
    BREAK(c.exempt_client.n = CONFIG_NETS_MAX + 1);
    BREAK(c.exempt_destination.n = CONFIG_NETS_MAX + 1);
    BREAK(c.deny_destination.n = CONFIG_NETS_MAX + 1);
    BREAK(c.listen.n = CONFIG_ENDPOINTS_MAX + 1);
    BREAK(c.listen.at[1].port = 0);
    BREAK(c.forward.n = CONFIG_ENDPOINTS_MAX + 1);
    BREAK(c.intercept = 2);
    BREAK(c.source = 2);
    BREAK(c.fail = 2);
    BREAK(memset(&c.enforce, 2, 1));
    BREAK(memset(&c.trust_anchor_configured, 2, 1));
    BREAK(c.workers = PEERS_MAX + 1);
    BREAK(c.workers = 0);
    BREAK(memset(c.user, 'x', sizeof c.user));
    BREAK(memset(c.state_dir, 'x', sizeof c.state_dir));
    BREAK(memset(c.control, 'x', sizeof c.control));
    BREAK(c.log = 3);
    BREAK(memset(c.log_path, 'x', sizeof c.log_path));
    BREAK(c.mark = 1);
    BREAK(c.client_starttls = 3);
    BREAK(c.ambiguous = 2);
    BREAK(memset(c.trust_anchor, 'x', sizeof c.trust_anchor));
    BREAK(memset(c.root_hints, 'x', sizeof c.root_hints));
    BREAK(memset(c.ca_file, 'x', sizeof c.ca_file));
    BREAK(c.clear_after_s = CLEAR_AFTER_MAX_S + 1);
    BREAK(c.sessions = 0);
    BREAK(c.per_client = 0);
    BREAK(c.decision_s = DECISION_MAX_S + 1);
    BREAK(c.site.fallback.level = LEVEL__COUNT);
    BREAK(c.site.n = SITE_ENTRIES_MAX + 1);
    BREAK(c.site.n_match = SITE_MATCHES_MAX + 1);
    BREAK(c.site.pool_used = SITE_POOL_MAX + 1);
    BREAK(c.site.n_smarthost = SITE_SMARTHOSTS_MAX + 1);
    BREAK(c.site.smarthost[0].port = 26);
    BREAK(c.site.smarthost[0].credential = CREDENTIALS_MAX);
    BREAK(c.site.smarthost[0].policy.level = LEVEL__COUNT);
    BREAK(c.site.smarthost[0].name.n = 0);
    BREAK(memset(c.credential[1].key, 'x', sizeof c.credential[1].key));
    BREAK(memset(c.credential[1].certificate, 'x', sizeof c.credential[1].certificate));
    BREAK(c.site.fallback.n_match = 1);
    BREAK(c.site.entry[0].policy.match = 1);
    BREAK((c.site.n_match = 1, c.site.match[0].who = SITE_WHO__COUNT));
    BREAK((c.site.n_match = 1, c.site.match[0].at = 1));
    BREAK((c.site.n_match = 1, c.site.match[0].n = 1));
    BREAK(c.site.entry[0].policy.level = LEVEL__COUNT);
    BREAK(c.site.entry[0].parent = 2);
    BREAK(c.site.entry[0].late = 2);
    BREAK(memset(c.policy_file, 'x', sizeof c.policy_file));
    BREAK(c.site.entry[0].domain.n = 0);
    BREAK(c.site.entry[0].domain.n = 255);
    BREAK(c.site.entry[0].domain.s[3] = '\0');
#undef BREAK
}

static void what_needs_a_restart(void **state)
{
    static struct config now, then;
    char words[80];

    (void)state;
    assert_int_equal(load(""), OK);
    now = then = got;
    then.enforce = false; /* taken at once */
    then.clear_after_s = 5;
    config_reload_blockers(&now, &then, words, sizeof words);
    assert_string_equal(words, "");
    then.listen.at[1].port++;
    then.user[0] = 'x';
    then.workers = 2;
    then.intercept = INTERCEPT_REDIRECT;
    then.mark = 300;
    then.state_dir[1] = 'x';
    then.control[1] = 'x';
    config_reload_blockers(&now, &then, words, sizeof words);
    assert_string_equal(words, "listen user workers intercept mark state-dir control");
    config_reload_blockers(&now, &then, words, 12); /* cut, not overrun */
    assert_string_equal(words, "listen user");
}

static void nets(void **state)
{
    struct ip in, out;

    (void)state;
    assert_int_equal(load("clients = {\"192.0.2.0/25\", \"2001:db8::/64\"}"), OK);
    assert_int_equal(ip_parse(SPAN("192.0.2.127"), &in), OK);
    assert_int_equal(ip_parse(SPAN("192.0.2.128"), &out), OK);
    assert_true(config_nets_have(&got.clients, &in));
    assert_false(config_nets_have(&got.clients, &out));
}

/* The sample as it is, and with each default taken out of its comment, is the same as an empty file. */
static void sample_is_the_defaults(void **state)
{
    static char text[8192];
    static struct config empty;
    FILE *f = fopen("proxy/ops/waxseal.conf", "r");
    size_t n = 0;

    (void)state;
    assert_non_null(f);
    assert_int_equal(load(""), OK);
    empty = got;
    assert_int_equal(config_load("proxy/ops/waxseal.conf", &got, stderr), OK);
    assert_memory_equal(&got, &empty, sizeof got);
    for (char line[256]; fgets(line, sizeof line, f) != NULL;)
        if (line[0] == '#' && (isalpha((unsigned char)line[1]) || line[1] == '}' || strncmp(line, "#    ", 5) == 0))
            n += (size_t)snprintf(text + n, sizeof text - n, "%s", line + 1);
    fclose(f);
    assert_int_equal(load(text), OK);
    empty.trust_anchor_configured = true;
    assert_memory_equal(&got, &empty, sizeof got);
    for (size_t i = 0; i < 26; i++) {
        char name[64];
        const char *dot;

        assert_true(config_option_name(i, name, sizeof name));
        dot = strchr(name, '.');
        assert_non_null(strstr(text, dot == NULL ? name : dot + 1));
    }
}

/* waxseal.conf(5) knows every option: `.It Cm name`, or `Cm ... level , match` of a section with a title. */
static void manual_has_every_option(void **state)
{
    static char page[65536];
    char name[64], item[80];
    FILE *f = fopen("proxy/man/waxseal.conf.5", "r");
    size_t n = 0;

    (void)state;
    assert_non_null(f);
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    fclose(f);
    for (; config_option_name(n, name, sizeof name); n++) {
        const char *dot = strchr(name, '.');
        const bool titled = strncmp(name, "policy.", 7) == 0 || strncmp(name, "smarthost.", 10) == 0;
        const char *at;

        snprintf(item, sizeof item, "\n.It Cm %.*s", titled ? (int)(dot - name) : 64,
                 dot == NULL || titled ? name : dot + 1);
        at = strstr(page, item);
        if (at == NULL || isalpha((unsigned char)at[strlen(item)]) || at[strlen(item)] == '-')
            fail_msg("waxseal.conf(5) lacks %s", name);
        snprintf(item, sizeof item, " %s", dot == NULL ? "" : dot + 1);
        if (titled && (strstr(at, item) == NULL || strstr(at, item) > strchr(at + 1, '\n')))
            fail_msg("waxseal.conf(5) lacks %s", name);
    }
    assert_int_equal(n, 36);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(every_option),
        cmocka_unit_test(refuses),
        cmocka_unit_test(whose_certificate),
        cmocka_unit_test(smarthosts),
        cmocka_unit_test(policy_file),
        cmocka_unit_test(own_certificate),
        cmocka_unit_test(all_errors_in_one_run),
        cmocka_unit_test(full_sets),
        cmocka_unit_test(no_plain_file),
        cmocka_unit_test(block_of_another_process),
        cmocka_unit_test(what_needs_a_restart),
        cmocka_unit_test(nets),
        cmocka_unit_test(sample_is_the_defaults),
        cmocka_unit_test(manual_has_every_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
