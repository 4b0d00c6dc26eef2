/* SPDX-License-Identifier: BSD-3-Clause */
/* The way of changed entries to the medium; the invariants are at the top of
 * grain-alloc.c.
 *
 * A flush takes a snapshot of the dirty tables and then
 *
 *   1. syncs the data (and a COWD's freeSector), which the snapshot refers to,
 *   2. writes the redundant tables, then the primary ones,
 *   3. if there are new tables, syncs them and writes the directories,
 *   4. syncs.
 *
 * An entry that was cleared and made anew since the last flush goes to the
 * medium in two steps, cleared first, with a sync between: so the copies of a
 * table never name two different grains, of which nobody could tell which is
 * right (vmdk-format.md 12.4, row 5).
 *
 * What is published meanwhile is not in the snapshot and waits for the next
 * flush, since its data may have been written after step 1.  Without changed
 * entries a flush is step 1.  Entries are written in whole sectors, which are
 * atomic, and each sector's old and new content are both good.
 */

#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "cleanup.h"
#include "grain-writer.h"
#include "rounding.h"
#include "stats.h"
#include "vmdk-limits.h"

/* What is to be written of one table. */
struct piece {
  struct dirty_table *table; /* held by the flush */
  uint32_t first, last;      /* as they were, to be put back on failure */
  bool unlinked, redundant_unlinked;
  size_t at, count; /* bytes of the table: whole sectors */
  unsigned char *bytes;
  renewal_vector renewals;
  unsigned char *cleared; /* as it was */
};

DEFINE_VECTOR (piece_vector, struct piece);

static int
add_piece (struct grain_writer *w, piece_vector *pieces, struct dirty_table *t)
{
  const size_t at = t->first * (size_t) 4 / SECTOR_SIZE * SECTOR_SIZE;
  const size_t end =
    min_u64 (div_round_up (t->last * (size_t) 4, SECTOR_SIZE) * SECTOR_SIZE,
             grain_table_bytes (w->g));
  struct piece p = { .table = t,
                     .first = t->first,
                     .last = t->last,
                     .unlinked = t->unlinked,
                     .redundant_unlinked = t->redundant_unlinked,
                     .at = at,
                     .count = end - at,
                     .bytes = malloc (end - at),
                     .renewals = t->renewals,
                     .cleared = malloc (grain_cleared_bytes (w->g)) };

  if (p.bytes == NULL || p.cleared == NULL ||
      piece_vector_append (pieces, p) == -1) {
    free (p.bytes);
    free (p.cleared);
    return grain_no_memory (w->g);
  }
  memcpy (p.cleared, t->cleared, grain_cleared_bytes (w->g));
  memcpy (p.bytes, t->entries + at, end - at);
  memset (t->cleared, 0, grain_cleared_bytes (w->g));
  t->renewals = (renewal_vector) VECTOR_EMPTY;
  t->first = t->last = 0;
  t->holders++;
  return 0;
}

/* Copy all that has changed. */
static int
take_snapshot (struct grain_writer *w, piece_vector *pieces, span_vector *freed)
{
  struct dirty_table *t;
  size_t i;
  LOCK_FOR_SCOPE (&w->lock);

  for (i = 0; w->n_tables > 0 && i < DIRTY_BUCKETS; ++i)
    for (t = w->buckets[i]; t != NULL; t = t->next)
      if (t->first < t->last && add_piece (w, pieces, t) == -1)
        return -1;
  *freed = space_begin_flush (&w->space);
  return 0;
}

static int
compare_primary (const void *a, const void *b)
{
  const struct piece *x = a, *y = b;

  return (x->table->offset > y->table->offset) -
         (x->table->offset < y->table->offset);
}

static int
compare_redundant (const void *a, const void *b)
{
  const struct piece *x = a, *y = b;

  return (x->table->redundant > y->table->redundant) -
         (x->table->redundant < y->table->redundant);
}

static uint64_t
piece_offset (const struct piece *p, bool redundant)
{
  return (redundant ? p->table->redundant : p->table->offset) + p->at;
}

/* Write one copy of the tables; those that are side by side at once. */
static int
write_copy (struct grain_writer *w, piece_vector *pieces, bool redundant)
{
  struct file_part parts[8];
  uint64_t offset, next;
  size_t i = 0;
  unsigned n;

  qsort (pieces->items, pieces->count, sizeof pieces->items[0],
         redundant ? compare_redundant : compare_primary);
  while (i < pieces->count) {
    offset = next = piece_offset (&pieces->items[i], redundant);
    for (n = 0; n < 8 && i < pieces->count; ++n, ++i) {
      const struct piece *p = &pieces->items[i];

      if (piece_offset (p, redundant) != next)
        break;
      parts[n] = (struct file_part){ p->bytes, p->count };
      next += p->count;
    }
    if (file_pwrite_parts (w->g->file, parts, n, offset) == -1)
      return -1;
  }
  return 0;
}

static int
write_gde (struct grain_writer *w, uint64_t directory, uint64_t number,
           uint64_t offset)
{
  unsigned char entry[4];

  store_le32 (entry, offset / SECTOR_SIZE);
  return file_pwrite (w->g->file, entry, sizeof entry, directory + 4 * number);
}

/* Let the directories name the new tables, which are stable once this has
 * synced them (I2).
 */
static int
link_tables (struct grain_writer *w, const piece_vector *pieces)
{
  const struct geometry *geo = &w->g->geometry;
  bool any = false;
  size_t i;

  for (i = 0; i < pieces->count; ++i)
    any |= pieces->items[i].unlinked || pieces->items[i].redundant_unlinked;
  if (!any)
    return 0;
  if (writing_sync (w->writing, w->g->file) == -1)
    return -1;
  for (i = 0; i < pieces->count; ++i) {
    const struct piece *p = &pieces->items[i];

    if ((p->redundant_unlinked &&
         write_gde (w, geo->rgd_offset, p->table->number,
                    p->table->redundant) == -1) ||
        (p->unlinked && write_gde (w, geo->gd_offset, p->table->number,
                                   p->table->offset) == -1))
      return -1;
  }
  return 0;
}

static void
exchange (struct piece *p, struct renewal *r)
{
  unsigned char *entry = p->bytes + (4 * (size_t) r->index - p->at);
  const uint32_t raw = load_le32 (entry);

  store_le32 (entry, r->raw);
  r->raw = raw;
}

/* Exchange what is in the bytes of P with what its renewals say, or back, which
 * is backwards, since one entry may have been renewed several times.
 */
static void
exchange_renewals (struct piece *p, bool back)
{
  size_t i;

  for (i = 0; i < p->renewals.count; ++i)
    exchange (p, &p->renewals.items[back ? p->renewals.count - 1 - i : i]);
}

/* Let entries that name another grain now name none first. */
static int
write_cleared (struct grain_writer *w, piece_vector *pieces)
{
  piece_vector renewed = VECTOR_EMPTY;
  size_t i;
  int r = 0;

  for (i = 0; r == 0 && i < pieces->count; ++i)
    if (pieces->items[i].renewals.count > 0 &&
        piece_vector_append (&renewed, pieces->items[i]) == -1)
      r = grain_no_memory (w->g);
  if (r == 0 && renewed.count > 0) {
    for (i = 0; i < renewed.count; ++i)
      exchange_renewals (&renewed.items[i], false);
    if (write_copy (w, &renewed, true) == -1 ||
        write_copy (w, &renewed, false) == -1)
      r = -1;
    else
      r = writing_sync (w->writing, w->g->file);
    for (i = 0; i < renewed.count; ++i)
      exchange_renewals (&renewed.items[i], true);
  }
  free (renewed.items);
  return r;
}

static int
write_snapshot (struct grain_writer *w, piece_vector *pieces)
{
  struct grains *g = w->g;

  if (g->format->set_free &&
      g->format->set_free (g, space_end (&w->space), false) == -1)
    return -1;
  if (writing_sync (w->writing, g->file) == -1)
    return -1;
  if (g->geometry.rgd_offset &&
      (write_cleared (w, pieces) == -1 || write_copy (w, pieces, true) == -1))
    return -1;
  if (write_copy (w, pieces, false) == -1 || link_tables (w, pieces) == -1)
    return -1;
  return writing_sync (w->writing, g->file);
}

/* What was not written of renewals comes before what happened since. */
static void
put_renewals_back (struct dirty_table *t, struct piece *p, size_t n_cleared)
{
  size_t i;

  for (i = 0; i < n_cleared; ++i)
    t->cleared[i] |= p->cleared[i];
  for (i = 0; i < t->renewals.count; ++i)
    (void) renewal_vector_append (&p->renewals, t->renewals.items[i]);
  free (t->renewals.items);
  t->renewals = p->renewals;
  p->renewals = (renewal_vector) VECTOR_EMPTY;
}

/* The piece is in the file; or, unless DURABLE, perhaps not. */
static void
settle_piece (struct grain_writer *w, struct piece *p, bool durable)
{
  struct dirty_table *t = p->table;

  if (durable) {
    stats_add (STATS_TABLE_FLUSHED, 1, p->count);
    /* Before the table is let go of: who does not find it here must not find
     * an old one in the cache.
     */
    grain_table_forget (w->g, t->number);
    if (p->unlinked)
      grain_dir_forget (w->g, false, t->number);
    if (p->redundant_unlinked)
      grain_dir_forget (w->g, true, t->number);
  }
  LOCK_FOR_SCOPE (&w->lock);
  if (!durable)
    put_renewals_back (t, p, grain_cleared_bytes (w->g));
  if (durable) {
    t->unlinked &= !p->unlinked;
    t->redundant_unlinked &= !p->redundant_unlinked;
  }
  else if (t->first >= t->last) {
    t->first = p->first;
    t->last = p->last;
  }
  else {
    t->first = min_u64 (t->first, p->first);
    t->last = max_u64 (t->last, p->last);
  }
  t->holders--;
  grain_table_let_go (w, t);
}

static void
settle (struct grain_writer *w, piece_vector *pieces, bool durable)
{
  size_t i;

  for (i = 0; i < pieces->count; ++i) {
    settle_piece (w, &pieces->items[i], durable);
    free (pieces->items[i].bytes);
    free (pieces->items[i].cleared);
    free (pieces->items[i].renewals.items);
  }
  free (pieces->items);
}

/* With the flush lock held. */
static int
flush (struct grain_writer *w)
{
  piece_vector pieces = VECTOR_EMPTY;
  span_vector freed = VECTOR_EMPTY;
  int r;

  stats_count (STATS_EXTENT_FLUSH);
  r = take_snapshot (w, &pieces, &freed);
  if (r == 0)
    r = pieces.count > 0 ? write_snapshot (w, &pieces)
                         : writing_sync (w->writing, w->g->file);
  settle (w, &pieces, r == 0);
  space_end_flush (&w->space, freed, r == 0);
  return r;
}

int
grains_flush (struct extent *e)
{
  struct grains *g = e->state;
  LOCK_FOR_SCOPE (&g->writer->flush_lock);

  return flush (g->writer);
}

/* Do the dirty tables of all extents take more than so much, and these more
 * than their share; or is there much to be reused?  What the others hold back
 * waits for their own requests or a flush: so all together have at most the
 * sum of the shares more.
 */
static bool
wants_relief (struct grain_writer *w, size_t max_dirty, bool takes_space)
{
  const struct writing *all = w->writing;

  return (__atomic_load_n (&all->dirty_bytes, __ATOMIC_RELAXED) > max_dirty &&
          __atomic_load_n (&w->dirty_bytes, __ATOMIC_RELAXED) >
            all->max_dirty / all->n_extents) ||
         space_wants_flush (&w->space, takes_space);
}

/* One request flushes; others go on meanwhile, up to half as much again, and
 * who has waited for a flush does not need another one.
 */
int
grains_relieve (struct extent *e, bool takes_space)
{
  const struct grains *g = e->state;
  struct grain_writer *w = g->writer;
  const size_t max_dirty = w->writing->max_dirty;
  int r = 0;

  if (wants_relief (w, max_dirty, takes_space)) {
    if (pthread_mutex_trylock (&w->flush_lock) == 0) {
      r = flush (w);
      pthread_mutex_unlock (&w->flush_lock);
    }
    else if (wants_relief (w, max_dirty + max_dirty / 2, takes_space)) {
      LOCK_FOR_SCOPE (&w->flush_lock);
      if (wants_relief (w, max_dirty, takes_space))
        r = flush (w);
    }
  }
  if (r == 0 && takes_space)
    space_wait (&w->space);
  return r;
}

/* ---- the mark of being in use ---- */

/* Let the redundant copy of a table be what the primary is: that is what was
 * read so far, and what counted when the crash came.
 */
static int
mend (struct grain_writer *w, const struct torn *t, unsigned char *buf)
{
  struct grains *g = w->g;
  const size_t bytes = grain_table_bytes (g);

  if (t->offset == 0) {
    if (write_gde (w, g->geometry.rgd_offset, t->number, 0) == -1)
      return -1;
    grain_dir_forget (g, true, t->number);
  }
  else if (file_pread (g->file, buf, bytes, t->offset) == -1 ||
           file_pwrite (g->file, buf, bytes, t->redundant) == -1)
    return -1;
  grain_table_forget (g, t->number);
  return 0;
}

static int
mend_all (struct grain_writer *w)
{
  CLEANUP_FREE unsigned char *buf = malloc (grain_table_bytes (w->g));
  size_t i;

  if (buf == NULL)
    return grain_no_memory (w->g);
  for (i = 0; i < w->torn.count; ++i)
    if (mend (w, &w->torn.items[i], buf) == -1)
      return -1;
  w->torn.count = 0;
  return 0;
}

/* The caller syncs the file. */
int
grains_set_unclean (struct extent *e, bool unclean)
{
  struct grains *g = e->state;

  if (g->format->set_unclean (g, unclean) == -1)
    return -1;
  return g->writer->torn.count > 0 ? mend_all (g->writer) : 0;
}

int
grains_finish (struct extent *e)
{
  struct grains *g = e->state;
  struct grain_writer *w = g->writer;
  const uint64_t end = space_cut_tail (&w->space);

  /* Left by a crash, and not changed since. */
  if (w->torn.count > 0 && mend_all (w) == -1)
    return -1;

  /* A COWD's freeSector lies inside the file, one sector before its end at
   * least (5.1).
   */
  if (file_truncate (g->file, end + (g->format->set_free ? SECTOR_SIZE : 0)) ==
      -1)
    return -1;
  if (g->format->set_free && g->format->set_free (g, end, true) == -1)
    return -1;
  if (writing_sync (w->writing, g->file) == -1 ||
      grains_set_unclean (e, false) == -1)
    return -1;
  return writing_sync (w->writing, g->file);
}
