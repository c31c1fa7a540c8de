// What Swift's Glibc module leaves out of Linux: epoll, and the processors that a thread may run on. And a search.
#ifndef ALOFT_BENCH_SHIM_H
#define ALOFT_BENCH_SHIM_H
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
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

// Whether bytes begin with head, hold part, and end with tail.
static inline bool aloft_is_answer(
    const void *bytes, size_t length, const char *head, const char *part, const char *tail) {
    const char *from = (const char *)bytes;
    size_t head_length = strlen(head), part_length = strlen(part), tail_length = strlen(tail);
    if (length < head_length + tail_length || memcmp(from, head, head_length)) return false;
    if (memcmp(from + length - tail_length, tail, tail_length)) return false;
    for (const char *at = from; (at = (const char *)memchr(at, part[0], length - (size_t)(at - from))); at++)
        if (length - (size_t)(at - from) >= part_length && !memcmp(at, part, part_length)) return true;
    return false;
}
#endif
