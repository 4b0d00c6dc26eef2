/* SPDX-License-Identifier: BSD-3-Clause */
/* Flat extents (FLAT, VMFS): the data as it is, from an offset of a file on. */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "checked-overflow.h"
#include "extent.h"
#include "report.h"
#include "stats.h"
#include "vmdk-limits.h"
#include "writing.h"

struct flat {
  uint64_t offset; /* bytes into the file */
};

static bool
flat_match (const struct extent_source *source)
{
  return source->type == EXTENT_FLAT || source->type == EXTENT_VMFS;
}

static int
flat_open (struct extent *e, const struct extent_source *source)
{
  struct flat *flat;

  if (!range_inside (source->file_offset, e->length, source->file_size)) {
    report_error ("%s: the descriptor expects %" PRIu64 " bytes at offset "
                  "%" PRIu64 " of this extent, but the file has only %" PRIu64
                  " bytes: it was truncated, or copied incompletely",
                  e->file->name, e->length, source->file_offset,
                  source->file_size);
    errno = EIO;
    return -1;
  }
  flat = malloc (sizeof *flat);
  if (flat == NULL) {
    report_error ("%s: %m", e->file->name);
    return -1;
  }
  flat->offset = source->file_offset;
  e->state = flat;
  return 0;
}

static int
flat_map (struct extent *e, uint64_t offset, uint64_t length, struct run *run)
{
  const struct flat *flat = e->state;

  run->state = RUN_DATA;
  run->length = length;
  run->file = e->file;
  run->at = flat->offset + offset;
  run->extent = e;
  return 0;
}

static uint64_t
flat_at (const struct extent *e, uint64_t offset)
{
  const struct flat *flat = e->state;

  return flat->offset + offset;
}

static int
flat_write (struct extent *e, const void *buf, uint64_t count, uint64_t offset)
{
  if (writing_begin_change (e->writing, e) == -1)
    return -1;
  stats_add (STATS_IN_PLACE, 1, count);
  return file_pwrite (e->file, buf, count, flat_at (e, offset));
}

static int
flat_zero (struct extent *e, uint64_t count, uint64_t offset, bool free)
{
  const uint64_t at = flat_at (e, offset);

  /* A hole reads as zeroes already, and may stay one. */
  if (free && file_hole_end (e->file, at, at + count) == at + count) {
    stats_add (STATS_SKIPPED, 1, count);
    return 0;
  }
  if (writing_begin_change (e->writing, e) == -1)
    return -1;
  return file_zero (e->file, at, count, free);
}

static int
flat_zero_is_quick (struct extent *e, uint64_t count, uint64_t offset,
                    bool free)
{
  (void) count;
  (void) offset;
  return file_zero_is_fast (e->file, free);
}

static int
flat_flush (struct extent *e)
{
  stats_count (STATS_EXTENT_FLUSH);
  return writing_sync (e->writing, e->file);
}

static void
flat_close (struct extent *e)
{
  free (e->state);
}

const struct extent_driver extent_flat = {
  .name = "flat",
  .match = flat_match,
  .open = flat_open,
  .map = flat_map,
  .close = flat_close,
  .write = flat_write,
  .zero = flat_zero,
  .zero_is_quick = flat_zero_is_quick,
  .flush = flat_flush,
  .raw = true,
};
