#define _GNU_SOURCE
#include "CLinux.h"

#ifdef __linux__
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

int clinux_epoll_wait(int epoll, struct epoll_event *events, int count, int64_t nanoseconds) {
    static _Atomic bool isOld;
    // Whole milliseconds and no wait at all need nothing new.
    if (nanoseconds > 0 && nanoseconds % 1000000 != 0 && !isOld) {
#ifdef SYS_epoll_pwait2
        // The kernel's own structure: two numbers of 64 bits, whatever the C library's is.
        struct {
            int64_t seconds, nanoseconds;
        } wait = {nanoseconds / 1000000000, nanoseconds % 1000000000};
        int ready = (int)syscall(SYS_epoll_pwait2, epoll, events, count, &wait, NULL, 0);
        if (ready >= 0 || (errno != ENOSYS && errno != EPERM)) return ready;
#endif
        isOld = true;
    }
    int64_t milliseconds = nanoseconds <= 0 ? nanoseconds : (nanoseconds - 1) / 1000000 + 1;
    return epoll_wait(epoll, events, count, milliseconds > INT_MAX ? INT_MAX : (int)milliseconds);
}

int clinux_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

ssize_t clinux_send_two(int fd, const void *first, size_t firstCount, const void *second, size_t secondCount) {
    struct iovec parts[2] = {
        {.iov_base = (void *)first, .iov_len = firstCount}, {.iov_base = (void *)second, .iov_len = secondCount}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int clinux_socket_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

static int set(int fd, int level, int option, int value) {
    return setsockopt(fd, level, option, &value, sizeof value);
}

int clinux_bind(const struct sockaddr *address, socklen_t size, bool sharesPort) {
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1) == 0 && (!sharesPort || set(fd, SOL_SOCKET, SO_REUSEPORT, 1) == 0) &&
        bind(fd, address, size) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

// Bytes that have not been sent yet are kept here, where they are counted, and not in the system, which would take up to
// 4 MiB of its memory for each peer that does not read. What is on its way is not concerned.
enum { unsent_bytes = 256 << 10 };

static int set_tcp(int fd, unsigned userTimeout) {
    if (set(fd, IPPROTO_TCP, TCP_NODELAY, 1) != 0) return -1;
    if (set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, unsent_bytes) != 0) return -1;
    return userTimeout > 0 ? set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)userTimeout) : 0;
}

int clinux_listen(int fd, int backlog, unsigned userTimeout) {
    return set_tcp(fd, userTimeout) == 0 ? listen(fd, backlog) : -1;
}

int clinux_resolve(const char *host, int port, clinux_address *addresses, int limit) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    int error = getaddrinfo(host, service, &hints, &found);
    // All errors but EAI_SYSTEM are negative already.
    if (error != 0) return error < 0 ? error : -error;
    int count = 0;
    for (struct addrinfo *info = found; info != NULL && count < limit; info = info->ai_next) {
        if (info->ai_addrlen > sizeof addresses[count].storage) continue;
        memset(&addresses[count], 0, sizeof addresses[count]);
        memcpy(&addresses[count++].storage, info->ai_addr, info->ai_addrlen);
    }
    freeaddrinfo(found);
    return count > 0 ? count : EAI_NONAME;
}

const char *clinux_resolve_error(int error) { return gai_strerror(error); }

int clinux_unix_address(const char *path, clinux_address *address) {
    memset(address, 0, sizeof *address);
    struct sockaddr_un *unixAddress = (struct sockaddr_un *)&address->storage;
    size_t count = strlen(path);
    if (count == 0 || count >= sizeof unixAddress->sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    unixAddress->sun_family = AF_UNIX;
    memcpy(unixAddress->sun_path, path, count + 1);
    return 0;
}

const char *clinux_unix_path(const clinux_address *address) {
    return address->storage.ss_family == AF_UNIX ? ((const struct sockaddr_un *)&address->storage)->sun_path : NULL;
}

static socklen_t size_of(const struct sockaddr *address) {
    switch (address->sa_family) {
    case AF_UNIX: return sizeof(struct sockaddr_un);
    case AF_INET6: return sizeof(struct sockaddr_in6);
    default: return sizeof(struct sockaddr_in);
    }
}

int clinux_connect(const clinux_address *address, unsigned userTimeout) {
    const struct sockaddr *to = (const struct sockaddr *)&address->storage;
    socklen_t size = size_of(to);
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if ((to->sa_family == AF_UNIX || set_tcp(fd, userTimeout) == 0) && (connect(fd, to, size) == 0 || errno == EINPROGRESS)) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int clinux_accept(int fd, clinux_address *peer) {
    socklen_t size = sizeof peer->storage;
    return accept4(fd, (struct sockaddr *)&peer->storage, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int clinux_local_port(int fd) {
    clinux_address address;
    socklen_t size = sizeof address.storage;
    if (getsockname(fd, (struct sockaddr *)&address.storage, &size) != 0) return -1;
    char text[INET6_ADDRSTRLEN];
    int port;
    bool isIPv6;
    return clinux_address_text(&address, text, &port, &isIPv6) ? port : -1;
}

int clinux_address_text(const clinux_address *address, char *text, int *port, bool *isIPv6) {
    const void *bytes;
    switch (address->storage.ss_family) {
    case AF_INET: {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address->storage;
        *port = ntohs(v4->sin_port);
        bytes = &v4->sin_addr;
        break;
    }
    case AF_INET6: {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->storage;
        *port = ntohs(v6->sin6_port);
        bytes = &v6->sin6_addr;
        break;
    }
    default: return 0;
    }
    *isIPv6 = address->storage.ss_family == AF_INET6;
    return inet_ntop(address->storage.ss_family, bytes, text, INET6_ADDRSTRLEN) != NULL;
}

void clinux_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }
#endif
