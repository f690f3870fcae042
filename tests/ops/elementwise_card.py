#!/usr/bin/env python3
"""elementwise_card.py TABLE - prints ops/elementwise.h as the table, ops/elementwise.def, has it; the test compares the two."""
import re
import sys

SECTIONS = [
    ("one operand: activations and functions of a number", ["UNARY"]),
    ("one operand and numbers", ["UNARYP", "UNARYPQ"]),
    ("rounding, sign and tests of one operand: no derivative", ["UNARY_STEP", "UNARY_TEST"]),
    ("arithmetic: two operands, each a tensor or a number", ["BINARY", "BINARY_I32", "BINARY_SAME"]),
    ("comparisons and logic: 1 where it is true, else 0; u8 for integers; no derivative", ["BINARY_STEP", "BINARY_TEST"]),
]
INTEGERS = {"UNARY_TEST": "; u8 for integers", "BINARY_I32": "; i32 for integers", "BINARY_SAME": "; integers too"}
PARAMETERS = {"UNARY": "rg_tensor *x", "UNARYP": "rg_tensor *x, double p", "UNARYPQ": "rg_tensor *x, double p, double q",
              "BINARY": "rg_operand a, rg_operand b"}

with open(sys.argv[1], encoding="utf-8") as table:
    rows = [m.groups() for m in (re.match(r'(\w+?)\s*\(\s*(\w+),\s*"([^"]*)"', line) for line in table) if m]
print("""/* elementwise.h - elementwise functions, each with its formula: activations, powers, trigonometry, arithmetic,
   comparisons. rg_add is in engine/core_ops.h.

   Operands are floats unless the comment says what integers, i32 and u8, give. Two operands broadcast as in NumPy. */
#ifndef RG_ELEMENTWISE_H
#define RG_ELEMENTWISE_H

#include "../engine/engine.h"

#ifdef __cplusplus
extern "C" {
#endif""")
for title, kinds in SECTIONS:
    print(f"\n/* -------- {title} */")
    these = [(f"rg_tensor *rg_{name}({PARAMETERS[kind.split('_')[0]]});", formula + INTEGERS.get(kind, ""))
             for kind, name, formula in rows if kind in kinds]
    width = max(len(prototype) for prototype, _ in these)
    for prototype, formula in these:
        print(f"{prototype:<{width}} /* {formula} */")
print("""
#ifdef __cplusplus
}
#endif

#include "elementwise_calls.h"
#endif""")
