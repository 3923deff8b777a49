/*
 * pump - may the oldest waiting command leave now, and where not: is it answered here, or what must happen first?
 * DESIGN.md invariants 2-4 A function a kind of slot. What the far side and the client must never see is decided in
 * these few lines.
 */
#ifndef SESSION_PUMP_H
#define SESSION_PUMP_H

#include <stdbool.h>

struct session;

/* pump_step - moves the oldest waiting command on, if it can. True if anything moved. */
bool pump_step(struct session *s);

#endif
