// What Swift's Glibc and Musl modules leave out of Linux, or import awkwardly: epoll, eventfd, addresses, options of
// sockets, scattered writes. Whatever fails returns -1 and sets errno. Empty on other systems.
#ifndef ALOFT_CLINUX_H
#define ALOFT_CLINUX_H

#ifdef __linux__
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

// MARK: epoll

static const uint32_t clinux_epoll_readable = EPOLLIN;
static const uint32_t clinux_epoll_writable = EPOLLOUT;
static const uint32_t clinux_epoll_ending = EPOLLRDHUP;
static const uint32_t clinux_epoll_broken = EPOLLERR | EPOLLHUP;
static const uint32_t clinux_epoll_edge_triggered = EPOLLET;

// One event: its target and its flags.
static inline void *_Nullable clinux_target(const struct epoll_event *_Nonnull event) { return event->data.ptr; }
static inline uint32_t clinux_events(const struct epoll_event *_Nonnull event) { return event->events; }

static inline int clinux_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

// `target` comes back with each event.
static inline int clinux_epoll_ctl(int epoll, int operation, int fd, uint32_t events, void *_Nullable target) {
    struct epoll_event event = {.events = events, .data.ptr = target};
    return epoll_ctl(epoll, operation, fd, &event);
}

// Waits for events, at most so many nanoseconds, -1 for ever; kernels before 5.11 round up to milliseconds.
int clinux_epoll_wait(int epoll, struct epoll_event *_Nullable events, int count, int64_t nanoseconds);

// A descriptor that wakes an epoll up when it is written to.
int clinux_eventfd(void);

// MARK: Connections

// None of them blocks, and none raises a signal when the peer has gone.
static inline ssize_t clinux_receive(int fd, void *_Nullable bytes, size_t count) {
    return recv(fd, bytes, count, MSG_DONTWAIT);
}

static inline ssize_t clinux_send(int fd, const void *_Nullable bytes, size_t count) {
    return send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// Both pieces of memory in one call.
ssize_t clinux_send_two(
    int fd, const void *_Nullable first, size_t firstCount, const void *_Nullable second, size_t secondCount);

// What has gone wrong with a connection, an errno; 0 if nothing has.
int clinux_socket_error(int fd);

// MARK: Listening

// The address of a peer.
typedef struct {
    struct sockaddr_storage storage;
} clinux_address;

// A TCP socket that is bound and does not block. One that shares its port does so with others that do.
int clinux_bind(const struct sockaddr *_Nonnull address, socklen_t size, bool sharesPort);

// Listens. What is set here is inherited by the accepted connections (tcp(7)): no delay for small segments, and how many
// milliseconds what was sent may go without an acknowledgement, 0 for the system's own idea.
int clinux_listen(int fd, int backlog, unsigned userTimeout);

// A connection that does not block.
int clinux_accept(int fd, clinux_address *_Nonnull peer);

// The port of the socket's own address.
int clinux_local_port(int fd);

// MARK: Connecting

// The TCP addresses of a host, best first; it may take as long as the name service does. How many there are, at most
// `limit`; if there are none, minus the error that clinux_resolve_error explains.
int clinux_resolve(const char *_Nonnull host, int port, clinux_address *_Nonnull addresses, int limit);
const char *_Nonnull clinux_resolve_error(int error);

// The address of a socket in the file system.
int clinux_unix_address(const char *_Nonnull path, clinux_address *_Nonnull address);

// The path of such an address; NULL if it is another kind.
const char *_Nullable clinux_unix_path(const clinux_address *_Nonnull address);

// A socket that is being connected: with TCP, it has the options of clinux_listen.
int clinux_connect(const clinux_address *_Nonnull address, unsigned userTimeout);

// MARK: Addresses

// An address in numbers, and its port. 0 if it is neither IPv4 nor IPv6. `text` has room for 46 bytes.
int clinux_address_text(const clinux_address *_Nonnull address, char *_Nonnull text, int *_Nonnull port, bool *_Nonnull isIPv6);

// MARK: Threads

// Names the calling thread, as ps and gdb show it; at most 15 bytes.
void clinux_name_thread(const char *_Nonnull name);
#endif

#endif
