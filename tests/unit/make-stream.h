/* SPDX-License-Identifier: BSD-3-Clause */
/* Small stream-optimized extents with content, built from vmdk-format.md 4 and
 * with zlib alone.
 */

#ifndef VMDK_MAKE_STREAM_H
#define VMDK_MAKE_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "image.h"

struct stream_layout {
  uint64_t capacity, grain; /* sectors */
  bool in_front;  /* as QEMU writes it: layout B, two copies of the tables, a
                     short last grain; else layout A (4.1) */
  uint64_t front; /* sectors up to the first block, or in layout B, table */
  unsigned keep;  /* grains with number % KEEP == 1 are there; 0: none */
  bool gap;       /* but none of every second table */
  unsigned seed;  /* of their content */
};

#define STREAM_GTES 128 /* a table is a sector */

/* Build it in I, which is empty; DESCRIPTOR goes to sector 1.  Put what the
 * disk then holds into CONTENT, which has zeroes or what is below.
 */
extern void make_stream (struct image *i, const struct stream_layout *l,
                         const char *descriptor, unsigned char *content);

/* N bytes that do not compress; SEED tells them apart. */
extern void stream_noise (unsigned char *p, uint64_t n, uint64_t seed);

#endif /* VMDK_MAKE_STREAM_H */
