// What Swift's Glibc module leaves out of Linux: epoll, and the processors that a thread may run on.
#ifndef ALOFT_BENCH_SHIM_H
#define ALOFT_BENCH_SHIM_H
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

// Binds the calling thread to the processors whose bits are set. 0, or -1 with errno.
static inline int aloft_set_affinity(const void *bits, size_t bytes) {
    return (int)syscall(SYS_sched_setaffinity, 0, bytes, bits);
}

// Sets the bits of the calling thread's processors in bits, which were all clear. How many bytes it wrote, or -1 with errno.
static inline int aloft_get_affinity(void *bits, size_t bytes) {
    return (int)syscall(SYS_sched_getaffinity, 0, bytes, bits);
}
#endif
