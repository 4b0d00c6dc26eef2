/* SPDX-License-Identifier: BSD-3-Clause */
/* Small stream-optimized extents: see make-stream.h. */

#include <config.h>

#include <string.h>

#include "make-stream.h"

#define S 512

enum { MARKER_GT = 1, MARKER_GD = 2, MARKER_FOOTER = 3 }; /* 4.3 */

struct make {
  struct image *i;
  const struct stream_layout *l;
  unsigned char *content;
  uint64_t n_grains, n_tables;
  uint64_t at; /* sector of the next block */
  struct hosted header;
};

void
stream_noise (unsigned char *p, uint64_t n, uint64_t seed)
{
  uint64_t x = seed * UINT64_C (0x9e3779b97f4a7c15) + 1;

  for (; n > 0; --n) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *p++ = x >> 24;
  }
}

static bool
has_grain (const struct stream_layout *l, uint64_t g)
{
  if (l->gap && g / STREAM_GTES % 2 == 1)
    return false;
  return l->keep > 0 && g % l->keep == 1;
}

/* Every second grain that is there takes more than a sector or two. */
static void
put_grain (struct make *m, uint64_t g)
{
  const uint64_t bytes = m->l->grain * S;
  const uint64_t left = m->l->capacity * S - g * bytes;
  const uint64_t inside = bytes < left ? bytes : left;
  unsigned char grain[64 * S] = { 0 };

  if (g / m->l->keep % 2)
    stream_noise (grain, inside, m->l->seed + g);
  else
    image_pattern (grain, inside, m->l->seed + g);
  memcpy (m->content + g * bytes, grain, inside);
  m->at = image_packed (m->i, m->at * S, g * m->l->grain, grain,
                        m->l->in_front ? inside : bytes);
}

static void
put_marker (struct make *m, unsigned type, uint64_t sectors)
{
  image_room (m->i, (m->at + 1) * S);
  image_le64 (m->i, m->at * S, sectors);
  image_le32 (m->i, m->at * S + 12, type);
  m->at++;
}

/* ---- layout A ---- */

/* The grains of table T, and the table.  Returns its sector, or 0. */
static uint64_t
put_group (struct make *m, uint64_t t)
{
  struct image table = { NULL, 0 };
  uint64_t g, at = 0;

  image_room (&table, S);
  for (g = t * STREAM_GTES; g < (t + 1) * STREAM_GTES && g < m->n_grains; ++g)
    if (has_grain (m->l, g)) {
      image_le32 (&table, g % STREAM_GTES * 4, m->at);
      put_grain (m, g);
      at = 1;
    }
  if (at) {
    put_marker (m, MARKER_GT, 1);
    at = m->at++;
    image_put (m->i, at * S, table.data, S);
  }
  image_free (&table);
  return at;
}

static void
put_behind (struct make *m)
{
  struct image directory = { NULL, 0 };
  uint64_t t;

  image_room (&directory, S);
  for (t = 0; t < m->n_tables; ++t)
    image_le32 (&directory, 4 * t, put_group (m, t));
  put_marker (m, MARKER_GD, 1);
  m->header.gd_offset = m->at++;
  image_put (m->i, m->header.gd_offset * S, directory.data, S);
  put_marker (m, MARKER_FOOTER, 1);
  image_hosted (m->i, m->at++ * S, &m->header);
  image_room (m->i, (m->at + 1) * S); /* the end of the stream */
  m->header.gd_offset = UINT64_MAX;
  image_free (&directory);
}

/* ---- layout B ---- */

static void
put_in_front (struct make *m)
{
  struct hosted *h = &m->header;
  uint64_t t, g;

  h->flags |= 2;
  h->rgd_offset = m->l->front;
  h->gd_offset = h->rgd_offset + 1 + m->n_tables;
  h->overhead = h->gd_offset + 1 + m->n_tables + m->l->grain - 1;
  h->overhead -= h->overhead % m->l->grain;
  for (t = 0; t < m->n_tables; ++t) {
    image_le32 (m->i, h->rgd_offset * S + 4 * t, h->rgd_offset + 1 + t);
    image_le32 (m->i, h->gd_offset * S + 4 * t, h->gd_offset + 1 + t);
  }
  m->at = h->overhead;
  for (g = 0; g < m->n_grains; ++g)
    if (has_grain (m->l, g)) {
      image_le32 (m->i, (h->rgd_offset + 1) * S + 4 * g, m->at);
      image_le32 (m->i, (h->gd_offset + 1) * S + 4 * g, m->at);
      put_grain (m, g);
    }
  image_room (m->i, (m->at + m->l->grain) * S);
}

void
make_stream (struct image *i, const struct stream_layout *l,
             const char *descriptor, unsigned char *content)
{
  struct make m = { .i = i, .l = l, .content = content, .at = l->front };

  m.n_grains = (l->capacity + l->grain - 1) / l->grain;
  m.n_tables = (m.n_grains + STREAM_GTES - 1) / STREAM_GTES;
  m.header = hosted_default;
  m.header.version = 3;
  m.header.flags = 0x30001;
  m.header.capacity = l->capacity;
  m.header.grain_size = l->grain;
  m.header.gtes_per_gt = STREAM_GTES;
  m.header.rgd_offset = 0;
  m.header.overhead = l->front;
  m.header.algorithm = 1;
  image_room (i, l->front * S);
  image_string (i, S, descriptor);
  if (l->in_front)
    put_in_front (&m);
  else
    put_behind (&m);
  image_hosted (i, 0, &m.header);
}
