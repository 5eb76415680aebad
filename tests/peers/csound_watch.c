/* Notes what a library does on one thread that it may not do there: memory of the heap, locks, waiting, system calls.
 *
 * Loaded with LD_PRELOAD. Between watch_begin and watch_end every call of the functions below is noted that the watching
 * thread makes with the named library anywhere on its stack. Other threads and other libraries are not looked at. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define DEEPEST 64
#define KINDS 64

static __thread int watching, inside;
static uintptr_t low, high; /* where the library lies */
static const char *library;
static long stacks_seen; /* with the library on them */
static struct { const char *name; long count; int depth; void *stack[DEEPEST]; } noted[KINDS];

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static void note(const char *name)
{
    if (!watching || inside)
        return;
    inside = 1;
    int error = errno;
    void *stack[DEEPEST];
    int depth = backtrace(stack, DEEPEST), found = 0;
    for (int i = 0; i < depth && !found; i++)
        found = (uintptr_t)stack[i] >= low && (uintptr_t)stack[i] < high;
    for (int i = 0; i < KINDS && found; i++) {
        if (noted[i].name == NULL) {
            noted[i].name = name;
            noted[i].depth = depth;
            memcpy(noted[i].stack, stack, sizeof stack);
        }
        if (strcmp(noted[i].name, name) == 0) {
            noted[i].count++;
            break;
        }
    }
    stacks_seen += found;
    errno = error;
    inside = 0;
}

static int look(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    (void)data;
    if (!strstr(info->dlpi_name, library))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD)
            continue;
        uintptr_t start = info->dlpi_addr + part->p_vaddr, end = start + part->p_memsz;
        if (low == 0 || start < low)
            low = start;
        if (end > high)
            high = end;
    }
    return 0;
}

/* Watches this thread from now on; 0 when no library with this in its name is loaded. */
int watch_begin(const char *name)
{
    void *stack[4];
    backtrace(stack, 4); /* the first call allocates */
    library = name;
    low = high = 0;
    dl_iterate_phdr(look, NULL);
    memset(noted, 0, sizeof noted);
    stacks_seen = 0;
    watching = low != 0;
    return watching;
}

/* Ends it; writes `name count` and the stack of its first call for each function that was noted. */
void watch_end(char *out, size_t size)
{
    size_t used = 0;
    watching = 0;
    out[0] = 0;
    for (int i = 0; i < KINDS && noted[i].name; i++) {
        used += snprintf(out + used, used < size ? size - used : 0, "%s %ld\n", noted[i].name, noted[i].count);
        for (int k = 1; k < noted[i].depth && k < 24 && used < size; k++) {
            Dl_info where;
            const char *symbol = "?", *file = "?";
            if (dladdr(noted[i].stack[k], &where)) {
                symbol = where.dli_sname ? where.dli_sname : "?";
                file = where.dli_fname ? strrchr(where.dli_fname, '/') : NULL;
            }
            used += snprintf(out + used, size - used, "\t%s %s\n", file ? file : "?", symbol);
        }
    }
}

void *malloc(size_t size) { note("malloc"); return __libc_malloc(size); }
void *calloc(size_t count, size_t size) { note("calloc"); return __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { note("realloc"); return __libc_realloc(old, size); }
void free(void *old) { if (old) note("free"); __libc_free(old); }
void *memalign(size_t align, size_t size) { note("memalign"); return __libc_memalign(align, size); }
void *aligned_alloc(size_t align, size_t size) { note("aligned_alloc"); return __libc_memalign(align, size); }
int posix_memalign(void **out, size_t align, size_t size)
{
    note("posix_memalign");
    *out = __libc_memalign(align, size);
    return *out ? 0 : ENOMEM;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) { inside++; real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); inside--; }
#define NOTED(type, name, parameters, arguments) \
    type name parameters { note(#name); REAL(name) return real arguments; }

NOTED(int, pthread_mutex_lock, (pthread_mutex_t *m), (m))
NOTED(int, pthread_mutex_trylock, (pthread_mutex_t *m), (m))
NOTED(int, pthread_rwlock_rdlock, (pthread_rwlock_t *l), (l))
NOTED(int, pthread_rwlock_wrlock, (pthread_rwlock_t *l), (l))
NOTED(int, pthread_spin_lock, (pthread_spinlock_t *l), (l))
NOTED(int, pthread_cond_signal, (pthread_cond_t *c), (c))
NOTED(int, pthread_cond_broadcast, (pthread_cond_t *c), (c))
NOTED(int, pthread_cond_wait, (pthread_cond_t *c, pthread_mutex_t *m), (c, m))
NOTED(int, pthread_cond_timedwait, (pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *t), (c, m, t))
NOTED(int, sem_wait, (sem_t *s), (s))
NOTED(int, sem_post, (sem_t *s), (s))
NOTED(int, nanosleep, (const struct timespec *t, struct timespec *left), (t, left))
NOTED(int, usleep, (useconds_t t), (t))
NOTED(int, sched_yield, (void), ())
NOTED(int, poll, (struct pollfd *fds, nfds_t count, int timeout), (fds, count, timeout))
NOTED(int, epoll_wait, (int fd, struct epoll_event *events, int most, int timeout), (fd, events, most, timeout))
NOTED(int, epoll_ctl, (int fd, int op, int other, struct epoll_event *event), (fd, op, other, event))
NOTED(ssize_t, read, (int fd, void *data, size_t size), (fd, data, size))
NOTED(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
NOTED(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
NOTED(ssize_t, recv, (int fd, void *data, size_t size, int flags), (fd, data, size, flags))
NOTED(ssize_t, send, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags))
NOTED(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
NOTED(int, close, (int fd), (fd))
NOTED(int, munmap, (void *start, size_t size), (start, size))
NOTED(int, madvise, (void *start, size_t size, int advice), (start, size, advice))

/* The way of Rust's locks: futex, directly. */
long syscall(long number, ...)
{
    va_list more;
    va_start(more, number);
    long a = va_arg(more, long), b = va_arg(more, long), c = va_arg(more, long);
    long d = va_arg(more, long), e = va_arg(more, long), f = va_arg(more, long);
    va_end(more);
    note(number == SYS_futex ? "futex" : "syscall");
    static long (*real)(long, ...);
    if (!real) {
        inside++;
        real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
        inside--;
    }
    return real(number, a, b, c, d, e, f);
}
