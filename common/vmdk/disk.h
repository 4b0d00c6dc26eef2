/* SPDX-License-Identifier: BSD-3-Clause */
/* A disk: a chain of links as one address space.
 *
 * Everything is immutable after disk_open, except the caches and what grains
 * learn of their metadata, which lock for themselves: any number of threads may
 * read one disk at once.  No lock is held over I/O, but for the latter, once.
 */

#ifndef VMDK_DISK_H
#define VMDK_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dir.h"
#include "file.h"
#include "link.h"
#include "name.h"
#include "run.h"
#include "vmdk-limits.h"

struct disk_options {
  struct places places; /* dirs[0] is where the disk is; stay the caller's */
  bool single_link;     /* leave parents out */
  bool ignore_cid;      /* a parent may have been modified */
  size_t cache_size;    /* bytes for all caches together */

  const char *name;      /* of the disk's file in dirs[0]; NULL: unknown */
  bool writable;         /* get ready for disk_start_writing */
  bool no_zeroed_grains; /* never write entries of zeroed grains */
  bool drop_cbt;         /* end changed block tracking, and write */
  bool no_locks;         /* do not care whether others use the files */
  int compression_level; /* 1 to 12; 0: the default */
  enum stream_close stream_close;
  bool refuse_in_use; /* refuse what another program may be writing to,
                            instead of a warning */
};

struct disk {
  struct resources resources;
  size_t areas_left;   /* resources.areas */
  size_t known_left;   /* resources.known_tables */
  struct link **links; /* [0] is the top */
  size_t n_links;
  struct chain_index *index; /* NULL: a short chain, or no memory for it */
  bool cid_ignored;          /* a parent may not be the right one */
  uint64_t size;             /* bytes */
  size_t unpacked_ahead;     /* bytes that one disk_prefetch may unpack */

  /* Whether a parent has been changed by others: see disk-parents.c. */
  uint64_t next_look;             /* atomic: when, by stats_clock */
  const char *spoilt;             /* atomic: what was done; NULL: nothing */
  const struct file *spoilt_file; /* set before SPOILT */

  struct writer *writer; /* NULL: opened for reading only.  See disk-write.c */
};

/* The default of cache_size, and the least that makes sense. */
#define DISK_CACHE_SIZE     (32 << 20)
#define DISK_MIN_CACHE_SIZE (1 << 20)

/* Open the disk whose top link begins in FILE, which it then owns, also on
 * failure.  Returns NULL with errno set, reported.
 */
extern struct disk *
disk_open (struct file *file, const struct disk_options *options)
  __attribute__ ((__nonnull__ (1, 2)));

/* No request may be under way.  What was written is made durable, and the
 * extents are marked as closed cleanly.  D may be NULL.  Returns -1, reported,
 * if that failed; it is closed all the same.
 */
extern int disk_close (struct disk *d);

/* How far down the chain it is known to be silent, so that a walk over a range
 * asks each link once about each part.  One for each request, zeroed.
 */
struct disk_cursor {
  uint64_t silent_until[MAX_LINKS];
};

/* The run at OFFSET, up to LENGTH bytes, inside the disk; never RUN_HOLE.
 * Offsets must ascend while C is the same.  Returns -1 with errno set,
 * reported.
 */
extern int disk_map (struct disk *d, uint64_t offset, uint64_t length,
                     struct disk_cursor *c, struct run *run)
  __attribute__ ((__nonnull__ (1, 4, 5)));

/* Read COUNT bytes at OFFSET, inside the disk.  Returns -1 with errno set (EIO
 * when the image is damaged), reported.
 */
extern int disk_pread (struct disk *d, void *buf, uint32_t count,
                       uint64_t offset) __attribute__ ((__nonnull__ (1, 2)));

/* Get ready to read the range soon.  The same result.  Of compressed data, no
 * more is unpacked than the cache can keep.
 */
extern int disk_prefetch (struct disk *d, uint32_t count, uint64_t offset)
  __attribute__ ((__nonnull__ (1)));

/* Called with ascending, adjacent parts of the range, no two neighbours alike;
 * ZERO: it reads as zeroes and takes no space.  -1 (errno set, reported) ends
 * it.
 */
typedef int (*disk_status_fn) (void *opaque, uint64_t offset, uint64_t length,
                               bool zero);

/* Block status of the range, the holes of flat files included.  It may end
 * early, but not before the first part; ONE: after the first part.
 */
extern int disk_status (struct disk *d, uint32_t count, uint64_t offset,
                        bool one, disk_status_fn fn, void *opaque)
  __attribute__ ((__nonnull__ (1, 5)));

/* ---- writing ----
 *
 * Only the top link is written to.  Like reading, all of this may be called
 * from any number of threads at once.  Each returns 0; or -1 with errno set,
 * reported: ENOSPC and its relatives when the host or the format has no more
 * room, EPERM for an extent that is marked read-only, EIO for damage, failures
 * of the host, and for everything after a failed sync.  Unless said otherwise
 * a request that fails may have been done in part.
 */

/* The disk shall be written to, if it can be: others are locked out, and the
 * metadata of the top link is checked.  To be called before the functions
 * below, any number of times; the first call decides.  Needs OPTIONS.writable.
 * Returns 1; 0 if the disk can only be read, which is reported as a warning
 * once; -1 with errno set, reported, if it must not even be read, since another
 * program uses it.
 */
extern int
disk_start_writing (struct disk *d) __attribute__ ((__nonnull__ (1)));

enum disk_write_flags {
  DISK_SYNC = 1, /* it is durable when the call returns */
  DISK_FREE = 2, /* disk_zero: space may be given back */
  /* disk_zero: if it would take as long as writing, fail with EOPNOTSUPP, not
   * reported, before anything has changed.
   */
  DISK_QUICK = 4,
};

/* Write COUNT bytes at OFFSET, inside the disk. */
extern int
disk_pwrite (struct disk *d, const void *buf, uint32_t count, uint64_t offset,
             unsigned flags) __attribute__ ((__nonnull__ (1, 2)));

/* Let COUNT bytes at OFFSET, inside the disk, read as zeroes. */
extern int disk_zero (struct disk *d, uint32_t count, uint64_t offset,
                      unsigned flags) __attribute__ ((__nonnull__ (1)));

/* Make durable all that was written before this call, by any thread. */
extern int disk_flush (struct disk *d) __attribute__ ((__nonnull__ (1)));

/* The largest grain of the top link in bytes; 0 if it has no grains. */
extern uint32_t
disk_grain_bytes (const struct disk *d) __attribute__ ((__nonnull__ (1)));

/* ---- between disk.c and disk-write.c ---- */

/* The same as disk_map, but only of the links from number FIRST on. */
extern int
disk_map_from (struct disk *d, size_t first, uint64_t offset, uint64_t length,
               struct disk_cursor *c, struct run *run)
  __attribute__ ((__nonnull__ (1, 5, 6)));

/* The same as disk_pread. */
extern int
disk_read_from (struct disk *d, size_t first, void *buf, size_t count,
                uint64_t offset) __attribute__ ((__nonnull__ (1, 3)));

/* Every request is inside; see epoch.h.  Nothing happens if the disk was opened
 * for reading only.
 */
extern uint64_t disk_enter (struct disk *d) __attribute__ ((__nonnull__ (1)));
extern void
disk_leave (struct disk *d, uint64_t entered) __attribute__ ((__nonnull__ (1)));

/* When the links are open, and before they are closed.  Return -1, reported. */
extern int disk_open_writer (struct disk *d, const struct disk_options *options)
  __attribute__ ((__nonnull__ (1, 2)));
extern int disk_close_writer (struct disk *d) __attribute__ ((__nonnull__ (1)));

/* ---- disk-lock.c ---- */

/* Keep others from writing to what is read, and see whether anybody does.  If
 * so, *IN_USE becomes who does, for disk_lock_for_writing to report; the caller
 * frees it, also on failure.  There is a warning then; or that is refused, as
 * the options say, and so is a disk that has been changed since it was opened.
 * Returns -1, reported.
 */
extern int
disk_lock_for_reading (struct disk *d, const struct disk_options *options,
                       char **in_use) __attribute__ ((__nonnull__ (1, 2, 3)));

/* Keep all others from the files of the top link, which will be written to,
 * unless NO_LOCKS.  IN_USE: somebody uses them already, or NULL.  Returns -1,
 * reported: EBUSY if somebody does; nothing is locked then but for reading.
 */
extern int
disk_lock_for_writing (struct disk *d, bool no_locks, const char *in_use)
  __attribute__ ((__nonnull__ (1)));

/* The disk is only read after all: let others read it too. */
extern void disk_lower_locks (struct disk *d) __attribute__ ((__nonnull__ (1)));

/* ---- disk-parents.c ---- */

/* Fail with EIO, reported unless QUIET, if another program is known to have
 * changed a file of a link below the top one.  Looks 20 times a second at most.
 */
extern int disk_check_parents (struct disk *d, bool quiet)
  __attribute__ ((__nonnull__ (1)));

/* ---- between disk.c and chain.c ---- */

/* Open the top link, which begins in FILE, and all its parents: D->links,
 * D->n_links.  Returns -1 with errno set, reported; D->links is to be closed
 * all the same.
 */
extern int chain_open (struct disk *d, struct file *file,
                       const struct disk_options *options)
  __attribute__ ((__nonnull__ (1, 2, 3)));

#endif /* VMDK_DISK_H */
