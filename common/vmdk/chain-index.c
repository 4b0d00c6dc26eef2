/* SPDX-License-Identifier: BSD-3-Clause */
/* The index of a chain: see chain-index.h.
 *
 * Place P has what is known of one of the regions P, P + n, P + 2n, ...: a word
 * of 32 bits, read and written at once.  Its lowest bits are the number
 * of the link, the others tell which of these regions it is.  0, as the table
 * begins, says nothing, since the top link is never in it.
 */

#include <config.h>

#include <stdbool.h>
#include <stdlib.h>

#include "chain-index.h"
#include "vmdk-limits.h"

#define LINK_BITS 9
_Static_assert(MAX_LINKS < 1 << LINK_BITS, "also how many links there are");

struct chain_index {
  uint64_t n;
  uint32_t places[];
};

struct chain_index *
chain_index_create (size_t bytes)
{
  const uint64_t n = bytes / sizeof (uint32_t);
  struct chain_index *x = calloc (1, sizeof *x + n * sizeof x->places[0]);

  if (x != NULL)
    x->n = n;
  return x;
}

void
chain_index_destroy (struct chain_index *x)
{
  free (x);
}

/* Can the word say which region it is? */
static bool
has_place (const struct chain_index *x, uint64_t region)
{
  return x->n > 0 && region / x->n < UINT32_C (1) << (32 - LINK_BITS);
}

size_t
chain_index_get (struct chain_index *x, uint64_t region)
{
  uint32_t word;

  if (!has_place (x, region))
    return 0;
  word = __atomic_load_n (&x->places[region % x->n], __ATOMIC_RELAXED);
  return word >> LINK_BITS == region / x->n ? word & ((1 << LINK_BITS) - 1) : 0;
}

void
chain_index_put (struct chain_index *x, uint64_t region, size_t link)
{
  if (has_place (x, region))
    __atomic_store_n (&x->places[region % x->n],
                      (uint32_t) (region / x->n << LINK_BITS | link),
                      __ATOMIC_RELAXED);
}
