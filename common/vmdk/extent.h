/* SPDX-License-Identifier: BSD-3-Clause */
/* An extent: a contiguous part of a link's address space, and the driver that
 * knows what backs it.  To add a kind of extent, write one extent-*.c with a
 * const struct extent_driver, and add it to the table in extent.c.
 */

#ifndef VMDK_EXTENT_H
#define VMDK_EXTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "descriptor.h"
#include "file.h"
#include "run.h"

struct cache;
struct deflaters;
struct inflaters;
struct writing;

/* What becomes of a stream-optimized extent that was written to, when it is
 * closed.
 */
enum stream_close {
  STREAM_CLOSE_AUTO,      /* canonical if the disk is new or its file small */
  STREAM_CLOSE_CANONICAL, /* in the canonical layout, in a new file if need
                             be */
  STREAM_CLOSE_FAST       /* as it is, with tables behind the grains */
};

/* What all extents of a disk share; outlives them. */
struct resources {
  struct cache *tables; /* grain directories and tables */
  struct cache *grains; /* decoded grains */
  size_t *areas;        /* atomic: areas (grain.h) that may be remembered yet */
  size_t *known_tables; /* places of tables that may be; only while opening */
  struct inflaters *inflaters;
  struct deflaters *deflaters; /* NULL unless a disk is opened for writing */
};

/* An extent on its way to be opened. */
struct extent_source {
  enum extent_type type;
  enum extent_access access;
  enum vmdk_kind kind;       /* by signature; KIND_NONE without a file */
  bool compressed;           /* KIND_HOSTED: stream-optimized */
  uint64_t file_offset;      /* of a flat extent's data; bytes */
  uint64_t file_size;        /* bytes; 0 without a file */
  unsigned char sector[512]; /* the first of the file, zero-padded */
};

struct extent_driver {
  const char *name;

  /* Is it this driver's? */
  bool (*match) (const struct extent_source *source);

  /* Set E->state up, from E->file, E->length and the source.  A length of 0
   * asks for the capacity that the file itself states.  Returns -1 with errno
   * set, reported.
   */
  int (*open) (struct extent *e, const struct extent_source *source);

  /* The run at OFFSET (bytes into the extent), of up to LENGTH bytes, all
   * inside the extent.  Returns -1 with errno set, reported.
   */
  int (*map) (struct extent *e, uint64_t offset, uint64_t length,
              struct run *run);

  /* Read COUNT bytes at OFFSET of what map calls RUN_PACKED.  NULL where it
   * never does.
   */
  int (*read_packed) (struct extent *e, void *buf, size_t count,
                      uint64_t offset);

  /* Release E->state, which may be NULL.  NULL if there is none. */
  void (*close) (struct extent *e);

  /* ---- writing: all NULL, but why_not, where it cannot be done ---- */

  /* Why this extent cannot be written to, whatever its tables say; NULL if it
   * can.
   */
  const char *(*why_not) (const struct extent *e);

  /* Look at the metadata and get ready.  See grains_start_writing for the
   * result.  NULL: nothing to be done.
   */
  int (*start_writing) (struct extent *e, struct writing *w, char **problem);

  /* Write, or let read as zeroes, COUNT bytes at OFFSET of the extent, inside
   * it.  FREE: space may be given back.  Return -1, reported.
   */
  int (*write) (struct extent *e, const void *buf, uint64_t count,
                uint64_t offset);
  int (*zero) (struct extent *e, uint64_t count, uint64_t offset, bool free);

  /* Would zero be much faster than writing?  Returns 1, 0, or -1. */
  int (*zero_is_quick) (struct extent *e, uint64_t count, uint64_t offset,
                        bool free);

  /* Make durable what was written. */
  int (*flush) (struct extent *e);

  /* Before a request, which TAKES_SPACE or does not: flush, if that frees much
   * memory, or space that may be needed.  Returns -1, reported.  NULL: there is
   * nothing to be freed.
   */
  int (*relieve) (struct extent *e, bool takes_space);

  /* Write what is in memory only; it needs not be durable, since finish will
   * see to that.  NULL: finish has to be preceded by flush.
   */
  int (*write_out) (struct extent *e);

  /* After the last flush, or write_out: leave the file as if closed cleanly.
   * May be NULL.
   */
  int (*finish) (struct extent *e);

  /* Mark the extent as being in use.  NULL: there is no such mark. */
  int (*set_unclean) (struct extent *e, bool unclean);

  /* The file has holes of its own that count as holes of the disk. */
  bool raw;

  /* An extent that an earlier crash has left unclean is finished even if
   * nothing is written to it.
   */
  bool finish_unclean;

  /* A link of such extents can have a parent. */
  bool delta;
};

struct extent {
  const struct extent_driver *driver;
  const struct resources *resources;
  uint64_t start, length; /* bytes of the link's address space */
  const char *link_name;  /* for messages; the link's */
  struct file *file;      /* NULL if there is none; the link's */
  void *state;            /* the driver's */
  enum extent_access access;
  struct writing *writing; /* NULL until the disk is written to; the disk's */
  bool unclean;            /* it was not closed cleanly before */
  bool changed;            /* atomic: see writing_begin_change */
  uint32_t grain_bytes;    /* 0 if there are no grains */
};

/* Open E, whose resources, start, length and file are set.  On failure there
 * is nothing to close; errno set, reported.
 */
extern int extent_open (struct extent *e, const struct extent_source *source)
  __attribute__ ((__nonnull__ (1, 2)));
extern void extent_close (struct extent *e) __attribute__ ((__nonnull__ (1)));

/* Say that E, of the file E->file, states CAPACITY bytes; settle E->length.
 * Returns -1 if the file holds less than the descriptor says (2.5).
 */
extern int extent_settle_length (struct extent *e, uint64_t capacity)
  __attribute__ ((__nonnull__ (1)));

extern const struct extent_driver extent_flat, extent_zero, extent_noaccess,
  extent_sparse, extent_stream, extent_cowd, extent_sesparse;

#endif /* VMDK_EXTENT_H */
