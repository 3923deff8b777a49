#include "role/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/rc.h"

int notify_open(const char *name)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    const size_t n = name == NULL ? 0 : strlen(name);
    int fd = -1;

    if (n < 2 || n > sizeof to.sun_path || (name[0] != '/' && name[0] != '@'))
        return -1;
    memcpy(to.sun_path, name, n);
    if (name[0] == '@')
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void tell(int fd, const char *text, int n)
{
    if (fd >= 0 && n > 0)
        (void)!send(fd, text, (size_t)n, MSG_NOSIGNAL);
}

void notify_ready(int fd)
{
    char text[64];

    tell(fd, text, snprintf(text, sizeof text, "READY=1\nMAINPID=%d\n", (int)getpid()));
}

void notify_reloading(int fd)
{
    char text[96];
    struct timespec now = { 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* with it systemd can tell this reload from an earlier one */
    tell(fd, text,
         snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld\n",
                  (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000));
}

void notify_stopping(int fd)
{
    static const char text[] = "STOPPING=1\n";

    tell(fd, text, (int)sizeof text - 1);
}
