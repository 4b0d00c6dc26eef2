/* SPDX-License-Identifier: BSD-3-Clause */
/* A cache of blocks with a byte budget, filled on demand.
 *
 * Grain tables and decoded grains both live in one of these.  A block is
 * found by its owner (any address that is unique to it) and index.  Threads
 * that miss the same block load it once: the first one loads, with no lock
 * held, and the others wait for it.  Bytes are copied out; no pointer into
 * the cache ever leaves it.
 *
 * Memory: all blocks, those being loaded included, stay within the budget; a
 * thread waits until there is room.  A single block larger than the budget
 * (of its shard) is loaded alone.  Besides, each shard keeps the memory of one
 * block for the next.
 */

#ifndef VMDK_CACHE_H
#define VMDK_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats.h"

struct cache;

struct cache_key {
  const void *owner;
  uint64_t index;
};

enum cache_result {
  CACHE_NO_MEMORY = -2, /* errno is ENOMEM; not reported */
  CACHE_FAILED = -1,    /* the loader failed; errno is its errno */
  CACHE_FOUND = 0,
  CACHE_EMPTY = 1, /* the loader said that there is no such block */
};

/* Fill BUF with the SIZE bytes of block INDEX.  CACHE_EMPTY is remembered,
 * at the cost of a few bytes; CACHE_FAILED (reported, errno set) is not.
 */
typedef enum cache_result (*cache_load_fn) (void *opaque, uint64_t index,
                                            void *buf, size_t size);

/* Where to count look-ups, since only its maker knows what a cache is for. */
struct cache_stats {
  enum stats_row hit;
  enum stats_row miss;  /* it was loaded; or was not there for cache_peek */
  enum stats_row empty; /* it was known that there is no such block */
};

/* A new cache for BUDGET bytes in SHARDS parts, each with a lock and an equal
 * share of the budget.  Returns NULL with errno set.
 */
extern struct cache *
cache_create (size_t budget, unsigned shards, struct cache_stats stats);

/* No thread may be inside.  C may be NULL. */
extern void cache_destroy (struct cache *c);

/* Copy COUNT bytes at OFFSET of the block of SIZE bytes into DST, loading the
 * block if it is not there.
 */
extern enum cache_result
cache_read (struct cache *c, struct cache_key key, size_t size,
            cache_load_fn load, void *opaque, size_t offset, size_t count,
            void *dst) __attribute__ ((__nonnull__ (1, 4, 8)));

/* The same without loading: false if the block is not there. */
extern bool
cache_peek (struct cache *c, struct cache_key key, size_t offset, size_t count,
            void *dst) __attribute__ ((__nonnull__ (1, 5)));

/* Forget the block, or that there is none: what it was loaded from has changed.
 * Who is loading it at this moment gets what it loads, but nobody else does.
 */
extern void cache_drop (struct cache *c, struct cache_key key)
  __attribute__ ((__nonnull__ (1)));

/* Bytes in use, at this moment; for tests. */
extern size_t cache_used (struct cache *c) __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_CACHE_H */
