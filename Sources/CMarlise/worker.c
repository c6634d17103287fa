/* One more thread, for work of tens of microseconds. A hand-over takes a fraction of a microsecond while both threads run,
 * and tens of microseconds from a sleeper: on a virtual machine a sleeping core is left and entered again. So a waiter
 * spins first, for as long as that has been worth it: up to a few hundred microseconds where it is met in time, a few where
 * other programs want the cores and the thread that it waits for may not even run. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "CMarlise.h"

enum { LEAST_SPINS = 256, MOST_SPINS = 16384 };

/* A number that only grows (and wraps), and how many threads sleep until it does. On a cache line of its own. */
typedef struct {
  _Alignas(64) atomic_uint value;
  atomic_uint sleepers;
} counter;

struct marlise_worker {
  counter given; /* pieces of work handed to the worker */
  counter done;  /* pieces that it has finished */
  counter met;   /* arrivals at meeting points, two per meeting */
  pthread_t thread;
  void (*task)(void *, int);
  void *context;
  int stop;
  /* How long each thread spins for a hand-over and at a meeting before it sleeps; on cache lines of their own. */
  struct {
    _Alignas(64) int handover;
    int meeting;
  } patience[2];
};

static void breathe(void) {
#ifdef __x86_64__
  __builtin_ia32_pause();
#else
  __asm__ volatile("yield");
#endif
}

static int reached(unsigned now, unsigned value) { return (int)(now - value) >= 0; }

static unsigned raise_counter(counter *c) {
  unsigned before = atomic_fetch_add(&c->value, 1);
  if (atomic_load(&c->sleepers)) syscall(SYS_futex, &c->value, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0);
  return before;
}

static void await_counter(counter *c, unsigned value, int *patience) {
  int spins = *patience;
  for (int i = 0; i < spins; i++) {
    if (reached(atomic_load_explicit(&c->value, memory_order_acquire), value)) {
      *patience = spins + spins / 8 < MOST_SPINS ? spins + spins / 8 : MOST_SPINS;
      return;
    }
    breathe();
  }
  *patience = spins - spins / 4 > LEAST_SPINS ? spins - spins / 4 : LEAST_SPINS;
  atomic_fetch_add(&c->sleepers, 1);
  for (unsigned seen; !reached(seen = atomic_load(&c->value), value);)
    syscall(SYS_futex, &c->value, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
  atomic_fetch_sub(&c->sleepers, 1);
}

static void *loop(void *argument) {
  marlise_worker *w = argument;
  for (unsigned turn = 1;; turn++) {
    await_counter(&w->given, turn, &w->patience[1].handover);
    if (w->stop) return NULL;
    w->task(w->context, 1);
    raise_counter(&w->done);
  }
}

marlise_worker *marlise_worker_create(void) {
  marlise_worker *w = aligned_alloc(_Alignof(marlise_worker), sizeof *w);
  if (!w) return NULL;
  *w = (marlise_worker){0};
  for (int i = 0; i < 2; i++) w->patience[i].handover = w->patience[i].meeting = MOST_SPINS;
  if (pthread_create(&w->thread, NULL, loop, w) == 0) return w;
  free(w);
  return NULL;
}

void marlise_worker_destroy(marlise_worker *w) {
  w->stop = 1;
  raise_counter(&w->given);
  pthread_join(w->thread, NULL);
  free(w);
}

void marlise_worker_run(marlise_worker *w, void (*task)(void *, int), void *context) {
  w->task = task;
  w->context = context;
  unsigned turn = raise_counter(&w->given) + 1;
  task(context, 0);
  await_counter(&w->done, turn, &w->patience[0].handover);
}

void marlise_worker_meet(marlise_worker *w, int thread) {
  unsigned before = raise_counter(&w->met);
  await_counter(&w->met, before / 2 * 2 + 2, &w->patience[thread].meeting);
}
