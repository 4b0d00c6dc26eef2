/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of writing to an extent with grains have in common:
 *
 * grain-check.c  the look at all metadata before the first write
 * grain-space.c  where in the file there is room
 * grain-alloc.c  the entries that have changed, in dirty tables
 * grain-flush.c  their way to the medium
 * grain-write.c  requests: write, zero
 */

#ifndef VMDK_GRAIN_WRITER_H
#define VMDK_GRAIN_WRITER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "claims.h"
#include "grain-space.h"
#include "grain.h"
#include "writing.h"

#define DIRTY_BUCKETS 1024 /* a power of two */

/* Entry INDEX names a grain in the file, another one now, and was RAW, without
 * any, in between.
 */
struct renewal {
  uint32_t index, raw;
};

DEFINE_VECTOR (renewal_vector, struct renewal);

struct dirty_table {
  struct dirty_table *next; /* in the bucket */
  uint64_t number;
  uint64_t offset,
    redundant;   /* bytes of the file; redundant 0: there is none */
  bool unlinked; /* the directory in the file has no entry yet */
  bool redundant_unlinked;
  unsigned holders;     /* who may be about to change it; and a flush */
  uint32_t first, last; /* changed since the last snapshot: [first, last) */
  renewal_vector renewals;
  unsigned char *cleared; /* a bit for each entry that names a grain in the
                             file and does not now, or was renewed */
  unsigned char entries[];
};

/* A grain table of which the copies differ.  Bytes of the file; OFFSET 0: the
 * primary is absent.
 */
struct torn {
  uint64_t number, offset, redundant;
};

DEFINE_VECTOR (torn_vector, struct torn);

struct grain_writer {
  struct grains *g;
  struct writing *writing;
  bool zeroed; /* entries of zeroed grains may be written */
  struct space space;
  struct claims claims; /* of grains */

  /* Guards the dirty tables and their entries. */
  pthread_mutex_t lock;
  struct dirty_table *buckets[DIRTY_BUCKETS];
  size_t n_tables;    /* atomic for readers */
  size_t dirty_bytes; /* of all of them; atomic for readers */
  uint64_t removals; /* tables that were let go of so far; atomic for readers */

  /* Redundant tables that a crash has left different; see grain-check.c. */
  torn_vector torn;

  pthread_mutex_t flush_lock; /* one flush at a time; held over its I/O */
};

/* ---- grain-alloc.c and grain-flush.c ---- */

/* These are the members of struct extent_driver of the same names, for drivers
 * whose state begins with a struct grains.
 *
 * start_writing: check the metadata, find room.  Returns 0; -1 with errno set,
 * and *PROBLEM either NULL and the failure reported, or why the extent must not
 * be written to, which the caller frees.
 * flush: what could not be written is kept, and tried again next time.
 * finish: with no request under way: cut off the tail of the file that is not
 * used, and say that the extent was closed cleanly.
 */
extern int
grains_start_writing (struct extent *e, struct writing *w, char **problem)
  __attribute__ ((__nonnull__ (1, 2, 3)));
extern int grains_flush (struct extent *e) __attribute__ ((__nonnull__ (1)));
extern int grains_relieve (struct extent *e, bool takes_space)
  __attribute__ ((__nonnull__ (1)));
extern int grains_finish (struct extent *e) __attribute__ ((__nonnull__ (1)));
extern int grains_set_unclean (struct extent *e, bool unclean)
  __attribute__ ((__nonnull__ (1)));

extern void grain_writer_free (struct grain_writer *w);

/* Copy N entries from FIRST on of TABLE, if it has changed and is held here. */
extern bool grain_writer_read (struct grain_writer *w, uint64_t table,
                               size_t first, size_t n, unsigned char *entries)
  __attribute__ ((__nonnull__ (1, 5)));

/* Bytes of the bitmap of a dirty table, which is behind its entries. */
extern size_t
grain_cleared_bytes (const struct grains *g) __attribute__ ((__nonnull__ (1)));

/* Report that there is no memory for a table.  Returns -1, errno ENOMEM. */
extern int
grain_no_memory (const struct grains *g) __attribute__ ((__nonnull__ (1)));

/* Forget T, if nobody holds it and nothing of it is to be written.  Called with
 * the lock held.
 */
extern void grain_table_let_go (struct grain_writer *w, struct dirty_table *t)
  __attribute__ ((__nonnull__ (1, 2)));

/* See struct grain_walk; 0 if nothing is written to G. */
extern uint64_t
grain_removals (const struct grains *g) __attribute__ ((__nonnull__ (1)));

/* Table NUMBER, made if there is none, to change entries of it.  Returns NULL
 * with errno set, reported.  Let go of it with grain_table_release.
 */
extern struct dirty_table *
grain_table_hold (struct grain_writer *w, uint64_t number)
  __attribute__ ((__nonnull__ (1)));
extern void grain_table_release (struct grain_writer *w, struct dirty_table *t)
  __attribute__ ((__nonnull__ (1, 2)));

/* Let N entries from FIRST on say RAW, RAW + STEP, ...  If FREED is not NULL,
 * it is where the N grains were before.  The grains' data has been written.
 */
extern void grain_table_publish (struct grain_writer *w, struct dirty_table *t,
                                 uint32_t first, uint32_t n, uint32_t raw,
                                 uint32_t step, const struct span *freed)
  __attribute__ ((__nonnull__ (1, 2)));

/* ---- grain-check.c ---- */

/* Look at all metadata of the extent: is everything in its place, is nothing
 * in a place that is another's, do redundant tables agree?  Then W->space is
 * set up.  The result of grains_start_writing.
 */
extern int grain_check (struct grain_writer *w, char **problem)
  __attribute__ ((__nonnull__ (1, 2)));

/* ---- grain-write.c: more members of struct extent_driver ---- */

extern int grains_write (struct extent *e, const void *buf, uint64_t count,
                         uint64_t offset) __attribute__ ((__nonnull__ (1, 2)));
extern int grains_zero (struct extent *e, uint64_t count, uint64_t offset,
                        bool free) __attribute__ ((__nonnull__ (1)));
extern int
grains_zero_is_quick (struct extent *e, uint64_t count, uint64_t offset,
                      bool free) __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_GRAIN_WRITER_H */
