/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters: nothing is lost when many threads count at once, and nothing is
 * counted in a row that nobody named.
 */

#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "stats.h"
#include "test.h"

#define N_THREADS 40 /* more than have counters of their own */
#define ROUNDS    20000

static void *
count_all (void *opaque)
{
  unsigned i, row;

  (void) opaque;
  for (i = 0; i < ROUNDS / N_STATS; ++i)
    for (row = 0; row < N_STATS; ++row) {
      stats_add (row, 2, UINT64_C (1) << 32);
      stats_count (row);
    }
  return NULL;
}

static void
nothing_is_lost (void)
{
  const uint64_t times = (uint64_t) N_THREADS * (ROUNDS / N_STATS);
  pthread_t threads[N_THREADS];
  unsigned i, row;

  for (row = 0; row < N_STATS; ++row)
    CHECK_INT (stats_total (row).n, 0);
  for (i = 0; i < N_THREADS; ++i)
    MUST (pthread_create (&threads[i], NULL, count_all, NULL) == 0);
  for (i = 0; i < N_THREADS; ++i)
    pthread_join (threads[i], NULL);
  for (row = 0; row < N_STATS; ++row) {
    CHECK_INT (stats_total (row).n, 3 * times);
    CHECK_INT (stats_total (row).amount, times << 32);
  }
}

static void
a_row_counts_for_itself (void)
{
  struct stats_total before[N_STATS];
  unsigned row;

  for (row = 0; row < N_STATS; ++row)
    before[row] = stats_total (row);
  stats_add (STATS_WRITE, 5, 7);
  for (row = 0; row < N_STATS; ++row) {
    const struct stats_total now = stats_total (row);

    CHECK_INT (now.n - before[row].n, row == STATS_WRITE ? 5 : 0);
    CHECK_INT (now.amount - before[row].amount, row == STATS_WRITE ? 7 : 0);
  }
}

/* Not less than what it slept; how much more is the host's affair. */
static void
time_is_counted_in_nanoseconds (void)
{
  const struct stats_total before = stats_total (STATS_SYS_SYNC);
  const uint64_t start = stats_clock ();
  struct stats_total after;

  usleep (2000);
  errno = EXDEV;
  stats_add_since (STATS_SYS_SYNC, start);
  CHECK_INT (errno, EXDEV);
  after = stats_total (STATS_SYS_SYNC);
  CHECK_INT (after.n - before.n, 1);
  CHECK (after.amount - before.amount >= 2000000);
  CHECK (after.amount - before.amount <= stats_clock () - start);
}

/* Scripts look rows up by their two words. */
static void
rows_have_names_of_their_own (void)
{
  unsigned row, other;

  for (row = 0; row < N_STATS; ++row) {
    const struct stats_text *t = &stats_text[row];

    CHECK (strchr (t->group, ' ') == NULL && strchr (t->what, ' ') == NULL);
    CHECK (strlen (t->group) <= 8 && strlen (t->what) <= 18);
    CHECK (strcmp (t->unit, "bytes") == 0 || strcmp (t->unit, "ns") == 0 ||
           strcmp (t->unit, "") == 0);
    for (other = 0; other < row; ++other)
      CHECK (strcmp (t->group, stats_text[other].group) != 0 ||
             strcmp (t->what, stats_text[other].what) != 0);
  }
}

int
main (void)
{
  RUN (nothing_is_lost);
  RUN (a_row_counts_for_itself);
  RUN (time_is_counted_in_nanoseconds);
  RUN (rows_have_names_of_their_own);
  return test_result ();
}
