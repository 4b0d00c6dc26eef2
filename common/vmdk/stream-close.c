/* SPDX-License-Identifier: BSD-3-Clause */
/* A stream-optimized extent that was written to is finished: vmdk-format.md
 * 4.10.
 *
 * in place   the log has become the canonical layout; what belongs behind the
 *            grains follows, and that is all
 * canonical  the packed grains are moved, as they are, to a new file in that
 *            layout, which takes the place of the old one
 * fast       changed tables, directory and footer follow the log: good enough
 *            for who looks grains up, not for who reads the file as a stream
 *
 * Until the header says that the file is closed, or the new file has taken its
 * place, the log counts: a crash on the way loses nothing.
 */

#include <config.h>

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "cleanup.h"
#include "deflate.h"
#include "is-all-zero.h"
#include "report.h"
#include "rounding.h"
#include "stream.h"

/* A file of up to this size is moved without asking. */
#define SMALL_BYTES (UINT64_C (1) << 30)

/* Marker, footer, and the end of the stream. */
#define FOOTER_SECTORS 3

/* What a header needs in front of the grains (4.2). */
#define OVERHEAD_UNIT 128

/* ---- in place, and fast ---- */

static uint64_t
all_gaps (const struct stream_writer *w)
{
  const int64_t gaps = (int64_t) w->s->gaps + w->new_gaps;

  return min_u64 (gaps > 0 ? gaps : 0, w->tail * SECTOR_SIZE);
}

/* Behind the directory: footer and the end; then the header. */
static int
out_end (struct stream_writer *w, struct stream_out *o, uint64_t gd,
         bool in_order)
{
  struct stream *s = w->s;
  struct file *f = s->grains.file;
  struct disk_hosted_header header = stream_make_header (s, NULL);

  if (!in_order)
    stream_note_gaps (&header,
                      (stream_out_sector (o) + FOOTER_SECTORS) * SECTOR_SIZE,
                      all_gaps (w));
  if (stream_out_footer (o, &header, gd) == -1 || stream_out_flush (o) == -1 ||
      file_truncate (f, stream_out_sector (o) * SECTOR_SIZE) == -1 ||
      writing_sync (w->writing, f) == -1 ||
      stream_write_header (s, &header) == -1)
    return -1;
  return writing_sync (w->writing, f);
}

/* The table of the last grain has not been written yet. */
static int
out_last_table (struct stream_writer *w, struct stream_out *o)
{
  struct stream *s = w->s;
  struct stream_table *t =
    w->group == UINT64_MAX ? NULL : s->tables->in_memory[w->group];
  CLEANUP_FREE unsigned char *block = NULL;
  uint64_t place = stream_out_sector (o) + 1;
  size_t size;

  if (t == NULL)
    return 0;
  block = stream_table_block (w, t, &size);
  if (block == NULL) {
    report_error ("%s: no memory to close it", s->grains.file->name);
    return -1;
  }
  if (stream_out_add (o, block, size) == -1)
    return -1;
  stream_table_placed (s, t, place);
  return 0;
}

static int
finish_in_place (struct stream_writer *w)
{
  struct stream *s = w->s;
  struct stream_out o;
  uint64_t gd;
  int r;

  if (stream_out_start (&o, s, s->grains.file, w->tail) == -1)
    return -1;
  r = out_last_table (w, &o);
  if (r == 0)
    r = stream_out_directory (&o, s->tables->places, s->tables->n, &gd);
  if (r == 0)
    r = out_end (w, &o, gd, true);
  stream_out_end (&o);
  return r;
}

/* The footer that the file had, and what is behind it, would end the stream for
 * who reads it from front to back, and hide what is new.
 */
static int
cover_footer (struct stream_writer *w)
{
  struct stream *s = w->s;
  struct stream_out o;
  int r = 0;

  if (s->footer_at == 0 || s->footer_at >= w->own_from)
    return 0;
  if (stream_out_start (&o, s, s->grains.file, s->footer_at) == -1)
    return -1;
  while (r == 0 && stream_out_sector (&o) < w->own_from)
    r = stream_out_marker (&o, MARKER_PROGRESS, 0);
  if (r == 0)
    r = stream_out_flush (&o);
  stream_out_end (&o);
  return r;
}

static int
finish_fast (struct stream_writer *w)
{
  struct stream *s = w->s;
  struct stream_out o;
  uint64_t gd;
  int r;

  if (cover_footer (w) == -1)
    return -1;
  if (stream_out_start (&o, s, s->grains.file, w->tail) == -1)
    return -1;
  r = stream_out_metadata (w, &o, &gd);
  if (r == 0)
    r = out_end (w, &o, gd, false);
  stream_out_end (&o);
  return r;
}

/* ---- canonical ---- */

/* A canonical file under construction. */
struct copy {
  struct stream_writer *w;
  struct stream *s;
  struct stream_in in;
  struct stream_out out;
  struct disk_hosted_header header;
  uint32_t *places;     /* of the tables */
  unsigned char *grain; /* to unpack into */
  unsigned char *block; /* to pack into */
};

static int
no_memory (const struct copy *c)
{
  report_error ("%s: no memory to move its grains", c->s->grains.file->name);
  errno = ENOMEM;
  return -1;
}

/* Header, descriptor and padding. */
static int
copy_front (struct copy *c)
{
  const struct hosted_header *h = &c->s->header;
  const uint64_t descriptor = h->descriptor_bytes / SECTOR_SIZE;
  const uint64_t overhead =
    div_round_up (1 + descriptor, OVERHEAD_UNIT) * OVERHEAD_UNIT;
  uint64_t at, n;

  c->header = stream_make_header (c->s, NULL);
  if (!c->w->writing->child) /* absent is as good as zeroed: 4.6 */
    c->header.flags &= ~htole32 (HOSTED_ZEROED_GRAINS);
  c->header.overhead = htole64 (overhead);
  c->header.descriptor_offset = htole64 (descriptor ? 1 : 0);
  if (stream_out_add (&c->out, &c->header, sizeof c->header) == -1)
    return -1;
  for (at = 0; at < h->descriptor_bytes; at += n) {
    const unsigned char *p;

    n = min_u64 (STREAM_IN_BYTES, h->descriptor_bytes - at);
    p = stream_in_look (&c->in, h->descriptor_offset + at, n);
    if (p == NULL || stream_out_add (&c->out, p, n) == -1)
      return -1;
  }
  return stream_out_add (&c->out, NULL,
                         (overhead - 1 - descriptor) * SECTOR_SIZE);
}

/* So small can the packed form of a grain of zeroes be, and hardly anything
 * else.
 */
static bool
may_be_zero (const struct copy *c, uint64_t size)
{
  return size <= 64 + c->s->grains.geometry.grain_bytes / 512;
}

/* Is it possible that another writer has packed GRAIN in a way that is not to
 * be kept: to less than a grain, as bare deflate, or although it is all zero?
 */
static bool
may_be_odd (const struct copy *c, uint64_t grain, const unsigned char *packed,
            uint64_t size)
{
  const uint64_t grain_bytes = c->s->grains.geometry.grain_bytes;

  return (grain + 1) * grain_bytes > c->s->header.geometry.capacity ||
         may_be_zero (c, size) || !deflate_is_zlib (packed, size);
}

/* Look at GRAIN, whose block is at P.  *P and *BYTES become the block to be
 * written; *BYTES 0: none.
 */
static int
mend_grain (struct copy *c, uint64_t grain, uint64_t offset,
            const unsigned char **p, uint64_t *bytes)
{
  const size_t size = load_le32 (*p + 8);
  const unsigned char *packed = *p + GRAIN_MARKER_BYTES;
  bool is_short;
  const char *problem =
    stream_unpack (c->s, grain, packed, size, c->grain, &is_short);

  if (problem != NULL)
    return errno == ENOMEM
             ? no_memory (c)
             : grains_refuse (&c->s->grains, grain, offset, problem);
  if (!c->w->writing->child &&
      is_all_zero (c->grain, c->s->grains.geometry.grain_bytes))
    *bytes = 0;
  else if (is_short || !deflate_is_zlib (packed, size)) {
    *p = c->block;
    *bytes = stream_pack_block (c->s, grain, c->grain, c->block);
    if (*bytes == 0)
      return no_memory (c);
  }
  return 0;
}

/* Move GRAIN, which is at SECTOR, and which becomes *ENTRY. */
static int
copy_grain (struct copy *c, uint64_t grain, uint32_t sector, uint32_t *entry)
{
  struct grains *g = &c->s->grains;
  const uint64_t lba = grain * (g->geometry.grain_bytes / SECTOR_SIZE);
  const uint64_t offset = (uint64_t) sector * SECTOR_SIZE;
  const unsigned char *p = stream_in_look (&c->in, offset, SECTOR_SIZE);
  uint64_t size, bytes;

  if (p == NULL)
    return -1;
  size = load_le32 (p + 8);
  if (load_le64 (p) != lba || size == 0 ||
      size > MAX_PACKED_BYTES (g->geometry.grain_bytes))
    return grains_refuse (g, grain, offset,
                          "does not begin with the marker of that grain");
  bytes = stream_block_bytes (size);
  p = stream_in_look (&c->in, offset, GRAIN_MARKER_BYTES + size);
  if (p == NULL)
    return -1;
  if (may_be_odd (c, grain, p + GRAIN_MARKER_BYTES, size) &&
      mend_grain (c, grain, offset, &p, &bytes) == -1)
    return -1;
  *entry = bytes ? stream_out_sector (&c->out) : 0;
  if (p == c->block || bytes == 0)
    return bytes ? stream_out_add (&c->out, p, bytes) : 0;
  /* Not what another writer has left behind the data. */
  if (stream_out_add_padded (&c->out, p, GRAIN_MARKER_BYTES + size) == -1)
    return -1;
  return 0;
}

/* Move the grains of table T, then the table, if it has any. */
static int
copy_table (struct copy *c, struct stream_table *t)
{
  const uint32_t n = c->s->grains.geometry.gtes_per_gt;
  const size_t bytes =
    div_round_up (grain_table_bytes (&c->s->grains), SECTOR_SIZE) * SECTOR_SIZE;
  CLEANUP_FREE uint32_t *entries = calloc (1, bytes);
  bool any = false;
  uint32_t i, entry;

  if (entries == NULL)
    return no_memory (c);
  for (i = 0; i < n; ++i) {
    entry = load_le32 (&t->entries[i]);
    if (entry == HOSTED_GTE_ZERO && !c->w->writing->child)
      entry = 0;
    if (entry > HOSTED_GTE_ZERO &&
        copy_grain (c, t->number * n + i, entry, &entry) == -1)
      return -1;
    store_le32 (&entries[i], entry);
    any = any || entry != 0;
  }
  if (!any)
    return 0;
  if (stream_out_marker (&c->out, MARKER_TABLE, bytes / SECTOR_SIZE) == -1)
    return -1;
  c->places[t->number] = stream_out_sector (&c->out);
  return stream_out_add (&c->out, entries, bytes);
}

static int
copy_tables (struct copy *c)
{
  struct stream *s = c->s;
  struct stream_table *t;
  uint64_t i;
  int r;

  for (i = 0; i < s->tables->n; ++i) {
    if (s->tables->places[i] == 0 && s->tables->in_memory[i] == NULL)
      continue;
    t = stream_table_hold (s, i);
    if (t == NULL)
      return -1;
    r = copy_table (c, t);
    stream_table_release (s, t);
    if (r == -1)
      return -1;
  }
  return 0;
}

static int
copy_all (struct copy *c)
{
  uint64_t gd;

  if (copy_front (c) == -1 || copy_tables (c) == -1 ||
      stream_out_directory (&c->out, c->places, c->s->tables->n, &gd) == -1 ||
      stream_out_footer (&c->out, &c->header, gd) == -1)
    return -1;
  return stream_out_flush (&c->out);
}

static int
copy_to (struct stream_writer *w, struct file *to)
{
  struct stream *s = w->s;
  const uint32_t grain_bytes = s->grains.geometry.grain_bytes;
  struct copy c = { .w = w, .s = s };
  int r = -1;

  c.places = calloc (s->tables->n, sizeof *c.places);
  c.grain = malloc (grain_bytes);
  c.block = malloc (stream_block_bytes (deflate_bound (grain_bytes)));
  if (c.places == NULL || c.grain == NULL || c.block == NULL)
    no_memory (&c);
  else if (stream_in_start (&c.in, s->grains.file) == 0 &&
           stream_out_start (&c.out, s, to, 0) == 0)
    r = copy_all (&c);
  stream_in_end (&c.in);
  stream_out_end (&c.out);
  free (c.places);
  free (c.grain);
  free (c.block);
  return r;
}

static void
warn_not_moved (struct stream_writer *w, const char *why)
{
  report_warning ("%s: the disk is closed as with stream-close=fast, since its "
                  "grains could not be moved to a new file in canonical order: "
                  "%s; for an appliance, copy it to a new disk",
                  w->s->grains.file->name, why);
}

/* The same, for ERR when a file was to be made or renamed. */
static void
warn_no_file (struct stream_writer *w, int err)
{
  CLEANUP_FREE char *why = NULL;

  if (err == EMLINK)
    warn_not_moved (w, "it has several hard links, of which only one could be "
                       "replaced");
  else if (asprintf (&why, "cannot replace it in its directory: %s",
                     strerror (err)) == -1) {
    why = NULL;
    warn_not_moved (w, strerror (err));
  }
  else
    warn_not_moved (w, why);
}

enum moved {
  MOVED,
  NOT_MOVED,
  MOVED_FOR_NOW, /* a crash may bring the log back */
  LOST           /* something that was written; reported */
};

static enum moved
finish_canonical (struct stream_writer *w)
{
  struct file *f = w->s->grains.file;
  struct file *to = file_create_beside (f);
  int r;

  if (to == NULL) {
    warn_no_file (w, errno);
    return NOT_MOVED;
  }
  if (copy_to (w, to) == -1 || file_sync (to) == -1) {
    file_discard (to);
    warn_not_moved (w, "see the message before this one");
    return NOT_MOVED;
  }
  /* Else what the host has lost on its way to the medium, without telling yet,
   * would be taken for what was written.
   */
  if (writing_check_file (w->writing, f) == -1) {
    file_discard (to);
    return LOST;
  }
  r = file_replace (f, to);
  if (r == -1) {
    warn_no_file (w, errno);
    file_discard (to);
    return NOT_MOVED;
  }
  file_close (to);
  return r == 0 ? MOVED : MOVED_FOR_NOW;
}

/* ---- which of them ---- */

static bool
wants_canonical (const struct stream_writer *w)
{
  switch (w->writing->stream_close) {
  case STREAM_CLOSE_FAST: return false;
  case STREAM_CLOSE_CANONICAL: return true;
  default:
    return w->was_empty || w->tail * SECTOR_SIZE <= SMALL_BYTES ||
           all_gaps (w) >= w->tail * SECTOR_SIZE / 2;
  }
}

int
stream_finish (struct extent *e)
{
  struct stream *s = e->state;
  struct stream_writer *w = s->writer;
  enum moved moved = NOT_MOVED;

  /* After a crash, even if nothing was written; but what may be damage is left
   * for whoever can mend it.
   */
  if (!e->changed && s->behind)
    return 0;
  if (!e->changed && stream_set_unclean (e, true) == -1)
    return -1;
  /* What is moved needs not be durable where it was. */
  if (stream_clean_tail (w) == -1)
    return -1;
  if (!w->canonical && wants_canonical (w))
    moved = finish_canonical (w);
  if (moved == MOVED || moved == LOST)
    return moved == MOVED ? 0 : -1;
  if (stream_flush (e) == -1 || stream_clean_tail (w) == -1)
    return -1;
  if (moved == MOVED_FOR_NOW)
    return 0;
  return w->canonical ? finish_in_place (w) : finish_fast (w);
}
