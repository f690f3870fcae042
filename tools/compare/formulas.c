/* formulas.c - what the derivation says about each quantity, and the numbers it is made of.

   A formula is plain text that can be typeset too: Z2 is Z with index 2, A' is A transposed, * between matrices is elementwise,
   x[i] is x with a lower index i, 1/n a fraction, sum_i a sum over i.                                                       */
#include "compare.h"

#include <stdlib.h>
#include <string.h>

static void write_forward(const net *n, double l2, const char *name, char to[TEXT]) {
    const int l = atoi(name + 1), k = n->layers;
    char below[8];
    snprintf(below, sizeof below, l == 1 ? "X" : "A%d", l - 1);
    if (name[0] == 'Z') snprintf(to, TEXT, "%s W%d + b%d", below, l, l);
    else if (name[0] == 'A' && n->sigmoid) snprintf(to, TEXT, "1 / (1 + e^-Z%d)", l);
    else if (name[0] == 'A') snprintf(to, TEXT, l < k ? "max(Z%d, 0)" : "softmax(Z%d)", l);
    else if (n->sigmoid) snprintf(to, TEXT, "1/2 sum_i (A2[i] - Y[i])^2");
    else snprintf(to, TEXT, "-1/n sum_i log A%d[i,y_i]%s", k, l2 > 0 ? " + lambda sum_l ||W_l||^2" : "");
}

void formula_of(const net *n, double l2, const char *name, char to[TEXT]) {
    if (name[0] != 'd') {
        write_forward(n, l2, name, to);
        return;
    }
    const int l = atoi(name + 2), k = n->layers;
    char below[8];
    snprintf(below, sizeof below, l == 1 ? "X" : "A%d", l - 1);
    switch (name[1]) {
    case 'W': snprintf(to, TEXT, "%s' dZ%d", below, l); break;
    case 'b': snprintf(to, TEXT, "sum_i dZ%d[i]", l); break;
    case 'A': snprintf(to, TEXT, l == k ? "A%d - Y" : "dZ%d W%d'", l == k ? l : l + 1, l + 1); break;
    case 'Z':
        if (n->sigmoid) snprintf(to, TEXT, "dA%d * A%d * (1 - A%d)", l, l, l);
        else if (l == k) snprintf(to, TEXT, "1/n (A%d - Y)", l);
        else snprintf(to, TEXT, "dA%d * (Z%d > 0)", l, l);
        break;
    }
    if (name[1] == 'W' && l2 > 0) snprintf(to + strlen(to), TEXT - strlen(to), " + 2 lambda W%d", l);
}

const char *reason_of(const net *n, const char *name) {
    const bool last = atoi(name + 1 + (name[0] == 'd')) == n->layers;
    if (strcmp(name, "loss") == 0)
        return n->sigmoid ? "Half the sum of squares, so that the 2 of the square cancels in its derivative. What is printed in training "
                            "is the mean."
                          : "The mean of minus the logarithm of what the network gives to the right class.";
    if (name[0] == 'Z') return "A linear layer: every sample is a row, every unit a column; the bias goes into each row.";
    if (name[0] == 'A' && !n->sigmoid && last) return "Powers of e, divided by their sum in each row, so that a row adds up to 1.";
    if (name[0] == 'A')
        return n->sigmoid ? "Squashed to between 0 and 1, element by element." : "What is negative is cut off, element by element.";
    switch (name[1]) {
    case 'W': return "Each weight is used once per sample: its gradient is the sum over the samples of what came in times what comes back.";
    case 'b': return "The bias went into the row of every sample, so its gradient is the sum of all rows.";
    case 'A': return last ? "The derivative of half a square is what was squared." : "What comes back at each unit above, weighted by the "
        "weight on the way there.";
    default:
        if (n->sigmoid) return "The upstream gradient times the local slope: s' = s (1 - s), from the output of the sigmoid.";
        return last ? "Softmax and logarithm at once: the probability of the softmax and its reciprocal in the logarithm's slope cancel."
                    : "The upstream gradient where the unit was on; nothing where max(Z, 0) cut it off. At 0 the slope is 0 by convention.";
    }
}

/* -------- single numbers, of a network small enough to tell them */

static double at(const comparison *c, const char *kind, int l, int64_t i, int64_t j) {
    char name[16];
    snprintf(name, sizeof name, "%s%d", kind, l);
    const array *a = arrays_find(&c->tape, strcmp(name, "A0") == 0 ? "X" : name);
    return a && i < a->rows && j < a->cols ? a->v[i * a->cols + j] : 0;
}

int terms_of(const comparison *c, const array *q, int64_t i, int64_t j, term to[8]) {
    const char *name = q->name;
    const int l = name[0] == 'd' ? atoi(name + 2) : 0;
    int n = 0;
    if (!l || !c->net->sigmoid || c->n > 8) return 0;
    const array *x = arrays_find(&c->tape, "X");
    if (name[1] == 'A' && l == c->net->layers) return 0; /* a difference, not a product */
    if (name[1] == 'A') {
        for (int64_t m = 0; m < c->net->size[l + 1]; m++, n++) {
            to[n] = (term){.upstream = at(c, "dZ", l + 1, i, m), .local = at(c, "W", l + 1, j, m)};
            snprintf(to[n].name, sizeof to[n].name, "unit %lld", (long long)m + 1);
        }
    } else if (name[1] == 'Z') {
        const double a = at(c, "A", l, i, j);
        to[n++] = (term){.upstream = at(c, "dA", l, i, j), .local = a * (1 - a)};
    } else {
        for (int64_t m = 0; m < c->n; m++, n++) {
            to[n] = (term){.upstream = at(c, "dZ", l, m, j), .local = name[1] == 'b' ? 1 : at(c, "A", l - 1, m, i),
                .alone = name[1] == 'b'};
            snprintf(to[n].name, sizeof to[n].name, "%g xor %g", x->v[2 * m], x->v[2 * m + 1]);
        }
    }
    return n;
}
