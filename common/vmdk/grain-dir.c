/* SPDX-License-Identifier: BSD-3-Clause */
/* Grain directories: their entries, read in pages through the cache, and the
 * knowledge that comes out of reading all of them: where in the file the
 * metadata lies.  The latter is gathered at the first need, since it takes
 * time proportional to the directories; writers lay tables side by side, so it
 * is a handful of areas on nearly every disk.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "checked-overflow.h"
#include "cleanup.h"
#include "grain-writer.h"
#include "report.h"
#include "rounding.h"
#include "vector.h"
#include "vmdk-limits.h"

#define PAGE_BYTES 8192

/* Set in a cache index: of the redundant directory. */
#define REDUNDANT (UINT64_C (1) << 63)

void
grain_walk_start (struct grain_walk *w, struct grains *g)
{
  w->g = g;
  w->problem = NULL;
  w->err = 0;
  w->hole_start = w->hole_end = 0;
  w->first_gde = 0;
  w->n_gdes = 0;
  w->long_run = false;
  w->bulk = NULL;
  w->bulk_first = w->bulk_count = 0;
  w->removals = grain_removals (g);
}

void
grain_walk_refresh (struct grain_walk *w)
{
  const uint64_t removals = grain_removals (w->g);

  if (w->removals == removals)
    return;
  w->removals = removals;
  w->hole_start = w->hole_end = 0;
  w->n_gdes = 0;
  w->bulk_count = 0;
}

void
grain_walk_end (struct grain_walk *w, bool failed, bool quiet)
{
  if (failed && !quiet)
    report_error ("%s", w->problem ? w->problem : "no memory for grain tables");
  free (w->problem);
  free (w->bulk);
  if (failed)
    errno = w->err;
}

void
grain_walk_problem (struct grain_walk *w, int err, const char *fmt, ...)
{
  va_list args;

  free (w->problem);
  va_start (args, fmt);
  if (vasprintf (&w->problem, fmt, args) == -1)
    w->problem = NULL;
  va_end (args);
  w->err = err;
}

int
grain_walk_read (struct grain_walk *w, void *buf, size_t count, uint64_t offset)
{
  char *problem;

  if (file_pread_quietly (w->g->file, buf, count, offset, &problem) == 0)
    return 0;
  free (w->problem);
  w->problem = problem;
  w->err = errno;
  return -1;
}

uint64_t
grain_raw_entry (const struct grains *g, const unsigned char *entries, size_t i)
{
  return g->format->entry_bytes == 4 ? load_le32 (entries + 4 * i)
                                     : load_le64 (entries + 8 * i);
}

size_t
grain_table_bytes (const struct grains *g)
{
  return (size_t) g->geometry.gtes_per_gt * g->format->entry_bytes;
}

enum entry
grain_sector_gde (const struct grains *g, uint64_t raw, uint64_t *offset)
{
  (void) g;
  *offset = raw * SECTOR_SIZE;
  return raw == 0 ? ENTRY_ABSENT : ENTRY_AT;
}

uint64_t
grain_sector_step (const struct grains *g)
{
  return g->geometry.grain_bytes / SECTOR_SIZE;
}

static uint64_t
directory_bytes (const struct grains *g)
{
  return g->geometry.n_tables * g->format->entry_bytes;
}

static uint64_t
directory_offset (const struct grains *g, bool redundant)
{
  return redundant ? g->geometry.rgd_offset : g->geometry.gd_offset;
}

/* A page of a directory, for the cache. */
static enum cache_result
load_page (void *opaque, uint64_t index, void *buf, size_t size)
{
  struct grain_walk *w = opaque;
  uint64_t at = (index & ~REDUNDANT) * PAGE_BYTES;
  int r = grain_walk_read (w, buf, size,
                           directory_offset (w->g, index & REDUNDANT) + at);

  return r == -1 ? CACHE_FAILED : CACHE_FOUND;
}

void
grain_dir_forget (struct grains *g, bool redundant, uint64_t table)
{
  const uint64_t page = table * g->format->entry_bytes / PAGE_BYTES;

  cache_drop (g->tables, (struct cache_key){
                           &g->geometry, page | (redundant ? REDUNDANT : 0) });
}

/* Fill the walk's batch with up to N entries from TABLE on. */
static int
read_gdes (struct grain_walk *w, bool redundant, uint64_t table, unsigned n)
{
  struct grains *g = w->g;
  uint64_t at = table * g->format->entry_bytes;
  uint64_t page = at / PAGE_BYTES;
  size_t size = min_u64 (PAGE_BYTES, directory_bytes (g) - page * PAGE_BYTES);
  struct cache_key key = { &g->geometry, page | (redundant ? REDUNDANT : 0) };
  size_t count =
    min_u64 ((uint64_t) n * g->format->entry_bytes, size - at % PAGE_BYTES);

  w->n_gdes = 0;
  switch (cache_read (g->tables, key, size, load_page, w, at % PAGE_BYTES,
                      count, w->gdes)) {
  case CACHE_FOUND: break;
  case CACHE_NO_MEMORY:
    grain_walk_problem (w, ENOMEM, "%s: no memory for the grain directory",
                        g->file->name);
    return -1;
  default: return -1;
  }
  w->first_gde = table;
  w->n_gdes = count / g->format->entry_bytes;
  return 0;
}

/* May a table lie at OFFSET: in the file, behind the header and not in a
 * directory?
 */
static bool
table_fits (const struct grains *g, uint64_t offset)
{
  const struct geometry *geo = &g->geometry;
  const uint64_t bytes = grain_table_bytes (g);

  return offset >= geo->data_start &&
         range_inside (offset, bytes, grain_file_size (g)) &&
         !ranges_overlap (offset, bytes, geo->gd_offset, directory_bytes (g)) &&
         (geo->rgd_offset == 0 ||
          !ranges_overlap (offset, bytes, geo->rgd_offset,
                           directory_bytes (g)));
}

/* Decode an entry and compare it with the file. */
enum entry
grain_dir_check (const struct grains *g, uint64_t raw, uint64_t *offset)
{
  enum entry e = g->format->gde (g, raw, offset);

  if (e == ENTRY_AT && !table_fits (g, *offset))
    e = ENTRY_BAD;
  return e;
}

/* The place of a table that somebody has found before. */
static bool
is_known (struct grains *g, uint64_t table, uint64_t *offset)
{
  if (g->known_tables == NULL)
    return false;
  *offset = __atomic_load_n (&g->known_tables[table], __ATOMIC_RELAXED);
  return *offset != 0;
}

static void
note_known (struct grains *g, uint64_t table, uint64_t offset)
{
  if (g->known_tables)
    __atomic_store_n (&g->known_tables[table], offset, __ATOMIC_RELAXED);
}

enum entry
grain_dir_find (struct grain_walk *w, bool redundant, uint64_t table,
                uint64_t ahead, uint64_t *offset)
{
  struct grains *g = w->g;
  uint64_t raw;
  enum entry e;

  if (!redundant && ahead == 0 && is_known (g, table, offset))
    return ENTRY_AT;
  if (redundant || table - w->first_gde >= w->n_gdes) {
    if (read_gdes (w, redundant, table,
                   redundant ? 1 : min_u64 (ahead + 1, GDE_BATCH)) == -1)
      return ENTRY_BAD;
  }
  raw = grain_raw_entry (g, w->gdes, table - w->first_gde);
  e = grain_dir_check (w->g, raw, offset);
  if (redundant)
    w->n_gdes = 0; /* they are not the primary's */
  else if (e == ENTRY_AT)
    note_known (g, table, *offset);
  if (e == ENTRY_BAD)
    grain_walk_problem (
      w, EIO,
      GRAIN_TABLE_PROBLEM
      ": entry %" PRIu64 " of the grain directory: "
      "expected a table inside the file's %" PRIu64
      " bytes, behind header and descriptor and outside the "
      "directories, found 0x%" PRIx64 ": the file is damaged or incomplete",
      GRAIN_TABLE_PROBLEM_ARGS (g, table), table, grain_file_size (g), raw);
  return e;
}

uint64_t
grain_dir_adjacent (struct grain_walk *w, uint64_t table, uint64_t ahead)
{
  const size_t at = table - w->first_gde;
  const uint64_t most = min_u64 (ahead + 1, w->n_gdes - at);
  uint64_t first, offset, n;

  if (grain_dir_check (w->g, grain_raw_entry (w->g, w->gdes, at), &first) !=
      ENTRY_AT)
    return 0;
  for (n = 1; n < most; ++n)
    if (grain_dir_check (w->g, grain_raw_entry (w->g, w->gdes, at + n),
                         &offset) != ENTRY_AT ||
        offset != first + n * grain_table_bytes (w->g))
      break;
  return n;
}

/* ---- where metadata lies ---- */

DEFINE_VECTOR (area_vector, struct area);

struct gathering {
  area_vector areas;
  size_t most; /* areas that there may be */
};

static int
add_area (struct gathering *v, uint64_t offset, uint64_t bytes)
{
  const uint64_t reach = UINT64_C (1) << 32;
  const uint64_t start = offset / SECTOR_SIZE;
  const uint64_t end =
    min_u64 (reach, div_round_up (offset + bytes, SECTOR_SIZE));
  struct area *last =
    v->areas.count > 0 ? &v->areas.items[v->areas.count - 1] : NULL;

  if (start >= reach)
    return 0;
  if (last && (uint64_t) last->start + last->count == start) {
    last->count += end - start;
    return 0;
  }
  if (v->areas.count >= v->most) {
    errno = E2BIG;
    return -1;
  }
  return area_vector_append (&v->areas, (struct area){ start, end - start });
}

static uint64_t
area_end (struct area a)
{
  return (uint64_t) a.start + a.count;
}

/* Up to BATCH entries of one directory, from TABLE on.  Returns their number,
 * 0 where the file has a hole and thus none, -1 on failure; *NEXT becomes the
 * entry to go on with.
 */
enum { BATCH = 8192 };

static int
read_batch (struct grain_walk *w, bool redundant, uint64_t table,
            unsigned char *entries, uint64_t *next)
{
  const struct grains *g = w->g;
  const unsigned entry_bytes = g->format->entry_bytes;
  const uint64_t start = directory_offset (g, redundant);
  const uint64_t end = start + directory_bytes (g);
  const uint64_t at = start + table * entry_bytes;
  const uint64_t data = file_hole_end (g->file, at, end);
  uint64_t n = min_u64 (BATCH, g->geometry.n_tables - table);

  if (data >= at + entry_bytes) {
    *next = table + (data - at) / entry_bytes;
    return 0;
  }
  *next = table + n;
  return grain_walk_read (w, entries, n * entry_bytes, at) == -1 ? -1 : (int) n;
}

/* The tables of one directory.  An entry that is the same in both directories
 * names one table, not two in one place.
 */
static int
add_tables (struct grain_walk *w, bool redundant, struct gathering *v)
{
  struct grains *g = w->g;
  const unsigned entry_bytes = g->format->entry_bytes;
  CLEANUP_FREE unsigned char *entries = malloc (BATCH * 8);
  CLEANUP_FREE unsigned char *primary = calloc (BATCH, 8);
  uint64_t table, next, offset, raw;
  int n, i;

  if (entries == NULL || primary == NULL)
    return -1;
  for (table = 0; table < g->geometry.n_tables; table = next) {
    n = read_batch (w, redundant, table, entries, &next);
    if (n == -1 ||
        (n > 0 && redundant &&
         grain_walk_read (w, primary, n * entry_bytes,
                          g->geometry.gd_offset + table * entry_bytes) == -1))
      return -1;
    for (i = 0; i < n; ++i) {
      raw = grain_raw_entry (g, entries, i);
      if (redundant && raw == grain_raw_entry (g, primary, i))
        continue;
      if (grain_dir_check (g, raw, &offset) == ENTRY_AT &&
          add_area (v, offset, grain_table_bytes (g)) == -1)
        return -1;
    }
  }
  return 0;
}

static int
compare_areas (const void *a, const void *b)
{
  const struct area *x = a, *y = b;

  return (x->start > y->start) - (x->start < y->start);
}

/* Join areas that touch.  Where they overlap is added to OVERLAPS, unless that
 * is NULL.
 */
static int
merge_areas (area_vector *v, struct gathering *overlaps)
{
  size_t i, last = 0;

  if (v->count == 0)
    return 0;
  qsort (v->items, v->count, sizeof v->items[0], compare_areas);
  for (i = 1; i < v->count; ++i) {
    struct area *a = &v->items[last], b = v->items[i];
    uint64_t shared_end = min_u64 (area_end (*a), area_end (b));

    if (b.start > area_end (*a)) {
      v->items[++last] = b;
      continue;
    }
    if (overlaps && b.start < shared_end &&
        add_area (overlaps, (uint64_t) b.start * SECTOR_SIZE,
                  (shared_end - b.start) * SECTOR_SIZE) == -1)
      return -1;
    a->count = max_u64 (area_end (*a), area_end (b)) - a->start;
  }
  v->count = last + 1;
  return 0;
}

/* The directories themselves, and, if TABLES, all that they name. */
static int
gather_areas (struct grain_walk *w, bool tables, struct gathering *v,
              struct gathering *overlaps)
{
  const struct grains *g = w->g;
  const struct geometry *geo = &g->geometry;

  v->areas.count = overlaps->areas.count = 0;
  if (add_area (v, geo->gd_offset, directory_bytes (g)) == -1 ||
      (tables && add_tables (w, false, v) == -1))
    return -1;
  if (geo->rgd_offset &&
      (add_area (v, geo->rgd_offset, directory_bytes (g)) == -1 ||
       (tables && add_tables (w, true, v) == -1)))
    return -1;
  if (merge_areas (&v->areas, overlaps) == -1)
    return -1;
  return merge_areas (&overlaps->areas, NULL);
}

/* Read both directories.  Called with the lock held. */
static int
learn_areas (struct grain_walk *w)
{
  struct grains *g = w->g;
  size_t *left = g->extent->resources->areas;
  struct gathering v = { VECTOR_EMPTY,
                         __atomic_load_n (left, __ATOMIC_RELAXED) };
  struct gathering overlaps = v;
  int r;

  w->err = 0;
  r = gather_areas (w, true, &v, &overlaps);
  if (r == -1 && w->err == 0 && errno == E2BIG) {
    /* The disk has no memory left for this; the directories will do. */
    v.most = overlaps.most = 2;
    r = gather_areas (w, false, &v, &overlaps);
  }
  if (r == -1) {
    if (w->err == 0)
      grain_walk_problem (w, ENOMEM, "%s: no memory for grain tables",
                          g->file->name);
    free (v.areas.items);
    free (overlaps.areas.items);
    return -1;
  }
  g->areas = v.areas.items;
  g->n_areas = v.areas.count;
  g->overlap = overlaps.areas.items;
  g->n_overlaps = overlaps.areas.count;
  __atomic_fetch_sub (left, min_u64 (*left, g->n_areas + g->n_overlaps),
                      __ATOMIC_RELAXED);
  __atomic_store_n (&g->areas_known, true, __ATOMIC_RELEASE);
  return 0;
}

int
grain_dir_metadata_in (struct grain_walk *w, bool overlaps, uint64_t start,
                       uint64_t end, uint64_t *found)
{
  struct grains *g = w->g;
  const struct area *areas;
  size_t low = 0, high, n;

  if (!__atomic_load_n (&g->areas_known, __ATOMIC_ACQUIRE)) {
    LOCK_FOR_SCOPE (&g->lock);
    if (!g->areas_known && learn_areas (w) == -1)
      return -1;
  }
  areas = overlaps ? g->overlap : g->areas;
  n = high = overlaps ? g->n_overlaps : g->n_areas;
  /* The first area that ends behind START. */
  while (low < high) {
    size_t middle = low + (high - low) / 2;

    if (area_end (areas[middle]) * SECTOR_SIZE <= start)
      low = middle + 1;
    else
      high = middle;
  }
  *found = end;
  if (low < n)
    *found =
      min_u64 (end, max_u64 (start, (uint64_t) areas[low].start * SECTOR_SIZE));
  return 0;
}
