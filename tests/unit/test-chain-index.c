/* SPDX-License-Identifier: BSD-3-Clause */
/* The index of a chain: nothing is known at first, what was put is got, by
 * nobody else's region, and a region that has to make room for another one is
 * unknown again.
 */

#include <config.h>

#include "chain-index.h"
#include "test.h"
#include "vmdk-limits.h"

/* Room for so many regions. */
#define PLACES 16

static struct chain_index *x;

static void
start (void)
{
  x = chain_index_create (PLACES * 4);
  CHECK (x != NULL);
}

static void
nothing_is_known_at_first (void)
{
  uint64_t i;

  start ();
  for (i = 0; i < 3 * PLACES; ++i)
    CHECK_INT (chain_index_get (x, i), 0);
  chain_index_destroy (x);
}

static void
what_was_put_is_got (void)
{
  uint64_t i;

  start ();
  for (i = 0; i < PLACES; ++i)
    chain_index_put (x, i, MAX_LINKS - i);
  for (i = 0; i < PLACES; ++i)
    CHECK_INT (chain_index_get (x, i), MAX_LINKS - i);
  chain_index_put (x, 5, 1);
  CHECK_INT (chain_index_get (x, 5), 1);
  CHECK_INT (chain_index_get (x, 6), MAX_LINKS - 6);
  chain_index_destroy (x);
}

static void
two_regions_of_one_place_are_not_mixed_up (void)
{
  const uint64_t far = 3 + PLACES * UINT64_C (1000000);

  start ();
  chain_index_put (x, 3, 7);
  CHECK_INT (chain_index_get (x, 3 + PLACES), 0);
  CHECK_INT (chain_index_get (x, far), 0);
  chain_index_put (x, far, 9);
  CHECK_INT (chain_index_get (x, far), 9);
  CHECK_INT (chain_index_get (x, 3), 0);
  chain_index_destroy (x);
}

/* Its number would not fit, and must not be taken for another's. */
static void
a_region_that_is_too_far_away_is_never_known (void)
{
  const uint64_t too_far = 3 + PLACES * (UINT64_C (1) << 23);

  start ();
  chain_index_put (x, 3, 7);
  chain_index_put (x, too_far, 9);
  CHECK_INT (chain_index_get (x, too_far), 0);
  CHECK_INT (chain_index_get (x, 3), 7);
  chain_index_put (x, UINT64_MAX, 9);
  CHECK_INT (chain_index_get (x, UINT64_MAX), 0);
  chain_index_destroy (x);
}

static void
without_memory_for_one_region_nothing_is_known (void)
{
  x = chain_index_create (3);
  CHECK (x != NULL);
  chain_index_put (x, 0, 1);
  CHECK_INT (chain_index_get (x, 0), 0);
  chain_index_destroy (x);
  chain_index_destroy (NULL);
}

int
main (void)
{
  RUN (nothing_is_known_at_first);
  RUN (what_was_put_is_got);
  RUN (two_regions_of_one_place_are_not_mixed_up);
  RUN (a_region_that_is_too_far_away_is_never_known);
  RUN (without_memory_for_one_region_nothing_is_known);
  return test_result ();
}
