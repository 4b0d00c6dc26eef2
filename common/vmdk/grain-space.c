/* SPDX-License-Identifier: BSD-3-Clause */
/* The space of a file that grains and tables are taken from: grain-space.h. */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "grain-space.h"
#include "report.h"
#include "rounding.h"
#include "stats.h"
#include "vmdk-limits.h"

/* The file is extended by so much at a time, to spare system calls. */
#define EXTEND_BYTES (UINT64_C (16) << 20)

/* 16 MiB of memory.  More fragments than this are left unused until the disk
 * is opened again.
 */
#define MAX_FREE_SPANS (1 << 20)

/* From here on, and from a sixteenth of the file on, pending space is worth a
 * flush.
 */
#define WORTH_A_FLUSH (UINT64_C (1) << 20)

/* Grains, and bytes, that may be pending while nobody needs space. */
#define MAX_PENDING       65536
#define MAX_PENDING_BYTES (UINT64_C (4) << 30)

/* Of 0.1 ms, that a request waits for others at most. */
#define MAX_MOMENTS 100

static uint64_t
span_end (struct span s)
{
  return s.start + s.length;
}

void
space_init (struct space *s, struct file *file, struct epochs *epochs,
            uint64_t unit, uint64_t align)
{
  memset (s, 0, sizeof *s);
  s->file = file;
  s->epochs = epochs;
  s->unit = unit;
  s->align = align;
  pthread_mutex_init (&s->lock, NULL);
}

void
space_destroy (struct space *s)
{
  pthread_mutex_destroy (&s->lock);
  free (s->free.items);
  free (s->pending.items);
  free (s->durable.items);
  free (s->waiting.items);
}

void
space_begin (struct space *s, uint64_t first, uint64_t end, uint64_t file_size)
{
  s->first = first;
  s->end = round_up (max_u64 (first, end), s->align);
  s->file_size = file_size;
}

/* Append to the free spans. */
static void
append_free (struct space *s, struct span span)
{
  struct span *last =
    s->free.count > 0 ? &s->free.items[s->free.count - 1] : NULL;

  if (span.length == 0)
    return;
  if (last && span_end (*last) == span.start)
    last->length += span.length;
  else if (s->free.count < MAX_FREE_SPANS)
    (void) span_vector_append (&s->free, span);
}

void
space_add_free (struct space *s, uint64_t start, uint64_t end)
{
  start = round_up (max_u64 (start, s->first), s->align);
  end = min_u64 (end, SPACE_LIMIT);
  if (start < end && end - start >= s->unit)
    append_free (s, (struct span){ start, (end - start) / s->unit * s->unit });
}

/* ---- taking ---- */

static int
compare_spans (const void *a, const void *b)
{
  const struct span *x = a, *y = b;

  return (x->start > y->start) - (x->start < y->start);
}

/* Add SPANS, in any order, to the free ones. */
static void
merge_free (struct space *s, span_vector *spans)
{
  span_vector old = s->free;
  size_t i = s->free_first, j = 0;

  if (spans->count == 0)
    return;
  qsort (spans->items, spans->count, sizeof spans->items[0], compare_spans);
  s->free = (span_vector) VECTOR_EMPTY;
  s->free_first = 0;
  while (i < old.count || j < spans->count) {
    if (j == spans->count ||
        (i < old.count && old.items[i].start < spans->items[j].start))
      append_free (s, old.items[i++]);
    else
      append_free (s, spans->items[j++]);
  }
  free (old.items);
  spans->count = 0;
}

static void
free_what_has_waited (struct space *s)
{
  span_vector waited;
  uint64_t held = s->held_bytes;
  size_t i;

  if (s->waiting.count > 0 && epoch_passed (s->epochs, s->waiting_epoch)) {
    for (i = 0; i < s->waiting.count; ++i)
      held -= s->waiting.items[i].length;
    __atomic_store_n (&s->held_bytes, held, __ATOMIC_RELAXED);
    merge_free (s, &s->waiting);
  }
  if (s->waiting.count > 0 || s->durable.count == 0)
    return;
  /* Those that come later wait separately, or nobody's turn would come. */
  waited = s->waiting;
  s->waiting = s->durable;
  s->durable = waited;
  s->waiting_epoch = epoch_now (s->epochs);
}

/* From the lowest free span. */
static bool
take_free (struct space *s, uint64_t bytes, struct span *span)
{
  struct span *lowest;

  if (s->free_first == s->free.count)
    return false;
  lowest = &s->free.items[s->free_first];
  span->start = lowest->start;
  span->length = min_u64 (bytes, lowest->length);
  lowest->start += span->length;
  lowest->length -= span->length;
  if (lowest->length == 0 && ++s->free_first == s->free.count)
    s->free_first = s->free.count = 0;
  return true;
}

/* Of the free spans, from the first on, so many are looked at. */
#define MAX_LOOKED_AT 4096

/* The shortest that has BYTES; NULL if none has. */
static struct span *
find_fitting (struct space *s, uint64_t bytes)
{
  const size_t end = min_u64 (s->free.count, s->free_first + MAX_LOOKED_AT);
  struct span *best = NULL;
  size_t i;

  for (i = s->free_first; i < end; ++i) {
    struct span *span = &s->free.items[i];

    if (span->length >= bytes && (best == NULL || span->length < best->length))
      best = span;
    if (best && best->length == bytes)
      break;
  }
  return best;
}

bool
space_take_fitting (struct space *s, uint64_t bytes, struct span *span)
{
  struct span *best;
  LOCK_FOR_SCOPE (&s->lock);

  free_what_has_waited (s);
  best = find_fitting (s, bytes);
  if (best == NULL)
    return false;
  *span = (struct span){ best->start, bytes };
  best->start += bytes;
  best->length -= bytes;
  /* What is used up, and in front, is passed over from now on; what is in the
   * middle stays, empty, until the spans are merged.
   */
  while (s->free_first < s->free.count &&
         s->free.items[s->free_first].length == 0)
    s->free_first++;
  if (s->free_first == s->free.count)
    s->free_first = s->free.count = 0;
  return true;
}

/* Let the file reach to END, and a bit further. */
static int
extend (struct space *s, uint64_t end)
{
  const uint64_t further = min_u64 (round_up (end, EXTEND_BYTES), SPACE_LIMIT);

  if (s->stale_tail) {
    /* So that what follows reads as zeroes. */
    if (file_truncate (s->file, s->end) == -1)
      return -1;
    __atomic_store_n (&s->file_size, s->end, __ATOMIC_RELEASE);
    s->stale_tail = false;
  }
  if (end <= s->file_size)
    return 0;
  /* What fails for the larger size may be possible for the smaller one; the
   * second failure is the one to report.
   */
  if (s->file->ops->truncate (s->file, further) == 0)
    __atomic_store_n (&s->file_size, further, __ATOMIC_RELEASE);
  else if (file_truncate (s->file, end) == -1)
    return -1;
  else
    __atomic_store_n (&s->file_size, end, __ATOMIC_RELEASE);
  __atomic_store_n (&s->file->unsynced, true, __ATOMIC_RELEASE);
  return 0;
}

/* From the end of what is in use. */
static int
take_fresh (struct space *s, uint64_t bytes, struct span *span)
{
  if (s->end >= SPACE_LIMIT || SPACE_LIMIT - s->end < bytes) {
    report_error ("%s: the extent is full: an entry of a grain table can name "
                  "no place beyond 2 TiB of the file",
                  s->file->name);
    errno = ENOSPC;
    return -1;
  }
  /* And a sector: a COWD's freeSector has to lie in the file (5.1). */
  if (extend (s, s->end + bytes + SECTOR_SIZE) == -1)
    return -1;
  *span = (struct span){ s->end, bytes };
  s->end += bytes;
  return 0;
}

int
space_take (struct space *s, uint64_t count, struct span *span, bool *fresh)
{
  LOCK_FOR_SCOPE (&s->lock);

  free_what_has_waited (s);
  *fresh = !take_free (s, count * s->unit, span);
  return *fresh ? take_fresh (s, count * s->unit, span) : 0;
}

int
space_take_table (struct space *s, uint64_t bytes, uint64_t *start)
{
  struct span span;
  LOCK_FOR_SCOPE (&s->lock);

  if (s->table_end - s->table_at < bytes) {
    /* Whole grains, so that those behind are aligned still. */
    if (take_fresh (s, round_up (bytes, s->unit), &span) == -1)
      return -1;
    s->table_at = span.start;
    s->table_end = span_end (span);
  }
  *start = s->table_at;
  s->table_at += bytes;
  return 0;
}

/* ---- giving back ---- */

static void
add_pending (struct space *s, uint64_t bytes)
{
  __atomic_store_n (&s->pending_bytes, s->pending_bytes + bytes,
                    __ATOMIC_RELAXED);
}

void
space_give (struct space *s, struct span span)
{
  LOCK_FOR_SCOPE (&s->lock);

  /* Not where one of ours could have been: leave it alone. */
  if (span.start % s->align != 0 || span.start < s->first ||
      span_end (span) > s->end)
    return;
  if (span_vector_append (&s->pending, span) == 0)
    add_pending (s, span.length);
}

/* Are BYTES, an atomic of S, much?  Every write asks; most need no lock for the
 * answer.
 */
static bool
is_much (struct space *s, const uint64_t *bytes)
{
  if (__atomic_load_n (bytes, __ATOMIC_RELAXED) <= WORTH_A_FLUSH)
    return false;
  LOCK_FOR_SCOPE (&s->lock);
  free_what_has_waited (s);
  return *bytes > max_u64 (WORTH_A_FLUSH, s->end / 16);
}

bool
space_wants_flush (struct space *s, bool takes_space)
{
  uint64_t pending;

  if (takes_space)
    return is_much (s, &s->pending_bytes);
  pending = __atomic_load_n (&s->pending_bytes, __ATOMIC_RELAXED);
  return pending > MAX_PENDING_BYTES || pending / s->unit > MAX_PENDING;
}

void
space_wait (struct space *s)
{
  const struct timespec moment = { .tv_nsec = 100000 };
  uint64_t start;
  unsigned i;

  if (!is_much (s, &s->held_bytes))
    return;
  start = stats_clock ();
  for (i = 0; i < MAX_MOMENTS && is_much (s, &s->held_bytes); ++i)
    nanosleep (&moment, NULL);
  stats_add_since (STATS_SPACE_WAIT, start);
}

span_vector
space_begin_flush (struct space *s)
{
  span_vector spans;
  LOCK_FOR_SCOPE (&s->lock);

  spans = s->pending;
  s->pending = (span_vector) VECTOR_EMPTY;
  __atomic_store_n (&s->pending_bytes, 0, __ATOMIC_RELAXED);
  return spans;
}

void
space_end_flush (struct space *s, span_vector spans, bool durable)
{
  size_t i;
  LOCK_FOR_SCOPE (&s->lock);

  for (i = 0; i < spans.count; ++i) {
    if (durable) {
      if (span_vector_append (&s->durable, spans.items[i]) == 0)
        __atomic_store_n (&s->held_bytes, s->held_bytes + spans.items[i].length,
                          __ATOMIC_RELAXED);
    }
    else if (span_vector_append (&s->pending, spans.items[i]) == 0)
      add_pending (s, spans.items[i].length);
  }
  free (spans.items);
  free_what_has_waited (s);
}

/* What is left of the room for tables. */
static void
give_table_rest (struct space *s)
{
  const uint64_t start = round_up (s->table_at, s->align);

  if (s->table_end > start && (s->table_end - start) % s->unit == 0)
    (void) span_vector_append (&s->waiting,
                               (struct span){ start, s->table_end - start });
  s->table_at = s->table_end = 0;
}

uint64_t
space_end (struct space *s)
{
  LOCK_FOR_SCOPE (&s->lock);

  return s->end;
}

/* Lower END as far as the spans before it are free. */
static void
cut_tail (struct space *s)
{
  while (s->free.count > s->free_first) {
    struct span last = s->free.items[s->free.count - 1];

    if (span_end (last) != s->end)
      break;
    s->end = last.start;
    s->free.count--;
  }
}

uint64_t
space_cut_tail (struct space *s)
{
  LOCK_FOR_SCOPE (&s->lock);

  give_table_rest (s);
  merge_free (s, &s->waiting);
  merge_free (s, &s->durable);
  cut_tail (s);
  return s->end;
}

void
space_begin_at_tail (struct space *s, uint64_t used)
{
  s->end = max_u64 (s->end, round_up (used, s->align));
  cut_tail (s);
  s->stale_tail = s->file_size > s->end;
}
