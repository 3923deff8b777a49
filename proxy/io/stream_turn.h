/*
 * stream_turn - what a stream does when the loop comes by: moves bytes, goes on with a handshake, tells what is new.
 * The inner half of io/stream, for stream.c alone. Whatever is found out becomes news (a bit for each event), and only
 * a turn tells news: that is why no event comes from inside a call.
 */
#ifndef IO_STREAM_TURN_H
#define IO_STREAM_TURN_H

#include "io/stream.h"

/* stream_turn_is_whole - connected and not lost, in clear or in TLS: bytes can move. */
bool stream_turn_is_whole(const struct stream *s);

/* stream_turn_later - a turn comes soon, if none is running: that one looks at everything again before it ends. */
void stream_turn_later(struct stream *s);

/* stream_turn_note - this event is to be told. */
void stream_turn_note(struct stream *s, enum stream_event event);

/* stream_turn_has_work - is there something that no descriptor will announce? */
bool stream_turn_has_work(const struct stream *s);

/* stream_turn_interest - what the descriptor is to announce from now on. */
void stream_turn_interest(struct stream *s);

/*
 * stream_turn_fill - reads until nothing is there or there is no room: the TLS library may hold bytes that no
 * descriptor announces (s->again). After stream_end it reads once, and drops. *got     how many bytes came returns what
 * the last read said (AGAIN_*, CLOSED, FAILED; OK only after stream_end), or FULL
 */
enum rc stream_turn_fill(struct stream *s, size_t *got);

/* stream_turn_drain - sends until all is gone or the kernel has enough; then, after stream_end, takes leave. */
void stream_turn_drain(struct stream *s);

/* The callbacks of s->watch and s->soon. */
void stream_turn_ready(void *owner, unsigned ready);
void stream_turn_soon(void *owner);

#endif
