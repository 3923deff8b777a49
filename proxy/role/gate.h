/*
 * gate - may this connection pass? The broker's checks of two addresses, before anything is dialled.
 * The rules of the kernel choose what reaches the listener; this does not trust them: a direct connection, a client
 * that the site did not name, or a target inside the box must not get a socket with the box's rights.     A117, A118
 */
#ifndef ROLE_GATE_H
#define ROLE_GATE_H

#include "ops/config.h"

enum gate {
    GATE_PASS,
    GATE_DIRECT,  /* addressed to the box itself: nothing was intercepted */
    GATE_CLIENT,  /* not in `clients` */
    GATE_PORT,    /* no mail submission or relay port */
    GATE_SPECIAL, /* unspecified, loopback, link-local, multicast, broadcast */
    GATE_DENIED,  /* in deny-destination */
    GATE_OWN,     /* an address of the box */
};

/* gate_judge - the checks that need only the addresses. Pure: never GATE_DIRECT or GATE_OWN, which ask the kernel. */
enum gate gate_judge(const struct config *config, const struct ip *client, const struct ip *server, uint16_t port);

/* gate_word - for the log. */
const char *gate_word(enum gate g);

#endif
