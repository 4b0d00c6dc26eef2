/* SPDX-License-Identifier: BSD-3-Clause */
/* What a power failure may leave: see crash.h. */

#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "crash.h"
#include "test.h"

#define SECTOR 512

/* A file as it is durable. */
struct durable {
  unsigned char *bytes; /* HOST_ROOM; zeroes behind SIZE */
  uint64_t size;
  uint64_t written; /* bytes from here on are zeroes, whatever the size */
  size_t since;     /* changes of the log from here on may be lost */
};

struct crash {
  const struct host *host;
  size_t point;
  struct durable files[HOST_MAX_FILES];
};

/* ---- changes, whole or in part ---- */

/* Which parts of a change are there: bits that a sector or the size takes. */
enum kept { KEPT_ALL, KEPT_NONE, KEPT_TORN };

static bool
keep (enum kept kept)
{
  return kept == KEPT_ALL || (kept == KEPT_TORN && (test_random () & 1));
}

static void
resize (struct durable *d, uint64_t size)
{
  if (size < d->written) {
    memset (d->bytes + size, 0, d->written - size);
    d->written = size;
  }
  d->size = size;
}

static void
grow (struct durable *d, uint64_t size)
{
  if (size > d->size)
    d->size = size;
}

static void
put_sectors (struct durable *d, const struct host_change *c, enum kept kept)
{
  uint64_t done = 0, n;

  for (; done < c->count; done += n) {
    n = SECTOR - (c->offset + done) % SECTOR;
    if (n > c->count - done)
      n = c->count - done;
    if (!keep (kept))
      continue;
    if (c->bytes)
      memcpy (d->bytes + c->offset + done, c->bytes + done, n);
    else
      memset (d->bytes + c->offset + done, 0, n);
    grow (d, c->offset + done + n);
    if (d->written < c->offset + done + n)
      d->written = c->offset + done + n;
  }
}

static void
apply (struct durable *d, const struct host_change *c, enum kept kept)
{
  switch (c->operation) {
  case HOST_TRUNCATE:
    if (keep (kept))
      resize (d, c->count);
    break;
  case HOST_WRITE:
  case HOST_ZERO:
    put_sectors (d, c, kept);
    if (keep (kept))
      grow (d, c->offset + c->count);
    break;
  case HOST_SYNC:
  case HOST_READ: break;
  }
}

/* ---- crash points ---- */

struct crash *
crash_begin (const struct host *h)
{
  struct crash *c = calloc (1, sizeof *c);
  unsigned i;

  MUST (c != NULL);
  c->host = h;
  for (i = 0; i < h->n_files; ++i) {
    struct durable *d = &c->files[i];

    d->bytes = calloc (1, HOST_ROOM);
    MUST (d->bytes != NULL);
    memcpy (d->bytes, h->files[i].old_bytes, h->files[i].old_size);
    d->size = d->written = h->files[i].old_size;
  }
  return c;
}

void
crash_end (struct crash *c)
{
  unsigned i;

  for (i = 0; i < c->host->n_files; ++i)
    free (c->files[i].bytes);
  free (c);
}

/* The file has been synced at the current point. */
static void
settle (struct crash *c, unsigned file)
{
  struct durable *d = &c->files[file];

  for (; d->since < c->point; ++d->since)
    if (c->host->log[d->since].file == file)
      apply (d, &c->host->log[d->since], KEPT_ALL);
}

bool
crash_next (struct crash *c)
{
  const struct host_change *change;

  if (c->point == c->host->n_log)
    return false;
  change = &c->host->log[c->point++];
  if (change->operation == HOST_SYNC)
    settle (c, change->file);
  return true;
}

size_t
crash_point (const struct crash *c)
{
  return c->point;
}

static bool
is_pending (const struct crash *c, size_t i)
{
  const struct host_change *change = &c->host->log[i];

  return change->operation != HOST_SYNC && i >= c->files[change->file].since;
}

static size_t
count_pending (const struct crash *c)
{
  size_t i, n = 0;

  for (i = 0; i < c->point; ++i)
    n += is_pending (c, i);
  return n;
}

bool
crash_may_lose (const struct crash *c)
{
  return count_pending (c) > 0;
}

/* ---- what is lost ---- */

/* Mistakes in the order of writes show best when one write alone is lost, or
 * all but one.
 */
enum style { STYLE_MIXED, STYLE_ONE_LOST, STYLE_ONE_KEPT, N_STYLES };

static enum kept
draw_kept (enum style style, bool is_the_one)
{
  switch (style) {
  case STYLE_ONE_LOST:
    return is_the_one ? (test_random () & 1 ? KEPT_NONE : KEPT_TORN) : KEPT_ALL;
  case STYLE_ONE_KEPT: return is_the_one ? KEPT_ALL : KEPT_NONE;
  default: return test_random () % 3;
  }
}

static void
apply_pending (const struct crash *c, enum crash_loss loss,
               struct durable *files)
{
  const size_t n = count_pending (c);
  const enum style style = test_random () % N_STYLES;
  const size_t one = n > 0 ? test_random () % n : 0;
  size_t i, k = 0;

  for (i = 0; i < c->point; ++i) {
    const struct host_change *change = &c->host->log[i];
    enum kept kept = KEPT_ALL;

    if (!is_pending (c, i))
      continue;
    if (loss == CRASH_LOSE_SOME)
      kept = draw_kept (style, k == one);
    apply (&files[change->file], change, kept);
    ++k;
  }
}

void
crash_image (const struct crash *c, enum crash_loss loss, struct host *into)
{
  struct durable files[HOST_MAX_FILES];
  unsigned i;

  for (i = 0; i < c->host->n_files; ++i) {
    const struct durable *d = &c->files[i];

    files[i] = *d;
    files[i].bytes =
      into->files[host_put (into, c->host->files[i].name, d->bytes, d->written)]
        .bytes;
  }
  if (loss != CRASH_LOSE_ALL)
    apply_pending (c, loss, files);
  for (i = 0; i < into->n_files; ++i) {
    into->files[i].size = files[i].size;
    into->files[i].written = files[i].written;
  }
}
