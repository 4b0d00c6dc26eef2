/* SPDX-License-Identifier: BSD-3-Clause */
/* What the four grain formats share: a grain directory of grain tables of
 * entries, each of which says where a grain is.
 *
 *   directory (pages)          tables             grains
 *   +-----+                    +-----+
 *   | gde |------------------->| gte |----------> data, or a packed grain
 *   | gde | absent: a hole     | gte | zero
 *   | ... |                    | ... | absent: a hole
 *
 * grain-dir.c    reads directories, knows where metadata lies
 * grain-table.c  reads tables, falls back to the redundant ones
 * grain-map.c    turns entries into runs
 * grain-writer.h is for those who write
 *
 * Directories and tables are read lazily through a cache with a budget, so
 * that opening a disk costs the same whatever its size.  All of this is
 * immutable after open, except the cache, the areas (lock below), and what a
 * writer holds.
 */

#ifndef VMDK_GRAIN_H
#define VMDK_GRAIN_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache.h"
#include "extent.h"
#include "file.h"
#include "header.h"
#include "run.h"

struct grains;

/* Where a table is, when it is not only the file's directory that knows. */
enum table_place {
  TABLE_IN_FILE, /* as the directory in the file says */
  TABLE_ABSENT,
  TABLE_AT,     /* in the file, at *OFFSET */
  TABLE_COPIED, /* in memory: the entries have been copied */
  TABLE_BAD     /* the directory's entry cannot be; *OFFSET is what it says */
};

/* What an entry of a directory or a table says. */
enum entry {
  ENTRY_ABSENT,
  ENTRY_ZERO, /* of a table only */
  ENTRY_AT,   /* there is a table or a grain at *OFFSET bytes of the file */
  ENTRY_BAD,
};

/* A const one of these for each format. */
struct grain_format {
  unsigned entry_bytes; /* 4 or 8 */
  bool packed;          /* grains are compressed */

  /* Tables lie anywhere among the grains, so that only a look at all of them
   * tells whether a grain lies in one.
   */
  bool mixed;

  /* What the raw entry of a grain grows by from one grain to the next, if they
   * are adjacent in the file; where that does not hold, they are taken one by
   * one.
   */
  uint64_t (*step) (const struct grains *g);

  /* Decode an entry.  The offset still has to be compared with the file. */
  enum entry (*gde) (const struct grains *g, uint64_t raw, uint64_t *offset);
  enum entry (*gte) (struct grains *g, uint64_t raw, uint64_t *offset);

  /* Where table NUMBER is; if it is in memory, copy N entries from FIRST on of
   * it.  No two tables, of one number or two, are at the same place one after
   * the other.  NULL: all are where the directory in the file says.
   */
  enum table_place (*place) (struct grains *g, uint64_t number, size_t first,
                             size_t n, unsigned char *entries,
                             uint64_t *offset);

  /* ---- only of what can be written; see grain-writer.h ---- */

  /* Where a new grain may start: at a multiple of so many bytes, and not before
   * first_grain.  Behind free_from all is unused, if that is not in the file.
   */
  uint64_t (*align) (const struct grains *g);
  uint64_t (*first_grain) (const struct grains *g);
  uint64_t (*free_from) (const struct grains *g);

  /* Does the header say that there may be zeroed grains?  Let it say so,
   * durably; NULL if there is no such thing.  Their entry.
   */
  bool (*zero_is_announced) (const struct grains *g);
  int (*announce_zeroed) (struct grains *g);
  uint32_t zeroed_entry;

  /* Write to the header that all from END (bytes) on is unused, or, unless
   * EXACT, all from somewhere behind it.  Nothing is written if it says so
   * already.  NULL if the format has no such thing.
   */
  int (*set_free) (struct grains *g, uint64_t end, bool exact);

  /* Write to the header whether the extent is in use. */
  int (*set_unclean) (struct grains *g, bool unclean);
};

struct grain_writer;

/* The offset of a grain that is in memory; only of formats with a place
 * function.
 */
#define GRAIN_IN_MEMORY UINT64_MAX

/* COUNT sectors from START on of the file hold metadata; they end at 2^32 at
 * the latest, where the reach of an entry ends.
 */
struct area {
  uint32_t start, count;
};

struct grains {
  const struct grain_format *format;
  struct geometry geometry;
  struct file *file;
  struct extent *extent;
  struct cache *tables;
  void *detail;                /* the format's own */
  struct grain_writer *writer; /* atomic; NULL until it is written to */
  uint64_t grown_to; /* atomic: bytes of the file, if more than at open */

  /* Where each table is, in bytes, as far as somebody has found one; atomic.
   * Tables never move and never go, so that this needs no lock, nor to be
   * forgotten.  NULL: there is no memory left for it.
   */
  uint64_t *known_tables;

  pthread_mutex_t lock;
  bool areas_known;     /* atomic; set once, last, under the lock */
  struct area *areas;   /* sorted, disjoint; immutable once known */
  struct area *overlap; /* sorted: where two structures lie in one place */
  size_t n_areas, n_overlaps;
  bool warned;      /* atomic: the redundant tables were needed */
  bool warned_zero; /* atomic: an undeclared zeroed grain was seen */
};

/* Make G, whose geometry is set, the grains of E, of which file, length and
 * resources are set.  DETAIL is the format's own.
 */
extern void grains_init (struct grains *g, struct extent *e,
                         const struct grain_format *format, void *detail)
  __attribute__ ((__nonnull__ (1, 2, 3)));
extern void grains_destroy (struct grains *g) __attribute__ ((__nonnull__ (1)));

/* The run at OFFSET of the extent; LENGTH bytes at most, not beyond the
 * capacity.  Returns -1 with errno EIO (or of the failed read), reported.
 */
extern int grains_map (struct grains *g, uint64_t offset, uint64_t length,
                       struct run *run) __attribute__ ((__nonnull__ (1, 4)));

/* Where grain number GRAIN is: ENTRY_BAD is reported, errno set.  *ROOM: how
 * far behind it in the file its successor begins, UINT64_MAX if that is not
 * behind it or in another table; a hint about the length of a packed grain.
 */
extern enum entry
grains_find (struct grains *g, uint64_t grain, uint64_t *offset, uint64_t *room)
  __attribute__ ((__nonnull__ (1, 3, 4)));

/* Report that the entry of GRAIN, which says OFFSET, cannot be: PROBLEM.
 * Returns -1, errno EIO.
 */
extern int
grains_refuse (struct grains *g, uint64_t grain, uint64_t offset,
               const char *problem) __attribute__ ((__nonnull__ (1, 4)));

/* ---- between the grain-*.c files ---- */

#define GDE_BATCH 64

/* One mapping or look-up on its way through directory and tables.
 *
 * What fails on the way is kept in the walk and reported at its end, if it is
 * in the way of the result: a run may end before it, a redundant table may
 * help.
 */
struct grain_walk {
  struct grains *g;
  char *problem; /* the message, NULL if there was no memory for it */
  int err;

  /* What follows was read when the writer, if there is one, had let go of so
   * many tables; see grain_walk_refresh.
   */
  uint64_t removals;

  /* Tables in this part of the file are known to be a hole: all absent. */
  uint64_t hole_start, hole_end;

  /* Directory entries as they are in the file. */
  uint64_t first_gde;
  unsigned n_gdes;
  unsigned char gdes[GDE_BATCH * 8];

  uint64_t table, table_offset; /* of the table that is being loaded */

  /* In a run that is longer than a table already: tables that lie side by
   * side, read at once and past the cache, since who asks about so much will
   * not come back soon.
   */
  bool long_run;
  unsigned char *bulk;
  uint64_t bulk_first, bulk_count;
};

/* The writer has let go of tables since: what it has written to the file may be
 * newer than what the walk remembers of the file.  Forget that.
 */
extern void grain_walk_refresh (struct grain_walk *w);

extern void grain_walk_start (struct grain_walk *w, struct grains *g);

/* FAILED: report what the walk failed of, unless QUIET, and set errno. */
extern void grain_walk_end (struct grain_walk *w, bool failed, bool quiet);

/* Keep this failure, instead of an earlier one. */
extern void
grain_walk_problem (struct grain_walk *w, int err, const char *fmt, ...)
  __attribute__ ((__format__ (__printf__, 3, 4)));

/* How messages about grain table TABLE begin: with its grains, up to the last
 * that its entries could tell of.
 */
#define GRAIN_TABLE_PROBLEM \
  "%s: grain table %" PRIu64 " (of grains %" PRIu64 " to %" PRIu64 ")"
#define GRAIN_TABLE_PROBLEM_ARGS(g, table)                       \
  (g)->file->name, (table), (table) * (g)->geometry.gtes_per_gt, \
    ((table) + 1) * (g)->geometry.gtes_per_gt - 1

/* Read; a failure is kept. */
extern int grain_walk_read (struct grain_walk *w, void *buf, size_t count,
                            uint64_t offset);

/* The entry of an array as read from the file. */
extern uint64_t grain_raw_entry (const struct grains *g,
                                 const unsigned char *entries, size_t i);

/* A gde for directories of sector numbers, and the step of tables of them. */
extern enum entry
grain_sector_gde (const struct grains *g, uint64_t raw, uint64_t *offset);
extern uint64_t grain_sector_step (const struct grains *g);

/* How many bytes the file has, at least. */
extern uint64_t grain_file_size (const struct grains *g);

/* How many of the N entries from the first on grow by STEP each? */
extern uint64_t
grain_count_alike (const struct grains *g, const unsigned char *entries,
                   uint64_t n, uint64_t step);

/* The bytes of one table. */
extern size_t grain_table_bytes (const struct grains *g);

/* Entry TABLE of the grain directory; AHEAD more may be wanted next.  Reads
 * through the walk.  The reason of ENTRY_BAD is kept in the walk.
 */
extern enum entry
grain_dir_find (struct grain_walk *w, bool redundant, uint64_t table,
                uint64_t ahead, uint64_t *offset);

/* What the directory's entry RAW says, compared with the file. */
extern enum entry
grain_dir_check (const struct grains *g, uint64_t raw, uint64_t *offset);

/* The directory's entry TABLE, or grain table TABLE and its copy, have changed
 * in the file: the cache must not know them any more.
 */
extern void grain_dir_forget (struct grains *g, bool redundant, uint64_t table);
extern void grain_table_forget (struct grains *g, uint64_t table);

/* How many tables from TABLE on, AHEAD + 1 at most, lie side by side in the
 * file, as far as the entries in the walk tell.  TABLE has just been found.
 */
extern uint64_t
grain_dir_adjacent (struct grain_walk *w, uint64_t table, uint64_t ahead);

/* The first part of [START, END) of the file that is metadata, as known from
 * the directories; END if none.  OVERLAPS: that two structures share instead.
 * *FOUND becomes its first byte.  Returns -1, kept in the walk.
 */
extern int
grain_dir_metadata_in (struct grain_walk *w, bool overlaps, uint64_t start,
                       uint64_t end, uint64_t *found);

/* Copy N entries from FIRST on of table TABLE to ENTRIES, as they are in the
 * file.  CACHE_EMPTY: there is no table, or a hole in its place.  CACHE_FAILED
 * (no other failure) is kept in the walk.
 */
extern enum cache_result
grain_table_read (struct grain_walk *w, uint64_t table, uint64_t ahead,
                  size_t first, size_t n, unsigned char *entries);

#endif /* VMDK_GRAIN_H */
