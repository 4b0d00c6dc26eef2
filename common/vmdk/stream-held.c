/* SPDX-License-Identifier: BSD-3-Clause */
/* Grains that are held in memory before they go to the file: where to find
 * them, and what becomes of them.  Each has the entry STREAM_HELD in its table.
 * See stream.h; all of this is called with the stream's lock held.
 */

#include <config.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "report.h"
#include "rounding.h"
#include "stream.h"

static struct held **
bucket_of (struct stream_writer *w, uint64_t grain)
{
  return &w->buckets[grain % HELD_BUCKETS];
}

struct held *
held_find (struct stream_writer *w, uint64_t grain)
{
  struct held *h;

  for (h = *bucket_of (w, grain); h != NULL; h = h->next)
    if (h->grain == grain)
      return h;
  return NULL;
}

struct held *
held_create (struct stream *s, uint64_t grain, bool packed,
             unsigned char *bytes, size_t size)
{
  struct held *h = calloc (1, sizeof *h);

  if (h == NULL) {
    report_error ("%s: no memory to hold a grain", s->grains.file->name);
    free (bytes);
    return NULL;
  }
  h->grain = grain;
  h->packed = packed;
  h->bytes = bytes;
  h->size = size;
  return h;
}

/* ---- raw or packed ---- */

static held_vector *
kind_of (struct stream_writer *w, const struct held *h)
{
  return h->packed ? &w->packed : &w->raw;
}

static void
count_bytes (struct stream_writer *w, const struct held *h, size_t bytes)
{
  size_t *total =
    h->packed ? &w->writing->packed_bytes : &w->writing->raw_bytes;

  __atomic_fetch_add (total, bytes, __ATOMIC_RELAXED);
}

static int
add_to_kind (struct stream_writer *w, struct held *h)
{
  held_vector *v = kind_of (w, h);

  if (held_vector_append (v, h) == -1)
    return -1;
  h->at = v->count - 1;
  h->serial = h->touched = ++w->serial;
  count_bytes (w, h, h->size + sizeof *h);
  return 0;
}

static void
remove_from_kind (struct stream_writer *w, struct held *h)
{
  held_vector *v = kind_of (w, h);

  v->items[h->at] = v->items[--v->count];
  v->items[h->at]->at = h->at;
  count_bytes (w, h, -(h->size + sizeof *h));
}

/* ---- life ---- */

static void
free_if_unused (struct held *h)
{
  if (h->live || h->placing || h->users > 0)
    return;
  free (h->bytes);
  free (h);
}

void
held_use (struct held *h)
{
  h->users++;
}

void
held_unuse (struct held *h)
{
  h->users--;
  free_if_unused (h);
}

static void
remove_held (struct stream_writer *w, struct held *h)
{
  struct held **p = bucket_of (w, h->grain);

  while (*p && *p != h)
    p = &(*p)->next;
  assert (*p);
  *p = h->next;
  remove_from_kind (w, h);
  h->live = false;
  free_if_unused (h);
}

uint32_t
held_entry_in_file (struct stream_writer *w, uint64_t grain)
{
  const uint32_t entry = stream_entry (w->s, grain);
  const struct held *h = entry == STREAM_HELD ? held_find (w, grain) : NULL;

  return h ? h->old : entry;
}

int
held_insert (struct stream_writer *w, struct held *h)
{
  struct held *before = held_find (w, h->grain);
  struct held **bucket = bucket_of (w, h->grain);

  if (add_to_kind (w, h) == -1)
    return -1;
  h->old = held_entry_in_file (w, h->grain);
  /* A flush that waits for what is replaced has to wait for this. */
  if (before && before->placing)
    h->over = before;
  else if (before) {
    h->serial = before->serial;
    h->over = before->over;
  }
  if (before)
    remove_held (w, before);
  h->live = true;
  h->next = *bucket;
  *bucket = h;
  stream_set_entry (w->s, h->grain, STREAM_HELD);
  return 0;
}

/* The block at SECTOR is not the grain's content any more. */
static void
supersede (struct stream_writer *w, uint32_t sector)
{
  if (sector <= HOSTED_GTE_ZERO)
    return;
  __atomic_store_n (&w->canonical, false, __ATOMIC_RELAXED);
  /* If there is no memory, its space is lost until the file is rewritten. */
  if (sector_vector_append (&w->superseded, sector) == 0)
    w->own_superseded += sector >= w->own_from;
}

int
held_drop (struct stream_writer *w, uint64_t grain, uint32_t entry)
{
  struct held *h = held_find (w, grain);
  const uint32_t in_file = held_entry_in_file (w, grain);

  /* The file's blocks of it must not count any more; nor the one that is just
   * being written.
   */
  if (entry != 0 || in_file != 0 || (h && (h->placing || h->over))) {
    if (grain_vector_append (&w->ordered, grain) == -1)
      return -1;
    __atomic_store_n (&w->canonical, false, __ATOMIC_RELAXED);
  }
  stream_set_entry (w->s, grain, entry);
  if (h)
    remove_held (w, h);
  supersede (w, in_file);
  return 0;
}

/* ---- on the way to the file ---- */

void
held_begin_placing (struct held *h, uint32_t sector)
{
  h->placing = true;
  h->sector = sector;
}

/* H, which has been replaced meanwhile, is in the file, if PLACED: it is what
 * the grain is there until BY is, which replaces it.  Else BY has to be for it
 * too what flushes wait for.
 */
static void
end_replaced (struct stream_writer *w, const struct held *h, struct held *by,
              bool placed)
{
  const uint32_t old = by->old;

  by->over = NULL;
  if (placed) {
    by->old = h->sector;
    supersede (w, old);
  }
  else
    by->serial = min_u64 (by->serial, h->serial);
}

void
held_end_placing (struct stream_writer *w, struct held *h, bool placed)
{
  struct held *by = h->live ? NULL : held_find (w, h->grain);
  const uint32_t old = h->old;

  h->placing = false;
  if (placed && h->live) {
    stream_set_entry (w->s, h->grain, h->sector);
    remove_held (w, h); /* frees it */
    supersede (w, old);
    return;
  }
  if (by && by->over == h)
    end_replaced (w, h, by, placed);
  else if (placed && !h->live)
    supersede (w, h->sector);
  free_if_unused (h);
}

static void
free_kind (held_vector *v)
{
  size_t i;

  for (i = 0; i < v->count; ++i) {
    free (v->items[i]->bytes);
    free (v->items[i]);
  }
  free (v->items);
}

void
held_free_all (struct stream_writer *w)
{
  free_kind (&w->raw);
  free_kind (&w->packed);
}
