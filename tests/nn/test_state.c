/* test_state.c - the state of a whole run: two nets against each other, two optimisers, an average, early stopping and more go on bit for
   bit; names in the file; names that meet; what cannot be added. */
#include <math.h>

#include "engine/op.h"
#include "nn/nn.h"
#include "tests/support/scratch.h"

/* -------- a run with everything */

enum { ROWS = 23, BATCH = 4, MEMBERS = 11 };
static const char *const member_names[MEMBERS] = {
    "gen", "disc", "adam", "rms", "batches", "ema", "plateau", "stop", "memory", "step", "sum"};

typedef struct gan {
    rg_tape *t;
    rg_nn *g, *d;
    rg_optim *adam, *rms;
    rg_loader *batches;
    rg_ema *ema;
    rg_early_stopping *stop;
    rg_plateau plateau;
    rg_tensor *memory[2]; /* f32 [3], of all batches so far; i32 [2], rows and batches */
    int64_t step;
    double sum;  /* of the losses in this epoch */
    int stopped; /* calls that said so */
} gan;

static void gan_new(gan *r, uint64_t seed) {
    static float points[ROWS][3];
    static int classes[ROWS];
    *r = (gan){.t = metered_tape(&memory, false, seed), .plateau = {.factor = .5, .patience = RG_ZERO, .cooldown = 2}};
    r->g = rg_nn_sequential(r->t, rg_nn_linear(r->t, 2, 4, RG_HE_NORMAL), rg_nn_batch_norm1d(r->t, 4), rg_nn_tanh(r->t),
        rg_nn_linear(r->t, 4, 3, RG_HE_NORMAL));
    r->d = rg_nn_sequential(r->t, rg_nn_linear(r->t, 3, 4, RG_HE_NORMAL), rg_nn_tanh(r->t), rg_nn_linear(r->t, 4, 1, RG_HE_NORMAL));
    r->adam = rg_optim_adam(r->t, rg_nn_params(r->g), .lr = .02);
    r->rms = rg_optim_rmsprop(r->t, rg_nn_params(r->d), .lr = .01, .momentum = .5);
    for (int i = 0; i < ROWS * 3; i++) (&points[0][0])[i] = (float)(i * 37 % 17) / 8 - 1, classes[i / 3] = i % 2;
    r->batches =
        rg_loader_new(r->t, rg_buffer(r->t, "x", points, ROWS, 3), rg_buffer(r->t, "y", classes, ROWS), .batch = BATCH, .shuffle = true);
    r->ema = rg_ema_new(r->t, rg_nn_params(r->g), .9);
    r->stop = rg_early_stopping_new(r->t, rg_nn_params(r->g), .patience = 2);
    r->memory[0] = rg_retain(rg_set_name(rg_zeros(r->t, 3), "of points"));
    r->memory[1] = rg_buffer_of(r->t, "counts", RG_I32, NULL, 2);
    assert_null(rg_error(r->t));
}

static int add(gan *r, rg_state *s, int member) {
    const char *name = member_names[member];
    switch (member) {
    case 0: return rg_state_net(s, name, r->g);
    case 1: return rg_state_net(s, name, r->d);
    case 2: return rg_state_optim(s, name, r->adam);
    case 3: return rg_state_optim(s, name, r->rms);
    case 4: return rg_state_loader(s, name, r->batches);
    case 5: return rg_state_ema(s, name, r->ema);
    case 6: return rg_state_plateau(s, name, &r->plateau);
    case 7: return rg_state_early_stopping(s, name, r->stop);
    case 8: return rg_state_tensors(s, name, (rg_list){r->memory, 2});
    case 9: return rg_state_count(s, name, &r->step);
    default: return rg_state_number(s, name, &r->sum);
    }
}

/* Of all but one; -1: of all. */
static rg_state *state_without(gan *r, int left_out) {
    rg_state *s = rg_state_new(r->t);
    for (int k = 0; k < MEMBERS; k++)
        if (k != left_out && add(r, s, k)) fail_msg("%s: %s", member_names[k], rg_error(r->t));
    return s;
}

static void end_of_epoch(gan *r) {
    const double metric = cos(9 * r->sum); /* up and down, as such nets go */
    rg_plateau_step(&r->plateau, r->adam, metric);
    r->stopped += rg_early_stopping_step(r->stop, metric);
    r->sum = 0;
}

static void train(gan *r, int n) {
    for (rg_tensor *x, *y; n > 0;) {
        if (!rg_loader_next(r->batches, &x, &y)) {
            end_of_epoch(r);
            continue;
        }
        rg_tensor *noise = rg_normal(r->t, 0, 1, rg_dim(x, 0), 2), *fake = rg_nn_forward(r->g, noise);
        rg_tensor *seen = rg_tanh(rg_add(r->memory[0], rg_mean(x, 0))); /* [3] */
        rg_tensor *loss = rg_sub(rg_mean(rg_softplus(rg_nn_forward(r->d, rg_detach(fake)))), rg_mean(rg_nn_forward(r->d, rg_add(x, seen))));
        rg_backward(loss, .inputs = rg_nn_params(r->d));
        rg_optim_step(r->rms);
        if (r->step++ % 3) { /* the count matters */
            rg_backward(rg_mean(rg_softplus(rg_mul(-1, rg_nn_forward(r->d, fake)))), .inputs = rg_nn_params(r->g));
            rg_optim_step(r->adam);
            rg_ema_update(r->ema);
        }
        r->sum += rg_item(loss);
        rg_write(r->memory[0], rg_f32(seen));
        const int32_t counts[] = {rg_i32(r->memory[1])[0] + (int)rg_dim(x, 0), rg_i32(r->memory[1])[1] + 1};
        rg_write(r->memory[1], counts);
        rg_tape_reset(r->t);
        n--;
    }
    if (rg_error(r->t)) fail_msg("%s", rg_error(r->t));
}

/* The whole state as a file: the bytes are the same if the runs are. */
static size_t bytes_of(gan *r, unsigned char *to, size_t most) {
    snprintf(path, sizeof path, "%s/whole", folder);
    assert_int_equal(rg_state_save(state_without(r, -1), path), 0);
    FILE *f = fopen(path, "rb");
    const size_t n = fread(to, 1, most, f);
    fclose(f);
    assert_true(n < most);
    return n;
}

static bool same_run(gan *a, gan *b) {
    static unsigned char one[1 << 16], other[1 << 16];
    const size_t n = bytes_of(a, one, sizeof one), m = bytes_of(b, other, sizeof other);
    const bool same = n == m && !memcmp(one, other, n);
    for (int k = 0; same && k < 2; k++) { /* not by the code under test alone */
        const rg_list p = rg_nn_params(k ? a->d : a->g), q = rg_nn_params(k ? b->d : b->g);
        for (int i = 0; i < p.count; i++)
            assert_memory_equal(p.items[i]->data, q.items[i]->data, (size_t)rg_numel(p.items[i]) * sizeof(float));
    }
    return same;
}

enum { STEPS = 41 };

/* Interrupted within an epoch, at its end, before anything; it goes on in a new tape of another seed that has run, too. */
static void goes_on_bit_for_bit(void **state) {
    (void)state;
    gan straight;
    gan_new(&straight, 1);
    train(&straight, STEPS);
    assert_true(straight.stopped > 0 && straight.plateau.begun && rg_early_stopping_best_call(straight.stop) > 0);
    int cooling = 0;
    for (const int *k = (const int[]){0, 3, 6, 8, 15, 20, 26, STEPS, -1}; *k >= 0; k++) {
        gan first, second;
        gan_new(&first, 1), gan_new(&second, 99);
        train(&first, *k);
        cooling += first.plateau.cooling > 0;
        rg_state *there = state_without(&second, -1);
        train(&second, 9);
        snprintf(path, sizeof path, "%s/run", folder);
        assert_int_equal(rg_state_save(state_without(&first, -1), path), 0);
        assert_int_equal(rg_state_load(there, path), 0);
        assert_true(second.step == *k && same_run(&first, &second));
        second.stopped = first.stopped;
        train(&second, STEPS - *k);
        if (!same_run(&straight, &second)) fail_msg("interrupted after %d steps, it went elsewhere", *k);
        assert_int_equal(second.stopped, straight.stopped);
        train(&first, STEPS - *k);
        assert_int_equal(rg_early_stopping_restore(first.stop) | rg_early_stopping_restore(second.stop), 0);
        assert_true(same_run(&first, &second));
        rg_tape_free(first.t), rg_tape_free(second.t);
    }
    assert_true(cooling > 0);
    rg_tape_free(straight.t);
}

/* Whatever is left out, the run goes elsewhere: the case above can fail. */
static void each_is_needed(void **state) {
    const int k = *(const int *)*state;
    gan first, second;
    gan_new(&first, 1), gan_new(&second, 99);
    train(&first, 16), train(&second, 5);
    snprintf(path, sizeof path, "%s/run", folder);
    assert_int_equal(rg_state_save(state_without(&first, k), path), 0);
    assert_int_equal(rg_state_load(state_without(&second, k), path), 0);
    train(&first, 1), train(&second, 1);
    assert_false(same_run(&first, &second));
    rg_tape_free(first.t), rg_tape_free(second.t);
}

/* Saved while the averages are swapped in: they are swapped in when it goes on. */
static void swapped_in(void **state) {
    (void)state;
    gan first, second;
    gan_new(&first, 1), gan_new(&second, 2);
    train(&first, 7), train(&second, 3);
    rg_ema_swap(first.ema);
    snprintf(path, sizeof path, "%s/run", folder);
    assert_int_equal(rg_state_save(state_without(&first, -1), path), 0);
    assert_int_equal(rg_state_load(state_without(&second, -1), path), 0);
    assert_int_equal(rg_ema_update(second.ema), -1);
    rg_error_clear(second.t);
    assert_int_equal(rg_ema_swap(first.ema) | rg_ema_swap(second.ema), 0);
    train(&first, 5), train(&second, 5);
    assert_true(same_run(&first, &second));
    rg_tape_free(first.t), rg_tape_free(second.t);
}

/* -------- names */

static rg_nn *linear(int64_t in, int64_t out) { return rg_nn_sequential(t, rg_nn_linear(t, in, out, RG_ONES)); }

static int64_t file_size(void) {
    struct stat s;
    return stat(path, &s) ? -1 : s.st_size;
}

static void save(rg_state *s) {
    snprintf(path, sizeof path, "%s/run", folder);
    if (rg_state_save(s, path)) fail_msg("%s", rg_error(t));
}

/* The tensors of the file, as "a, b, c". */
static const char *names_in_file(void) {
    static char text[2048];
    const rg_list l = rg_safetensors_load(t, path);
    *text = 0;
    for (int i = 0; i < l.count; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? ", " : "", rg_name_of(l.items[i]));
        rg_release(l.items[i]);
    }
    return text;
}

static bool in_header(const char *text) {
    static char file[1 << 16];
    FILE *f = fopen(path, "rb");
    const size_t n = fread(file, 1, sizeof file - 1, f);
    fclose(f);
    for (size_t i = 0; i + strlen(text) <= n; i++)
        if (!memcmp(file + i, text, strlen(text))) return true;
    return false;
}

static void names(void **state) {
    (void)state;
    rg_nn *actor = linear(2, 3), *critic = linear(2, 1);
    rg_tensor *bias = rg_param(t, "temperature", RG_ONES, 1), *own = rg_nn_params(critic).items[0];
    rg_optim *adam = rg_optim_adam(t, rg_nn_params(actor)), *sgd = rg_optim_sgd(t, rg_list_of(own, bias), .momentum = .9);
    int64_t step = 7;
    double best = 1. / 3;
    for (int order = 0; order < 2; order++) { /* the file is the same whether optimisers or nets come first */
        rg_state *s = rg_state_new(t);
        if (order) rg_state_optim(s, "a", adam), rg_state_optim(s, "s", sgd);
        rg_state_net(s, "actor", actor);
        rg_state_net(s, "critic", critic);
        rg_state_tensor(s, "hidden", rg_zeros(t, 2, 2));
        rg_state_tensor(s, "", rg_set_name(rg_zeros(t, 1), "mine"));
        if (!order) rg_state_optim(s, "a", adam), rg_state_optim(s, "s", sgd);
        rg_state_count(s, "step", &step);
        rg_state_number(s, "best", &best);
        rg_tape_reset(t);
        save(s);
        assert_string_equal(names_in_file(), "actor.0.weight, actor.0.bias, critic.0.weight, critic.0.bias, hidden, mine, "
                                             "@a.actor.0.weight.m, @a.actor.0.weight.v, @a.actor.0.bias.m, "
                                             "@a.actor.0.bias.v, @s.critic.0.weight.momentum, @s.temperature.momentum");
        assert_true(in_header("\"@a\":\"rg_optim_adam\"") && in_header("\"@a.0.lr\":") && in_header("\"@s.critic.0.weight.steps\":\"0\"") &&
                    in_header("\"@step\":\"7\"") && in_header("\"@best\":\"0.33333333333333331\"") &&
                    in_header("\"@rng.bit_generator\":\"PCG64\""));
    }
    /* what is made later is in it: read is what there is at the save */
    rg_state *s = rg_state_new(t);
    rg_state_optim(s, "a", adam);
    rg_state_net(s, NULL, actor);
    rg_optim_add_group(adam, rg_list_of(bias));
    save(s);
    assert_string_equal(
        names_in_file(), "0.weight, 0.bias, @a.0.weight.m, @a.0.weight.v, @a.0.bias.m, @a.0.bias.v, @a.temperature.m, @a.temperature.v");
    assert_true(in_header("\"@a.1.lr\":"));
    /* one net of a run */
    rg_state *both = rg_state_new(t);
    rg_state_net(both, "actor", actor);
    rg_state_net(both, "critic", critic);
    save(both);
    rg_init_fill(own, RG_ZEROS);
    assert_int_equal(rg_nn_load(critic, path, .prefix = "critic."), 0);
    assert_true(rg_f32(own)[0] == 1);
    rg_state_load(both, path);
    assert_null(rg_error(t));
}

/* An optimiser of parameters that have one name by themselves: in the state their nets have two. */
static void an_optimiser_of_two_nets(void **state) {
    (void)state;
    rg_nn *one = linear(2, 3), *two = linear(3, 1);
    rg_optim *adam = rg_optim_adam(t, rg_list_of(rg_nn_params(one).items[0], rg_nn_params(two).items[0]));
    rg_state *s = rg_state_new(t);
    rg_state_net(s, "one", one), rg_state_net(s, "two", two), rg_state_optim(s, "adam", adam);
    save(s);
    assert_string_equal(names_in_file(), "one.0.weight, one.0.bias, two.0.weight, two.0.bias, @adam.one.0.weight.m, @adam.one.0.weight.v, "
                                         "@adam.two.0.weight.m, @adam.two.0.weight.v");
    s = rg_state_new(t);
    const int line = __LINE__ + 1;
    assert_int_equal(rg_state_optim(s, "adam", adam), -1);
    char should[300];
    snprintf(should, sizeof should,
        "rg_state_optim: two entries have the name @adam.0.weight.m, of rg_state_optim at test_state.c:%d and of rg_state_optim at "
        "test_state.c:%d; add the nets of its parameters, under two names, before it (test_state.c:%d)",
        line, line, line);
    assert_string_equal(rg_error(t), should);
    rg_error_clear(t);
}

/* Every number comes back, every bit of it. */
static void numbers(void **state) {
    (void)state;
    static const double doubles[] = {0, -1e308, 5e-324, (double)INFINITY, (double)-INFINITY, (double)NAN, 1. / 3};
    static const int64_t counts[] = {0, -1, INT64_MAX, INT64_MIN, 1, 99, -12345678901};
    for (int i = 0; i < 7; i++) {
        double x = doubles[i];
        int64_t n = counts[i];
        rg_state *s = rg_state_new(t);
        rg_state_number(s, "x", &x), rg_state_count(s, "n", &n);
        save(s);
        x = 3, n = 3;
        assert_int_equal(rg_state_load(s, path), 0);
        assert_true(n == counts[i] && (x == doubles[i] || (isnan(x) && isnan(doubles[i]))));
    }
}

/* -------- what meets, and what cannot be added */

#define REFUSED(call, code, says)                                                                                             \
    do {                                                                                                                      \
        rg_state *s = rg_state_new(t);                                                                                        \
        assert_int_equal(call, -1);                                                                                           \
        if (rg_error_code(t) != (code) || !strstr(rg_error(t), says)) fail_msg("expected '%s', got '%s'", says, rg_error(t)); \
        rg_error_clear(t);                                                                                                    \
        snprintf(path, sizeof path, "%s/none", folder);                                                                       \
        assert_int_equal(rg_state_save(s, path), -1); /* not without what was refused */                                      \
        assert_non_null(strstr(rg_error(t), "rg_state_save: an earlier call could not add to this state (test_state.c:"));     \
        rg_error_clear(t);                                                                                                    \
        assert_int_equal(rg_state_load(s, path), -1);                                                                         \
        rg_error_clear(t);                                                                                                    \
        assert_int_equal(file_size(), -1);                                                                                    \
    } while (0)

static void names_that_meet(void **state) {
    (void)state;
    rg_nn *a = linear(2, 3), *b = linear(2, 1);
    rg_optim *adam = rg_optim_adam(t, rg_nn_params(a));
    rg_tensor *w = rg_nn_params(a).items[0], *x = rg_set_name(rg_zeros(t, 2), "0.weight");
    rg_plateau p = {.patience = 1};
    int64_t n = 0;
    REFUSED((rg_state_net_at("dir/one.c:1", s, NULL, a), rg_state_net_at("two.c:2", s, "", b)), RG_EVALUE,
        "rg_state_net: two entries have the name 0.bias, of rg_state_net at one.c:1 and of rg_state_net at two.c:2 (two.c:2)");
    REFUSED((rg_state_net(s, "a", a), rg_state_net(s, "a", b)), RG_EVALUE, "two entries have the name a.0.bias");
    REFUSED((rg_state_net(s, NULL, a), rg_state_tensor(s, NULL, x)), RG_EVALUE, "rg_state_tensor: two entries have the name 0.weight");
    REFUSED((rg_state_net(s, NULL, a), rg_state_tensors(s, NULL, rg_params(t))), RG_EVALUE,
        "rg_state_tensors: two entries have the name 0.bias");
    REFUSED(rg_state_tensors(s, "list", rg_list_of(w, x)), RG_EVALUE, "two entries have the name list.0.weight, of rg_state_tensors at");
    REFUSED((rg_state_optim(s, "adam", adam), rg_state_optim(s, "adam", adam)), RG_EVALUE,
        "two entries have the name @adam, of rg_state_optim at");
    REFUSED((rg_state_count(s, "n", &n), rg_state_plateau(s, "n", &p)), RG_EVALUE, "two entries have the name @n, of rg_state_count at");
    REFUSED(rg_state_count(s, "rng.state", &n), RG_EVALUE, "two entries have the name @rng.state, of rg_state_new at");
    REFUSED((rg_state_plateau(s, "p", &p), rg_state_count(s, "p.bad", &n)), RG_EVALUE,
        "two entries have the name @p.bad, of rg_state_plateau at");
    REFUSED(rg_state_count(s, "crc64", &n), RG_EVALUE, "rg_state_count: nothing can have the name @crc64, which is the file's own");
    REFUSED(rg_state_count(s, "crc64.w", &n), RG_EVALUE, "nothing can have the name @crc64.w");
    REFUSED(rg_state_tensor(s, "__metadata__", x), RG_EVALUE, "nothing can have the name __metadata__");
    rg_state *s = rg_state_new(t);
    assert_int_equal(rg_state_count(s, "crc640", &n), 0);
    assert_int_equal(
        rg_state_net(s, "a", a) | rg_state_net(s, "b", a) | rg_state_optim(s, "o", adam), 0); /* one net under two names is two */
    save(s);
    assert_int_equal(rg_state_load(s, path), 0);
    rg_set_name(w, "0.bias"); /* a name that changed since then */
    assert_int_equal(rg_state_save(s, path), -1);
    assert_non_null(strstr(rg_error(t), "rg_state_save: two entries have the name a.0.bias"));
    rg_error_clear(t);
}

static void what_cannot_be_added(void **state) {
    (void)state;
    rg_tape *other = metered_tape(&memory, false, 1);
    rg_nn *net = linear(2, 3), *foreign = rg_nn_linear(other, 2, 2, RG_ONES), *nameless = rg_nn_linear(t, 1, 1, RG_ONES);
    rg_optim *sgd = rg_optim_sgd(other, rg_params(other));
    rg_tensor *x = rg_zeros(t, 2), *y = rg_exp(x), *at = rg_set_name(rg_zeros(t, 1), "@x"), *p = rg_param(t, NULL, RG_ONES, 2);
    rg_optim *of_p = rg_optim_sgd(t, rg_list_of(p));
    rg_loader *loader = rg_loader_new(other, rg_zeros(other, 2, 2), rg_zeros(other, 2), .batch = 1);
    int64_t n = 0;
    double d = 0;
    REFUSED(rg_state_net(s, "a", NULL), RG_EVALUE, "rg_state_net: the object to add is NULL (test_state.c:");
    REFUSED(rg_state_count(s, "a", NULL), RG_EVALUE, "rg_state_count: the object to add is NULL");
    REFUSED(rg_state_tensors(s, "a", ((rg_list){NULL, 2})), RG_EVALUE, "rg_state_tensors: the object to add is NULL");
    REFUSED(rg_state_net(s, "a", foreign), RG_ESTATE, "rg_state_net: the object to add is from another tape");
    REFUSED(rg_state_optim(s, "a", sgd), RG_ESTATE, "rg_state_optim: the object to add is from another tape");
    REFUSED(rg_state_loader(s, "a", loader), RG_ESTATE, "rg_state_loader: the object to add is from another tape");
    REFUSED(rg_state_ema(s, "a", rg_ema_new(other, rg_params(other), .5)), RG_ESTATE,
        "rg_state_ema: the object to add is from another tape");
    REFUSED(rg_state_early_stopping(s, "a", rg_early_stopping_new(other, rg_params(other))), RG_ESTATE,
        "rg_state_early_stopping: the object to add is");
    REFUSED(rg_state_tensors(s, "a", rg_params(other)), RG_ESTATE, "rg_state_tensors: tensor 0 is poisoned, or of another tape");
    REFUSED(rg_state_tensor(s, "a", NULL), RG_ESTATE, "rg_state_tensor: tensor 0 is poisoned, or of another tape");
    REFUSED(rg_state_tensor(s, NULL, x), RG_EVALUE, "rg_state_tensor: tensor 0, [2], has no name");
    REFUSED(rg_state_tensor(s, "a", y), RG_ESTATE, "rg_state_tensor: the result of exp is no leaf");
    REFUSED(rg_state_tensor(s, "", at), RG_EVALUE, "rg_state_tensor: the name @x begins with @");
    REFUSED(rg_state_net(s, "@a", net), RG_EVALUE, "rg_state_net: the name @a begins with @");
    REFUSED(rg_state_count(s, "@step", &n), RG_EVALUE, "rg_state_count: the name @step begins with @");
    REFUSED(rg_state_count(s, NULL, &n), RG_EVALUE, "rg_state_count: the object to add needs a name");
    REFUSED(rg_state_number(s, "", &d), RG_EVALUE, "rg_state_number: the object to add needs a name");
    REFUSED(rg_state_count(s, "\xff", &n), RG_EVALUE, "rg_state_count: a name is not UTF-8");
    REFUSED(rg_state_optim(s, "o", of_p), RG_EVALUE, "rg_state_optim: a parameter has no name, and is not in the state");
    REFUSED((rg_set_name(rg_nn_params(nameless).items[1], ""), rg_state_net(s, "a", nameless)), RG_EVALUE,
        "rg_state_net: tensor 1, [1], has no name");
    rg_state *s = rg_state_new(t);
    assert_int_equal(rg_state_tensor(s, "p", p) | rg_state_optim(s, "o", of_p) | rg_state_tensors(s, "none", ((rg_list){NULL, 0})), 0);
    save(s);
    assert_null(rg_state_new(NULL));
    assert_int_equal(rg_state_net(NULL, "a", net), -1);
    assert_int_equal(rg_state_tensor(NULL, "a", x), -1);
    assert_int_equal(rg_state_tensors(NULL, "a", rg_params(t)), -1);
    assert_int_equal(rg_state_optim(NULL, "a", of_p), -1);
    assert_int_equal(rg_state_loader(NULL, "a", NULL), -1);
    assert_int_equal(rg_state_ema(NULL, "a", NULL), -1);
    assert_int_equal(rg_state_early_stopping(NULL, "a", NULL), -1);
    assert_int_equal(rg_state_plateau(NULL, "a", NULL), -1);
    assert_int_equal(rg_state_count(NULL, "a", &n), -1);
    assert_int_equal(rg_state_number(NULL, "a", &d), -1);
    assert_int_equal(rg_state_save(NULL, path), -1);
    assert_int_equal(rg_state_load(NULL, path), -1);
    assert_int_equal(rg_state_save(s, NULL), -1);
    assert_non_null(strstr(rg_error(t), "rg_state_save: the path is NULL"));
    rg_error_clear(t);
    rg_tape_free(other);
}

/* A tensor that was added stays, though the program lets go of it. */
static void tensors_stay(void **state) {
    (void)state;
    const float values[] = {1, 2, 3};
    rg_tensor *x = rg_retain(rg_input(t, values, 3));
    rg_state *s = rg_state_new(t);
    assert_int_equal(rg_state_tensor(s, "x", x), 0);
    rg_tape_reset(t);
    rg_release(x);
    save(s);
    rg_write(x, ((float[]){0, 0, 0}));
    assert_int_equal(rg_state_load(s, path), 0);
    assert_memory_equal(rg_f32(x), values, sizeof values);
}

/* A file whose last entry is wrong changes nothing of all the others. */
static void all_or_nothing(void **state) {
    (void)state;
    static const char *const tries[][3] = {{"\"@stop.calls\":\"", "-", "@stop.calls is '-'"},
        {"\"@plateau.begun\":\"", "7", "@plateau.begun is 7, not 0 to 1"}, {"\"@ema.swapped\":\"", "2", "@ema.swapped is 2, not 0 to 1"},
        {"\"@plateau.bad\":\"", "-", "no such number"}, {"\"@sum\":\"", "x", "no such number"}, {"\"@step\":\"", "x", "no such number"},
        {"\"@stop\":\"", "x", "@stop is xg_early_stopping in the file, rg_early_stopping here"}};
    gan first, second, same;
    gan_new(&first, 1), gan_new(&second, 2), gan_new(&same, 2);
    train(&first, 9), train(&second, 4), train(&same, 4);
    rg_state *s = state_without(&second, -1);
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        plain.n = bytes_of(&first, plain.at, sizeof plain.at);
        without_checksums(&plain);
        unsigned char *found = NULL;
        for (size_t k = 0; k + strlen(tries[i][0]) < plain.n; k++)
            if (!memcmp(plain.at + k, tries[i][0], strlen(tries[i][0]))) found = plain.at + k + strlen(tries[i][0]);
        assert_non_null(found);
        *found = (unsigned char)tries[i][1][0];
        write_bytes("run", &plain);
        assert_int_equal(rg_state_load(s, path), -1);
        if (rg_error_code(second.t) != RG_EIO || !strstr(rg_error(second.t), tries[i][2]))
            fail_msg("expected '%s', got '%s'", tries[i][2], rg_error(second.t));
        rg_error_clear(second.t);
        assert_true(same_run(&second, &same));
    }
    rg_tape_free(first.t), rg_tape_free(second.t), rg_tape_free(same.t);
}

/* A parameter listed twice has one copy: what is loaded is what comes back. */
static void listed_twice(void **state) {
    (void)state;
    rg_tensor *w = rg_param(t, "w", RG_ONES, 2), *twice[] = {w, w};
    rg_early_stopping *stop = rg_early_stopping_new(t, ((rg_list){twice, 2}));
    rg_state *s = rg_state_new(t);
    assert_int_equal(rg_state_early_stopping(s, "stop", stop), 0);
    assert_false(rg_early_stopping_step(stop, 1));
    save(s);
    assert_string_equal(names_in_file(), "@stop.w.best");
    rg_init_fill(w, RG_ZEROS);
    assert_false(rg_early_stopping_step(stop, .5)); /* zeros are the best now, and not any more after this: */
    assert_int_equal(rg_state_load(s, path), 0);
    assert_int_equal(rg_early_stopping_restore(stop), 0);
    assert_true(rg_f32(w)[0] == 1 && rg_early_stopping_calls(stop) == 1);
}

int main(void) {
    cases c = {0};
    static int which[MEMBERS];
    CASE(&c, goes_on_bit_for_bit, NULL, "two nets and all that goes with them go on bit for bit");
    for (int k = 0; k < MEMBERS; k++)
        which[k] = k, CASE(&c, each_is_needed, &which[k], "a run without its %s goes elsewhere", member_names[k]);
    CASE(&c, swapped_in, NULL, "averages swapped in");
    CASE(&c, names, NULL, "names");
    CASE(&c, an_optimiser_of_two_nets, NULL, "an optimiser of two nets");
    CASE(&c, numbers, NULL, "numbers");
    CASE(&c, names_that_meet, NULL, "names that meet");
    CASE(&c, what_cannot_be_added, NULL, "what cannot be added");
    CASE(&c, tensors_stay, NULL, "tensors stay");
    CASE(&c, all_or_nothing, NULL, "all or nothing");
    CASE(&c, listed_twice, NULL, "listed twice");
    return cases_run(&c, "state");
}
