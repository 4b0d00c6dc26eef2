/* SPDX-License-Identifier: BSD-3-Clause */
/* Grain tables of a stream-optimized extent that are not as the file says: the
 * directory is in memory, and so are the tables that have changed since they
 * were written, or name grains that are held.  Others are read from the file as
 * ever.  See stream.h.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "checked-overflow.h"
#include "cleanup.h"
#include "report.h"
#include "rounding.h"
#include "stream.h"

/* Bytes of the directory that are read at once. */
#define READ_BYTES (256 << 10)

/* ---- the directory ---- */

void
stream_tables_free (struct stream_tables *t)
{
  struct stream_table *table;

  if (t == NULL)
    return;
  while ((table = t->first) != NULL) {
    t->first = table->next;
    free (table);
  }
  free (t->places);
  free (t->in_memory);
  free (t);
}

static struct stream_tables *
tables_create (const struct stream *s)
{
  struct stream_tables *t = calloc (1, sizeof *t);

  if (t != NULL) {
    t->n = s->grains.geometry.n_tables;
    t->places = calloc (t->n, sizeof *t->places);
    t->in_memory = calloc (t->n, sizeof (struct stream_table *));
    if (t->places != NULL && t->in_memory != NULL)
      return t;
  }
  report_error ("%s: no memory for the grain directory", s->grains.file->name);
  stream_tables_free (t);
  errno = ENOMEM;
  return NULL;
}

static int
read_places (struct stream *s, struct stream_tables *t, uint64_t gd)
{
  const uint64_t bytes = t->n * sizeof *t->places;
  uint64_t done, n, i;

  for (done = 0; done < bytes; done += n) {
    n = min_u64 (bytes - done, READ_BYTES);
    if (file_pread (s->grains.file, (char *) t->places + done, n,
                    gd * SECTOR_SIZE + done) == -1)
      return -1;
  }
  for (i = 0; i < t->n; ++i)
    t->places[i] = load_le32 (&t->places[i]);
  return 0;
}

int
stream_tables_load (struct stream *s, uint64_t gd)
{
  struct stream_tables *t = tables_create (s);

  if (t == NULL)
    return -1;
  if (gd != 0 && read_places (s, t, gd) == -1) {
    stream_tables_free (t);
    return -1;
  }
  __atomic_store_n (&s->tables, t, __ATOMIC_RELEASE);
  return 0;
}

enum table_place
stream_table_place (struct grains *g, uint64_t number, size_t first, size_t n,
                    unsigned char *entries, uint64_t *offset)
{
  struct stream *s = (struct stream *) g;
  const struct stream_tables *t =
    __atomic_load_n (&s->tables, __ATOMIC_ACQUIRE);
  const struct stream_table *table;

  if (t == NULL)
    return TABLE_IN_FILE;
  {
    LOCK_FOR_SCOPE (&s->lock);
    table = t->in_memory[number];
    if (table != NULL) {
      memcpy (entries, &table->entries[first], n * sizeof table->entries[0]);
      return TABLE_COPIED;
    }
    *offset = (uint64_t) t->places[number] * SECTOR_SIZE;
  }
  if (*offset == 0)
    return TABLE_ABSENT;
  /* As it was when the file was opened, with what may help if it is damaged. */
  if (!s->rebuilt && *offset < __atomic_load_n (&s->own_from, __ATOMIC_RELAXED))
    return TABLE_IN_FILE;
  return *offset >= g->geometry.data_start &&
             range_inside (*offset, grain_table_bytes (g), grain_file_size (g))
           ? TABLE_AT
           : TABLE_BAD;
}

/* ---- tables in memory ---- */

static size_t
table_size (const struct stream *s)
{
  const struct stream_table *t;

  return sizeof *t + s->grains.geometry.gtes_per_gt * sizeof t->entries[0];
}

static void
count_bytes (struct stream *s, size_t bytes)
{
  __atomic_store_n (&s->tables->bytes, s->tables->bytes + bytes,
                    __ATOMIC_RELAXED);
}

static void
add_table (struct stream *s, struct stream_table *table)
{
  struct stream_tables *t = s->tables;

  table->next = t->first;
  table->to_this = &t->first;
  if (t->first)
    t->first->to_this = &table->next;
  t->first = table;
  t->in_memory[table->number] = table;
  count_bytes (s, table_size (s));
}

static void
remove_table (struct stream *s, struct stream_table *table)
{
  *table->to_this = table->next;
  if (table->next)
    table->next->to_this = table->to_this;
  s->tables->in_memory[table->number] = NULL;
  count_bytes (s, -table_size (s));
  free (table);
}

static void
let_go (struct stream *s, struct stream_table *table)
{
  if (table->users == 0 && table->held == 0 && !table->changed)
    remove_table (s, table);
}

/* A damaged table of another writer's may name places that the file did not
 * have: they must not come true when it grows.  Whatever sector takes their
 * place is as far behind the end.
 */
void
stream_disown_entries (struct stream *s, struct stream_table *table,
                       uint32_t end)
{
  uint32_t i;

  for (i = 0; i < s->grains.geometry.gtes_per_gt; ++i)
    if (load_le32 (&table->entries[i]) >= end)
      store_le32 (&table->entries[i], STREAM_HELD - 1);
}

/* Read table NUMBER, which is at PLACE, whatever it takes, into TABLE. */
static int
load_table (struct stream *s, uint64_t number, uint32_t place,
            struct stream_table *table)
{
  const uint32_t n = s->grains.geometry.gtes_per_gt;
  const uint32_t end = s->writer ? s->writer->own_from : STREAM_HELD;
  struct grain_walk w;
  enum cache_result r;

  grain_walk_start (&w, &s->grains);
  r = grain_table_read (&w, number, 0, 0, n, (unsigned char *) table->entries);
  grain_walk_end (&w, r != CACHE_FOUND && r != CACHE_EMPTY, false);
  if (r == CACHE_EMPTY)
    memset (table->entries, 0, n * sizeof table->entries[0]);
  if (r == CACHE_FOUND && place < end)
    stream_disown_entries (s, table, end);
  return r == CACHE_FOUND || r == CACHE_EMPTY ? 0 : -1;
}

static struct stream_table *
find_table (struct stream *s, uint64_t number)
{
  struct stream_table *table;
  LOCK_FOR_SCOPE (&s->lock);

  table = s->tables->in_memory[number];
  if (table)
    table->users++;
  return table;
}

static uint32_t
place_of (struct stream *s, uint64_t number)
{
  LOCK_FOR_SCOPE (&s->lock);

  return s->tables->places[number];
}

/* NEW was read when its table was at PLACE.  Others may have done the same
 * since, and gone on: NULL if it has been written elsewhere, so that NEW is of
 * no use.
 */
static struct stream_table *
add_or_find (struct stream *s, struct stream_table *new, uint32_t place)
{
  struct stream_tables *t = s->tables;
  struct stream_table *table;
  LOCK_FOR_SCOPE (&s->lock);

  table = t->in_memory[new->number];
  if (table == NULL && t->places[new->number] == place) {
    add_table (s, new);
    table = new;
  }
  if (table != new)
    free (new);
  if (table)
    table->users++;
  return table;
}

struct stream_table *
stream_table_hold (struct stream *s, uint64_t number)
{
  struct stream_table *table = find_table (s, number), *new;
  uint32_t place;

  while (table == NULL) {
    new = calloc (1, table_size (s));
    if (new == NULL) {
      report_error ("%s: no memory for a grain table", s->grains.file->name);
      return NULL;
    }
    new->number = number;
    place = place_of (s, number);
    if (load_table (s, number, place, new) == -1) {
      free (new);
      return NULL;
    }
    table = add_or_find (s, new, place);
  }
  return table;
}

void
stream_table_release (struct stream *s, struct stream_table *table)
{
  LOCK_FOR_SCOPE (&s->lock);

  table->users--;
  let_go (s, table);
}

struct stream_table *
stream_table_of (struct stream *s, uint64_t grain)
{
  return s->tables->in_memory[grain / s->grains.geometry.gtes_per_gt];
}

uint32_t
stream_entry (struct stream *s, uint64_t grain)
{
  return load_le32 (&stream_table_of (s, grain)
                       ->entries[grain % s->grains.geometry.gtes_per_gt]);
}

void
stream_set_entry (struct stream *s, uint64_t grain, uint32_t entry)
{
  struct stream_table *table = stream_table_of (s, grain);
  uint32_t *p = &table->entries[grain % s->grains.geometry.gtes_per_gt];

  table->held += (entry == STREAM_HELD) - (load_le32 (p) == STREAM_HELD);
  table->changed = true;
  store_le32 (p, entry);
}

void
stream_table_placed (struct stream *s, struct stream_table *table,
                     uint32_t place)
{
  s->tables->places[table->number] = place;
  table->changed = false;
  let_go (s, table);
}
