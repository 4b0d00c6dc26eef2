/* SPDX-License-Identifier: BSD-3-Clause */
/* The entries of grain tables that have changed, as long as they are in memory
 * only.
 *
 * Invariants (I6-I8 live in chain.c, writing.c and descriptor-edit.c, I9 in
 * writing.c):
 *
 *   I1  An entry in the file never refers to a grain whose data was not stable
 *       before the entry was written.
 *   I2  An entry of the grain directory never refers to a table that was not
 *       stable before.
 *   I3  Space is reused only after the entry that referred to it is durably
 *       cleared.
 *   I4  Each copy of redundant tables obeys I1-I3 by itself.
 *   I5  A write to part of a grain leaves every other byte reading as before at
 *       every crash point: grain-write.c writes the whole grain, then publishes
 *       its entry here.
 *   I10 A completed flush survives; unflushed writes may vanish, but never
 *       damage anything else.
 *
 * So changed entries stay in memory, in dirty tables, and all readers look here
 * first, until a flush (grain-flush.c) has brought them to the medium.
 */

#include <config.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "cleanup.h"
#include "grain-writer.h"
#include "report.h"
#include "rounding.h"
#include "vmdk-limits.h"

static bool
is_cleared (const struct dirty_table *t, uint32_t i)
{
  return t->cleared[i / 8] & 1u << i % 8;
}

size_t
grain_cleared_bytes (const struct grains *g)
{
  return div_round_up (g->geometry.gtes_per_gt, 8);
}

int
grain_no_memory (const struct grains *g)
{
  report_error ("%s: no memory for a grain table", g->file->name);
  errno = ENOMEM;
  return -1;
}

/* ---- looking up ---- */

static struct dirty_table **
bucket_of (struct grain_writer *w, uint64_t number)
{
  return &w->buckets[number % DIRTY_BUCKETS];
}

static struct dirty_table *
find (struct grain_writer *w, uint64_t number)
{
  struct dirty_table *t = *bucket_of (w, number);

  while (t != NULL && t->number != number)
    t = t->next;
  return t;
}

bool
grain_writer_read (struct grain_writer *w, uint64_t table, size_t first,
                   size_t n, unsigned char *entries)
{
  const unsigned entry_bytes = w->g->format->entry_bytes;
  const struct dirty_table *t;

  if (__atomic_load_n (&w->n_tables, __ATOMIC_ACQUIRE) == 0)
    return false;
  LOCK_FOR_SCOPE (&w->lock);
  t = find (w, table);
  if (t != NULL)
    memcpy (entries, t->entries + first * entry_bytes, n * entry_bytes);
  return t != NULL;
}

uint64_t
grain_removals (const struct grains *g)
{
  const struct grain_writer *w = __atomic_load_n (&g->writer, __ATOMIC_ACQUIRE);

  return w ? __atomic_load_n (&w->removals, __ATOMIC_ACQUIRE) : 0;
}

/* ---- holding ---- */

/* Where the copies of table T are, 0 where there is none. */
static int
locate (struct grain_writer *w, struct dirty_table *t)
{
  struct grain_walk walk;
  enum entry primary, redundant = ENTRY_ABSENT;

  grain_walk_start (&walk, w->g);
  primary = grain_dir_find (&walk, false, t->number, 0, &t->offset);
  if (primary != ENTRY_BAD && w->g->geometry.rgd_offset)
    redundant = grain_dir_find (&walk, true, t->number, 0, &t->redundant);
  if (primary == ENTRY_ABSENT)
    t->offset = 0;
  if (redundant == ENTRY_ABSENT)
    t->redundant = 0;
  if (primary == ENTRY_BAD || redundant == ENTRY_BAD) {
    grain_walk_end (&walk, true, false);
    return -1;
  }
  grain_walk_end (&walk, false, true);
  return 0;
}

/* Find room for the copies of T that there are not. */
static int
place (struct grain_writer *w, struct dirty_table *t)
{
  const uint64_t bytes = grain_table_bytes (w->g);

  if (t->offset == 0) {
    if (space_take_table (&w->space, bytes, &t->offset) == -1)
      return -1;
    t->unlinked = true;
  }
  if (w->g->geometry.rgd_offset && t->redundant == 0) {
    if (space_take_table (&w->space, bytes, &t->redundant) == -1)
      return -1;
    t->redundant_unlinked = true;
  }
  /* A new copy is written as a whole. */
  t->first = 0;
  t->last =
    t->unlinked || t->redundant_unlinked ? w->g->geometry.gtes_per_gt : 0;
  return 0;
}

/* Read what the file says of table NUMBER. */
static struct dirty_table *
load (struct grain_writer *w, uint64_t number)
{
  struct grains *g = w->g;
  const size_t bytes = grain_table_bytes (g);
  CLEANUP_FREE struct dirty_table *t =
    calloc (1, sizeof *t + bytes + grain_cleared_bytes (g));
  struct grain_walk walk;
  enum cache_result r;

  if (t == NULL) {
    grain_no_memory (g);
    return NULL;
  }
  t->number = number;
  t->cleared = t->entries + bytes;
  if (locate (w, t) == -1)
    return NULL;
  if (t->offset != 0) {
    grain_walk_start (&walk, g);
    r = grain_table_read (&walk, number, 0, 0, g->geometry.gtes_per_gt,
                          t->entries);
    if (r == CACHE_EMPTY)
      memset (t->entries, 0, bytes);
    grain_walk_end (&walk, r < 0, false);
    if (r < 0)
      return NULL;
  }
  return TAKE (t);
}

/* So many bytes more, for this extent and for all. */
static void
count_dirty (struct grain_writer *w, size_t bytes)
{
  __atomic_fetch_add (&w->dirty_bytes, bytes, __ATOMIC_RELAXED);
  __atomic_fetch_add (&w->writing->dirty_bytes, bytes, __ATOMIC_RELAXED);
}

static void
insert (struct grain_writer *w, struct dirty_table *t)
{
  struct dirty_table **bucket = bucket_of (w, t->number);

  t->next = *bucket;
  *bucket = t;
  count_dirty (w, sizeof *t + grain_table_bytes (w->g));
  __atomic_fetch_add (&w->n_tables, 1, __ATOMIC_RELEASE);
}

struct dirty_table *
grain_table_hold (struct grain_writer *w, uint64_t number)
{
  for (;;) {
    CLEANUP_FREE struct dirty_table *loaded = NULL;
    struct dirty_table *t;
    uint64_t removals;

    {
      LOCK_FOR_SCOPE (&w->lock);
      t = find (w, number);
      if (t != NULL) {
        t->holders++;
        return t;
      }
      removals = w->removals;
    }
    loaded = load (w, number);
    if (loaded == NULL)
      return NULL;
    {
      LOCK_FOR_SCOPE (&w->lock);
      /* If a table has been let go of meanwhile, it may have been this one, and
       * what was read be of before it changed.
       */
      if (find (w, number) != NULL || w->removals != removals)
        continue;
      if (place (w, loaded) == -1)
        return NULL;
      loaded->holders = 1;
      insert (w, loaded);
      return TAKE (loaded);
    }
  }
}

void
grain_table_let_go (struct grain_writer *w, struct dirty_table *t)
{
  struct dirty_table **p = bucket_of (w, t->number);

  if (t->holders > 0 || t->first < t->last)
    return;
  while (*p != t)
    p = &(*p)->next;
  *p = t->next;
  count_dirty (w, -(sizeof *t + grain_table_bytes (w->g)));
  /* Before it cannot be found any more: see grain_walk_refresh. */
  __atomic_fetch_add (&w->removals, 1, __ATOMIC_RELEASE);
  __atomic_fetch_sub (&w->n_tables, 1, __ATOMIC_RELEASE);
  free (t->renewals.items);
  free (t);
}

void
grain_table_release (struct grain_writer *w, struct dirty_table *t)
{
  LOCK_FOR_SCOPE (&w->lock);

  t->holders--;
  grain_table_let_go (w, t);
}

/* Entry I is about to become RAW. */
static void
note_renewal (struct dirty_table *t, uint32_t i, bool freed)
{
  const uint32_t now = load_le32 (t->entries + 4 * (size_t) i);
  const struct renewal renewal = { i, now };

  if (freed)
    t->cleared[i / 8] |= 1u << i % 8;
  /* Without memory for it the entry is written in one step, which only matters
   * if there is a crash between the two copies.
   */
  else if (is_cleared (t, i) && now <= 1)
    (void) renewal_vector_append (&t->renewals, renewal);
}

void
grain_table_publish (struct grain_writer *w, struct dirty_table *t,
                     uint32_t first, uint32_t n, uint32_t raw, uint32_t step,
                     const struct span *freed)
{
  uint32_t i;
  LOCK_FOR_SCOPE (&w->lock);

  assert (w->g->format->entry_bytes == 4 && t->holders > 0);
  for (i = 0; i < n; ++i) {
    if (w->g->geometry.rgd_offset)
      note_renewal (t, first + i, freed != NULL);
    store_le32 (t->entries + 4 * (size_t) (first + i), raw + i * step);
  }
  if (t->first >= t->last) {
    t->first = first;
    t->last = first + n;
  }
  else {
    t->first = min_u64 (t->first, first);
    t->last = max_u64 (t->last, first + n);
  }
  /* Together with the entries, so that no snapshot has the one without the
   * other (I3).
   */
  if (freed != NULL)
    space_give (&w->space, *freed);
}

/* ---- beginning and end ---- */

void
grain_writer_free (struct grain_writer *w)
{
  struct dirty_table *t, *next;
  size_t i;

  if (w == NULL)
    return;
  for (i = 0; i < DIRTY_BUCKETS; ++i) {
    for (t = w->buckets[i]; t != NULL; t = next) {
      next = t->next;
      free (t->renewals.items);
      free (t);
    }
  }
  free (w->torn.items);
  claims_destroy (&w->claims);
  space_destroy (&w->space);
  pthread_mutex_destroy (&w->lock);
  pthread_mutex_destroy (&w->flush_lock);
  free (w);
}

int
grains_start_writing (struct extent *e, struct writing *writing, char **problem)
{
  struct grains *g = e->state;
  struct grain_writer *w;

  *problem = NULL;
  /* Another extent was the reason that it has to be done again. */
  if (g->writer != NULL)
    return 0;
  w = calloc (1, sizeof *w);
  if (w == NULL)
    return grain_no_memory (g);
  w->g = g;
  w->writing = writing;
  w->zeroed = g->format->announce_zeroed != NULL && !writing->no_zeroed_grains;
  claims_init (&w->claims);
  pthread_mutex_init (&w->lock, NULL);
  pthread_mutex_init (&w->flush_lock, NULL);
  space_init (&w->space, g->file, &writing->epochs, g->geometry.grain_bytes,
              g->format->align (g));
  if (grain_check (w, problem) == -1) {
    grain_writer_free (w);
    return -1;
  }
  __atomic_store_n (&g->writer, w, __ATOMIC_RELEASE);
  return 0;
}
