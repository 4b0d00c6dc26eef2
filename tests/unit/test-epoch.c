/* SPDX-License-Identifier: BSD-3-Clause */
/* Epochs: that one does not pass while anybody is inside who may have seen it,
 * that it passes once they have gone, and that what is freed then is used by
 * nobody, under many threads.
 */

#include <config.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "epoch.h"
#include "test.h"

static void
an_epoch_passes_when_nobody_is_inside (void)
{
  struct epochs e = { .now = 0 };
  uint64_t epoch = epoch_now (&e);

  CHECK (epoch_passed (&e, epoch));
  CHECK (epoch_now (&e) > epoch);
}

static void
asking_about_the_past_again_is_true_again (void)
{
  struct epochs e = { .now = 0 };
  uint64_t epoch = epoch_now (&e), inside;

  CHECK (epoch_passed (&e, epoch));
  inside = epoch_enter (&e);
  CHECK (epoch_passed (&e, epoch));
  epoch_leave (&e, inside);
}

static void
it_does_not_pass_while_somebody_is_inside (void)
{
  struct epochs e = { .now = 0 };
  uint64_t inside = epoch_enter (&e), epoch = epoch_now (&e);
  unsigned i;

  for (i = 0; i < 10; ++i)
    CHECK (!epoch_passed (&e, epoch));
  epoch_leave (&e, inside);
  CHECK (epoch_passed (&e, epoch));
}

/* Others come and go, in every epoch that there is meanwhile. */
static void
one_who_stays_holds_it_up_whoever_comes_and_goes (void)
{
  struct epochs e = { .now = 0 };
  uint64_t inside = epoch_enter (&e), epoch = epoch_now (&e), other;
  unsigned i;

  for (i = 0; i < 10; ++i) {
    other = epoch_enter (&e);
    CHECK (!epoch_passed (&e, epoch));
    epoch_leave (&e, other);
    CHECK (!epoch_passed (&e, epoch));
  }
  epoch_leave (&e, inside);
  CHECK (epoch_passed (&e, epoch));
}

/* Who entered later cannot have seen what was taken away before. */
static void
those_who_entered_later_do_not_hold_it_up_for_ever (void)
{
  struct epochs e = { .now = 0 };
  uint64_t epoch = epoch_now (&e), later[8];
  unsigned i;

  for (i = 0; i < 8; ++i) {
    later[i] = epoch_enter (&e);
    (void) epoch_passed (&e, epoch);
    if (i > 0)
      epoch_leave (&e, later[i - 1]);
  }
  CHECK (epoch_passed (&e, epoch));
  epoch_leave (&e, later[7]);
}

/* ---- threads ---- */

#define N_READERS 8
#define CHANGES   20000
#define GOOD      0x900d900du
#define FREED     0xdeadu

struct thing {
  uint32_t state;
  uint64_t epoch;
  struct thing *next;
};

static struct epochs epochs;
static struct thing *current; /* atomic */
static bool stop;
static sem_t has_used; /* posted by each thread after its first time */

static void *
use (void *opaque)
{
  unsigned long long used = 0;

  while (!__atomic_load_n (&stop, __ATOMIC_SEQ_CST)) {
    const uint64_t entered = epoch_enter (&epochs);
    struct thing *t = __atomic_load_n (&current, __ATOMIC_SEQ_CST);
    unsigned i;

    for (i = 0; i < 20; ++i)
      if (__atomic_load_n (&t->state, __ATOMIC_SEQ_CST) != GOOD) {
        CHECK_INT (t->state, GOOD);
        break;
      }
    epoch_leave (&epochs, entered);
    if (used++ == 0)
      sem_post (&has_used);
  }
  return opaque;
}

static struct thing *
new_thing (void)
{
  struct thing *t = malloc (sizeof *t);

  MUST (t != NULL);
  t->state = GOOD;
  return t;
}

/* Take the thing away, and "free" it when its epoch has passed.  Memory stays
 * allocated so that a user who comes too late sees it.
 */
static void
nobody_uses_what_was_freed_when_its_epoch_had_passed (void)
{
  pthread_t threads[N_READERS];
  struct thing *waiting = NULL, *freed = NULL, *t, **p;
  unsigned i, n_freed = 0;

  current = new_thing ();
  MUST (sem_init (&has_used, 0, 0) == 0);
  for (i = 0; i < N_READERS; ++i)
    MUST (pthread_create (&threads[i], NULL, use, NULL) == 0);
  /* All are at work before anything is taken away. */
  for (i = 0; i < N_READERS; ++i)
    while (sem_wait (&has_used) == -1)
      ;
  for (i = 0; i < CHANGES; ++i) {
    t = __atomic_exchange_n (&current, new_thing (), __ATOMIC_SEQ_CST);
    t->epoch = epoch_now (&epochs);
    t->next = waiting;
    waiting = t;
    for (p = &waiting; *p != NULL;)
      if (epoch_passed (&epochs, (*p)->epoch)) {
        t = *p;
        *p = t->next;
        __atomic_store_n (&t->state, FREED, __ATOMIC_SEQ_CST);
        t->next = freed;
        freed = t;
        n_freed++;
      }
      else
        p = &(*p)->next;
  }
  __atomic_store_n (&stop, true, __ATOMIC_SEQ_CST);
  for (i = 0; i < N_READERS; ++i)
    pthread_join (threads[i], NULL);
  CHECK (n_freed > 0);
  for (; waiting != NULL; waiting = t) {
    CHECK (epoch_passed (&epochs, waiting->epoch));
    t = waiting->next;
    free (waiting);
  }
  for (; freed != NULL; freed = t) {
    t = freed->next;
    free (freed);
  }
  free (current);
}

int
main (void)
{
  RUN (an_epoch_passes_when_nobody_is_inside);
  RUN (asking_about_the_past_again_is_true_again);
  RUN (it_does_not_pass_while_somebody_is_inside);
  RUN (one_who_stays_holds_it_up_whoever_comes_and_goes);
  RUN (those_who_entered_later_do_not_hold_it_up_for_ever);
  RUN (nobody_uses_what_was_freed_when_its_epoch_had_passed);
  return test_result ();
}
