/* Sixteen floats at a time. On AVX-512 one register, on AVX2 two, elsewhere four; the arithmetic is the same. */
#ifndef MARLISE_VECTORS_H
#define MARLISE_VECTORS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The helpers below take and return vectors, which has no fixed calling convention; they are always inlined. */
#pragma clang diagnostic ignored "-Wpsabi"

/* The choice between clones is made while the program is being linked, before a sanitizer can follow. 64-bit ARM has
 * one kind of vectors, and fused multiply-adds in all of them. */
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer) || !defined(__x86_64__)
#define CLONES
#else
#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4"), min_vector_width(512)))
#endif
#define INLINE static inline __attribute__((always_inline))

typedef float v16 __attribute__((vector_size(64)));
typedef int32_t i16 __attribute__((vector_size(64)));

INLINE v16 load16(const float *p) { v16 x; memcpy(&x, p, sizeof x); return x; }
INLINE void store16(float *p, v16 x) { memcpy(p, &x, sizeof x); }
INLINE v16 splat16(float x) { return (v16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
/* a is kept where it is not a number. */
INLINE v16 min16(v16 a, v16 b) { i16 m = a > b; return (v16)(((i16)b & m) | ((i16)a & ~m)); }
INLINE v16 max16(v16 a, v16 b) { i16 m = a < b; return (v16)(((i16)b & m) | ((i16)a & ~m)); }
typedef float v8 __attribute__((vector_size(32)));
typedef float v4 __attribute__((vector_size(16)));

INLINE v4 load4(const float *p) { v4 x; memcpy(&x, p, sizeof x); return x; }
INLINE void store4(float *p, v4 x) { memcpy(p, &x, sizeof x); }

/* The lanes' sum by halving: lane i takes in lane i + 8, then i + 4, i + 2, i + 1. */
INLINE v4 fold16(v16 x) {
  v8 a = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
         __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
  return __builtin_shufflevector(a, a, 0, 1, 2, 3) + __builtin_shufflevector(a, a, 4, 5, 6, 7);
}
INLINE float sum16(v16 x) {
  v4 b = fold16(x), c = b + __builtin_shufflevector(b, b, 2, 3, 2, 3);
  return c[0] + c[1];
}
/* t[i][j] = s[j][i] */
INLINE void transpose4(const v4 s[4], v4 t[4]) {
  v4 a = __builtin_shufflevector(s[0], s[1], 0, 4, 1, 5), b = __builtin_shufflevector(s[0], s[1], 2, 6, 3, 7);
  v4 c = __builtin_shufflevector(s[2], s[3], 0, 4, 1, 5), d = __builtin_shufflevector(s[2], s[3], 2, 6, 3, 7);
  t[0] = __builtin_shufflevector(a, c, 0, 1, 4, 5), t[1] = __builtin_shufflevector(a, c, 2, 3, 6, 7);
  t[2] = __builtin_shufflevector(b, d, 0, 1, 4, 5), t[3] = __builtin_shufflevector(b, d, 2, 3, 6, 7);
}

#endif
