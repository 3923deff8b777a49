/*
 * notify - what a service manager is told over NOTIFY_SOCKET, by hand: the protocol of sd_notify(3) is one datagram of
 * lines.
 */
#ifndef ROLE_NOTIFY_H
#define ROLE_NOTIFY_H

/* notify_open - a socket towards `name` (a path, or @abstract), or -1: there is nobody, or it cannot be reached. */
int notify_open(const char *name);

/* notify_ready, notify_reloading, notify_stopping - fd may be -1. Never waits. */
void notify_ready(int fd);
void notify_reloading(int fd);
void notify_stopping(int fd);

#endif
