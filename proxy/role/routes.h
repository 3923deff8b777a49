/*
 * routes - finds out routes, many at once: plans (dane/route_plan) running on a lookup context.     RFC 7672 2, 2.1
 * Nothing is believed but on firm ground (role/ground.h). Requests for one
 * domain and port share a plan. Who waits too long gets what is known so far, open questions as timeouts; the plan goes
 * on, so that the next try finds the cache warm. Used by the resolver role, and by tools inside their own process.
 */
#ifndef ROLE_ROUTES_H
#define ROLE_ROUTES_H

#include "dane/route.h"
#include "io/loop.h"
#include "ops/config.h"
#include "role/ground.h"
#include "smtp/hostname.h"

struct routes;

/* routes_new - opens all its files now. NULL after saying why. config is borrowed for the call. */
struct routes *routes_new(struct loop *loop, const struct config *config, ground_say *say, void *who);

/* routes_free - whoever still waits is called with NULL. NULL is fine. */
void routes_free(struct routes *r);

/* routes_config - the configuration has changed (ground_config). */
void routes_config(struct routes *r, const struct config *config);

/* routes_track, routes_kept - see ground_track, ground_kept; `keys` is called when there are keys worth keeping
 * (ground_keys). */
void routes_track(struct routes *r, const char *folder, void (*keys)(void *who));
void routes_kept(struct routes *r, const struct state *kept);

/* routes_ground, routes_waiting - what all this stands on, and how many wait for a route: for `status`. */
const struct ground *routes_ground(const struct routes *r);
unsigned routes_waiting(const struct routes *r);

/*
 * routes_ask - the route to domain and port. cb is called once, maybe before routes_ask returns. How many may wait is
 * the caller's to bound, who knows for whom (role/resolver.c).
 *   is_host  the name is that of a host: no MX is asked (route_plan_init)
 *   route    borrowed for the call, and until cb asks for another; NULL from routes_free
 */
typedef void routes_cb(void *owner, const struct route *route);
void routes_ask(struct routes *r, const struct hostname *domain, uint16_t port, bool is_host, routes_cb *cb,
                void *owner);

/* routes_refuse - cb is called now, with a route that could not be found out. */
void routes_refuse(struct routes *r, routes_cb *cb, void *owner);

#endif
