/* SPDX-License-Identifier: BSD-3-Clause */
/* Spare buffers: what was given back is taken again, not more are kept than
 * there is room for, and nobody has a buffer that somebody else has.
 */

#include <config.h>

#include <pthread.h>
#include <string.h>

#include "spares.h"
#include "test.h"

#define SIZE    1000
#define THREADS 8
#define ROUNDS  20000

static void
what_was_given_is_taken_again (void)
{
  struct spares s;
  void *a, *b;

  spares_init (&s, SIZE);
  a = spares_take (&s);
  b = spares_take (&s);
  CHECK (a != NULL && b != NULL && a != b);
  spares_give (&s, a);
  CHECK (spares_take (&s) == a);
  spares_give (&s, b);
  spares_give (&s, a);
  spares_give (&s, NULL);
  CHECK_INT (s.n, 2);
  spares_destroy (&s);
}

static void
no_more_are_kept_than_there_is_room_for (void)
{
  struct spares s;
  void *all[MAX_SPARES + 5];
  int i;

  spares_init (&s, SIZE);
  for (i = 0; i < MAX_SPARES + 5; ++i)
    all[i] = spares_take (&s);
  for (i = 0; i < MAX_SPARES + 5; ++i)
    spares_give (&s, all[i]);
  CHECK_INT (s.n, MAX_SPARES);
  spares_destroy (&s);
}

/* Fill a buffer with one's own number, and see that it stays. */
static struct spares shared;
static unsigned disturbed; /* atomic */

static void *
use (void *opaque)
{
  const int number = *(int *) opaque;
  unsigned char *buf;
  int i, k;

  for (i = 0; i < ROUNDS; ++i) {
    buf = spares_take (&shared);
    memset (buf, number, SIZE);
    for (k = 0; k < SIZE; k += 100)
      if (buf[k] != number)
        __atomic_fetch_add (&disturbed, 1, __ATOMIC_RELAXED);
    spares_give (&shared, buf);
  }
  return NULL;
}

static void
nobody_has_what_somebody_else_has (void)
{
  pthread_t threads[THREADS];
  int numbers[THREADS], i;

  spares_init (&shared, SIZE);
  for (i = 0; i < THREADS; ++i) {
    numbers[i] = i + 1;
    CHECK_INT (pthread_create (&threads[i], NULL, use, &numbers[i]), 0);
  }
  for (i = 0; i < THREADS; ++i)
    pthread_join (threads[i], NULL);
  CHECK_INT (disturbed, 0);
  spares_destroy (&shared);
}

int
main (void)
{
  RUN (what_was_given_is_taken_again);
  RUN (no_more_are_kept_than_there_is_room_for);
  RUN (nobody_has_what_somebody_else_has);
  return test_result ();
}
