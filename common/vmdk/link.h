/* SPDX-License-Identifier: BSD-3-Clause */
/* A link: one descriptor and its extents, one layer of a chain. */

#ifndef VMDK_LINK_H
#define VMDK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "descriptor.h"
#include "extent.h"
#include "file-set.h"
#include "file.h"
#include "name.h"
#include "run.h"
#include "vector.h"

struct descriptor_edit;

DEFINE_VECTOR (file_vector, struct file *);

struct link {
  unsigned number;   /* 0 is the top link */
  struct file *file; /* that holds the descriptor; in files */
  struct location where;
  struct descriptor *descriptor; /* NULL: a bare extent, or let go of */
  uint64_t descriptor_offset;    /* bytes of file */
  char *create_type;             /* fit to be printed */
  bool has_parent;               /* by its own word */
  bool has_cid;
  uint32_t cid;

  /* Of the top link, if it may be written to. */
  struct descriptor_edit *edit; /* NULL: nothing to be edited */
  const char *why_not; /* why it cannot be written to; NULL if it can */
  char *why_not_text;  /* that, where it is not a constant */

  /* Other programs may change its files, as the user has been told or has said;
   * see disk-lock.c.
   */
  bool unlocked;

  file_vector files;
  struct extent *extents; /* without gaps, in ascending order */
  size_t n_extents;
  uint64_t length; /* bytes: the sum of the extents */
};

/* What it takes to open the links of one chain. */
struct opener {
  const struct places *places;
  const struct resources *resources;
  struct file_set files; /* of all links so far */
  size_t n_extents;      /* the same */
  bool writable; /* open the top link for writing, if that is possible */
  bool drop_cbt; /* even if its changes are tracked */
};

/* Open link NUMBER, which begins in FILE in the directory WHERE; it becomes
 * the owner of both, also when it fails.  Returns NULL with errno set,
 * reported.
 */
extern struct link *
link_open (struct opener *o, struct file *file, struct location where,
           unsigned number) __attribute__ ((__nonnull__ (1, 2)));

/* L may be NULL. */
extern void link_close (struct link *l);

/* The run at OFFSET (bytes), up to LENGTH bytes, inside the link.  Returns -1
 * with errno set, reported.
 */
extern int link_map (struct link *l, uint64_t offset, uint64_t length,
                     struct run *run) __attribute__ ((__nonnull__ (1, 4)));

/* Can parts of it be absent, so that a parent makes sense? */
extern bool
link_is_delta (const struct link *l) __attribute__ ((__nonnull__ (1)));

/* The descriptor is not needed any more. */
extern void
link_forget_descriptor (struct link *l) __attribute__ ((__nonnull__ (1)));

/* The extent that holds OFFSET. */
extern struct extent *link_find_extent (struct link *l, uint64_t offset)
  __attribute__ ((__nonnull__ (1)));

/* See file_spoilt, and NOW there: what has another program done to the file of
 * E, an extent of L, so that E must not be used any more?  NULL: nothing that
 * is known.  Changes count in the top link's files that have tables, which are
 * remembered, and in all files of the other links; unless L->unlocked.
 */
extern const char *
link_extent_spoilt (const struct link *l, const struct extent *e, bool now)
  __attribute__ ((__nonnull__ (1, 2)));

enum link_check { LINK_CHECK_QUIETLY = 1, LINK_CHECK_NOW = 2 };

/* The same as an error: EIO, reported unless it is to be quiet. */
extern int
link_check_extent (const struct link *l, const struct extent *e, unsigned flags)
  __attribute__ ((__nonnull__ (1, 2)));

/* The report of that: F is spoilt by WHAT. */
extern void link_report_spoilt (const struct file *f, const char *what)
  __attribute__ ((__nonnull__ (1, 2)));

/* ---- between link.c and link-check.c ---- */

/* Can the link, which is open, be written to?  Sets L->why_not. */
extern void link_check_writable (struct link *l, bool drop_cbt)
  __attribute__ ((__nonnull__ (1)));

/* Refuse a file of a kind that does not begin a link.  Returns -1, errno EIO,
 * reported.
 */
extern int link_refuse_kind (const struct link *l, enum vmdk_kind kind)
  __attribute__ ((__nonnull__ (1)));

/* Refuse what L->descriptor describes if its data is not in files.  Returns
 * -1 with errno ENOTSUP, reported.
 */
extern int
link_check_descriptor (const struct link *l) __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_LINK_H */
