/* SPDX-License-Identifier: BSD-3-Clause */
/* Checkpoints of a stream-optimized extent: tables and directory are written
 * behind the log, and the log begins anew.  See stream.h.
 */

#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "report.h"
#include "rounding.h"
#include "stats.h"
#include "stream.h"

/* So few tables in memory are never too many, of all extents together. */
#define MIN_TABLES 16

/* A table that is being written: to sector PLACE. */
struct placing {
  struct stream_table *table;
  uint32_t place;
};

DEFINE_VECTOR (placing_vector, struct placing);

/* Choose the tables that have changed; they stay in memory until they are
 * written.
 */
static int
choose_tables (struct stream_writer *w, placing_vector *tables)
{
  struct stream_table *t;
  LOCK_FOR_SCOPE (&w->s->lock);

  for (t = w->s->tables->first; t != NULL; t = t->next) {
    if (!t->changed)
      continue;
    if (placing_vector_append (tables, (struct placing){ t, 0 }) == -1) {
      report_error ("%s: no memory to flush with", w->s->grains.file->name);
      return -1;
    }
    t->users++;
  }
  return 0;
}

static int
out_table (struct stream_writer *w, struct stream_out *o, struct placing *p)
{
  unsigned char *block;
  size_t size;
  int r;

  pthread_mutex_lock (&w->s->lock);
  block = stream_table_block (w, p->table, &size);
  p->table->changed = false;
  pthread_mutex_unlock (&w->s->lock);
  if (block == NULL) {
    report_error ("%s: no memory to flush with", w->s->grains.file->name);
    return -1;
  }
  p->place = stream_out_sector (o) + 1;
  r = stream_out_add (o, block, size);
  stats_add (STATS_TABLE_FLUSHED, 1, size);
  free (block);
  return r;
}

/* Write TABLES and the directory that they make; *GD becomes its sector. */
static int
out_metadata (struct stream_writer *w, struct stream_out *o,
              placing_vector *tables, uint64_t *gd)
{
  const struct stream_tables *t = w->s->tables;
  CLEANUP_FREE uint32_t *places = malloc (t->n * sizeof *places);
  size_t i;

  if (places == NULL) {
    report_error ("%s: no memory to flush with", w->s->grains.file->name);
    return -1;
  }
  memcpy (places, t->places, t->n * sizeof *places);
  for (i = 0; i < tables->count; ++i) {
    struct placing *p = &tables->items[i];

    if (out_table (w, o, p) == -1)
      return -1;
    places[p->table->number] = p->place;
  }
  return stream_out_directory (o, places, t->n, gd);
}

/* The same at the tail, which moves on.  *LOG_START becomes the tail. */
static int
append_metadata (struct stream_writer *w, placing_vector *tables, uint64_t *gd,
                 uint64_t *log_start)
{
  struct stream_out o;
  int r;
  LOCK_FOR_SCOPE (&w->tail_lock);

  __atomic_store_n (&w->canonical, false, __ATOMIC_RELAXED);
  /* Chosen now, since what else is written before the new log has to be in one
   * of the tables.
   */
  if (stream_clean_tail (w) == -1 || choose_tables (w, tables) == -1 ||
      stream_out_start (&o, w->s, w->s->grains.file, w->tail) == -1)
    return -1;
  w->stale_tail = true;
  r = out_metadata (w, &o, tables, gd);
  if (r == 0)
    r = stream_out_flush (&o);
  if (r == 0) {
    stream_move_tail (w, stream_out_sector (&o));
    *log_start = w->tail;
  }
  stream_out_end (&o);
  return r;
}

/* They are in the file, or not; where they were before is garbage then. */
static void
end_tables (struct stream_writer *w, placing_vector *tables, bool placed)
{
  const uint64_t sectors =
    div_round_up (grain_table_bytes (&w->s->grains), SECTOR_SIZE);
  size_t i;

  for (i = 0; i < tables->count; ++i) {
    struct placing *p = &tables->items[i];
    uint32_t before;

    pthread_mutex_lock (&w->s->lock);
    before = w->s->tables->places[p->table->number];
    p->table->users--;
    if (!placed)
      p->table->changed = true;
    else if (p->table->changed) /* again, since it was written */
      w->s->tables->places[p->table->number] = p->place;
    else
      stream_table_placed (w->s, p->table, p->place);
    pthread_mutex_unlock (&w->s->lock);
    if (placed && before > 1)
      stream_add_garbage (w, before - 1, 1 + sectors);
  }
  free (tables->items);
}

static uint64_t
directory_sectors (const struct stream *s)
{
  return div_round_up (s->tables->n * 4, SECTOR_SIZE);
}

/* Write the metadata and let the log begin behind it. */
int
stream_move_log (struct stream_writer *w)
{
  struct stream_record record = w->record;
  placing_vector tables = VECTOR_EMPTY;
  const uint64_t gd = w->record.gd;
  int r = append_metadata (w, &tables, &record.gd, &record.log_start);

  stats_count (STATS_CHECKPOINT);
  if (r == 0)
    r = writing_sync (w->writing, w->s->grains.file);
  if (r == 0)
    r = stream_write_record (w, &record);
  end_tables (w, &tables, r == 0);
  if (r == 0 && gd > 1)
    stream_add_garbage (w, gd - 1, 1 + directory_sectors (w->s));
  return r;
}

/* Of all that is in the log's garbage. */
static void
count_garbage (struct stream_writer *w)
{
  uint64_t bytes = 0;
  size_t i;

  for (i = 0; i < w->log_garbage.count; ++i)
    bytes += w->log_garbage.items[i].length;
  __atomic_store_n (&w->garbage_bytes, bytes, __ATOMIC_RELAXED);
}

/* A checkpoint that failed has made no GARBAGE free. */
static void
take_back_garbage (struct stream_writer *w, span_vector garbage)
{
  size_t i;

  for (i = 0; i < w->log_garbage.count; ++i)
    (void) span_vector_append (&garbage, w->log_garbage.items[i]);
  free (w->log_garbage.items);
  w->log_garbage = garbage;
}

/* With the flush lock held. */
int
stream_checkpoint (struct stream_writer *w)
{
  span_vector garbage, freed;
  struct snapshot snap;
  int r;

  if (stream_write_held (w) == -1 || stream_take_snapshot (w, &snap) == -1)
    return -1;
  stream_give_superseded (w, &snap.superseded);
  freed = space_begin_flush (&w->space);
  garbage = w->log_garbage;
  w->log_garbage = (span_vector) VECTOR_EMPTY;
  r = stream_move_log (w);
  space_end_flush (&w->space, freed, r == 0);
  if (r == 0) {
    stream_end_orders (w, &snap, true);
    space_end_flush (&w->space, garbage, true);
    w->log_start = w->record.log_start;
  }
  else
    take_back_garbage (w, garbage);
  count_garbage (w);
  free (snap.orders);
  free (snap.superseded.items);
  return r;
}

/* How much of the tables may be in memory. */
static uint64_t
max_table_bytes (const struct stream_writer *w)
{
  const struct writing *all = w->writing;
  const uint64_t some = max_u64 (MIN_TABLES / all->n_extents, 1);

  return max_u64 (
    min_u64 (all->max_dirty / 2 / all->n_extents, STREAM_MAX_TABLE_BYTES),
    some * grain_table_bytes (&w->s->grains));
}

/* Less garbage than an eighth of the file is not worth it; or of the disk,
 * since a file that earlier sessions have left several times as large would
 * grow by an eighth with each.
 */
bool
stream_wants_checkpoint (struct stream_writer *w)
{
  const struct grains *g = &w->s->grains;
  const uint64_t size = min_u64 (
    __atomic_load_n (&g->grown_to, __ATOMIC_RELAXED), g->geometry.capacity);
  const uint64_t worth = max_u64 (w->writing->max_garbage, size / 8);

  return __atomic_load_n (&w->garbage_bytes, __ATOMIC_RELAXED) > worth ||
         __atomic_load_n (&w->s->tables->bytes, __ATOMIC_RELAXED) >
           max_table_bytes (w);
}

int
stream_out_metadata (struct stream_writer *w, struct stream_out *o,
                     uint64_t *gd)
{
  placing_vector tables = VECTOR_EMPTY;
  int r = choose_tables (w, &tables);

  if (r == 0)
    r = out_metadata (w, o, &tables, gd);
  end_tables (w, &tables, false); /* the file is closed anyway */
  return r;
}
