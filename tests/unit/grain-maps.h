/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of grain directories, grain tables and runs share: small
 * extents whose entries are set one by one, one disk that is open, and checks
 * of what its top link maps.  Offsets and lengths are in sectors.
 */

#ifndef VMDK_GRAIN_MAPS_H
#define VMDK_GRAIN_MAPS_H

#include <stdint.h>

#include "disk.h"
#include "extent.h"
#include "file.h"
#include "image.h"

#define S 512 /* bytes of a sector */

/* ---- a small hosted sparse extent ----
 *
 *   sector 0       header
 *   2, 4           directory, redundant directory
 *   16 + i         table i: 128 entries, one sector
 *   32 + i         redundant table i
 *   64...          grains
 */

#define GD     2
#define RGD    4
#define GT(i)  (16 + (i))
#define RGT(i) (32 + (i))
#define DATA   64
#define N_GTES 128

extern struct hosted
small_header (uint64_t capacity, uint64_t grain_size, uint32_t flags);

/* The file has SECTORS; all tables are there, and empty. */
extern struct image small_image (uint64_t capacity, uint64_t grain_size,
                                 uint32_t flags, size_t sectors);

/* The entry of a GRAIN; of the redundant table. */
extern void set_gte (struct image *i, unsigned grain, uint32_t value);
extern void set_rgte (struct image *i, unsigned grain, uint32_t value);

/* ---- a small SESparse extent ---- */

/* 100 MiB of 7 tables: directory at 2 MiB, tables at 3 MiB, grains at 6 MiB. */
extern struct image sesparse_image (void);

extern void set_se_gde (struct image *i, unsigned table, uint64_t value);

/* Entry GRAIN of the table in PLACE. */
extern void
set_se_gte (struct image *i, unsigned place, unsigned grain, uint64_t value);

/* ---- opening ---- */

/* The disk that is open, of one link, and its file; or NULL. */
extern struct disk *opened;
extern struct file *opened_file;

/* Open F, which is called x.vmdk, and own it.  What is reported of that is
 * forgotten.
 */
extern void open_x (struct file *f);

/* The same with a file that begins with I, and has LENGTH bytes or I's own size
 * if that is more; frees I.
 */
extern void open_image (struct image *i, uint64_t length);

extern void close_opened (void);

/* ---- checks ---- */

/* The run at OFFSET, if ASK sectors are asked for. */
extern void
check_run_at (const char *file, int line, uint64_t offset, uint64_t ask,
              enum run_state state, uint64_t length, uint64_t at);

/* AT is of RUN_DATA only. */
#define CHECK_RUN(offset, ask, state, length, at) \
  check_run_at (__FILE__, __LINE__, offset, ask, state, length, at)

/* Mapping the sector at OFFSET fails with one message that has PART. */
extern void check_bad (uint64_t offset, const char *part);

#endif /* VMDK_GRAIN_MAPS_H */
