/* SPDX-License-Identifier: BSD-3-Clause */
/* Grain tables: read through the cache; where the primary one is unusable,
 * the redundant one (vmdk-format.md 3.5).
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "grain-writer.h"
#include "report.h"
#include "rounding.h"
#include "stats.h"
#include "vmdk-limits.h"

/* Set in a cache index: a redundant table; a table by its place instead of its
 * number.
 */
#define REDUNDANT (UINT64_C (1) << 63)
#define BY_PLACE  (UINT64_C (1) << 62)

/* Tables beyond the present one from which on they are read in bulk, and how
 * many bytes of them at a time.
 */
#define BULK_AHEAD 4
#define BULK_BYTES (128 << 10)

/* NULL if the budget is used up, or there is no memory: it is not needed. */
static uint64_t *
make_room_for_places (const struct grains *g)
{
  size_t *left = g->extent->resources->known_tables;
  uint64_t *places = NULL;

  if (left != NULL && g->geometry.n_tables <= *left) {
    places = calloc (g->geometry.n_tables, sizeof *places);
    if (places != NULL)
      *left -= g->geometry.n_tables;
  }
  return places;
}

void
grains_init (struct grains *g, struct extent *e,
             const struct grain_format *format, void *detail)
{
  g->format = format;
  g->detail = detail;
  g->file = e->file;
  g->extent = e;
  g->tables = e->resources->tables;
  /* The text's count is the disk's (2.5): what is behind it does not exist. */
  g->geometry.capacity = e->length;
  g->geometry.n_tables = div_round_up (
    div_round_up (e->length, g->geometry.grain_bytes), g->geometry.gtes_per_gt);
  e->grain_bytes = g->geometry.grain_bytes;
  pthread_mutex_init (&g->lock, NULL);
  g->writer = NULL;
  g->known_tables = make_room_for_places (g);
  g->grown_to = 0;
  g->areas_known = false;
  g->warned = g->warned_zero = false;
  g->areas = g->overlap = NULL;
  g->n_areas = g->n_overlaps = 0;
}

void
grains_destroy (struct grains *g)
{
  grain_writer_free (g->writer);
  pthread_mutex_destroy (&g->lock);
  free (g->known_tables);
  free (g->areas);
  free (g->overlap);
}

/* Are the tables from OFFSET to END the only things there?  Returns -1, kept
 * in the walk.
 */
static int
are_alone (struct grain_walk *w, uint64_t offset, uint64_t end)
{
  uint64_t found;

  if (!w->g->format->mixed)
    return 1;
  if (grain_dir_metadata_in (w, true, offset, end, &found) == -1)
    return -1;
  return found == end;
}

static int
check_alone (struct grain_walk *w, uint64_t table, uint64_t offset)
{
  int r = are_alone (w, offset, offset + grain_table_bytes (w->g));

  if (r == 0)
    grain_walk_problem (
      w, EIO,
      GRAIN_TABLE_PROBLEM ", at sector %" PRIu64 ": expected it to have its "
                          "place for itself, but another table lies there too: "
                          "the file is damaged",
      GRAIN_TABLE_PROBLEM_ARGS (w->g, table), offset / SECTOR_SIZE);
  return r == 1 ? 0 : -1;
}

/* Is the table at OFFSET in a hole of the file, and so all absent?  Tables
 * that were made at creation and never written are: QEMU's, for one.
 */
static bool
is_hole (struct grain_walk *w, uint64_t offset)
{
  const struct grains *g = w->g;
  const uint64_t end = offset + grain_table_bytes (g);
  uint64_t hole_end;

  if (offset >= w->hole_start && end <= w->hole_end)
    return true;
  hole_end = file_hole_end (g->file, offset, grain_file_size (g));
  if (hole_end < end)
    return false;
  w->hole_start = offset;
  w->hole_end = hole_end;
  return true;
}

/* Add to what failed which table it was. */
static void
blame_table (struct grain_walk *w, uint64_t table)
{
  char *problem = TAKE (w->problem);

  grain_walk_problem (w, w->err, GRAIN_TABLE_PROBLEM " cannot be read: %s",
                      GRAIN_TABLE_PROBLEM_ARGS (w->g, table),
                      problem ? problem : strerror (w->err));
  free (problem);
}

/* For the cache. */
static enum cache_result
load_table (void *opaque, uint64_t index, void *buf, size_t size)
{
  struct grain_walk *w = opaque;
  const uint64_t table = w->table;
  const uint64_t offset = w->table_offset;

  (void) index;
  if (is_hole (w, offset))
    return CACHE_EMPTY;
  if (check_alone (w, table, offset) == -1)
    return CACHE_FAILED;
  if (grain_walk_read (w, buf, size, offset) == 0)
    return CACHE_FOUND;
  blame_table (w, table);
  return CACHE_FAILED;
}

static enum cache_result
read_table_at (struct grain_walk *w, uint64_t index, uint64_t offset,
               size_t first, size_t n, unsigned char *entries)
{
  struct grains *g = w->g;
  struct cache_key key = { g, index };
  const unsigned entry_bytes = g->format->entry_bytes;
  enum cache_result r;

  if (offset >= w->hole_start && offset + grain_table_bytes (g) <= w->hole_end)
    return CACHE_EMPTY;
  w->table_offset = offset;
  r = cache_read (g->tables, key, grain_table_bytes (g), load_table, w,
                  first * entry_bytes, n * entry_bytes, entries);
  if (r != CACHE_NO_MEMORY)
    return r;
  grain_walk_problem (w, ENOMEM, "%s: no memory for a grain table",
                      g->file->name);
  return CACHE_FAILED;
}

/* Have table TABLE, at OFFSET, in the walk's bulk, if AHEAD more are wanted
 * after it and some of them lie behind it.
 */
static bool
fill_bulk (struct grain_walk *w, uint64_t table, uint64_t ahead,
           uint64_t offset)
{
  struct grains *g = w->g;
  const size_t table_bytes = grain_table_bytes (g);
  uint64_t n;

  if (table - w->bulk_first < w->bulk_count)
    return true;
  if (!w->long_run || ahead < BULK_AHEAD || is_hole (w, offset))
    return false;
  n = min_u64 (grain_dir_adjacent (w, table, ahead), BULK_BYTES / table_bytes);
  if (n < 2 || are_alone (w, offset, offset + n * table_bytes) != 1)
    return false;
  if (w->bulk == NULL)
    w->bulk = malloc (BULK_BYTES);
  w->bulk_count = 0;
  if (w->bulk == NULL ||
      grain_walk_read (w, w->bulk, n * table_bytes, offset) == -1)
    return false;
  stats_add (STATS_TABLE_BULK, n, n * table_bytes);
  w->bulk_first = table;
  w->bulk_count = n;
  return true;
}

/* Why the primary table is unusable is in the walk. */
static void
warn_redundant (struct grain_walk *w, uint64_t table)
{
  if (!__atomic_exchange_n (&w->g->warned, true, __ATOMIC_RELAXED))
    report_warning ("%s; the redundant copy of grain table %" PRIu64
                    " is used instead: copy the disk while it can be read",
                    w->problem ? w->problem : w->g->file->name, table);
}

/* The redundant table, where the primary one is unusable. */
static enum cache_result
read_redundant (struct grain_walk *w, uint64_t table, size_t first, size_t n,
                unsigned char *entries)
{
  struct grain_walk redundant;
  enum cache_result r = CACHE_FAILED;
  uint64_t offset;

  /* A walk of its own: if it fails, the primary's problem is the one to tell
   * about.
   */
  grain_walk_start (&redundant, w->g);
  redundant.table = table;
  switch (grain_dir_find (&redundant, true, table, 0, &offset)) {
  case ENTRY_AT:
    r =
      read_table_at (&redundant, table | REDUNDANT, offset, first, n, entries);
    break;
  case ENTRY_ABSENT: r = CACHE_EMPTY; break;
  default: break;
  }
  grain_walk_end (&redundant, false, true);
  if (r != CACHE_FAILED)
    warn_redundant (w, table);
  return r;
}

void
grain_table_forget (struct grains *g, uint64_t table)
{
  cache_drop (g->tables, (struct cache_key){ g, table });
  cache_drop (g->tables, (struct cache_key){ g, table | REDUNDANT });
}

uint64_t
grain_file_size (const struct grains *g)
{
  struct grain_writer *w = __atomic_load_n (&g->writer, __ATOMIC_ACQUIRE);

  return w ? __atomic_load_n (&w->space.file_size, __ATOMIC_ACQUIRE)
           : max_u64 (g->geometry.file_size,
                      __atomic_load_n (&g->grown_to, __ATOMIC_ACQUIRE));
}

/* The table where PLACE says, which has been asked and knows OFFSET; the cache
 * knows such tables by that.
 */
static enum cache_result
read_placed (struct grain_walk *w, uint64_t table, enum table_place place,
             uint64_t offset, size_t first, size_t n, unsigned char *entries)
{
  switch (place) {
  case TABLE_COPIED: return CACHE_FOUND;
  case TABLE_ABSENT: return CACHE_EMPTY;
  case TABLE_AT:
    return read_table_at (w, offset / SECTOR_SIZE | BY_PLACE, offset, first, n,
                          entries);
  default:
    grain_walk_problem (w, EIO,
                        GRAIN_TABLE_PROBLEM
                        ", said to be at byte %" PRIu64 " of the file, is not "
                        "inside it, or in the header: the file is damaged or "
                        "incomplete",
                        GRAIN_TABLE_PROBLEM_ARGS (w->g, table), offset);
    return CACHE_FAILED;
  }
}

enum cache_result
grain_table_read (struct grain_walk *w, uint64_t table, uint64_t ahead,
                  size_t first, size_t n, unsigned char *entries)
{
  struct grains *g = w->g;
  const unsigned entry_bytes = g->format->entry_bytes;
  struct grain_writer *writer = __atomic_load_n (&g->writer, __ATOMIC_ACQUIRE);
  enum cache_result r = CACHE_FAILED;
  enum table_place place = TABLE_IN_FILE;
  uint64_t offset;

  w->table = table;
  if (g->format->place)
    place = g->format->place (g, table, first, n, entries, &offset);
  if (place != TABLE_IN_FILE)
    return read_placed (w, table, place, offset, first, n, entries);
  /* What has changed comes first: neither cache nor file knows of it. */
  if (writer) {
    if (grain_writer_read (writer, table, first, n, entries))
      return CACHE_FOUND;
    grain_walk_refresh (w);
  }
  switch (grain_dir_find (w, false, table, ahead, &offset)) {
  case ENTRY_ABSENT: return CACHE_EMPTY;
  case ENTRY_AT:
    if (fill_bulk (w, table, ahead, offset)) {
      memcpy (entries,
              w->bulk + (table - w->bulk_first) * grain_table_bytes (g) +
                first * entry_bytes,
              n * entry_bytes);
      return CACHE_FOUND;
    }
    r = read_table_at (w, table, offset, first, n, entries);
    break;
  default: break;
  }
  if (r == CACHE_FAILED && g->geometry.rgd_offset && w->err != ENOMEM)
    r = read_redundant (w, table, first, n, entries);
  return r;
}
