/*
 * waxseal - the operator's command: what its subcommands share.
 * A subcommand gets the path of the configuration (NULL without `-c`: the default one) and its own name as argv[0], and
 * returns the exit status (INTERFACES: 0 well, 1 not well, 2 usage, 3 daemon unreachable; `dane verify` and `dane
 * check` have codes of their own).
 */
#ifndef TOOLS_WAXSEAL_H
#define TOOLS_WAXSEAL_H

#include "dane/match.h"
#include "ops/config.h"

enum {
    EXIT_WELL = 0,
    EXIT_NOT_WELL = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
};

/* tool_run - a program by its bare name from the system's own folders, without a shell, with a fixed environment.
 *   in       its standard input, NULL: none
 *   out      what it printed, cut at cap - 1; NULL: passed through
 *   returns  its exit status; 127 when it could not be run
 */
int tool_run(const char *const *argv, const char *in, size_t n_in, char *out, size_t cap);

/*
 * control_ask - one request (with its end of line) to the running daemon, and the whole answer as JSON text.
 *   returns  the answer, the caller's to free(); NULL where none came, with the reason in *why (static, or errno's)
 */
char *control_ask(const struct config *c, const char *request, const char **why);

int waxseal_status(const char *config, int argc, char **argv);
int waxseal_clock(const char *config, int argc, char **argv);
int waxseal_probe(const char *config, int argc, char **argv);
int waxseal_explain(const char *config, int argc, char **argv);
int waxseal_rules(const char *config, int argc, char **argv);
/* what waxseal_rules.c and waxseal_rules_check.c share */
int rules_check(const struct config *c, struct span script);

int waxseal_dane(const char *config, int argc, char **argv);
/* what waxseal_dane.c and waxseal_dane_check.c share; dane_tell prints `result=…` without an end of line */
int dane_check(const char *config, int argc, char **argv);
void dane_tell(const struct match_answer *a);

#endif
