/* Counts heap allocations of the test program, per thread, by standing in front of the C library's. */
#ifndef ALLOCATION_COUNTER_H
#define ALLOCATION_COUNTER_H

#include <stdint.h>

/* Is anything counted? Not under a sanitizer, which stands there itself. */
int allocation_counter_works(void);
/* Allocations and reallocations of the calling thread since it began. */
uint64_t allocation_count(void);

#endif
