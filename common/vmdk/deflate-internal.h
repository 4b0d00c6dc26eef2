/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the codec share: the libraries' objects behind one face
 * (deflate-codec.c, deflate-isal.c), and the guess about what does not get
 * smaller (deflate-sample.c).
 */

#ifndef VMDK_DEFLATE_INTERNAL_H
#define VMDK_DEFLATE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deflate.h"

/* ---- objects of the libraries (deflate-codec.c) ---- */

/* In place of a compressor's level: it inflates. */
#define CODEC_INFLATES 0

/* For one thread at a time. */
struct codec {
  struct codec *next; /* for the owner, to put it on a list */
  int level;          /* 1 to DEFLATE_MAX_LEVEL, or CODEC_INFLATES */

  /* codec_destroy and codec_deflate, as its library does them. */
  void (*destroy) (struct codec *c);
  size_t (*deflate) (struct codec *c, const void *in, size_t count, void *out,
                     size_t room);
};

/* NULL if there is no memory. */
extern struct codec *codec_create (int level);

extern void codec_destroy (struct codec *c) __attribute__ ((__nonnull__ (1)));

/* As inflate_stream; ZLIB tells whether it is a zlib stream or bare deflate. */
extern enum inflate_result
codec_inflate (struct codec *c, bool zlib, const void *in, size_t *in_size,
               void *out, size_t *out_size)
  __attribute__ ((__nonnull__ (1, 3, 4, 5, 6)));

/* Make a zlib stream of the COUNT bytes at IN in the ROOM bytes at OUT.
 * Returns its length, or 0 if it does not fit.
 */
extern size_t
codec_deflate (struct codec *c, const void *in, size_t count, void *out,
               size_t room) __attribute__ ((__nonnull__ (1, 2, 4)));

/* The Adler-32 of COUNT bytes at P, as at the end of a zlib stream. */
extern uint32_t
codec_adler32 (const void *p, size_t count) __attribute__ ((__nonnull__ (1)));

/* ---- the lowest levels (deflate-isal.c, only where there is ISA-L) ---- */

/* As codec_create, for LEVEL 1 to 3, which are ISA-L's own. */
extern struct codec *isal_codec_create (int level);

/* ---- the guess (deflate-sample.c) ---- */

/* What sample_take makes. */
#define SAMPLE_BYTES 4096

/* Do the COUNT bytes at P look as if nothing could be gained by packing them?
 * They do if all bytes are as frequent as in noise, all over, and nothing
 * repeats that a deflater could refer to.  Costs about two copies of them.
 * False for grains that are smaller than anybody's default: chance makes too
 * much of what few samples say.
 */
extern bool sample_looks_random (const void *p, size_t count)
  __attribute__ ((__nonnull__ (1)));

/* Fill the SAMPLE_BYTES at OUT with pieces from all over the COUNT bytes at P,
 * SAMPLE_BYTES at least.
 */
extern void sample_take (const void *p, size_t count, void *out)
  __attribute__ ((__nonnull__ (1, 3)));

#endif /* VMDK_DEFLATE_INTERNAL_H */
