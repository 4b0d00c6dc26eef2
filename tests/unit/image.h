/* SPDX-License-Identifier: BSD-3-Clause */
/* Disk images built byte by byte, from the tables of vmdk-format.md and not
 * from format.h: a field that is wrong there must not be wrong here too.
 */

#ifndef VMDK_IMAGE_H
#define VMDK_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "dir.h"
#include "disk.h"
#include "file.h"

/* Bytes that grow with what is put into them; the rest is zero. */
struct image {
  unsigned char *data;
  size_t size;
};

extern void image_free (struct image *i);
extern void image_room (struct image *i, size_t size);
extern void image_put (struct image *i, size_t at, const void *data, size_t n);
extern void image_le16 (struct image *i, size_t at, uint16_t v);
extern void image_le32 (struct image *i, size_t at, uint32_t v);
extern void image_le64 (struct image *i, size_t at, uint64_t v);
extern void image_string (struct image *i, size_t at, const char *text);

/* N bytes of a pattern of which no two grains are alike; SEED tells images
 * apart.
 */
extern void image_pattern (unsigned char *p, size_t n, unsigned seed);
extern void
image_put_pattern (struct image *i, size_t at, size_t n, unsigned seed);

/* ---- hosted sparse (3.2); numbers in sectors ---- */

struct hosted {
  uint32_t version, flags;
  uint64_t capacity, grain_size, descriptor_offset, descriptor_size;
  uint32_t gtes_per_gt;
  uint64_t rgd_offset, gd_offset, overhead;
  unsigned char unclean;
  unsigned char newline[4];
  uint16_t algorithm;
};

/* 100 MiB, as VMware makes them (3.1). */
extern const struct hosted hosted_default;
extern void image_hosted (struct image *i, size_t at, const struct hosted *h);

/* ---- COWD (5.1) ---- */

struct cowd {
  uint32_t version, flags, capacity, grain_size, gd_offset, gd_entries,
    free_sector;
};

extern void image_cowd (struct image *i, const struct cowd *c);

/* ---- SESparse (6.1, 6.2) ---- */

struct sesparse_area {
  uint64_t offset, size;
};

enum {
  AREA_VOLATILE,
  AREA_JOURNAL_HEADER,
  AREA_JOURNAL,
  AREA_DIRECTORY,
  AREA_TABLES,
  AREA_BITMAP,
  AREA_BACKMAP,
  AREA_GRAINS,
  N_AREAS
};

struct sesparse {
  uint64_t magic, version, capacity, grain_size, gt_size, flags;
  struct sesparse_area areas[N_AREAS];
};

/* 100 MiB, as ESXi makes them. */
extern const struct sesparse sesparse_default;
extern void image_sesparse (struct image *i, const struct sesparse *s);
extern void
image_sesparse_volatile (struct image *i, size_t at, uint64_t replay);

/* ---- streams (4.3) ---- */

/* A grain's marker and its zlib stream at byte AT.  Returns the first sector
 * behind it.
 */
extern size_t image_packed (struct image *i, size_t at, uint64_t lba,
                            const unsigned char *data, size_t n);

/* ---- disks ---- */

/* The image as a file in memory with LENGTH bytes, and identity INODE. */
extern struct file *image_file (const struct image *i, const char *name,
                                uint64_t length, uint64_t inode);

/* Open NAME of DIR as a disk; NULL if it is refused. */
extern struct disk *image_disk (struct dir *dir, const char *name);
extern struct disk *image_disk_with (struct dir *dir, const char *name,
                                     struct disk_options options);

extern struct dir *image_dir (void);
extern void image_add (struct dir *d, const char *name, const struct image *i);
extern void image_add_text (struct dir *d, const char *name, const char *text);

#endif /* VMDK_IMAGE_H */
