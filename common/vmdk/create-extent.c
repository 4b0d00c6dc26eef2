/* SPDX-License-Identifier: BSD-3-Clause */
/* Empty extents: where their tables are, and the headers and directories that
 * say so (vmdk-format.md 3.1, 3.2, 4.10, 5.1).
 *
 * Tables of an empty extent are zeroes, and a new file reads as zeroes, so they
 * are left as holes.
 */

#include <config.h>

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "create.h"
#include "format.h"
#include "report.h"
#include "rounding.h"
#include "vmdk-limits.h"

/* What every writer of hosted sparse extents uses. */
#define HOSTED_GTES_PER_GT        512
#define HOSTED_TABLE_SECTORS      4
#define HOSTED_DESCRIPTOR_SECTORS 20

/* Where VMware begins the grains of a stream (4.2). */
#define STREAM_OVERHEAD 128

/* What ESX uses. */
#define COWD_GRAIN_SECTORS  1
#define COWD_HEADER_SECTORS 4

/* Entries of a directory that are written at once. */
#define ENTRIES_AT_ONCE (16 << 10)

/* A hosted sparse extent (3.1); all in sectors but the first. */
struct layout {
  uint64_t n_tables;
  uint64_t gd_sectors;
  uint64_t rgd, gd;
  uint64_t overhead;
};

static struct layout
hosted_layout (uint64_t sectors, bool embedded)
{
  const uint64_t grains = div_round_up (sectors, CREATE_GRAIN_SECTORS);
  struct layout l = { .n_tables = div_round_up (grains, HOSTED_GTES_PER_GT) };
  uint64_t copy;

  l.gd_sectors = div_round_up (l.n_tables * 4, SECTOR_SIZE);
  copy = l.gd_sectors + l.n_tables * HOSTED_TABLE_SECTORS;
  l.rgd = 1 + (embedded ? HOSTED_DESCRIPTOR_SECTORS : 0);
  l.gd = l.rgd + copy;
  l.overhead =
    div_round_up (l.gd + copy, CREATE_GRAIN_SECTORS) * CREATE_GRAIN_SECTORS;
  return l;
}

/* An empty stream: its directory, in which there are no tables, begins here. */
#define STREAM_GD (STREAM_OVERHEAD + 1)

static uint64_t
stream_tables (uint64_t sectors)
{
  return div_round_up (div_round_up (sectors, CREATE_GRAIN_SECTORS),
                       HOSTED_GTES_PER_GT);
}

/* Where the directory ends, and the footer's marker is. */
static uint64_t
stream_end (uint64_t sectors)
{
  return STREAM_GD + div_round_up (stream_tables (sectors) * 4, SECTOR_SIZE);
}

static uint64_t
cowd_tables (uint64_t sectors)
{
  return div_round_up (sectors, COWD_GTES_PER_GT * COWD_GRAIN_SECTORS);
}

/* Where the directory ends. */
static uint64_t
cowd_free_sector (uint64_t sectors)
{
  return COWD_HEADER_SECTORS +
         div_round_up (cowd_tables (sectors) * 4, SECTOR_SIZE);
}

uint64_t
create_most_sectors (enum create_extent extent)
{
  const uint64_t per_table = HOSTED_GTES_PER_GT * CREATE_GRAIN_SECTORS;

  switch (extent) {
  case CREATE_EXTENT_HOSTED:
    /* All tables are then far below 2^32 sectors, what an entry can name. */
    return MAX_GD_ENTRIES * per_table;
  case CREATE_EXTENT_STREAM: return STREAM_MAX_TABLES * per_table;
  case CREATE_EXTENT_COWD: return UINT32_MAX;
  default: return MAX_SECTORS;
  }
}

uint64_t
create_file_sectors (enum create_extent extent, uint64_t sectors, bool embedded)
{
  switch (extent) {
  case CREATE_EXTENT_HOSTED: return hosted_layout (sectors, embedded).overhead;
  case CREATE_EXTENT_STREAM:
    /* The footer and its marker, then the end-of-stream marker. */
    return stream_end (sectors) + 3;
  case CREATE_EXTENT_COWD:
    /* VMware wants the free sector to be inside the file. */
    return cowd_free_sector (sectors) + 1;
  default: return sectors;
  }
}

/* Write a directory at sector AT whose N tables follow each other from sector
 * FIRST on.
 */
static int
write_directory (struct file *f, uint64_t at, uint64_t n, uint64_t first)
{
  CLEANUP_FREE uint32_t *entries =
    malloc (min_u64 (n, ENTRIES_AT_ONCE) * sizeof *entries);
  uint64_t i, k, count;

  if (entries == NULL) {
    report_error ("%s: %m", f->name);
    return -1;
  }
  for (i = 0; i < n; i += count) {
    count = min_u64 (n - i, ENTRIES_AT_ONCE);
    for (k = 0; k < count; ++k)
      entries[k] = htole32 (first + (i + k) * HOSTED_TABLE_SECTORS);
    if (file_pwrite (f, entries, count * sizeof *entries,
                     at * SECTOR_SIZE + i * sizeof *entries) == -1)
      return -1;
  }
  return 0;
}

/* Put TEXT, or nothing if it is NULL, into the area for it. */
static int
write_descriptor (struct file *f, const char *text)
{
  if (text == NULL)
    return 0;
  /* The area must end in a NUL at least. */
  if (strlen (text) >= HOSTED_DESCRIPTOR_SECTORS * SECTOR_SIZE) {
    report_error ("%s: expected a descriptor of less than 10240 bytes, and the "
                  "names make it %zu bytes long",
                  f->name, strlen (text));
    errno = EINVAL;
    return -1;
  }
  return file_pwrite (f, text, strlen (text), SECTOR_SIZE);
}

/* What the headers of hosted extents have in common. */
static struct disk_hosted_header
hosted_header (uint64_t sectors, bool embedded)
{
  return (struct disk_hosted_header){
    .magic = { 'K', 'D', 'M', 'V' },
    .capacity = htole64 (sectors),
    .grain_size = htole64 (CREATE_GRAIN_SECTORS),
    .descriptor_offset = htole64 (embedded ? 1 : 0),
    .descriptor_size = htole64 (embedded ? HOSTED_DESCRIPTOR_SECTORS : 0),
    .gtes_per_gt = htole32 (HOSTED_GTES_PER_GT),
    .newline = { '\n', ' ', '\r', '\n' },
  };
}

static int
write_hosted (struct file *f, uint64_t sectors, const char *text)
{
  const struct layout l = hosted_layout (sectors, text != NULL);
  struct disk_hosted_header h = hosted_header (sectors, text != NULL);

  h.version = htole32 (1);
  h.flags = htole32 (HOSTED_NEWLINE | HOSTED_REDUNDANT);
  h.rgd_offset = htole64 (l.rgd);
  h.gd_offset = htole64 (l.gd);
  h.overhead = htole64 (l.overhead);
  if (write_directory (f, l.rgd, l.n_tables, l.rgd + l.gd_sectors) == -1 ||
      write_directory (f, l.gd, l.n_tables, l.gd + l.gd_sectors) == -1 ||
      write_descriptor (f, text) == -1)
    return -1;
  return file_pwrite (f, &h, sizeof h, 0);
}

/* The marker of a block of N sectors that follows it. */
static int
write_marker (struct file *f, uint64_t at, uint64_t n, uint32_t type)
{
  const struct disk_marker m = { .value = htole64 (n), .type = htole32 (type) };

  return file_pwrite (f, &m, sizeof m, at * SECTOR_SIZE);
}

static int
write_stream (struct file *f, uint64_t sectors, const char *text)
{
  const uint64_t end = stream_end (sectors);
  struct disk_hosted_header h = hosted_header (sectors, text != NULL);
  struct disk_hosted_header footer;

  h.version = htole32 (3);
  h.flags = htole32 (HOSTED_NEWLINE | HOSTED_COMPRESSED | HOSTED_MARKERS);
  h.gd_offset = htole64 (GD_AT_END);
  h.overhead = htole64 (STREAM_OVERHEAD);
  h.compress_algorithm = htole16 (1);
  footer = h;
  footer.gd_offset = htole64 (STREAM_GD);
  if (write_marker (f, STREAM_GD - 1, end - STREAM_GD, MARKER_DIRECTORY) ==
        -1 ||
      write_marker (f, end, 1, MARKER_FOOTER) == -1 ||
      file_pwrite (f, &footer, sizeof footer, (end + 1) * SECTOR_SIZE) == -1 ||
      write_descriptor (f, text) == -1)
    return -1;
  return file_pwrite (f, &h, sizeof h, 0);
}

static int
write_cowd (struct file *f, uint64_t sectors)
{
  struct disk_cowd_header h = {
    .magic = { 'C', 'O', 'W', 'D' },
    .version = htole32 (1),
    .flags = htole32 (3),
    .capacity = htole32 (sectors),
    .grain_size = htole32 (COWD_GRAIN_SECTORS),
    .gd_offset = htole32 (COWD_HEADER_SECTORS),
    .gd_entries = htole32 (cowd_tables (sectors)),
    .free_sector = htole32 (cowd_free_sector (sectors)),
  };

  return file_pwrite (f, &h, sizeof h, 0);
}

int
create_write_extent (struct file *f, enum create_extent extent,
                     uint64_t sectors, const char *text)
{
  switch (extent) {
  case CREATE_EXTENT_HOSTED: return write_hosted (f, sectors, text);
  case CREATE_EXTENT_STREAM: return write_stream (f, sectors, text);
  case CREATE_EXTENT_COWD: return write_cowd (f, sectors);
  default: return 0;
  }
}
