/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzz target: writing.  An image that the core takes for writing is changed by
 * a script of requests and reopened now and then; a model knows what must be
 * there.
 *
 * The script is file 7 of the input (input.h): how to open, which part of the
 * disk to use, then requests of six bytes each.  What is checked, whatever the
 * image says:
 *
 *   - each read gives what was written last, or what was there at first;
 *   - bytes of the disk that no request names do not change;
 *   - no file is changed but those of the top link (host.c sees to that), and
 *     those of the parents keep their bytes;
 *   - status never calls zero what is not;
 *   - a failure is reported once, a success not at all;
 *   - nothing fails without an excuse: see check.h;
 *   - tables that were in order (walk.h) still are when the disk is closed.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "input.h"
#include "rounding.h"
#include "test.h"
#include "walk.h"

#define WINDOW       (128 << 10) /* the most that requests are about, bytes */
#define MAX_REQUESTS 64
#define PROBES       16 /* places outside of the window that are compared */
#define S            512

/* What is known of a byte. */
enum { KNOWN, UNKNOWN };

struct session {
  struct input input;
  struct host *host;
  struct dir *dir;
  struct disk_options options;
  struct disk *disk;

  size_t next; /* byte of the script */

  uint64_t size; /* of the disk */
  uint64_t base; /* the window */
  uint32_t length;
  unsigned char bytes[WINDOW]; /* the model of it */
  unsigned char known[WINDOW];

  bool damaged; /* what the tables say at first is not in order */
  struct excuses excuses;
  bool probed[PROBES];
  unsigned char probes[PROBES][S];
  unsigned serial;
};

static unsigned char buffer[WINDOW];

static unsigned
next (struct session *s)
{
  return input_script (&s->input, s->next++);
}

/* ---- the model ---- */

static void
learn (struct session *s, uint32_t at, uint32_t n)
{
  const int r = disk_pread (s->disk, s->bytes + at, n, s->base + at);

  check_result (r == -1);
  memset (s->known + at, r == 0 ? KNOWN : UNKNOWN, n);
  if (r == -1 || check_below (s->disk, s->base + at, n))
    s->excuses.image = true;
}

/* The window as it is at first, in pieces, since a part may be damaged. */
static void
learn_all (struct session *s)
{
  uint32_t at, n;

  for (at = 0; at < s->length; at += n) {
    n = min_u64 (4096, s->length - at);
    learn (s, at, n);
  }
}

/* Nothing is unknown in the range. */
static bool
all_known (const struct session *s, uint32_t at, uint32_t n)
{
  return memchr (s->known + at, UNKNOWN, n) == NULL;
}

static void
compare_byte (const struct session *s, uint32_t i, unsigned char byte)
{
  if (s->known[i] == UNKNOWN || byte == s->bytes[i])
    return;
  fprintf (stderr, "byte %" PRIu64 " is %02x instead of %02x\n", s->base + i,
           byte, s->bytes[i]);
  abort ();
}

static void
compare (struct session *s, uint32_t at, uint32_t n)
{
  const int r = disk_pread (s->disk, buffer, n, s->base + at);
  uint32_t i;

  check_result (r == -1);
  if (r == -1) /* it may be what is unknown that cannot be read */
    HOLDS (!all_known (s, at, n));
  else if (memcmp (buffer, s->bytes + at, n) != 0)
    for (i = 0; i < n; ++i)
      compare_byte (s, at + i, buffer[i]);
}

/* A change of N bytes has returned R; FROM has what they became, or NULL. */
static void
note (struct session *s, uint32_t at, uint32_t n, const unsigned char *from,
      int r)
{
  if (r == -1) {
    memset (s->known + at, UNKNOWN, n);
    return;
  }
  memset (s->known + at, KNOWN, n);
  if (from)
    memcpy (s->bytes + at, from, n);
  else
    memset (s->bytes + at, 0, n);
}

/* ---- outside of the window ---- */

/* Any place of the disk; those in the window are left out. */
static bool
probe_at (const struct session *s, unsigned i, uint64_t *offset)
{
  *offset = s->size / PROBES * i / S * S;
  if (i == PROBES - 1 && s->size >= S)
    *offset = s->size - S;
  return *offset + S <= s->size &&
         (*offset + S <= s->base || *offset >= s->base + s->length);
}

static void
probe (struct session *s, bool first)
{
  uint64_t offset;
  unsigned i;
  int r;

  for (i = 0; i < PROBES; ++i) {
    if (!probe_at (s, i, &offset) || (!first && !s->probed[i]))
      continue;
    r = disk_pread (s->disk, buffer, S, offset);
    check_result (r == -1);
    if (first) {
      s->probed[i] = r == 0;
      memcpy (s->probes[i], buffer, S);
    }
    else if (r == -1 || memcmp (s->probes[i], buffer, S) != 0) {
      fprintf (stderr,
               "sector at %" PRIu64 ", which nobody wrote to, has "
               "changed (read: %d)\n",
               offset, r);
      abort ();
    }
  }
}

/* ---- requests ---- */

static void
fill (struct session *s, uint32_t n, unsigned how)
{
  uint32_t i;

  s->serial++;
  if (how % 8 == 0)
    memset (buffer, 0, n);
  else
    for (i = 0; i < n; ++i)
      buffer[i] = 1 + (s->serial * 89 + i * (how % 4 ? 13 : 0) + i / S) % 255;
}

struct status {
  struct session *session;
  uint64_t next, end;
};

static int
status_part (void *opaque, uint64_t offset, uint64_t length, bool zero)
{
  struct status *st = opaque;
  const struct session *s = st->session;
  uint64_t i;

  if (offset != st->next || length == 0 || offset + length > st->end)
    abort ();
  st->next += length;
  for (i = offset - s->base; zero && i < offset - s->base + length; ++i)
    if (s->known[i] == KNOWN && s->bytes[i] != 0) {
      fprintf (stderr, "byte %" PRIu64 " is said to be zero\n", s->base + i);
      abort ();
    }
  return 0;
}

static void
ask_status (struct session *s, uint32_t at, uint32_t n)
{
  struct status st = { s, s->base + at, s->base + at + n };
  const int r = disk_status (s->disk, n, s->base + at, false, status_part, &st);

  check_call (&s->excuses, r == -1);
}

static void
zero (struct session *s, uint32_t at, uint32_t n, unsigned flags)
{
  const int r = disk_zero (s->disk, n, s->base + at, flags);

  if (r == -1 && (flags & DISK_QUICK) && errno == EOPNOTSUPP) {
    check_result (false);
    return;
  }
  check_change (&s->excuses, s->disk, s->base + at, n, r == -1);
  note (s, at, n, NULL, r);
}

static void
write_something (struct session *s, uint32_t at, uint32_t n, unsigned how)
{
  int r;

  fill (s, n, how);
  r = disk_pwrite (s->disk, buffer, n, s->base + at, how & 16 ? DISK_SYNC : 0);
  check_change (&s->excuses, s->disk, s->base + at, n, r == -1);
  note (s, at, n, buffer, r);
}

static void
one_request (struct session *s, uint32_t at, uint32_t n, unsigned action,
             unsigned how)
{
  excuses_begin (&s->excuses);
  switch (action % 8) {
  case 0:
  case 1:
  case 2: write_something (s, at, n, how); break;
  case 3:
  case 4: zero (s, at, n, how & (DISK_SYNC | DISK_FREE | DISK_QUICK)); break;
  case 5: check_call (&s->excuses, disk_flush (s->disk) == -1); break;
  case 6: compare (s, at, n); break;
  default: ask_status (s, at, n);
  }
}

/* ---- opening and closing ---- */

static bool
open_disk (struct session *s, bool writable)
{
  int r;

  s->options.writable = writable;
  s->disk = input_open (s->dir, &s->options);
  if (s->disk == NULL)
    return false;
  s->size = s->disk->size;
  r = writable ? disk_start_writing (s->disk) : 1;
  check_result (r == -1);
  return r == 1;
}

static void
close_disk (struct session *s)
{
  int r;

  excuses_begin (&s->excuses);
  r = disk_close (s->disk);
  s->disk = NULL;
  /* A stream that cannot be moved is closed all the same, and why is told. */
  if (r == 0 && strstr (warnings (), "stream-close=fast"))
    reports_forget ();
  check_call (&s->excuses, r == -1);
  if (r == -1) { /* what was not flushed may be missing */
    memset (s->known, UNKNOWN, sizeof s->known);
    memset (s->probed, 0, sizeof s->probed);
    s->damaged = s->excuses.image = true;
  }
}

/* What was taken for writing is so again. */
static void
reopen (struct session *s)
{
  const uint64_t size = s->size;

  close_disk (s);
  HOLDS (open_disk (s, true));
  HOLDS (s->size == size);
}

/* Six bytes: what, how, where in units of a sector or a byte, how much. */
static void
request (struct session *s)
{
  const unsigned action = next (s), how = next (s);
  const unsigned from = next (s) | next (s) << 8;
  const unsigned count = next (s) | next (s) << 8;
  const bool sectors = !(action & 128);
  uint32_t at = (uint64_t) from * (sectors ? S : 1) % s->length;
  uint32_t n = 1 + (uint64_t) count * (sectors && count < 256 ? S : 1);

  if (sectors)
    n = n > 1 ? n - 1 : S;
  if (n > s->length - at)
    n = s->length - at;
  if ((action & 15) == 15)
    reopen (s);
  else
    one_request (s, at, n, action, how);
}

/* ---- the files ---- */

static bool
has_tables (const struct host_file *f)
{
  return f->size >= 4 && (memcmp (f->bytes, "KDMV", 4) == 0 ||
                          memcmp (f->bytes, "COWD", 4) == 0);
}

/* Of the files that are being written to. */
static const char *
walk_all (const struct host *h)
{
  const char *bad = NULL;
  unsigned i;

  for (i = 0; i < h->n_files && !bad; ++i)
    if (h->files[i].name && h->files[i].locked_for_writing &&
        has_tables (&h->files[i]))
      bad = walk_extent (h->files[i].bytes, h->files[i].size, true);
  return bad;
}

static const struct piece *
piece_of (const struct session *s, const char *name)
{
  unsigned i;

  for (i = 0; strcmp (input_names[i], name) != 0; ++i)
    continue;
  return &s->input.files[i];
}

/* Those that were only read are as they were. */
static void
check_others (const struct session *s)
{
  unsigned i;

  for (i = 0; i < s->host->n_files; ++i) {
    const struct host_file *f = &s->host->files[i];
    const struct piece *p;

    if (f->name == NULL || f->opened_for_writing > 0)
      continue;
    p = piece_of (s, f->name);
    HOLDS (f->size == p->size);
    HOLDS (p->size == 0 || memcmp (f->bytes, p->bytes, p->size) == 0);
  }
}

static void
check_files (const struct session *s)
{
  const char *bad = s->damaged ? NULL : walk_all (s->host);

  if (bad)
    check_failed (__FILE__, __LINE__, bad);
  check_others (s);
}

/* ---- one input ---- */

static void
choose (struct session *s)
{
  const unsigned how = next (s);

  s->options = (struct disk_options){
    .places = { &s->dir, 1 },
    .no_zeroed_grains = how & 1,
    .drop_cbt = how & 2,
    .compression_level = how & 4 ? 1 : 3,
    .stream_close = how & 8 ? STREAM_CLOSE_FAST : STREAM_CLOSE_AUTO,
    .cache_size = how & 16 ? 4 << 20 : DISK_MIN_CACHE_SIZE,
  };
}

/* In one of 256 places of the disk. */
static void
place_window (struct session *s)
{
  const unsigned where = next (s);

  s->length = min_u64 (WINDOW, s->size);
  s->base = 0;
  if (s->size > WINDOW)
    s->base = where == 255 ? s->size - WINDOW
                           : (s->size - WINDOW) / 255 * where / S * S;
}

static void
change_and_check (struct session *s)
{
  unsigned i;

  place_window (s);
  s->damaged = walk_all (s->host) != NULL;
  s->excuses.image = s->damaged || s->size > s->length;
  learn_all (s);
  probe (s, true);
  for (i = 0; i < MAX_REQUESTS && s->next < s->input.files[INPUT_SCRIPT].size;
       ++i)
    request (s);
  compare (s, 0, s->length);
  probe (s, false);
  close_disk (s);
  check_files (s);
  HOLDS (open_disk (s, false));
  compare (s, 0, s->length);
  probe (s, false);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static struct session session;
  struct session *s = &session;

  memset (s, 0, sizeof *s);
  reports_forget ();
  input_split (&s->input, data, size);
  s->host = input_host (&s->input);
  s->excuses.host = s->host;
  s->dir = host_dir (s->host);
  choose (s);
  if (open_disk (s, true))
    change_and_check (s);
  if (s->disk)
    close_disk (s);
  dir_close (s->dir);
  host_free (s->host);
  input_free (&s->input);
  return 0;
}
