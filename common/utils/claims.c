/* SPDX-License-Identifier: BSD-3-Clause */
/* Claims: see claims.h. */

#include <config.h>

#include <stdbool.h>

#include "claims.h"
#include "cleanup.h"
#include "stats.h"

void
claims_init (struct claims *c)
{
  pthread_mutex_init (&c->lock, NULL);
  pthread_cond_init (&c->change, NULL);
  c->held = NULL;
}

void
claims_destroy (struct claims *c)
{
  pthread_mutex_destroy (&c->lock);
  pthread_cond_destroy (&c->change);
}

static bool
is_held (const struct claims *c, uint64_t first, uint64_t count)
{
  const struct claim *i;

  for (i = c->held; i != NULL; i = i->next)
    if (first < i->first + i->count && i->first < first + count)
      return true;
  return false;
}

/* With the lock held. */
static void
wait_until_free (struct claims *c, uint64_t first, uint64_t count)
{
  const uint64_t start = stats_clock ();

  while (is_held (c, first, count))
    pthread_cond_wait (&c->change, &c->lock);
  stats_add_since (STATS_CLAIM_WAIT, start);
}

void
claims_take (struct claims *c, struct claim *claim, uint64_t first,
             uint64_t count)
{
  LOCK_FOR_SCOPE (&c->lock);

  stats_count (STATS_CLAIM);
  if (is_held (c, first, count))
    wait_until_free (c, first, count);
  claim->first = first;
  claim->count = count;
  claim->next = c->held;
  c->held = claim;
}

void
claims_release (struct claims *c, struct claim *claim)
{
  struct claim **p = &c->held;
  LOCK_FOR_SCOPE (&c->lock);

  while (*p != claim)
    p = &(*p)->next;
  *p = claim->next;
  pthread_cond_broadcast (&c->change);
}
