/* SPDX-License-Identifier: BSD-3-Clause */
/* Stream-optimized extents (vmdk-format.md section 4): each grain a zlib
 * stream of its own behind a marker that says which grain it is and how long.
 *
 * Directory and tables are found from the header, or, where it says that they
 * are at the end, from the footer; or, after a crash, from a log (stream.h).
 */

#include <config.h>

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "is-all-zero.h"
#include "report.h"
#include "rounding.h"
#include "stream.h"

/* So much of a packed grain is read at once, unless something is known about
 * it: all that one of the usual size can have.
 */
#define FIRST_READ (66 << 10)

/* ---- opening ---- */

static enum entry
stream_gte (struct grains *g, uint64_t raw, uint64_t *offset)
{
  const struct stream *s = (struct stream *) g;

  *offset = raw * SECTOR_SIZE;
  if (raw == STREAM_HELD && __atomic_load_n (&s->writer, __ATOMIC_RELAXED))
    *offset = GRAIN_IN_MEMORY;
  return raw == 0                 ? ENTRY_ABSENT
         : raw == HOSTED_GTE_ZERO ? ENTRY_ZERO
                                  : ENTRY_AT;
}

static const struct grain_format stream_format = {
  .entry_bytes = 4,
  .packed = true,
  .gde = grain_sector_gde,
  .gte = stream_gte,
  .place = stream_table_place,
  .announce_zeroed = stream_announce_zeroed,
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

/* Is there a grain directory at sector GD, as the footer at sector FOOTER_AT
 * says?  All who write footers put a marker in front of the directory (4.1);
 * the footer of another stream that was appended to this one is about places
 * in that.  Returns -1, reported.
 */
static int
directory_is_at (struct file *f, uint64_t gd, uint64_t footer_at)
{
  unsigned char sector[SECTOR_SIZE];
  const struct disk_marker *marker = (const void *) sector;

  if (gd < 2 || gd >= footer_at)
    return 0;
  if (file_pread (f, sector, sizeof sector, (gd - 1) * SECTOR_SIZE) == -1)
    return -1;
  return le32toh (marker->size) == 0 &&
         le32toh (marker->type) == MARKER_DIRECTORY;
}

static int
refuse_footer (struct file *f, bool seen, uint64_t gd)
{
  if (seen)
    report_error ("%s: expected the grain directory, behind its marker, at "
                  "sector %" PRIu64 ", where the footer at the end of the "
                  "file says that it is, but it is not there: the file is "
                  "damaged, or more than one stream",
                  f->name, gd);
  else
    report_error ("%s: expected the footer of a stream-optimized disk at the "
                  "end of the file, since the header says that the grain "
                  "directory is there, but found none: the download or copy "
                  "is incomplete, fetch it again",
                  f->name);
  errno = EIO;
  return -1;
}

/* Look for the footer, backwards, since storage and tar pad files (4.7), in the
 * end of the file, which is TAIL, from START on.  SECTOR becomes its header,
 * *FOOTER_AT the sector of its marker.
 */
static int
search_footer (struct file *f, const unsigned char *tail, uint64_t start,
               uint64_t size, unsigned char sector[SECTOR_SIZE],
               uint64_t *footer_at)
{
  bool seen = false;
  uint64_t at, gd, first_gd = 0;
  int r;

  for (at = size - size % SECTOR_SIZE; at >= start + 2 * SECTOR_SIZE;
       at -= SECTOR_SIZE) {
    const unsigned char *p = tail + (at - 2 * SECTOR_SIZE - start);
    const struct disk_hosted_header *d = (const void *) (p + SECTOR_SIZE);

    if (!is_footer (p, size - at + 2 * SECTOR_SIZE))
      continue;
    gd = le64toh (d->gd_offset);
    r = directory_is_at (f, gd, at / SECTOR_SIZE - 2);
    if (r == -1)
      return -1;
    if (r == 1) {
      memcpy (sector, p + SECTOR_SIZE, SECTOR_SIZE);
      *footer_at = at / SECTOR_SIZE - 2;
      if (size - at > SECTOR_SIZE)
        warn_trailing (f, p + 3 * SECTOR_SIZE, size - at - SECTOR_SIZE);
      return 0;
    }
    first_gd = seen ? first_gd : gd;
    seen = true;
  }
  return refuse_footer (f, seen, first_gd);
}

static int
find_footer (struct file *f, uint64_t size, unsigned char sector[SECTOR_SIZE],
             uint64_t *footer_at)
{
  const uint64_t room = FOOTER_SEARCH_BYTES + 3 * SECTOR_SIZE;
  uint64_t start = size > room ? size - room : 0;
  CLEANUP_FREE unsigned char *tail = NULL;

  start -= start % SECTOR_SIZE;
  tail = malloc (size - start);
  if (tail == NULL) {
    report_error ("%s: %m", f->name);
    return -1;
  }
  if (file_pread (f, tail, size - start, start) == -1)
    return -1;
  return search_footer (f, tail, start, size, sector, footer_at);
}

/* The footer repeats the header, but for the place of the directory. */
static int
apply_footer (struct file *f, uint64_t size, struct hosted_header *h,
              uint64_t *footer_at)
{
  unsigned char sector[SECTOR_SIZE];
  struct hosted_header footer;

  if (find_footer (f, size, sector, footer_at) == -1 ||
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

/* Find the directory, if there is no record of a log.  Returns whether there is
 * one, or -1.
 */
static int
stream_parse (struct extent *e, const struct extent_source *source,
              struct stream *s, struct stream_record *record)
{
  struct hosted_header *h = &s->header;
  int logged = 0;

  memcpy (&s->sector, source->sector, sizeof s->sector);
  if (header_parse_hosted (e->file, source->file_size, source->sector, h) == -1)
    return -1;
  if (h->unclean)
    logged = stream_record_parse (e->file, &s->sector, record);
  if (logged == -1 ||
      (!logged && h->gd_at_end &&
       apply_footer (e->file, source->file_size, h, &s->footer_at) == -1))
    return -1;
  return extent_settle_length (e, h->geometry.capacity) == -1 ? -1 : logged;
}

static void
stream_close (struct extent *e)
{
  struct stream *s = e->state;

  stream_writer_free (s->writer);
  stream_tables_free (s->tables);
  grains_destroy (&s->grains);
  pthread_mutex_destroy (&s->lock);
  spares_destroy (&s->blocks);
  free (s);
}

static int
stream_open (struct extent *e, const struct extent_source *source)
{
  struct stream *s = calloc (1, sizeof *s);
  struct stream_record record;
  int logged;

  if (s == NULL) {
    report_error ("%s: %m", e->file->name);
    return -1;
  }
  logged = stream_parse (e, source, s, &record);
  if (logged == -1) {
    free (s);
    return -1;
  }
  pthread_mutex_init (&s->lock, NULL);
  spares_init (
    &s->blocks,
    min_u64 (FIRST_READ, MAX_PACKED_BYTES (s->header.geometry.grain_bytes)));
  s->grains.geometry = s->header.geometry;
  grains_init (&s->grains, e, &stream_format, NULL);
  e->state = s; /* closed by the caller on failure */
  e->unclean = logged;
  if (logged)
    s->gaps = record.gaps;
  else
    s->loose = stream_gaps (&s->sector, source->file_size, &s->gaps) ||
               s->footer_at == 0;
  return logged ? stream_rebuild (s, &record) : 0;
}

static int
stream_map (struct extent *e, uint64_t offset, uint64_t length, struct run *run)
{
  struct stream *s = e->state;

  return grains_map (&s->grains, offset, length, run);
}

static const char *
stream_why_not (const struct extent *e)
{
  const struct stream *s = e->state;

  if (s->header.flags & HOSTED_UNKNOWN_COMPATIBLE)
    return "its header has flags that are not known, and what depends on them "
           "could be left wrong";
  if (s->header.geometry.n_tables > s->grains.geometry.n_tables)
    return "its header states a much larger capacity than the descriptor, and "
           "what is beyond the latter could be lost";
  if (s->grains.geometry.n_tables > STREAM_MAX_TABLES)
    return "it is stream-optimized and has more than 2097152 grain tables, "
           "64 TiB as a rule, which a disk may be read of but not written: "
           "copy it into a new disk of another kind";
  return NULL;
}

const struct extent_driver extent_stream = {
  .name = "stream",
  .match = stream_match,
  .open = stream_open,
  .map = stream_map,
  .read_packed = stream_read,
  .close = stream_close,
  .why_not = stream_why_not,
  .start_writing = stream_start_writing,
  .write = stream_write,
  .zero = stream_zero,
  .zero_is_quick = stream_zero_is_quick,
  .flush = stream_flush,
  .relieve = stream_relieve,
  .write_out = stream_write_out,
  .finish = stream_finish,
  .set_unclean = stream_set_unclean,
  .finish_unclean = true,
  .delta = true,
};
