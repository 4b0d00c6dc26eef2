/* SPDX-License-Identifier: BSD-3-Clause */
/* The library that inflates and packs: libdeflate where there is one because
 * it is about twice as fast, else zlib.  No other file knows which.
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

struct codec *
codec_create (int level)
{
  struct libdeflate_codec *c = calloc (1, sizeof *c);

  if (c == NULL)
    return NULL;
  c->base.level = level;
  if (level == CODEC_INFLATES)
    c->inflater = libdeflate_alloc_decompressor ();
  else
    c->deflater = libdeflate_alloc_compressor (level);
  if (c->inflater == NULL && c->deflater == NULL) {
    free (c);
    return NULL;
  }
  return &c->base;
}

void
codec_destroy (struct codec *base)
{
  struct libdeflate_codec *c = (struct libdeflate_codec *) base;

  /* One of them is NULL, which is legal. */
  libdeflate_free_decompressor (c->inflater);
  libdeflate_free_compressor (c->deflater);
  free (c);
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

size_t
codec_deflate (struct codec *base, const void *in, size_t count, void *out,
               size_t room)
{
  struct libdeflate_codec *c = (struct libdeflate_codec *) base;

  return libdeflate_zlib_compress (c->deflater, in, count, out, room);
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

struct codec *
codec_create (int level)
{
  struct zlib_codec *c = calloc (1, sizeof *c);
  int r;

  if (c == NULL)
    return NULL;
  c->base.level = level;
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

void
codec_destroy (struct codec *base)
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

size_t
codec_deflate (struct codec *base, const void *in, size_t count, void *out,
               size_t room)
{
  z_stream *z = &((struct zlib_codec *) base)->state;

  if (deflateReset (z) != Z_OK)
    return 0;
  set_buffers (z, in, count, out, room);
  return deflate (z, Z_FINISH) == Z_STREAM_END ? room - z->avail_out : 0;
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
