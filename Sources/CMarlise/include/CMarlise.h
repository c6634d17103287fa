/* Our own C: kernels that Swift cannot vectorise (strict float order, no target_clones). */
#ifndef CMARLISE_H
#define CMARLISE_H

#include <stddef.h>
#include <stdint.h>

/* y[i] = tanh(x[i]); max abs error 3e-7. x and y may be the same. */
void marlise_tanh(const float *x, float *y, size_t count);

#endif
