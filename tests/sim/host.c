/* Stands between a program and its C library: other chance and other clocks than the host's.
 *
 * PERTURB_CHANCE is the byte that all chance consists of; PERTURB_CLOCK is what each look at a
 * clock adds to it, in nanoseconds; PERTURB_START is added to the wall clock, in seconds. At the
 * end a line on stderr says how often each was asked for.
 */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static atomic_long chances, clocks;

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

ssize_t getrandom(void *bytes, size_t length, unsigned flags) {
    (void)flags;
    chances++;
    memset(bytes, (int)number("PERTURB_CHANCE"), length);
    return (ssize_t)length;
}

int getentropy(void *bytes, size_t length) {
    return getrandom(bytes, length, 0) < 0;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    long looked = ++clocks;
    int failed = (int)syscall(SYS_clock_gettime, clock, time);
    if (failed || clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID)
        return failed;
    long added = number("PERTURB_CLOCK") * looked + time->tv_nsec;
    time->tv_sec += added / 1000000000 + (clock == CLOCK_REALTIME ? number("PERTURB_START") : 0);
    time->tv_nsec = added % 1000000000;
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    (void)zone;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return failed;
}

time_t time(time_t *place) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (place) *place = now.tv_sec;
    return now.tv_sec;
}

__attribute__((destructor)) static void tell(void) {
    fprintf(stderr, "perturbed chance %ld clocks %ld\n", (long)chances, (long)clocks);
}
