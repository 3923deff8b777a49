/* waxseal status, waxseal clock: ask the running daemon over its control socket.     role/control.h */
#include "waxseal.h"
#include "waxseal_find.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    ANSWER_MAX = CONTROL_ANSWER_MAX + 2,
    PATIENCE_S = 5, /* the keeper answers at once, or it is stuck */
};

static int dial(const char *path)
{
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    snprintf(at.sun_path, sizeof at.sun_path, "%.107s", path); /* the configuration takes no longer one */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 &&
        connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    close(fd);
    return -1;
}

/* The whole answer, or false: none came, it was cut, or there is too much of it. */
static bool ask(int fd, const char *request, char *out, size_t cap)
{
    size_t n = 0;
    ssize_t got = 1;

    if (send(fd, request, strlen(request), MSG_NOSIGNAL) != (ssize_t)strlen(request))
        return false;
    while (n + 1 < cap && (got = read(fd, out + n, cap - 1 - n)) > 0)
        n += (size_t)got;
    out[n] = '\0';
    return got == 0 && n > 0;
}

static void print_value(const char *key, const cJSON *v, const char *end)
{
    if (cJSON_IsString(v))
        printf("%s %s%s", key, v->valuestring, end);
    else if (cJSON_IsBool(v))
        printf("%s %s%s", key, cJSON_IsTrue(v) ? "yes" : "no", end);
    else if (cJSON_IsNumber(v))
        printf("%s %.0f%s", key, v->valuedouble, end);
}

static void print_row(const char *key, const cJSON *row)
{
    const cJSON *v;

    printf("%-20s", key);
    cJSON_ArrayForEach(v, row) print_value(v->string, v, v->next == NULL ? "" : ", ");
    putchar('\n');
}

/* One line for each group of numbers, and for each member of a list. */
static void print_status(const cJSON *root)
{
    const cJSON *part, *row;

    cJSON_ArrayForEach(part, root)
    {
        char key[32];

        snprintf(key, sizeof key, "%-19s", part->string);
        if (cJSON_IsObject(part))
            print_row(part->string, part);
        else if (cJSON_IsArray(part))
            cJSON_ArrayForEach(row, part) print_row(part->string, row);
        else
            print_value(key, part, "\n");
    }
}

/* Not well: a process that is not ready, or a resolver that can prove nothing (every level that asks DNS waits then).
 */
static bool is_well(const cJSON *root)
{
    const cJSON *resolver = cJSON_GetObjectItemCaseSensitive(root, "resolver");
    const cJSON *processes = cJSON_GetObjectItemCaseSensitive(root, "processes"), *p;

    cJSON_ArrayForEach(p, processes) if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(p, "ready"))) return false;
    return cJSON_IsArray(processes) && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(resolver, "anchored"));
}

char *control_ask(const struct config *c, const char *request, const char **why)
{
    char *answer = malloc(ANSWER_MAX);
    const int fd = dial(c->control);
    const bool got = answer != NULL && fd >= 0 && ask(fd, request, answer, ANSWER_MAX);

    *why = answer == NULL ? "out of memory" : fd < 0 ? strerror(errno) : "no answer";
    if (fd >= 0)
        close(fd);
    if (got)
        return answer;
    free(answer);
    return NULL;
}

/* The same, and says why there is none. */
static char *answer_of(const char *command, const struct config *c, const char *request)
{
    const char *why = NULL;
    char *const answer = control_ask(c, request, &why);

    if (answer == NULL)
        fprintf(stderr, "waxseal %s: %s: %s\n", command, c->control, why);
    return answer;
}

static int report(const char *answer, bool json)
{
    cJSON *root = cJSON_Parse(answer);
    int status = EXIT_NOT_WELL;

    if (!cJSON_IsObject(root) || cJSON_HasObjectItem(root, "error")) {
        fputs("waxseal status: the daemon's answer cannot be read: is it of another version?\n", stderr);
    } else {
        status = is_well(root) ? EXIT_WELL : EXIT_NOT_WELL;
        if (json)
            fputs(answer, stdout);
        else
            print_status(root);
    }
    cJSON_Delete(root);
    return status;
}

static int was_done(const char *answer)
{
    cJSON *root = cJSON_Parse(answer);
    const bool done = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "done"));

    if (!done)
        fputs("waxseal clock: the daemon did not do it: is it of another version?\n", stderr);
    cJSON_Delete(root);
    return done ? EXIT_WELL : EXIT_NOT_WELL;
}

int waxseal_status(const char *config, int argc, char **argv)
{
    const bool json = argc == 2 && strcmp(argv[1], "--json") == 0;

    if (argc > 2 || (argc == 2 && !json)) {
        fputs("usage: waxseal [-c FILE] status [--json]\n", stderr);
        return EXIT_USAGE;
    }
    struct config *c = find_config("status", config);
    char *answer = c == NULL ? NULL : answer_of("status", c, "status\n");
    const int status = c == NULL ? EXIT_NOT_WELL : answer == NULL ? EXIT_UNREACHABLE : report(answer, json);

    free(answer);
    free(c);
    return status;
}

int waxseal_clock(const char *config, int argc, char **argv)
{
    if (argc != 2 || strcmp(argv[1], "reset") != 0) {
        fputs("usage: waxseal [-c FILE] clock reset\n", stderr);
        return EXIT_USAGE;
    }
    struct config *c = find_config("clock", config);
    char *answer = c == NULL ? NULL : answer_of("clock", c, "clock reset\n");
    const int status = c == NULL ? EXIT_NOT_WELL : answer == NULL ? EXIT_UNREACHABLE : was_done(answer);

    free(answer);
    free(c);
    return status;
}
