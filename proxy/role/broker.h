/*
 * broker - the parent of all, and the only process with a right (CAP_NET_ADMIN): it accepts, counts, reads both
 * addresses, judges them, dials, and gives both descriptors to a worker. It parses nothing of variable length: whatever
 * comes from the network it never reads, and what comes from a child has a fixed size.     DESIGN.md 'Processes'
 */
#ifndef ROLE_BROKER_H
#define ROLE_BROKER_H

#include "role/child.h"

struct broker_start {
    const struct child_ops *const *roles; /* by enum role, see family.h */
    const char *config_path;
    struct config *config;              /* until broker_run, which takes its own */
    int listener[CONFIG_ENDPOINTS_MAX]; /* by config->listen; the broker closes all of these */
    int material;                       /* shut memory of ops/material.h; the broker closes it */
    int control;
    int notify; /* -1: nobody */
    int null;   /* takes stderr's place in started children; -1: in the foreground */
    int ready;  /* one byte goes there when all roles are ready; -1: nobody waits */
};

/* broker_run - until SIGTERM has been carried out; takes config, on the heap. Returns the exit status: 0, or 1 where
 * the start failed. */
int broker_run(const struct broker_start *start, struct config *config);

#endif
