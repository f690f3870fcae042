/* columns.h - the network of mlp.h once more, derived with samples as columns, as mathematics likes it: every matrix is the
   transpose of what it is with samples as rows, every product has its factors exchanged, since (A B)' = B' A'.

       samples as rows (mlp.c)                          samples as columns (columns.c)
       X [n, d0]     Wl [d(l-1), dl]   Zl [n, dl]       X [d0, n]     Wl [dl, d(l-1)]   Zl [dl, n]
       Zl      = A(l-1) Wl + bl                         Zl      = Wl A(l-1) + bl
       dWl     = A(l-1)' dZl                            dWl     = dZl A(l-1)'
       dA(l-1) = dZl Wl'                                dA(l-1) = Wl' dZl
       dbl     = sum of rows of dZl                     dbl     = sum of columns of dZl = dZl 1                           */
#ifndef MANUAL_COLUMNS_H
#define MANUAL_COLUMNS_H

#include "mlp.h"

#define columns_step BY_HAND(columns_step)
#define columns_differ BY_HAND(columns_differ)

/* Takes the parameters and the batch of `rows`, transposed, and computes loss and gradients. The result is an mlp whose arrays are
   all transposed, [dl, n] for [n, dl] and [dl, d(l-1)] for [d(l-1), dl]; for mlp_free. NULL when there is no memory. */
mlp *columns_step(const mlp *rows);
/* The largest ||columns' - rows|| / ||rows|| of any quantity: 0 when they are transposes of each other to the bit; `worst`: which. */
double columns_differ(const mlp *rows, const mlp *columns, const char **worst);

#endif
