/* SPDX-License-Identifier: BSD-3-Clause */
/* A stream-optimized extent begins to be written to: what is known before, and
 * the header, which says from the first change on that the file is a log.  See
 * stream.h.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "byte-order.h"
#include "cleanup.h"
#include "report.h"
#include "rounding.h"
#include "stream.h"

/* ---- the header ---- */

/* Let the header have RECORD, durably. */
int
stream_write_record (struct stream_writer *w,
                     const struct stream_record *record)
{
  struct stream *s = w->s;
  struct disk_hosted_header header;
  LOCK_FOR_SCOPE (&w->header_lock);

  header = stream_make_header (s, record);
  if (stream_write_header (s, &header) == -1 ||
      writing_sync (w->writing, s->grains.file) == -1)
    return -1;
  w->record = *record;
  return 0;
}

/* Entries of zeroed grains have to be announced before there are any (3.9). */
int
stream_announce_zeroed (struct grains *g)
{
  struct stream *s = (struct stream *) g;
  struct stream_writer *w = s->writer;
  struct disk_hosted_header header;
  LOCK_FOR_SCOPE (&w->header_lock);

  if (__atomic_load_n (&s->header.flags, __ATOMIC_RELAXED) &
      HOSTED_ZEROED_GRAINS)
    return 0;
  __atomic_fetch_or (&s->header.flags, HOSTED_ZEROED_GRAINS, __ATOMIC_RELAXED);
  header = stream_make_header (s, &w->record);
  if (stream_write_header (s, &header) == 0 &&
      writing_sync (w->writing, g->file) == 0)
    return 0;
  __atomic_fetch_and (&s->header.flags, ~HOSTED_ZEROED_GRAINS,
                      __ATOMIC_RELAXED);
  return -1;
}

/* ---- the beginning ---- */

static bool
is_empty (const struct stream_tables *t)
{
  uint64_t i;

  for (i = 0; i < t->n; ++i)
    if (t->places[i] != 0 || t->in_memory[i] != NULL)
      return false;
  return true;
}

/* Where the log begins.  That of an empty disk takes the place of directory and
 * footer, which say nothing.
 */
static void
find_log_start (struct stream_writer *w, uint64_t file_size)
{
  const struct stream *s = w->s;
  const uint64_t overhead = s->header.overhead;

  w->was_empty =
    !s->rebuilt && is_empty (s->tables) && overhead % SECTOR_SIZE == 0 &&
    overhead >= s->grains.geometry.data_start && overhead <= file_size;
  w->canonical = w->was_empty;
  w->group = UINT64_MAX;
  if (w->was_empty)
    w->tail = overhead / SECTOR_SIZE;
  else
    w->tail = div_round_up (s->rebuilt ? s->log_end : file_size, SECTOR_SIZE);
  w->log_start = w->own_from = w->tail;
}

static struct stream_writer *
writer_create (struct stream *s, struct writing *writing)
{
  struct stream_writer *w = calloc (1, sizeof *w);

  if (w == NULL) {
    report_error ("%s: no memory to write with", s->grains.file->name);
    return NULL;
  }
  w->s = s;
  w->writing = writing;
  claims_init (&w->claims);
  pthread_mutex_init (&w->header_lock, NULL);
  pthread_mutex_init (&w->tail_lock, NULL);
  pthread_mutex_init (&w->flush_lock, NULL);
  space_init (&w->space, s->grains.file, &writing->epochs, SECTOR_SIZE,
              SECTOR_SIZE);
  return w;
}

void
stream_writer_free (struct stream_writer *w)
{
  if (w == NULL)
    return;
  held_free_all (w);
  free (w->superseded.items);
  free (w->ordered.items);
  free (w->log_garbage.items);
  space_destroy (&w->space);
  claims_destroy (&w->claims);
  pthread_mutex_destroy (&w->header_lock);
  pthread_mutex_destroy (&w->tail_lock);
  pthread_mutex_destroy (&w->flush_lock);
  free (w);
}

/* ---- is the file whole? ---- */

/* Say in *PROBLEM that ENTRY of GRAIN cannot be. */
static int
refuse_entry (const struct stream *s, uint64_t grain, uint32_t entry,
              char **problem)
{
  if (asprintf (problem,
                "grain %" PRIu64 ", said to be at byte %" PRIu64
                " of the file, lies beyond its end or in its header",
                grain, (uint64_t) entry * SECTOR_SIZE) == -1) {
    *problem = NULL;
    report_error ("%s: %m", s->grains.file->name);
  }
  return -1;
}

/* Do the N entries at ENTRIES, of the grains from GRAIN on, name places in the
 * file's SECTORS?
 */
static int
check_entries (const struct stream *s, const unsigned char *entries, uint64_t n,
               uint64_t grain, uint64_t sectors, char **problem)
{
  uint64_t i;

  for (i = 0; i < n; ++i) {
    const uint32_t entry = load_le32 (entries + 4 * i);

    if (entry > HOSTED_GTE_ZERO &&
        (entry >= sectors ||
         entry < s->grains.geometry.data_start / SECTOR_SIZE))
      return refuse_entry (s, grain + i, entry, problem);
  }
  return 0;
}

/* A download that was cut off is not written to, like other damaged files.
 * More is not looked at: new grains go behind all that the file has.  Returns
 * -1, reported if *PROBLEM is NULL.
 */
static int
check_tables (struct stream *s, uint64_t file_size, char **problem)
{
  const struct geometry *g = &s->grains.geometry;
  CLEANUP_FREE unsigned char *entries = malloc (grain_table_bytes (&s->grains));
  struct grain_walk w;
  uint64_t i;
  int r = 0;

  if (entries == NULL) {
    report_error ("%s: no memory for a grain table", s->grains.file->name);
    return -1;
  }
  grain_walk_start (&w, &s->grains);
  w.long_run = true; /* many tables, and not needed again soon */
  for (i = 0; r == 0 && i < g->n_tables; ++i)
    switch (grain_table_read (&w, i, g->n_tables - 1 - i, 0, g->gtes_per_gt,
                              entries)) {
    case CACHE_FOUND:
      r = check_entries (s, entries, g->gtes_per_gt, i * g->gtes_per_gt,
                         file_size / SECTOR_SIZE, problem);
      break;
    case CACHE_EMPTY: break;
    default: *problem = TAKE (w.problem); r = -1;
    }
  grain_walk_end (&w, false, true);
  return r;
}

int
stream_start_writing (struct extent *e, struct writing *writing, char **problem)
{
  struct stream *s = e->state;
  const int64_t size = file_size (e->file);
  struct stream_table *t;
  struct stream_writer *w;

  *problem = NULL;
  if (s->writer) /* another extent failed, and this is the next try */
    return 0;
  if (size == -1 || check_tables (s, size, problem) == -1)
    return -1;
  if (s->tables == NULL &&
      stream_tables_load (s, s->grains.geometry.gd_offset / SECTOR_SIZE) == -1)
    return -1;
  w = writer_create (s, writing);
  if (w == NULL)
    return -1;
  find_log_start (w, size);
  for (t = s->tables->first; t; t = t->next) /* those that were rebuilt */
    stream_disown_entries (s, t, w->own_from);
  __atomic_store_n (&s->own_from, w->own_from * SECTOR_SIZE, __ATOMIC_RELAXED);
  space_begin (&w->space, w->own_from * SECTOR_SIZE, SPACE_LIMIT, size);
  __atomic_store_n (&s->writer, w, __ATOMIC_RELEASE);
  /* Who asks for canonical order gets it, even if nothing else is written. */
  if (s->loose && writing->stream_close == STREAM_CLOSE_CANONICAL)
    e->unclean = true;
  return 0;
}

/* ---- the first change ---- */

/* The record of a session that begins. */
static int
make_record (struct stream_writer *w, struct stream_record *record)
{
  const struct stream *s = w->s;

  record->log_start = w->tail;
  record->gaps = s->gaps;
  record->gd = 0;
  if (!w->was_empty && !s->rebuilt)
    record->gd = s->grains.geometry.gd_offset / SECTOR_SIZE;
  if (getrandom (&record->nonce, sizeof record->nonce, 0) ==
      sizeof record->nonce)
    return 0;
  report_error ("%s: no random numbers: %m", s->grains.file->name);
  return -1;
}

/* What is behind the place where the log begins is of no use: an empty disk's
 * directory, or what a crash has left.
 */
static int
cut_tail (struct stream_writer *w)
{
  struct file *f = w->s->grains.file;

  if (file_truncate (f, w->tail * SECTOR_SIZE) == -1 ||
      writing_sync (w->writing, f) == -1)
    return -1;
  return 0;
}

/* After a crash, the tables that were rebuilt come first: then the new record
 * takes the place of the old, all at once.
 */
static int
begin_rebuilt (struct stream_writer *w, struct stream_record *record)
{
  w->record = *record;
  if (cut_tail (w) == -1 || stream_move_log (w) == -1)
    return -1;
  w->log_start = w->record.log_start;
  return 0;
}

int
stream_set_unclean (struct extent *e, bool unclean)
{
  struct stream *s = e->state;
  struct stream_writer *w = s->writer;
  struct stream_record record;

  (void) unclean; /* the end is stream_finish's */
  if (w->begun)
    return 0;
  if (make_record (w, &record) == -1)
    return -1;
  if (s->rebuilt ? begin_rebuilt (w, &record) == -1
                 : stream_write_record (w, &record) == -1 || cut_tail (w) == -1)
    return -1;
  w->begun = true;
  return 0;
}
