// What Swift's Glibc and Musl modules leave out of Linux, or import awkwardly: epoll, eventfd, scattered reads and
// writes. Empty on other systems.
#ifndef ALOFT_CLINUX_H
#define ALOFT_CLINUX_H

#ifdef __linux__
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

// An event's target and flags; the structure itself is packed on some processors.
static inline void *_Nullable clinux_target(const struct epoll_event *_Nonnull event) { return event->data.ptr; }
static inline uint32_t clinux_events(const struct epoll_event *_Nonnull event) { return event->events; }

// 0, or -1 with errno. `target` comes back with each event.
static inline int clinux_epoll_ctl(int epoll, int operation, int fd, uint32_t events, void *_Nullable target) {
    struct epoll_event event = {.events = events, .data.ptr = target};
    return epoll_ctl(epoll, operation, fd, &event);
}

// A descriptor that wakes an epoll up when it is written to, or -1 with errno.
static inline int clinux_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

// Both parts in one call, without a signal when the peer has gone. Bytes written, or -1 with errno.
static inline ssize_t clinux_send_two(
    int fd, const void *_Nullable first, size_t firstCount, const void *_Nullable second, size_t secondCount) {
    struct iovec parts[2] = {
        {.iov_base = (void *)first, .iov_len = firstCount}, {.iov_base = (void *)second, .iov_len = secondCount}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// A connection of a listening socket that does not block, or -1 with errno.
int clinux_accept(int fd, struct sockaddr_storage *_Nonnull address);

// Names the calling thread, as ps and gdb show it; at most 15 bytes.
void clinux_name_thread(const char *_Nonnull name);

static inline ssize_t clinux_send(int fd, const void *_Nullable bytes, size_t count) {
    return send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static inline ssize_t clinux_receive(int fd, void *_Nullable bytes, size_t count) {
    return recv(fd, bytes, count, MSG_DONTWAIT);
}
#endif

#endif
