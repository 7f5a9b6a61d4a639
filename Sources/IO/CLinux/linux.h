// What Glibc's module map leaves out of the kernel's interface: epoll, eventfd and accept4.
// No _GNU_SOURCE here: with it fd_set is defined twice and the module does not build.
#pragma once
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);
