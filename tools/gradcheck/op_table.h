/* op_table.h - the table of all operators that ops/README.md holds. */
#ifndef RETROGRAD_TOOLS_OP_TABLE_H
#define RETROGRAD_TOOLS_OP_TABLE_H

#include <stdio.h>

void op_table(FILE *to); /* Markdown, from the registry alone: the same text from every build */

#endif
