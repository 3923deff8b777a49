#include "waxseal_visit.h"
#include "waxseal_facts.h"
#include "waxseal_find.h"
#include "waxseal_report.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "io/addr.h"
#include "role/dates.h"
#include "session/session.h"

enum {
    CONNECT_MS = 10000,
    NEAR_SAID_MAX = 262144, /* more than the kernel keeps for our client, who reads nothing before the end */
    VISIT_MS = 45000,       /* all of one visit but its connect; a server may greet late, a decision take 25 s */
};

struct visitor {
    const struct config *config;
    const struct hostname *domain;
    const struct route *route;
    struct loop *loop;
    struct session_host host;
    struct material *roots;
    /* the visit */
    struct session *session;
    cJSON *told;           /* its address's object */
    struct timer alarm;    /* the session's */
    struct timer patience; /* ours */
    struct timer answers;  /* that may not come from inside the question */
    uint32_t number;       /* of the last question */
    bool owes_route, owes_memory, owes_dial;
    struct hostname wanted;
    bool is_host;
    int dialed;
    bool judged;
    enum visited came;
    enum why why; /* of a session that ended before it was judged */
};

/* ---- what the session asks of us ---- */

static struct mono now_mono(void *self)
{
    (void)self;
    return clock_mono();
}

static struct wall now_wall(void *self)
{
    (void)self;
    return clock_wall();
}

static uint32_t number(void *self)
{
    struct visitor *const v = self;

    return ++v->number;
}

static enum clock_state now_clock(void *self)
{
    (void)self;
    return dates_state(dates_floor((struct wall){ 0 })); /* no daemon is asked for what it kept */
}

static bool ask_route(void *self, uint32_t n, const struct hostname *domain, bool is_host, const struct ip *far,
                      uint16_t port)
{
    struct visitor *const v = self;

    (void)n, (void)far, (void)port;
    v->owes_route = true;
    v->wanted = *domain;
    v->is_host = is_host;
    timer_set(&v->answers, 0);
    return true;
}

static bool ask_memory(void *self, uint32_t n, const struct ip *client, const struct ip *server,
                       const struct hostname *domain, struct span host)
{
    struct visitor *const v = self;

    (void)n, (void)client, (void)server, (void)domain, (void)host;
    v->owes_memory = true;
    timer_set(&v->answers, 0);
    return true;
}

static bool dial(void *self, struct session *s)
{
    struct visitor *const v = self;
    const struct addr to = { s->server, s->server_port };

    if (addr_connect(&to, &(struct addr_from){ 0 }, &v->dialed) != OK)
        return false;
    v->owes_dial = true;
    timer_set(&v->answers, 0);
    return true;
}

static void alarm_at(void *self, struct session *s, struct mono at)
{
    struct visitor *const v = self;
    const int64_t left = at.ms - clock_mono().ms;

    if (s->ending.ms != 0)
        loop_stop(v->loop); /* all is said; its client, which is us, needs no time to read */
    timer_set(&v->alarm, left < 0 ? 0 : left < VISIT_MS ? left : VISIT_MS);
}

static void record(void *self, const struct record *r)
{
    struct visitor *const v = self;

    v->why = (enum why)r->why;
}

static void over(void *self, struct session *s)
{
    struct visitor *const v = self;

    (void)s;
    loop_stop(v->loop);
}

static void on_alarm(void *owner)
{
    struct visitor *const v = owner;

    session_timeout(v->session);
}

static void on_patience(void *owner)
{
    struct visitor *const v = owner;

    session_kill(v->session, WHY_UPSTREAM_SILENT);
}

/* The route that led here; or, where the address is that of a smarthost, the one to its name. */
static void answer_route(struct visitor *v)
{
    struct route *route = NULL;

    if (v->is_host)
        (void)!find_route("probe", v->config, &v->wanted, v->session->server_port, true, &route);
    else if ((route = malloc(v->route->size)) != NULL)
        memcpy(route, v->route, v->route->size);
    if (route == NULL)
        session_lost(v->session, true);
    else if (!session_route(v->session, v->number, route))
        free(route);
}

/* What a first message of a client would meet: nothing remembered against it, so that a first failure is one. */
static void on_answers(void *owner)
{
    struct visitor *const v = owner;

    if (v->owes_route) {
        v->owes_route = false;
        answer_route(v);
    } else if (v->owes_memory) {
        v->owes_memory = false;
        (void)session_memory(v->session, v->number, prospect_grace(v->config));
    } else if (v->owes_dial) {
        v->owes_dial = false;
        session_dialed(v->session, v->dialed, v->session->server_port);
    }
    if (v->owes_route || v->owes_memory || v->owes_dial)
        timer_set(&v->answers, 0);
}

/* ---- what came of it ---- */

static const char *explain_encrypted(const struct ask *a)
{
    if (!level_is_dane(a->level))
        return "the level of this domain authenticates nobody";
    if (a->matched == MATCHED_YES)
        return "the certificate matches, but the MX set is insecure: whose host it is is not proven";
    if (a->candidates.tlsa == TLSA_UNUSABLE)
        return "none of the secure TLSA records is usable: TLS is a must, and nobody is authenticated";
    return "TLS as the server offers it: no TLSA record binds this address";
}

static const char *explain(const struct session *s, const struct ask *a)
{
    switch (s->verdict.grade) {
    case GRADE_VERIFIED:
        return level_names_peer(a->level) ? "the certificate is that of whom the site names"
                                          : "the certificate matches, and the MX set is secure";
    case GRADE_ENCRYPTED:
        return explain_encrypted(a);
    case GRADE_CLEARTEXT:
        break;
    }
    return a->level == LEVEL_NONE ? "the level of this domain asks for no TLS"
                                  : "there is no TLS to be had, and nothing asks for it";
}

static void tell_channel(cJSON *told, const struct session *s, const struct ask *a)
{
    const struct tls_info *const tls = s->far.open ? stream_tls(&s->far.stream) : NULL;
    char record_text[REPORT_RECORD_MAX];

    report_add(told, "host", asks_host(s, a));
    if (s->far.n_sni > 0)
        report_add(told, "sni", span_str(s->far.sni[0]));
    if (tls != NULL) {
        (void)cJSON_AddStringToObject(told, "tls", tls->version);
        (void)cJSON_AddStringToObject(told, "cipher", tls->cipher);
        (void)cJSON_AddNumberToObject(told, "certificates", tls->chain == NULL ? 0 : tls->chain->n);
    }
    if (a->matched != MATCHED_YES)
        return;
    if (level_names_peer(a->level)) {
        (void)cJSON_AddStringToObject(told, "auth", a->level == LEVEL_FINGERPRINT ? "fingerprint" : "pkix");
        return;
    }
    report_record(&a->record, record_text);
    (void)cJSON_AddStringToObject(told, "auth", a->match.usage == USAGE_DANE_EE ? "dane-ee" : "dane-ta");
    (void)cJSON_AddStringToObject(told, "record", record_text);
    (void)cJSON_AddNumberToObject(told, "depth", a->match.depth);
}

static void judged(void *self, struct session *s, struct ask *a, enum why why, struct span detail)
{
    struct visitor *const v = self;
    char reply[WHY_REPLY_MAX];

    v->judged = true;
    tell_channel(v->told, s, a);
    if (why == WHY_NONE) {
        v->came = VISITED_WELL;
        report_sent(v->told, s->verdict.grade, explain(s, a));
        if (s->verdict.would)
            (void)cJSON_AddStringToObject(v->told, "would", why_word(s->verdict.why));
    } else {
        v->came = VISITED_REFUSED;
        report_add(v->told, "said", span_str(s->far.said));
        report_refused(v->told, why, span_of(reply, session_reply(s, 451, why, a, detail, reply)));
    }
}

/* The first and the last line of what our client was told: the server's greeting, and our words about it. */
static struct span told_lines(int near, char *said, size_t cap, struct span *greeting)
{
    struct span line;
    const ssize_t got = recv(near, said, cap, MSG_DONTWAIT);

    line = span_of(said, got > 0 ? (size_t)got : 0);
    *greeting = span_first(line, span_find(line, '\n'));
    while (line.n > 0 && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == '\n'))
        line.n--;
    for (size_t end = span_find(line, '\n'); end < line.n; end = span_find(line, '\n'))
        line = span_from(line, end + 1);
    return line;
}

/* No verdict came about. */
static void tell_end(struct visitor *v, int near)
{
    static char said[NEAR_SAID_MAX];
    struct span greeting;
    const struct span line = told_lines(near, said, sizeof said, &greeting);

    if (!span_eq(span_first(greeting, 3), SPAN("220")) && greeting.n > 0 && greeting.p[greeting.n - 1] == '\r')
        report_add(v->told, "said", span_first(greeting, greeting.n - 1));
    if (v->why != WHY_NONE && v->why != WHY_UPSTREAM_LOST && v->why != WHY_UPSTREAM_SILENT) {
        v->came = VISITED_REFUSED;
        report_refused(v->told, v->why, line);
        return;
    }
    (void)cJSON_AddStringToObject(v->told, "outcome", "unreachable");
    report_add(v->told, "explanation", line.n > 0 ? line : SPAN("the connection ended before the server greeted"));
}

/* ---- one visit ---- */

/* What our client says at once; the session takes it line by line. */
static bool speak(const struct visitor *v, int near, const struct ip *self)
{
    char name[HOSTNAME_MAX + 1] = "", address[IP_TEXT_MAX], words[1024];
    struct hostname host;
    int n;

    (void)gethostname(name, sizeof name - 1);
    ip_text(self, address);
    if (hostname_parse(span_str(name), &host) == OK && !hostname_is_numeric(&host) && strchr(host.s, '.') != NULL)
        n = snprintf(words, sizeof words, "EHLO %s\r\n", host.s);
    else
        n = snprintf(words, sizeof words, ip_is_v4(self) ? "EHLO [%s]\r\n" : "EHLO [IPv6:%s]\r\n", address);
    n += snprintf(words + n, sizeof words - (size_t)n, "MAIL FROM:<>\r\nRCPT TO:<postmaster@%s>\r\n", v->domain->s);
    return send(near, words, (size_t)n, MSG_NOSIGNAL) == n;
}

/* The first connection; errno where it fails. */
static int connect_to(const struct addr *to, struct addr *self)
{
    struct pollfd ready = { .fd = -1, .events = POLLOUT };
    socklen_t len = sizeof errno;
    int error = 0;

    if (addr_connect(to, &(struct addr_from){ 0 }, &ready.fd) != OK)
        return -1;
    if (poll(&ready, 1, CONNECT_MS) != 1)
        error = ETIMEDOUT;
    else if (getsockopt(ready.fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 ||
             (error == 0 && addr_local(ready.fd, self) != OK))
        error = errno;
    if (error == 0)
        return ready.fd;
    (void)close(ready.fd);
    errno = error;
    return -1;
}

static void run_session(struct visitor *v, const struct addr *server, const struct addr *self, int far, int pair[2])
{
    v->session = session_new(&v->host, NULL, 1, &self->ip, &server->ip, server->port, pair[0], far);
    v->judged = v->owes_route = v->owes_memory = v->owes_dial = false;
    v->why = WHY_NONE;
    if (v->session == NULL || !speak(v, pair[1], &self->ip)) {
        report_unreachable(v->told, "out of memory");
    } else {
        timer_set(&v->patience, VISIT_MS);
        session_start(v->session);
        if (loop_run(v->loop) != OK)
            report_unreachable(v->told, "the event loop failed");
        else if (!v->judged)
            tell_end(v, pair[1]);
    }
    timer_cancel(&v->alarm);
    timer_cancel(&v->patience);
    timer_cancel(&v->answers);
    if (v->owes_dial)
        (void)close(v->dialed);
    session_free(v->session);
    v->session = NULL;
    (void)close(pair[1]);
}

/* Where the daemon connects for nobody, or is not in the way at all. */
static const char *not_ours(const struct config *config, const struct ip *ip)
{
    const struct ip inner = ip_unmap_nat64(ip);

    if (ip_is_special(ip) || ip_is_special(&inner))
        return "no address of the internet: connections there are not let through";
    if (config_nets_have(&config->deny_destination, ip) || config_nets_have(&config->deny_destination, &inner))
        return "in `deny-destination`: connections there are not let through";
    if (config_nets_have(&config->exempt_destination, ip))
        return "in `exempt-destination`: mail there passes untouched";
    return NULL;
}

enum visited visitor_visit(struct visitor *v, const struct ip *ip, cJSON *told)
{
    const struct site_smarthost *const smart = site_smarthost(&v->config->site, ip);
    const struct addr server = { *ip, smart == NULL ? SMTP_PORT : smart->port };
    const char *const stays_away = not_ours(v->config, ip);
    struct addr self;
    int pair[2], far;

    v->told = told;
    v->came = VISITED_NOBODY;
    if (stays_away != NULL) {
        report_unreachable(told, stays_away);
        return VISITED_NOT;
    }
    far = connect_to(&server, &self);
    if (far < 0) {
        report_unreachable(told, strerror(errno));
    } else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        report_unreachable(told, strerror(errno));
        (void)close(far);
    } else {
        run_session(v, &server, &self, far, pair);
    }
    return v->came;
}

struct visitor *visitor_new(const struct config *config, const struct hostname *domain, const struct route *route)
{
    struct visitor *const v = calloc(1, sizeof *v);

    if (v == NULL)
        return NULL;
    v->config = config;
    v->domain = domain;
    v->route = route;
    v->loop = loop_new();
    v->host = (struct session_host){
        .self = v,
        .loop = v->loop,
        .config = config,
        .mono = now_mono,
        .wall = now_wall,
        .clock = now_clock,
        .number = number,
        .ask_route = ask_route,
        .ask_memory = ask_memory,
        .dial = dial,
        .timer = alarm_at,
        .record = record,
        .over = over,
        .judged = judged,
        .tls = { [TLS_FLOOR_ANY] = tls_ctx_new(TLS_FLOOR_ANY), [TLS_FLOOR_1_2] = tls_ctx_new(TLS_FLOOR_1_2) },
    };
    if (find_roots("probe", config, &v->roots) != OK || v->loop == NULL || v->host.tls[TLS_FLOOR_ANY] == NULL ||
        v->host.tls[TLS_FLOOR_1_2] == NULL) {
        visitor_free(v);
        return NULL;
    }
    v->host.roots = material_roots(v->roots, &v->host.n_roots);
    timer_init(&v->alarm, v->loop, on_alarm, v);
    timer_init(&v->patience, v->loop, on_patience, v);
    timer_init(&v->answers, v->loop, on_answers, v);
    return v;
}

void visitor_free(struct visitor *v)
{
    if (v == NULL)
        return;
    tls_ctx_free(v->host.tls[TLS_FLOOR_ANY]);
    tls_ctx_free(v->host.tls[TLS_FLOOR_1_2]);
    loop_free(v->loop);
    material_close(v->roots);
    free(v);
}
