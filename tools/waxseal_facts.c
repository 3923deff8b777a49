#include "waxseal_facts.h"

#include <stdlib.h>

#include "role/dates.h"

static struct mono now_mono(void *self)
{
    (void)self;
    return clock_mono();
}

static enum clock_state now_clock(void *self)
{
    (void)self;
    return dates_state(dates_floor((struct wall){ 0 })); /* no daemon is asked for what it kept */
}

static uint32_t number(void *self)
{
    struct prospect *const p = self;

    return ++p->number;
}

static bool ask_route(void *self, uint32_t n, const struct hostname *domain, bool is_host, const struct ip *far,
                      uint16_t port)
{
    struct prospect *const p = self;

    (void)n, (void)far, (void)port;
    p->wants_route = true;
    p->wanted = *domain;
    p->is_host = is_host;
    return true;
}

static bool ask_memory(void *self, uint32_t n, const struct ip *client, const struct ip *server,
                       const struct hostname *domain, struct span host)
{
    (void)self, (void)n, (void)client, (void)server, (void)domain, (void)host;
    return true;
}

enum grace prospect_grace(const struct config *config)
{
    return config->clear_after_s == 0 ? GRACE_OVER : GRACE_WAIT; /* as grace_judge says without an entry */
}

enum rc prospect_open(struct prospect *p, const struct config *config, const struct hostname *domain,
                      const struct ip *server)
{
    const struct site_smarthost *const smart = site_smarthost(&config->site, server);
    int i;

    *p = (struct prospect){ .session = calloc(1, sizeof *p->session) };
    if (p->session == NULL)
        return FAILED;
    p->host = (struct session_host){
        .self = p,
        .config = config,
        .mono = now_mono,
        .clock = now_clock,
        .number = number,
        .ask_route = ask_route,
        .ask_memory = ask_memory,
    };
    p->session->host = &p->host;
    p->session->server = *server;
    p->session->server_port = smart == NULL ? 25 : smart->port;
    i = asks_find(p->session, domain);
    if (i < 0) {
        prospect_close(p);
        return FAILED;
    }
    p->ask = &p->session->asks.ask[i];
    return OK;
}

void prospect_judge(struct prospect *p, const struct route *r)
{
    struct session *const s = p->session;

    if (p->ask->state == ASK_ROUTE) {
        struct route *const copy = r == NULL ? NULL : malloc(r->size);

        if (copy == NULL)
            asks_lost(s, true);
        else if (!asks_route(s, p->number, memcpy(copy, r, r->size)))
            free(copy);
    }
    if (p->ask->state == ASK_MEMORY)
        (void)asks_remember(s, p->number, prospect_grace(s->host->config));
    p->facts = asks_facts(s, p->ask, FOR_RCPT);
    p->verdict = decide(&p->facts);
}

void prospect_close(struct prospect *p)
{
    if (p->session != NULL)
        asks_free(p->session);
    free(p->session);
    p->session = NULL;
}
