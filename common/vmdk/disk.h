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
};

struct disk {
  struct resources resources;
  size_t areas_left;   /* resources.areas */
  struct link **links; /* [0] is the top */
  size_t n_links;
  uint64_t size;         /* bytes */
  size_t unpacked_ahead; /* bytes that one disk_prefetch may unpack */
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

/* No request may be under way.  D may be NULL. */
extern void disk_close (struct disk *d);

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

/* The largest grain of the top link in bytes; 0 if it has no grains. */
extern uint32_t
disk_grain_bytes (const struct disk *d) __attribute__ ((__nonnull__ (1)));

/* ---- between disk.c and chain.c ---- */

/* Open the top link, which begins in FILE, and all its parents: D->links,
 * D->n_links.  Returns -1 with errno set, reported; D->links is to be closed
 * all the same.
 */
extern int chain_open (struct disk *d, struct file *file,
                       const struct disk_options *options)
  __attribute__ ((__nonnull__ (1, 2, 3)));

#endif /* VMDK_DISK_H */
