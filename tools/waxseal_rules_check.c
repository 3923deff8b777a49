/*
 * waxseal rules check: what on this box keeps the rules from doing their work.     INTERFACES.md 'The rules'
 * Each finding is one line, `PROBLEM:` (exit 1) or `note:`.
 */
#include "ops/rules.h"
#include "waxseal.h"
#include "waxseal_route.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    RULESET_MAX = 1 << 20, /* what is read of the ruleset, without the elements of its sets */
    PRIORITY_FIRST = -150, /* where our chain takes new connections */
};

struct findings {
    bool problem;
};

static void problem(struct findings *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void problem(struct findings *f, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fputs("PROBLEM: ", stdout);
    vprintf(fmt, ap);
    putchar('\n');
    va_end(ap);
    f->problem = true;
}

/* A number of /proc/sys; -1 where it is not there. */
static int sysctl_number(const char *path)
{
    char text[16] = "";
    FILE *f = fopen(path, "r");
    int n = -1;

    if (f == NULL)
        return -1;
    if (fgets(text, sizeof text, f) != NULL)
        n = (int)strtol(text, NULL, 10);
    fclose(f);
    return n;
}

/* src_valid_mark makes the reverse path filter ask with our mark, whose route says that every source is ourselves. */
static void check_interfaces(struct findings *f)
{
    static const char folder[] = "/proc/sys/net/ipv4/conf";
    const int all_filter = sysctl_number("/proc/sys/net/ipv4/conf/all/rp_filter");
    const int all_mark = sysctl_number("/proc/sys/net/ipv4/conf/all/src_valid_mark");
    DIR *d = opendir(folder);
    char path[512];

    if (d == NULL)
        return;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        int filter, mark;

        if (e->d_name[0] == '.' || strcmp(e->d_name, "all") == 0 || strcmp(e->d_name, "default") == 0 ||
            strcmp(e->d_name, "lo") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s/rp_filter", folder, e->d_name);
        filter = sysctl_number(path);
        snprintf(path, sizeof path, "%s/%s/src_valid_mark", folder, e->d_name);
        mark = sysctl_number(path) > 0 || all_mark > 0;
        filter = filter > all_filter ? filter : all_filter; /* the kernel takes the greater of both */
        if (filter > 0 && mark)
            problem(f, "%s: rp_filter = %d together with src_valid_mark = 1 drops what carries our mark", e->d_name,
                    filter);
        else if (filter == 1)
            printf("note: %s: rp_filter = 1: answers that come in by another interface than the way out are dropped\n",
                   e->d_name);
    }
    closedir(d);
}

static void check_sysctl(struct findings *f)
{
    check_interfaces(f);
    if (sysctl_number("/proc/sys/net/ipv4/ip_nonlocal_bind") > 0 ||
        sysctl_number("/proc/sys/net/ipv6/ip_nonlocal_bind") > 0)
        problem(f, "ip_nonlocal_bind = 1: every address looks like this box's own, and no session is let through");
}

static void check_route(struct findings *f, const struct config *c)
{
    const bool v6 = access("/proc/sys/net/ipv6", F_OK) == 0;

    if (!route_is_there(true, c->mark))
        problem(f, "the policy route for IPv4 is missing: `waxseal rules install` makes it");
    if (v6 && !route_is_there(false, c->mark))
        problem(f, "the policy route for IPv6 is missing: `waxseal rules install` makes it");
}

/* Is `ManageForeignRoutingPolicyRules = no` in this file? */
static bool leaves_rules(const char *path)
{
    static const char key[] = "ManageForeignRoutingPolicyRules";
    char line[256];
    bool leaves = false;
    FILE *f = fopen(path, "r");

    if (f == NULL)
        return false;
    while (fgets(line, sizeof line, f) != NULL) {
        const char *value = line + sizeof key - 1;

        if (strncmp(line, key, sizeof key - 1) != 0)
            continue;
        value += strspn(value, " \t=");
        leaves = strncmp(value, "no", 2) == 0 || strncmp(value, "false", 5) == 0 || strncmp(value, "off", 3) == 0 ||
                 value[0] == '0';
    }
    fclose(f);
    return leaves;
}

/* systemd-networkd removes ip rules that it did not make, at each start, unless it is told to leave them. */
static void check_networkd(struct findings *f)
{
    static const char *const folders[] = { "/etc/systemd/networkd.conf.d", "/run/systemd/networkd.conf.d",
                                           "/usr/lib/systemd/networkd.conf.d" };
    bool leaves = leaves_rules("/etc/systemd/networkd.conf");
    char path[512];

    if (access("/run/systemd/netif/state", F_OK) != 0)
        return;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        DIR *d = opendir(folders[i]);

        if (d == NULL)
            continue;
        for (const struct dirent *e; (e = readdir(d)) != NULL;) {
            snprintf(path, sizeof path, "%s/%s", folders[i], e->d_name);
            leaves = leaves || leaves_rules(path);
        }
        closedir(d);
    }
    if (!leaves)
        problem(f, "systemd-networkd is running and removes our ip rule when it starts: set "
                   "ManageForeignRoutingPolicyRules=no in networkd.conf");
}

/* `filter hook prerouting priority mangle - 5;` as nft prints it: what its number is. */
static int priority_number(const char *s)
{
    static const struct {
        const char *name;
        int number;
    } names[] = { { "raw", -300 }, { "mangle", -150 }, { "dstnat", -100 },
                  { "filter", 0 }, { "security", 50 }, { "srcnat", 100 } };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const size_t n = strlen(names[i].name);

        if (strncmp(s, names[i].name, n) != 0)
            continue;
        s += n;
        if (strncmp(s, " + ", 3) == 0)
            return names[i].number + (int)strtol(s + 3, NULL, 10);
        if (strncmp(s, " - ", 3) == 0)
            return names[i].number - (int)strtol(s + 3, NULL, 10);
        return names[i].number;
    }
    return (int)strtol(s, NULL, 10);
}

/* Where a line of nft's listing stands. */
struct place {
    char table[128], chain[128];
    bool earlier, said; /* this chain sees packets before ours do; it was told already */
    bool ours;
};

static void note_rule(struct findings *f, struct place *at, const char *line)
{
    if (at->ours || !at->earlier || at->said)
        return;
    if (strstr(line, "policy accept;") != NULL || line[0] == '}' || line[0] == '\0')
        return;
    at->said = true;
    if (strstr(line, "tproxy") != NULL || strstr(line, "dnat") != NULL || strstr(line, "redirect") != NULL)
        problem(f, "%s %s comes before our rules and takes packets away: %s", at->table, at->chain, line);
    else
        printf("note: %s %s comes before our rules: see that it leaves port 25 of the clients alone\n", at->table,
               at->chain);
}

static void read_line(struct findings *f, struct place *at, const char *line, bool redirect, bool *installed)
{
    const char *hook = strstr(line, " hook "), *priority = strstr(line, " priority ");

    line += strspn(line, " \t");
    if (strncmp(line, "table ", 6) == 0) {
        snprintf(at->table, sizeof at->table, "%.*s", (int)strcspn(line, "{") - 1, line);
        at->ours = strcmp(at->table, "table inet " RULES_TABLE) == 0;
        *installed = *installed || at->ours;
    } else if (strncmp(line, "flowtable ", 10) == 0 && !at->ours) {
        printf("note: %s has a %.*s: flows that it took before the rules came pass them by until they end\n", at->table,
               (int)strcspn(line, "{") - 1, line);
    } else if (strncmp(line, "chain ", 6) == 0) {
        snprintf(at->chain, sizeof at->chain, "%.*s", (int)strcspn(line, "{") - 1, line);
        at->earlier = at->said = false;
    } else if (hook != NULL && priority != NULL) {
        const int number = priority_number(priority + 10);
        const bool nat = strncmp(line, "type nat", 8) == 0;

        at->earlier = strncmp(hook, " hook ingress", 13) == 0 ||
                      (strncmp(hook, " hook prerouting", 16) == 0 &&
                       (number <= PRIORITY_FIRST || (redirect && nat && number <= -101)));
    } else {
        note_rule(f, at, line);
    }
}

static bool has_legacy_tables(void)
{
    FILE *f = fopen("/proc/net/ip_tables_names", "r");
    const bool some = f != NULL && fgetc(f) != EOF;

    if (f != NULL)
        fclose(f);
    return some;
}

/* Is the table in the kernel the one that this configuration makes? */
static bool has_stamp(const char *listing, struct span script)
{
    static const char head[] = "chain " RULES_STAMP;
    char stamp[sizeof head + 16] = "";

    for (size_t i = 0; i + sizeof stamp - 1 <= script.n; i++)
        if (memcmp(script.p + i, head, sizeof head - 1) == 0)
            memcpy(stamp, script.p + i, sizeof stamp - 1);
    return stamp[0] != '\0' && strstr(listing, stamp) != NULL;
}

static void check_ruleset(struct findings *f, const struct config *c, struct span script)
{
    static const char *const argv[] = { "nft", "-t", "list", "ruleset", NULL };
    char *text = malloc(RULESET_MAX), *rest = text;
    struct place at = { "", "", false, false, false };
    bool installed = false, same;

    if (text == NULL || tool_run(argv, NULL, 0, text, RULESET_MAX) != 0) {
        problem(f, "the ruleset cannot be read");
    } else {
        same = has_stamp(text, script);
        for (const char *line; (line = strsep(&rest, "\n")) != NULL;)
            read_line(f, &at, line, c->intercept == INTERCEPT_REDIRECT, &installed);
        if (!installed)
            problem(f, "the rules are not installed: nothing is intercepted");
        else if (!same)
            problem(f, "the rules in force are not those of the configuration: `waxseal rules install` brings them");
    }
    free(text);
    if (has_legacy_tables())
        puts("note: iptables-legacy is in use too: its raw and mangle tables are not looked at");
}

int rules_check(const struct config *c, struct span script)
{
    struct findings f = { false };

    if (c->clients.n == 0)
        puts("note: clients is empty: nothing is intercepted");
    check_ruleset(&f, c, script);
    check_route(&f, c);
    check_sysctl(&f);
    check_networkd(&f);
    if (!f.problem)
        puts("ok: the rules are in force");
    return f.problem ? EXIT_NOT_WELL : EXIT_WELL;
}
