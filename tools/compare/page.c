#include "compare.h"
int page_save(const comparison *c, const char *path) { (void)c; (void)path; return -1; }
