#include "role/gate.h"

static bool is_mail_port(uint16_t port)
{
    return port == 25 || port == 465 || port == 587;
}

enum gate gate_judge(const struct config *config, const struct ip *client, const struct ip *server, uint16_t port)
{
    const struct ip inner = ip_unmap_nat64(server); /* a translator would deliver it there (RFC 6052) */

    if (!config_nets_have(&config->clients, client))
        return GATE_CLIENT;
    if (!is_mail_port(port))
        return GATE_PORT;
    if (ip_is_special(server) || ip_is_special(&inner))
        return GATE_SPECIAL;
    if (config_nets_have(&config->deny_destination, server) || config_nets_have(&config->deny_destination, &inner))
        return GATE_DENIED;
    return GATE_PASS;
}

const char *gate_word(enum gate g)
{
    switch (g) {
    case GATE_PASS:
        return "passes";
    case GATE_DIRECT:
        return "it was made to the listener itself";
    case GATE_CLIENT:
        return "not one of `clients`";
    case GATE_PORT:
        return "no mail port";
    case GATE_SPECIAL:
        return "no address of the internet";
    case GATE_DENIED:
        return "in `deny-destination`";
    case GATE_OWN:
        return "an address of this box";
    }
    return "";
}
