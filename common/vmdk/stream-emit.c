/* SPDX-License-Identifier: BSD-3-Clause */
/* The way of packed grains into the file.
 *
 * Requests come in any order, and grains should be in the file in ascending
 * order.  So grains are held until there are too many; then the lower half of
 * them is written, in order, many with one write.  What comes too late for that
 * is put right when the file is closed.  As long as the order is kept, each
 * table follows the last of its grains, as 4.10 wants it.
 *
 * Where the order is lost anyway, a grain goes where there is room before the
 * log, if there is.
 */

#include <config.h>

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "cleanup.h"
#include "report.h"
#include "rounding.h"
#include "stats.h"
#include "stream.h"

/* What is written at a time; a bound on the work, and on what fails as one. */
#define BATCH_PIECES 128
#define BATCH_BYTES  (2 << 20)

/* As many as one write takes (file.h). */
#define WRITE_PARTS 8

/* A block on its way to SECTOR. */
struct piece {
  const unsigned char *bytes;
  size_t size;
  uint64_t sector;
  struct held *held;          /* or */
  struct stream_table *table; /* whose block, BYTES, is the batch's */
  bool reused;                /* the space is not at the tail */
};

struct batch {
  struct stream_writer *w;
  struct piece pieces[BATCH_PIECES + 1]; /* a table may come before a grain */
  unsigned n;
  size_t bytes;
  uint64_t tail; /* sector: behind the last piece that is at the tail */
  uint64_t next_grain, group; /* as the members of the writer of these names */
  bool canonical;
};

unsigned char *
stream_table_block (struct stream_writer *w, const struct stream_table *t,
                    size_t *size)
{
  const struct grains *g = &w->s->grains;
  const size_t bytes =
    div_round_up (grain_table_bytes (g), SECTOR_SIZE) * SECTOR_SIZE;
  unsigned char *block = calloc (1, SECTOR_SIZE + bytes);
  struct disk_marker *marker = (void *) block;
  uint32_t i;

  if (block == NULL)
    return NULL;
  marker->value = htole64 (bytes / SECTOR_SIZE);
  marker->type = htole32 (MARKER_TABLE);
  *size = SECTOR_SIZE + bytes;
  block += SECTOR_SIZE;
  memcpy (block, t->entries, grain_table_bytes (g));
  for (i = 0; t->held > 0 && i < g->geometry.gtes_per_gt; ++i)
    if (load_le32 (block + 4 * i) == STREAM_HELD) {
      const struct held *h =
        held_find (w, t->number * g->geometry.gtes_per_gt + i);

      store_le32 (block + 4 * i, h->placing ? h->sector : h->old);
    }
  return block - SECTOR_SIZE;
}

/* ---- which, and where to ---- */

static bool
is_over (const struct stream_writer *w, const size_t *bytes, unsigned times)
{
  return __atomic_load_n (bytes, __ATOMIC_RELAXED) >
         times * w->writing->max_held;
}

static int
compare_held (const void *a, const void *b)
{
  const struct held *x = *(struct held *const *) a,
                    *y = *(struct held *const *) b;

  return (x->grain > y->grain) - (x->grain < y->grain);
}

/* Sort the packed grains, and number them again. */
static void
sort_packed (struct stream_writer *w)
{
  size_t i;

  if (w->packed.count == 0)
    return;
  qsort (w->packed.items, w->packed.count, sizeof w->packed.items[0],
         compare_held);
  for (i = 0; i < w->packed.count; ++i)
    w->packed.items[i]->at = i;
}

/* Let the block of the table of the batch's group follow.  No memory: the order
 * of the file is given up, that is all.
 */
static void
add_table (struct batch *b)
{
  struct stream *s = b->w->s;
  struct stream_table *t = s->tables->in_memory[b->group];
  struct piece *p = &b->pieces[b->n];

  *p = (struct piece){ .table = t, .sector = b->tail };
  p->bytes = t ? stream_table_block (b->w, t, &p->size) : NULL;
  if (p->bytes == NULL || b->tail + p->size / SECTOR_SIZE > STREAM_MAX_SECTOR) {
    free ((unsigned char *) (uintptr_t) p->bytes);
    b->canonical = false;
    return;
  }
  b->bytes += p->size;
  b->tail += p->size / SECTOR_SIZE;
  b->n++;
}

/* A place before the log for H. */
static bool
reuse (struct batch *b, const struct held *h, uint64_t *sector)
{
  struct span span;

  if (b->canonical || !space_take_fitting (&b->w->space, h->size, &span))
    return false;
  if (grain_vector_append (&b->w->ordered, h->grain) == -1) {
    space_give (&b->w->space, span);
    return false;
  }
  *sector = span.start / SECTOR_SIZE;
  __atomic_fetch_sub (&b->w->new_gaps, h->size, __ATOMIC_RELAXED);
  return true;
}

static int
add_held (struct batch *b, struct held *h)
{
  struct stream_writer *w = b->w;
  const uint64_t group = h->grain / w->s->grains.geometry.gtes_per_gt;
  struct piece *p;

  if (h->grain < b->next_grain)
    b->canonical = false;
  if (b->canonical && b->group != UINT64_MAX && b->group != group)
    add_table (b);
  p = &b->pieces[b->n];
  *p = (struct piece){ .bytes = h->bytes, .size = h->size, .held = h };
  p->reused = reuse (b, h, &p->sector);
  if (!p->reused) {
    if (b->tail + h->size / SECTOR_SIZE > STREAM_MAX_SECTOR)
      return -1;
    p->sector = b->tail;
    b->tail += h->size / SECTOR_SIZE;
  }
  held_begin_placing (h, p->sector);
  b->group = group;
  b->next_grain = h->grain + 1;
  b->bytes += h->size;
  b->n++;
  return 0;
}

/* As long as the order is kept, and there is room to wait, what may still come
 * from requests that are under way goes first.
 */
static uint64_t
first_to_wait (const struct batch *b, size_t keep)
{
  const struct stream_writer *w = b->w;
  const struct writing_request *r;
  uint64_t first = UINT64_MAX;

  if (!b->canonical || keep == 0 || is_over (w, &w->writing->packed_bytes, 2))
    return first;
  for (r = w->requests; r; r = r->next)
    first = min_u64 (first, r->grain);
  return first;
}

/* Choose what is to be written next. */
static int
fill_batch (struct batch *b, size_t keep, uint64_t serial)
{
  struct stream_writer *w = b->w;
  size_t left = __atomic_load_n (&w->writing->packed_bytes, __ATOMIC_RELAXED);
  uint64_t wait;
  size_t i;

  b->n = 0;
  b->bytes = 0;
  b->tail = w->tail;
  b->next_grain = w->next_grain;
  b->group = w->group;
  b->canonical = __atomic_load_n (&w->canonical, __ATOMIC_RELAXED);
  wait = first_to_wait (b, keep);
  for (i = 0; i < w->packed.count && b->n < BATCH_PIECES - 1 &&
              b->bytes < BATCH_BYTES && left > keep;
       ++i) {
    struct held *h = w->packed.items[i];

    if (h->grain >= wait)
      break;
    if (h->serial > serial)
      continue;
    if (add_held (b, h) == -1)
      return -1;
    left -= min_u64 (left, h->size);
  }
  return 0;
}

/* ---- writing ---- */

static int
write_batch (struct batch *b)
{
  struct file *f = b->w->s->grains.file;
  unsigned i, n;

  for (i = 0; i < b->n; i += n) {
    struct file_part parts[WRITE_PARTS];
    uint64_t next = b->pieces[i].sector;

    for (n = 0; n < WRITE_PARTS && i + n < b->n; ++n) {
      const struct piece *p = &b->pieces[i + n];

      if (p->sector != next)
        break;
      parts[n] = (struct file_part){ p->bytes, p->size };
      next += p->size / SECTOR_SIZE;
    }
    if (file_pwrite_parts (f, parts, n, b->pieces[i].sector * SECTOR_SIZE) ==
        -1)
      return -1;
  }
  return 0;
}

/* The file will be closed in place, so all of it has to reach the medium: let
 * the host begin while grains are still being packed.  What will be moved need
 * not.
 */
static void
begin_write_back (struct stream_writer *w)
{
  uint64_t n;

  if (!__atomic_load_n (&w->canonical, __ATOMIC_RELAXED))
    return;
  w->written_back = max_u64 (w->written_back, w->own_from);
  n = (w->tail - w->written_back) * SECTOR_SIZE;
  if (n < STREAM_WRITE_BACK)
    return;
  file_write_back (w->s->grains.file, w->written_back * SECTOR_SIZE, n);
  w->written_back = w->tail;
}

/* Table T has been written, as BYTES; if it has changed since, the order of the
 * file is lost, or else it is not needed in memory any more.
 */
static void
end_table (struct stream_writer *w, struct piece *p)
{
  struct stream *s = w->s;

  stats_add (STATS_TABLE_FLUSHED, 1, p->size);
  if (__atomic_load_n (&w->canonical, __ATOMIC_RELAXED) &&
      memcmp (p->bytes + SECTOR_SIZE, p->table->entries,
              grain_table_bytes (&s->grains)) == 0)
    stream_table_placed (s, p->table, p->sector + 1);
  else
    __atomic_store_n (&w->canonical, false, __ATOMIC_RELAXED);
}

/* With the lock held: what was tried to write is written, or not. */
static void
end_batch (struct batch *b, bool done)
{
  struct stream_writer *w = b->w;
  unsigned i;

  if (done) {
    w->tail = b->tail;
    w->stale_tail = false;
    w->next_grain = b->next_grain;
    w->group = b->group;
    __atomic_store_n (&w->s->grains.grown_to, w->tail * SECTOR_SIZE,
                      __ATOMIC_RELEASE);
  }
  if (!b->canonical)
    __atomic_store_n (&w->canonical, false, __ATOMIC_RELAXED);
  for (i = 0; i < b->n; ++i) {
    struct piece *p = &b->pieces[i];

    if (p->held)
      held_end_placing (w, p->held, done);
    if (!done && p->reused) {
      space_give (&w->space, (struct span){ p->sector * SECTOR_SIZE, p->size });
      __atomic_fetch_add (&w->new_gaps, p->size, __ATOMIC_RELAXED);
    }
  }
  for (i = 0; i < b->n; ++i) {
    struct piece *p = &b->pieces[i];

    if (p->held)
      continue;
    if (done)
      end_table (w, p);
    free ((unsigned char *) (uintptr_t) p->bytes);
  }
}

static int
report_full (const struct stream *s)
{
  report_error ("%s: the extent is full: an entry of a grain table can name no "
                "place beyond 2 TiB of the file",
                s->grains.file->name);
  errno = ENOSPC;
  return -1;
}

/* After a crash the log would go on with what a failed write has left. */
int
stream_clean_tail (struct stream_writer *w)
{
  if (w->stale_tail &&
      file_truncate (w->s->grains.file, w->tail * SECTOR_SIZE) == -1)
    return -1;
  w->stale_tail = false;
  return 0;
}

int
stream_emit (struct stream_writer *w, size_t keep, uint64_t serial)
{
  struct stream *s = w->s;
  struct batch *b = NULL;
  int r = 0, saved;

  if (stream_clean_tail (w) == -1)
    return -1;
  b = malloc (sizeof *b);
  if (b == NULL) {
    report_error ("%s: %m", s->grains.file->name);
    return -1;
  }
  b->w = w;
  do {
    pthread_mutex_lock (&s->lock);
    sort_packed (w);
    r = fill_batch (b, keep, serial);
    pthread_mutex_unlock (&s->lock);
    if (r == -1)
      report_full (s);
    else {
      w->stale_tail = b->n > 0;
      r = write_batch (b);
    }
    saved = errno;
    pthread_mutex_lock (&s->lock);
    end_batch (b, r == 0);
    pthread_mutex_unlock (&s->lock);
    begin_write_back (w);
  } while (r == 0 && b->n > 0);
  if (r == -1) /* now, since there may be no later */
    (void) stream_clean_tail (w);
  free (b);
  errno = saved;
  return r;
}

/* ---- relief ---- */

/* The raw grain that was changed longest ago. */
static bool
find_oldest (struct stream_writer *w, uint64_t *grain)
{
  uint64_t touched = UINT64_MAX;
  size_t i;
  LOCK_FOR_SCOPE (&w->s->lock);

  for (i = 0; i < w->raw.count; ++i)
    if (w->raw.items[i]->touched < touched) {
      touched = w->raw.items[i]->touched;
      *grain = w->raw.items[i]->grain;
    }
  return w->raw.count > 0;
}

/* The lowest raw grain, if it is below the half of the packed ones that stays,
 * so that it would come too late.
 */
static bool
find_late (struct stream_writer *w, uint64_t *grain)
{
  size_t i;
  LOCK_FOR_SCOPE (&w->s->lock);

  if (w->packed.count == 0)
    return false;
  sort_packed (w);
  *grain = w->packed.items[w->packed.count / 2]->grain;
  for (i = 0; i < w->raw.count; ++i)
    *grain = min_u64 (*grain, w->raw.items[i]->grain);
  return *grain < w->packed.items[w->packed.count / 2]->grain;
}

/* One thread writes while the others go on packing, up to twice the budget. */
static int
relieve_packed (struct stream_writer *w)
{
  uint64_t grain = 0;
  int r = 0;

  if (!is_over (w, &w->writing->packed_bytes, 1))
    return 0;
  while (__atomic_load_n (&w->canonical, __ATOMIC_RELAXED) &&
         find_late (w, &grain))
    if (stream_pack_raw (w, grain, UINT64_MAX) == -1)
      return -1;
  if (pthread_mutex_trylock (&w->tail_lock) != 0) {
    if (!is_over (w, &w->writing->packed_bytes, 2))
      return 0;
    pthread_mutex_lock (&w->tail_lock);
  }
  if (is_over (w, &w->writing->packed_bytes, 1))
    r = stream_emit (w, w->writing->max_held / 2, UINT64_MAX);
  pthread_mutex_unlock (&w->tail_lock);
  return r;
}

int
stream_make_room (struct stream_writer *w)
{
  uint64_t grain = 0;

  while (is_over (w, &w->writing->raw_bytes, 1) && find_oldest (w, &grain))
    if (stream_pack_raw (w, grain, UINT64_MAX) == -1)
      return -1;
  return relieve_packed (w);
}
