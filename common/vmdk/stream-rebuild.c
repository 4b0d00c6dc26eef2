/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of a stream-optimized extent that was not closed, from its
 * checkpoint and its log: see stream.h.
 *
 * The file may be hostile.  Each block of the log moves the walk on by a sector
 * at least, and memory is bounded: no more tables than a writer of ours leaves
 * to be rebuilt.
 */

#include <config.h>

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "checked-overflow.h"
#include "cleanup.h"
#include "is-all-zero.h"
#include "report.h"
#include "rounding.h"
#include "stream.h"

struct rebuild {
  struct stream *s;
  struct stream_record record;
  struct stream_in in;
  unsigned char *grain; /* to unpack into */

  uint64_t last_table; /* of the last grain; UINT64_MAX: none */
  uint64_t n_grains, n_damaged;
  uint64_t behind; /* bytes behind the end of the log that are not all zero */
};

/* GRAIN has ENTRY from here on. */
static int
set_entry (struct rebuild *b, uint64_t grain, uint32_t entry)
{
  struct stream *s = b->s;
  struct stream_table *t =
    stream_table_hold (s, grain / s->grains.geometry.gtes_per_gt);

  if (t == NULL)
    return -1;
  stream_set_entry (s, grain, entry);
  stream_table_release (s, t);
  if (s->tables->bytes <= 4 * STREAM_MAX_TABLE_BYTES)
    return 0;
  report_error ("%s: the disk was not closed, and its log is about more grains "
                "than there may be: the file is damaged",
                s->grains.file->name);
  errno = EIO;
  return -1;
}

/* ---- one block of the log ----
 *
 * Each returns how many bytes it has, 0 if the log ends there, or -1, reported.
 */

static int64_t
walk_grain (struct rebuild *b, uint64_t offset, uint64_t lba, uint64_t size)
{
  struct stream *s = b->s;
  const struct geometry *g = &s->grains.geometry;
  const uint64_t grain = lba / (g->grain_bytes / SECTOR_SIZE);
  const uint64_t bytes = stream_block_bytes (size);
  const unsigned char *p;
  bool is_short;

  if (size > MAX_PACKED_BYTES (g->grain_bytes) ||
      lba % (g->grain_bytes / SECTOR_SIZE) != 0 ||
      grain >= div_round_up (g->capacity, g->grain_bytes) ||
      !range_inside (offset, bytes, b->in.size))
    return 0;
  p = stream_in_look (&b->in, offset, bytes);
  if (p == NULL)
    return -1;
  b->last_table = grain / g->gtes_per_gt;
  if (stream_unpack (s, grain, p + GRAIN_MARKER_BYTES, size, b->grain,
                     &is_short) != NULL) {
    if (errno == ENOMEM) {
      report_error ("%s: no memory to inflate with", s->grains.file->name);
      errno = ENOMEM;
      return -1;
    }
    b->n_damaged++;
    return bytes;
  }
  b->n_grains++;
  return set_entry (b, grain, offset / SECTOR_SIZE) == -1 ? -1
                                                          : (int64_t) bytes;
}

/* A table that says what is known from its grains need not be kept. */
static int64_t
walk_table (struct rebuild *b, uint64_t offset)
{
  struct stream *s = b->s;
  const size_t table_bytes = grain_table_bytes (&s->grains);
  const uint64_t bytes =
    (1 + div_round_up (table_bytes, SECTOR_SIZE)) * SECTOR_SIZE;
  struct stream_table *t;
  const unsigned char *p;

  if (!range_inside (offset, bytes, b->in.size))
    return 0;
  p = stream_in_look (&b->in, offset, bytes);
  if (p == NULL)
    return -1;
  t = b->last_table == UINT64_MAX ? NULL : s->tables->in_memory[b->last_table];
  if (t && memcmp (t->entries, p + SECTOR_SIZE, table_bytes) == 0)
    stream_table_placed (s, t, offset / SECTOR_SIZE + 1);
  return bytes;
}

static int64_t
walk_orders (struct rebuild *b, const unsigned char sector[SECTOR_SIZE])
{
  const struct geometry *g = &b->s->grains.geometry;
  const unsigned n = stream_order_count (sector, b->record.nonce);
  struct stream_order orders[SECTOR_SIZE / 12];
  unsigned i;

  for (i = 0; i < n; ++i)
    orders[i] = stream_order_line (sector, i);
  for (i = 0; i < n; ++i) {
    if (orders[i].grain >= div_round_up (g->capacity, g->grain_bytes) ||
        orders[i].entry == STREAM_HELD)
      continue;
    if (set_entry (b, orders[i].grain, orders[i].entry) == -1)
      return -1;
  }
  return SECTOR_SIZE;
}

static int64_t
walk_block (struct rebuild *b, uint64_t offset)
{
  const unsigned char *p = stream_in_look (&b->in, offset, SECTOR_SIZE);
  const struct disk_marker *marker = (const void *) p;
  uint64_t sectors;

  if (p == NULL)
    return -1;
  sectors = le64toh (marker->value);
  if (le32toh (marker->size) != 0)
    return walk_grain (b, offset, sectors, le32toh (marker->size));
  switch (le32toh (marker->type)) {
  case MARKER_TABLE: return walk_table (b, offset);
  case MARKER_PROGRESS: return walk_orders (b, p);
  case MARKER_DIRECTORY:
  case MARKER_FOOTER:
    if (sectors >= b->in.size / SECTOR_SIZE)
      return 0;
    return (1 + sectors) * SECTOR_SIZE;
  default: return 0;
  }
}

/* ---- the whole log ---- */

static int
walk_log (struct rebuild *b)
{
  uint64_t offset = b->record.log_start * SECTOR_SIZE;
  int64_t n = 1;

  while (n > 0 && range_inside (offset, SECTOR_SIZE, b->in.size)) {
    n = walk_block (b, offset);
    if (n == -1)
      return -1;
    offset += n;
  }
  b->s->log_end = min_u64 (offset, b->in.size / SECTOR_SIZE * SECTOR_SIZE);
  return 0;
}

/* Is there anything behind the end of the log but zeroes?  What a crash of the
 * host has left incomplete, or what cannot be found any more because of damage
 * in front of it.  Then the file goes on behind all of it.
 */
static int
look_behind (struct rebuild *b)
{
  struct stream *s = b->s;
  const unsigned char *p;
  uint64_t at, n;

  for (at = s->log_end; at < b->in.size; at += n) {
    at = file_hole_end (s->grains.file, at, b->in.size);
    n = min_u64 (STREAM_IN_BYTES, b->in.size - at);
    p = n > 0 ? stream_in_look (&b->in, at, n) : NULL;
    if (n > 0 && p == NULL)
      return -1;
    if (n > 0 && !is_all_zero (p, n)) {
      b->behind = b->in.size - s->log_end;
      s->log_end = b->in.size;
      s->behind = true;
      return 0;
    }
  }
  return 0;
}

static int
check_record (const struct rebuild *b)
{
  const struct geometry *g = &b->s->grains.geometry;
  const struct stream_record *r = &b->record;
  const uint64_t sectors = b->in.size / SECTOR_SIZE;

  if (r->log_start <= sectors && r->log_start >= g->data_start / SECTOR_SIZE &&
      r->gd <= sectors && g->n_tables <= STREAM_MAX_TABLES &&
      range_inside (r->gd * SECTOR_SIZE, r->gd ? g->n_tables * 4 : 0,
                    b->in.size))
    return 0;
  report_error (
    "%s: the disk was not closed, and the record in its header says "
    "that the log begins at sector %" PRIu64 " and the grain "
    "directory at sector %" PRIu64 ", which are not both in the "
    "file's %" PRIu64 ": the file is damaged or incomplete",
    b->s->grains.file->name, r->log_start, r->gd, sectors);
  errno = EIO;
  return -1;
}

static int
rebuild (struct rebuild *b)
{
  struct stream *s = b->s;

  if (stream_in_start (&b->in, s->grains.file) == -1 ||
      check_record (b) == -1 || stream_tables_load (s, b->record.gd) == -1)
    return -1;
  b->grain = malloc (s->grains.geometry.grain_bytes);
  if (b->grain == NULL) {
    report_error ("%s: no memory to rebuild its grain tables",
                  s->grains.file->name);
    return -1;
  }
  return walk_log (b) == -1 ? -1 : look_behind (b);
}

static void
report_result (const struct rebuild *b)
{
  const char *name = b->s->grains.file->name;

  report_warning ("%s: the disk was not closed by the program that wrote it "
                  "last: its grain tables were rebuilt from its log; grains "
                  "in it: %" PRIu64,
                  name, b->n_grains);
  if (b->n_damaged > 0)
    report_warning (
      "%s: incomplete grains of the log, of requests that had not "
      "been flushed, were left out: %" PRIu64,
      name, b->n_damaged);
  if (b->behind > 0)
    report_warning ("%s: %" PRIu64 " bytes behind the end of the log are not "
                    "understood: if the host has crashed, that is what had not "
                    "been flushed; if not, the file is damaged, so copy it "
                    "first; it is left as it is until something is written",
                    name, b->behind);
}

int
stream_rebuild (struct stream *s, const struct stream_record *record)
{
  struct rebuild b = { .s = s, .record = *record, .last_table = UINT64_MAX };
  const int r = rebuild (&b);

  free (b.grain);
  stream_in_end (&b.in);
  if (r == -1)
    return -1;
  s->rebuilt = true;
  report_result (&b);
  return 0;
}
