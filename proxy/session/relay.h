/*
 * relay - what reaches the client: the far side's replies as they are, and our own, in the order of the commands.
 * DESIGN.md invariant 1 Bytes leave only for the head slot. What the far side says unasked ends the session, but for a
 * 421.
 */
#ifndef SESSION_RELAY_H
#define SESSION_RELAY_H

#include <stdbool.h>

struct session;

/* Each moves as much as it can of one thing; true if anything moved. */

/* relay_reply - one line of the far side: to whoever it is for (far's own exchange, the held MAIL, the client). */
bool relay_reply(struct session *s);

/* relay_words - our own reply, where the head slot has one. */
bool relay_words(struct session *s);

/* relay_tunnel - what stands behind the 220 to the client's STARTTLS, in clear, ends the session (A27). */
bool relay_tunnel(struct session *s);

#endif
