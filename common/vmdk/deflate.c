/* SPDX-License-Identifier: BSD-3-Clause */
/* The codec of stream-optimized extents.
 *
 * A codec object serves one thread at a time and costs tens of kilobytes, so
 * those not in use wait in a list.  There are never more of them than threads
 * that have inflated at one time.
 */

#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

#include "cleanup.h"
#include "deflate.h"

struct inflater {
  struct inflater *next;
#ifdef HAVE_LIBDEFLATE
  struct libdeflate_decompressor *codec;
#else
  z_stream codec;
#endif
};

struct inflaters {
  pthread_mutex_t lock;
  struct inflater *idle; /* guarded by lock */
};

/* The two header bytes of RFC 1950: method 8, and a multiple of 31. */
bool
deflate_is_zlib (const void *in, size_t in_size)
{
  const unsigned char *p = in;

  return in_size >= 2 && (p[0] & 15) == 8 && (p[0] << 8 | p[1]) % 31 == 0;
}

#ifdef HAVE_LIBDEFLATE

const char *
deflate_codec_name (void)
{
  return "libdeflate";
}

static bool
codec_start (struct inflater *i)
{
  i->codec = libdeflate_alloc_decompressor ();
  return i->codec != NULL;
}

static void
codec_end (struct inflater *i)
{
  libdeflate_free_decompressor (i->codec);
}

static enum inflate_result
codec_run (struct inflater *i, bool zlib, const void *in, size_t *in_size,
           void *out, size_t *out_size)
{
  enum libdeflate_result r;

  r = zlib ? libdeflate_zlib_decompress_ex (i->codec, in, *in_size, out,
                                            *out_size, in_size, out_size)
           : libdeflate_deflate_decompress_ex (i->codec, in, *in_size, out,
                                               *out_size, in_size, out_size);
  switch (r) {
  case LIBDEFLATE_SUCCESS: return INFLATE_OK;
  case LIBDEFLATE_INSUFFICIENT_SPACE: return INFLATE_TOO_LONG;
  default: return INFLATE_DAMAGED;
  }
}

#else /* zlib */

const char *
deflate_codec_name (void)
{
  return "zlib";
}

static bool
codec_start (struct inflater *i)
{
  return inflateInit (&i->codec) == Z_OK;
}

static void
codec_end (struct inflater *i)
{
  inflateEnd (&i->codec);
}

static enum inflate_result
codec_run (struct inflater *i, bool zlib, const void *in, size_t *in_size,
           void *out, size_t *out_size)
{
  z_stream *z = &i->codec;
  int r;

  if (inflateReset2 (z, zlib ? 15 : -15) != Z_OK)
    return INFLATE_DAMAGED;
  z->next_in = (Bytef *) (uintptr_t) in;
  z->avail_in = *in_size;
  z->next_out = out;
  z->avail_out = *out_size;
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

#endif

struct inflaters *
inflaters_create (void)
{
  struct inflaters *p = calloc (1, sizeof *p);

  if (p != NULL)
    pthread_mutex_init (&p->lock, NULL);
  return p;
}

void
inflaters_destroy (struct inflaters *p)
{
  struct inflater *i, *next;

  if (p == NULL)
    return;
  for (i = p->idle; i != NULL; i = next) {
    next = i->next;
    codec_end (i);
    free (i);
  }
  pthread_mutex_destroy (&p->lock);
  free (p);
}

static struct inflater *
borrow (struct inflaters *p)
{
  struct inflater *i;

  {
    LOCK_FOR_SCOPE (&p->lock);
    i = p->idle;
    if (i != NULL) {
      p->idle = i->next;
      return i;
    }
  }
  i = calloc (1, sizeof *i);
  if (i != NULL && !codec_start (i)) {
    free (i);
    i = NULL;
  }
  return i;
}

static void
give_back (struct inflaters *p, struct inflater *i)
{
  LOCK_FOR_SCOPE (&p->lock);
  i->next = p->idle;
  p->idle = i;
}

enum inflate_result
inflate_stream (struct inflaters *p, const void *in, size_t *in_size, void *out,
                size_t *out_size)
{
  struct inflater *i = borrow (p);
  enum inflate_result r;

  if (i == NULL)
    return INFLATE_NO_MEMORY;
  r = codec_run (i, deflate_is_zlib (in, *in_size), in, in_size, out, out_size);
  give_back (p, i);
  return r;
}
