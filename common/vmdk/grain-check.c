/* SPDX-License-Identifier: BSD-3-Clause */
/* The look at all metadata of an extent before the first write to it
 * (vmdk-format.md 3.6, 11.2, 12.4): is every table and every grain in the file,
 * has each its place for itself, do redundant tables agree?  A writer who did
 * not know that might overwrite metadata, or free what is in use.
 *
 * Nothing is repaired; the first finding is the reason not to write.  What is
 * between the structures is free, and known to be so afterwards.
 *
 * What has its place is gathered as spans, sorted, and compared with its
 * neighbours.  Most files are written from front to back, so that this is a
 * handful.  Where it is not, or where something overlaps and has to be named, a
 * bitmap with a bit for each sector is made instead.  It covers a window of the
 * file; the tables are read once for each window, which is once for files up to
 * 256 GiB.  Time is proportional to the tables that are in the file; holes are
 * skipped.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checked-overflow.h"
#include "cleanup.h"
#include "grain-writer.h"
#include "is-all-zero.h"
#include "report.h"
#include "rounding.h"
#include "vmdk-limits.h"

/* Sectors in a window; 64 MiB of bitmap. */
#define WINDOW (UINT64_C (64) << 23)

/* So many spans are sorted sooner than a bitmap is made. */
#define MAX_SPANS 65536

/* Of the last spans, so many may get longer. */
#define JOINED 4

/* Directory entries that are looked at together; all may be of tables that lie
 * side by side.
 */
#define BATCH 512

struct check {
  struct grain_writer *w;
  struct grains *g;
  bool crashed; /* it was not closed cleanly */
  char *problem;
  uint64_t file_size;
  uint64_t used; /* bytes: where the last grain ends, in the file or not */

  bool gathering;    /* spans; else the bitmap is used */
  span_vector spans; /* bytes */
  bool gave_up;      /* there are too many */

  uint64_t *bits; /* of sectors from start to end */
  uint64_t start, end;
  unsigned char *gdes, *rgdes; /* BATCH entries */
  unsigned char *tables, *redundant;
};

/* The extent must not be written to: keep why.  Returns -1. */
static int __attribute__ ((__format__ (__printf__, 2, 3)))
found (struct check *c, const char *fmt, ...)
{
  va_list args;

  va_start (args, fmt);
  if (vasprintf (&c->problem, fmt, args) == -1) {
    c->problem = NULL;
    report_error ("%s: no memory to check grain tables with", c->g->file->name);
  }
  va_end (args);
  errno = EIO;
  return -1;
}

/* Read; what cannot be read is a finding. */
static int
check_read (struct check *c, void *buf, size_t count, uint64_t offset)
{
  char *problem;

  if (file_pread_quietly (c->g->file, buf, count, offset, &problem) == 0)
    return 0;
  found (c, "%s", problem ? problem : "its metadata cannot be read");
  free (problem);
  return -1;
}

/* ---- the bitmap ---- */

/* Bits [FIRST, FIRST + N) of one word. */
static uint64_t
mask (unsigned first, unsigned n)
{
  return (n == 64 ? UINT64_MAX : (UINT64_C (1) << n) - 1) << first;
}

/* Set the bits of the sectors from START to END.  False if one was set. */
static bool
mark (struct check *c, uint64_t start, uint64_t end)
{
  uint64_t n, m;
  bool good = true;

  start = max_u64 (start, c->start);
  end = min_u64 (end, c->end);
  for (; start < end; start += n) {
    uint64_t *word = &c->bits[(start - c->start) / 64];

    n = min_u64 (end - start, 64 - (start - c->start) % 64);
    m = mask ((start - c->start) % 64, n);
    good &= (*word & m) == 0;
    *word |= m;
  }
  return good;
}

/* The grains, tables and redundant tables of a file grow in three places. */
static void
gather (struct check *c, uint64_t offset, uint64_t length)
{
  size_t i;

  for (i = c->spans.count; i > 0 && i + JOINED > c->spans.count; --i) {
    struct span *s = &c->spans.items[i - 1];

    if (s->start + s->length == offset) {
      s->length += length;
      return;
    }
  }
  if (c->spans.count == MAX_SPANS ||
      span_vector_append (&c->spans, (struct span){ offset, length }) == -1)
    c->gave_up = true;
}

/* BYTES are something's.  False if it is known that they are something else's
 * too.
 */
static bool
mark_bytes (struct check *c, uint64_t offset, uint64_t length)
{
  if (c->gathering) {
    gather (c, offset, length);
    return true;
  }
  return mark (c, offset / SECTOR_SIZE,
               div_round_up (offset + length, SECTOR_SIZE));
}

/* The first sector from START on whose bit is VALUE; END if there is none. */
static uint64_t
next_bit (const struct check *c, uint64_t start, bool value)
{
  uint64_t i = start - c->start;
  const uint64_t n = c->end - c->start;

  while (i < n) {
    uint64_t word = c->bits[i / 64];

    if (!value)
      word = ~word;
    word >>= i % 64;
    if (word != 0)
      return c->start + min_u64 (n, i + __builtin_ctzll (word));
    i += 64 - i % 64;
  }
  return c->end;
}

/* ---- tables ---- */

/* Where a table is; 0 if it is absent. */
static int
table_offset (struct check *c, const unsigned char *gdes, unsigned i,
              uint64_t table, uint64_t *offset)
{
  const uint64_t raw = grain_raw_entry (c->g, gdes, i);

  *offset = 0;
  switch (grain_dir_check (c->g, raw, offset)) {
  case ENTRY_ABSENT: *offset = 0; return 0;
  case ENTRY_AT: break;
  default:
    return found (c,
                  "grain table %" PRIu64 " is said to be at sector %" PRIu64
                  ", where none can be",
                  table, raw);
  }
  if (mark_bytes (c, *offset, grain_table_bytes (c->g)))
    return 0;
  return found (c,
                "grain table %" PRIu64 ", at sector %" PRIu64
                ", lies where something else is",
                table, raw);
}

/* Of grains side by side from OFFSET on, GRAIN being the first: one is outside.
 */
static int
found_outside (struct check *c, uint64_t grain, uint64_t offset)
{
  const struct geometry *geo = &c->g->geometry;

  if (offset < geo->data_start)
    return found (c,
                  "grain %" PRIu64 " is said to be at sector %" PRIu64
                  ", which is in the header",
                  grain, offset / SECTOR_SIZE);
  while (offset + geo->grain_bytes <= c->file_size) {
    offset += geo->grain_bytes;
    ++grain;
  }
  return found (c,
                "grain %" PRIu64 " is said to be at sector %" PRIu64
                ", beyond the end of the file, which has %" PRIu64 " bytes",
                grain, offset / SECTOR_SIZE, c->file_size);
}

/* The table's N entries from I on are grains side by side, the first at OFFSET.
 */
static int
check_grains (struct check *c, uint64_t grain, uint64_t n, uint64_t offset)
{
  const struct geometry *geo = &c->g->geometry;
  const uint64_t bytes = n * geo->grain_bytes;
  /* The file may end in the last grain, behind the capacity (3.7). */
  const uint64_t start = min_u64 (geo->capacity, grain * geo->grain_bytes);
  const uint64_t used = min_u64 (bytes, geo->capacity - start);

  if (offset < geo->data_start || !range_inside (offset, used, c->file_size))
    return found_outside (c, grain, offset);
  c->used = max_u64 (c->used, offset + bytes);
  if (mark_bytes (c, offset, bytes))
    return 0;
  return found (c,
                "grain %" PRIu64 ", at sector %" PRIu64
                ", or one of those behind it, lies where another grain or a "
                "grain table is",
                grain, offset / SECTOR_SIZE);
}

static int
check_entries (struct check *c, uint64_t table, const unsigned char *entries)
{
  struct grains *g = c->g;
  const uint32_t gtes = g->geometry.gtes_per_gt;
  const uint64_t first = table * gtes;
  uint64_t i, n, offset;

  for (i = 0; i < gtes; i += n) {
    const uint64_t raw = grain_raw_entry (g, entries, i);
    const unsigned char *rest = entries + i * g->format->entry_bytes;

    n = gtes - i;
    switch (g->format->gte (g, raw, &offset)) {
    case ENTRY_ABSENT: n = grain_count_alike (g, rest, n, 0); break;
    case ENTRY_ZERO:
      n = grain_count_alike (g, rest, n, 0);
      if (g->format->zero_is_announced (g))
        break;
      return found (c,
                    "grain %" PRIu64 " is marked as zeroed, although its "
                    "header does not announce such grains",
                    first + i);
    case ENTRY_AT:
      n = grain_count_alike (g, rest, n, g->format->step (g));
      if (check_grains (c, first + i, n, offset) == -1)
        return -1;
      break;
    case ENTRY_BAD:
      return found (c, "the entry of grain %" PRIu64 " is none", first + i);
    }
  }
  return 0;
}

/* A writer was interrupted between the two copies of a table, A and B: the
 * primary counts, and the redundant one is to be made equal before it is used
 * again (12.4, rows 4 to 6).  Until the next look at the extent, what only the
 * redundant one refers to stays in use (I3).
 */
static int
accept_torn (struct check *c, struct torn torn, const unsigned char *a,
             const unsigned char *b)
{
  const uint32_t gtes = c->g->geometry.gtes_per_gt;
  uint64_t offset, i;

  for (i = 0; i < gtes; ++i) {
    const uint64_t raw = grain_raw_entry (c->g, b, i);

    if (grain_raw_entry (c->g, a, i) != raw &&
        c->g->format->gte (c->g, raw, &offset) == ENTRY_AT &&
        check_grains (c, torn.number * gtes + i, 1, offset) == -1)
      return -1;
  }
  if (c->start > 0) /* noted already */
    return 0;
  if (torn_vector_append (&c->w->torn, torn) == 0)
    return 0;
  report_error ("%s: no memory to check grain tables with", c->g->file->name);
  return -1;
}

static int
compare_tables (struct check *c, struct torn torn, const unsigned char *a,
                const unsigned char *b)
{
  const uint64_t table = torn.number;
  const size_t bytes = grain_table_bytes (c->g);
  size_t i;

  if (memcmp (a, b, bytes) == 0)
    return 0;
  if (c->crashed)
    return accept_torn (c, torn, a, b);
  for (i = 0; grain_raw_entry (c->g, a, i) == grain_raw_entry (c->g, b, i);)
    ++i;
  return found (c,
                "entry %zu of grain table %" PRIu64 " is %" PRIu64
                ", and %" PRIu64 " in the redundant copy of that table",
                i, table, grain_raw_entry (c->g, a, i),
                grain_raw_entry (c->g, b, i));
}

/* How many of the N tables from the first on lie side by side? */
static unsigned
count_adjacent (const struct check *c, const uint64_t *offsets, unsigned n)
{
  const uint64_t bytes = grain_table_bytes (c->g);
  unsigned i;

  for (i = 1; i < n; ++i)
    if (offsets[0] == 0 ? offsets[i] != 0
                        : offsets[i] != offsets[0] + i * bytes)
      break;
  return i;
}

/* Read N tables that lie side by side; absent ones, and those in a hole of the
 * file, are zeroes.  Returns 1 if all are so without having been read.
 */
static int
read_tables (struct check *c, uint64_t offset, unsigned n, unsigned char *buf)
{
  const uint64_t bytes = n * (uint64_t) grain_table_bytes (c->g);

  if (offset == 0 ||
      file_hole_end (c->g->file, offset, offset + bytes) == offset + bytes)
    return 1;
  return check_read (c, buf, bytes, offset);
}

/* N tables from TABLE on that are side by side, and their copies too. */
static int
check_tables (struct check *c, uint64_t table, unsigned n, uint64_t offset,
              uint64_t redundant)
{
  const size_t bytes = grain_table_bytes (c->g);
  int empty = read_tables (c, offset, n, c->tables), redundant_empty = 1;
  unsigned i;

  if (empty == -1)
    return -1;
  if (redundant != 0) { /* an absent one is made when its table changes */
    redundant_empty = read_tables (c, redundant, n, c->redundant);
    if (redundant_empty == -1)
      return -1;
  }
  if (empty && redundant_empty)
    return 0;
  if (empty)
    memset (c->tables, 0, n * bytes);
  if (redundant_empty)
    memset (c->redundant, 0, n * bytes);
  for (i = 0; i < n; ++i) {
    const struct torn torn = { table + i, offset ? offset + i * bytes : 0,
                               redundant + i * bytes };

    if (redundant != 0 && compare_tables (c, torn, c->tables + i * bytes,
                                          c->redundant + i * bytes) == -1)
      return -1;
    if (check_entries (c, table + i, c->tables + i * bytes) == -1)
      return -1;
  }
  return 0;
}

/* ---- directories ---- */

static int
check_batch (struct check *c, uint64_t table, unsigned n)
{
  const size_t bytes = grain_table_bytes (c->g);
  const unsigned most = max_u64 (1, min_u64 (BATCH, (1 << 20) / bytes));
  uint64_t at[BATCH], copies[BATCH] = { 0 };
  const size_t entries = n * c->g->format->entry_bytes;
  unsigned i, k;

  /* A disk of petabytes has millions of entries, and few tables. */
  if (is_all_zero (c->gdes, entries) &&
      (c->g->geometry.rgd_offset == 0 || is_all_zero (c->rgdes, entries)))
    return 0;
  for (i = 0; i < n; ++i) {
    if (table_offset (c, c->gdes, i, table + i, &at[i]) == -1)
      return -1;
    /* What is the same in both directories is one table. */
    if (c->g->geometry.rgd_offset == 0)
      continue;
    if (grain_raw_entry (c->g, c->gdes, i) != 0 &&
        grain_raw_entry (c->g, c->gdes, i) ==
          grain_raw_entry (c->g, c->rgdes, i))
      return found (c, "grain table %" PRIu64 " and its redundant copy are one",
                    table + i);
    if (table_offset (c, c->rgdes, i, table + i, &copies[i]) == -1)
      return -1;
  }
  for (i = 0; i < n; i += k) {
    k = min_u64 (n - i, most);
    k = count_adjacent (c, at + i, k);
    k = count_adjacent (c, copies + i, k);
    if (check_tables (c, table + i, k, at[i], copies[i]) == -1)
      return -1;
  }
  return 0;
}

/* Mark what is neither table nor grain. */
static int
mark_header (struct check *c)
{
  const struct geometry *geo = &c->g->geometry;
  const uint64_t bytes = geo->n_tables * c->g->format->entry_bytes;

  if (mark_bytes (c, 0, geo->data_start) &&
      mark_bytes (c, geo->gd_offset, bytes) &&
      (geo->rgd_offset == 0 || mark_bytes (c, geo->rgd_offset, bytes)))
    return 0;
  return found (c, "header, descriptor and grain directory lie in one place");
}

static int
check_window (struct check *c)
{
  const struct geometry *geo = &c->g->geometry;
  uint64_t table, n, at;

  if (mark_header (c) == -1)
    return -1;
  for (table = 0; table < geo->n_tables && !c->gave_up; table += n) {
    n = min_u64 (BATCH, geo->n_tables - table);
    at = table * c->g->format->entry_bytes;
    if (check_read (c, c->gdes, n * c->g->format->entry_bytes,
                    geo->gd_offset + at) == -1)
      return -1;
    if (geo->rgd_offset &&
        check_read (c, c->rgdes, n * c->g->format->entry_bytes,
                    geo->rgd_offset + at) == -1)
      return -1;
    if (check_batch (c, table, n) == -1)
      return -1;
  }
  return 0;
}

/* Tell what the window has not marked. */
static void
collect_free (struct check *c)
{
  uint64_t start, end;

  for (start = next_bit (c, c->start, false); start < c->end;
       start = next_bit (c, end, false)) {
    end = next_bit (c, start, true);
    space_add_free (&c->w->space, start * SECTOR_SIZE,
                    min_u64 (end * SECTOR_SIZE, c->file_size));
  }
}

/* ---- spans ---- */

static int
compare_spans (const void *a, const void *b)
{
  const struct span *x = a, *y = b;

  return (x->start > y->start) - (x->start < y->start);
}

/* Tell what is between the spans, in whole sectors.  False if two of them
 * overlap, before anything was told.
 */
static bool
collect_between (struct check *c)
{
  const struct span *spans = c->spans.items;
  const uint64_t limit = min_u64 (c->file_size, SPACE_LIMIT);
  uint64_t end;
  size_t i;

  qsort (c->spans.items, c->spans.count, sizeof *spans, compare_spans);
  for (i = 1; i < c->spans.count; ++i)
    if (spans[i - 1].start + spans[i - 1].length > spans[i].start)
      return false;
  for (i = 0; i < c->spans.count; ++i) {
    end = i + 1 < c->spans.count ? spans[i + 1].start : limit;
    end = min_u64 (end, limit);
    if (round_up (spans[i].start + spans[i].length, SECTOR_SIZE) < end)
      space_add_free (&c->w->space,
                      round_up (spans[i].start + spans[i].length, SECTOR_SIZE),
                      end);
  }
  return true;
}

/* Returns 1 if all is in order and known now; 0 if it has to be found out by
 * windows, which tell what is wrong first.
 */
static int
check_spans (struct check *c)
{
  int r;

  c->gathering = true;
  r = check_window (c);
  c->gathering = false;
  if (r == 0 && !c->gave_up && collect_between (c))
    return 1;
  if (r == -1 && c->problem == NULL)
    return -1;
  c->gave_up = false;
  c->w->torn.count = 0;
  free (TAKE (c->problem));
  return 0;
}

static int
check_windows (struct check *c)
{
  /* What is behind can neither be named nor used. */
  const uint64_t sectors =
    div_round_up (min_u64 (c->file_size, SPACE_LIMIT), SECTOR_SIZE);
  const uint64_t window = min_u64 (sectors, WINDOW);

  for (c->start = 0; c->start < sectors; c->start = c->end) {
    c->end = min_u64 (sectors, c->start + window);
    c->bits = calloc (div_round_up (window, 64), sizeof *c->bits);
    if (c->bits == NULL) {
      report_error ("%s: no memory to check grain tables with",
                    c->g->file->name);
      return -1;
    }
    if (check_window (c) == -1)
      return -1;
    collect_free (c);
    free (TAKE (c->bits));
  }
  return 0;
}

static int
check_all (struct check *c)
{
  struct grains *g = c->g;
  const size_t tables = max_u64 (1 << 20, grain_table_bytes (g));
  const int64_t size = file_size (g->file);
  int r;

  if (size == -1)
    return -1;
  c->file_size = size;
  c->gdes = malloc (2 * BATCH * 8);
  c->tables = malloc (2 * tables);
  if (c->gdes == NULL || c->tables == NULL) {
    report_error ("%s: no memory to check grain tables with", g->file->name);
    return -1;
  }
  c->rgdes = c->gdes + BATCH * 8;
  c->redundant = c->tables + tables;
  space_begin (&c->w->space, g->format->first_grain (g),
               max_u64 (size, g->format->free_from (g)), size);
  r = check_spans (c);
  if (r == 0)
    r = check_windows (c);
  if (r == -1)
    return -1;
  space_begin_at_tail (&c->w->space, c->used);
  return 0;
}

int
grain_check (struct grain_writer *w, char **problem)
{
  struct check c = { .w = w, .g = w->g, .crashed = w->g->extent->unclean };
  int r = check_all (&c);

  free (c.spans.items);
  free (c.bits);
  free (c.gdes);
  free (c.tables);
  *problem = c.problem;
  return r;
}
