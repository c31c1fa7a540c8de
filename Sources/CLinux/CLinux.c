// What is only declared to those who ask for GNU's extensions.
#define _GNU_SOURCE
#include "CLinux.h"

#ifdef __linux__
#include <pthread.h>

int clinux_accept(int fd, struct sockaddr_storage *address) {
    socklen_t size = sizeof *address;
    return accept4(fd, (struct sockaddr *)address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

void clinux_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }
#endif
