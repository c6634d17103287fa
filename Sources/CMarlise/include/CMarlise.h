/* Our own C: kernels that Swift cannot vectorise (strict float order, no target_clones).
 *
 * Every kernel is compiled for x86-64, AVX2 and AVX-512 and chosen at load time; for 64-bit ARM there is one. Sums run
 * in a fixed order and every fused multiply-add is explicit, so one input gives the same bits on each of them, in any
 * batch, on any thread. The functions named marlise_blas_ leave the products to OpenBLAS, which promises none of that. */
#ifndef CMARLISE_H
#define CMARLISE_H

#include <stddef.h>
#include <stdint.h>

/* ---- activations ---- */

enum {
  MARLISE_IDENTITY = 0,
  MARLISE_RELU = 1,
  MARLISE_TANH = 2,
  MARLISE_SIGMOID = 3,
  MARLISE_SOFTMAX = 4,
};

/* y[i] = tanh(x[i]); max abs error 3e-7. x and y may be the same. */
void marlise_tanh(const float *x, float *y, size_t count);
/* y[i] = 1 / (1 + exp(-x[i])); max abs error 2e-7. x and y may be the same. */
void marlise_sigmoid(const float *x, float *y, size_t count);
/* Applies an activation to rows of `columns` values, row stride `stride`, in place. */
void marlise_activate(int activation, float *y, size_t rows, size_t columns, size_t stride);
/* y <- activation(y + bias), rows of `columns` values, contiguous: what is left to do after a plain product. */
void marlise_bias_activate(int activation, const float *bias, float *y, size_t rows, size_t columns);
/* d <- d * f'(.) from the activation's output y, rows contiguous; then, unless NULL, bias_gradient gets the column sums
 * of d (added to it when accumulate is not 0). MARLISE_IDENTITY leaves d as it is and only sums. */
void marlise_activation_backward(int activation, const float *y, float *d, size_t rows, size_t columns,
                                 float *bias_gradient, int accumulate);

/* ---- dense layers ---- */

/* A layer with fewer outputs than MARLISE_THIN keeps its weight as [outputs, inputs], a wider one as [inputs, outputs].
 * Offsets count floats from the start of the network's parameters. */
enum { MARLISE_THIN = 16 };

typedef struct {
  int32_t inputs;
  int32_t outputs;
  int32_t activation;
  int32_t reserved;
  int64_t weight;
  int64_t bias;
} marlise_layer;

/* Forward pass of a network: outputs[l] gets the rows of layer l, contiguous. x has row stride x_stride. */
void marlise_forward(const marlise_layer *layers, int count, const float *parameters, const float *x, size_t x_stride,
                     size_t rows, float *const *outputs);
/* One row for each of `networks` networks of equal shape, their parameters (finite) `parameter_stride` floats apart. The
 * final layer goes to y, row stride y_stride. scratch holds twice `width` floats and list `width` integers, `width` at
 * least the widest layer's inputs and outputs. */
void marlise_forward_each(const marlise_layer *layers, int count, const float *parameters, size_t parameter_stride,
                          size_t networks, const float *x, size_t x_stride, float *scratch, int32_t *list,
                          size_t width, float *y, size_t y_stride);
/* c[m, n] = sum over k of a(m, k) * b[k, n], added to c when accumulate is not 0. a(m, k) is a[m * a_row + k * a_column]:
 * a plain or transposed matrix. */
void marlise_product(const float *a, size_t a_row, size_t a_column, const float *b, size_t b_stride, float *c,
                     size_t c_stride, size_t m, size_t n, size_t k, int accumulate);
/* t[columns, rows] = the transpose of w[rows, columns]. */
void marlise_transpose(const float *w, size_t rows, size_t columns, float *t);
/* Thin layer: dx[r, i] = sum over o of d[r, o] * w[o, i] for inputs first ..< first + columns. */
void marlise_thin_input_gradient(const float *d, const float *w, float *dx, size_t dx_stride, size_t rows,
                                 size_t inputs, size_t outputs, size_t first, size_t columns, int accumulate);
/* Thin layer: dw[o, i] = sum over r of d[r, o] * x[r, i]. */
void marlise_thin_weight_gradient(const float *d, const float *x, size_t x_stride, float *dw, size_t rows,
                                  size_t inputs, size_t outputs, int accumulate);

/* The widest vector instructions that the products use on this machine: "AVX-512", "AVX2", "x86-64" or "NEON". */
const char *marlise_vectors(void);

/* ---- OpenBLAS instead ---- */

/* Loads OpenBLAS, for one thread; call it before the others. A second call changes nothing. It is not linked, so that
 * programs that do without it start a millisecond sooner and run where it is not installed.
 * Returns NULL, or why it cannot be used: valid until this thread's next call. */
const char *marlise_blas_load(const char *library);
/* The processor that its kernels were made for, such as "Zen". */
const char *marlise_blas_core(void);
/* c[m, n] = a * b, added to c when accumulate is not 0. a is [m, k], or [k, m] when turn_a is not 0; b is [k, n], or
 * [n, k] when turn_b is not 0. */
void marlise_blas_product(int turn_a, int turn_b, const float *a, size_t a_stride, const float *b, size_t b_stride,
                          float *c, size_t c_stride, size_t m, size_t n, size_t k, int accumulate);
/* As marlise_forward and marlise_forward_each; scratch holds twice the widest layer. */
void marlise_blas_forward(const marlise_layer *layers, int count, const float *parameters, const float *x,
                          size_t x_stride, size_t rows, float *const *outputs);
void marlise_blas_forward_each(const marlise_layer *layers, int count, const float *parameters,
                               size_t parameter_stride, size_t networks, const float *x, size_t x_stride,
                               float *scratch, size_t scratch_width, float *y, size_t y_stride);

/* ---- subnormal numbers ---- */

/* From here on this thread takes numbers below the least normal one (1.2e-38) for 0, as operands and as results: they cost
 * a hundred times as much. Returns what marlise_restore_subnormals puts back. */
uint64_t marlise_flush_subnormals(void);
void marlise_restore_subnormals(uint64_t before);

/* ---- optimisers ---- */

typedef struct {
  float rate;         /* learning rate divided by the first moment's bias correction */
  float decay;        /* 1 - rate * weight decay (AdamW), or 1 */
  float beta1;
  float beta2;
  float rest1;        /* 1 - beta1 and 1 - beta2, rounded once: 1 - 0.999f is off by a twenty-thousandth */
  float rest2;
  float correction2;  /* 1 / sqrt(1 - beta2^t) */
  float epsilon;
  float limit;        /* gradients are clipped to +-limit; infinity for none */
  float scale;        /* gradients are multiplied by this first; 1 for none */
  float tau;          /* soft update of the target */
} marlise_adam_settings;

/* One Adam / AdamW / AMSGrad step over count (a multiple of 16) parameters. The gradient is g, plus g2 unless NULL;
 * vmax is NULL without AMSGrad; target is NULL or becomes tau * p + (1 - tau) * target.
 * Returns 0 when every new parameter is finite, NaN otherwise. */
float marlise_adam(float *p, const float *g, const float *g2, float *m, float *v, float *vmax, float *target,
                   size_t count, const marlise_adam_settings *settings);
/* p <- p * decay - rate * clipped gradient; velocity (NULL or count floats) <- momentum * velocity + gradient. */
float marlise_sgd(float *p, const float *g, const float *g2, float *velocity, float momentum, float *target,
                  size_t count, const marlise_adam_settings *settings);
/* Sum of squares of g (+ g2 unless NULL); count a multiple of 16. */
double marlise_sum_of_squares(const float *g, const float *g2, size_t count);

/* ---- a second thread ---- */

/* A thread that waits for work: it spins for a few microseconds, then sleeps. */
typedef struct marlise_worker marlise_worker;
/* NULL when the system refuses a thread. */
marlise_worker *marlise_worker_create(void);
void marlise_worker_destroy(marlise_worker *worker);
/* Runs task(context, 1) on the worker and task(context, 0) on the caller; returns when both are done. */
void marlise_worker_run(marlise_worker *worker, void (*task)(void *context, int thread), void *context);
/* Inside a task, on thread 0 (the caller) or 1: returns when both threads have called it. */
void marlise_worker_meet(marlise_worker *worker, int thread);

#endif
