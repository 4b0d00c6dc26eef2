/* SPDX-License-Identifier: BSD-3-Clause */
/* Claims: no two threads hold an overlapping range at once, those that do not
 * overlap do not wait, and who waits gets his turn.
 */

#include <config.h>

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "claims.h"
#include "stats.h"
#include "test.h"

static struct claims claims;

/* ---- one who asks ---- */

struct asker {
  pthread_t thread;
  uint64_t first, count;
  bool has; /* atomic */
};

static void *
ask (void *opaque)
{
  struct asker *a = opaque;
  struct claim claim;

  claims_take (&claims, &claim, a->first, a->count);
  __atomic_store_n (&a->has, true, __ATOMIC_SEQ_CST);
  claims_release (&claims, &claim);
  return NULL;
}

static void
start_asking (struct asker *a, uint64_t first, uint64_t count)
{
  a->first = first;
  a->count = count;
  a->has = false;
  MUST (pthread_create (&a->thread, NULL, ask, a) == 0);
}

/* Long enough for a thread to get what it can have. */
static bool
has_soon (struct asker *a)
{
  unsigned i;

  for (i = 0; i < 50 && !__atomic_load_n (&a->has, __ATOMIC_SEQ_CST); ++i)
    usleep (1000);
  return __atomic_load_n (&a->has, __ATOMIC_SEQ_CST);
}

static void
check_waits (int line, uint64_t first, uint64_t count, bool waits)
{
  const struct stats_total waited = stats_total (STATS_CLAIM_WAIT);
  const uint64_t taken = stats_total (STATS_CLAIM).n;
  struct claim held;
  struct asker a;

  claims_take (&claims, &held, 100, 10);
  start_asking (&a, first, count);
  /* One that need not wait may take long on a busy machine. */
  while (!has_soon (&a) && !waits)
    ;
  test_check (__FILE__, line, has_soon (&a) == !waits, "who overlaps waits");
  /* A late one is counted once it has the lock, and so before the release. */
  while (stats_total (STATS_CLAIM).n < taken + 2)
    usleep (1000);
  claims_release (&claims, &held);
  pthread_join (a.thread, NULL);
  test_check (__FILE__, line, a.has, "who waits has it in the end");
  test_check (__FILE__, line,
              stats_total (STATS_CLAIM_WAIT).n == waited.n + waits,
              "who waits is counted");
  test_check (__FILE__, line,
              (stats_total (STATS_CLAIM_WAIT).amount > waited.amount) == waits,
              "and for how long");
  CHECK_INT (stats_total (STATS_CLAIM).n, taken + 2);
}

static void
who_overlaps_waits_and_others_do_not (void)
{
  claims_init (&claims);
  check_waits (__LINE__, 100, 10, true);
  check_waits (__LINE__, 109, 1, true);
  check_waits (__LINE__, 0, 101, true);
  check_waits (__LINE__, 104, 2, true);
  check_waits (__LINE__, 0, 1000, true);
  check_waits (__LINE__, 110, 1, false);
  check_waits (__LINE__, 0, 100, false);
  check_waits (__LINE__, UINT64_C (1) << 62, 5, false);
  claims_destroy (&claims);
}

static void
a_release_of_one_of_several_frees_that_one (void)
{
  struct claim a, b, c;
  struct asker one;

  claims_init (&claims);
  claims_take (&claims, &a, 0, 10);
  claims_take (&claims, &b, 10, 10);
  claims_take (&claims, &c, 20, 10);
  claims_release (&claims, &b);
  start_asking (&one, 10, 10);
  while (!has_soon (&one))
    ;
  pthread_join (one.thread, NULL);
  start_asking (&one, 15, 10);
  CHECK (!has_soon (&one));
  claims_release (&claims, &a);
  CHECK (!has_soon (&one));
  claims_release (&claims, &c);
  pthread_join (one.thread, NULL);
  CHECK (one.has);
  claims_destroy (&claims);
}

/* ---- many ---- */

#define N_THREADS 16
#define N_NUMBERS 64
#define ROUNDS    4000

static unsigned holders[N_NUMBERS]; /* atomic; 0 or 1 */
static unsigned long long turns[N_NUMBERS];

static void *
claim_ranges (void *opaque)
{
  uint64_t state = (uintptr_t) opaque * 2654435761u + 1;
  unsigned round, i;

  for (round = 0; round < ROUNDS; ++round) {
    struct claim claim;
    unsigned first, count;

    state = state * 6364136223846793005u + 1442695040888963407u;
    first = (state >> 40) % N_NUMBERS;
    count = (state >> 20) % 8 + 1;
    if (count > N_NUMBERS - first)
      count = N_NUMBERS - first;
    claims_take (&claims, &claim, first, count);
    for (i = first; i < first + count; ++i) {
      if (__atomic_add_fetch (&holders[i], 1, __ATOMIC_SEQ_CST) != 1)
        CHECK (!"two hold one number");
      turns[i]++; /* not atomic: the claim makes it safe */
    }
    for (i = first; i < first + count; ++i)
      __atomic_sub_fetch (&holders[i], 1, __ATOMIC_SEQ_CST);
    claims_release (&claims, &claim);
  }
  return NULL;
}

static void
no_number_is_held_twice_and_nobody_waits_for_ever (void)
{
  pthread_t threads[N_THREADS];
  uintptr_t i;

  claims_init (&claims);
  for (i = 0; i < N_THREADS; ++i)
    MUST (pthread_create (&threads[i], NULL, claim_ranges, (void *) i) == 0);
  for (i = 0; i < N_THREADS; ++i)
    pthread_join (threads[i], NULL);
  CHECK (claims.held == NULL);
  for (i = 0; i < N_NUMBERS; ++i) {
    CHECK_INT (holders[i], 0);
    CHECK (turns[i] > 0);
  }
  claims_destroy (&claims);
}

int
main (void)
{
  RUN (who_overlaps_waits_and_others_do_not);
  RUN (a_release_of_one_of_several_frees_that_one);
  RUN (no_number_is_held_twice_and_nobody_waits_for_ever);
  return test_result ();
}
