/* SPDX-License-Identifier: BSD-3-Clause */
/* From the entries of grain tables to runs, as long as the tables allow:
 * adjacent grains are one run, across tables too, and what a directory entry
 * leaves out is skipped in one step.
 *
 * A damaged entry ends the run in front of it; it is an error only when it is
 * the first thing in the way, so that the rest of the disk still reads.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "byte-order.h"
#include "checked-overflow.h"
#include "grain.h"
#include "report.h"
#include "rounding.h"
#include "vmdk-limits.h"

/* Entries that are copied out of the cache at a time. */
#define GTE_BATCH 512

enum step { STEP_FAILED = -1, STEP_STOP = 0, STEP_ON = 1 };

/* "FILE: grain N (entry I of grain table T), said to be at ..., PROBLEM" */
#define GRAIN_PROBLEM                                                          \
  "%s: grain %" PRIu64 " (entry %" PRIu64 " of grain table %" PRIu64           \
  "), said to be at byte %" PRIu64 " of the file, %s: the file is damaged or " \
  "incomplete"
#define GRAIN_PROBLEM_ARGS(g, grain, offset, problem)            \
  (g)->file->name, (grain), (grain) % (g)->geometry.gtes_per_gt, \
    (grain) / (g)->geometry.gtes_per_gt, (offset), (problem)

int
grains_refuse (struct grains *g, uint64_t grain, uint64_t offset,
               const char *problem)
{
  report_error (GRAIN_PROBLEM, GRAIN_PROBLEM_ARGS (g, grain, offset, problem));
  errno = EIO;
  return -1;
}

/* The same, kept in the walk. */
static void
keep_refusal (struct grain_walk *w, uint64_t grain, uint64_t offset,
              const char *problem)
{
  grain_walk_problem (w, EIO, GRAIN_PROBLEM,
                      GRAIN_PROBLEM_ARGS (w->g, grain, offset, problem));
}

/* The entry of GRAIN is RAW, which is none. */
static void
keep_bad_entry (struct grain_walk *w, uint64_t grain, uint64_t raw)
{
  const uint32_t gtes = w->g->geometry.gtes_per_gt;

  grain_walk_problem (w, EIO,
                      "%s: grain %" PRIu64 ": entry %" PRIu64 " of grain table "
                      "%" PRIu64 " is 0x%" PRIx64 ", which is no entry of such "
                      "an extent: the file is damaged",
                      w->g->file->name, grain, grain % gtes, grain / gtes, raw);
}

/* What is wrong with BYTES bytes of a grain at OFFSET, NULL if nothing. */
static const char *
place_problem (const struct grains *g, uint64_t offset, uint64_t bytes)
{
  if (offset < g->geometry.data_start)
    return "lies in the header or the descriptor";
  if (!range_inside (offset, bytes, grain_file_size (g)))
    return "lies beyond the end of the file";
  return NULL;
}

/* Add LENGTH bytes to the run, if they are of its state and adjacent. */
static bool
run_extend (struct run *run, enum run_state state, uint64_t at, uint64_t length)
{
  if (run->length == 0) {
    run->state = state;
    run->at = at;
  }
  else if (run->state != state ||
           (state == RUN_DATA && run->at + run->length != at))
    return false;
  run->length += length;
  return true;
}

/* Entries that are compared at once, in a loop that compilers make few
 * instructions of.
 */
#define ALIKE_BATCH 16

/* Is each of ALIKE_BATCH entries STEP more than the one before it?  The first
 * of them is not the first of the table.
 */
static bool
are_alike32 (const unsigned char *entries, uint32_t step)
{
  uint32_t different = 0;
  size_t i;

  for (i = 0; i < ALIKE_BATCH; ++i)
    different |=
      (load_le32 (entries + 4 * i) - load_le32 (entries + 4 * i - 4)) ^ step;
  return different == 0;
}

static uint64_t
count_alike32 (const unsigned char *entries, uint64_t n, uint32_t step)
{
  const uint32_t raw = load_le32 (entries);
  uint64_t i = 1;

  /* Nothing is behind the largest number. */
  if (step > 0)
    n = min_u64 (n, (UINT32_MAX - raw) / step + 1);
  while (i + ALIKE_BATCH <= n && are_alike32 (entries + 4 * i, step))
    i += ALIKE_BATCH;
  while (i < n && load_le32 (entries + 4 * i) == raw + (uint32_t) i * step)
    ++i;
  return i;
}

static uint64_t
count_alike64 (const unsigned char *entries, uint64_t n, uint64_t step)
{
  const uint64_t raw = load_le64 (entries);
  uint64_t i;

  /* The top nibble is the kind of entry: nothing is carried into it. */
  for (i = 1; i < n; ++i)
    if (load_le64 (entries + 8 * i) != raw + i * step ||
        (raw + i * step) >> 60 != raw >> 60)
      break;
  return i;
}

uint64_t
grain_count_alike (const struct grains *g, const unsigned char *entries,
                   uint64_t n, uint64_t step)
{
  return g->format->entry_bytes == 4 ? count_alike32 (entries, n, step)
                                     : count_alike64 (entries, n, step);
}

/* How many of the *N grains are data side by side, of which the first, whose
 * entry is RAW and which is at OFFSET, is LEFT bytes before the end of the
 * extent?  NULL, or what is wrong with the first.
 */
static const char *
count_adjacent (struct grains *g, const unsigned char *entries, uint64_t raw,
                uint64_t offset, uint64_t left, uint64_t *n)
{
  const uint32_t grain_bytes = g->geometry.grain_bytes;
  const uint64_t step = g->format->step (g);
  uint64_t last;

  *n = grain_count_alike (g, entries, *n, step);
  /* If the last one may be where it is, so may those before it.  The file may
   * end inside the last grain, behind the capacity (3.7).
   */
  if (g->format->gte (g, raw + (*n - 1) * step, &last) == ENTRY_AT &&
      place_problem (g, offset, min_u64 (*n * grain_bytes, left)) == NULL)
    return NULL;
  *n = 1;
  return place_problem (g, offset, min_u64 (grain_bytes, left));
}

/* Add as many of *N grains, of which the first has ENTRIES[0], as are alike;
 * *N becomes their number.  They are part of the extent from POS to END.
 */
static enum step
map_entries (struct grain_walk *w, const unsigned char *entries, uint64_t *n,
             uint64_t pos, uint64_t end, struct run *run)
{
  struct grains *g = w->g;
  const uint32_t grain_bytes = g->geometry.grain_bytes;
  const uint64_t start = pos - pos % grain_bytes; /* of the first grain */
  const char *problem = NULL;
  const uint64_t raw = grain_raw_entry (g, entries, 0);
  uint64_t offset = raw, at = 0;
  enum run_state state = RUN_HOLE;

  switch (g->format->gte (g, raw, &offset)) {
  case ENTRY_ABSENT: *n = grain_count_alike (g, entries, *n, 0); break;
  case ENTRY_ZERO:
    state = RUN_ZERO;
    *n = grain_count_alike (g, entries, *n, 0);
    break;
  case ENTRY_AT:
    if (g->format->packed) {
      state = RUN_PACKED;
      at = pos;
      *n = 1;
      break;
    }
    state = RUN_DATA;
    at = offset + (pos - start);
    problem =
      count_adjacent (g, entries, raw, offset, g->geometry.capacity - start, n);
    break;
  case ENTRY_BAD:
    keep_bad_entry (w, pos / grain_bytes, raw);
    return STEP_FAILED;
  }
  if (problem != NULL) {
    keep_refusal (w, pos / grain_bytes, offset, problem);
    return STEP_FAILED;
  }
  end = min_u64 (end, start + *n * grain_bytes);
  return run_extend (run, state, at, end - pos) ? STEP_ON : STEP_STOP;
}

/* Add the part of table TABLE from POS to END of the extent. */
static enum step
map_table (struct grain_walk *w, uint64_t table, uint64_t ahead, uint64_t pos,
           uint64_t end, struct run *run)
{
  struct grains *g = w->g;
  const uint32_t grain_bytes = g->geometry.grain_bytes;
  uint64_t grain = pos / grain_bytes, n, i, same;
  unsigned char entries[GTE_BATCH * 8];
  enum step step;

  while (pos < end) {
    n = min_u64 ((end - 1) / grain_bytes - grain + 1, GTE_BATCH);
    switch (grain_table_read (w, table, ahead, grain % g->geometry.gtes_per_gt,
                              n, entries)) {
    case CACHE_FAILED:
    case CACHE_NO_MEMORY: return STEP_FAILED;
    case CACHE_EMPTY:
      return run_extend (run, RUN_HOLE, 0, end - pos) ? STEP_ON : STEP_STOP;
    case CACHE_FOUND: break;
    }
    for (i = 0; i < n; i += same, grain += same) {
      same = n - i;
      step = map_entries (w, entries + i * g->format->entry_bytes, &same, pos,
                          end, run);
      if (step != STEP_ON)
        return step;
      pos = min_u64 (end, (grain + same) * grain_bytes);
    }
  }
  return STEP_ON;
}

/* End a run of data in front of the first grain that shares a byte with
 * metadata, be that byte in the run or not.
 */
static int
clip_at_metadata (struct grain_walk *w, uint64_t offset, struct run *run)
{
  struct grains *g = w->g;
  const uint32_t grain_bytes = g->geometry.grain_bytes;
  const uint64_t skip = offset % grain_bytes;
  const uint64_t start = run->at - skip;
  const uint64_t length =
    min_u64 (div_round_up (skip + run->length, grain_bytes) * grain_bytes,
             g->geometry.capacity - (offset - skip));
  uint64_t found, sound;

  if (!g->format->mixed)
    return 0;
  if (grain_dir_metadata_in (w, false, start, start + length, &found) == -1)
    return -1;
  if (found == start + length)
    return 0;
  sound = (found - start) / grain_bytes * grain_bytes;
  if (sound <= skip) {
    keep_refusal (w, offset / grain_bytes, start,
                  "lies in a grain table or grain directory");
    return -1;
  }
  run->length = min_u64 (run->length, sound - skip);
  return 0;
}

int
grains_map (struct grains *g, uint64_t offset, uint64_t length, struct run *run)
{
  const uint64_t coverage =
    (uint64_t) g->geometry.grain_bytes * g->geometry.gtes_per_gt;
  const uint64_t end = offset + length;
  const uint64_t last_table = (end - 1) / coverage;
  uint64_t table, pos = offset, table_end;
  struct grain_walk w;
  enum step step = STEP_ON;
  bool failed;

  grain_walk_start (&w, g);
  run->length = 0;
  run->file = g->file;
  run->extent = g->extent;
  for (table = offset / coverage; step == STEP_ON && pos < end; ++table) {
    table_end = min_u64 (end, (table + 1) * coverage);
    w.long_run = run->length >= coverage;
    step = map_table (&w, table, last_table - table, pos, table_end, run);
    pos = table_end;
  }
  /* What comes before a failure is a run all the same. */
  failed = run->length == 0 ||
           (run->state == RUN_DATA && clip_at_metadata (&w, offset, run) == -1);
  grain_walk_end (&w, failed, run->quiet);
  return failed ? -1 : 0;
}

enum entry
grains_find (struct grains *g, uint64_t grain, uint64_t *offset, uint64_t *room)
{
  const uint32_t gtes = g->geometry.gtes_per_gt;
  const size_t n = min_u64 (2, gtes - grain % gtes);
  const char *problem;
  enum entry e = ENTRY_ABSENT;
  unsigned char entries[2 * 8];
  uint64_t next;
  struct grain_walk w;
  enum cache_result r;

  grain_walk_start (&w, g);
  *room = UINT64_MAX;
  r = grain_table_read (&w, grain / gtes, 0, grain % gtes, n, entries);
  if (r == CACHE_FOUND) {
    e = g->format->gte (g, grain_raw_entry (g, entries, 0), offset);
    if (e == ENTRY_AT && n == 2 &&
        g->format->gte (g, grain_raw_entry (g, entries, 1), &next) ==
          ENTRY_AT &&
        next > *offset)
      *room = next - *offset;
    if (e == ENTRY_BAD)
      keep_bad_entry (&w, grain, grain_raw_entry (g, entries, 0));
    problem = e == ENTRY_AT && *offset != GRAIN_IN_MEMORY
                ? place_problem (g, *offset, 1)
                : NULL;
    if (problem != NULL) {
      keep_refusal (&w, grain, *offset, problem);
      e = ENTRY_BAD;
    }
  }
  else if (r != CACHE_EMPTY)
    e = ENTRY_BAD;
  grain_walk_end (&w, e == ENTRY_BAD, false);
  return e;
}
