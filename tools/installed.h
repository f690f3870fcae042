/* retrograd.h - a miniature autograd tensor engine: what programs include. */
#include "retrograd/retrograd.h"
