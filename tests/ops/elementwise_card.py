#!/usr/bin/env python3
"""elementwise_card.py TABLE - prints ops/elementwise.h as the table, ops/elementwise.def, has it; the test compares the two."""
import re
import sys

SECTIONS = [
    ("one operand", ["UNARY"]),
    ("one operand and numbers", ["UNARYP", "UNARYPQ"]),
    ("one operand, piecewise constant: no derivative", ["UNARY_STEP", "UNARY_TEST"]),
    ("two operands, each a tensor or a number", ["BINARY", "BINARY_I32", "BINARY_SAME"]),
    ("comparisons: 1 where it is true, else 0; u8 for integers; no derivative", ["BINARY_STEP", "BINARY_TEST"]),
]
INTEGERS = {"UNARY_TEST": "; u8 for integers", "BINARY_I32": "; i32 for integers", "BINARY_SAME": "; integers too"}
PARAMETERS = {"UNARY": "rg_tensor *x", "UNARYP": "rg_tensor *x, double p", "UNARYPQ": "rg_tensor *x, double p, double q",
              "BINARY": "rg_operand a, rg_operand b"}

with open(sys.argv[1], encoding="utf-8") as table:
    rows = [m.groups() for m in (re.match(r'(\w+?)\s*\(\s*(\w+),\s*"([^"]*)"', line) for line in table) if m]
print("""/* elementwise.h - the operators of elementwise.def, each with its formula; rg_add is in engine/core_ops.h. A test
   compares this header with the table. */
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
