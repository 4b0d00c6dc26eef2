/* SPDX-License-Identifier: BSD-3-Clause */
/* A checker of sparse extents: see walk.h.
 *
 * Each sector of the file has one owner: the header, the descriptor, a
 * directory, a table or a grain.  A second owner is damage, and so is an owner
 * behind the end of the file.
 */

#include <config.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "walk-internal.h"
#include "walk.h"

#define found walk_found

#define SECTOR 512

/* Owners of sectors; tables and grains have numbers from here on. */
enum {
  NOBODY,
  HEADER,
  DESCRIPTOR,
  DIRECTORY,
  REDUNDANT_DIRECTORY,
  FIRST_TABLE = 1 << 8,
  FIRST_REDUNDANT_TABLE = 1 << 12,
  FIRST_GRAIN = 1 << 16
};

struct walk {
  const unsigned char *bytes;
  uint64_t sectors; /* of the file, a begun one included */
  uint64_t size;    /* of the file in bytes */
  bool closed;

  uint64_t capacity, grain_size, gtes_per_gt, n_grains, n_tables;
  uint64_t gd, rgd;     /* sectors; RGD 0: none */
  bool has_zero_grains; /* entries may be 1 */
  uint64_t end;         /* of all that is owned */

  uint32_t *owner; /* of each sector */
};

static char damage[200];
static uint64_t grains;

const char *
walk_found (const char *fmt, ...)
{
  va_list args;

  va_start (args, fmt);
  vsnprintf (damage, sizeof damage, fmt, args);
  va_end (args);
  return damage;
}

void
walk_count_grain (void)
{
  ++grains;
}

static uint64_t
get (const struct walk *w, uint64_t at, unsigned bytes)
{
  uint64_t v = 0;

  while (bytes-- > 0)
    v = v << 8 | w->bytes[at + bytes];
  return v;
}

static uint32_t
entry (const struct walk *w, uint64_t table, uint64_t i)
{
  return table ? get (w, table * SECTOR + 4 * i, 4) : 0;
}

/* Let OWNER have N sectors from SECTOR on; it may have them already. */
static const char *
own (struct walk *w, uint64_t sector, uint64_t n, uint32_t owner)
{
  uint64_t s;

  if (sector + n > w->sectors)
    return found ("owner %" PRIx32 ": sectors %" PRIu64 "+%" PRIu64
                  " are behind the end, %" PRIu64,
                  owner, sector, n, w->sectors);
  for (s = sector; s < sector + n; ++s) {
    if (w->owner[s] != NOBODY && w->owner[s] != owner)
      return found ("sector %" PRIu64 " belongs to %" PRIx32 " and %" PRIx32, s,
                    w->owner[s], owner);
    w->owner[s] = owner;
  }
  if (sector + n > w->end)
    w->end = sector + n;
  return NULL;
}

static uint64_t
table_sectors (const struct walk *w)
{
  return (w->gtes_per_gt * 4 + SECTOR - 1) / SECTOR;
}

/* ---- directories and tables ---- */

static const char *
own_directory (struct walk *w, uint64_t gd, uint32_t owner, uint32_t first)
{
  const char *bad = own (w, gd, (w->n_tables * 4 + SECTOR - 1) / SECTOR, owner);
  uint64_t t;

  for (t = 0; !bad && t < w->n_tables; ++t) {
    const uint32_t table = entry (w, gd, t);

    if (table != 0)
      bad = own (w, table, table_sectors (w), first + t);
  }
  return bad;
}

/* One copy of the entry of grain G. */
static const char *
own_grain (struct walk *w, uint64_t g, uint32_t value)
{
  uint64_t n = w->capacity - g * w->grain_size;

  if (value == 1 && !w->has_zero_grains)
    return found ("grain %" PRIu64 " is zeroed, but the header does not say "
                  "that there may be such",
                  g);
  if (value <= 1)
    return NULL;
  return own (w, value, n < w->grain_size ? n : w->grain_size, FIRST_GRAIN + g);
}

static const char *
check_grain (struct walk *w, uint64_t g)
{
  const uint64_t t = g / w->gtes_per_gt, i = g % w->gtes_per_gt;
  const uint32_t value = entry (w, entry (w, w->gd, t), i);
  const uint32_t copy = w->rgd ? entry (w, entry (w, w->rgd, t), i) : value;
  const char *bad = own_grain (w, g, value);

  if (value > 1)
    walk_count_grain ();
  if (!bad && copy != value)
    bad = own_grain (w, g, copy);
  if (bad)
    return bad;
  if (value > 1 && copy > 1 && value != copy)
    return found ("grain %" PRIu64 " is at %" PRIu32 " and, by the copy, at "
                  "%" PRIu32,
                  g, value, copy);
  if (value != copy && w->closed)
    return found ("grain %" PRIu64 ": the entry is %" PRIu32
                  ", the copy %" PRIu32,
                  g, value, copy);
  return NULL;
}

static const char *
check_tables (struct walk *w)
{
  const char *bad = own_directory (w, w->gd, DIRECTORY, FIRST_TABLE);
  uint64_t g;

  if (!bad && w->rgd)
    bad = own_directory (w, w->rgd, REDUNDANT_DIRECTORY, FIRST_REDUNDANT_TABLE);
  for (g = 0; !bad && g < w->n_grains; ++g)
    bad = check_grain (w, g);
  return bad;
}

/* ---- headers ---- */

static void
set_geometry (struct walk *w, uint64_t capacity, uint64_t grain_size,
              uint64_t gtes_per_gt)
{
  w->capacity = capacity;
  w->grain_size = grain_size;
  w->gtes_per_gt = gtes_per_gt;
  w->n_grains = (capacity + grain_size - 1) / grain_size;
  w->n_tables = (w->n_grains + gtes_per_gt - 1) / gtes_per_gt;
}

static const char *
check_hosted (struct walk *w)
{
  const uint64_t version = get (w, 4, 4), flags = get (w, 8, 4);
  const uint64_t descriptor = get (w, 28, 8);
  const char *bad = NULL;

  if ((version != 1 && version != 2) || (flags & ~UINT64_C (7)))
    return found ("version %" PRIu64 ", flags %" PRIx64, version, flags);
  if ((flags & 4) && version < 2)
    return found ("zeroed grains in version %" PRIu64, version);
  if (get (w, 73, 4) != 0x0a0d200a)
    return found ("the newline bytes are damaged");
  if (w->closed && w->bytes[72] != 0)
    return found ("it is not marked as closed");
  w->has_zero_grains = flags & 4;
  set_geometry (w, get (w, 12, 8), get (w, 20, 8), get (w, 44, 4));
  w->gd = get (w, 56, 8);
  w->rgd = flags & 2 ? get (w, 48, 8) : 0;
  bad = own (w, 0, 1, HEADER);
  if (!bad && descriptor)
    bad = own (w, descriptor, get (w, 36, 8), DESCRIPTOR);
  return bad ? bad : check_tables (w);
}

static const char *
check_cowd (struct walk *w)
{
  const uint64_t free_sector = get (w, 28, 4);
  const char *bad;

  if (get (w, 4, 4) != 1 || get (w, 8, 4) != 3)
    return found ("version %" PRIu64 ", flags %" PRIx64, get (w, 4, 4),
                  get (w, 8, 4));
  set_geometry (w, get (w, 12, 4), get (w, 16, 4), 4096);
  w->gd = get (w, 20, 4);
  if (get (w, 24, 4) != w->n_tables)
    return found ("%" PRIu64 " directory entries", get (w, 24, 4));
  bad = own (w, 0, 4, HEADER);
  if (!bad)
    bad = check_tables (w);
  if (bad)
    return bad;
  if (free_sector < w->end)
    return found ("free sectors from %" PRIu64 " on, but %" PRIu64 " is used",
                  free_sector, w->end - 1);
  if (w->closed && free_sector > w->sectors)
    return found ("free sectors from %" PRIu64 " on, but there are %" PRIu64,
                  free_sector, w->sectors);
  if (w->closed && get (w, 1648, 4) != 0)
    return found ("it is not marked as closed");
  return NULL;
}

const char *
walk_extent (const unsigned char *bytes, uint64_t size, bool closed)
{
  struct walk w = { .bytes = bytes,
                    .size = size,
                    .sectors = (size + SECTOR - 1) / SECTOR,
                    .closed = closed };
  const char *bad;

  grains = 0;
  if (size < 4 * SECTOR)
    return found ("%" PRIu64 " bytes are too few", size);
  w.owner = calloc (w.sectors, sizeof *w.owner);
  MUST (w.owner != NULL);
  if (memcmp (bytes, "KDMV", 4) == 0)
    bad = bytes[10] & 1 ? walk_stream (bytes, size, closed) /* flag bit 16 */
                        : check_hosted (&w);
  else if (memcmp (bytes, "COWD", 4) == 0)
    bad = check_cowd (&w);
  else
    bad = found ("it begins with no magic number");
  free (w.owner);
  return bad;
}

uint64_t
walk_grains (void)
{
  return grains;
}
