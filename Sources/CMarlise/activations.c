#include "CMarlise.h"

#include <math.h>

#include "vectors.h"

#pragma clang fp contract(off)

/* Rational approximation x * P(x^2) / Q(x^2) of degree 13/6 on [-7.9, 7.9], where tanh is 1 to a float's precision
 * (the coefficients are those published with Eigen). */
INLINE v16 tanh16(v16 x) {
  v16 limit = splat16(7.90531110763549805f);
  v16 c = max16(min16(x, limit), -limit), s = c * c;
  v16 p = splat16(-2.76076847742355e-16f);
  p = p * s + splat16(2.00018790482477e-13f);
  p = p * s + splat16(-8.60467152213735e-11f);
  p = p * s + splat16(5.12229709037114e-08f);
  p = p * s + splat16(1.48572235717979e-05f);
  p = p * s + splat16(6.37261928875436e-04f);
  p = p * s + splat16(4.89352455891786e-03f);
  v16 q = splat16(1.19825839466702e-06f);
  q = q * s + splat16(1.18534705686654e-04f);
  q = q * s + splat16(2.26843463243900e-03f);
  q = q * s + splat16(4.89352518554385e-03f);
  return c * p / q;
}

INLINE v16 sigmoid16(v16 x) { return tanh16(x * 0.5f) * 0.5f + 0.5f; }

CLONES void marlise_tanh(const float *x, float *y, size_t count) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) store16(y + i, tanh16(load16(x + i)));
  for (; i < count; i++) y[i] = tanh16(splat16(x[i]))[0];
}

CLONES void marlise_sigmoid(const float *x, float *y, size_t count) {
  size_t i = 0;
  for (; i + 16 <= count; i += 16) store16(y + i, sigmoid16(load16(x + i)));
  for (; i < count; i++) y[i] = sigmoid16(splat16(x[i]))[0];
}

static void softmax(float *y, size_t columns) {
  float largest = y[0], sum = 0;
  for (size_t i = 1; i < columns; i++) largest = y[i] > largest ? y[i] : largest;
  for (size_t i = 0; i < columns; i++) sum += y[i] = expf(y[i] - largest);
  for (size_t i = 0; i < columns; i++) y[i] /= sum;
}

void marlise_activate(int activation, float *y, size_t rows, size_t columns, size_t stride) {
  if (activation == MARLISE_IDENTITY) return;
  if (stride == columns && activation != MARLISE_SOFTMAX) columns *= rows, stride = columns, rows = 1;
  for (size_t r = 0; r < rows; r++, y += stride) switch (activation) {
      case MARLISE_RELU:
        for (size_t i = 0; i < columns; i++) y[i] = y[i] < 0 ? 0 : y[i];
        break;
      case MARLISE_TANH: marlise_tanh(y, y, columns); break;
      case MARLISE_SIGMOID: marlise_sigmoid(y, y, columns); break;
      case MARLISE_SOFTMAX: softmax(y, columns); break;
    }
}

INLINE v16 activate16(int activation, v16 x) {
  switch (activation) {
    case MARLISE_RELU: return max16(x, splat16(0));
    case MARLISE_TANH: return tanh16(x);
    case MARLISE_SIGMOID: return sigmoid16(x);
    default: return x;
  }
}

INLINE void bias_activate(int activation, const float *bias, float *y, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++, y += columns) {
    size_t i = 0;
    for (; i + 16 <= columns; i += 16) store16(y + i, activate16(activation, load16(y + i) + load16(bias + i)));
    for (; i < columns; i++) y[i] = activate16(activation, splat16(y[i] + bias[i]))[0];
  }
}

CLONES void marlise_bias_activate(int activation, const float *bias, float *y, size_t rows, size_t columns) {
  switch (activation) {
    case MARLISE_RELU: bias_activate(MARLISE_RELU, bias, y, rows, columns); break;
    case MARLISE_TANH: bias_activate(MARLISE_TANH, bias, y, rows, columns); break;
    case MARLISE_SIGMOID: bias_activate(MARLISE_SIGMOID, bias, y, rows, columns); break;
    case MARLISE_SOFTMAX:
      bias_activate(MARLISE_IDENTITY, bias, y, rows, columns);
      for (size_t r = 0; r < rows; r++) softmax(y + r * columns, columns);
      break;
    default: bias_activate(MARLISE_IDENTITY, bias, y, rows, columns);
  }
}

INLINE v16 slope16(int activation, v16 y, v16 d) {
  switch (activation) {
    case MARLISE_RELU: return (v16)((i16)d & (y > 0));
    case MARLISE_TANH: return d * (1 - y * y);
    case MARLISE_SIGMOID: return d * (y * (1 - y));
    default: return d;
  }
}

INLINE float slope1(int activation, float y, float d) {
  switch (activation) {
    case MARLISE_RELU: return y > 0 ? d : 0;
    case MARLISE_TANH: return d * (1 - y * y);
    case MARLISE_SIGMOID: return d * (y * (1 - y));
    default: return d;
  }
}

/* One pass: the slope and the column sums together, so that d is read once. */
INLINE void backward(int activation, const float *y, float *d, size_t rows, size_t columns, float *sums,
                     int accumulate) {
  size_t c = 0;
  for (; c + 32 <= columns; c += 32) {
    v16 s0 = splat16(0), s1 = splat16(0);
    for (size_t r = 0; r < rows; r++) {
      float *p = d + r * columns + c;
      const float *q = y + r * columns + c;
      v16 x0 = slope16(activation, load16(q), load16(p)), x1 = slope16(activation, load16(q + 16), load16(p + 16));
      if (activation != MARLISE_IDENTITY) store16(p, x0), store16(p + 16, x1);
      s0 += x0, s1 += x1;
    }
    if (sums && accumulate) s0 += load16(sums + c), s1 += load16(sums + c + 16);
    if (sums) store16(sums + c, s0), store16(sums + c + 16, s1);
  }
  for (; c < columns; c++) {
    float s = 0;
    for (size_t r = 0; r < rows; r++) s += d[r * columns + c] = slope1(activation, y[r * columns + c], d[r * columns + c]);
    if (sums) sums[c] = accumulate ? sums[c] + s : s;
  }
}

CLONES void marlise_activation_backward(int activation, const float *y, float *d, size_t rows, size_t columns,
                                        float *bias_gradient, int accumulate) {
  switch (activation) {
    case MARLISE_RELU: backward(MARLISE_RELU, y, d, rows, columns, bias_gradient, accumulate); break;
    case MARLISE_TANH: backward(MARLISE_TANH, y, d, rows, columns, bias_gradient, accumulate); break;
    case MARLISE_SIGMOID: backward(MARLISE_SIGMOID, y, d, rows, columns, bias_gradient, accumulate); break;
    case MARLISE_SOFTMAX:
      for (size_t r = 0; r < rows; r++) {
        const float *q = y + r * columns;
        float *p = d + r * columns, dot = 0;
        for (size_t i = 0; i < columns; i++) dot += p[i] * q[i];
        for (size_t i = 0; i < columns; i++) p[i] = q[i] * (p[i] - dot);
      }
      backward(MARLISE_IDENTITY, y, d, rows, columns, bias_gradient, accumulate);
      break;
    default: backward(MARLISE_IDENTITY, y, d, rows, columns, bias_gradient, accumulate);
  }
}
