/* SPDX-License-Identifier: BSD-3-Clause */
/* The structures of the four grain formats as they are on the medium, all
 * integers little-endian and packed.  Only header.c and the parts that read
 * markers look at these; everybody else sees validated native structs.
 *
 * Section numbers are those of vmdk-format.md.
 */

#ifndef VMDK_FORMAT_H
#define VMDK_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define PACKED __attribute__ ((__packed__))

/* Hosted sparse and stream-optimized extents, sector 0 and footer (3.2). */
struct disk_hosted_header {
  uint8_t magic[4];
  uint32_t version;
  uint32_t flags;
  uint64_t capacity;
  uint64_t grain_size;
  uint64_t descriptor_offset;
  uint64_t descriptor_size;
  uint32_t gtes_per_gt;
  uint64_t rgd_offset;
  uint64_t gd_offset;
  uint64_t overhead;
  uint8_t unclean_shutdown;
  uint8_t newline[4];
  uint16_t compress_algorithm;
  uint8_t pad[433];
} PACKED;

static_assert (sizeof (struct disk_hosted_header) == 512, "3.2");
static_assert (offsetof (struct disk_hosted_header, gtes_per_gt) == 44, "3.2");
static_assert (offsetof (struct disk_hosted_header, newline) == 73, "3.2");

/* Flags (3.3). */
#define HOSTED_NEWLINE            UINT32_C (0x1)
#define HOSTED_REDUNDANT          UINT32_C (0x2)
#define HOSTED_ZEROED_GRAINS      UINT32_C (0x4)
#define HOSTED_COMPRESSED         UINT32_C (0x10000)
#define HOSTED_MARKERS            UINT32_C (0x20000)
#define HOSTED_UNKNOWN_COMPATIBLE UINT32_C (0xfff8)
#define HOSTED_INCOMPATIBLE       UINT32_C (0xfffc0000)

/* "The directory is at the end, see the footer" (4.1). */
#define GD_AT_END UINT64_MAX

/* A zeroed grain (3.9). */
#define HOSTED_GTE_ZERO 1

/* In front of every block of a stream (4.3).  size 0: a metadata marker, then
 * type says which; else a grain's marker, then the data begins at type.
 */
struct disk_marker {
  uint64_t value;
  uint32_t size;
  uint32_t type;
} PACKED;

static_assert (sizeof (struct disk_marker) == 16, "4.3");

#define GRAIN_MARKER_BYTES 12

/* The types of metadata markers.  PROGRESS: "unspecified", one sector that is
 * skipped by everybody, and that nothing follows.
 */
#define MARKER_END       0
#define MARKER_TABLE     1
#define MARKER_DIRECTORY 2
#define MARKER_FOOTER    3
#define MARKER_PROGRESS  4

/* ESX redo log, sectors 0-3 (5.1). */
struct disk_cowd_header {
  uint8_t magic[4];
  uint32_t version;
  uint32_t flags;
  uint32_t capacity;
  uint32_t grain_size;
  uint32_t gd_offset;
  uint32_t gd_entries;
  uint32_t free_sector;
  uint8_t legacy[1616];
  uint32_t unclean_shutdown;
  uint8_t pad[396];
} PACKED;

static_assert (sizeof (struct disk_cowd_header) == 2048, "5.1");
static_assert (offsetof (struct disk_cowd_header, unclean_shutdown) == 1648,
               "5.1");

/* Space-efficient sparse: constant header, sector 0 (6.1). */
struct disk_sesparse_area {
  uint64_t offset;
  uint64_t size;
} PACKED;

enum {
  SESPARSE_VOLATILE_HEADER,
  SESPARSE_JOURNAL_HEADER,
  SESPARSE_JOURNAL,
  SESPARSE_DIRECTORY,
  SESPARSE_TABLES,
  SESPARSE_FREE_BITMAP,
  SESPARSE_BACK_MAP,
  SESPARSE_GRAINS,
  N_SESPARSE_AREAS
};

struct disk_sesparse_header {
  uint64_t magic;
  uint64_t version;
  uint64_t capacity;
  uint64_t grain_size;
  uint64_t gt_size;
  uint64_t flags;
  uint64_t reserved[4];
  struct disk_sesparse_area areas[N_SESPARSE_AREAS];
  uint8_t pad[304];
} PACKED;

static_assert (sizeof (struct disk_sesparse_header) == 512, "6.1");
static_assert (offsetof (struct disk_sesparse_header, areas) == 80, "6.1");

#define SESPARSE_VERSION UINT64_C (0x0000000200000001)

/* Volatile header (6.2). */
struct disk_sesparse_volatile {
  uint64_t magic;
  uint64_t free_gt;
  uint64_t next_sequence;
  uint64_t replay_journal;
  uint8_t pad[480];
} PACKED;

static_assert (sizeof (struct disk_sesparse_volatile) == 512, "6.2");

#define SESPARSE_VOLATILE_MAGIC UINT64_C (0xcafecafe)

#endif /* VMDK_FORMAT_H */
