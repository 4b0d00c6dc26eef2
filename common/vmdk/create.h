/* SPDX-License-Identifier: BSD-3-Clause */
/* New disks: a descriptor and empty extents, all or nothing.
 *
 * Every file is made under a temporary name, made durable, and then given its
 * own name without replacing anything: the extents first, the descriptor last,
 * since that is what makes them a disk.  Whatever fails on the way, no file is
 * left behind; a process that is killed may leave some called .NAME.tmpXXXXXX.
 */

#ifndef VMDK_CREATE_H
#define VMDK_CREATE_H

#include <stdbool.h>
#include <stdint.h>

#include "dir.h"
#include "disk.h"
#include "file.h"

/* The flat kinds are preallocated, as VMware does it: their space is the
 * disk's from the start, if the host can reserve it without writing; else, and
 * for the thin kind, the files are sparse.
 */
enum create_type {
  CREATE_MONOLITHIC_SPARSE,
  CREATE_MONOLITHIC_FLAT,
  CREATE_SPLIT_SPARSE,
  CREATE_SPLIT_FLAT,
  CREATE_VMFS_FLAT,
  CREATE_VMFS_THIN,
  CREATE_VMFS_SPARSE,
  CREATE_STREAM_OPTIMIZED
};

#define CREATE_MAX_HW 999

/* The largest number that a value of the disk database has (2.8). */
#define CREATE_MAX_NUMBER INT32_MAX

struct create_number {
  bool given;
  uint32_t value; /* 0 .. CREATE_MAX_NUMBER */
};

struct create_options {
  enum create_type type;

  /* Bytes; with a parent its size, or 0.  A stream-optimized disk without a
   * parent is made up to whole grains, which VMware's importers expect.
   */
  uint64_t size;
  const char *adapter; /* ide, buslogic or lsilogic; NULL: the parent's, or the
                          default of the type */
  unsigned hw_version; /* 1 .. CREATE_MAX_HW; 0: the same */

  /* If not given, a stream-optimized disk without a parent states that the
   * version of the guest's tools is unknown, and other disks state nothing.
   */
  struct create_number tools_version;
  struct create_number tools_install_type;
  const char *uuid; /* in VMware's form (2.8), or NULL */

  /* The disk is to be a child of this one, which stays the caller's, or NULL.
   * HINT is what the child records as the name of its parent.
   */
  const struct disk *parent;
  const char *parent_hint;
};

/* Make the disk NAME, a plain file name, in DIR.  Returns 0; or -1 with errno
 * set, reported: EEXIST if one of its files is there, EINVAL for options that
 * make no disk, others as the host has them.
 */
extern int disk_create (struct dir *dir, const char *name,
                        const struct create_options *options)
  __attribute__ ((__nonnull__ (1, 2, 3)));

/* ---- between create.c, create-descriptor.c and create-extent.c ---- */

/* Sectors of a grain of a hosted extent, as every writer has it. */
#define CREATE_GRAIN_SECTORS 128

/* How an extent file is made. */
enum create_extent {
  CREATE_EXTENT_HOSTED,   /* 3.1 */
  CREATE_EXTENT_STREAM,   /* 4.10 */
  CREATE_EXTENT_COWD,     /* 5.1 */
  CREATE_EXTENT_RESERVED, /* flat */
  CREATE_EXTENT_THIN      /* flat */
};

/* What there is to know of a type. */
struct create_kind {
  const char *create_type; /* 2.6 */
  const char *keyword;     /* of its extent lines (2.5) */
  const char *suffix;      /* of extent files: "-flat"; "-s" if numbered; NULL:
                              the descriptor is in the only one */
  uint64_t piece;          /* sectors of each extent but the last; 0: all */
  enum create_extent extent;
  bool esx; /* ESX's products handle it: it has a longContentID */

  /* The defaults. */
  const char *adapter;
  unsigned hw_version;
};

struct create_chs {
  uint64_t cylinders, heads, sectors;
};

/* What the descriptors of the parent say; 0 and NULL: nothing. */
struct create_inherited {
  uint64_t hw_version;
  const char *adapter;
  struct create_chs geometry;
};

/* A disk about to be made. */
struct create_plan {
  struct dir *dir;
  const char *name; /* the descriptor's */
  const struct create_options *options;
  const struct create_kind *kind;
  struct create_inherited inherited;
  uint64_t sectors;
  uint64_t n_extents;
};

/* The sectors of extent I. */
extern uint64_t create_extent_sectors (const struct create_plan *p, uint64_t i)
  __attribute__ ((__nonnull__ (1)));

/* The file name of extent I.  Returns NULL with errno ENOMEM, not reported; the
 * caller frees.
 */
extern char *create_extent_name (const struct create_plan *p, uint64_t i)
  __attribute__ ((__nonnull__ (1)));

/* Can NAME be written into the descriptor of a disk of hardware version
 * HW_VERSION as the name of a file beside it?  Returns -1 with errno EINVAL,
 * reported; WHAT it is goes into the message.
 */
extern int
create_check_name (const char *name, unsigned hw_version, const char *what)
  __attribute__ ((__nonnull__ (1, 3)));

/* The same for a parent's name, which may be a path. */
extern int create_check_hint (const char *hint, unsigned hw_version)
  __attribute__ ((__nonnull__ (1)));

/* Learn what a child takes over.  IN is zeroed.  Returns -1 with errno set,
 * reported.
 */
extern int
create_inherit (struct create_inherited *in, const struct disk *parent)
  __attribute__ ((__nonnull__ (1, 2)));

/* What the descriptor will state, whether it is the user's or the parent's
 * word.
 */
extern unsigned create_hw_version (const struct create_plan *p)
  __attribute__ ((__nonnull__ (1)));

/* The descriptor's text (2.14).  Returns NULL with errno set, reported; the
 * caller frees.
 */
extern char *create_descriptor (const struct create_plan *p)
  __attribute__ ((__nonnull__ (1)));

/* The sectors that an extent can have. */
extern uint64_t create_most_sectors (enum create_extent extent);

/* Sectors of the file of an extent of SECTORS sectors, no more than it can
 * have; EMBEDDED: which holds a descriptor too.
 */
extern uint64_t create_file_sectors (enum create_extent extent,
                                     uint64_t sectors, bool embedded);

/* Write the metadata of an empty extent into F, which has that size and reads
 * as zeroes.  TEXT: the descriptor to be put into it, or NULL.  Returns -1 with
 * errno set, reported.
 */
extern int create_write_extent (struct file *f, enum create_extent extent,
                                uint64_t sectors, const char *text)
  __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_CREATE_H */
