/* bench.h - the workloads and who runs them. A contestant runs one workload in a process of its own and prints lines

       KEY SECONDS            seconds per unit: a training step, an op of a chain, a pass over an array
       heap N                 calls of malloc after the second step, when count_malloc is preloaded
       hash 16 hex digits     of the weights, after so many steps
       peak BYTES             of memory

   and exits with NOT_RUN where it has no such workload.                                                                     */
#ifndef RETROGRAD_BENCH_H
#define RETROGRAD_BENCH_H

#include <stdbool.h>
#include <stdint.h>

typedef struct job {
    const char *workload, *by; /* "W1", "played" */
    double seconds;            /* how long to measure */
    int threads;
    int steps;                 /* if > 0: so many steps and their hash, nothing else; on fewer rows, shorter arrays */
    bool baseline;             /* without AVX2 */
} job;
enum { NOT_RUN = 3 };

/* W1: MNIST's shape. W2: CIFAR-10's. Rows are random bytes: what is computed does not depend on them, and no file is needed. */
enum { NET_LAYERS_MAX = 3 };
typedef struct net_shape { int rows, batch, layers, sizes[NET_LAYERS_MAX + 1]; float lr; } net_shape;
static const net_shape shape_w1 = {60000, 64, 2, {784, 128, 10}, .1f}, shape_w2 = {50000, 128, 3, {3072, 256, 128, 10}, .01f};

enum { CHAIN = 1000, ELEMENTS = 16 << 20, ROW = 1024 }; /* W4: ops; W5: floats in an array, and in a row of it */

/* The exit status. */
int models_run(const job *j); /* W6 to W10, by fused, played */
int engine_run(const job *j); /* W1 to W5, by fused, composed, played, composed-played */
int floor_run(const job *j);  /* by hand: bare GEMM calls and fused loops, no tape; by floor-f32: images as floats */

/* Of W5 and ops, which can be told by --only: is this operator among them? */
bool wanted(const char *op);

/* W5: every row of elementwise.def and the reductions. */
int elementwise_engine(const job *j);
void elementwise_loops(const job *j);

/* The clock, and the loop that all use: `step` runs until the time is over; the median time of one is printed under the key. */
double clock_seconds(void);
void measure(const job *j, const char *key, int per_call, void (*step)(void *), void *ctx);
double peak_bytes(void);
long heap_calls(void); /* of malloc so far; -1 when count_malloc is not preloaded */
void fill_random(uint64_t seed, uint8_t *to, int64_t n);

/* Runs a job's step so many times, or times it; ends the tape. Its optimiser, or NULL: no hash is printed. */
struct rg_tape;
struct rg_optim;
int run_steps(const job *j, struct rg_tape *t, struct rg_optim *optim, const char *key, int per_call, void (*step)(void *), void *ctx);

/* Each operator of the registry at three sizes; how steps grow with batch, width and depth; products by the library and by OpenBLAS,
   for the instruction set isa; what the machine can do. */
int bench_ops(double seconds, int threads);
int bench_growth(double seconds, int threads);
int bench_math(double seconds); /* functions by the library, libmvec and libm */
int bench_gemm_f32(double seconds, double peak, int isa);
int bench_gemm_f64(double seconds, double peak, int isa);
double machine_copies(void);                       /* GB/s of one thread, read and written */
double machine_peak(const char *dtype, int isa);   /* GFLOP/s of one thread in registers */
const char *better_core(int isa); /* the name of OpenBLAS's kernels for isa, where it has not chosen them by itself; or NULL */
#endif
