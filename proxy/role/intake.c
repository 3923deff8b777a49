#include "role/intake.h"

#include <errno.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "role/dial.h"
#include "role/gate.h"

#define GRUMBLE_MS 1000 /* between lines about who may not pass: whoever can reach the listener can make many */

void intake_init(struct intake *in, const struct config *const *config, struct family *family, struct ledger *ledger,
                 struct wire_counts *counts)
{
    static const struct why_about nothing;

    *in = (struct intake){ .config = config, .family = family, .ledger = ledger, .counts = counts };
    in->n_overload = why_reply(421, WHY_OVERLOAD, &nothing, in->overload, sizeof in->overload);
}

/* ---- a connection that does not become a session ---- */

static void reset(int fd)
{
    const struct linger now = { .l_onoff = 1 };

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

/* Its outcome line. Early refusals have no domain. */
static void record(const struct intake *in, const struct ledger_entry *e, enum outcome outcome, enum why why)
{
    const struct site *const site = &(*in->config)->site;
    struct wire_record m = { .kind = WIRE_RECORD };

    m.record.outcome = (uint8_t)outcome;
    m.record.why = (uint8_t)why;
    m.record.level = site_smarthost(site, &e->server) == NULL ? site->fallback.level
                                                              : site_smarthost(site, &e->server)->policy.level;
    m.record.client = e->client;
    m.record.server = e->server;
    (void)!family_send(in->family, ROLE_KEEPER, 0, &m, sizeof m, NULL, 0);
}

static void overload(struct intake *in, int client, const struct ledger_entry *e)
{
    in->counts->over_limit++;
    record(in, e, OUTCOME_REFUSED, WHY_OVERLOAD);
    (void)!send(client, in->overload, in->n_overload, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(client);
}

static void turn_away(struct intake *in, int client, const struct ledger_entry *e, enum gate why)
{
    const struct mono now = clock_mono();
    char from[IP_TEXT_MAX], to[IP_TEXT_MAX];

    in->counts->refused_address++;
    reset(client);
    if (in->grumbled.ms != 0 && now.ms - in->grumbled.ms < GRUMBLE_MS)
        return;
    in->grumbled = now;
    ip_text(&e->client, from);
    ip_text(&e->server, to);
    family_say(in->family, LOG_WARNING, "connection reset: %s to %s port %u: %s (%llu so far)", from, to,
               (unsigned)e->server_port, gate_word(why), (unsigned long long)in->counts->refused_address);
}

/* ---- a connection that does ---- */

/* Where the client comes from and where it wanted to go. GATE_PASS, or why that cannot be taken at its word. */
static enum gate read_addresses(const struct intake *in, const struct addr *at, int fd, struct ledger_entry *e)
{
    const bool redirected = (*in->config)->intercept == INTERCEPT_REDIRECT;
    struct addr client, local, server;

    if (addr_peer(fd, &client) != OK || addr_local(fd, &local) != OK)
        return GATE_DIRECT;
    server = local;
    const enum rc before = redirected ? addr_before_nat(fd, &server) : OK;
    e->client = client.ip;
    e->client_port = client.port;
    e->server = server.ip;
    e->server_port = server.port;
    if (before != OK || (redirected && ip_eq(&server.ip, &local.ip) && server.port == local.port) ||
        (ip_eq(&server.ip, &at->ip) && server.port == at->port))
        return GATE_DIRECT;
    return GATE_PASS;
}

static enum gate judge(const struct intake *in, const struct addr *at, int fd, struct ledger_entry *e)
{
    enum gate g = read_addresses(in, at, fd, e);

    if (g == GATE_PASS)
        g = gate_judge(*in->config, &e->client, &e->server, e->server_port);
    if (g == GATE_PASS && addr_is_ours(&e->server))
        g = GATE_OWN;
    return g;
}

bool intake_worker(const struct intake *in, unsigned *worker)
{
    bool found = false;

    for (unsigned i = 0; i < (*in->config)->workers && i < PEERS_MAX; i++)
        if (family_has(in->family, ROLE_WORKER, i) &&
            (!found || ledger_of(in->ledger, i) < ledger_of(in->ledger, *worker))) {
            *worker = i;
            found = true;
        }
    return found;
}

struct wire_session intake_about(const struct config *config, uint32_t kind, const struct ledger_entry *e, int error)
{
    return (struct wire_session){ .kind = kind,
                                  .error = (uint32_t)error,
                                  .id = e->id,
                                  .client = e->client,
                                  .server = e->server,
                                  .client_port = e->client_port,
                                  .server_port = dial_port(config, e) };
}

/* Both descriptors to a worker. Not OK: it takes none, and the session is not in the ledger. */
static enum rc hand_over(struct intake *in, unsigned worker, const struct ledger_entry *seen, const int fds[2])
{
    struct ledger_entry *const e = ledger_open(in->ledger, worker);
    enum rc rc = FULL;

    if (e == NULL)
        return rc;
    const uint64_t id = e->id;
    *e = *seen;
    e->id = id;
    e->worker = worker;
    const struct wire_session m = intake_about(*in->config, WIRE_SESSION, e, 0);
    rc = family_send(in->family, ROLE_WORKER, worker, &m, sizeof m, fds, 2);
    if (rc != OK)
        ledger_close(in->ledger, e);
    return rc;
}

void intake_take(struct intake *in, const struct addr *at, int client)
{
    struct ledger_entry e = { 0 };
    const enum gate g = judge(in, at, client, &e);
    unsigned worker = 0;
    int server = -1;

    in->counts->accepted++;
    if (g != GATE_PASS) {
        turn_away(in, client, &e, g);
        return;
    }
    if (!ledger_admits(in->ledger, &e.client, (*in->config)->sessions, (*in->config)->per_client) ||
        !intake_worker(in, &worker)) {
        overload(in, client, &e);
        return;
    }
    if (dial(*in->config, &e, &server) != OK) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            overload(in, client, &e);
            return;
        }
        in->counts->dial_failed++;
        record(in, &e, OUTCOME_FAILED, WHY_DIAL_FAILED);
        reset(client); /* before any banner byte, so that the client tries its next MX */
        return;
    }
    if (hand_over(in, worker, &e, (const int[]){ client, server }) == OK) {
        close(client);
        close(server);
    } else {
        reset(server);
        overload(in, client, &e);
    }
}
