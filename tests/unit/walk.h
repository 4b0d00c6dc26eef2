/* SPDX-License-Identifier: BSD-3-Clause */
/* A checker of sparse extents that shares nothing with the core: written from
 * vmdk-format.md 3, 5 and 12.4.
 */

#ifndef VMDK_WALK_H
#define VMDK_WALK_H

#include <stdbool.h>
#include <stdint.h>

/* Check the extent in the SIZE bytes at BYTES, of either kind; CLOSED: by a
 * program that came to its end.  Without that, what 12.4 calls torn is no
 * damage.  Returns NULL, or what the damage is, in a static buffer.
 */
extern const char *
walk_extent (const unsigned char *bytes, uint64_t size, bool closed);

/* How many grains have space of their own; for an extent without damage. */
extern uint64_t walk_grains (void);

#endif /* VMDK_WALK_H */
