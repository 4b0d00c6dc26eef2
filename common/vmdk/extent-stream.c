/* SPDX-License-Identifier: BSD-3-Clause */
/* Stream-optimized extents (vmdk-format.md section 4): each grain a zlib
 * stream of its own behind a marker that says which grain it is and how long.
 *
 * Directory and tables are found from the header, or, where it says that they
 * are at the end, from the footer.  A grain that does not check out in every
 * respect (place, number, length, Adler-32, size) is an I/O error.
 */

#include <config.h>

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checked-overflow.h"
#include "cleanup.h"
#include "deflate.h"
#include "extent.h"
#include "format.h"
#include "grain.h"
#include "header.h"
#include "is-all-zero.h"
#include "report.h"
#include "rounding.h"
#include "vmdk-limits.h"

struct stream {
  struct grains grains;
  struct hosted_header header;
  bool warned; /* atomic: an odd packed grain was seen */
};

/* ---- opening ---- */

static enum entry
stream_gte (struct grains *g, uint64_t raw, uint64_t *offset)
{
  (void) g;
  *offset = raw * SECTOR_SIZE;
  return raw == 0                 ? ENTRY_ABSENT
         : raw == HOSTED_GTE_ZERO ? ENTRY_ZERO
                                  : ENTRY_AT;
}

static const struct grain_format stream_format = {
  .entry_bytes = 4,
  .packed = true,
  .gde = grain_sector_gde,
  .gte = stream_gte,
};

static bool
stream_match (const struct extent_source *source)
{
  return source->kind == KIND_HOSTED && source->compressed;
}

/* Is there a footer at P, of which LEFT bytes are in the file: its marker, a
 * header, then the end-of-stream marker or the end of the file?
 */
static bool
is_footer (const unsigned char *p, size_t left)
{
  const struct disk_marker *marker = (const void *) p;

  return le32toh (marker->size) == 0 &&
         le32toh (marker->type) == MARKER_FOOTER &&
         memcmp (p + SECTOR_SIZE, "KDMV", 4) == 0 &&
         (left < 3 * SECTOR_SIZE ||
          is_all_zero (p + 2 * SECTOR_SIZE, SECTOR_SIZE));
}

/* LENGTH bytes after the stream: zeroes are padding, others worth a word. */
static void
warn_trailing (struct file *f, const unsigned char *p, uint64_t length)
{
  if (!is_all_zero (p, length))
    report_warning ("%s: there are bytes after the end of the stream; they are "
                    "ignored",
                    f->name);
}

/* Look for the footer, backwards, since storage and tar pad files (4.7).
 * SECTOR becomes its header.
 */
static int
find_footer (struct file *f, uint64_t size, unsigned char sector[SECTOR_SIZE])
{
  const uint64_t room = FOOTER_SEARCH_BYTES + 3 * SECTOR_SIZE;
  uint64_t start = size > room ? size - room : 0;
  CLEANUP_FREE unsigned char *tail = NULL;
  uint64_t at;

  start -= start % SECTOR_SIZE;
  tail = malloc (size - start);
  if (tail == NULL) {
    report_error ("%s: %m", f->name);
    return -1;
  }
  if (file_pread (f, tail, size - start, start) == -1)
    return -1;
  for (at = size - size % SECTOR_SIZE; at >= start + 2 * SECTOR_SIZE;
       at -= SECTOR_SIZE) {
    const unsigned char *p = tail + (at - 2 * SECTOR_SIZE - start);

    if (is_footer (p, size - at + 2 * SECTOR_SIZE)) {
      memcpy (sector, p + SECTOR_SIZE, SECTOR_SIZE);
      if (size - at > SECTOR_SIZE)
        warn_trailing (f, p + 3 * SECTOR_SIZE, size - at - SECTOR_SIZE);
      return 0;
    }
  }
  report_error ("%s: expected the footer of a stream-optimized disk at the "
                "end of the file, since the header says that the grain "
                "directory is there, but found none: the download or copy is "
                "incomplete, fetch it again",
                f->name);
  errno = EIO;
  return -1;
}

/* The footer repeats the header, but for the place of the directory. */
static int
apply_footer (struct file *f, uint64_t size, struct hosted_header *h)
{
  unsigned char sector[SECTOR_SIZE];
  struct hosted_header footer;

  if (find_footer (f, size, sector) == -1 ||
      header_parse_hosted (f, size, sector, &footer) == -1)
    return -1;
  if (footer.gd_at_end || footer.version != h->version ||
      footer.flags != h->flags ||
      footer.geometry.capacity != h->geometry.capacity ||
      footer.geometry.grain_bytes != h->geometry.grain_bytes ||
      footer.geometry.gtes_per_gt != h->geometry.gtes_per_gt) {
    report_error ("%s: expected the footer at the end of the file to repeat "
                  "the header, but for the place of the grain directory: "
                  "they differ, so the file is damaged",
                  f->name);
    errno = EIO;
    return -1;
  }
  h->geometry.gd_offset = footer.geometry.gd_offset;
  h->gd_at_end = false;
  return 0;
}

static int
stream_parse (struct extent *e, const struct extent_source *source,
              struct hosted_header *h)
{
  if (header_parse_hosted (e->file, source->file_size, source->sector, h) == -1)
    return -1;
  if (h->gd_at_end && apply_footer (e->file, source->file_size, h) == -1)
    return -1;
  return extent_settle_length (e, h->geometry.capacity);
}

static int
stream_open (struct extent *e, const struct extent_source *source)
{
  struct stream *s = calloc (1, sizeof *s);

  if (s == NULL) {
    report_error ("%s: %m", e->file->name);
    return -1;
  }
  if (stream_parse (e, source, &s->header) == -1) {
    free (s);
    return -1;
  }
  s->grains.geometry = s->header.geometry;
  grains_init (&s->grains, e, &stream_format, NULL);
  e->state = s;
  return 0;
}

static int
stream_map (struct extent *e, uint64_t offset, uint64_t length, struct run *run)
{
  struct stream *s = e->state;

  return grains_map (&s->grains, offset, length, run);
}

static void
stream_close (struct extent *e)
{
  struct stream *s = e->state;

  grains_destroy (&s->grains);
  free (s);
}

/* ---- reading ---- */

/* Read the packed grain at OFFSET of the file, marker and all.  *PACKED is
 * the caller's to free; *SIZE is without the marker.
 */
static int
read_packed (struct stream *s, uint64_t grain, uint64_t offset,
             unsigned char **packed, size_t *size)
{
  struct grains *g = &s->grains;
  unsigned char sector[SECTOR_SIZE];
  const struct disk_marker *marker = (const void *) sector;
  const uint64_t lba = grain * (g->geometry.grain_bytes / SECTOR_SIZE);
  uint64_t total;
  size_t have;

  if (file_pread_some (g->file, sector, sizeof sector, offset) == -1)
    return -1;
  if (le64toh (marker->value) != lba || le32toh (marker->size) == 0)
    return grains_refuse (g, grain, offset,
                          "does not begin with the marker of that grain");
  *size = le32toh (marker->size);
  total = GRAIN_MARKER_BYTES + (uint64_t) *size;
  if (*size > MAX_PACKED_BYTES (g->geometry.grain_bytes))
    return grains_refuse (g, grain, offset,
                          "claims more bytes than a packed grain can have");
  if (!range_inside (offset, total, g->geometry.file_size))
    return grains_refuse (g, grain, offset,
                          "continues beyond the end of the file");
  *packed = malloc (total);
  if (*packed == NULL) {
    report_error ("%s: %m", g->file->name);
    return -1;
  }
  have = min_u64 (total, sizeof sector);
  memcpy (*packed, sector, have);
  return total > have
           ? file_pread (g->file, *packed + have, total - have, offset + have)
           : 0;
}

/* What is odd about a packed grain that has turned out to be right.  SIZE is
 * what its marker says, USED is what its stream took.
 */
static void
warn_odd_grain (struct stream *s, bool zlib, size_t size, size_t used)
{
  if ((zlib && used == size) ||
      __atomic_exchange_n (&s->warned, true, __ATOMIC_RELAXED))
    return;
  /* VMware's note asks for it, and no program of VMware's writes it (4.4). */
  if (!zlib)
    report_warning ("%s: grains are compressed as bare deflate (RFC 1951) "
                    "instead of zlib (RFC 1950): other programs will not read "
                    "this disk, and nothing proves that its content is right",
                    s->grains.file->name);
  else
    report_warning ("%s: there are bytes after the compressed data of a "
                    "grain; they are ignored",
                    s->grains.file->name);
}

/* Unpack GRAIN into the grain_bytes bytes at BUF. */
static int
unpack_grain (struct stream *s, uint64_t grain, unsigned char *buf)
{
  struct grains *g = &s->grains;
  const size_t grain_bytes = g->geometry.grain_bytes;
  const uint64_t rest =
    s->header.geometry.capacity - grain * (uint64_t) grain_bytes;
  CLEANUP_FREE unsigned char *packed = NULL;
  size_t size, used, produced = grain_bytes;
  uint64_t offset;

  switch (grains_find (g, grain, &offset)) {
  case ENTRY_AT: break;
  case ENTRY_BAD: return -1;
  default: return grains_refuse (g, grain, 0, "has gone since it was mapped");
  }
  if (read_packed (s, grain, offset, &packed, &size) == -1)
    return -1;
  used = size;
  switch (inflate_stream (g->extent->resources->inflaters,
                          packed + GRAIN_MARKER_BYTES, &used, buf, &produced)) {
  case INFLATE_OK: break;
  case INFLATE_NO_MEMORY:
    report_error ("%s: no memory to inflate with", g->file->name);
    errno = ENOMEM;
    return -1;
  case INFLATE_TOO_LONG:
    return grains_refuse (g, grain, offset,
                          "inflates to more than a grain's bytes");
  case INFLATE_DAMAGED:
    return grains_refuse (g, grain, offset, "does not inflate");
  }
  /* The last grain is written in full or up to the capacity (4.5). */
  if (produced != grain_bytes && produced != rest)
    return grains_refuse (g, grain, offset,
                          "inflates to less than a grain's bytes");
  memset (buf + produced, 0, grain_bytes - produced);
  warn_odd_grain (s, deflate_is_zlib (packed + GRAIN_MARKER_BYTES, size), size,
                  used);
  return 0;
}

/* For the cache. */
static enum cache_result
load_grain (void *opaque, uint64_t grain, void *buf, size_t size)
{
  (void) size;
  return unpack_grain (opaque, grain, buf) == -1 ? CACHE_FAILED : CACHE_FOUND;
}

/* Read part of one grain, or all of it. */
static int
read_grain (struct stream *s, void *buf, size_t count, uint64_t grain,
            size_t at)
{
  const size_t grain_bytes = s->grains.geometry.grain_bytes;
  struct cache *cache = s->grains.extent->resources->grains;
  struct cache_key key = { s, grain };

  /* Who wants all of it will not come back: no need to keep it. */
  if (count == grain_bytes)
    return cache_peek (cache, key, 0, count, buf)
             ? 0
             : unpack_grain (s, grain, buf);
  switch (cache_read (cache, key, grain_bytes, load_grain, s, at, count, buf)) {
  case CACHE_FOUND: return 0;
  case CACHE_NO_MEMORY:
    report_error ("%s: no memory for an unpacked grain", s->grains.file->name);
    return -1;
  default: return -1;
  }
}

static int
stream_read (struct extent *e, void *buf, size_t count, uint64_t offset)
{
  struct stream *s = e->state;
  const size_t grain_bytes = s->grains.geometry.grain_bytes;
  size_t at, n;

  for (; count > 0; count -= n, offset += n, buf = (char *) buf + n) {
    at = offset % grain_bytes;
    n = min_u64 (count, grain_bytes - at);
    if (read_grain (s, buf, n, offset / grain_bytes, at) == -1)
      return -1;
  }
  return 0;
}

static const char *
stream_why_not (const struct extent *e)
{
  (void) e;
  return "it is stream-optimized (compressed), and this version writes no such "
         "disks: copy it into a new disk of another kind";
}

const struct extent_driver extent_stream = {
  .name = "stream",
  .match = stream_match,
  .open = stream_open,
  .map = stream_map,
  .read_packed = stream_read,
  .close = stream_close,
  .why_not = stream_why_not,
  .delta = true,
};
