/* SPDX-License-Identifier: BSD-3-Clause */
/* Small disks of every kind that is written to, on a host in memory, and
 * requests to them that a model follows.
 */

#ifndef VMDK_DISKS_H
#define VMDK_DISKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"
#include "host.h"
#include "model.h"

enum disk_kind {
  DISK_SPARSE,           /* redundant tables; some grains are there */
  DISK_SPARSE_PLAIN,     /* no redundant tables; grains of 16 KiB; all empty */
  DISK_SPARSE_NO_TABLES, /* redundant, and every second table is absent */
  DISK_SPLIT,            /* a child in two extents, over one that is not */
  DISK_CHILD_OF_FLAT,
  DISK_CHILD_OF_SPARSE,
  DISK_COWD,           /* a child with all its tables */
  DISK_COWD_NO_TABLES, /* a child that was never written to */
  DISK_FLAT,
  DISK_STREAM_EMPTY, /* stream-optimized, fresh */
  DISK_STREAM,       /* layout A (vmdk-format.md 4.1); one table is absent */
  DISK_STREAM_QEMU,  /* layout B, as QEMU writes it */
  DISK_STREAM_CHILD_OF_FLAT,   /* fresh */
  DISK_STREAM_CHILD_OF_SPARSE, /* not fresh; grains of 8 KiB */
  N_DISK_KINDS
};

static inline bool
is_stream (enum disk_kind kind)
{
  return kind >= DISK_STREAM_EMPTY;
}

struct test_disk {
  enum disk_kind kind;
  struct host *host;
  struct dir *dir;
  struct model model;
  uint64_t size;
  uint32_t grain;         /* bytes */
  unsigned n_files;       /* of the disk, on the host, when it was made */
  unsigned n_written;     /* the first files of the host are the top link's */
  unsigned n_sparse;      /* and so many of these have grain tables: the last */
  unsigned descriptor_at; /* byte of file 0 */
  bool has_parent;
  uint64_t serial; /* of the next write */

  /* For those who open it.  What a stream-optimized disk may hold in memory is
   * less than the requests are about.
   */
  size_t cache_size;
  enum stream_close stream_close;

  /* Called before and after each request, if not NULL; it is about the bytes
   * from BUSY_FROM to BUSY_TO.
   */
  void (*around) (struct test_disk *t, bool before);
  uint64_t busy_from, busy_to;

  struct disk *disk; /* or NULL */
};

extern const char *disk_kind_name (enum disk_kind kind);

/* The descriptor's CID and the lines that a writer has to keep. */
extern const char disk_cid_line[];
extern const char disk_unknown_lines[];

/* Make a disk of the KIND and start the host's log; it is not open. */
extern void test_disk_make (struct test_disk *t, enum disk_kind kind);
extern void test_disk_free (struct test_disk *t);

/* Make T the disk of T0's kind and ways that is left on the host LEFT, and
 * which reads as CONTENT; start its host's log.
 */
extern void
test_disk_make_from (struct test_disk *t, const struct test_disk *t0,
                     const struct host *left, const unsigned char *content);

/* Open it, for writing if WRITABLE; false if that fails. */
extern bool test_disk_open (struct test_disk *t, bool writable);

/* The top of the disk on HOST; NULL if it is refused. */
extern struct disk *
test_disk_open_on (const struct test_disk *t, struct dir *dir, bool writable);

/* Close it, which makes all durable; if it fails, some may be lost. */
extern int test_disk_close (struct test_disk *t);

/* Requests.  Each returns what the core returned, and tells the model.  A
 * write's content is one that no other write has.
 */
extern int test_disk_write (struct test_disk *t, uint64_t offset,
                            uint32_t count, unsigned flags);
extern int test_disk_zero (struct test_disk *t, uint64_t offset, uint32_t count,
                           unsigned flags);
extern int
test_disk_write_zeroes (struct test_disk *t, uint64_t offset, uint32_t count);
extern int test_disk_flush (struct test_disk *t);

/* One of these at random, within the disk.  */
extern int test_disk_random_request (struct test_disk *t);

/* Read it all through DISK into BUF, in reads of random length; -1 if a read
 * fails.
 */
extern int
test_disk_read (const struct test_disk *t, struct disk *disk, void *buf);

/* Check what it reads as now, without a crash. */
extern void test_disk_check_content (struct test_disk *t);

/* Check the tables of all sparse files of HOST; NULL, or the damage.  A
 * stream-optimized disk is canonical if it was CLOSED in that way.
 */
extern const char *test_disk_walk (const struct test_disk *t,
                                   const struct host *host, bool closed);

#endif /* VMDK_DISKS_H */
