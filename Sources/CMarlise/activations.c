#include "CMarlise.h"

#include <math.h>

void marlise_tanh(const float *x, float *y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = tanhf(x[i]);
}
