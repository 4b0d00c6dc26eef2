/* SPDX-License-Identifier: BSD-3-Clause */
/* What is remembered of a long chain: for regions of the disk, which link below
 * the top one is the first that has something there, so that a small request
 * asks two links instead of all.
 *
 * It can be remembered for ever because parents never change (I6).  It is only
 * a hint about whom not to ask: the link that it names is asked, as are those
 * below it if that one is silent where the request is.
 *
 * A table of a fixed size, in which two regions may have one place: then the
 * later one replaces the earlier.  Any number of threads, no lock.
 */

#ifndef VMDK_CHAIN_INDEX_H
#define VMDK_CHAIN_INDEX_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of a region: the grain of nearly all links. */
#define CHAIN_REGION 65536

struct chain_index;

/* For about BYTES of memory, which is taken as it is used.  NULL if there is no
 * memory: it is not needed.
 */
extern struct chain_index *chain_index_create (size_t bytes);

/* X may be NULL. */
extern void chain_index_destroy (struct chain_index *x);

/* The first link that has something in region number REGION, or the number of
 * links if none has; 0 if that is not known.
 */
extern size_t chain_index_get (struct chain_index *x, uint64_t region)
  __attribute__ ((__nonnull__ (1)));

/* The links below the top one and before number LINK are silent in all of it.
 */
extern void chain_index_put (struct chain_index *x, uint64_t region,
                             size_t link) __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_CHAIN_INDEX_H */
