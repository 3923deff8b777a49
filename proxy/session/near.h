/*
 * near - the client's side: its framing and what each of its lines becomes.     RFC 5321 4.1, RFC 3030, RFC 4954 4
 * Commands become slots, content flows straight to the far side. The table verb -> kind is here; whether a slot may
 * leave is txn's.
 */
#ifndef SESSION_NEAR_H
#define SESSION_NEAR_H

#include "base/clock.h"
#include "io/stream.h"
#include "policy/why.h"
#include "smtp/frame.h"
#include "smtp/hostname.h"

struct session;
struct slot;

enum near_mode {
    NEAR_LINE, /* commands */
    NEAR_HOLD, /* the next bytes mean nothing before a reply is there: behind DATA, BDAT, AUTH, STARTTLS, QUIT, an
                  unknown verb */
    NEAR_CONTINUATION, /* one line that a 3xx asked for: relayed, not read */
    NEAR_DATA,         /* content up to the end of data */
    NEAR_CHUNK,        /* `left` octets of BDAT */
    NEAR_TUNNEL,       /* opaque bytes */
    NEAR_SEALING,      /* our 220 to its STARTTLS is on the way, its TLS is not up: nothing is said in clear any more */
    NEAR_DEAF,         /* nothing more is taken: QUIT was said, or we said goodbye */
};

struct near {
    struct stream stream;
    bool open;
    bool ended;       /* the client left */
    bool reply_begun; /* half of a reply is on the wire: nothing of our own may be said */
    enum near_mode mode;
    bool ending_known;
    enum frame_ending ending; /* fixed by the client's first command (A53) */
    struct frame frame;
    uint64_t left; /* CHUNK */
    bool swallow;  /* CHUNK: the octets go nowhere */
    bool refused;  /* a DATA was, and nothing came since: what is no command now is its content, too late to be seen */
    bool handshakes;              /* SEALING: its handshake has begun */
    struct mono since;            /* SEALING */
    bool quit;                    /* QUIT was read: its end is no loss */
    char hello[HOSTNAME_MAX + 3]; /* what the client said of itself; its address before it said anything */
};

/* near_read - takes from the client's bytes what can be taken now. True if anything moved. */
bool near_read(struct session *s);

/*
 * near_content_refused - this DATA will not get its content, here or by the server: a client that waits goes on, but
 * octets that stand behind it already are content, not commands: they go nowhere, 421 and the end (A60).
 */
void near_content_refused(struct session *s, struct slot *slot);

/*
 * near_seal - the client's TLS ends here: 220 to its STARTTLS, then the handshake, with HANDSHAKE_S for both. Not a
 * byte may stand behind its STARTTLS: said in clear, it would be read inside (A26, R8). False: not now.
 */
bool near_seal(struct session *s);

/* near_sealed - its handshake is done. What was said and shown before counts for nothing (RFC 3207 4.2): a connection
 * on which something was built up is given up. */
void near_sealed(struct session *s);

/* near_unsealed - it did not come about: the end, without a word, and a line in the log. */
void near_unsealed(struct session *s, enum why why, struct span detail);

/* near_close - the client's connection: at once, with a FIN or a reset. */
void near_close(struct session *s, bool reset);

#endif
