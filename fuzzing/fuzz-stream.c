/* SPDX-License-Identifier: BSD-3-Clause */
/* A stream-optimized disk, perhaps one that was left by a crash: it is read,
 * opened for writing, changed and closed, and reads as before, or as it was
 * changed.
 *
 * Two things that hold a checksum are found by their magic and get a right one,
 * since no fuzzer guesses it: the record in the header and order marks.  The
 * first byte of the script has the options.
 */

#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "deflate.h"
#include "input.h"
#include "rounding.h"
#include "test.h"

enum {
  KEEP_CHECKSUMS = 1,
  CHANGE = 2,     /* write what is there already */
  FLUSH = 4,      /* and flush */
  FAST = 8,       /* close without putting in order */
  CANONICAL = 16, /* or always put in order */
  OTHER = 32      /* write something else to a few places */
};

/* ---- checksums ---- */

/* The places are those of stream-log.c. */
#define RECORD_AT          256 /* in the header */
#define RECORD_CRC         40  /* behind what it is of */
#define ORDER_MAGIC        16
#define ORDER_CRC          36 /* of the sector, with 0 in this place */
#define MAGIC_IS(p, magic) (memcmp (p, magic, strlen (magic)) == 0)

static void
put_crc (unsigned char *bytes, size_t size, unsigned char *crc_at)
{
  uint32_t crc;

  memset (crc_at, 0, 4);
  crc = deflate_crc32 (bytes, size);
  crc_at[0] = crc;
  crc_at[1] = crc >> 8;
  crc_at[2] = crc >> 16;
  crc_at[3] = crc >> 24;
}

static void
mend_checksums (struct piece *p)
{
  unsigned char *sector;
  size_t at;

  for (at = 0; at + SECTOR_SIZE <= p->size; at += SECTOR_SIZE) {
    sector = p->bytes + at;
    if (at == 0 && (MAGIC_IS (sector + RECORD_AT, "NBDKLOG1") ||
                    MAGIC_IS (sector + RECORD_AT, "NBDKGAP1")))
      put_crc (sector + RECORD_AT, RECORD_CRC, sector + RECORD_AT + RECORD_CRC);
    if (MAGIC_IS (sector + ORDER_MAGIC, "NBDKORD1"))
      put_crc (sector, SECTOR_SIZE, sector + ORDER_CRC);
  }
}

/* ---- content ---- */

#define CHUNK  4096
#define CHUNKS 256 /* that are looked at: the first ones and the last */

struct content {
  uint64_t size; /* of the disk */
  unsigned n;
  bool readable[CHUNKS];
  bool changed[CHUNKS]; /* to what it is here */
  bool unknown[CHUNKS]; /* a change of it has failed */
  unsigned char bytes[CHUNKS][CHUNK];
};

/* Where chunk I is, if there is one. */
static uint32_t
chunk (const struct disk *d, unsigned i, uint64_t *offset)
{
  *offset = i * (uint64_t) CHUNK;
  if (i == CHUNKS - 1 && d->size > CHUNKS * CHUNK)
    *offset = d->size - CHUNK;
  return *offset < d->size ? min_u64 (CHUNK, d->size - *offset) : 0;
}

static struct content *
take_content (struct disk *d)
{
  struct content *c = calloc (1, sizeof *c);
  uint32_t count;
  uint64_t offset;

  HOLDS (c != NULL);
  c->size = d->size;
  for (; c->n < CHUNKS; c->n++) {
    count = chunk (d, c->n, &offset);
    if (count == 0)
      break;
    c->readable[c->n] = disk_pread (d, c->bytes[c->n], count, offset) == 0;
    check_result (!c->readable[c->n]);
    if (!c->readable[c->n])
      memset (c->bytes[c->n], 0, CHUNK);
  }
  return c;
}

/* What could be read still can, and is the same; what could not still cannot.
 */
static void
check_same (struct disk *d, const struct content *before)
{
  struct content *now = take_content (d);
  unsigned i;

  HOLDS (now->size == before->size && now->n == before->n);
  for (i = 0; i < now->n; ++i) {
    if (before->unknown[i])
      continue;
    HOLDS (now->readable[i] == before->readable[i]);
    HOLDS (memcmp (now->bytes[i], before->bytes[i], CHUNK) == 0);
  }
  free (now);
}

/* ---- requests ---- */

/* Write to each chunk that can be read what it holds. */
static void
write_same (struct disk *d, const struct content *c, struct excuses *x)
{
  uint64_t offset;
  uint32_t count;
  unsigned i;
  int r;

  for (i = 0; i < c->n; ++i)
    if (c->readable[i]) {
      count = chunk (d, i, &offset);
      excuses_begin (x);
      r = disk_pwrite (d, c->bytes[i], count, offset, 0);
      check_change (x, d, offset, count, r == -1);
    }
}

static void
invert (unsigned char *bytes, uint32_t count)
{
  uint32_t i;

  for (i = 0; i < count; ++i)
    bytes[i] ^= 0xff;
}

/* Every so many chunks, as byte 1 of the script says, lose a few bytes in the
 * middle to others, as many as byte 2 says.
 */
static void
write_other (struct disk *d, struct content *c, struct excuses *x,
             const struct input *in)
{
  const unsigned step = 1 + input_script (in, 1) % 8;
  unsigned char *bytes;
  uint64_t offset;
  uint32_t first, count;
  unsigned i;
  int r;

  for (i = 0; i < c->n; i += step)
    if (c->readable[i]) {
      first = chunk (d, i, &offset) / 3;
      bytes = c->bytes[i] + first;
      count = 1 + input_script (in, 2) % 100;
      invert (bytes, count);
      excuses_begin (x);
      r = disk_pwrite (d, bytes, count, offset + first, 0);
      check_change (x, d, offset + first, count, r == -1);
      c->changed[i] = true;
      c->unknown[i] = r == -1;
    }
}

/* It may be closed in another way than was asked for, which takes one message
 * and a warning that refers to it.
 */
static void
close_written (struct disk *d, struct content *c, struct excuses *x)
{
  int r;

  excuses_begin (x);
  r = disk_close (d);
  if (r == 0 && n_errors () == 1) {
    HOLDS (strstr (warnings (), "see the message before this one"));
    reports_forget ();
  }
  check_call (x, r == -1);
  if (r == -1) /* what was not flushed may be missing */
    memcpy (c->unknown, c->changed, sizeof c->unknown);
}

static bool
has_excuse (struct disk *d, const struct content *c)
{
  bool bad = c->size > CHUNKS * CHUNK; /* not all of it is known */
  uint64_t offset;
  uint32_t count;
  unsigned i;

  for (i = 0; i < c->n && !bad; ++i) {
    count = chunk (d, i, &offset);
    bad = !c->readable[i] || check_below (d, offset, count);
  }
  return bad;
}

static void
use (struct disk *d, struct content *c, const struct host *host,
     const struct input *in)
{
  struct excuses x = { .host = host, .image = has_excuse (d, c) };
  const unsigned how = input_script (in, 0);
  int r = disk_start_writing (d);

  check_result (r == -1);
  if (r == 1 && how & CHANGE)
    write_same (d, c, &x);
  if (r == 1 && how & OTHER)
    write_other (d, c, &x, in);
  if (r == 1 && how & (CHANGE | OTHER))
    check_same (d, c);
  if (r == 1 && how & FLUSH) {
    excuses_begin (&x);
    r = disk_flush (d);
    check_call (&x, r == -1);
  }
  if (r != -1)
    check_same (d, c);
  close_written (d, c, &x);
}

static enum stream_close
closing (unsigned how)
{
  return how & FAST        ? STREAM_CLOSE_FAST
         : how & CANONICAL ? STREAM_CLOSE_CANONICAL
                           : STREAM_CLOSE_AUTO;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct dir *dirs[1];
  struct disk_options o = { .places = { dirs, 1 },
                            .cache_size = DISK_MIN_CACHE_SIZE,
                            .compression_level = 1 };
  struct content *before = NULL;
  struct host *host;
  struct input in;
  struct disk *d;
  unsigned how;

  reports_forget ();
  input_split (&in, data, size);
  how = input_script (&in, 0);
  if (!(how & KEEP_CHECKSUMS))
    mend_checksums (&in.files[0]);
  host = input_host (&in);
  dirs[0] = host_dir (host);
  d = input_open (dirs[0], &o);
  if (d) {
    check_reading (d);
    before = take_content (d);
    HOLDS (disk_close (d) == 0);
    o.writable = true;
    o.stream_close = closing (how);
    d = input_open (dirs[0], &o);
    HOLDS (d != NULL);
    use (d, before, host, &in);
    o.writable = false;
    d = input_open (dirs[0], &o);
    HOLDS (d != NULL);
    check_same (d, before);
    HOLDS (disk_close (d) == 0);
  }
  free (before);
  dir_close (dirs[0]);
  host_free (host);
  input_free (&in);
  return 0;
}
