/* test_threads.c - the pool of threads: what it runs, once and in any order; its limits; fork, exit, signals, and the end of the library.
   That each operator has the same bits with threads as without is in test_registry.c. The argument is the shared library. */
#include "tests/support/numbers.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <dirent.h>
#endif

#if defined __has_feature
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

static const char *library, *program;

/* ThreadSanitizer ends a child that starts threads. */
static void needs_fork(void) {
#ifdef __SANITIZE_THREAD__
    skip();
#endif
}

/* The threads of this process; 0: this system does not say. One that was joined may be there a little longer. */
static int threads_of_process(void) {
    int n = 0;
#ifdef __linux__
    DIR *tasks = opendir("/proc/self/task");
    for (const struct dirent *d; tasks && (d = readdir(tasks));) n += d->d_name[0] != '.';
    if (tasks) closedir(tasks);
#endif
    return n;
}

static bool has_threads(int n) {
    int is = 0;
    for (int k = 0; k < 1000; k++) {
        is = threads_of_process();
        if (!is || is == n) return true;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fprintf(stderr, "%d threads, not %d\n", is, n);
    return false;
}

/* -------- loops */

typedef struct counts { _Atomic int *of; int64_t n; _Atomic int calls, bad; } counts;

static void count(const void *with, int64_t begin, int64_t end) {
    counts *c = (counts *)(uintptr_t)with;
    c->calls++;
    if (begin >= end || begin < 0 || end > c->n || (c->n > RG_CHUNK && begin % 64)) c->bad++;
    else
        for (int64_t i = begin; i < end; i++) c->of[i]++;
}

static void every_block_runs_once(void **state) {
    rg_tape *t = *state;
    static const int64_t sizes[] = {0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 64, 100, 129, 1000, RG_CHUNK, RG_CHUNK + 1, 3 * RG_CHUNK + 70};
    _Atomic int *of = calloc(3 * RG_CHUNK + 70, sizeof *of);
    assert_non_null(of);
    enum { SIZES = sizeof sizes / sizeof *sizes };
    for (int threads = 1; threads <= 9; threads++) {
        assert_int_equal(rg_set_threads(t, threads), 0);
        for (int k = 0; k < 20 * SIZES; k++) { /* the large ones once */
            if (k >= SIZES && sizes[k % SIZES] > 1000) continue;
            counts c = {.of = of, .n = sizes[k % SIZES]};
            rg_parallel(t, 100, c.n, count, &c);
            for (int64_t i = 0; i < c.n; i++)
                if (of[i] != 1) fail_msg("%d threads: block %d of %d ran %d times", threads, (int)i, (int)c.n, of[i]);
                else of[i] = 0;
            assert_int_equal(c.bad, 0);
            assert_true(c.calls <= 10 * threads);
            assert_true(threads > 1 || c.calls == (c.n > 0));
        }
    }
    free(of);
}

static void little_work_is_one_call(void **state) {
    rg_tape *t = *state;
    _Atomic int of[100] = {0};
    assert_int_equal(rg_set_threads(t, 4), 0);
    for (int64_t work = -1; work < 2; work++) {
        counts c = {.of = of, .n = 100};
        rg_parallel(t, work, 100, count, &c);
        assert_int_equal(c.calls, 1);
    }
}

typedef struct both { rg_tape *t; counts *inner; } both;
static void run_inner(const void *with, int64_t begin, int64_t end) {
    const both *b = with;
    for (int64_t i = begin; i < end; i++) rg_parallel(b->t, 100, b->inner->n, count, b->inner);
}

static void a_loop_in_a_loop_runs_in_its_thread(void **state) {
    rg_tape *t = *state;
    _Atomic int of[10] = {0};
    counts inner = {.of = of, .n = 10};
    assert_int_equal(rg_set_threads(t, 3), 0);
    rg_parallel(t, 100, 50, run_inner, &(both){t, &inner});
    assert_int_equal(inner.calls, 50);
    for (int i = 0; i < 10; i++) assert_int_equal(of[i], 50);
}

/* Plain numbers: a thread that reads or writes one before, or after, its turn is a race that ThreadSanitizer sees. */
typedef struct plain { int64_t round; int64_t *of; } plain;
static void follow(const void *with, int64_t begin, int64_t end) {
    const plain *p = with;
    for (int64_t i = begin; i < end; i++) p->of[i] = p->of[(i + 1) % 3 + 3] + p->round;
}

static void many_short_loops(void **state) {
    rg_tape *t = *state;
    int64_t of[6] = {0};
    for (int64_t round = 1; round <= 10000; round++) {
        if (round % 1000 == 1) assert_int_equal(rg_set_threads(t, 2 + (int)(round / 1000 % 3)), 0);
        if (round % 500 == 0) nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL); /* all fall asleep */
        rg_parallel(t, 3, 3, follow, &(plain){round, of});
        for (int i = 0; i < 3; i++)
            if (of[i] != of[(i + 1) % 3 + 3] + round) fail_msg("round %d: block %d was not run, or too early", (int)round, i);
        for (int i = 0; i < 3; i++) of[i + 3] = round % 7 * i;
    }
}

/* -------- results */

/* Gradients of a chain of large ops, as one number: an op of every way to share work. */
static uint64_t work(rg_tape *t) {
    const int64_t mark = rg_mark(t);
    rg_tensor *x = rg_empty(t, RG_F32, RG_DIMS(40, 30, 50)), *w = rg_empty(t, RG_F32, RG_DIMS(50, 60)), *dx[2];
    for (int64_t i = 0; i < rg_numel(x); i++) ((float *)x->data)[i] = (float)(i * 37 % 101) / 101;
    for (int64_t i = 0; i < rg_numel(w); i++) ((float *)w->data)[i] = (float)(i * 53 % 97) / 97 - .5f;
    rg_requires_grad(x, true);
    rg_requires_grad(w, true);
    rg_tensor *y = rg_mean(rg_square(rg_softmax(rg_mul(rg_tanh(rg_matmul(rg_reshape(x, 1200, 50), w)), rg_slice(w, 0, 0, 1)), -1)));
    uint64_t hash = RG_HASH;
    if (!rg_grad(y, rg_list_of(x, w), dx))
        for (int k = 0; k < 2; k++)
            for (int64_t i = 0; i < rg_numel(dx[k]); i++) {
                uint32_t bits;
                memcpy(&bits, (const float *)dx[k]->data + i, sizeof bits);
                hash = rg_hash(hash, bits);
            }
    rg_rewind(t, mark);
    return rg_error(t) ? 0 : hash;
}

static void the_number_of_threads_may_change(void **state) {
    rg_tape *t = *state;
    const uint64_t alone = work(t);
    assert_int_not_equal(alone, 0);
    static const int numbers[] = {2, 3, 4, 8, 2, 1, 5, 64, 2, 1};
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        assert_int_equal(rg_set_threads(t, numbers[k]), 0);
        if (work(t) != alone) fail_msg("other bits with %d threads", numbers[k]);
    }
}

typedef struct job { uint64_t hash[20]; int threads; bool good; } job;
static void *compute(void *of) {
    job *j = of;
    rg_tape *t = rg_tape_new(1);
    j->good = t != NULL;
    for (int k = 0; k < 20; k++) {
        j->good &= !rg_set_threads(t, 1 + (j->threads + k) % 4); /* also while another tape's loop runs */
        j->hash[k] = work(t);
    }
    rg_tape_free(t);
    return NULL;
}

static void tapes_in_several_threads(void **state) {
    rg_tape *t = *state;
    enum { MANY = 4 };
    const uint64_t alone = work(t);
    pthread_t thread[MANY];
    static job jobs[MANY];
    for (int i = 0; i < MANY; i++) {
        jobs[i] = (job){.threads = i};
        assert_int_equal(pthread_create(&thread[i], NULL, compute, &jobs[i]), 0);
    }
    for (int i = 0; i < MANY; i++) {
        pthread_join(thread[i], NULL);
        assert_true(jobs[i].good);
        for (int k = 0; k < 20; k++) assert_true(jobs[i].hash[k] == alone);
    }
}

/* -------- fork */

typedef int child_fn(rg_tape *t); /* returns its exit status */
static int status_of(pid_t child) {
    int status = -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* LeakSanitizer asks for this. In a child, what a thread had that is not there is no leak. */
static bool is_child;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) { return is_child; }

static void in_child(rg_tape *t, child_fn *fn) {
    needs_fork();
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        is_child = true;
        alarm(60);
        exit(fn(t)); /* as a program ends, not _exit: the pool's end is called */
    }
    assert_true(child > 0);
    assert_int_equal(status_of(child), 0);
}

#define EXPECT(what) \
    if (!(what)) return fprintf(stderr, "%s:%d: not so: %s; %s\n", __FILE__, __LINE__, #what, rg_error(t) ? rg_error(t) : "no error"), 1

static int goes_on(rg_tape *t) {
    EXPECT(rg_threads(t) == 2 && has_threads(1));
    const uint64_t threaded = work(t);
    EXPECT(has_threads(2));
    EXPECT(!rg_set_threads(t, 1) && work(t) == threaded);
    EXPECT(!rg_set_threads(t, 3) && work(t) == threaded && has_threads(3));
    rg_tape *own = rg_tape_new(1);
    EXPECT(!rg_set_threads(own, 2) && work(own) == threaded);
    rg_tape_free(own);
    return 0;
}

static void a_child_has_threads_of_its_own(void **state) {
    rg_tape *t = *state;
    assert_int_equal(rg_set_threads(t, 2), 0);
    const uint64_t before = work(t);
    for (int k = 0; k < 20; k++) {
        in_child(t, goes_on);
        assert_true(work(t) == before);
    }
}

static int forks_again(rg_tape *t) {
    const uint64_t before = work(t);
    const pid_t child = fork();
    if (child == 0) exit(goes_on(t));
    EXPECT(child > 0 && status_of(child) == 0 && work(t) == before);
    return 0;
}

static void a_child_forks(void **state) {
    assert_int_equal(rg_set_threads(*state, 2), 0);
    in_child(*state, forks_again);
}

static _Atomic bool enough;
static void *compute_on(void *unused) {
    rg_tape *t = rg_tape_new(1);
    rg_on_error(t, NULL, NULL);
    rg_set_threads(t, 2);
    while (!enough) work(t);
    rg_tape_free(t);
    return unused;
}

/* Another thread's loop is on the way, its locks are held: none of that is so in the child. */
static void fork_while_a_loop_runs(void **state) {
    rg_tape *t = *state;
    pthread_t other;
    needs_fork();
    assert_int_equal(rg_set_threads(t, 2), 0);
    enough = false;
    assert_int_equal(pthread_create(&other, NULL, compute_on, NULL), 0);
    for (int k = 0; k < 20; k++) in_child(t, goes_on);
    enough = true;
    pthread_join(other, NULL);
}

/* -------- programs of their own: their limits, and their end */

/* This program once more, which a sanitizer knows from its start. */
static int status_of_program(const char *what) {
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        execl(program, program, "act", what, (char *)NULL);
        _exit(99);
    }
    assert_true(child > 0);
    return status_of(child);
}

/* 64 threads cannot be had; 2 could, and can when there is more again. */
static int limited(rg_tape *t, int resource, rlim_t limit) {
    const uint64_t alone = work(t);
    struct rlimit before, now;
    EXPECT(!rg_set_threads(t, 2) && work(t) == alone);
    const int had = threads_of_process();
    EXPECT(!getrlimit(resource, &before));
    now = before;
    now.rlim_cur = limit;
    EXPECT(!setrlimit(resource, &now));
    const int failed = rg_set_threads(t, 64);
    EXPECT(!setrlimit(resource, &before));
    EXPECT(failed == -1 && rg_error_code(t) == RG_ENOMEM);
    int have = 0;
    EXPECT(sscanf(rg_error(t), "rg_set_threads: 64 threads, but this process can have only %d (", &have) == 1 && have >= 1 && have < 64);
    EXPECT(strstr(rg_error(t), "(test_threads.c:"));
    EXPECT(rg_threads(t) == 2 && has_threads(had));
    rg_error_clear(t);
    EXPECT(work(t) == alone);
    EXPECT(!rg_set_threads(t, 64) && rg_threads(t) == 64 && work(t) == alone);
    return 0;
}

/* The superuser has no such limit. */
static int few_processes(rg_tape *t) {
    EXPECT(getuid() || !setuid(65534));
    return limited(t, RLIMIT_NPROC, 20);
}

static int little_address_space(rg_tape *t) {
#if defined __linux__ && !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    EXPECT(f && fscanf(f, "%lu", &pages) == 1);
    fclose(f);
    return limited(t, RLIMIT_AS, (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (16 << 20));
#else
    return (void)t, 0;
#endif
}

static void as_many_as_the_system_gives(void **state) {
    (void)state;
    assert_int_equal(status_of_program("few processes"), 0);
}

static void as_many_as_memory_has_room_for(void **state) {
    (void)state;
    assert_int_equal(status_of_program("little address space"), 0);
}

/* What a program does when it ends: before the pool ends, and after. */
static rg_tape *late;
static bool late_alone;
static uint64_t late_hash;
static void work_late(void) {
    if (work(late) != late_hash) _exit(98);
}
__attribute__((destructor)) static void work_last(void) {
    if (!late) return;
    work_late();
    if (!rg_set_threads(late, 3) && late_alone) _exit(97);
    rg_error_clear(late);
    work_late();
}

/* Another thread, if there is one, computes on: then the pool may last as long as the process. */
static int end_early(bool alone) {
    pthread_t other;
    late_alone = alone;
    late = rg_tape_new(1);
    rg_on_error(late, NULL, NULL);
    rg_set_threads(late, 2);
    late_hash = work(late);
    enough = false;
    if (atexit(work_late) || (!alone && pthread_create(&other, NULL, compute_on, NULL))) return 95;
    for (int k = 0; k < 5; k++) work(late);
    return 3;
}

static void ends_while_threads_wait(void **state) {
    (void)state;
    assert_int_equal(status_of_program("end alone"), 3);
}

static void ends_while_another_thread_computes(void **state) {
    (void)state;
    for (int k = 0; k < 10; k++) assert_int_equal(status_of_program("end early"), 3);
}

static void nothing_stays_when_the_library_goes(void **state) {
    (void)state;
    void *so = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!so) fail_msg("%s", dlerror());
    const int loaded = threads_of_process(); /* a library may start its own */
    rg_tape *(*tape_new)(const char *, uint64_t, rg_tape_options);
    int (*set_threads)(const char *, rg_tape *, int);
    rg_tensor *(*full)(const char *, rg_tape *, double, int, const int64_t *), *(*square)(const char *, rg_tensor *);
    void (*tape_free)(const char *, rg_tape *);
    *(void **)&tape_new = dlsym(so, "rg_tape_new_at");
    *(void **)&set_threads = dlsym(so, "rg_set_threads_at");
    *(void **)&full = dlsym(so, "rg_full_at");
    *(void **)&square = dlsym(so, "rg_square_at");
    *(void **)&tape_free = dlsym(so, "rg_tape_free_at");
    assert_true(tape_new && set_threads && full && square && tape_free);
    rg_tape *t = tape_new(NULL, 1, (rg_tape_options){.allocator = {.no_pool = false}});
    assert_int_equal(set_threads(NULL, t, 4), 0);
    const rg_tensor *y = square(NULL, full(NULL, t, 3, 1, (const int64_t[]){200000}));
    assert_true(((const float *)y->data)[199999] == 9);
    assert_true(has_threads(loaded ? loaded + 3 : 0));
    tape_free(NULL, t);
    dlclose(so);
    if (dlopen(library, RTLD_NOW | RTLD_NOLOAD)) skip(); /* it stays all the same */
    assert_true(has_threads(loaded));
}

/* -------- signals */

static pthread_t main_thread;
static _Atomic int caught, elsewhere;
static void catch_signal(int signal) {
    (void)signal;
    caught++;
    if (!pthread_equal(pthread_self(), main_thread)) elsewhere++;
}

/* One that the program's thread does not take yet waits, and no other thread takes it. */
static void signals_are_the_programs(void **state) {
    rg_tape *t = *state;
    sigset_t usr1, before;
    struct sigaction old, new = {.sa_handler = catch_signal};
    main_thread = pthread_self();
    caught = elsewhere = 0;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigaction(SIGUSR1, &new, &old);
    assert_int_equal(rg_set_threads(t, 5), 0);
    pthread_sigmask(SIG_BLOCK, &usr1, &before);
    kill(getpid(), SIGUSR1);
    for (int k = 0; k < 5; k++) work(t);
    assert_int_equal(caught, 0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(caught, 1);
    assert_int_equal(elsewhere, 0);
    sigaction(SIGUSR1, &old, NULL);
}

/* What this program does for one of its cases. */
static int act(const char *what) {
    if (!strncmp(what, "end ", 4)) return end_early(!strcmp(what, "end alone"));
    rg_tape *t = rg_tape_new(1);
    rg_on_error(t, NULL, NULL);
    const int status = (strcmp(what, "few processes") ? little_address_space : few_processes)(t);
    rg_tape_free(t);
    return status;
}

int main(int argc, char **argv) {
    program = argv[0];
    isa = rg_best_isa();
    if (argc == 3 && !strcmp(argv[1], "act")) return act(argv[2]);
    if (argc != 2) return fprintf(stderr, "test_threads: the argument is the shared library\n"), 2;
    library = argv[1];
    static const struct CMUnitTest some[] = {CASE(every_block_runs_once), CASE(little_work_is_one_call),
        CASE(a_loop_in_a_loop_runs_in_its_thread),
        CASE(many_short_loops), CASE(the_number_of_threads_may_change), CASE(tapes_in_several_threads), CASE(as_many_as_the_system_gives),
        CASE(as_many_as_memory_has_room_for), CASE(a_child_has_threads_of_its_own), CASE(a_child_forks), CASE(fork_while_a_loop_runs),
        CASE(ends_while_threads_wait), CASE(ends_while_another_thread_computes), CASE(nothing_stays_when_the_library_goes),
        CASE(signals_are_the_programs)};
    return cmocka_run_group_tests_name("threads", some, NULL, NULL);
}
