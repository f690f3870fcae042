/* rule.h - for operator sources: what they include. An op that a rule calls without `at` is called on behalf of the result y, so
   that messages name the user's line. */
#ifndef RG_RULE_H
#define RG_RULE_H

#include "engine/op.h"
#include "ops/ops.h"

#undef RG_AT
#define RG_AT (y->at)
#endif
