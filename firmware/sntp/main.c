/*
 * sntp: keeps the clock of a box by NTP servers. Asks all of them at once, sets the clock when enough of them agree,
 * and from then on lets the kernel run it faster or slower, which the kernel calls synchronised for as long as that
 * goes on: without an answer its own error bound grows by 500 us a second, and nine hours later it takes the word back
 * by itself. A clock that was set is never set again by the same process: it ends, and the next one reads the floor of
 * that day.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "ops/state.h"
#include "role/dates.h"
#include "role/privs.h"
#include "sntp.h"

#define STEP_NS (SNTP_SECOND / 2) /* the kernel does not glide over more (MAXPHASE) */

enum {
    PATIENCE_MS = 3000,
    LINE = 512,
    EXIT_USAGE = 2
};

struct server {
    const char *name;
    struct addrinfo *found, *at; /* its addresses, and which of them is asked */
    int fd;                      /* -1: not asked, or done with, in this round */
    struct sntp_asked asked;
    enum sntp_said said; /* SNTP_STRANGE: nothing */
    struct sntp_sample sample;
    unsigned pause_s;
    int64_t quiet_until_ns; /* by the monotonic clock */
};

struct client {
    bool dry; /* tells, sets nothing */
    bool set, agreed, said;
    unsigned poll;
    int64_t floor_s;
    size_t n;
    struct server servers[SNTP_SERVERS_MAX];
};

static void say(const struct client *c, int priority, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(const struct client *c, int priority, const char *fmt, ...)
{
    char line[LINE];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (c->dry)
        (void)fprintf(stderr, "sntp: %s\n", line);
    else
        syslog(priority, "%s", line);
}

static int64_t now_ns(clockid_t clock)
{
    struct timespec t = { 0 };

    (void)clock_gettime(clock, &t);
    return t.tv_sec * SNTP_SECOND + t.tv_nsec;
}

static void pause_ms(int64_t ms)
{
    const struct timespec t = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = ms % 1000 * 1000000 };

    (void)nanosleep(&t, NULL);
}

/* ---- one server ---- */

static void forget_addresses(struct server *s)
{
    if (s->found != NULL)
        freeaddrinfo(s->found);
    s->found = s->at = NULL;
}

/* The next of its addresses; after the last one the name is looked up again. */
static void next_address(struct server *s)
{
    s->at = s->at == NULL ? NULL : s->at->ai_next;
    if (s->at == NULL)
        forget_addresses(s);
}

static void look_up(struct server *s)
{
    const struct addrinfo want = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG };

    if (s->found == NULL && getaddrinfo(s->name, "123", &want, &s->found) != 0)
        s->found = NULL;
    if (s->at == NULL)
        s->at = s->found;
}

/* For this round. In the next one another address is asked, if this one told no time. */
static void done(struct server *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    if (s->said != SNTP_TIME)
        next_address(s);
}

/* From a port of its own for each question, and connected: the kernel drops what comes from elsewhere. */
static void ask(struct server *s)
{
    uint8_t packet[SNTP_PACKET];

    s->said = SNTP_STRANGE;
    if (s->at == NULL || now_ns(CLOCK_MONOTONIC) < s->quiet_until_ns)
        return;
    s->fd = socket(s->at->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || connect(s->fd, s->at->ai_addr, s->at->ai_addrlen) != 0 ||
        getrandom(s->asked.nonce, sizeof s->asked.nonce, 0) != (ssize_t)sizeof s->asked.nonce) {
        done(s);
        return;
    }
    s->asked.mono_ns = now_ns(CLOCK_MONOTONIC);
    s->asked.wall_ns = now_ns(CLOCK_REALTIME);
    sntp_request(&s->asked, packet);
    if (send(s->fd, packet, sizeof packet, 0) != (ssize_t)sizeof packet)
        done(s);
}

static void hear(struct client *c, struct server *s)
{
    uint8_t datagram[2 * SNTP_PACKET]; /* what is longer is cut: extensions are not read */
    const ssize_t n = recv(s->fd, datagram, sizeof datagram, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n >= 0)
        s->said = sntp_judge(span_of(datagram, (size_t)n), &s->asked, now_ns(CLOCK_MONOTONIC), c->floor_s, &s->sample);
    if (n >= 0 && s->said == SNTP_STRANGE)
        return;
    done(s);
    if (s->said == SNTP_RATE || s->said == SNTP_DENY) {
        s->pause_s = sntp_pause_s(s->said, s->pause_s);
        s->quiet_until_ns = now_ns(CLOCK_MONOTONIC) + s->pause_s * SNTP_SECOND;
        say(c, LOG_WARNING, "%s %s: it is left alone for %u s", s->name,
            s->said == SNTP_RATE ? "wants fewer questions" : "refuses us", s->pause_s);
    }
}

/* ---- all of them ---- */

/* One question to each that may be asked; until all have answered, or patience ends. Was anything sent? */
static bool ask_all(struct client *c)
{
    struct pollfd fds[SNTP_SERVERS_MAX];
    bool sent = false;

    for (size_t i = 0; i < c->n; i++)
        look_up(&c->servers[i]); /* may take long, so that nobody's answer waits for it */
    const int64_t end_ns = now_ns(CLOCK_MONOTONIC) + PATIENCE_MS * (SNTP_SECOND / 1000);
    for (size_t i = 0; i < c->n; i++) {
        ask(&c->servers[i]);
        sent = sent || c->servers[i].fd >= 0;
    }
    for (;;) {
        const int64_t left_ms = (end_ns - now_ns(CLOCK_MONOTONIC)) / (SNTP_SECOND / 1000);
        bool open = false;

        for (size_t i = 0; i < c->n; i++) {
            fds[i] = (struct pollfd){ .fd = c->servers[i].fd, .events = POLLIN };
            open = open || fds[i].fd >= 0;
        }
        if (!open || left_ms <= 0)
            break;
        (void)poll(fds, (nfds_t)c->n, (int)left_ms);
        for (size_t i = 0; i < c->n; i++)
            if (fds[i].fd >= 0 && fds[i].revents != 0)
                hear(c, &c->servers[i]);
    }
    for (size_t i = 0; i < c->n; i++)
        if (c->servers[i].fd >= 0)
            done(&c->servers[i]);
    return sent;
}

/* What each of them had to say, for the log: `a 0.001 s, b silent`. */
static void tell_all(const struct client *c, char out[LINE])
{
    static const char *const words[] = {
        [SNTP_STRANGE] = "silent",         [SNTP_RATE] = "left alone",     [SNTP_DENY] = "left alone",
        [SNTP_NO_TIME] = "without a time", [SNTP_VAGUE] = "too uncertain", [SNTP_EARLY] = "before the floor"
    };
    size_t n = 0;

    for (size_t i = 0; i < c->n && n < LINE; i++) {
        const struct server *const s = &c->servers[i];
        char time[32];

        (void)snprintf(time, sizeof time, "%+.3f s", (double)s->sample.offset_ns / 1e9);
        n += (size_t)snprintf(out + n, LINE - n, "%s%s %s", i == 0 ? "" : ", ", s->name,
                              s->said == SNTP_TIME ? time : words[s->said]);
    }
}

/* ---- the clock ---- */

/* In one call: the clock, and that it is synchronised, with what error. */
static enum rc steer(const struct client *c, const struct sntp_sample *s, bool step)
{
    int64_t seconds = s->offset_ns / SNTP_SECOND, rest = s->offset_ns % SNTP_SECOND;
    struct timex t = { .modes = ADJ_NANO | ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR | ADJ_TIMECONST,
                       .status = STA_PLL,
                       .maxerror = (long)(s->distance_ns / 1000),
                       .esterror = (long)(s->delay_ns / 2000),
                       .constant = (long)(c->set ? c->poll : SNTP_POLL_FIRST) };

    if (rest < 0) {
        seconds--;
        rest += SNTP_SECOND;
    }
    t.modes |= step ? ADJ_SETOFFSET : ADJ_OFFSET;
    t.time.tv_sec = (time_t)seconds;
    t.time.tv_usec = rest; /* nanoseconds, by ADJ_NANO */
    t.offset = step ? 0 : (long)s->offset_ns;
    if (t.time.tv_sec != seconds) { /* 32 bits: such a box ends in 2038 */
        errno = EOVERFLOW;
        return FAILED;
    }
    return adjtimex(&t) >= 0 ? OK : FAILED;
}

/* Takes what the servers agree on. CLOSED: the clock needs to be set once more, which the next process does. */
static enum rc take(struct client *c, const struct sntp_sample *s, size_t agree)
{
    const bool step = llabs(s->offset_ns) >= STEP_NS;
    const double offset = (double)s->offset_ns / 1e9;

    if (step && c->set) {
        say(c, LOG_WARNING, "the clock was set, and is off by %+.3f s by %zu of %zu servers: begins anew", offset,
            agree, c->n);
        return CLOSED;
    }
    if (!c->dry && steer(c, s, step) != OK) {
        say(c, LOG_ERR, "the clock cannot be changed by %+.3f s: %s", offset, strerror(errno));
        return FAILED;
    }
    if (step || !c->agreed)
        say(c, LOG_NOTICE, "%s by %+.3f s: %zu of %zu servers agree, uncertain by %.3f s",
            c->dry ? "would change the clock"
            : step ? "the clock is set"
                   : "the clock is kept, off",
            offset, agree, c->n, (double)s->distance_ns / 1e9);
    c->set = !c->dry;
    return OK;
}

static enum rc one_round(struct client *c)
{
    struct sntp_sample told[SNTP_SERVERS_MAX], time;
    const bool was = c->agreed, sent = ask_all(c);
    char all[LINE];
    size_t n = 0, agree;
    enum rc rc = OK;

    for (size_t i = 0; i < c->n; i++)
        if (c->servers[i].said == SNTP_TIME)
            told[n++] = c->servers[i].sample;
    const bool agreed = sntp_agree(told, n, c->n, &time, &agree) == OK;
    tell_all(c, all);
    if (agreed)
        rc = take(c, &time, agree);
    else if (sent && (was || !c->said))
        say(c, LOG_WARNING, "no time: %s", all);
    c->said = c->said || sent;
    c->agreed = agreed;
    c->poll = sntp_poll(c->poll, was, agreed, sent);
    return rc;
}

/* ---- start ---- */

static enum rc options_of(struct client *c, int argc, char **argv, const char **folder, const char **user)
{
    for (int opt = getopt(argc, argv, "nf:u:"); opt != -1; opt = getopt(argc, argv, "nf:u:")) {
        if (opt == 'n')
            c->dry = true;
        else if (opt == 'f')
            *folder = optarg;
        else if (opt == 'u' && optarg != NULL)
            *user = optarg;
        else
            return MALFORMED;
    }
    for (; optind < argc && c->n < SNTP_SERVERS_MAX; optind++)
        c->servers[c->n++] = (struct server){ .name = argv[optind], .fd = -1 };
    return c->n > 0 ? OK : MALFORMED;
}

int main(int argc, char **argv)
{
    static struct client c;
    const char *folder = NULL, *user = "nobody";

    if (options_of(&c, argc, argv, &folder, &user) != OK) {
        (void)fprintf(stderr,
                      "usage: sntp [-n] [-f STATE-DIR] [-u USER] SERVER... (%d at most are asked)\n"
                      "  -n  sets nothing and tells what would be done\n"
                      "  -f  where the daemon keeps the floor of the clock; never earlier than the build\n"
                      "  -u  whose rights are left (nobody), beside that to set the clock\n",
                      SNTP_SERVERS_MAX);
        return EXIT_USAGE;
    }
    openlog("sntp", 0, LOG_DAEMON);
    c.floor_s = dates_floor((struct wall){ folder == NULL ? 0 : state_floor(folder) }).s;
    const struct passwd *const pw = c.dry ? NULL : getpwnam(user);
    if (!c.dry && (pw == NULL || privs_clock(pw->pw_uid, pw->pw_gid) != OK)) {
        say(&c, LOG_ERR, "cannot become %s with the right to set the clock alone: %s", user,
            pw == NULL ? "there is no such user" : strerror(errno));
        return EXIT_FAILURE;
    }
    if (optind < argc)
        say(&c, LOG_WARNING, "%d servers are enough: not asked from %s on", SNTP_SERVERS_MAX, argv[optind]);
    (void)setenv("RES_OPTIONS", "timeout:3 attempts:1", 0); /* the next round is another attempt */
    for (;;) {
        uint32_t random = 0;
        const enum rc rc = one_round(&c);

        if (rc != OK)
            return rc == CLOSED ? EXIT_SUCCESS : EXIT_FAILURE;
        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
            return EXIT_FAILURE;
        pause_ms(sntp_wait_ms(c.poll, random));
    }
}
