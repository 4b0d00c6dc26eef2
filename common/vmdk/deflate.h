/* SPDX-License-Identifier: BSD-3-Clause */
/* The codec of stream-optimized extents: libdeflate, else zlib. */

#ifndef VMDK_DEFLATE_H
#define VMDK_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>

struct inflaters;

enum inflate_result {
  INFLATE_OK,
  INFLATE_NO_MEMORY,
  INFLATE_DAMAGED,  /* no complete stream, or its Adler-32 is wrong */
  INFLATE_TOO_LONG, /* there is more than OUT can hold */
};

/* Codec objects that are not in use; shared by threads.  NULL with errno set
 * if there is no memory.
 */
extern struct inflaters *inflaters_create (void);

/* P may be NULL. */
extern void inflaters_destroy (struct inflaters *p);

/* Inflate the zlib stream (RFC 1950) that begins the *IN_SIZE bytes at IN into
 * the *OUT_SIZE bytes at OUT.  On success these become the length of the
 * stream and of the content.
 * What does not begin like a zlib stream is tried as bare deflate (RFC 1951),
 * which VMware's note asks for and nobody writes (vmdk-format.md 4.4).
 */
extern enum inflate_result
inflate_stream (struct inflaters *p, const void *in, size_t *in_size, void *out,
                size_t *out_size) __attribute__ ((__nonnull__ (1, 2, 3, 4, 5)));

/* Do the IN_SIZE bytes at IN begin like a zlib stream? */
extern bool deflate_is_zlib (const void *in, size_t in_size)
  __attribute__ ((__nonnull__ (1)));

/* "libdeflate" or "zlib". */
extern const char *deflate_codec_name (void);

#endif /* VMDK_DEFLATE_H */
