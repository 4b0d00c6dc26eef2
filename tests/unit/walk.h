/* SPDX-License-Identifier: BSD-3-Clause */
/* A checker of sparse extents that shares nothing with the core: written from
 * vmdk-format.md 3, 4, 5 and 12.4.
 */

#ifndef VMDK_WALK_H
#define VMDK_WALK_H

#include <stdbool.h>
#include <stdint.h>

/* Check the extent in the SIZE bytes at BYTES, of any of these kinds; CLOSED:
 * by a program that came to its end.  Without that, what 12.4 calls torn is no
 * damage, and of a stream-optimized one that says it is in use only the header
 * counts.  Returns NULL, or what the damage is, in a static buffer.
 */
extern const char *
walk_extent (const unsigned char *bytes, uint64_t size, bool closed);

/* The same for a stream-optimized extent, which was closed, and which has to be
 * in the canonical layout (4.10).
 */
extern const char *
walk_canonical_stream (const unsigned char *bytes, uint64_t size);

/* How many grains have space of their own; for an extent without damage. */
extern uint64_t walk_grains (void);

#endif /* VMDK_WALK_H */
