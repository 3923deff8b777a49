#include "role/spawn.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "role/privs.h"

pid_t spawn_fork(void)
{
    static const int deaf[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2 };
    const pid_t parent = getpid();
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    const pid_t pid = fork();
    if (pid == 0) {
        for (size_t i = 0; i < sizeof deaf / sizeof deaf[0]; i++)
            (void)signal(deaf[i], SIG_IGN);
        (void)signal(SIGCHLD, SIG_DFL);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid == 0 && privs_child(parent) != OK)
        exit(1);
    return pid;
}

/* All but stdio and these two; null may be -1. */
static void keep_only(int fd, int null)
{
    const int low = null >= 0 && null < fd ? null : fd, high = null > fd ? null : fd;

    if (low > STDERR_FILENO + 1)
        (void)close_range(STDERR_FILENO + 1, (unsigned)low - 1, 0);
    if (high > low + 1)
        (void)close_range((unsigned)low + 1, (unsigned)high - 1, 0);
    (void)close_range((unsigned)high + 1, ~0U, 0);
}

_Noreturn void spawn_child(const struct child_ops *ops, unsigned index, int fd, const struct config *config, int null)
{
    keep_only(fd, null);
    exit(child_run(ops, index, fd, config, null));
}
