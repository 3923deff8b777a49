/*
 * log - the outcome line, and the place where lines go: syslog, stderr or a file.     INTERFACES.md 'The outcome line'
 * The keeper owns the one sink. Whatever a peer wrote is printable by the time it gets there (A119).
 */
#ifndef OPS_LOG_H
#define OPS_LOG_H

#include "base/clock.h"
#include "base/limits.h"
#include "ops/config.h"
#include "ops/record.h"

/*
 * log_outcome - one record, which record_check has passed, as its line, without an end of line.
 *   Keys and their order are stable; session ids are lower-case hexadecimal. An empty value is `-`; one with blanks,
 *   quotes, backslashes or bytes that are not printable is quoted, with \" \\ and \xNN inside.
 *   cap      LOG_LINE_MAX holds any record
 *   returns  the length, without the NUL
 */
size_t log_outcome(const struct record *r, char *out, size_t cap);

/* log_outcome_word, log_auth_word - the words of the line, by their enums. */
const char *log_outcome_word(enum outcome o);
const char *log_auth_word(enum auth a);

struct log {
    enum config_log to;
    int fd;         /* the file or the datagram socket of syslog; -1: none */
    bool connected; /* to /dev/log */
    uint64_t lost;  /* lines since the last one that arrived; the next one says so */
    char path[CONFIG_PATH_MAX];
};

/*
 * log_open - makes the sink. A syslog that is not there (yet) is no error: each line tries again.
 *   path     of the file, whose folder belongs to the caller's user; not used otherwise
 *   returns  OK | FAILED  with errno: the file cannot be opened; *log is closed
 * System calls after it: write; for syslog sendto and connect; log_reopen also openat and close.
 */
MUST_USE enum rc log_open(struct log *log, enum config_log to, const char *path);

/*
 * log_line - one line, cut at LOG_LINE_MAX. In a file and on stderr it stands behind `RFC 3339 time waxseald[PID]: `.
 * Never waits for syslog: what it does not take is counted.
 */
void log_line(struct log *log, struct wall now, int priority, const char *text);

/* log_reopen - the file anew, after somebody moved it away. FAILED with errno: the old one stays in use. */
MUST_USE enum rc log_reopen(struct log *log);
void log_close(struct log *log);

#endif
