/*
 * control - the control socket: one line in, one JSON document out, end.     INTERFACES.md 'Programs'
 * A stream socket of mode 0660; a client that is neither root nor our own user is closed unanswered, whatever the mode
 * has become (A120). The requests are `status`, `memory DOMAIN` (the failed handshakes that are remembered of mail for
 * it) and `clock reset`; anything else gets {"error": ...}. The only file of the daemon that includes cJSON.
 */
#ifndef ROLE_CONTROL_H
#define ROLE_CONTROL_H

#include "base/clock.h"
#include "io/loop.h"
#include "ops/config.h"
#include "ops/record.h"
#include "policy/grace.h"
#include "role/wire.h"

/* What the keeper knows, for one answer. */
struct control_view {
    const struct config *config;
    struct wire_counts counts;
    struct mono counts_at; /* when they came */
    struct wire_resolver resolver;
    bool resolver_known; /* it has told its state since its last start */
    uint64_t outcome[OUTCOME__COUNT], why[WHY__COUNT];
    struct wall floor;               /* of the clock */
    bool state_writable;             /* state-dir, when last tried */
    const struct grace_table *grace; /* the memory of failed handshakes */
    uint64_t log_lost;
};

struct control;

/* control_reset_cb - the floor of the clock goes back to the time of the build. */
typedef void control_reset_cb(void *who);

/* control_new - without a listener nobody can ask. view is borrowed; NULL without memory. */
struct control *control_new(struct loop *loop, const struct control_view *view, control_reset_cb *reset, void *who);
void control_free(struct control *c);

/* control_listen - takes the listener; an earlier one is closed. */
void control_listen(struct control *c, int fd);

#endif
