/* SPDX-License-Identifier: BSD-3-Clause */
/* From the headers of sparse extents to validated native structs: see
 * header.h.  Section numbers are those of vmdk-format.md.
 */

#include <config.h>

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "checked-overflow.h"
#include "format.h"
#include "header.h"
#include "is-all-zero.h"
#include "report.h"
#include "rounding.h"
#include "vmdk-limits.h"

/* One refusal: file, field, expectation, finding. */
static int
refuse (struct file *f, const char *field, const char *expected, uint64_t found)
{
  report_error ("%s: the header's %s is %" PRIu64 " (0x%" PRIx64
                "), expected %s: the file is damaged, incomplete, or of a "
                "kind that is not known",
                f->name, field, found, found, expected);
  errno = EIO;
  return -1;
}

/* A file that ends in its header has been filled up with zeroes: these are
 * nothing to be refused for.
 */
static int
check_whole (struct file *f, uint64_t file_size)
{
  if (file_size >= SECTOR_SIZE)
    return 0;
  report_error ("%s: expected a header of 512 bytes, but the file has only "
                "%" PRIu64 ": it was truncated, or copied incompletely",
                f->name, file_size);
  errno = EIO;
  return -1;
}

/* Sectors to bytes, saturating: what does not fit is beyond every file. */
static uint64_t
to_bytes (uint64_t sectors)
{
  return sectors > MAX_SECTORS ? UINT64_MAX : sectors * SECTOR_SIZE;
}

/* ---- hosted sparse (section 3) ---- */

static int
check_hosted_flags (struct file *f, const struct disk_hosted_header *d)
{
  uint32_t flags = le32toh (d->flags);
  uint16_t algorithm = le16toh (d->compress_algorithm);

  if (flags & HOSTED_INCOMPATIBLE)
    return refuse (f, "flags", "no bit above 17", flags);
  if ((flags & HOSTED_NEWLINE) && memcmp (d->newline, "\n \r\n", 4) != 0) {
    report_error ("%s: expected the line-end bytes 0a 20 0d 0a at offset 73, "
                  "found %02x %02x %02x %02x: the file was mangled by a "
                  "transfer in text mode; copy it again in binary mode",
                  f->name, d->newline[0], d->newline[1], d->newline[2],
                  d->newline[3]);
    errno = EIO;
    return -1;
  }
  /* Peers disagree on what is compressed when these do (3.3). */
  if (algorithm != ((flags & HOSTED_COMPRESSED) ? 1 : 0))
    return refuse (f, "compressAlgorithm",
                   (flags & HOSTED_COMPRESSED)
                     ? "1 (deflate), since flag bit 16 is set"
                     : "0 (none), since flag bit 16 is clear",
                   algorithm);
  if (!(flags & HOSTED_COMPRESSED) != !(flags & HOSTED_MARKERS))
    return refuse (f, "flags", "bits 16 and 17 both set or both clear", flags);
  return 0;
}

static int
check_hosted_numbers (struct file *f, const struct disk_hosted_header *d)
{
  uint32_t version = le32toh (d->version);
  uint64_t capacity = le64toh (d->capacity);
  uint64_t grain = le64toh (d->grain_size);
  uint32_t gtes = le32toh (d->gtes_per_gt);

  if (version < 1 || version > 3)
    return refuse (f, "version", "1, 2 or 3", version);
  if (check_hosted_flags (f, d) == -1)
    return -1;
  if (capacity > MAX_SECTORS)
    return refuse (f, "capacity", "less than 2^54 sectors", capacity);
  if (!is_power_of_2 (grain) || grain > MAX_GRAIN_SECTORS)
    return refuse (f, "grainSize", "a power of two from 1 to 65536 sectors",
                   grain);
  if ((le32toh (d->flags) & HOSTED_COMPRESSED) &&
      grain > MAX_PACKED_GRAIN_SECTORS)
    return refuse (f, "grainSize",
                   "at most 2048 sectors, since grains are compressed", grain);
  if (!is_power_of_2 (gtes) || gtes < MIN_GTES_PER_GT || gtes > MAX_GTES_PER_GT)
    return refuse (f, "numGTEsPerGT", "a power of two from 128 to 65536", gtes);
  return 0;
}

static int
parse_hosted_descriptor (struct file *f, uint64_t file_size,
                         const struct disk_hosted_header *d,
                         struct hosted_header *h)
{
  uint64_t offset = le64toh (d->descriptor_offset);
  uint64_t size = le64toh (d->descriptor_size);

  h->descriptor_offset = h->descriptor_bytes = 0;
  if (offset == 0)
    return 0;
  if (size < 1 || size > MAX_DESCRIPTOR_BYTES / SECTOR_SIZE)
    return refuse (f, "descriptorSize", "1 to 32768 sectors", size);
  if (!range_inside (to_bytes (offset), to_bytes (size), file_size))
    return refuse (f, "descriptorOffset",
                   "a place inside the file for the whole descriptor", offset);
  /* An overHead of 0 says nothing. */
  if (!(le32toh (d->flags) & HOSTED_COMPRESSED) && d->overhead != 0 &&
      !range_inside (offset, size, le64toh (d->overhead)))
    return refuse (f, "descriptorOffset",
                   "a place before the grains (overHead) for the whole "
                   "descriptor",
                   offset);
  h->descriptor_offset = to_bytes (offset);
  h->descriptor_bytes = to_bytes (size);
  return 0;
}

/* May a directory lie at OFFSET? */
static bool
directory_fits (const struct hosted_header *h, uint64_t offset)
{
  const struct geometry *g = &h->geometry;

  return offset >= SECTOR_SIZE &&
         range_inside (offset, g->n_tables * 4, g->file_size) &&
         !ranges_overlap (offset, g->n_tables * 4, h->descriptor_offset,
                          h->descriptor_bytes);
}

static int
parse_hosted_directories (struct file *f, const struct disk_hosted_header *d,
                          struct hosted_header *h)
{
  struct geometry *g = &h->geometry;
  uint64_t gd = le64toh (d->gd_offset), rgd = le64toh (d->rgd_offset);

  h->gd_at_end = gd == GD_AT_END;
  if (h->gd_at_end && h->compressed)
    return 0;
  g->gd_offset = to_bytes (gd);
  if (!directory_fits (h, g->gd_offset))
    return refuse (f, "gdOffset",
                   "a place inside the file, behind header and descriptor, "
                   "for the whole grain directory",
                   gd);
  if (!(h->flags & HOSTED_REDUNDANT))
    return 0;
  g->rgd_offset = to_bytes (rgd);
  if (!directory_fits (h, g->rgd_offset) ||
      ranges_overlap (g->gd_offset, g->n_tables * 4, g->rgd_offset,
                      g->n_tables * 4)) {
    h->redundant_lost = true;
    g->rgd_offset = 0;
  }
  return 0;
}

int
header_parse_hosted (struct file *f, uint64_t file_size,
                     const unsigned char sector[512], struct hosted_header *h)
{
  const struct disk_hosted_header *d = (const void *) sector;
  struct geometry *g = &h->geometry;

  memset (h, 0, sizeof *h);
  if (check_whole (f, file_size) == -1 || check_hosted_numbers (f, d) == -1 ||
      parse_hosted_descriptor (f, file_size, d, h) == -1)
    return -1;
  h->version = le32toh (d->version);
  h->flags = le32toh (d->flags);
  h->compressed = (h->flags & HOSTED_COMPRESSED) != 0;
  h->unclean = d->unclean_shutdown != 0;
  h->overhead = to_bytes (le64toh (d->overhead));
  g->capacity = to_bytes (le64toh (d->capacity));
  g->file_size = file_size;
  g->grain_bytes = to_bytes (le64toh (d->grain_size));
  g->gtes_per_gt = le32toh (d->gtes_per_gt);
  g->n_tables =
    div_round_up (div_round_up (g->capacity, g->grain_bytes), g->gtes_per_gt);
  g->data_start =
    max_u64 (SECTOR_SIZE, h->descriptor_offset + h->descriptor_bytes);
  if (g->capacity == 0)
    return 0;
  if (g->n_tables > MAX_GD_ENTRIES)
    return refuse (f, "capacity", "no more than 67108864 grain tables' worth",
                   le64toh (d->capacity));
  if (!h->compressed && to_bytes (le64toh (d->overhead)) > file_size)
    return refuse (f, "overHead", "a place inside the file",
                   le64toh (d->overhead));
  return parse_hosted_directories (f, d, h);
}

bool
header_is_compressed (const unsigned char sector[512])
{
  const struct disk_hosted_header *d = (const void *) sector;

  return (le32toh (d->flags) & HOSTED_COMPRESSED) != 0 ||
         le16toh (d->compress_algorithm) != 0;
}

/* ---- COWD (section 5) ---- */

int
header_parse_cowd (struct file *f, uint64_t file_size,
                   const unsigned char bytes[2048], struct cowd_header *h)
{
  const struct disk_cowd_header *d = (const void *) bytes;
  uint32_t version = le32toh (d->version), flags = le32toh (d->flags);
  uint32_t capacity = le32toh (d->capacity);
  uint32_t grain = le32toh (d->grain_size);
  uint32_t gd = le32toh (d->gd_offset), entries = le32toh (d->gd_entries);
  struct geometry *g = &h->geometry;

  memset (h, 0, sizeof *h);
  h->flags = flags;
  h->unclean = d->unclean_shutdown != 0;
  h->free_from = to_bytes (le32toh (d->free_sector));
  h->directory_end = to_bytes (gd) + UINT64_C (4) * entries;
  if (version != 1)
    return refuse (f, "version", "1", version);
  if (flags != 3)
    report_warning ("%s: expected 3 in the header's flags, found 0x%" PRIx32,
                    f->name, flags);
  if (h->unclean)
    report_warning ("%s: the extent was not closed cleanly by the program that "
                    "wrote it last",
                    f->name);
  if (capacity == 0)
    return refuse (f, "numSectors", "at least 1", capacity);
  if (grain < 1 || grain > MAX_COWD_GRAIN_SECTORS)
    return refuse (f, "grainSize", "1 to 2048 sectors", grain);
  g->capacity = to_bytes (capacity);
  g->file_size = file_size;
  g->grain_bytes = to_bytes (grain);
  g->gtes_per_gt = COWD_GTES_PER_GT;
  g->n_tables = div_round_up (div_round_up (capacity, grain), COWD_GTES_PER_GT);
  g->gd_offset = to_bytes (gd);
  g->data_start = sizeof *d;
  if (entries < g->n_tables)
    return refuse (f, "numGDEntries", "enough entries for the whole capacity",
                   entries);
  if (g->gd_offset < sizeof *d ||
      !range_inside (g->gd_offset, g->n_tables * 4, file_size))
    return refuse (f, "gdOffset",
                   "a place inside the file, behind the header, for the whole "
                   "grain directory",
                   gd);
  return 0;
}

/* ---- SESparse (section 6) ---- */

static int
check_sesparse_constants (struct file *f, const struct disk_sesparse_header *d)
{
  if (le64toh (d->version) != SESPARSE_VERSION)
    return refuse (f, "version", "2.1 (0x200000001)", le64toh (d->version));
  if (le64toh (d->capacity) == 0 || le64toh (d->capacity) > MAX_SECTORS)
    return refuse (f, "capacity", "1 to 2^54-1 sectors", le64toh (d->capacity));
  if (le64toh (d->grain_size) != SESPARSE_GRAIN_SECTORS)
    return refuse (f, "grainSize", "8 sectors", le64toh (d->grain_size));
  if (le64toh (d->gt_size) != SESPARSE_GTES_PER_GT * 8 / SECTOR_SIZE)
    return refuse (f, "grainTableSize", "64 sectors", le64toh (d->gt_size));
  if (d->flags != 0)
    return refuse (f, "flags", "0", le64toh (d->flags));
  if (!is_all_zero (d->reserved, sizeof d->reserved) ||
      !is_all_zero (d->pad, sizeof d->pad))
    return refuse (f, "reserved fields", "zeroes", 1);
  return 0;
}

/* The places of the eight areas: behind the header, no two in one place. */
static int
check_sesparse_areas (struct file *f, const struct disk_sesparse_header *d)
{
  static const char *const names[N_SESPARSE_AREAS] = {
    [SESPARSE_VOLATILE_HEADER] = "volatile header area",
    [SESPARSE_JOURNAL_HEADER] = "journal header area",
    [SESPARSE_JOURNAL] = "journal area",
    [SESPARSE_DIRECTORY] = "grain directory area",
    [SESPARSE_TABLES] = "grain table area",
    [SESPARSE_FREE_BITMAP] = "free bitmap area",
    [SESPARSE_BACK_MAP] = "back map area",
    [SESPARSE_GRAINS] = "grain area",
  };
  const struct disk_sesparse_area *areas = d->areas;
  unsigned i, j;

  for (i = 0; i < N_SESPARSE_AREAS; ++i) {
    uint64_t offset = le64toh (areas[i].offset);
    uint64_t size = le64toh (areas[i].size);

    if (offset < 1 || !range_inside (offset, size, MAX_SECTORS))
      return refuse (f, names[i], "a place behind the header", offset);
    for (j = 0; j < i; ++j)
      if (ranges_overlap (offset, size, le64toh (areas[j].offset),
                          le64toh (areas[j].size)))
        return refuse (f, names[i], "a place of its own", offset);
  }
  if (le64toh (areas[SESPARSE_VOLATILE_HEADER].size) != 1)
    return refuse (f, "volatile header size", "1 sector",
                   le64toh (areas[SESPARSE_VOLATILE_HEADER].size));
  return 0;
}

int
header_parse_sesparse (struct file *f, uint64_t file_size,
                       const unsigned char sector[512],
                       struct sesparse_header *h, uint64_t *volatile_offset)
{
  const struct disk_sesparse_header *d = (const void *) sector;
  struct geometry *g = &h->geometry;
  uint64_t grains;

  memset (h, 0, sizeof *h);
  if (check_whole (f, file_size) == -1 ||
      check_sesparse_constants (f, d) == -1 ||
      check_sesparse_areas (f, d) == -1)
    return -1;
  g->capacity = to_bytes (le64toh (d->capacity));
  g->file_size = file_size;
  g->grain_bytes = SESPARSE_GRAIN_SECTORS * SECTOR_SIZE;
  g->gtes_per_gt = SESPARSE_GTES_PER_GT;
  grains = div_round_up (g->capacity, g->grain_bytes);
  g->n_tables = div_round_up (grains, SESPARSE_GTES_PER_GT);
  g->gd_offset = to_bytes (le64toh (d->areas[SESPARSE_DIRECTORY].offset));
  h->tables_offset = to_bytes (le64toh (d->areas[SESPARSE_TABLES].offset));
  h->tables_bytes = to_bytes (le64toh (d->areas[SESPARSE_TABLES].size));
  h->grains_offset = to_bytes (le64toh (d->areas[SESPARSE_GRAINS].offset));
  h->grains_bytes = to_bytes (le64toh (d->areas[SESPARSE_GRAINS].size));
  g->data_start = sizeof *d;
  *volatile_offset =
    to_bytes (le64toh (d->areas[SESPARSE_VOLATILE_HEADER].offset));
  if (g->n_tables > MAX_GD_ENTRIES)
    return refuse (f, "capacity", "no more than 67108864 grain tables' worth",
                   le64toh (d->capacity));
  if (g->n_tables * 8 >
        to_bytes (le64toh (d->areas[SESPARSE_DIRECTORY].size)) ||
      !range_inside (g->gd_offset, g->n_tables * 8, file_size))
    return refuse (f, "grainDirSize",
                   "an area inside the file for the whole grain directory",
                   le64toh (d->areas[SESPARSE_DIRECTORY].size));
  if (h->grains_bytes < g->capacity)
    return refuse (f, "grainsSize", "room for the whole capacity",
                   le64toh (d->areas[SESPARSE_GRAINS].size));
  return 0;
}

int
header_check_sesparse_volatile (struct file *f, const unsigned char sector[512])
{
  const struct disk_sesparse_volatile *d = (const void *) sector;

  if (le64toh (d->magic) != SESPARSE_VOLATILE_MAGIC)
    return refuse (f, "volatile magic", "0xcafecafe", le64toh (d->magic));
  if (d->replay_journal != 0) {
    report_error ("%s: the journal of this space-efficient extent has not "
                  "been replayed, so that its tables cannot be trusted: let "
                  "ESXi open and close the disk once (power the virtual "
                  "machine on and off, or vmkfstools --fix check), then copy "
                  "it again",
                  f->name);
    errno = EIO;
    return -1;
  }
  return 0;
}
