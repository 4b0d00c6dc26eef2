/* SPDX-License-Identifier: BSD-3-Clause */
/* A disk: the chain of links as one address space.  disk_map asks the links
 * from the top down; reading, block status and prefetching are loops over it.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "chain-index.h"
#include "deflate.h"
#include "disk.h"
#include "grain.h"
#include "report.h"
#include "rounding.h"
#include "stats.h"
#include "vmdk-limits.h"

/* Grain tables are looked up by every request, decoded grains take long to
 * come by: locks in many parts for the former, one budget for the latter.
 */
#define TABLE_SHARDS 16

static const struct cache_stats table_stats = { .hit = STATS_TABLE_HIT,
                                                .miss = STATS_TABLE_MISS,
                                                .empty = STATS_TABLE_EMPTY };

/* A grain that is looked for there is never known to be missing. */
static const struct cache_stats grain_stats = { .hit = STATS_UNPACKED_HIT,
                                                .miss = STATS_UNPACKED_MISS,
                                                .empty = STATS_UNPACKED_HIT };

/* Runs in one answer about block status; the client asks again for the rest.
 * A bound on the work of one request, and on the memory of the server's list.
 */
#define MAX_STATUS_RUNS 65536

/* With fewer links there is nobody to be left out. */
#define MIN_INDEXED 3

struct disk *
disk_open (struct file *file, const struct disk_options *options)
{
  struct disk *d = calloc (1, sizeof *d);

  if (d == NULL)
    goto no_memory;
  d->links = calloc (MAX_LINKS, sizeof *d->links);
  d->resources.tables =
    cache_create (options->cache_size / 2, TABLE_SHARDS, table_stats);
  d->resources.grains = cache_create (options->cache_size / 2, 1, grain_stats);
  d->resources.inflaters = inflaters_create ();
  if (options->writable)
    d->resources.deflaters =
      deflaters_create (options->compression_level ? options->compression_level
                                                   : DEFLATE_DEFAULT_LEVEL);
  d->areas_left = options->cache_size / 4 / sizeof (struct area);
  d->resources.areas = &d->areas_left;
  d->known_left = options->cache_size / 8 / sizeof (uint64_t);
  d->resources.known_tables = &d->known_left;
  if (d->links == NULL || d->resources.tables == NULL ||
      d->resources.grains == NULL || d->resources.inflaters == NULL ||
      (options->writable && d->resources.deflaters == NULL))
    goto no_memory;
  if (chain_open (d, file, options) == -1) {
    disk_close (d);
    return NULL;
  }
  d->size = d->links[0]->length;
  if (d->n_links >= MIN_INDEXED)
    d->index = chain_index_create (options->cache_size / 8);
  d->unpacked_ahead = options->cache_size / 4;
  if (disk_open_writer (d, options) == -1) {
    disk_close (d);
    return NULL;
  }
  return d;

no_memory:
  report_error ("%s: %m", file->name);
  file_close (file);
  disk_close (d);
  return NULL;
}

int
disk_close (struct disk *d)
{
  int saved = errno, r;
  size_t i;

  if (d == NULL)
    return 0;
  r = disk_close_writer (d);
  for (i = 0; i < d->n_links; ++i)
    link_close (d->links[i]);
  free (d->links);
  chain_index_destroy (d->index);
  cache_destroy (d->resources.tables);
  cache_destroy (d->resources.grains);
  inflaters_destroy (d->resources.inflaters);
  deflaters_destroy (d->resources.deflaters);
  free (d);
  if (r == 0)
    errno = saved;
  return r;
}

static void
debug_run (uint64_t offset, size_t link, const struct run *run)
{
  static const char *const names[] = {
    [RUN_DATA] = "data",
    [RUN_PACKED] = "packed",
    [RUN_ZERO] = "zero",
    [RUN_HOLE] = "hole",
  };

  if (run->state == RUN_DATA)
    report_debug ("map: %" PRIu64 " +%" PRIu64 ": link %zu, data at %" PRIu64
                  " of %s",
                  offset, run->length, link, run->at, run->file->name);
  else
    report_debug ("map: %" PRIu64 " +%" PRIu64 ": link %zu, %s", offset,
                  run->length, link, names[run->state]);
}

/* What a link has answered. */
static void
count_run (const struct run *run)
{
  static const enum stats_row rows[] = {
    [RUN_DATA] = STATS_RUN_DATA,
    [RUN_PACKED] = STATS_RUN_PACKED,
    [RUN_ZERO] = STATS_RUN_ZERO,
    [RUN_HOLE] = STATS_RUN_BELOW,
  };

  stats_count (rows[run->state]);
}

int
disk_map (struct disk *d, uint64_t offset, uint64_t length,
          struct disk_cursor *c, struct run *run)
{
  return disk_map_from (d, 0, offset, length, c, run);
}

/* Has link I nothing in all of a region?  A failure is for whoever asks it
 * about what a request is for.
 */
static bool
is_silent (struct disk *d, size_t i, uint64_t region)
{
  const uint64_t start = region * CHAIN_REGION;
  const uint64_t length = min_u64 (CHAIN_REGION, d->size - start);
  struct run run = { .quiet = true };

  return link_map (d->links[i], start, length, &run) == 0 &&
         run.state == RUN_HOLE && run.length == length;
}

/* The first link below the top one that is worth asking about a range: of a
 * long range, it is the first.
 */
static size_t
first_below (struct disk *d, uint64_t offset, uint64_t length)
{
  const uint64_t region = offset / CHAIN_REGION;
  size_t i;

  if (d->index == NULL || (offset + length - 1) / CHAIN_REGION != region)
    return 1;
  i = chain_index_get (d->index, region);
  if (i == 0) {
    for (i = 1; i < d->n_links && is_silent (d, i, region); ++i)
      continue;
    chain_index_put (d->index, region, i);
  }
  return i;
}

int
disk_map_from (struct disk *d, size_t first, uint64_t offset, uint64_t length,
               struct disk_cursor *c, struct run *run)
{
  size_t i;

  for (i = first; i < d->n_links; ++i) {
    if (i == 1) {
      if (disk_check_parents (d, run->quiet) == -1)
        return -1;
      i = first_below (d, offset, length);
      if (i == d->n_links)
        break;
    }
    if (c->silent_until[i] <= offset) {
      if (link_map (d->links[i], offset, length, run) == -1)
        return -1;
      count_run (run);
      if (vmdk_debug_map)
        debug_run (offset, i, run);
      if (run->state != RUN_HOLE)
        return 0;
      c->silent_until[i] = offset + run->length;
    }
    length = min_u64 (length, c->silent_until[i] - offset);
  }
  run->state = RUN_ZERO;
  run->length = length;
  count_run (run);
  return 0;
}

int
disk_read_from (struct disk *d, size_t first, void *buf, size_t count,
                uint64_t offset)
{
  const uint64_t end = offset + count;
  struct disk_cursor c;
  struct run run = { .quiet = false };
  char *p = buf;
  int r = 0;

  memset (&c, 0, d->n_links * sizeof c.silent_until[0]);
  for (; r == 0 && offset < end; offset += run.length, p += run.length) {
    if (disk_map_from (d, first, offset, end - offset, &c, &run) == -1)
      return -1;
    switch (run.state) {
    case RUN_DATA: r = file_pread (run.file, p, run.length, run.at); break;
    case RUN_PACKED:
      r = run.extent->driver->read_packed (run.extent, p, run.length, run.at);
      break;
    case RUN_ZERO:
    case RUN_HOLE: memset (p, 0, run.length); break;
    }
  }
  return r;
}

int
disk_pread (struct disk *d, void *buf, uint32_t count, uint64_t offset)
{
  const uint64_t entered = disk_enter (d);
  int r = disk_read_from (d, 0, buf, count, offset);

  stats_add (STATS_READ, 1, count);
  disk_leave (d, entered);
  return r;
}

/* Read one byte of each grain, which leaves the grain in the cache, until
 * *ROOM bytes have been unpacked.
 */
static int
prefetch_packed (const struct run *run, uint64_t *room)
{
  struct extent *e = run->extent;
  const uint64_t end = run->at + run->length;
  const uint32_t grain_bytes = e->grain_bytes;
  uint64_t at;
  char byte;

  if (grain_bytes == 0) /* NOACCESS */
    return 0;
  for (at = run->at; at < end && *room >= grain_bytes;
       at += grain_bytes - at % grain_bytes, *room -= grain_bytes)
    if (e->driver->read_packed (e, &byte, 1, at) == -1)
      return -1;
  return 0;
}

static int
prefetch (struct disk *d, uint32_t count, uint64_t offset)
{
  const uint64_t end = offset + count;
  uint64_t room = d->unpacked_ahead;
  struct disk_cursor c;
  struct run run = { .quiet = false };

  memset (&c, 0, d->n_links * sizeof c.silent_until[0]);
  for (; offset < end; offset += run.length) {
    if (disk_map (d, offset, end - offset, &c, &run) == -1)
      return -1;
    if (run.state == RUN_DATA)
      file_prefetch (run.file, run.at, run.length);
    else if (run.state == RUN_PACKED && prefetch_packed (&run, &room) == -1)
      return -1;
  }
  return 0;
}

int
disk_prefetch (struct disk *d, uint32_t count, uint64_t offset)
{
  const uint64_t entered = disk_enter (d);
  int r = prefetch (d, count, offset);

  stats_add (STATS_PREFETCH, 1, count);
  disk_leave (d, entered);
  return r;
}

/* ---- block status ---- */

/* Joins neighbours that are alike. */
struct status {
  disk_status_fn fn;
  void *opaque;
  bool one, zero;
  uint64_t offset, length; /* the part that is still growing; 0: none */
  unsigned runs;
};

static int
status_flush (struct status *s)
{
  return s->length > 0 ? s->fn (s->opaque, s->offset, s->length, s->zero) : 0;
}

/* Returns 1 to go on, 0 when it is enough. */
static int
status_add (struct status *s, uint64_t offset, uint64_t length, bool zero)
{
  if (s->length > 0 && s->zero == zero) {
    s->length += length;
    return ++s->runs < MAX_STATUS_RUNS;
  }
  if (s->length > 0 && s->one)
    return 0;
  if (status_flush (s) == -1)
    return -1;
  s->offset = offset;
  s->length = length;
  s->zero = zero;
  return ++s->runs < MAX_STATUS_RUNS;
}

/* A run of a flat file: ask the host where its holes are. */
static int
status_add_raw (struct status *s, uint64_t offset, const struct run *run)
{
  const uint64_t end = run->at + run->length;
  uint64_t at, next;
  int r = 1;

  for (at = run->at; r == 1 && at < end; at = next) {
    next = file_hole_end (run->file, at, end);
    if (next > at)
      r = status_add (s, offset + (at - run->at), next - at, true);
    else {
      next = max_u64 (file_data_end (run->file, at, end), at + 1);
      r = status_add (s, offset + (at - run->at), next - at, false);
    }
  }
  return r;
}

static int
status (struct disk *d, uint32_t count, uint64_t offset, bool one,
        disk_status_fn fn, void *opaque)
{
  const uint64_t end = offset + count;
  struct status s = { .fn = fn, .opaque = opaque, .one = one };
  struct disk_cursor c;
  struct run run = { .quiet = false };
  int r = 1;

  memset (&c, 0, d->n_links * sizeof c.silent_until[0]);
  for (; r == 1 && offset < end; offset += run.length) {
    /* What is in front of a damaged place is an answer all the same. */
    run.quiet = s.length > 0;
    if (disk_map (d, offset, end - offset, &c, &run) == -1) {
      if (!run.quiet)
        return -1;
      break;
    }
    if (run.state == RUN_DATA && run.extent->driver->raw)
      r = status_add_raw (&s, offset, &run);
    else
      r = status_add (&s, offset, run.length, run.state == RUN_ZERO);
  }
  return r == -1 ? -1 : status_flush (&s);
}

int
disk_status (struct disk *d, uint32_t count, uint64_t offset, bool one,
             disk_status_fn fn, void *opaque)
{
  const uint64_t entered = disk_enter (d);
  int r = status (d, count, offset, one, fn, opaque);

  stats_count (STATS_STATUS);
  disk_leave (d, entered);
  return r;
}

uint32_t
disk_grain_bytes (const struct disk *d)
{
  const struct link *top = d->links[0];
  uint64_t largest = 0;
  size_t i;

  for (i = 0; i < top->n_extents; ++i)
    largest = max_u64 (largest, top->extents[i].grain_bytes);
  return largest;
}
