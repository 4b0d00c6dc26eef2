/* SPDX-License-Identifier: BSD-3-Clause */
/* A checker of stream-optimized extents: see walk.h.
 *
 * Each sector has at most one owner, as in walk.c, and zlib has to get a grain
 * out of each block.  Only in the canonical layout has every sector its owner,
 * so that who goes through the file from one block to the next finds them all
 * (4.9).
 */

#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "test.h"
#include "walk-internal.h"
#include "walk.h"

#define SECTOR    512
#define GD_AT_END UINT64_MAX
#define found     walk_found

enum { GT = 1, GD = 2, FOOTER = 3 }; /* 4.3 */

struct stream_walk {
  const unsigned char *bytes;
  uint64_t sectors;
  uint64_t capacity, grain, gtes, n_grains, n_tables, overhead;
  uint64_t gd;   /* sector */
  bool in_front; /* layout B */
  bool has_zero_grains;
  bool *owned; /* of each sector */
};

static uint64_t
get (const struct stream_walk *w, uint64_t at, unsigned bytes)
{
  uint64_t v = 0;

  while (bytes-- > 0)
    v = v << 8 | w->bytes[at + bytes];
  return v;
}

static uint64_t
marker_value (const struct stream_walk *w, uint64_t sector)
{
  return get (w, sector * SECTOR, 8);
}

static uint32_t
marker_size (const struct stream_walk *w, uint64_t sector)
{
  return get (w, sector * SECTOR + 8, 4);
}

static uint32_t
marker_type (const struct stream_walk *w, uint64_t sector)
{
  return get (w, sector * SECTOR + 12, 4);
}

static bool
is_zero (const struct stream_walk *w, uint64_t at, uint64_t n)
{
  while (n > 0 && w->bytes[at] == 0)
    ++at, --n;
  return n == 0;
}

static uint64_t
block_sectors (uint32_t size)
{
  return (12 + (uint64_t) size + SECTOR - 1) / SECTOR;
}

static uint64_t
table_sectors (const struct stream_walk *w)
{
  return (w->gtes * 4 + SECTOR - 1) / SECTOR;
}

static uint64_t
directory_sectors (const struct stream_walk *w)
{
  return (w->n_tables * 4 + SECTOR - 1) / SECTOR;
}

static const char *
own (struct stream_walk *w, uint64_t sector, uint64_t n, const char *what)
{
  uint64_t s;

  if (sector + n > w->sectors)
    return found ("%s: sectors %" PRIu64 "+%" PRIu64
                  " are behind the end, %" PRIu64,
                  what, sector, n, w->sectors);
  for (s = sector; s < sector + n; ++s) {
    if (w->owned[s])
      return found ("%s: sector %" PRIu64 " has another owner too", what, s);
    w->owned[s] = true;
  }
  return NULL;
}

/* The block of N sectors at SECTOR, behind its marker. */
static const char *
own_marked (struct stream_walk *w, uint64_t sector, uint64_t n, unsigned type,
            const char *what)
{
  const uint64_t marker = sector - 1;

  if (sector < w->overhead)
    return own (w, sector, n, what); /* layout B */
  if (sector > w->sectors || marker_size (w, marker) != 0 ||
      marker_type (w, marker) != type || marker_value (w, marker) != n)
    return found ("%s at sector %" PRIu64 " has not its marker", what, sector);
  return own (w, marker, 1 + n, what);
}

/* ---- grains ---- */

/* Does the packed data unpack to the grain? */
static bool
unpacks (const struct stream_walk *w, uint64_t g, uint64_t at, uint32_t size)
{
  const uint64_t bytes = w->grain * SECTOR;
  const uint64_t rest = w->capacity * SECTOR - g * bytes;
  unsigned char *out = malloc (bytes);
  uLongf produced = bytes;
  uLong used = size;
  int r;

  MUST (out != NULL);
  r = uncompress2 (out, &produced, w->bytes + at, &used);
  free (out);
  return r == Z_OK && used == size && (produced == bytes || produced == rest);
}

static const char *
check_grain (struct stream_walk *w, uint64_t g, uint32_t entry)
{
  uint32_t size;
  const char *bad;

  if (entry == 1 && !w->has_zero_grains)
    return found ("grain %" PRIu64 " is zeroed, but the header does not say "
                  "that there may be such",
                  g);
  if (entry <= 1)
    return NULL;
  walk_count_grain ();
  if (entry >= w->sectors)
    return found ("grain %" PRIu64 " is behind the end", g);
  size = marker_size (w, entry);
  if (marker_value (w, entry) != g * w->grain || size == 0 ||
      size > 2 * w->grain * SECTOR + 1024)
    return found ("grain %" PRIu64 ": at sector %" PRIu32 " is the marker of "
                  "%" PRIu64 ", %" PRIu32 " bytes",
                  g, entry, marker_value (w, entry) / w->grain, size);
  bad = own (w, entry, block_sectors (size), "a grain");
  if (bad)
    return bad;
  if (!unpacks (w, g, (uint64_t) entry * SECTOR + 12, size))
    return found ("grain %" PRIu64 " at sector %" PRIu32 " does not unpack", g,
                  entry);
  return NULL;
}

static const char *
check_tables (struct stream_walk *w)
{
  const char *bad = NULL;
  uint64_t t, g;

  for (t = 0; !bad && t < w->n_tables; ++t) {
    const uint64_t table = get (w, w->gd * SECTOR + 4 * t, 4);

    if (table != 0)
      bad = own_marked (w, table, table_sectors (w), GT, "a table");
    for (g = t * w->gtes; !bad && table && g < (t + 1) * w->gtes; ++g) {
      const uint32_t entry = get (w, table * SECTOR + 4 * (g % w->gtes), 4);

      if (g < w->n_grains)
        bad = check_grain (w, g, entry);
      else if (entry != 0)
        bad = found ("grain %" PRIu64 " is behind the capacity", g);
    }
  }
  return bad;
}

/* ---- header and footer ---- */

static const char *
check_header (struct stream_walk *w, bool closed)
{
  const uint64_t version = get (w, 4, 4), flags = get (w, 8, 4);

  if (version != 3 || (flags & ~UINT64_C (0x30007)) || !(flags & 0x20000))
    return found ("version %" PRIu64 ", flags %" PRIx64, version, flags);
  if (get (w, 73, 4) != 0x0a0d200a || get (w, 77, 2) != 1)
    return found ("the newline bytes or the algorithm are damaged");
  if (closed && w->bytes[72] != 0)
    return found ("it is not marked as closed");
  w->has_zero_grains = flags & 4;
  w->capacity = get (w, 12, 8);
  w->grain = get (w, 20, 8);
  w->gtes = get (w, 44, 4);
  w->gd = get (w, 56, 8);
  w->overhead = get (w, 64, 8);
  w->n_grains = (w->capacity + w->grain - 1) / w->grain;
  w->n_tables = (w->n_grains + w->gtes - 1) / w->gtes;
  w->in_front = w->gd != GD_AT_END;
  if (!w->in_front && (flags & 2))
    return found ("it says that there are redundant tables");
  return NULL;
}

/* Nothing may be behind it. */
static const char *
check_footer (struct stream_walk *w)
{
  const uint64_t footer = w->sectors - 2;
  unsigned char copy[79]; /* what has a meaning */
  const char *bad;

  if (w->sectors < 5 || marker_type (w, footer - 1) != FOOTER ||
      !is_zero (w, (footer + 1) * SECTOR, SECTOR))
    return found ("it does not end with a footer");
  memcpy (copy, w->bytes + footer * SECTOR, sizeof copy);
  memset (copy + 56, 0xff, 8);
  if (memcmp (copy, w->bytes, sizeof copy) != 0)
    return found ("the footer differs from the header");
  w->gd = get (w, footer * SECTOR + 56, 8);
  bad = own_marked (w, footer, 1, FOOTER, "the footer");
  return bad ? bad : own (w, footer + 1, 1, "the end");
}

static const char *
check_all (struct stream_walk *w, bool closed)
{
  const uint64_t descriptor = get (w, 28, 8);
  const char *bad = check_header (w, closed);

  if (bad || w->bytes[72] != 0)
    return bad; /* what is in use can be a log */
  bad = own (w, 0, 1, "the header");
  if (!bad && descriptor)
    bad = own (w, descriptor, get (w, 36, 8), "the descriptor");
  if (!bad && !w->in_front)
    bad = check_footer (w);
  if (!bad)
    bad = own_marked (w, w->gd, directory_sectors (w), GD, "the directory");
  return bad ? bad : check_tables (w);
}

static const char *
walk (struct stream_walk *w, const unsigned char *bytes, uint64_t size,
      bool closed)
{
  *w = (struct stream_walk){ .bytes = bytes, .sectors = size / SECTOR };
  if (size % SECTOR != 0 && bytes[72] == 0)
    return found ("%" PRIu64 " bytes are no whole sectors", size);
  w->owned = calloc (w->sectors + 1, sizeof *w->owned);
  MUST (w->owned != NULL);
  return check_all (w, closed);
}

const char *
walk_stream (const unsigned char *bytes, uint64_t size, bool closed)
{
  struct stream_walk w;
  const char *bad = walk (&w, bytes, size, closed);

  free (w.owned);
  return bad;
}

/* ---- the canonical layout ---- */

/* The block of grain G at *SECTOR, with nothing but zeroes behind its data. */
static const char *
check_next_grain (const struct stream_walk *w, uint64_t g, uint32_t entry,
                  uint64_t *sector)
{
  const uint64_t start = *sector * SECTOR;
  const uint32_t size = marker_size (w, *sector);

  if (entry != *sector)
    return found ("grain %" PRIu64 " is at sector %" PRIu32 ", not %" PRIu64, g,
                  entry, *sector);
  *sector += block_sectors (size);
  if (!is_zero (w, start + 12 + size, *sector * SECTOR - start - 12 - size))
    return found ("behind grain %" PRIu64 " are not zeroes", g);
  return NULL;
}

/* The grains of table T, which has to follow them; or there is none. */
static const char *
check_next_group (const struct stream_walk *w, uint64_t t, uint64_t *sector)
{
  const uint64_t table = get (w, w->gd * SECTOR + 4 * t, 4);
  const char *bad = NULL;
  bool any = false;
  uint64_t i;

  for (i = 0; !bad && table && i < w->gtes; ++i) {
    const uint32_t entry = get (w, table * SECTOR + 4 * i, 4);

    any = any || entry != 0;
    if (entry > 1)
      bad = check_next_grain (w, t * w->gtes + i, entry, sector);
  }
  if (bad || !table)
    return bad;
  if (!any || table != *sector + 1)
    return found ("table %" PRIu64 " is %s at sector %" PRIu64 ", not %" PRIu64,
                  t, any ? "full" : "empty", table, *sector + 1);
  *sector = table + table_sectors (w);
  return NULL;
}

static const char *
check_canonical (const struct stream_walk *w)
{
  const uint64_t descriptor = get (w, 28, 8), size = get (w, 36, 8);
  uint64_t sector = w->overhead, t;
  const char *bad = NULL;

  if (w->in_front || w->overhead % 128 != 0 || descriptor > 1 ||
      !is_zero (w, 79, SECTOR - 79) ||
      !is_zero (w, (1 + size) * SECTOR, (w->overhead - 1 - size) * SECTOR))
    return found ("its front is not canonical");
  for (t = 0; !bad && t < w->n_tables; ++t)
    bad = check_next_group (w, t, &sector);
  if (bad)
    return bad;
  if (w->gd != sector + 1 || w->gd + directory_sectors (w) + 3 != w->sectors)
    return found ("the directory is at sector %" PRIu64 ", not %" PRIu64, w->gd,
                  sector + 1);
  return NULL;
}

const char *
walk_canonical_stream (const unsigned char *bytes, uint64_t size)
{
  struct stream_walk w;
  const char *bad = walk (&w, bytes, size, true);

  if (!bad)
    bad = check_canonical (&w);
  free (w.owned);
  return bad;
}
