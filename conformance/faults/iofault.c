/* Faults for tests. Loaded in front of libc (LD_PRELOAD) into one process, this lets chosen
 * writes and syncs fail, or tears a write and kills the process, and moves its wall clock.
 *
 * IOFAULT_CONTROL names a file with one line, read again at each call:
 *
 *     CALLS MATCH SKIP COUNT ACTION
 *
 * CALLS   letters: w (write, pwrite), s (fsync, fdatasync), t (ftruncate)
 * MATCH   how the path of the file ends, such as /journal.db-wal
 * SKIP    so many of these calls pass first, from the moment the line is there
 * COUNT   so many fail then; 0 means all that come
 * ACTION  eN      fails with errno N, nothing is written or synced
 *         aN      is done, and fails with errno N all the same
 *         torn    half of the bytes are written, then the process gets SIGKILL
 *         count   nothing happens
 *
 * An empty or missing file does nothing. After each matching call, IOFAULT_CONTROL.seen
 * holds how many there were. IOFAULT_CLOCK names a file with a number of seconds that is
 * added to CLOCK_REALTIME.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum action { PASS, FAIL, DO_AND_FAIL, TEAR };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char plan[512];
static long seen;

/* The first bytes of a file, without any call that is caught here. */
static int read_file(const char *path, char *text, size_t size)
{
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    long got = syscall(SYS_read, fd, text, size - 1);
    syscall(SYS_close, fd);
    text[got > 0 ? got : 0] = 0;
    return got > 0;
}

static void tell_seen(const char *control)
{
    char path[4096], text[32];
    snprintf(path, sizeof path, "%s.seen", control);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return;
    int length = snprintf(text, sizeof text, "%ld\n", seen);
    syscall(SYS_write, fd, text, (size_t)length);
    syscall(SYS_close, fd);
}

static int ends_with(int fd, const char *end)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < (ssize_t)strlen(end))
        return 0;
    path[length] = 0;
    return strcmp(path + length - strlen(end), end) == 0;
}

/* What is to become of this call; `code` is the errno. */
static enum action decide(char call, int fd, int *code)
{
    const char *control = getenv("IOFAULT_CONTROL");
    char line[sizeof plan], calls[8], match[256], what[16];
    long skip, count;
    enum action action = PASS;
    int before = errno;
    pthread_mutex_lock(&lock);
    if (control && read_file(control, line, sizeof line)
        && sscanf(line, "%7s %255s %ld %ld %15s", calls, match, &skip, &count, what) == 5
        && strchr(calls, call) && ends_with(fd, match)) {
        if (strcmp(line, plan) != 0) {
            strcpy(plan, line);
            seen = 0;
        }
        long number = seen++;
        tell_seen(control);
        if (number >= skip && (count == 0 || number < skip + count)) {
            if (what[0] == 'e' || what[0] == 'a') {
                *code = atoi(what + 1);
                action = what[0] == 'e' ? FAIL : DO_AND_FAIL;
            } else if (strcmp(what, "torn") == 0) {
                action = TEAR;
            }
        }
    }
    pthread_mutex_unlock(&lock);
    errno = before;
    return action;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* `perform` does the call for so many bytes. */
#define CAUGHT(call, fd, size, perform)                                                            \
    do {                                                                                           \
        int code = 0;                                                                              \
        switch (decide(call, fd, &code)) {                                                         \
        case PASS:                                                                                 \
            return perform(size);                                                                  \
        case TEAR:                                                                                 \
            perform((size) / 2);                                                                   \
            die();                                                                                 \
            break;                                                                                 \
        case DO_AND_FAIL:                                                                          \
            perform(size);                                                                         \
            break;                                                                                 \
        case FAIL:                                                                                 \
            break;                                                                                 \
        }                                                                                          \
        errno = code;                                                                              \
        return -1;                                                                                 \
    } while (0)

ssize_t write(int fd, const void *bytes, size_t count)
{
#define DO(n) REAL(write)(fd, bytes, n)
    CAUGHT('w', fd, count, DO);
#undef DO
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at)
{
#define DO(n) REAL(pwrite)(fd, bytes, n, at)
    CAUGHT('w', fd, count, DO);
#undef DO
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at)
{
#define DO(n) REAL(pwrite64)(fd, bytes, n, at)
    CAUGHT('w', fd, count, DO);
#undef DO
}

int fsync(int fd)
{
#define DO(n) ((void)(n), REAL(fsync)(fd))
    CAUGHT('s', fd, 0, DO);
#undef DO
}

int fdatasync(int fd)
{
#define DO(n) ((void)(n), REAL(fdatasync)(fd))
    CAUGHT('s', fd, 0, DO);
#undef DO
}

int ftruncate(int fd, off_t length)
{
#define DO(n) REAL(ftruncate)(fd, n)
    CAUGHT('t', fd, length, DO);
#undef DO
}

int ftruncate64(int fd, off64_t length)
{
#define DO(n) REAL(ftruncate64)(fd, n)
    CAUGHT('t', fd, length, DO);
#undef DO
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    char text[32];
    int status = (int)syscall(SYS_clock_gettime, clock, time);
    const char *path = getenv("IOFAULT_CLOCK");
    if (status == 0 && clock == CLOCK_REALTIME && path && read_file(path, text, sizeof text))
        time->tv_sec += atol(text);
    return status;
}
