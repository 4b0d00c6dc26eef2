/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that change a stream-optimized extent.
 *
 * A whole grain is packed in the thread of its request, with no lock held, and
 * then held until its turn to be written has come.  Part of a grain goes into a
 * raw grain, whose other bytes are what the grain held before, so that it can
 * be read and packed at any time; that is done when it is complete, when there
 * are too many of them, or for a flush.
 *
 * Who changes a grain has a claim on it.  What is kept in memory is relieved
 * before and never under a claim, since that takes other claims and the lock of
 * the tail.
 */

#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "deflate.h"
#include "is-all-zero.h"
#include "report.h"
#include "rounding.h"
#include "stats.h"
#include "stream.h"

static int
no_memory (const struct stream *s)
{
  report_error ("%s: no memory to hold a grain", s->grains.file->name);
  errno = ENOMEM;
  return -1;
}

static uint32_t
grain_bytes (const struct stream_writer *w)
{
  return w->s->grains.geometry.grain_bytes;
}

/* What GRAIN holds of the extent, to the capacity at most. */
static size_t
bytes_inside (const struct stream_writer *w, uint64_t grain)
{
  const uint64_t start = grain * grain_bytes (w);

  return min_u64 (grain_bytes (w), w->s->grains.geometry.capacity - start);
}

/* Do N bytes from AT on make up the whole grain?  Behind the capacity of the
 * disk there may be more in the last one, if the header has a larger one.
 */
static bool
is_whole (const struct stream_writer *w, uint64_t grain, size_t at, size_t n)
{
  return at == 0 &&
         (n == grain_bytes (w) ||
          (n == bytes_inside (w, grain) &&
           w->s->header.geometry.capacity <= w->s->grains.geometry.capacity));
}

/* ---- what is there ---- */

enum content {
  CONTENT_BAD = -1, /* reported */
  CONTENT_NONE,     /* absent: what is below counts */
  CONTENT_ZERO,
  CONTENT_SOME /* in memory or in the file */
};

/* With a claim, and the table of GRAIN held. */
static enum content
content_of (struct stream_writer *w, uint64_t grain)
{
  LOCK_FOR_SCOPE (&w->s->lock);

  switch (stream_entry (w->s, grain)) {
  case 0: return CONTENT_NONE;
  case HOSTED_GTE_ZERO: return CONTENT_ZERO;
  default: return CONTENT_SOME;
  }
}

/* Does GRAIN read as zeroes in the links below?  Returns 1, 0 or -1. */
static int
is_zero_below (struct stream_writer *w, uint64_t grain)
{
  const struct extent *e = w->s->grains.extent;
  uint64_t offset = e->start + grain * grain_bytes (w);
  uint64_t length = bytes_inside (w, grain), n;
  int r = 1;

  if (!w->writing->child)
    return 1;
  for (; r == 1 && length > 0; offset += n, length -= n) {
    n = length;
    r = disk_is_zero_below (w->writing->disk, offset, &n);
  }
  return r;
}

/* Fill BUF, a grain, with what GRAIN reads as now, bytes behind the capacity
 * included.
 */
static int
load_content (struct stream_writer *w, uint64_t grain, enum content content,
              unsigned char *buf)
{
  struct extent *e = w->s->grains.extent;
  const size_t inside = bytes_inside (w, grain);

  if (content == CONTENT_SOME)
    return stream_read (e, buf, grain_bytes (w), grain * grain_bytes (w));
  memset (buf, 0, grain_bytes (w));
  if (content == CONTENT_ZERO || !w->writing->child)
    return 0;
  return disk_read_below (w->writing->disk, buf, inside,
                          e->start + grain * grain_bytes (w));
}

/* N bytes need no change. */
static int
skip_bytes (uint64_t n)
{
  stats_add (STATS_SKIPPED, 1, n);
  return 0;
}

/* ---- changes, all with a claim and the table of the grain held ---- */

/* Let H, which it takes over, be the content of its grain. */
static int
insert (struct stream_writer *w, struct held *h)
{
  struct stream *s = w->s;
  const uint64_t grain = h->grain;
  int r;

  /* Before, since of a raw grain that was being written to there may be an
   * older state in the cache, which counts as soon as the grain is not raw any
   * more.
   */
  stream_forget_grain (s, grain);
  pthread_mutex_lock (&s->lock);
  r = held_insert (w, h);
  pthread_mutex_unlock (&s->lock);
  if (r == -1) {
    free (h->bytes);
    free (h);
    return no_memory (s);
  }
  stream_forget_grain (s, grain);
  return 0;
}

/* Pack the grain at BUF, a whole one; it is held then. */
static int
pack (struct stream_writer *w, uint64_t grain, const void *buf)
{
  struct stream *s = w->s;
  unsigned char *block =
    malloc (stream_block_bytes (deflate_bound (grain_bytes (w))));
  unsigned char *smaller;
  size_t bytes;
  struct held *h;

  if (block == NULL)
    return no_memory (s);
  bytes = stream_pack_block (s, grain, buf, block);
  if (bytes == 0) {
    free (block);
    return no_memory (s);
  }
  smaller = realloc (block, bytes);
  if (smaller)
    block = smaller;
  h = held_create (s, grain, true, block, bytes);
  return h ? insert (w, h) : -1;
}

/* Let GRAIN read as zeroes. */
static int
drop (struct stream_writer *w, uint64_t grain)
{
  struct stream *s = w->s;
  const struct grain_format *format = s->grains.format;
  int below = is_zero_below (w, grain), r;
  enum content content = content_of (w, grain);

  if (below == -1)
    return -1;
  if (content == CONTENT_ZERO || (content == CONTENT_NONE && below))
    return skip_bytes (bytes_inside (w, grain));
  if (writing_begin_change (w->writing, s->grains.extent) == -1)
    return -1;
  if (!below && w->writing->no_zeroed_grains) {
    CLEANUP_FREE unsigned char *zeroes = calloc (1, grain_bytes (w));

    return zeroes ? pack (w, grain, zeroes) : no_memory (s);
  }
  if (!below && format->announce_zeroed (&s->grains) == -1)
    return -1;
  stream_forget_grain (s, grain);
  pthread_mutex_lock (&s->lock);
  r = held_drop (w, grain, below ? 0 : HOSTED_GTE_ZERO);
  if (r == 0)
    stats_add (STATS_DROPPED, 1, grain_bytes (w));
  pthread_mutex_unlock (&s->lock);
  stream_forget_grain (s, grain);
  return r == -1 ? no_memory (s) : 0;
}

/* Write a whole grain; BUF has what is inside the disk; NULL: zeroes. */
static int
write_whole (struct stream_writer *w, uint64_t grain, const void *buf)
{
  const size_t inside = bytes_inside (w, grain);
  CLEANUP_FREE unsigned char *padded = NULL;

  if (buf == NULL || is_all_zero (buf, inside))
    return drop (w, grain);
  if (writing_begin_change (w->writing, w->s->grains.extent) == -1)
    return -1;
  if (inside == grain_bytes (w))
    return pack (w, grain, buf);
  padded = calloc (1, grain_bytes (w)); /* 4.5: always in full */
  if (padded == NULL)
    return no_memory (w->s);
  memcpy (padded, buf, inside);
  return pack (w, grain, padded);
}

static void
put_bytes (unsigned char *to, const void *buf, size_t n)
{
  if (buf)
    memcpy (to, buf, n);
  else
    memset (to, 0, n);
}

/* N bytes at AT of H have been written: take note of whole sectors. */
static void
note_written (struct held *h, size_t at, size_t n)
{
  size_t i;

  for (i = div_round_up (at, SECTOR_SIZE); i < (at + n) / SECTOR_SIZE; ++i) {
    h->n_written += !(h->written[i / 8] & 1u << i % 8);
    h->written[i / 8] |= 1u << i % 8;
  }
}

/* Put the bytes into the raw grain, if there is one.  Returns -1 if there is
 * none, 1 if it is complete now.
 */
static int
edit_raw (struct stream_writer *w, uint64_t grain, size_t at, const void *buf,
          size_t n)
{
  struct held *h;
  LOCK_FOR_SCOPE (&w->s->lock);

  h = held_find (w, grain);
  if (h == NULL || h->packed)
    return -1;
  put_bytes (h->bytes + at, buf, n);
  h->touched = ++w->serial;
  note_written (h, at, n);
  stats_add (STATS_RAW_AGAIN, 1, n);
  return h->n_written * SECTOR_SIZE >= bytes_inside (w, grain);
}

/* Make GRAIN a raw one. */
static int
make_raw (struct stream_writer *w, uint64_t grain, enum content content,
          size_t at, const void *buf, size_t n)
{
  unsigned char *raw = malloc (grain_bytes (w));
  struct held *h;

  if (raw == NULL)
    return no_memory (w->s);
  if (load_content (w, grain, content, raw) == -1) {
    free (raw);
    return -1;
  }
  put_bytes (raw + at, buf, n);
  h = held_create (w->s, grain, false, raw, grain_bytes (w));
  if (h == NULL)
    return -1;
  note_written (h, at, n);
  stats_add (STATS_RAW_NEW, 1, n);
  return insert (w, h);
}

/* Pack GRAIN, which is raw. */
static int
pack_raw (struct stream_writer *w, uint64_t grain)
{
  const unsigned char *raw = NULL;
  const struct held *h;

  pthread_mutex_lock (&w->s->lock);
  h = held_find (w, grain);
  if (h && !h->packed)
    raw = h->bytes;
  pthread_mutex_unlock (&w->s->lock);
  /* Only who has the claim changes a raw grain, or lets it go. */
  if (raw == NULL)
    return 0;
  return is_all_zero (raw, grain_bytes (w)) ? drop (w, grain)
                                            : pack (w, grain, raw);
}

/* Write N bytes at AT of GRAIN, not all of it; BUF may be NULL: zeroes. */
static int
write_part (struct stream_writer *w, uint64_t grain, size_t at, const void *buf,
            size_t n)
{
  const bool zero = buf == NULL || is_all_zero (buf, n);
  enum content content = content_of (w, grain);
  int r;

  /* Zeroes onto zeroes. */
  if (zero && content == CONTENT_ZERO)
    return skip_bytes (n);
  if (zero && content == CONTENT_NONE) {
    r = is_zero_below (w, grain);
    if (r != 0)
      return r == -1 ? -1 : skip_bytes (n);
  }
  if (writing_begin_change (w->writing, w->s->grains.extent) == -1)
    return -1;
  r = edit_raw (w, grain, at, buf, n);
  if (r == -1)
    return make_raw (w, grain, content, at, buf, n);
  return r == 1 ? pack_raw (w, grain) : 0;
}

/* ---- requests ---- */

/* Write it with the others up to SERIAL; nobody changes it meanwhile. */
static int
emit (struct stream_writer *w, uint64_t serial)
{
  LOCK_FOR_SCOPE (&w->tail_lock);

  return stream_emit (w, 0, serial);
}

int
stream_pack_raw (struct stream_writer *w, uint64_t grain, uint64_t serial)
{
  struct claim claim;
  struct stream_table *t;
  int r = -1;

  claims_take (&w->claims, &claim, grain, 1);
  t = stream_table_hold (w->s, grain / w->s->grains.geometry.gtes_per_gt);
  if (t) {
    r = pack_raw (w, grain);
    if (r == 0 && serial != UINT64_MAX)
      r = emit (w, serial);
    stream_table_release (w->s, t);
  }
  claims_release (&w->claims, &claim);
  return r;
}

/* So many grains may be changed between two looks at what waits for a flush. */
#define LOOK_EACH 1024

/* Write, or zero, part of one grain or all of it. */
static int
change_grain (struct stream_writer *w, uint64_t grain, size_t at,
              const void *buf, size_t n)
{
  struct claim claim;
  struct stream_table *t;
  int r = -1;

  if (grain % LOOK_EACH == 0 &&
      stream_relieve (w->s->grains.extent, true) == -1)
    return -1;
  /* What only drops a grain is not to fail on a full host. */
  if ((buf != NULL || !is_whole (w, grain, at, n)) &&
      stream_make_room (w) == -1)
    return -1;
  claims_take (&w->claims, &claim, grain, 1);
  t = stream_table_hold (w->s, grain / w->s->grains.geometry.gtes_per_gt);
  if (t) {
    r = is_whole (w, grain, at, n) ? write_whole (w, grain, buf)
                                   : write_part (w, grain, at, buf, n);
    stream_table_release (w->s, t);
  }
  claims_release (&w->claims, &claim);
  return r;
}

static void
begin_request (struct stream_writer *w, struct writing_request *r)
{
  LOCK_FOR_SCOPE (&w->s->lock);

  r->next = w->requests;
  w->requests = r;
}

static void
move_request (struct stream_writer *w, struct writing_request *r,
              uint64_t grain)
{
  LOCK_FOR_SCOPE (&w->s->lock);

  r->grain = grain;
}

static void
end_request (struct stream_writer *w, const struct writing_request *r)
{
  struct writing_request **p;
  LOCK_FOR_SCOPE (&w->s->lock);

  for (p = &w->requests; *p; p = &(*p)->next)
    if (*p == r) {
      *p = r->next;
      break;
    }
}

/* The same as stream_write, by the request R. */
static int
write_grains (struct stream_writer *w, struct writing_request *r,
              const char *buf, uint64_t count, uint64_t offset)
{
  size_t at, n;

  for (; count > 0; count -= n, offset += n, buf += n) {
    at = offset % grain_bytes (w);
    n = min_u64 (count, grain_bytes (w) - at);
    move_request (w, r, offset / grain_bytes (w));
    if (change_grain (w, r->grain, at, buf, n) == -1)
      return -1;
  }
  return 0;
}

int
stream_write (struct extent *e, const void *buf, uint64_t count,
              uint64_t offset)
{
  struct stream *s = e->state;
  struct writing_request r = { .grain = offset / grain_bytes (s->writer) };
  int result;

  begin_request (s->writer, &r);
  result = write_grains (s->writer, &r, buf, count, offset);
  end_request (s->writer, &r);
  return result;
}

/* How far from OFFSET on, in a run without grains, are there zeroes already?
 * Returns -1, reported.
 */
static int64_t
zero_already (struct stream_writer *w, uint64_t offset, const struct run *run)
{
  uint64_t n = run->length;
  int r;

  if (run->state == RUN_PACKED)
    return 0;
  if (run->state == RUN_ZERO || !w->writing->child)
    return n;
  r = disk_is_zero_below (w->writing->disk, w->s->grains.extent->start + offset,
                          &n);
  return r == 1 ? (int64_t) n : r;
}

int
stream_zero (struct extent *e, uint64_t count, uint64_t offset, bool free)
{
  struct stream *s = e->state;
  struct run run = { .quiet = false };
  size_t at;
  int64_t n;

  (void) free; /* there is no other way to store zeroes */
  for (; count > 0; count -= n, offset += n) {
    if (grains_map (&s->grains, offset, count, &run) == -1)
      return -1;
    n = zero_already (s->writer, offset, &run);
    if (n == -1)
      return -1;
    if (n > 0) {
      skip_bytes (n);
      continue;
    }
    at = offset % grain_bytes (s->writer);
    n = min_u64 (count, grain_bytes (s->writer) - at);
    if (change_grain (s->writer, offset / grain_bytes (s->writer), at, NULL,
                      n) == -1)
      return -1;
  }
  return 0;
}

/* Grains are dropped; of one of which a part is left, that has to be packed
 * again, as if it were written.
 */
int
stream_zero_is_quick (struct extent *e, uint64_t count, uint64_t offset,
                      bool free)
{
  (void) e;
  (void) count;
  (void) offset;
  (void) free;
  return 1;
}
