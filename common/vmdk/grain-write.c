/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that change an extent with grains.
 *
 * Bytes of a grain that is there are written in place: map, write, nothing
 * else.  A grain that is not there is made under a claim: room is taken, the
 * whole grain is written, the requested bytes straight from the caller's
 * buffer, and what is before and behind them from the links below, then its
 * entry is published.  A run of adjacent new grains is one write.
 *
 * A request is worked off piece by piece, each inside one grain table.  The
 * functions that do a piece return how many bytes it has, 0 if somebody else
 * changed it meanwhile, so that it has to be looked at again, -1 on failure.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "grain-writer.h"
#include "is-all-zero.h"
#include "report.h"
#include "rounding.h"
#include "stats.h"
#include "vmdk-limits.h"

/* Up to here, what surrounds the requested bytes in their grains is written
 * together with them; beyond, which takes unusual grains, in pieces of this.
 */
#define MAX_AROUND (256 << 10)

/* Part of an extent, in its grains and its grain table. */
struct piece {
  struct grain_writer *w;
  uint64_t offset, length; /* bytes of the extent, all in one table */
  uint64_t first, count;   /* grains that it touches */
};

static struct piece
make_piece (struct grain_writer *w, uint64_t offset, uint64_t length)
{
  const struct geometry *geo = &w->g->geometry;
  const uint64_t coverage = (uint64_t) geo->grain_bytes * geo->gtes_per_gt;
  struct piece p = { .w = w, .offset = offset };

  p.length = min_u64 (length, coverage - offset % coverage);
  p.first = offset / geo->grain_bytes;
  p.count = (offset + p.length - 1) / geo->grain_bytes - p.first + 1;
  return p;
}

/* What the grains of P hold in the extent: to the capacity at most. */
static uint64_t
grains_start (const struct piece *p)
{
  return p->first * p->w->g->geometry.grain_bytes;
}

static uint64_t
grains_end (const struct piece *p)
{
  return min_u64 ((p->first + p->count) * p->w->g->geometry.grain_bytes,
                  p->w->g->geometry.capacity);
}

/* Whether the links below read as zeroes; see disk_is_zero_below. */
static int
is_zero_below (struct grain_writer *w, uint64_t offset, uint64_t *length)
{
  if (!w->writing->child)
    return 1;
  return disk_is_zero_below (w->writing->disk, w->g->extent->start + offset,
                             length);
}

static int
is_all_zero_below (struct grain_writer *w, uint64_t offset, uint64_t length)
{
  uint64_t n;
  int r = 1;

  for (; r == 1 && length > 0; offset += n, length -= n) {
    n = length;
    r = is_zero_below (w, offset, &n);
  }
  return r;
}

/* ---- filling new grains ---- */

/* Bytes of new grains that the request does not bring. */
struct surrounding {
  struct grain_writer *w;
  bool below; /* from the links below; else zeroes */
};

static int
read_surrounding (const struct surrounding *s, void *buf, size_t count,
                  uint64_t offset)
{
  struct extent *e = s->w->g->extent;
  /* Behind the capacity there is nothing (3.7). */
  const uint64_t capacity = s->w->g->geometry.capacity;
  const size_t inside =
    !s->below || offset >= capacity ? 0 : min_u64 (count, capacity - offset);

  memset ((char *) buf + inside, 0, count - inside);
  if (inside == 0)
    return 0;
  return disk_read_below (s->w->writing->disk, buf, inside, e->start + offset);
}

/* Write COUNT bytes of it from OFFSET of the extent on to AT of the file. */
static int
copy_surrounding (const struct surrounding *s, uint64_t offset, uint64_t at,
                  uint64_t count, void *buf)
{
  uint64_t n;

  for (; count > 0; offset += n, at += n, count -= n) {
    n = min_u64 (count, MAX_AROUND);
    if (read_surrounding (s, buf, n, offset) == -1 ||
        file_pwrite (s->w->g->file, buf, n, at) == -1)
      return -1;
  }
  return 0;
}

/* The requested bytes alone; NULL: zeroes. */
static int
write_body (const struct piece *p, const void *buf, uint64_t at, bool fresh)
{
  if (buf != NULL)
    return file_pwrite (p->w->g->file, buf, p->length, at);
  return fresh ? 0 : file_zero (p->w->g->file, at, p->length, false);
}

/* Write the grains of P to SPAN.  Where nothing needs to be written, a fresh
 * span is left as the hole that it is.
 */
static int
fill (const struct piece *p, const void *buf, struct span span, bool fresh,
      bool below)
{
  struct grain_writer *w = p->w;
  const struct surrounding s = { w, below };
  const uint64_t head = p->offset - grains_start (p);
  const uint64_t tail = span.length - head - p->length;
  const uint64_t tail_at = p->offset + p->length;
  CLEANUP_FREE char *around = NULL;

  if (head + tail == 0 || (fresh && !below))
    return write_body (p, buf, span.start + head, fresh);
  around = malloc (min_u64 (head + tail, MAX_AROUND));
  if (around == NULL) {
    report_error ("%s: no memory to write a grain with", w->g->file->name);
    return -1;
  }
  if (buf == NULL || head + tail > MAX_AROUND)
    return copy_surrounding (&s, grains_start (p), span.start, head, around) ==
                 -1 ||
               copy_surrounding (&s, tail_at, span.start + head + p->length,
                                 tail, around) == -1
             ? -1
             : write_body (p, buf, span.start + head, fresh);
  if (read_surrounding (&s, around, head, grains_start (p)) == -1 ||
      read_surrounding (&s, around + head, tail, tail_at) == -1)
    return -1;
  {
    const struct file_part parts[] = { { around, head },
                                       { buf, p->length },
                                       { around + head, tail } };

    return file_pwrite_parts (w->g->file, parts, 3, span.start);
  }
}

/* Make the grains of P, or the first of them, for which there is a span. */
static int64_t
place (struct piece p, struct dirty_table *t, const void *buf, bool below)
{
  struct grain_writer *w = p.w;
  const uint32_t grain_bytes = w->g->geometry.grain_bytes;
  struct span span;
  bool fresh;

  if (space_take (&w->space, p.count, &span, &fresh) == -1)
    return -1;
  p.count = span.length / grain_bytes;
  p.length = min_u64 (p.length, grains_start (&p) + span.length - p.offset);
  if (fill (&p, buf, span, fresh, below) == -1) {
    space_give (&w->space, span);
    return -1;
  }
  grain_table_publish (w, t, p.first % w->g->geometry.gtes_per_gt, p.count,
                       span.start / SECTOR_SIZE, grain_bytes / SECTOR_SIZE,
                       NULL);
  stats_add (STATS_NEW, p.count, p.length);
  return p.length;
}

static int64_t
write_claimed (struct piece p, const void *buf)
{
  struct grain_writer *w = p.w;
  struct run run = { .quiet = false };
  struct dirty_table *t;
  int64_t r;
  int zero = 1;

  if (grains_map (w->g, p.offset, p.length, &run) == -1)
    return -1;
  if (run.state == RUN_DATA)
    return 0;
  p = make_piece (w, p.offset, run.length);
  if (run.state == RUN_HOLE &&
      (p.offset > grains_start (&p) || p.offset + p.length < grains_end (&p)))
    zero = is_all_zero_below (w, grains_start (&p),
                              grains_end (&p) - grains_start (&p));
  if (zero == -1 || writing_begin_change (w->writing, w->g->extent) == -1)
    return -1;
  t = grain_table_hold (w, p.first / w->g->geometry.gtes_per_gt);
  if (t == NULL)
    return -1;
  r = place (p, t, buf, !zero);
  grain_table_release (w, t);
  return r;
}

/* Write to grains that were not there when they were looked at. */
static int64_t
write_new (struct grain_writer *w, const void *buf, uint64_t offset,
           uint64_t length)
{
  struct piece p = make_piece (w, offset, length);
  struct claim claim;
  int64_t r;

  claims_take (&w->claims, &claim, p.first, p.count);
  r = write_claimed (p, buf);
  claims_release (&w->claims, &claim);
  return r;
}

/* N bytes need no change. */
static int64_t
skip_bytes (int64_t n)
{
  stats_add (STATS_SKIPPED, 1, n);
  return n;
}

/* ---- write ---- */

/* Zeroes to where zeroes are read from already: there is nothing to be done.
 * Returns how many of the LENGTH bytes, by whole grains, are either all so, or
 * none: *SKIP says which.
 */
static int64_t
may_skip (struct grain_writer *w, const char *buf, uint64_t offset,
          uint64_t length, bool hole, bool *skip)
{
  const uint32_t grain_bytes = w->g->geometry.grain_bytes;
  uint64_t done = 0, n;
  int r;

  for (; done < length; done += n) {
    n = min_u64 (length - done, grain_bytes - (offset + done) % grain_bytes);
    r = is_all_zero (buf + done, n);
    if (r && hole)
      r = is_all_zero_below (w, offset + done, n);
    if (r == -1)
      return -1;
    if (done == 0)
      *skip = r;
    else if (*skip != r)
      break;
  }
  return done;
}

static int64_t
write_absent (struct grain_writer *w, const char *buf, uint64_t offset,
              uint64_t length, bool hole)
{
  bool skip = false;
  int64_t n = may_skip (w, buf, offset, length, hole, &skip);

  if (n == -1)
    return -1;
  return skip ? skip_bytes (n) : write_new (w, buf, offset, n);
}

int
grains_write (struct extent *e, const void *buf, uint64_t count,
              uint64_t offset)
{
  struct grains *g = e->state;
  struct grain_writer *w = g->writer;
  const char *p = buf;
  struct run run = { .quiet = false };
  int64_t n;

  for (; count > 0; count -= n, offset += n, p += n) {
    if (grains_map (g, offset, count, &run) == -1)
      return -1;
    n = run.length;
    if (run.state != RUN_DATA)
      n = write_absent (w, p, offset, run.length, run.state == RUN_HOLE);
    else if (writing_begin_change (w->writing, g->extent) == -1 ||
             file_pwrite (g->file, p, n, run.at) == -1)
      return -1;
    else
      stats_add (STATS_IN_PLACE, 1, n);
    if (n == -1)
      return -1;
  }
  return 0;
}

/* ---- zero ---- */

/* The part of [OFFSET, OFFSET + LENGTH) that is whole grains, if it begins with
 * one; else 0, and *BEFORE is the part before the first whole one.
 */
static uint64_t
whole_grains (const struct grains *g, uint64_t offset, uint64_t length,
              uint64_t *before)
{
  const uint32_t grain_bytes = g->geometry.grain_bytes;
  const uint64_t end = offset + length;
  const uint64_t next = div_round_up (offset, grain_bytes) * grain_bytes;

  *before = min_u64 (length, next - offset);
  if (*before > 0)
    return 0;
  if (end == g->geometry.capacity)
    return length;
  *before = length % grain_bytes;
  return length - *before;
}

/* Let the whole grains of P have no data.  DATA: they have some, at AT. */
static int64_t
drop (struct piece p, bool data, uint64_t at)
{
  struct grain_writer *w = p.w;
  struct grains *g = w->g;
  const struct span span = { at, p.count * (uint64_t) g->geometry.grain_bytes };
  struct dirty_table *t;
  int absent = is_all_zero_below (w, p.offset, p.length);

  if (absent == -1 || (absent && !data))
    return absent == -1 ? -1 : (int64_t) p.length;
  if (writing_begin_change (w->writing, g->extent) == -1)
    return -1;
  if (!absent && !w->zeroed) /* the entry has to stay */
    return file_zero (g->file, at, p.length, true) == -1 ? -1
                                                         : (int64_t) p.length;
  if (!absent && g->format->announce_zeroed (g) == -1)
    return -1;
  t = grain_table_hold (w, p.first / g->geometry.gtes_per_gt);
  if (t == NULL)
    return -1;
  grain_table_publish (w, t, p.first % g->geometry.gtes_per_gt, p.count,
                       absent ? 0 : g->format->zeroed_entry, 0,
                       data ? &span : NULL);
  stats_add (STATS_DROPPED, p.count, p.length);
  grain_table_release (w, t);
  /* Nobody will read it, but those who are on their way, and they may see
   * zeroes; so the space can go at once.  Where the host has no holes, it is
   * reused later.
   */
  if (data && file_zero_is_fast (g->file, true) &&
      file_zero (g->file, at, p.length, true) == -1)
    return -1;
  return p.length;
}

static int64_t
drop_claimed (struct piece p, bool data)
{
  struct run run = { .quiet = false };

  if (grains_map (p.w->g, p.offset, p.length, &run) == -1)
    return -1;
  if ((run.state == RUN_DATA) != data)
    return 0;
  if (run.state == RUN_ZERO)
    return run.length;
  if (!data && !p.w->zeroed)
    return write_claimed (p, NULL);
  return drop (make_piece (p.w, p.offset, run.length), data, run.at);
}

/* Let whole grains, all with data or all without, have none. */
static int64_t
drop_grains (struct grain_writer *w, uint64_t offset, uint64_t length,
             bool data)
{
  struct piece p = make_piece (w, offset, length);
  struct claim claim;
  int64_t r;

  claims_take (&w->claims, &claim, p.first, p.count);
  r = drop_claimed (p, data);
  claims_release (&w->claims, &claim);
  return r;
}

/* How far from OFFSET on, where there are no grains, is there nothing to do
 * since zeroes are read?  By whole grains, unless it is all of LENGTH.
 */
static int64_t
zero_already (struct grain_writer *w, uint64_t offset, uint64_t length)
{
  const uint32_t grain_bytes = w->g->geometry.grain_bytes;
  uint64_t n = length;
  int r = is_zero_below (w, offset, &n);

  if (r != 1)
    return r;
  if (n == length)
    return n;
  n = (offset + n) / grain_bytes * grain_bytes;
  return n > offset ? (int64_t) (n - offset) : 0;
}

static int64_t
zero_hole (struct grain_writer *w, uint64_t offset, uint64_t length)
{
  int64_t already = zero_already (w, offset, length);
  uint64_t before, whole;

  if (already != 0)
    return already == -1 ? -1 : skip_bytes (already);
  whole = whole_grains (w->g, offset, length, &before);
  if (whole > 0)
    return drop_grains (w, offset, whole, false);
  return write_new (w, NULL, offset, before);
}

static int64_t
zero_data (struct grain_writer *w, uint64_t offset, const struct run *run,
           bool free)
{
  uint64_t before;
  uint64_t whole = whole_grains (w->g, offset, run->length, &before);

  if (free && whole > 0)
    return drop_grains (w, offset, whole, true);
  if (!free)
    before = run->length;
  if (writing_begin_change (w->writing, w->g->extent) == -1 ||
      file_zero (w->g->file, run->at, before, free) == -1)
    return -1;
  return before;
}

int
grains_zero (struct extent *e, uint64_t count, uint64_t offset, bool free)
{
  struct grains *g = e->state;
  struct grain_writer *w = g->writer;
  struct run run = { .quiet = false };
  int64_t n = 0;

  for (; count > 0; count -= n, offset += n) {
    if (grains_map (g, offset, count, &run) == -1)
      return -1;
    switch (run.state) {
    case RUN_HOLE: n = zero_hole (w, offset, run.length); break;
    case RUN_DATA: n = zero_data (w, offset, &run, free); break;
    default: n = skip_bytes (run.length); break;
    }
    if (n == -1)
      return -1;
  }
  return 0;
}

/* So much is written as quickly as marked. */
#define QUICK_TO_WRITE (64 << 10)

/* Is one run quick to zero?  Not if part of a grain has to be copied up, nor if
 * more than a little has to be zeroed in place, on a host that cannot do that
 * without writing.
 */
static int
run_is_quick (struct grain_writer *w, uint64_t offset, const struct run *run,
              bool free)
{
  const uint32_t grain_bytes = w->g->geometry.grain_bytes;
  const uint64_t end = offset + run->length;
  const bool marks = w->zeroed || !w->writing->child;

  if (run->state == RUN_DATA)
    return run->length <= QUICK_TO_WRITE || (free && marks) ||
           file_zero_is_fast (w->g->file, free);
  if (run->state != RUN_HOLE)
    return 1;
  if (offset % grain_bytes == 0 &&
      (end % grain_bytes == 0 || end == w->g->geometry.capacity) &&
      (marks || file_zero_is_fast (w->g->file, false)))
    return 1;
  return is_all_zero_below (w, offset, run->length);
}

int
grains_zero_is_quick (struct extent *e, uint64_t count, uint64_t offset,
                      bool free)
{
  struct grains *g = e->state;
  struct run run = { .quiet = false };
  int r = 1;

  for (; r == 1 && count > 0; count -= run.length, offset += run.length) {
    if (grains_map (g, offset, count, &run) == -1)
      return -1;
    r = run_is_quick (g->writer, offset, &run, free);
  }
  return r;
}
