/* SPDX-License-Identifier: BSD-3-Clause */
/* The zlib streams of stream-optimized extents.
 *
 * A codec object serves one thread at a time and costs tens to hundreds of
 * kilobytes, so those not in use wait in a pool.  There are never more of them
 * than threads that have used the pool at one time.
 *
 * What does not get smaller is stored: the format has no grains that are not
 * compressed (vmdk-format.md 4.4), but deflate has blocks that are not, and
 * they cost no more than a copy and a check sum, for the reader too.
 */

#include <config.h>

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "deflate-internal.h"
#include "deflate.h"
#include "stats.h"

/* What RFC 1950 puts around the deflate data: two bytes, and the Adler-32. */
#define ZLIB_HEADER_BYTES  2
#define ZLIB_TRAILER_BYTES 4

/* A stored block (RFC 1951, 3.2.4) that begins at a byte. */
#define STORED_HEADER_BYTES 5
#define MAX_STORED_BYTES    65535

/* The level that samples are tried with. */
#define TRIAL_LEVEL 1

/* ---- pools ---- */

struct pool {
  int level; /* for codec_create */
  pthread_mutex_t lock;
  struct codec *idle; /* guarded by lock */
};

static void
pool_start (struct pool *p, int level)
{
  p->level = level;
  p->idle = NULL;
  pthread_mutex_init (&p->lock, NULL);
}

static void
pool_end (struct pool *p)
{
  struct codec *c, *next;

  for (c = p->idle; c != NULL; c = next) {
    next = c->next;
    codec_destroy (c);
  }
  pthread_mutex_destroy (&p->lock);
}

/* NULL if there is no memory. */
static struct codec *
borrow (struct pool *p)
{
  {
    LOCK_FOR_SCOPE (&p->lock);
    struct codec *c = p->idle;

    if (c != NULL) {
      p->idle = c->next;
      return c;
    }
  }
  return codec_create (p->level);
}

static void
give_back (struct pool *p, struct codec *c)
{
  LOCK_FOR_SCOPE (&p->lock);
  c->next = p->idle;
  p->idle = c;
}

/* ---- inflating ---- */

struct inflaters {
  struct pool pool;
};

struct inflaters *
inflaters_create (void)
{
  struct inflaters *p = malloc (sizeof *p);

  if (p != NULL)
    pool_start (&p->pool, CODEC_INFLATES);
  return p;
}

void
inflaters_destroy (struct inflaters *p)
{
  if (p == NULL)
    return;
  pool_end (&p->pool);
  free (p);
}

/* The two header bytes of RFC 1950: method 8, and a multiple of 31. */
bool
deflate_is_zlib (const void *in, size_t in_size)
{
  const unsigned char *p = in;

  return in_size >= 2 && (p[0] & 15) == 8 && (p[0] << 8 | p[1]) % 31 == 0;
}

enum inflate_result
inflate_stream (struct inflaters *p, const void *in, size_t *in_size, void *out,
                size_t *out_size)
{
  struct codec *c = borrow (&p->pool);
  enum inflate_result r;

  if (c == NULL)
    return INFLATE_NO_MEMORY;
  r = codec_inflate (c, deflate_is_zlib (in, *in_size), in, in_size, out,
                     out_size);
  give_back (&p->pool, c);
  if (r == INFLATE_OK) {
    stats_add (STATS_INFLATE_IN, 1, *in_size);
    stats_add (STATS_INFLATE_OUT, 1, *out_size);
  }
  return r;
}

/* ---- packing ---- */

struct deflaters {
  struct pool pool;
  struct pool trial; /* the same at TRIAL_LEVEL */
};

struct deflaters *
deflaters_create (int level)
{
  struct deflaters *p = malloc (sizeof *p);

  assert (level >= 1 && level <= DEFLATE_MAX_LEVEL);
  if (p == NULL)
    return NULL;
  pool_start (&p->pool, level);
  pool_start (&p->trial, TRIAL_LEVEL);
  return p;
}

void
deflaters_destroy (struct deflaters *p)
{
  if (p == NULL)
    return;
  pool_end (&p->pool);
  pool_end (&p->trial);
  free (p);
}

/* Exactly what store makes: it takes over from any deflater that needs as
 * much.
 */
size_t
deflate_bound (size_t count)
{
  /* Nothing needs a block too. */
  const size_t blocks = count == 0 ? 1 : (count - 1) / MAX_STORED_BYTES + 1;

  return ZLIB_HEADER_BYTES + blocks * STORED_HEADER_BYTES + count +
         ZLIB_TRAILER_BYTES;
}

/* Put one stored block of COUNT bytes at IN to OUT; returns its end. */
static unsigned char *
store_block (const unsigned char *in, size_t count, bool last,
             unsigned char *out)
{
  out[0] = last; /* BFINAL; BTYPE 00 */
  out[1] = count;
  out[2] = count >> 8;
  out[3] = ~out[1];
  out[4] = ~out[2];
  memcpy (out + STORED_HEADER_BYTES, in, count);
  return out + STORED_HEADER_BYTES + count;
}

/* Make a zlib stream of stored blocks; returns its length, deflate_bound. */
static size_t
store (const unsigned char *in, size_t count, unsigned char *out)
{
  const uint32_t sum = codec_adler32 (in, count);
  unsigned char *p = out;
  size_t left = count, n;

  stats_add (STATS_STORED, 1, count);
  *p++ = 0x78; /* method 8, a window of 32 KiB */
  *p++ = 0x01; /* the quickest level, and what makes it a multiple of 31 */
  do {
    n = left < MAX_STORED_BYTES ? left : MAX_STORED_BYTES;
    left -= n;
    p = store_block (in, n, left == 0, p);
    in += n;
  } while (left > 0);
  *p++ = sum >> 24;
  *p++ = sum >> 16;
  *p++ = sum >> 8;
  *p++ = sum;
  return p - out;
}

/* Does a sample get smaller? */
static bool
trial_gains (struct deflaters *p, const void *in, size_t count)
{
  unsigned char sample[SAMPLE_BYTES], packed[SAMPLE_BYTES];
  struct codec *c = borrow (&p->trial);
  size_t n;

  if (c == NULL)
    return true; /* There is no saying. */
  sample_take (in, count, sample);
  n = codec_deflate (c, sample, sizeof sample, packed, sizeof packed);
  give_back (&p->trial, c);
  return n > 0;
}

static size_t
pack (struct deflaters *p, const void *in, size_t count, void *out)
{
  struct codec *c;
  size_t n;

  if (sample_looks_random (in, count) && !trial_gains (p, in, count))
    return store (in, count, out);

  c = borrow (&p->pool);
  if (c == NULL)
    return 0;
  n = codec_deflate (c, in, count, out, deflate_bound (count) - 1);
  give_back (&p->pool, c);
  return n > 0 ? n : store (in, count, out);
}

size_t
deflate_stream (struct deflaters *p, const void *in, size_t count, void *out)
{
  const size_t n = pack (p, in, count, out);

  if (n > 0) {
    stats_add (STATS_DEFLATE_IN, 1, count);
    stats_add (STATS_DEFLATE_OUT, 1, n);
  }
  return n;
}
