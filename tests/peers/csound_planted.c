/* An opcode that does on the performance thread what none may do there, so that the tests show that they would see it:
 * `kx planted kwhat`: 1 allocates and frees, 2 takes a lock, 3 takes a lock that a thread of its own holds most of the
 * time, the way that Rust's locks wait, 4 writes to a file descriptor. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef struct { void *csound, *list[5]; double *out, *what; } PLANTED;
typedef struct {
    const char *name;
    uint16_t size, flags;
    uint8_t thread;
    const char *outs, *ins;
    int (*init)(void *, PLANTED *), (*perform)(void *, PLANTED *), (*audio)(void *, PLANTED *);
    void *user;
} ENTRY;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int held, over;
static pthread_t holder;
static int runs;
static void *volatile kept;

static void *hold(void *nothing)
{
    struct timespec time = {0, 1000000};
    while (!atomic_load(&over)) {
        atomic_store(&held, 1);
        nanosleep(&time, NULL);
        atomic_store(&held, 0);
        syscall(SYS_futex, &held, 1, 1, NULL, NULL, 0);
    }
    return nothing;
}

static int init(void *csound, PLANTED *p)
{
    (void)csound;
    (void)p;
    if (!runs++)
        pthread_create(&holder, NULL, hold, NULL);
    return 0;
}

static int perform(void *csound, PLANTED *p)
{
    (void)csound;
    struct timespec time = {0, 5000000};
    switch ((int)*p->what) {
    case 1:
        kept = malloc(100);
        free(kept);
        break;
    case 2:
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
        break;
    case 3:
        if (atomic_load(&held))
            syscall(SYS_futex, &held, 0, 1, &time, NULL, 0);
        break;
    case 4:
        if (write(-1, "", 1) == 0)
            return 1;
        break;
    }
    *p->out = *p->what;
    return 0;
}

__attribute__((destructor)) static void end(void)
{
    atomic_store(&over, 1);
    if (runs)
        pthread_join(holder, NULL);
}

static ENTRY entries[] = {{"planted", sizeof(PLANTED), 0, 3, "k", "k", init, perform, NULL, NULL}};

int64_t csound_opcode_init(void *csound, ENTRY **list)
{
    (void)csound;
    *list = entries;
    return sizeof entries;
}

int csoundModuleInfo(void) { return 0x40008; }
