#include "role/privs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ops/anchors.h"
#include "role/landlock.h"

#ifndef SANITIZED
#define SANITIZED 0
#endif

enum rc privs_scrub(char **notify)
{
    const char *const socket_name = getenv("NOTIFY_SOCKET");

    *notify = socket_name == NULL ? NULL : strdup(socket_name);
    if (clearenv() != 0 || setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) != 0)
        return FAILED;
    return socket_name == NULL || *notify != NULL ? OK : FAILED;
}

enum rc privs_descriptors(unsigned sessions)
{
    const rlim_t want = 6 * (rlim_t)sessions + 64;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return FAILED;
    if (limit.rlim_cur >= want)
        return OK;
    limit.rlim_cur = want;
    if (limit.rlim_max < want)
        limit.rlim_max = want;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? OK : FAILED;
}

/* Exactly these capabilities, permitted and effective; `list` may be empty. */
static enum rc only(const cap_value_t *list, int n)
{
    const cap_t caps = cap_init();
    enum rc rc = FAILED;

    if (caps == NULL)
        return FAILED;
    if ((n == 0 || (cap_set_flag(caps, CAP_PERMITTED, n, list, CAP_SET) == 0 &&
                    cap_set_flag(caps, CAP_EFFECTIVE, n, list, CAP_SET) == 0)) &&
        cap_set_proc(caps) == 0) {
        const cap_t got = cap_get_proc(); /* what the kernel says now, not what we asked for */

        rc = got != NULL && cap_compare(got, caps) == 0 ? OK : FAILED;
        cap_free(got);
    }
    cap_free(caps);
    return rc;
}

/* Nothing that is run later could win a capability back: nothing is run, and this is a third wall. */
static void empty_bounding_set(void)
{
    for (int cap = 0; cap < CAP_LAST_CAP + 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        (void)cap_drop_bound(cap); /* a user without CAP_SETPCAP keeps it: no_new_privs makes it worthless */
    (void)cap_reset_ambient();
}

static enum rc become(uid_t uid, gid_t gid)
{
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(uid, uid, uid) != 0 || prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0)
        return FAILED;
    if (getuid() != uid || geteuid() != uid || getgid() != gid || getegid() != gid || getgroups(0, NULL) != 0)
        return FAILED;
    return OK;
}

static enum rc keep(cap_value_t right, uid_t uid, gid_t gid)
{
    empty_bounding_set();
    if (geteuid() == 0 && become(uid, gid) != OK)
        return FAILED;
    if (only(&right, 1) != OK || geteuid() == 0)
        return FAILED;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return FAILED;
    return OK;
}

enum rc privs_broker(uid_t uid, gid_t gid)
{
    return keep(CAP_NET_ADMIN, uid, gid);
}

enum rc privs_child(pid_t parent)
{
    if (only(NULL, 0) != OK || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return FAILED;
    return getppid() == parent ? OK : FAILED; /* it may have died before the signal was asked for */
}

enum rc privs_tool(const char *user)
{
    const struct passwd *pw = geteuid() == 0 ? getpwnam(user) : NULL;

    if (geteuid() == 0 && (pw == NULL || pw->pw_uid == 0))
        pw = getpwnam("nobody");
    if (geteuid() == 0 && (pw == NULL || become(pw->pw_uid, pw->pw_gid) != OK))
        return FAILED;
    return only(NULL, 0) == OK && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? OK : FAILED;
}

const char *privs_role_name(enum role role)
{
    static const char *const names[] = {
        [ROLE_BROKER] = "broker", [ROLE_WORKER] = "worker", [ROLE_RESOLVER] = "resolver", [ROLE_KEEPER] = "keeper"
    };

    return names[role];
}

void privs_name(enum role role)
{
    char name[16]; /* TASK_COMM_LEN */

    (void)snprintf(name, sizeof name, "wax-%s", privs_role_name(role));
    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

/* ---- system calls ---- */

struct call {
    int nr;
    bool refuse;
    unsigned n;
    struct scmp_arg_cmp arg[2];
};

#define CALL(name) { .nr = SCMP_SYS(name) },
#define CALL_IF(name, at, how, a, b) { .nr = SCMP_SYS(name), .n = 1, .arg = { { at, how, a, b } } },
#define SETSOCKOPT(level, option)                                                                                      \
    { .nr = SCMP_SYS(setsockopt), .n = 2, .arg = { { 1, SCMP_CMP_EQ, level, 0 }, { 2, SCMP_CMP_EQ, option, 0 } } },
#define SETSOCKOPT_BELOW(level, option)                                                                                \
    { .nr = SCMP_SYS(setsockopt), .n = 2, .arg = { { 1, SCMP_CMP_EQ, level, 0 }, { 2, SCMP_CMP_LT, option, 0 } } },

static enum rc filter_on(const struct call *calls, size_t n)
{
    const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int failed = filter == NULL ? ENOMEM : 0;

    if (failed == 0)
        failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: some of these come at every packet */
    for (size_t i = 0; i < n && failed == 0; i++) {
        const uint32_t act = calls[i].refuse ? SCMP_ACT_ERRNO(EACCES) : SCMP_ACT_ALLOW;

        failed = seccomp_rule_add_array(filter, act, calls[i].nr, calls[i].n, calls[i].arg);
        if (failed == -EEXIST || failed == -EDOM) /* in two lists; a call that this machine does not have */
            failed = 0;
    }
    if (failed == 0)
        failed = seccomp_load(filter);
    if (filter != NULL)
        seccomp_release(filter);
    errno = failed < 0 ? -failed : failed;
    return failed == 0 ? OK : FAILED;
}

#if SANITIZED
#define REFUSE(name) /* its list of extras allows it, and a call cannot be in both */
#else
#define REFUSE(name) { .nr = SCMP_SYS(name), .refuse = true },
#endif

static enum rc filter_worker(void)
{
    const struct call calls[] = {
#include "role/worker.calls"
#if SANITIZED
#include "role/sanitized.calls"
#endif
    };

    return filter_on(calls, sizeof calls / sizeof calls[0]);
}

static enum rc filter_resolver(void)
{
    const struct call calls[] = {
#include "role/resolver.calls"
#if SANITIZED
#include "role/sanitized.calls"
#endif
    };

    return filter_on(calls, sizeof calls / sizeof calls[0]);
}

enum rc privs_clock(uid_t uid, gid_t gid)
{
    const struct call calls[] = {
#include "role/clock.calls"
#if SANITIZED
#include "role/sanitized.calls"
#endif
    };

    if (keep(CAP_SYS_TIME, uid, gid) != OK)
        return FAILED;
    return filter_on(calls, sizeof calls / sizeof calls[0]);
}

static enum rc filter_keeper(void)
{
    const struct call calls[] = {
#include "role/keeper.calls"
#if SANITIZED
#include "role/sanitized.calls"
#endif
    };

    return filter_on(calls, sizeof calls / sizeof calls[0]);
}

#undef REFUSE
#define REFUSE(name) CALL(name) /* the children may refuse themselves what the broker's filter must leave to others */

static enum rc filter_broker(void)
{
    const struct call calls[] = {
#include "role/broker.calls"
#if SANITIZED
#include "role/sanitized.calls"
#endif
    };

    return filter_on(calls, sizeof calls / sizeof calls[0]);
}

/* ---- files ---- */

/* The folder of a path that the configuration bounds; "" where there is none. */
static const char *folder_of(const char *path, char out[CONFIG_PATH_MAX])
{
    (void)snprintf(out, CONFIG_PATH_MAX, "%s", path);
    return path[0] == '\0' ? "" : dirname(out);
}

static enum rc files_of(enum role role, const struct config *config, unsigned *landlock)
{
    char folder[CONFIG_PATH_MAX], anchors[CONFIG_PATH_MAX];
    const struct landlock_path worker[] = { { "/dev/urandom", false } };
    const struct landlock_path resolver[] = {
        { config->trust_anchor, false }, { config->root_hints, false }, { anchors, true }, { "/dev/urandom", false }
    };
    const struct landlock_path keeper[] = { { config->state_dir, true },
                                            { folder_of(config->log_path, folder), true } };

    anchors_folder(config->control, anchors);
    switch (role) {
    case ROLE_WORKER:
        return landlock_enter(worker, WOLFSSL_OWN ? 0 : 1, false, landlock);
    case ROLE_RESOLVER:
        return landlock_enter(resolver, sizeof resolver / sizeof resolver[0], true, landlock);
    case ROLE_KEEPER:
        return landlock_enter(keeper, sizeof keeper / sizeof keeper[0], false, landlock);
    case ROLE_BROKER: /* its children inherit it, and a reload reads any file that the command line named */
        break;
    }
    return OK;
}

enum rc privs_confine(enum role role, const struct config *config, unsigned *landlock)
{
    *landlock = 0;
    if (!SANITIZED && files_of(role, config, landlock) != OK) /* the sanitizers read /proc and write reports */
        return FAILED;
    switch (role) {
    case ROLE_BROKER:
        return filter_broker();
    case ROLE_WORKER:
        return filter_worker();
    case ROLE_RESOLVER:
        return filter_resolver();
    case ROLE_KEEPER:
        return filter_keeper();
    }
    return FAILED;
}
