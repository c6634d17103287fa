/* How this thread treats numbers below the least normal one. The moments of a weight that gets no gradient any more shrink
 * until rounding holds them there, and from then on each operation on them takes a hundred times as long. */
#include "CMarlise.h"

#ifdef __x86_64__
#include <immintrin.h>

/* Results are flushed (bit 15), and so are operands (bit 6). */
enum { FLUSH = 1 << 15 | 1 << 6 };

uint64_t marlise_flush_subnormals(void) {
  unsigned before = _mm_getcsr();
  _mm_setcsr(before | FLUSH);
  return before;
}

void marlise_restore_subnormals(uint64_t before) { _mm_setcsr((_mm_getcsr() & ~(unsigned)FLUSH) | (before & FLUSH)); }
#elif defined(__aarch64__)
/* FZ of the control register: results and operands. */
static const uint64_t FLUSH = UINT64_C(1) << 24;

static uint64_t control(void) {
  uint64_t value;
  __asm__ volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}

static void set_control(uint64_t value) { __asm__ volatile("msr fpcr, %0" : : "r"(value)); }

uint64_t marlise_flush_subnormals(void) {
  uint64_t before = control();
  set_control(before | FLUSH);
  return before;
}

void marlise_restore_subnormals(uint64_t before) { set_control((control() & ~FLUSH) | (before & FLUSH)); }
#else
uint64_t marlise_flush_subnormals(void) { return 0; }
void marlise_restore_subnormals(uint64_t before) { (void)before; }
#endif
