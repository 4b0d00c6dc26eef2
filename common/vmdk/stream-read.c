/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading grains of a stream-optimized extent: from the file, where each is a
 * zlib stream of its own behind a marker, or from memory, where those are that
 * have been written to.
 *
 * A grain that does not check out in every respect (place, number, length,
 * Adler-32, size) is an I/O error.
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
#include "report.h"
#include "rounding.h"
#include "stream.h"

/* ---- in the file ---- */

/* A block that has been read, to be let go of with end_block. */
struct block {
  unsigned char *bytes; /* marker and all */
  size_t size;          /* of the packed data behind the marker */
  bool spare;           /* the buffer is one of S->blocks */
};

static void
end_block (struct stream *s, struct block *b)
{
  if (b->spare)
    spares_give (&s->blocks, b->bytes);
  else
    free (b->bytes);
}

/* Check the marker at P, of GRAIN at OFFSET. */
static int
check_marker (struct stream *s, uint64_t grain, uint64_t offset, const void *p,
              size_t *size)
{
  struct grains *g = &s->grains;
  const struct disk_marker *marker = p;
  const uint64_t lba = grain * (g->geometry.grain_bytes / SECTOR_SIZE);

  if (le64toh (marker->value) != lba || le32toh (marker->size) == 0)
    return grains_refuse (g, grain, offset,
                          "does not begin with the marker of that grain");
  *size = le32toh (marker->size);
  if (*size > MAX_PACKED_BYTES (g->geometry.grain_bytes))
    return grains_refuse (g, grain, offset,
                          "claims more bytes than a packed grain can have");
  if (!range_inside (offset, GRAIN_MARKER_BYTES + (uint64_t) *size,
                     grain_file_size (g)))
    return grains_refuse (g, grain, offset,
                          "continues beyond the end of the file");
  return 0;
}

/* Let B, whose buffer is a spare one with HAVE bytes in it, have room for
 * TOTAL.
 */
static int
enlarge (struct stream *s, struct block *b, size_t have, size_t total)
{
  unsigned char *larger;

  if (total <= s->blocks.size)
    return 0;
  larger = malloc (total);
  if (larger == NULL) {
    report_error ("%s: %m", s->grains.file->name);
    return -1;
  }
  memcpy (larger, b->bytes, have);
  spares_give (&s->blocks, b->bytes);
  b->bytes = larger;
  b->spare = false;
  return 0;
}

/* Read the block of GRAIN at OFFSET of the file.  ROOM: what grains_find says
 * of it.  Also after a failure, end_block has to be called.
 */
static int
read_block (struct stream *s, uint64_t grain, uint64_t offset, uint64_t room,
            struct block *b)
{
  struct file *f = s->grains.file;
  const uint64_t in_file = grain_file_size (&s->grains) - offset;
  const size_t have =
    max_u64 (SECTOR_SIZE, min_u64 (min_u64 (s->blocks.size, room), in_file));
  size_t total;

  b->bytes = spares_take (&s->blocks);
  b->spare = true;
  if (b->bytes == NULL) {
    report_error ("%s: %m", f->name);
    return -1;
  }
  if (file_pread_some (f, b->bytes, have, offset) == -1 ||
      check_marker (s, grain, offset, b->bytes, &b->size) == -1)
    return -1;
  total = GRAIN_MARKER_BYTES + b->size;
  if (total <= have)
    return 0;
  if (enlarge (s, b, have, total) == -1)
    return -1;
  return file_pread (f, b->bytes + have, total - have, offset + have);
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

const char *
stream_unpack (struct stream *s, uint64_t grain, const unsigned char *packed,
               size_t size, unsigned char *buf, bool *is_short)
{
  const struct grains *g = &s->grains;
  const size_t grain_bytes = g->geometry.grain_bytes;
  const uint64_t rest =
    s->header.geometry.capacity - grain * (uint64_t) grain_bytes;
  size_t used = size, produced = grain_bytes;

  errno = EIO;
  switch (inflate_stream (g->extent->resources->inflaters, packed, &used, buf,
                          &produced)) {
  case INFLATE_OK: break;
  case INFLATE_NO_MEMORY: errno = ENOMEM; return "found no memory to inflate";
  case INFLATE_TOO_LONG: return "inflates to more than a grain's bytes";
  case INFLATE_DAMAGED: return "does not inflate";
  }
  /* The last grain is written in full or up to the capacity (4.5). */
  *is_short = produced != grain_bytes;
  if (*is_short && produced != rest)
    return "inflates to less than a grain's bytes";
  memset (buf + produced, 0, grain_bytes - produced);
  warn_odd_grain (s, deflate_is_zlib (packed, size), size, used);
  return NULL;
}

/* The same, reported. */
static int
unpack (struct stream *s, uint64_t grain, uint64_t offset,
        const unsigned char *packed, size_t size, unsigned char *buf)
{
  bool is_short;
  const char *problem = stream_unpack (s, grain, packed, size, buf, &is_short);

  if (problem == NULL)
    return 0;
  if (errno == EIO)
    return grains_refuse (&s->grains, grain, offset, problem);
  report_error ("%s: no memory to inflate with", s->grains.file->name);
  errno = ENOMEM;
  return -1;
}

/* Unpack GRAIN, which is in the file at OFFSET. */
static int
unpack_at (struct stream *s, uint64_t grain, uint64_t offset, uint64_t room,
           unsigned char *buf)
{
  struct block b = { .size = 0 };
  int r = read_block (s, grain, offset, room, &b);

  if (r == 0)
    r = unpack (s, grain, offset, b.bytes + GRAIN_MARKER_BYTES, b.size, buf);
  end_block (s, &b);
  return r;
}

size_t
stream_pack_block (struct stream *s, uint64_t grain, const void *buf,
                   unsigned char *block)
{
  const size_t grain_bytes = s->grains.geometry.grain_bytes;
  struct disk_marker *marker = (void *) block;
  size_t size, bytes;

  size = deflate_stream (s->grains.extent->resources->deflaters, buf,
                         grain_bytes, block + GRAIN_MARKER_BYTES);
  if (size == 0)
    return 0;
  marker->value = htole64 (grain * (grain_bytes / SECTOR_SIZE));
  marker->size = htole32 (size);
  bytes = stream_block_bytes (size);
  memset (block + GRAIN_MARKER_BYTES + size, 0,
          bytes - GRAIN_MARKER_BYTES - size);
  return bytes;
}

/* ---- in memory ---- */

/* What has been found of a grain. */
enum found {
  FOUND_NOTHING, /* absent or zeroed */
  FOUND_IN_FILE,
  FOUND_RAW, /* the bytes that were asked for have been copied */
  FOUND_PACKED,
  FOUND_BAD /* reported */
};

/* Look in memory for GRAIN; if it is raw, copy COUNT bytes from AT of it.
 * FOUND_PACKED: *H is in use.  FOUND_IN_FILE: or not in memory at all.
 */
static enum found
look_in_memory (struct stream *s, uint64_t grain, void *buf, size_t count,
                size_t at, struct held **h)
{
  struct stream_writer *w = __atomic_load_n (&s->writer, __ATOMIC_ACQUIRE);

  if (w == NULL)
    return FOUND_IN_FILE;
  {
    LOCK_FOR_SCOPE (&s->lock);

    *h = held_find (w, grain);
    if (*h == NULL)
      return FOUND_IN_FILE;
    if ((*h)->packed) {
      held_use (*h);
      return FOUND_PACKED;
    }
    memcpy (buf, (*h)->bytes + at, count);
    return FOUND_RAW;
  }
}

static int
unpack_held (struct stream *s, struct held *h, unsigned char *buf)
{
  const struct disk_marker *marker = (const void *) h->bytes;
  const int r = unpack (s, h->grain, 0, h->bytes + GRAIN_MARKER_BYTES,
                        le32toh (marker->size), buf);
  LOCK_FOR_SCOPE (&s->lock);

  held_unuse (h);
  return r;
}

/* How often a grain may go from the file to memory and back between two looks;
 * then the file itself is to blame, whose entry happens to have the value of a
 * grain in memory.
 */
#define MAX_LOOKS 1000

/* Fill BUF with GRAIN. */
static enum found
unpack_grain (struct stream *s, uint64_t grain, unsigned char *buf)
{
  const size_t grain_bytes = s->grains.geometry.grain_bytes;
  struct held *h;
  uint64_t offset, room;
  enum found found;
  unsigned look;

  for (look = 0; look < MAX_LOOKS; ++look) {
    found = look_in_memory (s, grain, buf, grain_bytes, 0, &h);
    if (found == FOUND_PACKED && unpack_held (s, h, buf) == -1)
      found = FOUND_BAD;
    if (found != FOUND_IN_FILE)
      return found;
    switch (grains_find (&s->grains, grain, &offset, &room)) {
    case ENTRY_BAD: return FOUND_BAD;
    case ENTRY_AT: break;
    default: return FOUND_NOTHING;
    }
    if (offset == GRAIN_IN_MEMORY)
      continue;
    return unpack_at (s, grain, offset, room, buf) == -1 ? FOUND_BAD
                                                         : FOUND_IN_FILE;
  }
  grains_refuse (&s->grains, grain, (uint64_t) STREAM_HELD * SECTOR_SIZE,
                 "lies beyond the end of the file");
  return FOUND_BAD;
}

/* Fill BUF with GRAIN, which was mapped as a packed one; if it has gone since,
 * that was by a request for zeroes which has not ended yet.
 */
static int
unpack_mapped (struct stream *s, uint64_t grain, unsigned char *buf)
{
  switch (unpack_grain (s, grain, buf)) {
  case FOUND_BAD: return -1;
  case FOUND_NOTHING: memset (buf, 0, s->grains.geometry.grain_bytes); return 0;
  default: return 0;
  }
}

/* For the cache. */
static enum cache_result
load_grain (void *opaque, uint64_t grain, void *buf, size_t size)
{
  (void) size;
  return unpack_mapped (opaque, grain, buf) == -1 ? CACHE_FAILED : CACHE_FOUND;
}

void
stream_forget_grain (struct stream *s, uint64_t grain)
{
  cache_drop (s->grains.extent->resources->grains,
              (struct cache_key){ s, grain });
}

/* ---- reading ---- */

/* Part of one grain, or all of it, is raw in memory. */
static bool
read_raw (struct stream *s, void *buf, size_t count, uint64_t grain, size_t at)
{
  struct held *h;
  enum found found = look_in_memory (s, grain, buf, count, at, &h);

  if (found == FOUND_PACKED) {
    LOCK_FOR_SCOPE (&s->lock);
    held_unuse (h);
  }
  return found == FOUND_RAW;
}

/* Read part of one grain, or all of it. */
static int
read_grain (struct stream *s, void *buf, size_t count, uint64_t grain,
            size_t at)
{
  const size_t grain_bytes = s->grains.geometry.grain_bytes;
  struct cache *cache = s->grains.extent->resources->grains;
  struct cache_key key = { s, grain };

  if (read_raw (s, buf, count, grain, at))
    return 0;
  /* Who wants all of it will not come back: no need to keep it. */
  if (count == grain_bytes)
    return cache_peek (cache, key, 0, count, buf)
             ? 0
             : unpack_mapped (s, grain, buf);
  switch (cache_read (cache, key, grain_bytes, load_grain, s, at, count, buf)) {
  case CACHE_FOUND: return 0;
  case CACHE_NO_MEMORY:
    report_error ("%s: no memory for an unpacked grain", s->grains.file->name);
    return -1;
  default: return -1;
  }
}

int
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
