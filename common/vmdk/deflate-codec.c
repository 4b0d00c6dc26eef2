/* SPDX-License-Identifier: BSD-3-Clause */
/* The library that inflates and packs: libdeflate where there is one because
 * it is about twice as fast, else zlib.  ISA-L (deflate-isal.c), where there is
 * one, packs at the lowest levels: it is twice as fast again.  No other file
 * knows which.
 */

#include <config.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

#include "deflate-internal.h"

/* The levels that ISA-L takes.  A higher level shall be smaller and may be
 * slower.  So the third is left to libdeflate, which is better there; zlib is
 * not.  ISA-L's first two hurry through what looks like noise, and miss some of
 * what repeats there.
 *
 * What is left of 64 KiB grains, and MB/s of one core of an AMD EPYC:
 *
 *                 mixed disk    programs      text
 * ISA-L 1         62 %, 342     34 %, 450     24 %, 545
 * ISA-L 2         60 %, 331     33 %, 434     23 %, 527
 * ISA-L 3         60 %, 189     33 %, 193     22 %, 202
 * libdeflate 1    59 %, 150     32 %, 218     22 %, 273
 * libdeflate 4    57 %, 80      30 %, 119     21 %, 138
 * zlib 1          61 %, 71      33 %, 98      24 %, 141
 * zlib 4          58 %, 48      31 %, 64      21 %, 84
 */
#if !defined HAVE_LIBISAL
#define ISAL_LEVELS 0
#elif defined HAVE_LIBDEFLATE
#define ISAL_LEVELS 2
#else
#define ISAL_LEVELS 3
#endif

#ifdef HAVE_LIBDEFLATE

struct libdeflate_codec {
  struct codec base; /* its level tells which of the two this is */
  struct libdeflate_decompressor *inflater;
  struct libdeflate_compressor *deflater;
};

const char *
deflate_codec_name (void)
{
  return "libdeflate";
}

/* Its first level comes after those of ISA-L, not under them: there is nothing
 * between that and the next of ISA-L's, and its second to fourth are close.
 */
static int
libdeflate_level (int level)
{
  return level == ISAL_LEVELS + 1 ? 1 : level;
}

static void
own_destroy (struct codec *base)
{
  struct libdeflate_codec *c = (struct libdeflate_codec *) base;

  /* One of them is NULL, which is legal. */
  libdeflate_free_decompressor (c->inflater);
  libdeflate_free_compressor (c->deflater);
  free (c);
}

static size_t
own_deflate (struct codec *base, const void *in, size_t count, void *out,
             size_t room)
{
  struct libdeflate_codec *c = (struct libdeflate_codec *) base;

  return libdeflate_zlib_compress (c->deflater, in, count, out, room);
}

static struct codec *
own_create (int level)
{
  struct libdeflate_codec *c = calloc (1, sizeof *c);

  if (c == NULL)
    return NULL;
  if (level == CODEC_INFLATES)
    c->inflater = libdeflate_alloc_decompressor ();
  else
    c->deflater = libdeflate_alloc_compressor (libdeflate_level (level));
  if (c->inflater == NULL && c->deflater == NULL) {
    free (c);
    return NULL;
  }
  return &c->base;
}

enum inflate_result
codec_inflate (struct codec *base, bool zlib, const void *in, size_t *in_size,
               void *out, size_t *out_size)
{
  struct libdeflate_codec *c = (struct libdeflate_codec *) base;
  enum libdeflate_result r;

  r = zlib ? libdeflate_zlib_decompress_ex (c->inflater, in, *in_size, out,
                                            *out_size, in_size, out_size)
           : libdeflate_deflate_decompress_ex (c->inflater, in, *in_size, out,
                                               *out_size, in_size, out_size);
  switch (r) {
  case LIBDEFLATE_SUCCESS: return INFLATE_OK;
  case LIBDEFLATE_INSUFFICIENT_SPACE: return INFLATE_TOO_LONG;
  default: return INFLATE_DAMAGED;
  }
}

uint32_t
codec_adler32 (const void *p, size_t count)
{
  return libdeflate_adler32 (1, p, count);
}

uint32_t
deflate_crc32 (const void *p, size_t count)
{
  return libdeflate_crc32 (0, p, count);
}

#else /* zlib */

struct zlib_codec {
  struct codec base; /* its level tells whose state this is */
  z_stream state;
};

const char *
deflate_codec_name (void)
{
  return "zlib";
}

static void
own_destroy (struct codec *base)
{
  struct zlib_codec *c = (struct zlib_codec *) base;

  if (base->level == CODEC_INFLATES)
    inflateEnd (&c->state);
  else
    deflateEnd (&c->state);
  free (c);
}

static void
set_buffers (z_stream *z, const void *in, size_t in_size, void *out,
             size_t out_size)
{
  z->next_in = (Bytef *) (uintptr_t) in;
  z->avail_in = in_size;
  z->next_out = out;
  z->avail_out = out_size;
}

enum inflate_result
codec_inflate (struct codec *base, bool zlib, const void *in, size_t *in_size,
               void *out, size_t *out_size)
{
  z_stream *z = &((struct zlib_codec *) base)->state;
  int r;

  if (inflateReset2 (z, zlib ? 15 : -15) != Z_OK)
    return INFLATE_DAMAGED;
  set_buffers (z, in, *in_size, out, *out_size);
  r = inflate (z, Z_FINISH);
  if (r == Z_STREAM_END) {
    *in_size -= z->avail_in;
    *out_size -= z->avail_out;
    return INFLATE_OK;
  }
  if (r == Z_MEM_ERROR)
    return INFLATE_NO_MEMORY;
  /* Out of space, and there was input left to fill more with. */
  if ((r == Z_BUF_ERROR || r == Z_OK) && z->avail_out == 0 && z->avail_in > 0)
    return INFLATE_TOO_LONG;
  return INFLATE_DAMAGED;
}

static size_t
own_deflate (struct codec *base, const void *in, size_t count, void *out,
             size_t room)
{
  z_stream *z = &((struct zlib_codec *) base)->state;

  if (deflateReset (z) != Z_OK)
    return 0;
  set_buffers (z, in, count, out, room);
  return deflate (z, Z_FINISH) == Z_STREAM_END ? room - z->avail_out : 0;
}

static struct codec *
own_create (int level)
{
  struct zlib_codec *c = calloc (1, sizeof *c);
  int r;

  if (c == NULL)
    return NULL;
  if (level == CODEC_INFLATES)
    r = inflateInit (&c->state);
  else
    r = deflateInit (&c->state, level < 9 ? level : 9);
  if (r != Z_OK) {
    free (c);
    return NULL;
  }
  return &c->base;
}

uint32_t
codec_adler32 (const void *p, size_t count)
{
  return adler32_z (1, p, count);
}

uint32_t
deflate_crc32 (const void *p, size_t count)
{
  return crc32_z (0, p, count);
}

#endif

/* ---- which library ---- */

const char *
deflate_fast_codec_name (void)
{
  return ISAL_LEVELS > 0 ? "isal" : deflate_codec_name ();
}

struct codec *
codec_create (int level)
{
  struct codec *c;

#ifdef HAVE_LIBISAL
  if (level != CODEC_INFLATES && level <= ISAL_LEVELS)
    return isal_codec_create (level);
#endif
  c = own_create (level);
  if (c != NULL) {
    c->level = level;
    c->destroy = own_destroy;
    c->deflate = own_deflate;
  }
  return c;
}

void
codec_destroy (struct codec *c)
{
  c->destroy (c);
}

size_t
codec_deflate (struct codec *c, const void *in, size_t count, void *out,
               size_t room)
{
  return c->deflate (c, in, count, out, room);
}
