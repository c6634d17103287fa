/* One more thread, for work of tens of microseconds. A hand-over takes a fraction of a microsecond while both threads run.
 * Whoever has waited for about twenty sleeps: where other programs want the cores too, a sleeper frees its core for the
 * very thread that it waits for, and a spinner does not. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "CMarlise.h"

enum { SPINS = 1000 };

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
};

static int reached(unsigned now, unsigned value) { return (int)(now - value) >= 0; }

static unsigned raise_counter(counter *c) {
  unsigned before = atomic_fetch_add(&c->value, 1);
  if (atomic_load(&c->sleepers)) syscall(SYS_futex, &c->value, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0);
  return before;
}

static void await_counter(counter *c, unsigned value) {
  for (int i = 0; i < SPINS; i++) {
    if (reached(atomic_load_explicit(&c->value, memory_order_acquire), value)) return;
    __builtin_ia32_pause();
  }
  atomic_fetch_add(&c->sleepers, 1);
  for (unsigned seen; !reached(seen = atomic_load(&c->value), value);)
    syscall(SYS_futex, &c->value, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
  atomic_fetch_sub(&c->sleepers, 1);
}

static void *loop(void *argument) {
  marlise_worker *w = argument;
  for (unsigned turn = 1;; turn++) {
    await_counter(&w->given, turn);
    if (w->stop) return NULL;
    w->task(w->context, 1);
    raise_counter(&w->done);
  }
}

marlise_worker *marlise_worker_create(void) {
  marlise_worker *w = aligned_alloc(_Alignof(marlise_worker), sizeof *w);
  if (!w) return NULL;
  *w = (marlise_worker){0};
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
  await_counter(&w->done, turn);
}

void marlise_worker_meet(marlise_worker *w) {
  unsigned before = raise_counter(&w->met);
  await_counter(&w->met, before / 2 * 2 + 2);
}
