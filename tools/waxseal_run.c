#include "waxseal.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const folders[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };

/* The input as a file of its own: a program that prints while it reads cannot make us wait for each other. */
static int input_of(const char *in, size_t n)
{
    int fd = in == NULL ? open("/dev/null", O_RDONLY | O_CLOEXEC) : memfd_create("input", MFD_CLOEXEC);

    if (fd >= 0 && in != NULL && (write(fd, in, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int spawn(const char *const *argv, int in, int out, pid_t *pid)
{
    static char path[] = "PATH=/usr/sbin:/sbin:/usr/bin:/bin", locale[] = "LC_ALL=C";
    char *environment[] = { path, locale, NULL };
    posix_spawn_file_actions_t act;
    int error = ENOENT;

    if (posix_spawn_file_actions_init(&act) != 0)
        return ENOMEM;
    if (posix_spawn_file_actions_adddup2(&act, in, STDIN_FILENO) != 0 ||
        (out >= 0 && posix_spawn_file_actions_adddup2(&act, out, STDOUT_FILENO) != 0))
        error = ENOMEM;
    for (size_t i = 0; error == ENOENT && i < sizeof folders / sizeof folders[0]; i++) {
        char file[64];

        snprintf(file, sizeof file, "%s/%s", folders[i], argv[0]);
        error = posix_spawn(pid, file, &act, NULL, (char *const *)argv, environment);
    }
    posix_spawn_file_actions_destroy(&act);
    return error;
}

/* Reads to the end, so that the program never gets a broken pipe; keeps what fits. */
static void read_all(int fd, char *out, size_t cap)
{
    char rest[4096];
    size_t n = 0;

    for (;;) {
        const bool room = n + 1 < cap;
        const ssize_t got = read(fd, room ? out + n : rest, room ? cap - 1 - n : sizeof rest);

        if (got <= 0)
            break;
        if (room)
            n += (size_t)got;
    }
    out[n] = '\0';
}

int tool_run(const char *const *argv, const char *in, size_t n_in, char *out, size_t cap)
{
    int pipes[2] = { -1, -1 }, status, error = ENOMEM;
    const int input = input_of(in, n_in);
    pid_t pid;

    if (out != NULL)
        out[0] = '\0';
    if (input >= 0 && (out == NULL || pipe2(pipes, O_CLOEXEC) == 0))
        error = spawn(argv, input, pipes[1], &pid);
    if (input >= 0)
        close(input);
    if (pipes[1] >= 0)
        close(pipes[1]);
    if (error == 0 && out != NULL)
        read_all(pipes[0], out, cap);
    if (pipes[0] >= 0)
        close(pipes[0]);
    if (error != 0) {
        fprintf(stderr, "waxseal: %s cannot be run: %s\n", argv[0], strerror(error));
        return 127;
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}
