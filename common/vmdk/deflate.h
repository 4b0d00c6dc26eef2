/* SPDX-License-Identifier: BSD-3-Clause */
/* The codec of stream-optimized extents: libdeflate, else zlib; with ISA-L for
 * the lowest levels of compression where there is one.
 */

#ifndef VMDK_DEFLATE_H
#define VMDK_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inflaters;
struct deflaters;

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

/* ---- packing ---- */

#define DEFLATE_DEFAULT_LEVEL 6
#define DEFLATE_MAX_LEVEL     12

/* The same for compressors of LEVEL, 1 to DEFLATE_MAX_LEVEL; zlib takes those
 * above 9 for 9.
 */
extern struct deflaters *deflaters_create (int level);

/* P may be NULL. */
extern void deflaters_destroy (struct deflaters *p);

/* The most bytes that deflate_stream makes of COUNT bytes. */
extern size_t deflate_bound (size_t count);

/* Make a zlib stream (RFC 1950) of the COUNT bytes at IN, at OUT, which has
 * room for deflate_bound (COUNT) bytes.  What does not get smaller is stored,
 * and found out early, by samples.  Returns the stream's length; 0 if there is
 * no memory, not reported.
 */
extern size_t
deflate_stream (struct deflaters *p, const void *in, size_t count, void *out)
  __attribute__ ((__nonnull__ (1, 2, 4)));

/* The CRC-32 of COUNT bytes at P, as in zip files. */
extern uint32_t
deflate_crc32 (const void *p, size_t count) __attribute__ ((__nonnull__ (1)));

/* "libdeflate" or "zlib". */
extern const char *deflate_codec_name (void);

/* The one that packs at level 1: "isal", or the same as above. */
extern const char *deflate_fast_codec_name (void);

#endif /* VMDK_DEFLATE_H */
