/* SPDX-License-Identifier: BSD-3-Clause */
/* Make durable what was written to a stream-optimized extent.  See stream.h.
 *
 * Who holds what, and waits for what: the flush lock before a claim, before the
 * tail lock, before the header lock, before the stream's lock.
 */

#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "cleanup.h"
#include "report.h"
#include "rounding.h"
#include "stats.h"
#include "stream.h"

/* So many grains may wait for an order mark, or blocks to be given up. */
#define MAX_WAITING 65536

/* ---- a flush ---- */

/* One of the raw, or the packed, that was changed at SERIAL or before. */
static bool
find_changed (const held_vector *v, struct stream_writer *w, uint64_t serial,
              uint64_t *grain)
{
  size_t i;
  LOCK_FOR_SCOPE (&w->s->lock);

  for (i = 0; i < v->count; ++i)
    if (v->items[i]->serial <= serial) {
      *grain = v->items[i]->grain;
      return true;
    }
  return false;
}

/* SERIAL, and how many grains are raw. */
static size_t
look_at_held (struct stream_writer *w, uint64_t *serial)
{
  LOCK_FOR_SCOPE (&w->s->lock);

  *serial = w->serial;
  return w->raw.count;
}

int
stream_write_held (struct stream_writer *w)
{
  uint64_t serial, grain = 0;
  size_t n = look_at_held (w, &serial);
  int r;

  for (; n > 0 && find_changed (&w->raw, w, serial, &grain); --n)
    if (stream_pack_raw (w, grain, UINT64_MAX) == -1)
      return -1;
  pthread_mutex_lock (&w->tail_lock);
  r = stream_emit (w, 0, serial);
  pthread_mutex_unlock (&w->tail_lock);
  /* Those that became raw again before they were written, or even packed. */
  while (r == 0 && (find_changed (&w->raw, w, serial, &grain) ||
                    find_changed (&w->packed, w, serial, &grain)))
    r = stream_pack_raw (w, grain, serial);
  return r;
}

static int
compare_orders (const void *a, const void *b)
{
  const struct stream_order *x = a, *y = b;

  return (x->grain > y->grain) - (x->grain < y->grain);
}

/* Sort N orders and leave out those that are there twice. */
static size_t
sort_orders (struct stream_order *orders, size_t n)
{
  size_t i, kept = 0;

  if (n > 0)
    qsort (orders, n, sizeof *orders, compare_orders);
  for (i = 0; i < n; ++i)
    if (kept == 0 || orders[kept - 1].grain != orders[i].grain)
      orders[kept++] = orders[i];
  return kept;
}

int
stream_take_snapshot (struct stream_writer *w, struct snapshot *snap)
{
  size_t i;
  LOCK_FOR_SCOPE (&w->s->lock);

  memset (snap, 0, sizeof *snap);
  snap->orders = calloc (w->ordered.count + 1, sizeof *snap->orders);
  if (snap->orders == NULL) {
    report_error ("%s: no memory to flush with", w->s->grains.file->name);
    return -1;
  }
  for (i = 0; i < w->ordered.count; ++i) {
    const uint64_t grain = w->ordered.items[i];

    if (stream_table_of (w->s, grain))
      snap->orders[snap->n_orders++] =
        (struct stream_order){ grain, held_entry_in_file (w, grain) };
    /* Else a checkpoint has made it durable meanwhile. */
  }
  snap->n_ordered = w->ordered.count;
  snap->n_orders = sort_orders (snap->orders, snap->n_orders);
  snap->superseded = w->superseded;
  w->superseded = (sector_vector) VECTOR_EMPTY;
  w->own_superseded = 0;
  return 0;
}

static bool
order_holds (struct stream_writer *w, const struct snapshot *snap,
             uint64_t grain)
{
  const struct stream_order key = { .grain = grain };
  const struct stream_order *o = bsearch (&key, snap->orders, snap->n_orders,
                                          sizeof *snap->orders, compare_orders);

  if (stream_table_of (w->s, grain) == NULL)
    return true;
  return o && o->entry == held_entry_in_file (w, grain);
}

/* The orders have been written.  What has changed since then waits for the next
 * flush: its block may be before them in the file.  ALL: the checkpoint has
 * everything.
 */
void
stream_end_orders (struct stream_writer *w, const struct snapshot *snap,
                   bool all)
{
  size_t i, kept = 0;
  LOCK_FOR_SCOPE (&w->s->lock);

  for (i = 0; i < w->ordered.count; ++i)
    if (i >= snap->n_ordered ||
        (!all && !order_holds (w, snap, w->ordered.items[i])))
      w->ordered.items[kept++] = w->ordered.items[i];
  w->ordered.count = kept;
}

void
stream_add_garbage (struct stream_writer *w, uint64_t sector, uint64_t sectors)
{
  const struct span span = { sector * SECTOR_SIZE, sectors * SECTOR_SIZE };

  if (sector < w->own_from)
    return;
  __atomic_fetch_add (&w->new_gaps, span.length, __ATOMIC_RELAXED);
  if (span_vector_append (&w->log_garbage, span) == 0)
    __atomic_store_n (&w->garbage_bytes, w->garbage_bytes + span.length,
                      __ATOMIC_RELAXED);
}

/* The blocks that were superseded, of which only the file knows the size, are
 * garbage in the log, or space to be given up.
 */
void
stream_give_superseded (struct stream_writer *w,
                        const sector_vector *superseded)
{
  struct file *f = w->s->grains.file;
  struct disk_marker marker;
  uint64_t bytes;
  size_t i;

  for (i = 0; i < superseded->count; ++i) {
    const uint64_t sector = superseded->items[i];
    CLEANUP_FREE char *problem = NULL;

    /* If that fails, no request does: the space is lost, and that is all. */
    if (file_pread_quietly (f, &marker, sizeof marker, sector * SECTOR_SIZE,
                            &problem) == -1)
      continue;
    bytes = stream_block_bytes (load_le32 (&marker.size));
    if (load_le32 (&marker.size) >
          MAX_PACKED_BYTES (w->s->grains.geometry.grain_bytes) ||
        sector * SECTOR_SIZE + bytes >
          __atomic_load_n (&w->s->grains.grown_to, __ATOMIC_ACQUIRE))
      continue;
    if (sector >= w->log_start) {
      stream_add_garbage (w, sector, bytes / SECTOR_SIZE);
      continue;
    }
    __atomic_fetch_add (&w->new_gaps, bytes, __ATOMIC_RELAXED);
    /* What the file had before belongs to it still: see stream.h. */
    if (sector >= w->own_from)
      space_give (&w->space, (struct span){ sector * SECTOR_SIZE, bytes });
  }
}

/* What has been written moves the tail on to SECTOR. */
void
stream_move_tail (struct stream_writer *w, uint64_t sector)
{
  w->tail = sector;
  w->stale_tail = false;
  __atomic_store_n (&w->s->grains.grown_to, sector * SECTOR_SIZE,
                    __ATOMIC_RELEASE);
}

/* Write the order marks, of grains that are durable by now. */
static int
write_orders (struct stream_writer *w, const struct snapshot *snap)
{
  struct stream_out o;
  int r;
  LOCK_FOR_SCOPE (&w->tail_lock);

  if (stream_clean_tail (w) == -1 ||
      stream_out_start (&o, w->s, w->s->grains.file, w->tail) == -1)
    return -1;
  w->stale_tail = true;
  r = stream_out_orders (&o, w->record.nonce, snap->orders, snap->n_orders);
  if (r == 0)
    r = stream_out_flush (&o);
  if (r == 0) {
    stream_add_garbage (w, w->tail, stream_out_sector (&o) - w->tail);
    stream_move_tail (w, stream_out_sector (&o));
    stream_end_orders (w, snap, false);
  }
  stream_out_end (&o);
  return r;
}

/* Make the snapshot durable. */
static int
sync_snapshot (struct stream_writer *w, const struct snapshot *snap)
{
  struct file *f = w->s->grains.file;

  if (writing_sync (w->writing, f) == -1)
    return -1;
  if (snap->n_orders == 0)
    return 0;
  return write_orders (w, snap) == -1 ? -1 : writing_sync (w->writing, f);
}

/* With the flush lock held.  Unless DURABLE nothing is synced, but if there is
 * something that the order of the file does not tell.
 */
static int
flush (struct stream_writer *w, bool durable)
{
  struct snapshot snap;
  span_vector freed;
  int r;

  stats_count (STATS_EXTENT_FLUSH);
  if (stream_write_held (w) == -1 || stream_take_snapshot (w, &snap) == -1)
    return -1;
  stream_give_superseded (w, &snap.superseded);
  freed = space_begin_flush (&w->space);
  durable = durable || snap.n_orders > 0;
  r = durable ? sync_snapshot (w, &snap) : 0;
  space_end_flush (&w->space, freed, durable && r == 0);
  free (snap.orders);
  free (snap.superseded.items);
  return r;
}

/* ---- when ---- */

int
stream_flush (struct extent *e)
{
  struct stream *s = e->state;
  LOCK_FOR_SCOPE (&s->writer->flush_lock);

  return flush (s->writer, true);
}

int
stream_write_out (struct extent *e)
{
  struct stream *s = e->state;
  LOCK_FOR_SCOPE (&s->writer->flush_lock);

  return flush (s->writer, false);
}

/* Much waits for a flush: so much garbage, or so many lines of order marks. */
static bool
wants_flush (struct stream_writer *w)
{
  const uint64_t grain_bytes = w->s->grains.geometry.grain_bytes;
  LOCK_FOR_SCOPE (&w->s->lock);

  return w->ordered.count > MAX_WAITING || w->superseded.count > MAX_WAITING ||
         w->own_superseded * grain_bytes / 2 > w->writing->max_garbage;
}

int
stream_relieve (struct extent *e, bool takes_space)
{
  struct stream *s = e->state;
  struct stream_writer *w = s->writer;

  (void) takes_space; /* a log grows by what is dropped too */
  if (!__atomic_load_n (&e->changed, __ATOMIC_ACQUIRE) ||
      (!stream_wants_checkpoint (w) && !wants_flush (w)))
    return 0;
  {
    LOCK_FOR_SCOPE (&w->flush_lock);

    /* Another request may have done it meanwhile. */
    if (stream_wants_checkpoint (w))
      return stream_checkpoint (w);
    return wants_flush (w) ? flush (w, true) : 0;
  }
}
