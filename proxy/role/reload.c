#include "role/reload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "io/sealed.h"
#include "ops/material.h"
#include "ops/own.h"
#include "role/dates.h"
#include "role/spawn.h"

#define SAID_WHY 2 /* exit status of a parser that has told the log what is wrong with the file */

/* What cannot change while we run stays as it is. */
static void keep(struct config *fresh, const struct config *now)
{
    fresh->listen = now->listen;
    memcpy(fresh->user, now->user, sizeof fresh->user);
    fresh->workers = now->workers;
    fresh->intercept = now->intercept;
    fresh->mark = now->mark;
    memcpy(fresh->state_dir, now->state_dir, sizeof fresh->state_dir);
    memcpy(fresh->control, now->control, sizeof fresh->control);
}

static void say_errors(struct family *f, char *text)
{
    char *rest = NULL;

    for (const char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
        family_say(f, LOG_ERR, "reload: %s", line);
    family_say(f, LOG_ERR, "reload: the configuration is not valid; nothing has changed");
}

/* The child's whole work: its exit status. */
static int parse(const struct reload *r, struct family *f, const char *path, const struct config *now, unsigned cap)
{
    struct config *const fresh = calloc(1, sizeof *fresh);
    char *text = NULL, words[256];
    size_t n = 0;
    FILE *const errors = open_memstream(&text, &n);

    if (fresh == NULL || errors == NULL)
        return 1;
    (void)alarm(RELOAD_S); /* the file may be a pipe that never ends */
    enum rc rc = config_load(path, fresh, errors);
    if (rc == OK)
        rc = own_make(fresh, dates_build(), errors);
    if (rc == OK)
        rc = material_load(fresh, r->material, errors);
    if (fclose(errors) != 0)
        return 1;
    if (rc != OK) {
        say_errors(f, text);
        return SAID_WHY;
    }
    config_reload_blockers(now, fresh, words, sizeof words);
    if (words[0] != '\0')
        family_say(f, LOG_WARNING, "reload: these options need a restart and stay as they are: %s", words);
    keep(fresh, now);
    if (fresh->sessions > cap) {
        family_say(f, LOG_WARNING, "reload: more than %u sessions need a restart", cap);
        fresh->sessions = cap;
    }
    return sealed_put(r->memory, span_of(fresh, sizeof *fresh)) == OK ? 0 : 1;
}

static void drop(struct reload *r)
{
    if (r->memory >= 0)
        close(r->memory);
    if (r->material >= 0)
        close(r->material);
    r->memory = r->material = -1;
}

void reload_begin(struct reload *r, struct family *f, const char *path, const struct config *now, unsigned cap)
{
    if (r->pid > 0) {
        r->again = true;
        return;
    }
    r->again = false;
    r->memory = sealed_new("waxseal-config");
    r->material = sealed_new("waxseal-material");
    r->pid = r->memory < 0 || r->material < 0 ? -1 : spawn_fork();
    if (r->pid == 0)
        _exit(parse(r, f, path, now, cap));
    if (r->pid > 0)
        return;
    family_say(f, LOG_ERR, "reload: %s; nothing has changed", strerror(errno));
    drop(r);
    r->pid = 0;
}

/* What the parser left, held against change first and then looked at. NULL: not usable. What the material is worth,
 * its reader finds out: it is of variable length. */
static struct config *take(const struct reload *r, const struct config *now)
{
    struct config *const fresh = malloc(sizeof *fresh);
    char words[256] = "";

    if (fresh == NULL)
        return NULL;
    if (sealed_shut(r->memory) == OK && sealed_shut(r->material) == OK) {
        const ssize_t n = pread(r->memory, fresh, sizeof *fresh, 0);

        if (n > 0 && config_check(fresh, (size_t)n) == OK) {
            config_reload_blockers(now, fresh, words, sizeof words);
            if (words[0] == '\0' && fresh->sessions <= SESSIONS_MAX)
                return fresh;
        }
    }
    free(fresh);
    return NULL;
}

bool reload_end(struct reload *r, struct family *f, pid_t pid, int status, const struct config *now,
                struct reloaded *out)
{
    *out = (struct reloaded){ NULL, -1, -1 };
    if (r->pid <= 0 || pid != r->pid)
        return false;
    r->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        out->config = take(r, now);
    if (out->config != NULL) {
        out->sealed = r->memory;
        out->material = r->material;
        return true;
    }
    drop(r);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != SAID_WHY)
        family_say(f, LOG_ERR, "reload: the parser failed (%s %d); nothing has changed",
                   WIFSIGNALED(status) ? "signal" : "status",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return true;
}
