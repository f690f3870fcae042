/* text.h - a text as numbers, one per character, and windows of it as batches: of a file, or of sums of two numbers below 100. */
#ifndef RETROGRAD_SUPPORT_TEXT_H
#define RETROGRAD_SUPPORT_TEXT_H

#include <retrograd.h>

/* A sum is a line "12+34=46", filled up with \n to SUM_LINE characters. Every sum occurs once; SUM_HELD_OUT of them are held out. */
enum { SUM_LINE = 10, SUM_COUNT = 10000, SUM_HELD_OUT = 1000, TEXT_IGNORED = -100, TEXT_LENGTH = 2048 };

typedef struct text {
    int32_t *code;             /* [count] which character is there */
    int64_t count, train;      /* characters; the first of them, to train on. The rest is held out: a tenth */
    int classes;               /* how many different characters there are */
    unsigned char letter[256]; /* [classes] of a code */
    int32_t code_of[256];      /* of a character; -1: it does not occur */
    bool sums;
    int context, most;         /* characters of a window; windows of a batch, at most */
    int64_t windows;           /* held out, one after another, SUM_HELD_OUT at most */
    int32_t *from, *to;        /* [most, context] room for a batch */
} text;

/* The bytes of a file, or with path NULL all sums, shuffled, with a window to a sum, whatever `context`. Returns 0, or -1 after one line on
   stderr. */
int text_make(text *x, const char *path, int context, int most, rg_rng *rng);
void text_free(text *x);

/* in, out [rows, context]: windows, and the character after each one. For sums only the answer counts, up to its first \n; the rest is
 * TEXT_IGNORED. rng: random windows to train on; NULL: windows `first`, first + 1 .. of what is held out. */
void text_batch(rg_tape *t, text *x, rg_rng *rng, int64_t first, int rows, rg_tensor **in, rg_tensor **out);
/* Adds to count[0] the characters that logits [rows, context, classes] predict rightly, to count[1] all; of sums, whole answers. */
void text_right(const text *x, rg_tensor *logits, rg_tensor *out, int64_t count[2]);
/* Prints the prompt, or, prompt NULL, sum k of those held out up to its "=", and `length` characters more, each drawn from softmax(logits /
 * temperature) of what went before; of a sum to its first line end. net: [1, n] -> [1, n, classes]; it is in evaluation afterwards. At most
 * TEXT_LENGTH characters each. Returns 0, or -1 after an error on the tape or one line on stderr. */
int text_print(rg_tape *t, const text *x, rg_nn *net, const char *prompt, int64_t k, int length, double temperature);

#endif
