/* SPDX-License-Identifier: BSD-3-Clause */
/* Packing with Intel's ISA-L, at its levels: the fastest there is.
 *
 * Its level 0 is not used.  That has one code for all contents, so it makes
 * more of the same, and is no faster than level 1.  Its inflater is not used
 * either: it is as fast as libdeflate's, not more.
 *
 * "Stateless" packing, ISA-L's word, is that of a whole content at once.  A
 * codec then holds nothing but memory to work in.
 */

#include <config.h>

#ifdef HAVE_LIBISAL

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include <isa-l/igzip_lib.h>

#include "deflate-internal.h"

struct isal_codec {
  struct codec base;
  struct isal_zstream stream;
  uint8_t *memory; /* the "level buffer", of memory_sizes[level] bytes */
};

/* Where ISA-L notes down at most 32 Ki of what a block will hold.  The next
 * larger size makes nothing faster or smaller.
 */
static const uint32_t memory_sizes[] = {
  [1] = ISAL_DEF_LVL1_MEDIUM,
  [2] = ISAL_DEF_LVL2_MEDIUM,
  [3] = ISAL_DEF_LVL3_MEDIUM,
};

static void
isal_codec_destroy (struct codec *base)
{
  struct isal_codec *c = (struct isal_codec *) base;

  free (c->memory);
  free (c);
}

static size_t
isal_codec_deflate (struct codec *base, const void *in, size_t count, void *out,
                    size_t room)
{
  struct isal_codec *c = (struct isal_codec *) base;
  struct isal_zstream *s = &c->stream;

  assert (count <= UINT32_MAX && room <= UINT32_MAX);
  isal_deflate_stateless_init (s);
  s->level = base->level;
  s->level_buf = c->memory;
  s->level_buf_size = memory_sizes[base->level];
  s->gzip_flag = IGZIP_ZLIB;
  s->end_of_stream = 1;
  s->next_in = (uint8_t *) (uintptr_t) in;
  s->avail_in = count;
  s->next_out = out;
  s->avail_out = room;
  return isal_deflate_stateless (s) == COMP_OK ? s->total_out : 0;
}

struct codec *
isal_codec_create (int level)
{
  /* Zeroed: some of the stream no initializer of ISA-L's sets. */
  struct isal_codec *c = calloc (1, sizeof *c);

  if (c == NULL)
    return NULL;
  c->memory = malloc (memory_sizes[level]);
  if (c->memory == NULL) {
    free (c);
    return NULL;
  }
  c->base.level = level;
  c->base.destroy = isal_codec_destroy;
  c->base.deflate = isal_codec_deflate;
  return &c->base;
}

#endif /* HAVE_LIBISAL */
