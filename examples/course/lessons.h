/* lessons.h - programs made of short lessons: each prints a few lines of numbers, and what it claims about them is checked.
 *
 *     static void zero(void) {
         lesson_say("log 0 = %g", log(0));
         lesson_claim(isinf(log(0)), "a probability of 0 costs an infinite loss");
     }
 *     static const lesson table[] = {{"zero", "the logarithm of nothing", zero}, {0}};
 *     int main(int argc, char **argv) { return lessons_run("Shows that zero is special.", table, argc, argv); }
 */
#ifndef RETROGRAD_SUPPORT_LESSONS_H
#define RETROGRAD_SUPPORT_LESSONS_H

#include <stdbool.h>

typedef struct lesson {
    const char *name, *title;
    void (*show)(void);
} lesson;

/* Runs the lessons named on the command line, all of them where there are none. Returns the exit status: 0; 1 where a claim was
 * false; 2 after one line on stderr for an unknown name. --help lists them. */
int lessons_run(const char *summary, const lesson *table, int argc, char *const *argv);

__attribute__((format(printf, 1, 2))) void lesson_say(const char *format, ...);               /* one indented line */
__attribute__((format(printf, 2, 3))) void lesson_claim(bool holds, const char *format, ...); /* one line, marked if it is not true */

#endif
