/* call.h - parts of the macros that tools/calls.py generates from the headers: the caller's line, lists of any length,
   named options, numbers as operands, dtypes of pointers. Programs use rg_list_of, RG_AT, RG_DIMS, and RG_PAIR with
   ops/row.h. */
#ifndef RG_CALL_H
#define RG_CALL_H

#ifdef __cplusplus
#pragma GCC system_header /* or g++ has a warning for each option that is left out */
#endif

#include <stdint.h>
#ifdef __cplusplus
#include <initializer_list>
#endif

/* The caller's file and line; every message ends with them. */
#define RG_TEXT_(x) #x
#define RG_TEXT(x) RG_TEXT_(x)
#define RG_HERE __FILE__ ":" RG_TEXT(__LINE__)
#define RG_AT RG_HERE

/* In front of a function that has no macro. */
#define RG_PLAIN

/* Types of parameters in the headers. They say what a call takes. */
typedef struct rg_tensor rg_tensor;
typedef rg_tensor *rg_operand;
typedef const void *rg_data;
typedef void *rg_room;
typedef struct rg_dims rg_dims;
typedef struct rg_axes rg_axes;
typedef struct rg_tensors rg_tensors;
typedef struct rg_places rg_places; /* places for tensors: &x, &y */

/* The last member of a struct of options: its members are given by name, rg_optim_adam(t, params, .lr = 1e-3). */
#define RG_NAMED char named_

#ifdef __cplusplus
#define RG_OPTIONS(type, ...) (type{__VA_ARGS__})
#define RG_AUTO auto
#define RG_ARRAY(type, ...) std::initializer_list<type>{__VA_ARGS__}.begin()
#else
#define RG_OPTIONS(type, ...) ((type){__VA_ARGS__})
#define RG_AUTO __auto_type
#define RG_ARRAY(type, ...) (const type[]){__VA_ARGS__}
#endif

/* -------- lists of sizes, axes and tensors in a call: they become a count and an array. A size that is no integer does
   not compile. */
#define RG_PASTE_(a, b) a##b
#define RG_PASTE(a, b) RG_PASTE_(a, b)
#define RG_COUNT_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, ...) n
#define RG_COUNT(...) RG_COUNT_(__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, )
#define RG_INTS_0(a) 0
#define RG_INTS_1(a, ...) ~~(a), RG_INTS_0(__VA_ARGS__)
#define RG_INTS_2(a, ...) ~~(a), RG_INTS_1(__VA_ARGS__)
#define RG_INTS_3(a, ...) ~~(a), RG_INTS_2(__VA_ARGS__)
#define RG_INTS_4(a, ...) ~~(a), RG_INTS_3(__VA_ARGS__)
#define RG_INTS_5(a, ...) ~~(a), RG_INTS_4(__VA_ARGS__)
#define RG_INTS_6(a, ...) ~~(a), RG_INTS_5(__VA_ARGS__)
#define RG_INTS_7(a, ...) ~~(a), RG_INTS_6(__VA_ARGS__)
#define RG_INTS_8(a, ...) ~~(a), RG_INTS_7(__VA_ARGS__)
#define RG_INTS_9(a, ...) ~~(a), RG_INTS_8(__VA_ARGS__)
#define RG_INTS_10(a, ...) ~~(a), RG_INTS_9(__VA_ARGS__)
#define RG_INTS_11(a, ...) ~~(a), RG_INTS_10(__VA_ARGS__)
#define RG_INTS_12(a, ...) ~~(a), RG_INTS_11(__VA_ARGS__)
#define RG_SIZES(...) RG_COUNT(__VA_ARGS__), RG_ARRAY(int64_t, RG_PASTE(RG_INTS_, RG_COUNT(__VA_ARGS__))(__VA_ARGS__))
/* for functions of your own that take a count and an array: RG_DIMS(2, 3) */
#define RG_DIMS(...) RG_SIZES(__VA_ARGS__, 0)
#define RG_AXES(...) RG_COUNT(__VA_ARGS__), RG_ARRAY(int, RG_PASTE(RG_INTS_, RG_COUNT(__VA_ARGS__))(__VA_ARGS__))
#ifdef __cplusplus
/* for sizeof: counts without evaluating */
extern "C++" template <class... types> char (&rg_count_of(types...))[sizeof...(types)];
#define RG_LIST(type, ...) (int)sizeof(rg_count_of(__VA_ARGS__)), std::initializer_list<type>{__VA_ARGS__}.begin()
#define RG_CALL_WITH_(n, f, at, before, ...)                    \
    __extension__({ rg_tensor *const rg_x##n[] = {__VA_ARGS__}; \
        f(at, RG_BARE before, (int)(sizeof rg_x##n / sizeof *rg_x##n) - 1, rg_x##n); })
#define rg_list_of(...) \
    (rg_list{std::initializer_list<rg_tensor *>{__VA_ARGS__}.begin(), (int)sizeof(rg_count_of(__VA_ARGS__))})
#else
#define RG_LIST(type, ...) (int)(sizeof((type[]){__VA_ARGS__}) / sizeof(type)), (type[]){__VA_ARGS__}
/* An array in place of the tensors does not compile: NAME_n takes one. */
#define RG_CALL_WITH_(n, f, at, before, first, ...)                                                        \
    __extension__({ RG_AUTO rg_first##n = (first); (void)_Generic(rg_first##n, rg_tensor *: 0, void *: 0); \
        rg_tensor *const rg_x##n[] = {rg_first##n, __VA_ARGS__};                                           \
        f(at, RG_BARE before, (int)(sizeof rg_x##n / sizeof *rg_x##n) - 1, rg_x##n); })
/* rg_list_of(w, b): an rg_list of these tensors, valid in the block { } where it is written */
#define rg_list_of(...)                      \
    ((rg_list){(rg_tensor *[]){__VA_ARGS__}, \
        (int)(sizeof((rg_tensor *[]){__VA_ARGS__}) / sizeof(rg_tensor *))})
#endif
/* internal: f(at, before.., how many tensors, the tensors): n is a __COUNTER__. Each tensor is evaluated, and expanded,
   once, so that calls may be nested; NULL marks the end. */
#define RG_CALL_WITH(n, f, before, ...) RG_CALL_WITH_(n, f, RG_AT, before, __VA_ARGS__, NULL)
#define RG_BARE(...) __VA_ARGS__

#define RG_PLACES(...) RG_LIST(rg_tensor **, __VA_ARGS__)
#define RG_LAYERS(...) RG_LIST(rg_nn *, __VA_ARGS__)

/* -------- numbers as operands: a and b are evaluated once, in this order; a number becomes a tensor of rank 0 in the
   dtype of the other */
#define RG_PAIR(f, a, b, n) RG_PAIR_(f, RG_AT, a, b, n)
#define RG_PAIR_AFTER(f, x, a, b, n) RG_PAIR_AFTER_(f, RG_AT, x, a, b, n)
#define RG_PAIR_(f, at, a, b, n)                                                                        \
    __extension__({ RG_AUTO rg_a##n = (a); RG_AUTO rg_b##n = (b); RG_ONE_IS_A_TENSOR(rg_a##n, rg_b##n); \
        f(at, RG_OPERAND(at, rg_a##n, rg_b##n), RG_OPERAND(at, rg_b##n, rg_a##n)); })
#define RG_PAIR_AFTER_(f, at, x, a, b, n)                                                               \
    __extension__({ RG_AUTO rg_x##n = (x);                                                              \
        RG_AUTO rg_a##n = (a); RG_AUTO rg_b##n = (b); RG_ONE_IS_A_TENSOR(rg_a##n, rg_b##n);             \
        f(at, rg_x##n, RG_OPERAND(at, rg_a##n, rg_b##n), RG_OPERAND(at, rg_b##n, rg_a##n)); })

#ifdef __cplusplus
extern "C" {
#endif
/* a number as a tensor of rank 0, in the dtype of `like`; if `like` cannot be used, `like` itself */
rg_tensor *rg_number(double value, rg_tensor *like);
/* the same; an error if an integer dtype does not hold the value */
rg_tensor *rg_number_at(const char *at, double value, rg_tensor *like);
#ifdef __cplusplus
}
static inline rg_tensor *rg_operand_of(const char *, rg_tensor *x, rg_tensor *) { return x; }
static inline rg_tensor *rg_operand_of(const char *, rg_tensor *x, double) { return x; }
static inline rg_tensor *rg_operand_of(const char *at, double value, rg_tensor *other) {
    return rg_number_at(at, value, other);
}
#define RG_OPERAND(at, x, other) rg_operand_of(at, x, other)
#define RG_ONE_IS_A_TENSOR(a, b) /* no overload takes two numbers */
#else
#define RG_IS_NUMBER(x) _Generic((x), rg_tensor *: 0, void *: 0, default: 1)
#define RG_ONE_IS_A_TENSOR(a, b) _Static_assert(!(RG_IS_NUMBER(a) && RG_IS_NUMBER(b)), "one operand must be a tensor")
#define RG_AS_NUMBER(x) _Generic((x), rg_tensor *: 0, void *: 0, default: (x))
#define RG_AS_TENSOR(x) _Generic((x), rg_tensor *: (x), void *: (x), default: (rg_tensor *)0)
#define RG_OPERAND(at, x, other)                 \
    _Generic((x), rg_tensor *: (x), void *: (x), \
        default: rg_number_at(at, (double)RG_AS_NUMBER(x), RG_AS_TENSOR(other)))
#endif

/* -------- dtypes of pointers, and of arrays of rows. A void * has none: use NAME_of. */
#ifdef __cplusplus
static inline rg_dtype rg_dtype_at(const float *) { return RG_F32; }
static inline rg_dtype rg_dtype_at(const double *) { return RG_F64; }
static inline rg_dtype rg_dtype_at(const int32_t *) { return RG_I32; }
static inline rg_dtype rg_dtype_at(const uint8_t *) { return RG_U8; }
extern "C++" template <class row, int n> rg_dtype rg_dtype_at(row (*p)[n]) { return rg_dtype_at(*p); }
#define RG_DATA(p) rg_dtype_at(p), (p)
#define RG_ROOM(p) rg_dtype_at(p), (p)
#else
typedef struct rg_pointer_to_pointers { char is_an_error; } rg_pointer_to_pointers;
#define RG_DATA(p)                                                                                                 \
    _Generic((p), float **: (rg_pointer_to_pointers){0}, double **: (rg_pointer_to_pointers){0},                   \
        int32_t **: (rg_pointer_to_pointers){0}, uint8_t **: (rg_pointer_to_pointers){0},                          \
        default: _Generic((p)[0], float: RG_F32, double: RG_F64, int32_t: RG_I32, uint8_t: RG_U8, float *: RG_F32, \
            const float *: RG_F32, double *: RG_F64, const double *: RG_F64, int32_t *: RG_I32,                    \
            const int32_t *: RG_I32,                                                                               \
            uint8_t *: RG_U8, const uint8_t *: RG_U8)), (p)
#define RG_ROOM(p) RG_DATA(p)
#endif
#endif
