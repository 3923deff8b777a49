#include "waxseal.h"

#include <stdio.h>
#include <string.h>

static int refuse_check(void)
{
    fputs("waxseal dane check: not in this build: it needs the resolver\n", stderr);
    return EXIT_NOT_WELL;
}

int waxseal_dane(const char *config, int argc, char **argv)
{
    (void)config;
    if (argc >= 2 && strcmp(argv[1], "check") == 0)
        return refuse_check();
    fputs("usage: waxseal dane check CERT DOMAIN\n", stderr);
    return EXIT_USAGE;
}
