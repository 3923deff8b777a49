#include "waxseal.h"

#include <stdio.h>
#include <string.h>

static int unbuilt(const char *config, int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(const char *config, int argc, char **argv);
    const char *help;
} commands[] = {
    { "rules", waxseal_rules, "show|install|remove|check: what the kernel does with port 25" },
    { "dane", waxseal_dane, "verify|make|check: judge a certificate by TLSA records, given or published; make them" },
    { "status", waxseal_status, "[--json]: what the running daemon is doing" },
    { "clock", waxseal_clock, "reset: the date below which the box believes no clock, back to that of the build" },
    { "probe", waxseal_probe, "[--json] DOMAIN: connects to its MX hosts and says what would become of mail there" },
    { "explain", waxseal_explain, "[--json] DOMAIN ADDRESS: the verdict and every fact that leads to it" },
    { "top", unbuilt, "(not in this build)" },
};

static int usage(FILE *to, int status)
{
    fputs("usage: waxseal [-c FILE] COMMAND\n", to);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].help);
    return status;
}

static int unbuilt(const char *config, int argc, char **argv)
{
    (void)config, (void)argc;
    fprintf(stderr, "waxseal %s: this command is not in this build\n", argv[0]);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    const char *config = NULL;

    if (argc >= 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0))
        return usage(stdout, EXIT_WELL);
    if (argc >= 3 && strcmp(argv[1], "-c") == 0) {
        config = argv[2];
        argc -= 2;
        argv += 2;
    }
    if (argc < 2)
        return usage(stderr, EXIT_USAGE);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(config, argc - 1, argv + 1);
    fprintf(stderr, "waxseal: no command '%s'\n", argv[1]);
    return usage(stderr, EXIT_USAGE);
}
