/* The same layers over OpenBLAS, to compare with and for machines whose OpenBLAS is faster than our kernels. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "CMarlise.h"

/* From cblas.h, which is not needed to build this. */
enum { ROW_MAJOR = 101, AS_IT_IS = 111, TURNED = 112 };

typedef void sgemm_function(int order, int turn_a, int turn_b, int m, int n, int k, float alpha, const float *a, int lda,
                            const float *b, int ldb, float beta, float *c, int ldc);
typedef void sgemv_function(int order, int turn, int m, int n, float alpha, const float *a, int lda, const float *x,
                            int x_step, float beta, float *y, int y_step);

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static sgemm_function *sgemm;
static sgemv_function *sgemv;
static const char *core;
/* Has it special kernels for products of at most SMALL multiplications, much faster than what larger ones get? */
static int has_small;
enum { SMALL = 100 * 100 * 100 };

static const char *load(const char *library) {
  void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return dlerror();
  if (sgemv) return NULL;
  void (*set_threads)(int) = (void (*)(int))dlsym(handle, "openblas_set_num_threads");
  char *(*corename)(void) = (char *(*)(void))dlsym(handle, "openblas_get_corename");
  sgemm_function *gemm = (sgemm_function *)dlsym(handle, "cblas_sgemm");
  sgemv_function *gemv = (sgemv_function *)dlsym(handle, "cblas_sgemv");
  if (!set_threads || !corename || !gemm || !gemv) {
    dlclose(handle);
    return "the library lacks functions of OpenBLAS";
  }
  set_threads(1);
  core = corename();
  has_small = !strcmp(core, "SkylakeX") || !strcmp(core, "Cooperlake") || !strcmp(core, "SapphireRapids");
  sgemm = gemm;
  sgemv = gemv;
  return NULL;
}

const char *marlise_blas_load(const char *library) {
  pthread_mutex_lock(&loading);
  const char *reason = load(library);
  pthread_mutex_unlock(&loading);
  return reason;
}

const char *marlise_blas_core(void) { return core ? core : "not loaded"; }

void marlise_blas_product(int turn_a, int turn_b, const float *a, size_t a_stride, const float *b, size_t b_stride,
                          float *c, size_t c_stride, size_t m, size_t n, size_t k, int accumulate) {
  size_t height = m;
  if (has_small && m * n * k > SMALL && 16 * n * k <= SMALL) {
    size_t pieces = (m * n * k + SMALL - 1) / SMALL;
    height = ((m + pieces - 1) / pieces + 15) / 16 * 16;
    if (height * n * k > SMALL) height -= 16;
  }
  for (size_t r = 0; r < m; r += height) {
    size_t rows = m - r < height ? m - r : height;
    sgemm(ROW_MAJOR, turn_a ? TURNED : AS_IT_IS, turn_b ? TURNED : AS_IT_IS, (int)rows, (int)n, (int)k, 1,
          turn_a ? a + r : a + r * a_stride, (int)a_stride, b, (int)b_stride, accumulate ? 1 : 0, c + r * c_stride,
          (int)c_stride);
  }
}

static void layer(const marlise_layer *l, const float *parameters, const float *x, size_t x_stride, size_t rows,
                  float *y) {
  const float *w = parameters + l->weight;
  size_t n = (size_t)l->outputs, k = (size_t)l->inputs;
  int thin = n < MARLISE_THIN;
  if (rows == 1)
    sgemv(ROW_MAJOR, thin ? AS_IT_IS : TURNED, (int)(thin ? n : k), (int)(thin ? k : n), 1, w, (int)(thin ? k : n), x, 1,
          0, y, 1);
  else
    marlise_blas_product(0, thin, x, x_stride, w, thin ? k : n, y, n, rows, n, k, 0);
  marlise_bias_activate(l->activation, parameters + l->bias, y, rows, n);
}

void marlise_blas_forward(const marlise_layer *layers, int count, const float *parameters, const float *x,
                          size_t x_stride, size_t rows, float *const *outputs) {
  for (int l = 0; l < count; l++) {
    layer(layers + l, parameters, x, x_stride, rows, outputs[l]);
    x = outputs[l], x_stride = (size_t)layers[l].outputs;
  }
}

void marlise_blas_forward_each(const marlise_layer *layers, int count, const float *parameters,
                               size_t parameter_stride, size_t networks, const float *x, size_t x_stride,
                               float *scratch, size_t scratch_width, float *y, size_t y_stride) {
  for (size_t i = 0; i < networks; i++, parameters += parameter_stride, x += x_stride, y += y_stride) {
    const float *in = x;
    for (int l = 0; l < count; l++) {
      float *out = l == count - 1 ? y : scratch + (l & 1) * scratch_width;
      layer(layers + l, parameters, in, 0, 1, out);
      in = out;
    }
  }
}
