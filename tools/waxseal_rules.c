/* waxseal rules: brings ops/rules' table and its policy route into the kernel, and takes exactly those out again. */
#include "ops/rules.h"
#include "waxseal.h"
#include "waxseal_route.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static bool has_ipv6(void)
{
    return access("/proc/sys/net/ipv6", F_OK) == 0;
}

static int nft(struct span script, bool check_only)
{
    const char *const argv[] = { "nft", "-f", "-", check_only ? "-c" : NULL, NULL };

    return tool_run(argv, (const char *)script.p, script.n, NULL, 0);
}

/* Policy route first: a table whose marks lead nowhere would drop sessions until the route is there. */
static int install(const struct config *c, struct span script)
{
    for (int v4 = 1; v4 >= (has_ipv6() ? 0 : 1); v4--) {
        if (route_add(v4, c->mark) != OK) {
            fprintf(stderr, "waxseal rules: the policy route (ip %s) cannot be made: %s; the rules were not touched\n",
                    v4 ? "-4" : "-6", strerror(errno));
            return EXIT_NOT_WELL;
        }
    }
    if (nft(script, false) != 0) {
        fputs("waxseal rules: the kernel did not take the rules; those before are still in force\n", stderr);
        return EXIT_NOT_WELL;
    }
    return EXIT_WELL;
}

static int remove_all(const struct config *c)
{
    static const char gone[] = "add table inet " RULES_TABLE "\ndelete table inet " RULES_TABLE "\n";
    bool well = nft(span_of(gone, sizeof gone - 1), false) == 0;

    for (int v4 = 1; v4 >= (has_ipv6() ? 0 : 1); v4--)
        well = route_remove(v4, c->mark) == OK && well;
    return well ? EXIT_WELL : EXIT_NOT_WELL;
}

static int show(const struct config *c, struct span script)
{
    for (int v4 = 1; v4 >= 0; v4--) {
        const char *const flag = v4 ? "-4" : "-6";

        printf("# ip %s rule add fwmark 0x%x table %u priority %d\n", flag, (unsigned)c->mark, (unsigned)c->mark,
               RULES_PRIORITY);
        printf("# ip %s route replace local default dev lo table %u\n", flag, (unsigned)c->mark);
    }
    fwrite(script.p, 1, script.n, stdout);
    return fflush(stdout) == 0 ? EXIT_WELL : EXIT_NOT_WELL;
}

static int command(const char *verb, const struct config *c, struct span script)
{
    int status = EXIT_WELL;

    if (strcmp(verb, "show") == 0)
        return show(c, script);
    if (strcmp(verb, "install") == 0)
        return install(c, script);
    if (strcmp(verb, "remove") == 0)
        return remove_all(c);
    if (nft(script, true) != 0) {
        puts("PROBLEM: the kernel does not take the rules (a module is missing, or this is not root)");
        status = EXIT_NOT_WELL;
    }
    return rules_check(c, script) == EXIT_WELL ? status : EXIT_NOT_WELL;
}

static bool is_verb(const char *s)
{
    static const char *const verbs[] = { "show", "install", "remove", "check" };

    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(s, verbs[i]) == 0)
            return true;
    return false;
}

/* To take the rules away must not need a sound file: where it cannot be read, what the default mark has goes. */
static enum rc load(const char *path, bool removing, struct config *c)
{
    enum rc rc = config_load(path, c, stderr);

    if (rc != OK && removing) {
        char empty[32];
        const int fd = memfd_create("defaults", 0); /* an empty file is valid, and has the default mark */

        snprintf(empty, sizeof empty, "/proc/self/fd/%d", fd);
        rc = config_load(empty, c, stderr);
        if (rc == OK)
            fprintf(stderr, "waxseal rules: removing the table, and what the default mark 0x%x has\n", c->mark);
        if (fd >= 0)
            close(fd);
    }
    return rc;
}

int waxseal_rules(const char *config, int argc, char **argv)
{
    struct config *c;
    uint8_t *text;
    struct buf script;
    int status = EXIT_NOT_WELL;

    if (argc != 2 || !is_verb(argv[1])) {
        fputs("usage: waxseal [-c FILE] rules show|install|remove|check\n", stderr);
        return EXIT_USAGE;
    }
    clearenv(); /* the configuration's reader expands ${VAR} */
    c = malloc(sizeof *c);
    text = malloc(RULES_TEXT_MAX);
    if (c == NULL || text == NULL) {
        fputs("waxseal rules: out of memory\n", stderr);
    } else if (load(config == NULL ? CONFIG_PATH : config, strcmp(argv[1], "remove") == 0, c) == OK) {
        buf_init(&script, text, RULES_TEXT_MAX);
        if (rules_nft(c, &script) == OK)
            status = command(argv[1], c, buf_bytes(&script));
        else
            fputs("waxseal rules: the rules are too long\n", stderr);
    }
    free(c);
    free(text);
    return status;
}
