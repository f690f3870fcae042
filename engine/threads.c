/* threads.c - one pool of threads for the whole process, among which the loops of kernels are shared out. A kernel numbers its blocks by
   the shapes alone. Which thread runs which blocks, and how many at once, depends on the threads: no bit may depend on that. */
#include "internal.h"

#ifdef RG_NO_THREADS

int rg_threads_start(int n) { return n > 0; }
void rg_share(const rg_tape *t, int64_t work, int64_t n, rg_loop_fn *loop, const void *with) {
    (void)t, (void)work;
    if (n > 0) loop(with, 0, n);
}

#else
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

/* A thread polls for SPIN_NS before it sleeps: longer than the time between two ops of a small step. It takes its share of a loop in about
   CLAIMS pieces; others may take the pieces that it has not begun. */
enum { SPIN_NS = 50000, CLAIMS = 8, STACK = 1 << 20 };

enum { IDLE, CALLED, RUNS, ENDS };
typedef struct thread {
    _Alignas(64) _Atomic int64_t next; /* of its share of the loop, the pieces next .. end are not taken yet */
    int64_t end;
    _Atomic int state;  /* the owner sets CALLED, or takes it back to IDLE; the thread sets RUNS, then IDLE */
    _Atomic bool sleeps;
    pthread_cond_t wake;
    pthread_t id;
} thread;

static struct {
    pthread_mutex_t owner;       /* held by the thread whose loop it is; another's is not shared meanwhile */
    pthread_mutex_t lock;        /* of those that fall asleep */
    int count;                   /* threads; the owner, number 0, is one of them */
    int most;                    /* how many there may be */
    int shares;                  /* how many the loop is for */
    int64_t blocks, piece;       /* of the loop; blocks in a piece, the last one perhaps has fewer */
    rg_loop_fn *loop;
    const void *with;
    thread thread[RG_THREADS_MOST];
} pool;

static int64_t now(void) {
    struct timespec t;
    return clock_gettime(CLOCK_MONOTONIC, &t), t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Returns when `of` has another state than that one. */
static int await(thread *self, thread *of, int state) {
    int is;
    for (const int64_t until = now() + SPIN_NS; now() < until;)
        for (int k = 0; k < 16; k++) {
            if ((is = atomic_load(&of->state)) != state) return is;
#if defined __x86_64__ || defined __i386__
            __builtin_ia32_pause();
#endif
        }
    pthread_mutex_lock(&pool.lock);
    for (atomic_store(&self->sleeps, true); (is = atomic_load(&of->state)) == state;) pthread_cond_wait(&self->wake, &pool.lock);
    atomic_store(&self->sleeps, false);
    pthread_mutex_unlock(&pool.lock);
    return is;
}

/* No wake-up is lost. The thread that waits sets `sleeps`, then reads the state; this sets the state, then reads `sleeps`: one of the two
   sees what the other wrote. */
static void change(thread *of, int state, thread *waits) {
    atomic_store(&of->state, state);
    if (!atomic_load(&waits->sleeps)) return;
    pthread_mutex_lock(&pool.lock);
    pthread_cond_signal(&waits->wake);
    pthread_mutex_unlock(&pool.lock);
}

/* The pieces of its own share first, then what is left of the others'. */
static void run_shares(int self) {
    for (int k = 0; k < pool.shares; k++) {
        thread *t = &pool.thread[(self + k) % pool.shares];
        for (int64_t i; atomic_load(&t->next) < t->end && (i = atomic_fetch_add(&t->next, 1)) < t->end;) {
            const int64_t begin = i * pool.piece, left = pool.blocks - begin;
            pool.loop(pool.with, begin, begin + (left < pool.piece ? left : pool.piece));
        }
    }
}

static void *serve(void *own) {
    thread *self = own;
    while (await(self, self, IDLE) != ENDS) {
        if (!atomic_compare_exchange_strong(&self->state, &(int){CALLED}, RUNS)) continue;
        run_shares((int)(self - pool.thread));
        change(self, IDLE, pool.thread);
    }
    return NULL;
}

/* With pool.owner. Elements, of which there are many, are cut at whole lines of the cache. */
static void share_out(int n, int64_t blocks, rg_loop_fn *loop, const void *with) {
    const int64_t line = blocks > RG_CHUNK ? 64 : 1, piece = (blocks / n / CLAIMS / line + 1) * line, pieces = (blocks + piece - 1) / piece;
    pool.shares = n, pool.blocks = blocks, pool.piece = piece, pool.loop = loop, pool.with = with;
    for (int k = 0; k < n; k++) atomic_store(&pool.thread[k].next, pieces * k / n), pool.thread[k].end = pieces * (k + 1) / n;
    for (thread *t = pool.thread + 1; t < pool.thread + n; t++) change(t, CALLED, t);
    run_shares(0);
    for (thread *t = pool.thread + 1; t < pool.thread + n; t++)
        if (!atomic_compare_exchange_strong(&t->state, &(int){CALLED}, IDLE)) await(pool.thread, t, RUNS);
}

/* -------- beginning and end, with pool.owner */

/* It blocks all signals but those that its own instructions cause. */
static bool start_one(void) {
    thread *t = &pool.thread[pool.count];
    sigset_t blocked, before;
    pthread_attr_t attr;
    if (pool.count >= pool.most || pthread_attr_init(&attr)) return false;
    pthread_attr_setstacksize(&attr, STACK);
    sigfillset(&blocked);
    for (int k = 0; k < 5; k++) sigdelset(&blocked, ((const int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS})[k]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    *t = (thread){.wake = PTHREAD_COND_INITIALIZER};
    const bool started = !pthread_create(&t->id, &attr, serve, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    pool.count += started;
    return started;
}

/* All but n. */
static void stop(int n) {
    for (thread *t = pool.thread + n; t < pool.thread + pool.count; t++) change(t, ENDS, t);
    while (pool.count > n) pthread_join(pool.thread[--pool.count].id, NULL);
}

int rg_threads_start(int n) {
    pthread_mutex_lock(&pool.owner);
    const int before = pool.count;
    while (pool.count < n && start_one()) {}
    const int have = pool.count;
    if (have < n) stop(before);
    pthread_mutex_unlock(&pool.owner);
    return have;
}

void rg_share(const rg_tape *t, int64_t work, int64_t n, rg_loop_fn *loop, const void *with) {
    const int64_t some = n < work ? n : work;
    const int wanted = some < t->threads ? (int)some : t->threads;
    if (wanted > 1 && !pthread_mutex_trylock(&pool.owner)) {
        while (pool.count < wanted && start_one()) {} /* in a child none is there yet */
        share_out(wanted < pool.count ? wanted : pool.count, n, loop, with);
        pthread_mutex_unlock(&pool.owner);
    } else if (n > 0) loop(with, 0, n);
}

/* At first; and in a child, where only the thread that forked lives on. */
static void reset(void) {
    pool.owner = pool.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    pool.thread[0] = (thread){.wake = PTHREAD_COND_INITIALIZER};
    pool.count = 1;
}

/* When the program ends, or the library is unloaded. A thread that still computes after this runs its loops alone. */
__attribute__((destructor)) static void stop_all(void) {
    if (pthread_mutex_trylock(&pool.owner)) return; /* a loop runs: its threads end with the process */
    stop(1);
    pool.most = 1;
    pthread_mutex_unlock(&pool.owner);
}

__attribute__((constructor)) static void prepare(void) {
    reset();
    if (!pthread_atfork(NULL, NULL, reset)) pool.most = RG_THREADS_MOST;
}
#endif
