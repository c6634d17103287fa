#include "CMarlise.h"

#include "vectors.h"

/* Plain multiplications and additions: all clones agree to the bit. */
#pragma clang fp contract(off)

#define SQRT16(x) __builtin_elementwise_sqrt(x)

INLINE v16 gradient16(const float *g, const float *g2, size_t i, const marlise_adam_settings *s) {
  v16 x = load16(g + i);
  if (g2) x += load16(g2 + i);
  x *= splat16(s->scale);
  return max16(min16(x, splat16(s->limit)), splat16(-s->limit));
}

INLINE v16 follow16(v16 target, v16 p, float tau) { return p * splat16(tau) + target * splat16(1 - tau); }

INLINE float adam(float *restrict p, const float *restrict g, const float *restrict g2, float *restrict m,
                  float *restrict v, float *restrict vmax, float *restrict target, size_t count,
                  const marlise_adam_settings *s) {
  v16 b1 = splat16(s->beta1), c1 = splat16(s->rest1), b2 = splat16(s->beta2), c2 = splat16(s->rest2);
  v16 wrong = splat16(0);
  for (size_t i = 0; i < count; i += 16) {
    v16 x = gradient16(g, g2, i, s);
    v16 mean = b1 * load16(m + i) + c1 * x;
    v16 square = b2 * load16(v + i) + c2 * x * x;
    store16(m + i, mean);
    store16(v + i, square);
    if (vmax) {
      square = max16(load16(vmax + i), square);
      store16(vmax + i, square);
    }
    v16 step = splat16(s->rate) * mean / (SQRT16(square) * splat16(s->correction2) + splat16(s->epsilon));
    v16 q = load16(p + i) * splat16(s->decay) - step;
    store16(p + i, q);
    if (target) store16(target + i, follow16(load16(target + i), q, s->tau));
    wrong += q - q; /* NaN for an infinity or a NaN */
  }
  return sum16(wrong);
}

CLONES float marlise_adam(float *p, const float *g, const float *g2, float *m, float *v, float *vmax, float *target,
                          size_t count, const marlise_adam_settings *s) {
  if (g2) {
    if (vmax) return target ? adam(p, g, g2, m, v, vmax, target, count, s) : adam(p, g, g2, m, v, vmax, NULL, count, s);
    return target ? adam(p, g, g2, m, v, NULL, target, count, s) : adam(p, g, g2, m, v, NULL, NULL, count, s);
  }
  if (vmax) return target ? adam(p, g, NULL, m, v, vmax, target, count, s) : adam(p, g, NULL, m, v, vmax, NULL, count, s);
  return target ? adam(p, g, NULL, m, v, NULL, target, count, s) : adam(p, g, NULL, m, v, NULL, NULL, count, s);
}

CLONES float marlise_sgd(float *p, const float *g, const float *g2, float *velocity, float momentum, float *target,
                         size_t count, const marlise_adam_settings *s) {
  v16 wrong = splat16(0);
  for (size_t i = 0; i < count; i += 16) {
    v16 x = gradient16(g, g2, i, s);
    if (velocity) {
      x += splat16(momentum) * load16(velocity + i);
      store16(velocity + i, x);
    }
    v16 q = load16(p + i) * splat16(s->decay) - splat16(s->rate) * x;
    store16(p + i, q);
    if (target) store16(target + i, follow16(load16(target + i), q, s->tau));
    wrong += q - q;
  }
  return sum16(wrong);
}

CLONES double marlise_sum_of_squares(const float *g, const float *g2, size_t count) {
  double lanes[16] = {0}, sum = 0;
  for (size_t i = 0; i < count; i += 16)
    for (int j = 0; j < 16; j++) {
      double x = g2 ? (double)g[i + j] + (double)g2[i + j] : (double)g[i + j];
      lanes[j] += x * x;
    }
  for (int j = 0; j < 16; j++) sum += lanes[j];
  return sum;
}
