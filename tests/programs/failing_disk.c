/* Preloaded: system calls on files of a spool fail at random, or do a part of their work.
   FAULTS_ON is a part of the path of the spool; FAULTS_IN: one call of so many fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

static __thread unsigned seed;

static int fails(int fd, const char *path) {
    const char *on = getenv("FAULTS_ON"), *in = getenv("FAULTS_IN");
    char link[64], target[4096] = "";
    if (!on || !in) return 0;
    if (!path || path[0] != '/') {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(link, target, sizeof target - 1);
        if (size < 0) return 0;
        target[size] = 0;
        path = target;
    }
    if (!strstr(path, on)) return 0;
    if (!seed) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        seed = now.tv_nsec ^ getpid() << 8 | 1;
    }
    if (rand_r(&seed) % atoi(in)) return 0;
    errno = (const int[]){EIO, ENOSPC, EINTR}[rand_r(&seed) % 3];
    return 1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size) {
    if (fails(fd, 0)) {
        if (size > 1 && rand_r(&seed) % 2) return REAL(write)(fd, data, size / 2);
        return -1;
    }
    return REAL(write)(fd, data, size);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    return fails(fd, 0) ? -1 : REAL(pwrite64)(fd, data, size, at);
}
int fsync(int fd) { return fails(fd, 0) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return fails(fd, 0) ? -1 : REAL(fdatasync)(fd); }
int flock(int fd, int how) { return fails(fd, 0) ? -1 : REAL(flock)(fd, how); }
int unlinkat(int fd, const char *path, int flags) {
    return fails(fd, path) ? -1 : REAL(unlinkat)(fd, path, flags);
}
int renameat(int from, const char *old, int to, const char *new) {
    return fails(from, old) ? -1 : REAL(renameat)(from, old, to, new);
}
int openat64(int fd, const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = va_arg(list, mode_t);
    va_end(list);
    return fails(fd, path) ? -1 : REAL(openat64)(fd, path, flags, mode);
}
int openat(int fd, const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    mode_t mode = va_arg(list, mode_t);
    va_end(list);
    return fails(fd, path) ? -1 : REAL(openat)(fd, path, flags, mode);
}
