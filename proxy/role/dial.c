#include "role/dial.h"

#include <errno.h>
#include <sys/random.h>

#include "io/addr.h"

#define PORT_MIN 32768 /* the kernel's own range by default */
#define PORT_MAX 60999
#define TRIES 32 /* all taken: this client has used most of 28 232 ports within a minute */

static uint16_t any_port_but(uint16_t not_this)
{
    uint16_t r = 0;
    unsigned port = 0;

    if (getrandom(&r, sizeof r, GRND_NONBLOCK) != (ssize_t)sizeof r)
        r = not_this;
    port = PORT_MIN + r % (PORT_MAX - PORT_MIN);
    return (uint16_t)(port < not_this ? port : port + 1); /* skips it, and stays in the range */
}

uint16_t dial_port(const struct config *config, const struct ledger_entry *e)
{
    const struct site_smarthost *const smart = site_smarthost(&config->site, &e->server);

    return smart != NULL && e->server_port == 25 ? smart->port : e->server_port;
}

enum rc dial(const struct config *config, const struct ledger_entry *e, int *fd)
{
    const struct addr to = { .ip = e->server, .port = dial_port(config, e) };
    struct addr source = { .ip = e->client };
    struct addr_from from = { .mark = config->mark + 1 };

    if (config->source == SOURCE_GATEWAY)
        return addr_connect(&to, &from, fd);
    from.source = &source;
    from.transparent = true;
    for (int i = 0; i < TRIES; i++) {
        source.port = any_port_but(e->client_port);
        if (addr_connect(&to, &from, fd) == OK)
            return OK;
        if (errno != EADDRINUSE)
            return FAILED;
    }
    return FAILED;
}
