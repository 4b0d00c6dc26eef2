/* SPDX-License-Identifier: BSD-3-Clause */
/* What is in the file of a stream-optimized extent besides grains: the header
 * with its record, tables, directory, footer and order marks.  See stream.h.
 */

#include <config.h>

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "byte-order.h"
#include "deflate.h"
#include "is-all-zero.h"
#include "report.h"
#include "rounding.h"
#include "stream.h"

/* ---- the header ---- */

/* In the padding of the header: as long as the file is in use, where the log
 * is; afterwards, if there are gaps in the file, how large they are.
 */
struct disk_record {
  uint8_t magic[8];
  uint64_t nonce;
  uint64_t gd;
  uint64_t log_start; /* of a closed file, where it ends */
  uint64_t gaps;
  uint32_t crc; /* of the above */
} PACKED;

static const char log_magic[8] = { 'N', 'B', 'D', 'K', 'L', 'O', 'G', '1' };
static const char gap_magic[8] = { 'N', 'B', 'D', 'K', 'G', 'A', 'P', '1' };

/* Its place; 3.2 leaves all from offset 79 on alone. */
#define RECORD_OFFSET 256

static_assert (offsetof (struct disk_hosted_header, pad) <= RECORD_OFFSET &&
                 RECORD_OFFSET + sizeof (struct disk_record) <= SECTOR_SIZE,
               "the record is in the padding");

static uint32_t
record_crc (const struct disk_record *d)
{
  return deflate_crc32 (d, offsetof (struct disk_record, crc));
}

static void
put_record (struct disk_hosted_header *header, const char magic[8],
            const struct stream_record *r)
{
  struct disk_record d = { .nonce = htole64 (r->nonce),
                           .gd = htole64 (r->gd),
                           .log_start = htole64 (r->log_start),
                           .gaps = htole64 (r->gaps) };

  memcpy (d.magic, magic, sizeof d.magic);
  d.crc = htole32 (record_crc (&d));
  memcpy ((char *) header + RECORD_OFFSET, &d, sizeof d);
}

/* The record, if there is one with this magic: 1 if it is whole, -1 if not. */
static int
get_record (const struct disk_hosted_header *header, const char magic[8],
            struct stream_record *r)
{
  struct disk_record d;

  memcpy (&d, (const char *) header + RECORD_OFFSET, sizeof d);
  if (memcmp (d.magic, magic, sizeof d.magic) != 0)
    return 0;
  *r = (struct stream_record){ .nonce = le64toh (d.nonce),
                               .gd = le64toh (d.gd),
                               .log_start = le64toh (d.log_start),
                               .gaps = le64toh (d.gaps) };
  return le32toh (d.crc) == record_crc (&d) ? 1 : -1;
}

int
stream_record_parse (struct file *f, const struct disk_hosted_header *header,
                     struct stream_record *r)
{
  const int found = get_record (header, log_magic, r);

  if (found == -1) {
    report_error ("%s: the disk was not closed, and the record in its header "
                  "that tells how to find its grains is damaged: it cannot be "
                  "read",
                  f->name);
    errno = EIO;
  }
  return found;
}

bool
stream_gaps (const struct disk_hosted_header *header, uint64_t file_size,
             uint64_t *gaps)
{
  struct stream_record r;

  /* Another program may have written to the file since. */
  if (get_record (header, gap_magic, &r) != 1 ||
      r.log_start != file_size / SECTOR_SIZE || r.gaps > file_size)
    return false;
  *gaps = r.gaps;
  return true;
}

struct disk_hosted_header
stream_make_header (const struct stream *s, const struct stream_record *record)
{
  struct disk_hosted_header h = s->sector;

  h.version = htole32 (3); /* 4.2: what ESX takes */
  h.flags = htole32 (__atomic_load_n (&s->header.flags, __ATOMIC_RELAXED) &
                     ~HOSTED_REDUNDANT);
  h.rgd_offset = 0;
  h.gd_offset = htole64 (GD_AT_END);
  h.unclean_shutdown = record != NULL;
  memset ((char *) &h + RECORD_OFFSET, 0, sizeof (struct disk_record));
  if (record)
    put_record (&h, log_magic, record);
  return h;
}

void
stream_note_gaps (struct disk_hosted_header *header, uint64_t file_size,
                  uint64_t gaps)
{
  const struct stream_record r = { .log_start = file_size / SECTOR_SIZE,
                                   .gaps = gaps };

  put_record (header, gap_magic, &r);
}

int
stream_write_header (struct stream *s, const struct disk_hosted_header *header)
{
  return file_pwrite (s->grains.file, header, sizeof *header, 0);
}

/* ---- writing one block behind the other ---- */

#define OUT_BYTES (1 << 20)

int
stream_out_start (struct stream_out *o, struct stream *s, struct file *f,
                  uint64_t at)
{
  *o = (struct stream_out){ .s = s, .file = f, .at = at, .written_back = at };
  o->buffer = malloc (OUT_BYTES);
  if (o->buffer)
    return 0;
  report_error ("%s: no memory to write with", f->name);
  return -1;
}

void
stream_out_end (struct stream_out *o)
{
  free (o->buffer);
}

uint64_t
stream_out_sector (const struct stream_out *o)
{
  return o->at + o->used / SECTOR_SIZE;
}

int
stream_out_flush (struct stream_out *o)
{
  uint64_t n;

  if (file_pwrite (o->file, o->buffer, o->used, o->at * SECTOR_SIZE) == -1)
    return -1;
  o->at += o->used / SECTOR_SIZE;
  o->used = 0;
  n = (o->at - o->written_back) * SECTOR_SIZE;
  if (n >= STREAM_WRITE_BACK) {
    file_write_back (o->file, o->written_back * SECTOR_SIZE, n);
    o->written_back = o->at;
  }
  return 0;
}

int
stream_out_add (struct stream_out *o, const void *bytes, size_t count)
{
  const char *p = bytes;
  size_t n;

  if (stream_out_sector (o) + count / SECTOR_SIZE > STREAM_MAX_SECTOR) {
    report_error ("%s: the extent is full: an entry of a grain table can name "
                  "no place beyond 2 TiB of the file",
                  o->file->name);
    errno = ENOSPC;
    return -1;
  }
  for (; count > 0; count -= n) {
    if (o->used == OUT_BYTES && stream_out_flush (o) == -1)
      return -1;
    n = min_u64 (count, OUT_BYTES - o->used);
    if (p) {
      memcpy (o->buffer + o->used, p, n);
      p += n;
    }
    else
      memset (o->buffer + o->used, 0, n);
    o->used += n;
  }
  return 0;
}

int
stream_out_add_padded (struct stream_out *o, const void *bytes, size_t count)
{
  static const unsigned char zeroes[SECTOR_SIZE];
  const size_t whole = count / SECTOR_SIZE * SECTOR_SIZE;
  unsigned char last[SECTOR_SIZE];

  if (stream_out_add (o, bytes, whole) == -1)
    return -1;
  if (whole == count)
    return 0;
  memcpy (last, zeroes, sizeof last);
  memcpy (last, (const char *) bytes + whole, count - whole);
  return stream_out_add (o, last, sizeof last);
}

int
stream_out_marker (struct stream_out *o, unsigned type, uint64_t sectors)
{
  unsigned char sector[SECTOR_SIZE] = { 0 };
  struct disk_marker *marker = (void *) sector;

  marker->value = htole64 (sectors);
  marker->type = htole32 (type);
  return stream_out_add (o, sector, sizeof sector);
}

int
stream_out_directory (struct stream_out *o, const uint32_t *places, uint64_t n,
                      uint64_t *gd)
{
  const uint64_t per_sector = SECTOR_SIZE / 4;
  uint32_t sector[SECTOR_SIZE / 4];
  uint64_t i, k;

  if (stream_out_marker (o, MARKER_DIRECTORY, div_round_up (n, per_sector)) ==
      -1)
    return -1;
  *gd = stream_out_sector (o);
  for (i = 0; i < n; i += per_sector) {
    memset (sector, 0, sizeof sector);
    for (k = 0; k < per_sector && i + k < n; ++k)
      sector[k] = htole32 (places[i + k]);
    if (stream_out_add (o, sector, sizeof sector) == -1)
      return -1;
  }
  return 0;
}

int
stream_out_footer (struct stream_out *o,
                   const struct disk_hosted_header *header, uint64_t gd)
{
  struct disk_hosted_header footer = *header;

  footer.gd_offset = htole64 (gd);
  if (stream_out_marker (o, MARKER_FOOTER, 1) == -1 ||
      stream_out_add (o, &footer, sizeof footer) == -1)
    return -1;
  return stream_out_marker (o, MARKER_END, 0);
}

/* ---- reading one block behind the other ---- */

/* What is read at once after a jump; twice as much each time when it goes on.
 */
#define FIRST_BYTES (128 << 10)

int
stream_in_start (struct stream_in *in, struct file *f)
{
  const int64_t size = file_size (f);

  *in = (struct stream_in){ .file = f, .size = size, .ahead = FIRST_BYTES };
  if (size == -1)
    return -1;
  in->buffer = malloc (STREAM_IN_BYTES);
  if (in->buffer)
    return 0;
  report_error ("%s: no memory to read with", f->name);
  return -1;
}

void
stream_in_end (struct stream_in *in)
{
  free (in->buffer);
}

const unsigned char *
stream_in_look (struct stream_in *in, uint64_t offset, size_t count)
{
  const uint64_t end = in->at + in->count;
  size_t n;

  if (offset < in->at || offset + count > end) {
    /* A bit may have been left unread at the end, but not much. */
    if (in->count > 0 && offset >= in->at && offset <= end)
      in->ahead = min_u64 (2 * in->ahead, STREAM_IN_BYTES);
    else
      in->ahead = FIRST_BYTES;
    n = min_u64 (max_u64 (count, in->ahead),
                 in->size > offset ? in->size - offset : 0);
    n = max_u64 (n, count); /* beyond the end it fails */
    in->at = offset;
    in->count = 0;
    if (file_pread (in->file, in->buffer, n, offset) == -1)
      return NULL;
    in->count = n;
  }
  return in->buffer + (offset - in->at);
}

/* ---- order marks ---- */

struct disk_order {
  uint64_t grain;
  uint32_t entry;
} PACKED;

#define ORDERS_PER_MARK 38

/* A marker of the type that everybody skips, and what is in the rest of its
 * sector, which everybody ignores.
 */
struct disk_order_mark {
  struct disk_marker marker;
  uint8_t magic[8];
  uint64_t nonce;
  uint32_t count;
  uint32_t crc; /* of the sector, with 0 in this place */
  struct disk_order orders[ORDERS_PER_MARK];
} PACKED;

static_assert (sizeof (struct disk_order_mark) <= SECTOR_SIZE, "one sector");

static const uint8_t order_magic[8] = {
  'N', 'B', 'D', 'K', 'O', 'R', 'D', '1'
};

static uint32_t
order_crc (const unsigned char sector[SECTOR_SIZE])
{
  unsigned char copy[SECTOR_SIZE];

  memcpy (copy, sector, sizeof copy);
  memset (copy + offsetof (struct disk_order_mark, crc), 0, 4);
  return deflate_crc32 (copy, sizeof copy);
}

int
stream_out_orders (struct stream_out *o, uint64_t nonce,
                   const struct stream_order *orders, size_t n)
{
  union {
    unsigned char bytes[SECTOR_SIZE];
    struct disk_order_mark mark;
  } u;
  size_t i, k;

  for (i = 0; i < n; i += k) {
    memset (&u, 0, sizeof u);
    u.mark.marker.type = htole32 (MARKER_PROGRESS);
    memcpy (u.mark.magic, order_magic, sizeof order_magic);
    u.mark.nonce = htole64 (nonce);
    for (k = 0; k < ORDERS_PER_MARK && i + k < n; ++k) {
      u.mark.orders[k].grain = htole64 (orders[i + k].grain);
      u.mark.orders[k].entry = htole32 (orders[i + k].entry);
    }
    u.mark.count = htole32 (k);
    u.mark.crc = htole32 (order_crc (u.bytes));
    if (stream_out_add (o, u.bytes, sizeof u.bytes) == -1)
      return -1;
  }
  return 0;
}

unsigned
stream_order_count (const unsigned char sector[SECTOR_SIZE], uint64_t nonce)
{
  const struct disk_order_mark *m = (const void *) sector;

  if (memcmp (m->magic, order_magic, sizeof order_magic) != 0 ||
      le64toh (m->nonce) != nonce || le32toh (m->crc) != order_crc (sector) ||
      le32toh (m->count) > ORDERS_PER_MARK)
    return 0;
  return le32toh (m->count);
}

struct stream_order
stream_order_line (const unsigned char sector[SECTOR_SIZE], unsigned i)
{
  const struct disk_order_mark *m = (const void *) sector;

  return (struct stream_order){ .grain = le64toh (m->orders[i].grain),
                                .entry = le32toh (m->orders[i].entry) };
}
