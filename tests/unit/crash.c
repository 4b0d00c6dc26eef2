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
  struct durable files[HOST_MAX_FILES]; /* by their numbers in the log */
  unsigned names[HOST_MAX_FILES];       /* the file that durably has each */
  size_t names_since;                   /* renames from here on may be lost */
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
  case HOST_CREATE:
  case HOST_RENAME:
  case HOST_SYNC_NAMES:
  case HOST_READ:
  case HOST_CHECK: break;
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
    c->files[i].bytes = calloc (1, HOST_ROOM);
    MUST (c->files[i].bytes != NULL);
  }
  for (i = 0; i < h->n_files; ++i)
    if (h->files[i].old_bytes) {
      struct durable *d = &c->files[h->files[i].old_file];

      memcpy (d->bytes, h->files[i].old_bytes, h->files[i].old_size);
      d->size = d->written = h->files[i].old_size;
      c->names[i] = h->files[i].old_file;
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

/* So have the names. */
static void
settle_names (struct crash *c)
{
  for (; c->names_since < c->point; ++c->names_since) {
    const struct host_change *change = &c->host->log[c->names_since];

    if (change->operation == HOST_RENAME)
      c->names[change->name] = change->file;
  }
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
  if (change->operation == HOST_SYNC_NAMES)
    settle_names (c);
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

  switch (change->operation) {
  case HOST_WRITE:
  case HOST_ZERO:
  case HOST_TRUNCATE: return i >= c->files[change->file].since;
  case HOST_RENAME: return i >= c->names_since;
  default: return false;
  }
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

/* Draw what is kept of each change that may be lost, in turn; to be freed. */
static enum kept *
draw_all (const struct crash *c, enum crash_loss loss)
{
  const size_t n = count_pending (c);
  const enum style style = test_random () % N_STYLES;
  const size_t one = n > 0 ? test_random () % n : 0;
  enum kept *kept = calloc (n + 1, sizeof *kept);
  size_t k;

  MUST (kept != NULL);
  for (k = 0; k < n; ++k)
    kept[k] = loss == CRASH_LOSE_NOTHING ? KEPT_ALL
              : loss == CRASH_LOSE_ALL   ? KEPT_NONE
                                         : draw_kept (style, k == one);
  return kept;
}

/* Half a rename there is not. */
static void
rename_pending (const struct crash *c, const enum kept *kept, unsigned *names)
{
  size_t i, k = 0;

  for (i = 0; i < c->point; ++i) {
    const struct host_change *change = &c->host->log[i];

    if (!is_pending (c, i))
      continue;
    if (change->operation == HOST_RENAME && keep (kept[k]))
      names[change->name] = change->file;
    ++k;
  }
}

/* To the files that have BYTES. */
static void
apply_pending (const struct crash *c, const enum kept *kept,
               struct durable *files)
{
  size_t i, k = 0;

  for (i = 0; i < c->point; ++i) {
    const struct host_change *change = &c->host->log[i];

    if (!is_pending (c, i))
      continue;
    if (files[change->file].bytes)
      apply (&files[change->file], change, kept[k]);
    ++k;
  }
}

/* Files without a name are gone; whether a temporary one is left makes no
 * difference to those who know only the other names.
 */
void
crash_image (const struct crash *c, enum crash_loss loss, struct host *into)
{
  struct durable files[HOST_MAX_FILES] = { { .bytes = NULL } };
  unsigned names[HOST_MAX_FILES], i;
  enum kept *kept = draw_all (c, loss);

  memcpy (names, c->names, sizeof names);
  rename_pending (c, kept, names);
  for (i = 0; i < c->host->n_files; ++i)
    if (c->host->files[i].old_bytes) {
      const struct durable *d = &c->files[names[i]];
      unsigned place =
        host_put (into, c->host->files[i].name, d->bytes, d->written);

      MUST (place == i);
      files[names[i]] = *d;
      files[names[i]].bytes = into->files[place].bytes;
    }
  apply_pending (c, kept, files);
  for (i = 0; i < c->host->n_files; ++i)
    if (c->host->files[i].old_bytes) {
      into->files[i].size = files[names[i]].size;
      into->files[i].written = files[names[i]].written;
    }
  free (kept);
}
