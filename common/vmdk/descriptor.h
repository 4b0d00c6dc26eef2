/* SPDX-License-Identifier: BSD-3-Clause */
/* The descriptor: the text that names the extents of a link and holds its
 * header keys and disk database (vmdk-format.md section 2).
 *
 * The text is hostile bytes.  descriptor_parse turns it into this validated
 * struct; only descriptor-edit.c looks at the text again, with the functions
 * that the parser itself uses.
 */

#ifndef VMDK_DESCRIPTOR_H
#define VMDK_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file.h"
#include "text.h"
#include "vector.h"

enum descriptor_key {
  KEY_VERSION,
  KEY_ENCODING,
  KEY_CID,
  KEY_PARENT_CID,
  KEY_NATIVE_SNAPSHOT,
  KEY_CREATE_TYPE,
  KEY_PARENT_HINT,
  KEY_DDB_ENCODING,
  KEY_DDB_IOFILTERS,
  KEY_DDB_OBJECT_PARENT,
  KEY_DDB_NATIVE_PARENT_HINT,
  KEY_DDB_NATIVE_PARENT_CID,
  KEY_CHANGE_TRACK_PATH,
  KEY_DDB_LONG_CONTENT_ID,
  KEY_DDB_UUID_MODIFICATION,
  KEY_DDB_SIDECARS,
  N_DESCRIPTOR_KEYS
};

enum extent_access { ACCESS_RW, ACCESS_RDONLY, ACCESS_NONE };

enum extent_type {
  EXTENT_FLAT,
  EXTENT_SPARSE,
  EXTENT_ZERO,
  EXTENT_VMFS,
  EXTENT_VMFS_SPARSE,
  EXTENT_VMFS_RDM,
  EXTENT_VMFS_RAW,
  EXTENT_SESPARSE,
  EXTENT_VSAN_SPARSE,
  N_EXTENT_TYPES
};

/* One extent line (2.5). */
struct extent_line {
  unsigned number; /* of the line in the text, from 1 */
  enum extent_access access;
  enum extent_type type;
  uint64_t sectors; /* 1 .. MAX_SECTORS */
  uint64_t offset;  /* sectors; offset + sectors <= MAX_SECTORS */
  struct text name; /* not empty where the type needs a file */
};

DEFINE_VECTOR (extent_line_vector, struct extent_line);

#define NO_PARENT_CID UINT32_C (0xffffffff)

struct descriptor {
  char *text; /* up to the first NUL; the other members point into it */
  size_t length;
  struct text values[N_DESCRIPTOR_KEYS]; /* as written, quotes removed */
  extent_line_vector extents;            /* at least one */
  uint64_t sectors;                      /* sum of the extents */
  unsigned version;                      /* 1 .. 3 */
  bool has_cid, has_parent_cid;
  uint32_t cid, parent_cid;
  bool encrypted; /* a key of an encrypted disk was seen */
  bool conflict;  /* one of these keys was set twice, to different values */
};

enum vmdk_kind {
  KIND_NONE, /* not a VMDK */
  KIND_HOSTED,
  KIND_COWD,
  KIND_SESPARSE,
  KIND_TEXT,        /* perhaps a descriptor */
  KIND_UTF16,       /* text, but not ours */
  KIND_UNFINISHED,  /* open-vmdk's output before it is complete */
  KIND_CHANGE_TRACK /* a -ctk.vmdk */
};

/* What kind of file starts with these 8 bytes (2.1). */
extern enum vmdk_kind
vmdk_kind (const unsigned char first[8]) __attribute__ ((__nonnull__ (1)));

/* The keyword of an extent line. */
extern const char *extent_type_name (enum extent_type type);

/* Read and parse a descriptor that is the LENGTH bytes at OFFSET of F.
 * Returns NULL with errno set, reported.  Free with descriptor_free.
 */
extern struct descriptor *
descriptor_read (struct file *f, uint64_t offset, size_t length)
  __attribute__ ((__nonnull__ (1)));

/* Parse the LENGTH bytes at TEXT, which are copied.  FILENAME is for messages.
 * Returns NULL with errno set, reported.
 */
extern struct descriptor *
descriptor_parse (const char *filename, const char *text, size_t length)
  __attribute__ ((__nonnull__ (1, 2)));

/* All lines of D, as descriptor_next_line wants them: its text without the
 * mark of byte order that may be in front.
 */
extern struct text
descriptor_lines (const struct descriptor *d) __attribute__ ((__nonnull__ (1)));

/* Take the first line off REST, which is not empty.  Returns it without its
 * line feed.
 */
extern struct text
descriptor_next_line (struct text *rest) __attribute__ ((__nonnull__ (1)));

/* Does LINE set KEY?  Then *VALUE is to what, quotes removed. */
extern bool
descriptor_sets (struct text line, enum descriptor_key key, struct text *value)
  __attribute__ ((__nonnull__ (3)));

/* D may be NULL. */
extern void descriptor_free (struct descriptor *d);

#endif /* VMDK_DESCRIPTOR_H */
