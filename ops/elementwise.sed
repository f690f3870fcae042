# Makes ops/elementwise.h out of ops/elementwise.def: a macro that passes the caller's line, and the function beneath.
1i /* Made from elementwise.def by the build: one macro and one prototype per row. */\
#ifndef RG_ELEMENTWISE_H\
#define RG_ELEMENTWISE_H\
#include "engine/engine.h"\
#ifdef __cplusplus\
extern "C" {\
#endif
s|^UNARY\(_STEP\)* *( *\([a-z0-9_]*\), *"\([^"]*\)".*|#define rg_\2(x) rg_\2_at(RG_AT, x) /* \3 */\nrg_tensor *rg_\2_at(const char *at, rg_tensor *x);|p
s|^UNARYP *( *\([a-z0-9_]*\), *"\([^"]*\)".*|#define rg_\1(x, p) rg_\1_at(RG_AT, x, p) /* \2 */\nrg_tensor *rg_\1_at(const char *at, rg_tensor *x, double p);|p
s|^UNARYPQ *( *\([a-z0-9_]*\), *"\([^"]*\)".*|#define rg_\1(x, p, q) rg_\1_at(RG_AT, x, p, q) /* \2 */\nrg_tensor *rg_\1_at(const char *at, rg_tensor *x, double p, double q);|p
s|^BINARY\(_STEP\)* *( *\([a-z0-9_]*\), *"\([^"]*\)".*|#define rg_\2(a, b) rg_\2_at(RG_AT, a, b) /* \3 */\nrg_tensor *rg_\2_at(const char *at, rg_tensor *a, rg_tensor *b);|p
$a #ifdef __cplusplus\
}\
#endif\
#endif
