/*
 * waxseald: start-up as a list. Read the configuration, open what needs root, give up what is not needed, fork the
 * roles. INTERFACES.md 'Programs'
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "base/version.h"
#include "io/addr.h"
#include "io/sealed.h"
#include "ops/anchors.h"
#include "ops/material.h"
#include "ops/own.h"
#include "role/broker.h"
#include "role/dates.h"
#include "role/keeper.h"
#include "role/notify.h"
#include "role/privs.h"
#include "role/resolver.h"
#include "role/worker.h"

struct options {
    const char *path;
    bool foreground, check, version;
};

static const struct child_ops *const roles[] = {
    [ROLE_WORKER] = &worker_ops, [ROLE_RESOLVER] = &resolver_ops, [ROLE_KEEPER] = &keeper_ops
};

static enum rc fail(const char *what, const char *which)
{
    (void)fprintf(stderr, "waxseald: %s %s: %s\n", what, which, strerror(errno));
    return FAILED;
}

static enum rc options_of(int argc, char **argv, struct options *o)
{
    *o = (struct options){ .path = CONFIG_PATH };
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        o->version = true;
        return OK;
    }
    for (int opt = getopt(argc, argv, "c:ft"); opt != -1; opt = getopt(argc, argv, "c:ft")) {
        if (opt == 'c')
            o->path = optarg;
        else if (opt == 'f')
            o->foreground = true;
        else if (opt == 't')
            o->check = true;
        else
            return MALFORMED;
    }
    return optind == argc ? OK : MALFORMED;
}

/* The resolver reads the trust anchors itself, when nobody waits for an exit status any more: so they are tried here.
 */
static bool has_anchors(const struct config *config)
{
    struct anchors_loaded anchors;
    char say[ANCHORS_SAY_MAX];
    const enum rc rc = anchors_load(config->trust_anchor, config->trust_anchor_configured, &anchors, say);

    if (say[0] != '\0')
        (void)fprintf(stderr, "waxseald: %s\n", say);
    return rc == OK;
}

/* The file as a struct on the heap; NULL: what is wrong was printed. */
static struct config *config_of(const char *path)
{
    struct config *const config = calloc(1, sizeof *config);

    if (config != NULL && config_load(path, config, stderr) == OK && has_anchors(config))
        return config;
    free(config);
    return NULL;
}

/* Descriptors 0, 1 and 2 exist: nothing that is opened later must take their place. */
static enum rc hold_stdio(int *null)
{
    do
        *null = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (*null >= 0 && *null <= STDERR_FILENO);
    return *null >= 0 ? OK : fail("cannot open", "/dev/null");
}

/* ---- what needs root ---- */

struct user {
    uid_t uid;
    gid_t gid;
};

/* Who to become. As another user than root: who we are. */
static enum rc user_of(const struct config *config, struct user *out)
{
    const struct passwd *const pw = geteuid() == 0 ? getpwnam(config->user) : NULL;

    *out = (struct user){ geteuid(), getegid() };
    if (geteuid() != 0)
        return OK;
    if (pw == NULL || pw->pw_uid == 0) {
        (void)fprintf(stderr, "waxseald: user \"%s\" %s\n", config->user, pw == NULL ? "does not exist" : "is root");
        return FAILED;
    }
    *out = (struct user){ pw->pw_uid, pw->pw_gid };
    return OK;
}

/* A folder for the user where there is none. One that cannot be made is found missing by whoever needs it. Given away
 * by its descriptor: what lies above it may be the user's, who must not lead us elsewhere by a link. */
static void make_folder(const char *path, mode_t mode, const struct user *user)
{
    if (mkdir(path, mode) != 0 || geteuid() != 0)
        return;
    const int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fchown(fd, user->uid, user->gid) != 0)
        (void)fail("cannot give away", path);
    if (fd >= 0)
        close(fd);
}

/* Roots and keys, read as the user who will have to read them again when the configuration is: what root alone can
 * read would be missing then. */
static enum rc open_material(const struct config *config, const struct user *user, int *memory)
{
    const bool root = geteuid() == 0;
    enum rc rc = MALFORMED;

    *memory = sealed_new("waxseal-material");
    if (*memory < 0)
        return fail("cannot have", "memory for certificates");
    if (root && (setgroups(0, NULL) != 0 || setegid(user->gid) != 0 || seteuid(user->uid) != 0))
        return fail("cannot become", config->user);
    rc = own_make(config, dates_build(), stderr) == OK ? material_load(config, *memory, stderr) : FAILED;
    if (root && (seteuid(0) != 0 || setegid(0) != 0))
        return fail("cannot be", "root again");
    return rc == OK ? sealed_shut(*memory) : rc;
}

static enum rc open_listeners(const struct config *config, int *fd)
{
    for (unsigned i = 0; i < config->listen.n; i++) {
        const struct addr at = { config->listen.at[i].ip, config->listen.at[i].port };
        char text[ADDR_TEXT_MAX];

        addr_text(&at, text);
        if (addr_listen(&at, config->intercept == INTERCEPT_TPROXY, &fd[i]) != OK)
            return fail("cannot listen on", text);
    }
    return OK;
}

/* The socket of `waxseal status`. One that nobody answers is left over and goes; one that somebody answers is in use.
 * Its folder may be the user's, who could put a link in its place before it is given away: that is not followed. */
static enum rc open_control(const char *path, const struct user *user, int *out)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = 0;
    int bound = -1;

    *out = fd;
    if (fd < 0 || strlen(path) >= sizeof at.sun_path)
        return fail("cannot make", path);
    memcpy(at.sun_path, path, strlen(path) + 1);
    if (connect(fd, (const struct sockaddr *)&at, sizeof at) == 0) {
        (void)fprintf(stderr, "waxseald: another one answers at %s\n", path);
        return FAILED;
    }
    if (errno == ECONNREFUSED)
        (void)unlink(path);
    before = umask(0117);
    bound = bind(fd, (const struct sockaddr *)&at, sizeof at);
    (void)umask(before);
    if (bound != 0 || (geteuid() == 0 && lchown(path, user->uid, user->gid) != 0) ||
        listen(fd, CONTROL_CLIENTS_MAX) != 0)
        return fail("cannot make", path);
    return OK;
}

/* Everything that the user could not do later. */
static enum rc prepare(struct broker_start *start, const struct user *user)
{
    const struct config *const config = start->config;
    char folder[CONFIG_PATH_MAX];

    if (privs_descriptors(config->sessions) != OK)
        return fail("cannot have the descriptors for", "limits { sessions }");
    if (open_listeners(config, start->listener) != OK)
        return FAILED;
    (void)snprintf(folder, sizeof folder, "%s", config->control);
    make_folder(dirname(folder), 0750, user);
    anchors_folder(config->control, folder);
    make_folder(folder, 0700, user);
    return open_control(config->control, user, &start->control);
}

/* ---- in the background ---- */

/* The parent's end: it waits for the byte that says ready. */
static int wait_ready(int ready, pid_t pid)
{
    char byte = 0;
    int status = 0;

    if (read(ready, &byte, 1) == 1)
        return 0;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1;
}

/* Goes on in a new process; the one that was called ends in here. */
static enum rc detach(struct broker_start *start)
{
    int ready[2];

    if (pipe2(ready, O_CLOEXEC) != 0)
        return fail("cannot go to", "the background");
    const pid_t pid = fork();
    if (pid < 0)
        return fail("cannot go to", "the background");
    if (pid > 0) {
        close(ready[1]);
        _exit(wait_ready(ready[0], pid));
    }
    close(ready[0]);
    start->ready = ready[1];
    (void)setsid();
    if (dup2(start->null, STDIN_FILENO) < 0 || dup2(start->null, STDOUT_FILENO) < 0)
        return fail("cannot go to", "the background");
    return OK;
}

/* ---- the list ---- */

static enum rc drop(const struct config *config, const struct user *user)
{
    unsigned landlock = 0;

    privs_name(ROLE_BROKER);
    if (privs_broker(user->uid, user->gid) != OK)
        return fail("cannot keep CAP_NET_ADMIN alone as", config->user);
    if (privs_confine(ROLE_BROKER, config, &landlock) != OK)
        return fail("cannot set", "the system call filter");
    return OK;
}

static int run(struct broker_start *start, const struct options *o)
{
    struct user user;

    if (hold_stdio(&start->null) != OK || user_of(start->config, &user) != OK)
        return 1;
    make_folder(start->config->state_dir, 0750, &user); /* the box's own certificate is kept there */
    if (open_material(start->config, &user, &start->material) != OK || prepare(start, &user) != OK)
        return 1;
    openlog("waxseald", LOG_PID | LOG_NDELAY | LOG_PERROR, LOG_MAIL);
    if (chdir("/") != 0 || (!o->foreground && detach(start) != OK) || drop(start->config, &user) != OK)
        return 1;
    if (o->foreground || start->config->log == LOG_TO_STDERR)
        start->null = -1; /* stderr is somebody's to read */
    struct config *const config = start->config;
    char control[CONFIG_PATH_MAX];

    (void)snprintf(control, sizeof control, "%s", config->control);
    start->config = NULL; /* the broker frees it, perhaps for another */
    const int status = broker_run(start, config);
    (void)unlink(control);
    return status;
}

/* -t: what starting would find wrong in the files. */
static int check(struct config *config)
{
    struct user user;
    int memory = -1;

    if (config->makes_own && access(config->credential[CREDENTIAL_OWN].certificate, F_OK) != 0) {
        config->makes_own = false; /* the start will make it */
        config->credential[CREDENTIAL_OWN] = (struct config_credential){ .certificate = "" };
    }
    if (!material_is_named(config))
        return 0;
    return user_of(config, &user) == OK && open_material(config, &user, &memory) == OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct broker_start start = {
        .roles = roles, .material = -1, .control = -1, .notify = -1, .null = -1, .ready = -1
    };
    struct options o;
    char *notify = NULL, *path = NULL;
    int status = 1;

    if (options_of(argc, argv, &o) != OK) {
        (void)fprintf(stderr, "usage: waxseald [-c FILE] [-f] [-t] | --version\n");
        return 2;
    }
    if (o.version) {
        (void)puts("waxseald " WAXSEAL_VERSION);
        return 0;
    }
    if (privs_scrub(&notify) != OK)
        return 1;
    (void)umask(027);
    start.config = config_of(o.path);
    path = realpath(o.path, NULL); /* for a reload, from wherever we will be */
    if (start.config != NULL && path != NULL) {
        start.config_path = path;
        start.notify = notify_open(notify);
        status = o.check ? check(start.config) : run(&start, &o);
    }
    free(start.config);
    free(path);
    free(notify);
    return status;
}
