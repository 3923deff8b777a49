/*
 * waxseal - the operator's command: what its subcommands share.
 * A subcommand gets the path of the configuration (NULL without `-c`: the default one) and its own name as argv[0], and
 * returns the exit status (INTERFACES: 0 well, 1 not well, 2 usage, 3 daemon unreachable; `dane verify` has codes of
 * its own).
 */
#ifndef TOOLS_WAXSEAL_H
#define TOOLS_WAXSEAL_H

enum {
    EXIT_WELL = 0,
    EXIT_NOT_WELL = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
};

int waxseal_dane(const char *config, int argc, char **argv);

#endif
