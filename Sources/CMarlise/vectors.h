/* Sixteen floats at a time. On AVX-512 one register, on AVX2 two, elsewhere four; the arithmetic is the same. */
#ifndef MARLISE_VECTORS_H
#define MARLISE_VECTORS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The helpers below take and return vectors, which has no fixed calling convention; they are always inlined. */
#pragma clang diagnostic ignored "-Wpsabi"

#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4"), min_vector_width(512)))
#define INLINE static inline __attribute__((always_inline))

typedef float v16 __attribute__((vector_size(64)));
typedef int32_t i16 __attribute__((vector_size(64)));

INLINE v16 load16(const float *p) { v16 x; memcpy(&x, p, sizeof x); return x; }
INLINE void store16(float *p, v16 x) { memcpy(p, &x, sizeof x); }
INLINE v16 splat16(float x) { return (v16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
/* a is kept where it is not a number. */
INLINE v16 min16(v16 a, v16 b) { i16 m = a > b; return (v16)(((i16)b & m) | ((i16)a & ~m)); }
INLINE v16 max16(v16 a, v16 b) { i16 m = a < b; return (v16)(((i16)b & m) | ((i16)a & ~m)); }
/* The lanes' sum by halving. */
INLINE float sum16(v16 x) {
  float t[16];
  store16(t, x);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) t[i] += t[i + width];
  return t[0];
}

#endif
