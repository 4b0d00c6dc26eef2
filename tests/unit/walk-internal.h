/* SPDX-License-Identifier: BSD-3-Clause */
/* What the checkers of walk.h have in common. */

#ifndef VMDK_WALK_INTERNAL_H
#define VMDK_WALK_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

/* Note that the extent is damaged; returns the text. */
extern const char *walk_found (const char *fmt, ...)
  __attribute__ ((__format__ (__printf__, 1, 2)));

/* A grain has space of its own. */
extern void walk_count_grain (void);

/* Check the stream-optimized extent in the SIZE bytes at BYTES: see walk.h. */
extern const char *
walk_stream (const unsigned char *bytes, uint64_t size, bool closed);

#endif /* VMDK_WALK_INTERNAL_H */
