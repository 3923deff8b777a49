#include "ops/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define SYSLOG_SOCKET "/dev/log"

static const char *const outcome_words[OUTCOME__COUNT] = {
    [OUTCOME_VERIFIED] = "verified", [OUTCOME_ENCRYPTED] = "encrypted", [OUTCOME_CLEARTEXT] = "cleartext",
    [OUTCOME_REFUSED] = "refused",   [OUTCOME_FAILED] = "failed",       [OUTCOME_TUNNEL] = "tunnel",
};
static const char *const auth_words[AUTH__COUNT] = {
    [AUTH_NONE] = "none", [AUTH_DANE_EE] = "dane-ee",         [AUTH_DANE_TA] = "dane-ta",
    [AUTH_PKIX] = "pkix", [AUTH_FINGERPRINT] = "fingerprint",
};
static const struct {
    unsigned bit;
    const char *word;
} flag_words[] = {
    { FLAG_UNLISTED_ADDRESS, "unlisted-address" },
    { FLAG_SPLIT_HORIZON, "split-horizon" },
    { FLAG_DECLARE_A_SMARTHOST, "declare-a-smarthost" },
};

/* Text of bounded length that is cut, never overrun: n counts what is there, without the NUL. */
struct out {
    char *mem;
    size_t cap, n;
};

static void put_char(struct out *o, char c)
{
    if (o->n + 1 < o->cap)
        o->mem[o->n++] = c;
    o->mem[o->n] = '\0';
}

static void put(struct out *o, const char *s)
{
    while (*s != '\0')
        put_char(o, *s++);
}

static bool is_printable(uint8_t c)
{
    return c >= 32 && c < 127;
}

static void put_escaped(struct out *o, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";

    put(o, "\\x");
    put_char(o, digits[c >> 4]);
    put_char(o, digits[c & 15]);
}

static bool is_bare(const char *s)
{
    for (; *s != '\0'; s++)
        if (!is_printable((uint8_t)*s) || *s == ' ' || *s == '"' || *s == '\\')
            return false;
    return true;
}

/* key=value, with a blank in front unless it is the first. */
static void put_pair(struct out *o, const char *key, const char *value)
{
    if (o->n > 0)
        put_char(o, ' ');
    put(o, key);
    put_char(o, '=');
    if (value[0] == '\0') {
        put_char(o, '-');
    } else if (is_bare(value)) {
        put(o, value);
    } else {
        put_char(o, '"');
        for (const char *s = value; *s != '\0'; s++) {
            if (*s == '"' || *s == '\\')
                put_char(o, '\\');
            if (is_printable((uint8_t)*s))
                put_char(o, *s);
            else
                put_escaped(o, (uint8_t)*s);
        }
        put_char(o, '"');
    }
}

static void put_address(struct out *o, const char *key, const struct ip *ip)
{
    static const struct ip unknown;
    char text[IP_TEXT_MAX];

    ip_text(ip, text);
    put_pair(o, key, ip_eq(ip, &unknown) ? "" : text);
}

const char *log_outcome_word(enum outcome o)
{
    return outcome_words[o];
}

const char *log_auth_word(enum auth a)
{
    return auth_words[a];
}

/* The keys that may grow in number: they stand behind the fixed ones only. */
static void put_further(struct out *o, const struct record *r)
{
    char text[64];

    snprintf(text, sizeof text, "%" PRIu32 "/%" PRIu32, r->accepted, r->asked);
    put_pair(o, "rcpt", text);
    snprintf(text, sizeof text, "%" PRIu64, r->bytes);
    put_pair(o, "bytes", text);
    if (r->client_tls[0] != '\0')
        put_pair(o, "client-tls", r->client_tls);
    if (r->text[0] != '\0')
        put_pair(o, "text", r->text);
    if (r->would)
        put_pair(o, "would", "refused");
    if (r->mx_insecure)
        put_pair(o, "mx-trust", "insecure");
    if (r->flags != 0) {
        put(o, " flags=");
        for (size_t i = 0, first = 1; i < sizeof flag_words / sizeof flag_words[0]; i++) {
            if ((r->flags & flag_words[i].bit) == 0)
                continue;
            put(o, first ? "" : ",");
            put(o, flag_words[i].word);
            first = 0;
        }
    }
}

size_t log_outcome(const struct record *r, char *out, size_t cap)
{
    struct out o = { out, cap, 0 };
    char id[17];

    snprintf(id, sizeof id, "%" PRIx64, r->session);
    put_pair(&o, "outcome", outcome_words[r->outcome]);
    put_pair(&o, "domain", r->domain);
    put_pair(&o, "mx", r->mx);
    put_address(&o, "server", &r->server);
    put_address(&o, "client", &r->client);
    put_pair(&o, "level", level_name((enum level)r->level));
    put_pair(&o, "auth", auth_words[r->auth]);
    put_pair(&o, "tls", r->tls);
    put_pair(&o, "cipher", r->cipher);
    put_pair(&o, "resumed", r->resumed ? "1" : "0");
    put_pair(&o, "reason", why_word((enum why)r->why));
    put_pair(&o, "session", id);
    put_further(&o, r);
    return o.n;
}

/* The file is made readable for the group: a log reader needs no more than that. */
static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0640);
}

enum rc log_open(struct log *log, enum config_log to, const char *path)
{
    *log = (struct log){ .to = to, .fd = -1 };
    switch (to) {
    case LOG_TO_STDERR:
        log->fd = STDERR_FILENO;
        return OK;
    case LOG_TO_SYSLOG:
        log->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        return log->fd < 0 ? FAILED : OK;
    case LOG_TO_FILE:
        snprintf(log->path, sizeof log->path, "%s", path);
        log->fd = open_file(log->path);
        return log->fd < 0 ? FAILED : OK;
    }
    return FAILED;
}

/* The C library's syslog() would read the time zone's file and wait for a slow reader: neither suits the keeper. */
static bool send_syslog(struct log *log, const char *line, size_t n)
{
    static const struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = SYSLOG_SOCKET };

    for (int tries = 0; tries < 2; tries++) {
        if (!log->connected && connect(log->fd, (const struct sockaddr *)&at, sizeof at) != 0)
            return false;
        log->connected = true;
        if (send(log->fd, line, n, MSG_NOSIGNAL) == (ssize_t)n)
            return true;
        if (errno == EAGAIN || errno == ENOBUFS || errno == EMSGSIZE)
            return false;
        log->connected = false; /* the daemon behind it was started again */
    }
    return false;
}

/* By our own reckoning: the C library's ends in 2038 where its time_t has 32 bits. */
static void put_time(struct out *o, struct wall now)
{
    static const int64_t of_month[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    const int64_t last = INT64_C(253402300799); /* of the year 9999 */
    int64_t days = now.s / 86400, year = 1970, month = 0;
    const int64_t second = now.s % 86400;
    char text[160];

    if (now.s < 0 || now.s > last) {
        put_char(o, '-');
        return;
    }
    for (;;) {
        const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        const int64_t n = of_month[month] + (leap && month == 1 ? 1 : 0);

        if (days < n)
            break;
        days -= n;
        month = (month + 1) % 12;
        year += month == 0;
    }
    (void)snprintf(text, sizeof text,
                   "%04" PRId64 "-%02" PRId64 "-%02" PRId64 "T%02" PRId64 ":%02" PRId64 ":%02" PRId64 "Z", year,
                   month + 1, days + 1, second / 3600, second / 60 % 60, second % 60);
    put(o, text);
}

static bool write_one(struct log *log, struct wall now, int priority, const char *text)
{
    char line[LOG_LINE_MAX + 80], head[40];
    struct out o = { line, sizeof line - 1, 0 }; /* one byte stays free for the end of line */

    if (log->to == LOG_TO_SYSLOG) {
        snprintf(head, sizeof head, "<%d>waxseald[%ld]: ", LOG_MAIL | (priority & LOG_PRIMASK), (long)getpid());
    } else {
        put_time(&o, now);
        snprintf(head, sizeof head, " waxseald[%ld]: ", (long)getpid());
    }
    put(&o, head);
    for (const char *s = text; *s != '\0'; s++) {
        if (is_printable((uint8_t)*s))
            put_char(&o, *s);
        else
            put_escaped(&o, (uint8_t)*s);
    }
    if (log->to == LOG_TO_SYSLOG)
        return send_syslog(log, line, o.n);
    line[o.n++] = '\n';
    return write(log->fd, line, o.n) == (ssize_t)o.n; /* one call: lines of several writers do not mix (O_APPEND) */
}

void log_line(struct log *log, struct wall now, int priority, const char *text)
{
    char words[64];

    if (log->fd < 0) {
        log->lost++;
        return;
    }
    if (log->lost > 0) {
        snprintf(words, sizeof words, "%" PRIu64 " log lines were lost before this one", log->lost);
        if (write_one(log, now, LOG_WARNING, words))
            log->lost = 0;
    }
    if (!write_one(log, now, priority, text))
        log->lost++;
}

enum rc log_reopen(struct log *log)
{
    int fd;

    if (log->to != LOG_TO_FILE)
        return OK;
    fd = open_file(log->path);
    if (fd < 0)
        return FAILED;
    if (log->fd >= 0)
        close(log->fd);
    log->fd = fd;
    return OK;
}

void log_close(struct log *log)
{
    if (log->fd >= 0 && log->to != LOG_TO_STDERR)
        close(log->fd);
    log->fd = -1;
}
