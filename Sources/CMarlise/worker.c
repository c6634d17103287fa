/* One more thread, for work of tens of microseconds: a hand-over takes a fraction of one as long as both threads run, and
 * the worker sleeps when there is nothing to do for longer than that. */
#define _GNU_SOURCE
#include "CMarlise.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { SPINS = 4000, YIELDS = 200 };

struct marlise_worker {
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
  atomic_int asleep;
  void (*task)(void *, int);
  void *context;
  /* Each counter on its own cache line: the two threads write different ones. */
  _Alignas(64) atomic_ulong given;
  _Alignas(64) atomic_ulong done;
  _Alignas(64) atomic_ulong met;
  int stop;
};

static void relax(void) { __builtin_ia32_pause(); }

/* Waits until *counter >= value. A yield lets the other thread run when both share one core. */
static void await_count(atomic_ulong *counter, unsigned long value) {
  for (unsigned spins = 0; atomic_load_explicit(counter, memory_order_acquire) < value; spins++)
    if (spins < SPINS) relax();
    else sched_yield();
}

static void *loop(void *argument) {
  marlise_worker *w = argument;
  for (unsigned long turn = 1;; turn++) {
    unsigned spins = 0;
    while (atomic_load_explicit(&w->given, memory_order_acquire) < turn) {
      if (spins++ < SPINS) relax();
      else if (spins < SPINS + YIELDS) sched_yield();
      else {
        pthread_mutex_lock(&w->mutex);
        atomic_store(&w->asleep, 1);
        while (atomic_load(&w->given) < turn) pthread_cond_wait(&w->wake, &w->mutex);
        atomic_store(&w->asleep, 0);
        pthread_mutex_unlock(&w->mutex);
      }
    }
    if (w->stop) return NULL;
    w->task(w->context, 1);
    atomic_store_explicit(&w->done, turn, memory_order_release);
  }
}

static void give(marlise_worker *w) {
  atomic_fetch_add(&w->given, 1);
  if (atomic_load(&w->asleep)) {
    pthread_mutex_lock(&w->mutex);
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->mutex);
  }
}

marlise_worker *marlise_worker_create(void) {
  marlise_worker *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
  if (!w) return NULL;
  *w = (marlise_worker){0};
  pthread_mutex_init(&w->mutex, NULL);
  pthread_cond_init(&w->wake, NULL);
  if (pthread_create(&w->thread, NULL, loop, w) == 0) return w;
  free(w);
  return NULL;
}

void marlise_worker_destroy(marlise_worker *w) {
  w->stop = 1;
  give(w);
  pthread_join(w->thread, NULL);
  pthread_cond_destroy(&w->wake);
  pthread_mutex_destroy(&w->mutex);
  free(w);
}

void marlise_worker_run(marlise_worker *w, void (*task)(void *, int), void *context) {
  w->task = task;
  w->context = context;
  give(w);
  task(context, 0);
  await_count(&w->done, atomic_load(&w->given));
}

void marlise_worker_meet(marlise_worker *w) {
  unsigned long ticket = atomic_fetch_add(&w->met, 1);
  await_count(&w->met, ticket / 2 * 2 + 2);
}
