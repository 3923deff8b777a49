/*
 * limits - every bound of the daemon, with the clause or the reason for it. Reaching one is a normal answer, never a
 * surprise.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* smtp: one line, its line ending included */
#define COMMAND_LINE_MAX                                                                                               \
    12288                     /* RFC 4954 4: an AUTH line; all others are shorter (RFC 5321 4.5.3.1.4 asks for 512)    \
                               */
#define REPLY_LINE_MAX 8192   /* RFC 5321 4.5.3.1.5 asks for 512; servers have been seen to write 2 kB */
#define REPLY_BYTES_MAX 65536 /* one whole reply: an EHLO list of 10 000 lines is an attack, not a list */
#define HOSTNAME_MAX 253      /* RFC 1035 2.3.4, in text form, without the final dot */
#define EHLO_LINES_MAX 256    /* an EHLO reply of 100 lines is odd and passes, one of 10 000 is an attack */
#define EHLO_NAMES_MAX 256    /* bytes of names without a bit of their own; the longest list of the field needs 170 */

/* session */
#define STREAM_BUFFER 16384 /* one direction of one leg; a TLS record's payload fits (RFC 8446 5.1) */
#define DUCT_BYTES 65536    /* one direction of a tunnel, in the kernel; a user has 1024 pipes of it (pipe(7)) */
#define SLOTS_MAX 64        /* commands whose reply is not yet with the client; a power of two */
#define ASKS_MAX                                                                                                       \
    16 /* recipient domains of one transaction; a further one gets 451, the client brings it in the next               \
        */
#define MAIL_LINE_MAX                                                                                                  \
    4096 /* a held MAIL: RFC 5321 asks for 512, each extension adds to it (3461, 6531, 4954: some 1100 in all) */
#define SESSION_IDLE_S                                                                                                 \
    3600 /* no byte from either side: longer than any timer of RFC 5321 4.5.3.2, so never ours to end what lives */
#define SESSION_REST_MS 1000 /* of silence, after which the pages of empty buffers go back */
#define SESSION_BYE_S 30     /* from our goodbye to the reset, for a peer that does not read */
#define CONNECT_S 30   /* to a server that does not answer: the client has another MX to try (Postfix waits as long) */
#define HANDSHAKE_S 10 /* of the decision's time; DESIGN.md 'One decision budget' */
#define KEEPER_SILENT_MS 1000 /* then memory is unknown */
#define GREETING_MAX 4096     /* a banner that waits for the early upgrade; words of our own have as much room */
#define HELD_REPLY_MAX 1024   /* a server's no to MAIL, kept to be given to every RCPT */

/* certificates */
#define CHAIN_CERTS_MAX 64     /* the TLS library's own bound (MAX_CHAIN_DEPTH) */
#define CHAIN_BYTES_MAX 102400 /* and its bound on one certificate message (MAX_CERTIFICATE_SZ) */
#define CERT_EXTENSIONS_MAX 64 /* of one certificate: real ones have ten; one with more is part of no path */
#define PATH_SIGNATURES_MAX                                                                                            \
    32 /* signatures checked for one dane_match, whatever chain and records hold: about 5 are                          \
          usual, P-521 costs 4 ms each, and a chain of 31 in disorder needs 30 */
#define ROUTE_SIGNATURES_MAX 128 /* after so many the hosts of a route that are left are not asked: 0.5 s at worst */
#define PATH_STEPS_MAX 256       /* certificates tried on the way up: cross-signed loops have very many paths */
#define PATH_NAMES_MAX 250000    /* comparisons of a name with a name constraint: both lists are the sender's to fill */

/* DNS: one route */
#define ROUTE_HOSTS_MAX                                                                                                \
    50 /* MX hosts of one domain; Postfix stops at 5 addresses, the issue of the field is 50 hosts */
#define ROUTE_ANSWER_MAX 256    /* records of one answer; with more the answer is an error */
#define ROUTE_ADDRESSES_MAX 64  /* A and AAAA together, of one host; rotating pools have been seen to list 30 */
#define ROUTE_ADDRESSES_ALL 512 /* of one route */
#define ROUTE_TLSA_MAX 32       /* records of one host */
#define ROUTE_TLSA_ALL 256      /* of one route */
#define ROUTE_POOL_MAX                                                                                                 \
    40960 /* names and TLSA data of one route, which as a whole fits one message (MSG_MAX); over it the route is an    \
             error */
#define ROUTE_QUESTIONS_MAX (1 + ROUTE_HOSTS_MAX * 5) /* MX; A, AAAA, CNAME, TLSA twice for each host */
#define ROUTE_USE_MIN_S 5 /* TTLs below count as this: for the recipients that are in hand (RFC 1035 3.2.1) */
#define ALIAS_HOPS_MAX 8  /* CNAMEs in a row (RFC 7672 2.1.3: a bounded depth) */

#define ANCHORS_MAX 16       /* trust anchors: KSKs of the root, two during a roll */
#define ANCHOR_LINE_MAX 1536 /* a DNSKEY of 8192 bits as text */
#define ANCHOR_BASE_MAX 65   /* SHA-256 in hexadecimal, and a NUL */
#define ANCHORS_TEXT_MAX                                                                                               \
    (ANCHORS_MAX * (ANCHOR_LINE_MAX + 96) + 1)  /* each with state, count and time; it fits one message (MSG_MAX) */
#define STATE_TEXT_MAX (ANCHORS_TEXT_MAX + 512) /* the file in state-dir */
#define STATE_EVERY_S 900                       /* and how often it may be written: it lies on flash */
#define FLOOR_STEP_S 21600     /* the floor of the clock rises in steps, so that it costs four writes a day */
#define LOOKUPS_MAX 64         /* questions with libunbound at once: 2000 cost 35 MB */
#define LOOKUPS_OF_ROUTE 8     /* of one route: an expensive zone leaves room for the others */
#define LOOKUPS_OF_DEAD 2      /* of one that gets errors, or that nobody waits for */
#define LANE_JOBS_MAX 8        /* routes of one lane (role/lanes.h) that ask at once: libunbound has one thread */
#define LANES_COSTLY_MAX 32    /* lanes that are remembered as costly */
#define LANE_COSTLY_MS 100     /* CPU of the resolver behind a bogus answer, above which it was made to be expensive */
#define LANE_COSTLY_S 60       /* how long it is remembered; libunbound remembers a bogus answer as long */
#define ROUTES_MAX 128         /* routes that are being found out; about 55 kB each */
#define ROUTE_WAITERS_MAX 2048 /* requests that wait for a route; a further one is answered with an error at once */
#define RESOLVER_LATE_MAX 256  /* answers to workers whose pair is full; 12 kB and up each */
#define ROUTE_LIFE_S 60        /* a route that nobody waits for goes on this long: the next try finds it in the cache */

/* configuration */
#define CONFIG_NETS_MAX 256    /* addresses and networks of one set */
#define CONFIG_ENDPOINTS_MAX 8 /* listeners; forwarders */
#define CONFIG_PATH_MAX 256
#define SITE_ENTRIES_MAX 1024    /* policy sections */
#define SITE_SMARTHOSTS_MAX 32   /* a provider has a handful of addresses */
#define SITE_MATCHES_MAX 512     /* names and fingerprints of all sections together */
#define SITE_SECTION_MATCHES 32  /* of one section */
#define SITE_POOL_MAX 16384      /* their bytes */
#define CONFIG_BYTES_MAX 1048576 /* one file: every policy section with the longest name fits twice */
#define CREDENTIALS_MAX 9      /* certificates with keys: the box's own, and one for each provider that asks for one */
#define CREDENTIAL_CERTS_MAX 8 /* of one chain, the issuers included: real ones have two or three */
#define MATERIAL_ROOTS_MAX 512 /* public roots of one file: Mozilla's list has 140 */
#define MATERIAL_FILE_MAX 1048576 /* one file of them, of a chain or of a key: that list is 230 kB of text */
#define MATERIAL_POOL_MAX 1048576 /* all of them together, decoded */
#define CONFIG_USER_MAX 31        /* useradd(8) takes no longer name */
#define MARK_MIN 256              /* below: the kernel's and the distributions' routing tables (253 to 255) */
#define MARK_MAX 65534            /* it is a conntrack zone too, and mark + 1 must differ from every such number */
#define DECISION_MIN_S 5          /* less than one lookup with retries */
#define DECISION_MAX_S 240        /* the client waits 5 minutes for the answer to RCPT (RFC 5321 4.5.3.2.3) */
#define CLEAR_AFTER_MAX_S 86400   /* a failure is forgotten a day after the last try */

#define RULES_TEXT_MAX 98304 /* four sets of CONFIG_NETS_MAX IPv6 networks as text, and the chains */

/* memory */
#define GRACE_ENTRIES_MAX                                                                                              \
    1024 /* client, domain and host whose TLS failed within a day; 560 bytes each, in the keeper alone; a page is used \
            when an entry is */

/* the log */
#define LOG_LINE_MAX 4096 /* an outcome line with every value at its longest and each byte of it escaped as \xNN */

/* between the processes */
#define MSG_MAX 65536
#define MSG_FDS_MAX 4                 /* descriptors in one message: a session brings two */
#define PEERS_MAX 16                  /* workers */
#define PROCESSES_MAX (PEERS_MAX + 3) /* and broker, resolver, keeper */

/* broker and keeper */
#define SESSIONS_MAX 100000 /* limits.sessions: 6 descriptors each must fit one process (fs.nr_open is 1048576) */
#define LISTEN_BACKLOG 1024 /* connections that wait for accept; the kernel lowers it to net.core.somaxconn */
#define ACCEPTS_MAX 64      /* connections taken in one turn; then the other descriptors get theirs */
#define TURN_CPU_MS                                                                                                    \
    10000 /* of processor time in one callback of the loop: the longest work takes tenths of a second                  \
           */
#define ACCEPT_PAUSE_MS 100   /* without descriptors or memory accept fails again at once: wait instead of spinning */
#define RESTART_MIN_MS 100    /* a child that died soon after its start is started again later and later */
#define RESTART_MAX_MS 5000   /* up to this */
#define COUNTS_MS 1000        /* the keeper hears of new numbers at most this often */
#define COUNTS_IDLE_MS 5000   /* and of the same ones this often */
#define COUNTS_LATE_S 30      /* a broker that has told nothing for so long hangs */
#define RESTART_SOON_MS 10000 /* what counts as soon */
#define SAY_MAX 120           /* lines for the log, but for outcomes, that a worker or the resolver may write */
#define SAY_S 60              /* in this time: one that was taken over must not fill a disk */
#define PAIR_AGAIN_MS 10000   /* two children whose pair was cut get another no sooner: one may have been taken over */
#define DRAIN_S 600           /* after SIGTERM: the final reply may take 10 minutes (RFC 5321 4.5.3.2.6) */
#define DRAIN_LAST_S 5        /* resolver and keeper then have nothing left but to end */
#define RELOAD_S 10           /* to parse the configuration: it may lie on anything */
#define CONTROL_CLIENTS_MAX 8 /* of the control socket at once */
#define CONTROL_S 5           /* to ask and to read the answer */
#define CONTROL_ANSWER_MAX 16384

#define CONTROL_REQUEST_MAX 300 /* a word, a domain, the end of the line */
#define CONTROL_MEMORY_MAX 30   /* failures told of one domain: so many fit the answer, with the longest of names */

#endif
