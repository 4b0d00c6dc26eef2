/* SPDX-License-Identifier: BSD-3-Clause */
/* From the headers of sparse extents to validated native structs.
 *
 * Each parser is a total function on hostile bytes: what it accepts keeps
 * every bound of vmdk-limits.h, lies inside the file and has no two structures
 * in one place.  Nothing after it looks at a header or checks these again.
 */

#ifndef VMDK_HEADER_H
#define VMDK_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "file.h"

/* What the four grain formats have in common.  All in bytes. */
struct geometry {
  uint64_t capacity;
  uint64_t file_size;   /* at open */
  uint32_t grain_bytes; /* a multiple of 512; need not be a power of two */
  uint32_t gtes_per_gt;
  uint64_t n_tables;   /* entries of the grain directory */
  uint64_t gd_offset;  /* inside the file with all its entries */
  uint64_t rgd_offset; /* the same for the redundant one; 0: there is none */
  uint64_t data_start; /* no grain and no grain table lies before this */
};

struct hosted_header {
  struct geometry geometry;
  uint32_t version; /* 1 .. 3 */
  uint32_t flags;
  bool compressed;
  bool gd_at_end; /* gd_offset is not known: see the footer */
  bool unclean;
  bool redundant_lost;        /* promised, but its place cannot be one */
  uint64_t descriptor_offset; /* bytes; 0: none */
  uint64_t descriptor_bytes;
  uint64_t overhead; /* bytes before the first grain, if it is to be
                                 believed */
};

struct cowd_header {
  struct geometry geometry;
  uint32_t flags;
  bool unclean;
  uint64_t free_from;     /* bytes: freeSector */
  uint64_t directory_end; /* bytes, with all entries that the header claims */
};

struct sesparse_header {
  struct geometry geometry;
  uint64_t tables_offset, tables_bytes;
  uint64_t grains_offset, grains_bytes;
};

/* Sector 0 (or the footer) of hosted sparse and stream-optimized extents.
 * FILE_SIZE is in bytes, F for messages.  Returns -1 with errno set, reported.
 * A capacity of 0, legal in a file that holds only a descriptor, is passed on.
 */
extern int
header_parse_hosted (struct file *f, uint64_t file_size,
                     const unsigned char sector[512], struct hosted_header *h)
  __attribute__ ((__nonnull__ (1, 3, 4)));

/* The same for the first 2048 bytes of a COWD extent. */
extern int
header_parse_cowd (struct file *f, uint64_t file_size,
                   const unsigned char bytes[2048], struct cowd_header *h)
  __attribute__ ((__nonnull__ (1, 3, 4)));

/* The same for the constant and the volatile header of a SESparse extent.
 * *VOLATILE_OFFSET says where the latter is.
 */
extern int
header_parse_sesparse (struct file *f, uint64_t file_size,
                       const unsigned char sector[512],
                       struct sesparse_header *h, uint64_t *volatile_offset)
  __attribute__ ((__nonnull__ (1, 3, 4, 5)));
extern int
header_check_sesparse_volatile (struct file *f, const unsigned char sector[512])
  __attribute__ ((__nonnull__ (1, 2)));

/* Is this sector of a hosted extent one of a stream-optimized one? */
extern bool header_is_compressed (const unsigned char sector[512])
  __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_HEADER_H */
