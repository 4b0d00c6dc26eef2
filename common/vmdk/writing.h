/* SPDX-License-Identifier: BSD-3-Clause */
/* What the extents of a top link share while it is being written to: whether
 * it may be, what has to be done before the first change, and what the links
 * below say.  One for each disk that is open for writing.
 */

#ifndef VMDK_WRITING_H
#define VMDK_WRITING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "descriptor-edit.h"
#include "epoch.h"
#include "extent.h"
#include "file.h"

struct disk;

struct writing {
  struct disk *disk;
  bool child;            /* there are links below */
  bool no_zeroed_grains; /* the user's wish */
  enum stream_close stream_close;

  /* Bytes of changed grain tables that the extents hold back together (atomic),
   * and may; an even share is what each may whatever the others do.
   */
  size_t dirty_bytes, max_dirty, n_extents;

  /* Of all stream-optimized extents: bytes of raw grains that are held, of
   * packed ones, and how many there may be of each.  The first two are atomic.
   */
  size_t raw_bytes, packed_bytes, max_held;

  /* So many bytes of their garbage are worth a flush, or a checkpoint. */
  size_t max_garbage;

  struct epochs epochs; /* every request is inside */
  int failed;           /* atomic: errno of a failed sync; 0: none */

  /* The lock guards these, and is held while they are done: the first change
   * has to wait for them anyway.
   */
  pthread_mutex_t lock;
  struct file *descriptor;      /* the file that it is in */
  struct descriptor_edit *edit; /* NULL: there is nothing to be edited */
  bool identity_changed;
};

/* E is about to be changed: see that the disk's new content ID, and that E is
 * in use, are on the medium first (I7; vmdk-format.md 12.3).  Costs nothing
 * from the second call on.  Returns -1 with errno set, reported.
 */
extern int writing_begin_change (struct writing *w, struct extent *e)
  __attribute__ ((__nonnull__ (1, 2)));

/* Sync F.  If that fails, the disk is not to be written to any more (I9).
 * Returns -1 with errno set, reported.
 */
extern int writing_sync (struct writing *w, struct file *f)
  __attribute__ ((__nonnull__ (1, 2)));

/* The same with file_check. */
extern int writing_check_file (struct writing *w, struct file *f)
  __attribute__ ((__nonnull__ (1, 2)));

/* Has the descriptor lost its name to another file?  A content ID there would
 * tell nobody that the content has changed.  Returns -1 with errno EIO,
 * reported, if so.
 */
extern int writing_check_descriptor (const struct writing *w)
  __attribute__ ((__nonnull__ (1)));

/* Returns -1 with errno EIO, reported, after a failed sync. */
extern int writing_check (struct writing *w) __attribute__ ((__nonnull__ (1)));

/* ---- the links below the top one, as disk.c sees them ---- */

/* Read COUNT bytes at OFFSET of the disk.  Returns -1, reported. */
extern int
disk_read_below (struct disk *d, void *buf, size_t count, uint64_t offset)
  __attribute__ ((__nonnull__ (1, 2)));

/* Do they read as zeroes at OFFSET?  *LENGTH becomes how far this answer
 * reaches, at least 1, at most what it was.  Returns 1, 0, or -1, reported.
 */
extern int
disk_is_zero_below (struct disk *d, uint64_t offset, uint64_t *length)
  __attribute__ ((__nonnull__ (1, 3)));

#endif /* VMDK_WRITING_H */
