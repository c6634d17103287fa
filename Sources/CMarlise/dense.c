/* Matrix products for small dense layers. Each output is one chain of fused multiply-adds over the inputs in order (a
 * thin layer: sixteen chains and a fixed tree), so a row's result does not depend on the rows computed beside it. */
#include "CMarlise.h"

#include <math.h>

#include "vectors.h"

#define FMA16(a, b, c) __builtin_elementwise_fma(a, b, c)

/* Keeps a pointer in a register of its own, where the compiler would add up strides in every turn of the loop instead. */
#define KEEP(pointer) __asm__("" : "+r"(pointer))

/* `height` x (`width` * 16) outputs in registers. a(m, k) = a[m * ar + k * ak]. */
#define TILE(height, width)                                                                                     \
  INLINE void tile_##height##x##width(const float *a, size_t ar, size_t ak, const float *b, size_t bs, float *c, \
                                      size_t cs, size_t depth, const float *bias, int relu, int accumulate) {   \
    v16 s[height][width];                                                                                       \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < height; i++)                                         \
        _Pragma("clang loop unroll(full)") for (int j = 0; j < width; j++)                                      \
            s[i][j] = bias ? load16(bias + 16 * j) : accumulate ? load16(c + i * cs + 16 * j) : splat16(0);     \
    const float *r[height];                                                                                     \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < height; i++) {                                       \
      r[i] = a + i * ar;                                                                                        \
      if (ak == 1) KEEP(r[i]);                                                                                  \
    }                                                                                                           \
    for (size_t k = 0; k < depth; k++) {                                                                        \
      v16 y[width];                                                                                             \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < width; j++) y[j] = load16(b + k * bs + 16 * j);    \
      _Pragma("clang loop unroll(full)") for (int i = 0; i < height; i++) {                                     \
        v16 x = splat16(r[i][k * ak]);                                                                          \
        _Pragma("clang loop unroll(full)") for (int j = 0; j < width; j++) s[i][j] = FMA16(x, y[j], s[i][j]);   \
      }                                                                                                         \
    }                                                                                                           \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < height; i++)                                         \
        _Pragma("clang loop unroll(full)") for (int j = 0; j < width; j++)                                      \
            store16(c + i * cs + 16 * j, relu ? max16(s[i][j], splat16(0)) : s[i][j]);                          \
  }

TILE(8, 2)
TILE(4, 2)
TILE(1, 2)
TILE(6, 1)
TILE(5, 1)
TILE(4, 1)
TILE(3, 1)
TILE(2, 1)
TILE(1, 1)

/* One row, `width` * 16 outputs. `some` lists the inputs to take; NULL for the first `depth`. */
#define ROW(width)                                                                                               \
  INLINE void row_##width(const float *x, const int32_t *some, const float *w, size_t ws, float *y, size_t depth, \
                          const float *bias, int relu) {                                                         \
    v16 s[width];                                                                                                \
    _Pragma("clang loop unroll(full)") for (int j = 0; j < width; j++) s[j] = load16(bias + 16 * j);             \
    _Pragma("clang loop unroll_count(4)") for (size_t i = 0; i < depth; i++) {                                   \
      size_t k = some ? (size_t)some[i] : i;                                                                     \
      v16 e = splat16(x[k]);                                                                                     \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < width; j++)                                         \
          s[j] = FMA16(e, load16(w + k * ws + 16 * j), s[j]);                                                    \
    }                                                                                                            \
    _Pragma("clang loop unroll(full)") for (int j = 0; j < width; j++)                                           \
        store16(y + 16 * j, relu ? max16(s[j], splat16(0)) : s[j]);                                              \
  }

ROW(4)
ROW(1)

/* Which tile fills the registers: AVX-512 has 32 of sixteen floats (8 x 2 of them hold sums), AVX2 has 16 of eight
 * (6 x 1 pairs). The tile does not change a single bit of the result. */
enum { NARROW, WIDE };

INLINE void product_strided(const float *a, size_t ar, size_t ak, const float *b, size_t bs, float *c, size_t cs, size_t m,
                    size_t n, size_t depth, const float *bias, int relu, int accumulate, int tiles) {
  size_t j = 0;
  for (; tiles == WIDE && j + 32 <= n; j += 32) {
    const float *q = b + j, *o = bias ? bias + j : NULL;
    size_t i = 0;
    for (; i + 8 <= m; i += 8) tile_8x2(a + i * ar, ar, ak, q, bs, c + i * cs + j, cs, depth, o, relu, accumulate);
    for (; i + 4 <= m; i += 4) tile_4x2(a + i * ar, ar, ak, q, bs, c + i * cs + j, cs, depth, o, relu, accumulate);
    for (; i < m; i++) tile_1x2(a + i * ar, ar, ak, q, bs, c + i * cs + j, cs, depth, o, relu, accumulate);
  }
#define ROWS(count) \
  tile_##count##x1(a + i * ar, ar, ak, q, bs, c + i * cs + j, cs, depth, o, relu, accumulate), i += count
  for (; j + 16 <= n; j += 16) {
    const float *q = b + j, *o = bias ? bias + j : NULL;
    size_t i = 0;
    while (m - i >= 9 || m - i == 6) ROWS(6);
    if (m - i >= 7) ROWS(4); /* 7 and 8 rows as 4 + 3 and 4 + 4: one or two rows alone would wait for themselves */
    switch (m - i) {
      case 5: ROWS(5); break;
      case 4: ROWS(4); break;
      case 3: ROWS(3); break;
      case 2: ROWS(2); break;
      case 1: ROWS(1); break;
    }
  }
#undef ROWS
  for (; j < n; j++)
    for (size_t i = 0; i < m; i++) {
      float s = bias ? bias[j] : accumulate ? c[i * cs + j] : 0;
      for (size_t k = 0; k < depth; k++) s = __builtin_fmaf(a[i * ar + k * ak], b[k * bs + j], s);
      c[i * cs + j] = relu && s < 0 ? 0 : s;
    }
}

/* Either rows or columns of `a` follow each other closely; knowing which saves address arithmetic in the inner loop. */
INLINE void product(const float *a, size_t ar, size_t ak, const float *b, size_t bs, float *c, size_t cs, size_t m,
                    size_t n, size_t depth, const float *bias, int relu, int accumulate, int tiles) {
  if (ak == 1)
    product_strided(a, ar, 1, b, bs, c, cs, m, n, depth, bias, relu, accumulate, tiles);
  else if (ar == 1)
    product_strided(a, 1, ak, b, bs, c, cs, m, n, depth, bias, relu, accumulate, tiles);
  else
    product_strided(a, ar, ak, b, bs, c, cs, m, n, depth, bias, relu, accumulate, tiles);
}

#ifdef __x86_64__
/* target_clones cannot give each clone its own tile, so these few are written out and chosen here. */
#define V3 __attribute__((target("arch=x86-64-v3")))
#define V4 __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))

enum { BASE, AVX2, AVX512 };

static int level(void) {
  static int known = -1; /* every thread finds the same value */
  int l = __atomic_load_n(&known, __ATOMIC_RELAXED);
  if (l < 0) {
    __builtin_cpu_init();
    l = __builtin_cpu_supports("x86-64-v4") ? AVX512 : __builtin_cpu_supports("x86-64-v3") ? AVX2 : BASE;
    __atomic_store_n(&known, l, __ATOMIC_RELAXED);
  }
  return l;
}

const char *marlise_vectors(void) {
  switch (level()) {
    case AVX512: return "AVX-512";
    case AVX2: return "AVX2";
    default: return "x86-64";
  }
}
#else
const char *marlise_vectors(void) { return "NEON"; }
#endif

#define PRODUCT_ARGUMENTS                                                                                       \
  const float *a, size_t a_row, size_t a_column, const float *b, size_t b_stride, float *c, size_t c_stride, size_t m, \
      size_t n, size_t k, int accumulate
#define PRODUCT_BODY(tiles) product(a, a_row, a_column, b, b_stride, c, c_stride, m, n, k, NULL, 0, accumulate, tiles)

#ifdef __x86_64__
V4 static void product_avx512(PRODUCT_ARGUMENTS) { PRODUCT_BODY(WIDE); }
V3 static void product_avx2(PRODUCT_ARGUMENTS) { PRODUCT_BODY(NARROW); }
static void product_base(PRODUCT_ARGUMENTS) { PRODUCT_BODY(NARROW); }

void marlise_product(PRODUCT_ARGUMENTS) {
  switch (level()) {
    case AVX512: product_avx512(a, a_row, a_column, b, b_stride, c, c_stride, m, n, k, accumulate); break;
    case AVX2: product_avx2(a, a_row, a_column, b, b_stride, c, c_stride, m, n, k, accumulate); break;
    default: product_base(a, a_row, a_column, b, b_stride, c, c_stride, m, n, k, accumulate);
  }
}
#else
void marlise_product(PRODUCT_ARGUMENTS) { PRODUCT_BODY(NARROW); }
#endif

INLINE float dot(const float *x, const float *w, size_t n) {
  v16 s = splat16(0);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) s = FMA16(load16(x + i), load16(w + i), s);
  float t = sum16(s);
  for (; i < n; i++) t = __builtin_fmaf(x[i], w[i], t);
  return t;
}

/* Four rows at a time keep the multipliers busy; each sum is formed as `dot` forms it. */
INLINE void thin(const float *x, size_t xs, const float *w, const float *bias, float *y, size_t rows, size_t inputs,
                 size_t outputs) {
  size_t r = 0;
  for (; r + 4 <= rows; r += 4)
    for (size_t o = 0; o < outputs; o++) {
      const float *p = x + r * xs, *q = w + o * inputs;
      v16 s[4] = {splat16(0), splat16(0), splat16(0), splat16(0)};
      size_t i = 0;
      for (; i + 16 <= inputs; i += 16) {
        v16 v = load16(q + i);
        for (int j = 0; j < 4; j++) s[j] = FMA16(load16(p + (size_t)j * xs + i), v, s[j]);
      }
      v4 folded[4], lane[4];
      for (int j = 0; j < 4; j++) folded[j] = fold16(s[j]);
      transpose4(folded, lane);
      v4 sum = (lane[0] + lane[2]) + (lane[1] + lane[3]);
      for (int j = 0; j < 4; j++) {
        float t = sum[j];
        for (size_t k = i; k < inputs; k++) t = __builtin_fmaf(p[(size_t)j * xs + k], q[k], t);
        y[(r + (size_t)j) * outputs + o] = bias[o] + t;
      }
    }
  for (; r < rows; r++)
    for (size_t o = 0; o < outputs; o++) y[r * outputs + o] = bias[o] + dot(x + r * xs, w + o * inputs, inputs);
}

INLINE void layer(const marlise_layer *l, const float *parameters, const float *x, size_t xs, size_t rows, float *y,
                  int tiles) {
  const float *w = parameters + l->weight, *b = parameters + l->bias;
  size_t n = (size_t)l->outputs, k = (size_t)l->inputs;
  int relu = l->activation == MARLISE_RELU;
  if (n < MARLISE_THIN) {
    thin(x, xs, w, b, y, rows, k, n);
    marlise_activate(l->activation, y, rows, n, n);
    return;
  }
  if (rows == 1 && n % 64 == 0)
    for (size_t j = 0; j < n; j += 64) row_4(x, NULL, w + j, n, y + j, k, b + j, relu);
  else
    product(x, xs, 1, w, n, y, n, rows, n, k, b, relu, 0, tiles);
  if (!relu) marlise_activate(l->activation, y, rows, n, n);
}

#define FORWARD_ARGUMENTS                                                                                  \
  const marlise_layer *layers, int count, const float *parameters, const float *x, size_t x_stride, size_t rows, \
      float *const *outputs

INLINE void forward(FORWARD_ARGUMENTS, int tiles) {
  for (int l = 0; l < count; l++) {
    layer(layers + l, parameters, x, x_stride, rows, outputs[l], tiles);
    x = outputs[l], x_stride = (size_t)layers[l].outputs;
  }
}

#ifdef __x86_64__
V4 static void forward_avx512(FORWARD_ARGUMENTS) {
  forward(layers, count, parameters, x, x_stride, rows, outputs, WIDE);
}
V3 static void forward_avx2(FORWARD_ARGUMENTS) {
  forward(layers, count, parameters, x, x_stride, rows, outputs, NARROW);
}
static void forward_base(FORWARD_ARGUMENTS) { forward(layers, count, parameters, x, x_stride, rows, outputs, NARROW); }

void marlise_forward(FORWARD_ARGUMENTS) {
  switch (level()) {
    case AVX512: forward_avx512(layers, count, parameters, x, x_stride, rows, outputs); break;
    case AVX2: forward_avx2(layers, count, parameters, x, x_stride, rows, outputs); break;
    default: forward_base(layers, count, parameters, x, x_stride, rows, outputs);
  }
}
#else
void marlise_forward(FORWARD_ARGUMENTS) { forward(layers, count, parameters, x, x_stride, rows, outputs, NARROW); }
#endif

/* Weights that are read once come from memory, and most of the time is spent on waiting for them. So none is read that is
 * multiplied by 0, which after a ReLU is every other one; and as soon as a layer's inputs are known its weights are sent for:
 * the processor by itself would not know which rows come next.
 *
 * Leaving out an input of 0 changes no bit of a sum that is not 0, for weights are finite. */

/* Whether a layer's weights are taken by rows, those of some inputs. */
INLINE int by_rows(const marlise_layer *l) { return l->outputs >= MARLISE_THIN && l->outputs % 16 == 0; }

/* At most so many floats of a layer are sent for: half of a small second-level cache. */
enum { SENT_FOR = (128 << 10) / sizeof(float) };

INLINE void send_for(const float *p, size_t count) {
  for (size_t i = 0; i < count; i += 16) __builtin_prefetch(p + i);
}

/* Lists the inputs of a layer that are not 0 and sends for their weights. Returns how many there are. */
INLINE size_t choose(const marlise_layer *l, const float *parameters, const float *x, int32_t *some) {
  const float *w = parameters + l->weight;
  size_t n = (size_t)l->outputs, k = (size_t)l->inputs, count = 0;
  send_for(parameters + l->bias, n);
  if (!by_rows(l)) {
    send_for(w, n * k < SENT_FOR ? n * k : SENT_FOR);
    return k;
  }
  for (size_t i = 0; i < k; i++) {
    some[count] = (int32_t)i;
    count += x[i] != 0;
  }
  for (size_t i = 0; i < count && i * n < SENT_FOR; i++) send_for(w + (size_t)some[i] * n, n);
  return count;
}

INLINE void layer_of_some(const marlise_layer *l, const float *parameters, const float *x, const int32_t *some,
                          size_t count, float *y) {
  if (!by_rows(l)) {
    layer(l, parameters, x, 0, 1, y, NARROW);
    return;
  }
  const float *w = parameters + l->weight, *b = parameters + l->bias;
  size_t n = (size_t)l->outputs, j = 0;
  int relu = l->activation == MARLISE_RELU;
  for (; j + 64 <= n; j += 64) row_4(x, some, w + j, n, y + j, count, b + j, relu);
  for (; j < n; j += 16) row_1(x, some, w + j, n, y + j, count, b + j, relu);
  if (!relu) marlise_activate(l->activation, y, 1, n, n);
}

CLONES void marlise_forward_each(const marlise_layer *layers, int count, const float *parameters,
                                 size_t parameter_stride, size_t networks, const float *x, size_t x_stride,
                                 float *scratch, int32_t *list, size_t width, float *y, size_t y_stride) {
  size_t chosen = networks ? choose(layers, parameters, x, list) : 0;
  for (; networks; networks--, y += y_stride) {
    const float *in = x;
    for (int l = 0; l < count; l++) {
      float *out = l == count - 1 ? y : scratch + (l & 1) * width;
      layer_of_some(layers + l, parameters, in, list, chosen, out);
      if (l + 1 < count) chosen = choose(layers + l + 1, parameters, out, list);
      in = out;
    }
    parameters += parameter_stride, x += x_stride;
    if (networks > 1) chosen = choose(layers, parameters, x, list);
  }
}

CLONES void marlise_transpose(const float *w, size_t rows, size_t columns, float *t) {
  size_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const float *p = w + r * columns;
    size_t c = 0;
    for (; c + 4 <= columns; c += 4, p += 4) {
      v4 from[4] = {load4(p), load4(p + columns), load4(p + 2 * columns), load4(p + 3 * columns)}, to[4];
      transpose4(from, to);
      for (size_t i = 0; i < 4; i++) store4(t + (c + i) * rows + r, to[i]);
    }
    for (; c < columns; c++)
      for (size_t i = 0; i < 4; i++) t[c * rows + r + i] = w[(r + i) * columns + c];
  }
  for (; r < rows; r++)
    for (size_t c = 0; c < columns; c++) t[c * rows + r] = w[r * columns + c];
}

CLONES void marlise_thin_input_gradient(const float *d, const float *w, float *dx, size_t dx_stride, size_t rows,
                                        size_t inputs, size_t outputs, size_t first, size_t columns, int accumulate) {
  for (size_t r = 0; r < rows; r++) {
    float *p = dx + r * dx_stride;
    const float *e = d + r * outputs;
    size_t i = 0;
    for (; i + 16 <= columns; i += 16) {
      v16 s = accumulate ? load16(p + i) : splat16(0);
      for (size_t o = 0; o < outputs; o++) s = FMA16(splat16(e[o]), load16(w + o * inputs + first + i), s);
      store16(p + i, s);
    }
    for (; i < columns; i++) {
      float s = accumulate ? p[i] : 0;
      for (size_t o = 0; o < outputs; o++) s = __builtin_fmaf(e[o], w[o * inputs + first + i], s);
      p[i] = s;
    }
  }
}

CLONES void marlise_thin_weight_gradient(const float *d, const float *x, size_t x_stride, float *dw, size_t rows,
                                         size_t inputs, size_t outputs, int accumulate) {
  for (size_t o = 0; o < outputs; o++) {
    float *p = dw + o * inputs;
    size_t i = 0;
    for (; i + 64 <= inputs; i += 64) {
      v16 s[4];
      for (int j = 0; j < 4; j++) s[j] = accumulate ? load16(p + i + 16 * j) : splat16(0);
      for (size_t r = 0; r < rows; r++) {
        v16 e = splat16(d[r * outputs + o]);
        for (int j = 0; j < 4; j++) s[j] = FMA16(e, load16(x + r * x_stride + i + 16 * j), s[j]);
      }
      for (int j = 0; j < 4; j++) store16(p + i + 16 * j, s[j]);
    }
    for (; i < inputs; i++) {
      float s = accumulate ? p[i] : 0;
      for (size_t r = 0; r < rows; r++) s = __builtin_fmaf(d[r * outputs + o], x[r * x_stride + i], s);
      p[i] = s;
    }
  }
}
