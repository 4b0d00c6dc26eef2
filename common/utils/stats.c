/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters: see stats.h. */

#include <config.h>

#include <errno.h>
#include <stddef.h>
#include <time.h>

#include "stats.h"

/* More than that many threads share.  The server's usual number, since those of
 * one connection are started one after the other.
 */
#define SHARDS 16

struct shard {
  struct stats_total rows[N_STATS];
} __attribute__ ((__aligned__ (128))); /* lines are fetched in pairs */

static struct shard shards[SHARDS];
static unsigned n_threads; /* atomic: that have counted something */
static __thread struct shard *my_shard;

#define TEXT(name, group, what, unit) { group, what, unit },
const struct stats_text stats_text[N_STATS] = { STATS_TABLE (TEXT) };

static struct stats_total *
row_of (enum stats_row row)
{
  struct shard *s = my_shard;

  if (s == NULL) {
    s = &shards[__atomic_fetch_add (&n_threads, 1, __ATOMIC_RELAXED) % SHARDS];
    my_shard = s;
  }
  return &s->rows[row];
}

void
stats_add (enum stats_row row, uint64_t n, uint64_t amount)
{
  struct stats_total *t = row_of (row);

  __atomic_fetch_add (&t->n, n, __ATOMIC_RELAXED);
  __atomic_fetch_add (&t->amount, amount, __ATOMIC_RELAXED);
}

void
stats_count (enum stats_row row)
{
  __atomic_fetch_add (&row_of (row)->n, 1, __ATOMIC_RELAXED);
}

uint64_t
stats_clock (void)
{
  const int saved = errno;
  struct timespec now = { 0 };

  (void) clock_gettime (CLOCK_MONOTONIC, &now); /* cannot fail on Linux */
  errno = saved;
  return now.tv_sec * UINT64_C (1000000000) + now.tv_nsec;
}

void
stats_add_since (enum stats_row row, uint64_t start)
{
  stats_add (row, 1, stats_clock () - start);
}

struct stats_total
stats_total (enum stats_row row)
{
  struct stats_total sum = { 0 };
  unsigned i;

  for (i = 0; i < SHARDS; ++i) {
    const struct stats_total *t = &shards[i].rows[row];

    sum.n += __atomic_load_n (&t->n, __ATOMIC_RELAXED);
    sum.amount += __atomic_load_n (&t->amount, __ATOMIC_RELAXED);
  }
  return sum;
}
