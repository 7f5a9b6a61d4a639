// What Glibc's module map leaves out of the kernel's interface, and what Swift refuses to import by name.
// No _GNU_SOURCE here: with it fd_set is defined twice and the module does not build.
#pragma once
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

/// fork(2), which Swift marks unavailable: right only before the first thread is started.
static inline int linux_fork(void) { return fork(); }

int pthread_setname_np(unsigned long thread, const char *name);
