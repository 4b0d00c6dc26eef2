/* SPDX-License-Identifier: BSD-3-Clause */
/* A cache of blocks with a byte budget: see cache.h for the contract.
 *
 * Each shard has one mutex.  It guards everything in the shard except the
 * bytes of a block that is being loaded (they belong to the loader) or is
 * pinned (they do not change).  A block is in its shard's hash table as soon
 * as its load begins, and in the list of use from when it is ready.
 */

#include <config.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "cleanup.h"
#include "rounding.h"

/* Up to here a copy under the lock is cheaper than to pin the block. */
#define COPY_UNDER_LOCK 4096

#define BUCKETS 1024 /* a power of two */

struct block {
  struct block *next;          /* in the bucket */
  struct block *newer, *older; /* in the list of use, once ready */
  struct cache_key key;
  size_t size;
  unsigned pins; /* copies under way: not to be evicted */
  bool ready;
  bool empty; /* there is no such block; size is 0 */
  bool stale; /* not in the hash table: free it after the load or last copy */
  unsigned char data[] __attribute__ ((__aligned__ (8)));
};

struct shard {
  pthread_mutex_t lock;
  pthread_cond_t change; /* a load ended, or a pin was released */
  struct block *buckets[BUCKETS];
  struct block *newest, *oldest;
  size_t used;         /* bytes of all blocks, headers included */
  struct block *spare; /* the last one that was freed; its size is right */
  unsigned busy;       /* blocks that are being loaded or are pinned */
};

struct cache {
  struct cache_stats stats;
  size_t shard_budget;
  unsigned n_shards;
  struct shard shards[];
};

struct cache *
cache_create (size_t budget, unsigned shards, struct cache_stats stats)
{
  struct cache *c;
  unsigned i;

  assert (shards > 0);
  c = calloc (1, sizeof *c + shards * sizeof (struct shard));
  if (c == NULL)
    return NULL;
  c->stats = stats;
  c->shard_budget = budget / shards;
  c->n_shards = shards;
  for (i = 0; i < shards; ++i) {
    pthread_mutex_init (&c->shards[i].lock, NULL);
    pthread_cond_init (&c->shards[i].change, NULL);
  }
  return c;
}

static void
shard_destroy (struct shard *s)
{
  struct block *b, *older;

  for (b = s->newest; b != NULL; b = older) {
    older = b->older;
    free (b);
  }
  free (s->spare);
  pthread_cond_destroy (&s->change);
  pthread_mutex_destroy (&s->lock);
}

void
cache_destroy (struct cache *c)
{
  unsigned i;

  if (c == NULL)
    return;
  for (i = 0; i < c->n_shards; ++i)
    shard_destroy (&c->shards[i]);
  free (c);
}

static uint64_t
hash (struct cache_key key)
{
  uint64_t h = ((uint64_t) (uintptr_t) key.owner >> 4) + key.index;

  /* Multiply and take high bits: neighbours go to different shards. */
  h *= UINT64_C (0x9e3779b97f4a7c15);
  return h ^ h >> 32;
}

static struct shard *
shard_of (struct cache *c, struct cache_key key)
{
  return &c->shards[hash (key) % c->n_shards];
}

static struct block **
bucket_of (struct shard *s, struct cache_key key)
{
  return &s->buckets[(hash (key) >> 20) % BUCKETS];
}

static struct block *
find (struct shard *s, struct cache_key key)
{
  struct block *b = *bucket_of (s, key);

  while (b != NULL && (b->key.owner != key.owner || b->key.index != key.index))
    b = b->next;
  return b;
}

static size_t
block_bytes (size_t size)
{
  return sizeof (struct block) + size;
}

static void
unlist (struct shard *s, struct block *b)
{
  *(b->newer ? &b->newer->older : &s->newest) = b->older;
  *(b->older ? &b->older->newer : &s->oldest) = b->newer;
}

static void
list_as_newest (struct shard *s, struct block *b)
{
  b->newer = NULL;
  b->older = s->newest;
  *(s->newest ? &s->newest->newer : &s->oldest) = b;
  s->newest = b;
}

static void
unhash (struct shard *s, struct block *b)
{
  struct block **p = bucket_of (s, b->key);

  while (*p != b)
    p = &(*p)->next;
  *p = b->next;
}

/* Take B out of the hash table, if it is there, and free it.  It must not be
 * listed.  Its memory is kept for the next block, which mostly has the same
 * size.
 */
static void
discard (struct shard *s, struct block *b)
{
  if (!b->stale)
    unhash (s, b);
  s->used -= block_bytes (b->size);
  free (s->spare);
  s->spare = b;
}

static struct block *
allocate (struct shard *s, size_t size)
{
  if (s->spare && s->spare->size == size)
    return TAKE (s->spare);
  return malloc (block_bytes (size));
}

/* Evict from the oldest on until SIZE more bytes fit.  False if that cannot
 * be, because of blocks that are busy at this moment.
 */
static bool
make_room (struct cache *c, struct shard *s, size_t size)
{
  struct block *b, *newer;

  for (b = s->oldest;
       b != NULL && s->used + block_bytes (size) > c->shard_budget; b = newer) {
    newer = b->newer;
    if (b->pins > 0)
      continue;
    unlist (s, b);
    discard (s, b);
  }
  return s->used + block_bytes (size) <= c->shard_budget || s->busy == 0;
}

static struct block *
insert (struct shard *s, struct cache_key key, size_t size)
{
  struct block *b = allocate (s, size);
  struct block **bucket = bucket_of (s, key);

  if (b == NULL)
    return NULL;
  b->key = key;
  b->size = size;
  b->pins = 0;
  b->ready = b->empty = b->stale = false;
  b->next = *bucket;
  *bucket = b;
  s->used += block_bytes (size);
  return b;
}

/* Remember that there is no such block.  If there is no memory for that, it
 * will be found out again.
 */
static void
note_empty (struct shard *s, struct cache_key key)
{
  struct block *b = insert (s, key, 0);

  if (b == NULL)
    return;
  b->ready = b->empty = true;
  list_as_newest (s, b);
}

/* Load a block that is not there.  Called with the lock held, which is given
 * up while the loader runs.
 */
static enum cache_result
load_block (struct shard *s, struct cache_key key, size_t size,
            cache_load_fn load, void *opaque, struct block **block)
{
  enum cache_result r;
  struct block *b = insert (s, key, size);
  bool stale;
  int err;

  if (b == NULL)
    return CACHE_NO_MEMORY;
  s->busy++;
  pthread_mutex_unlock (&s->lock);
  r = load (opaque, key.index, b->data, size);
  err = errno;
  pthread_mutex_lock (&s->lock);
  s->busy--;
  stale = b->stale;
  if (r == CACHE_FOUND) {
    b->ready = true;
    if (!stale)
      list_as_newest (s, b);
    *block = b;
  }
  else {
    discard (s, b);
    if (r == CACHE_EMPTY && !stale)
      note_empty (s, key);
  }
  pthread_cond_broadcast (&s->change);
  errno = err;
  return r;
}

static void
touch (struct shard *s, struct block *b)
{
  if (s->newest == b)
    return;
  unlist (s, b);
  list_as_newest (s, b);
}

/* Copy out of a block that is ready.  A long copy pins the block instead of
 * holding the lock.
 */
static void
copy_out (struct shard *s, struct block *b, size_t offset, size_t count,
          void *dst)
{
  assert (offset <= b->size && count <= b->size - offset);
  if (!b->stale)
    touch (s, b);
  if (count <= COPY_UNDER_LOCK) {
    memcpy (dst, b->data + offset, count);
    if (b->stale && b->pins == 0)
      discard (s, b);
    return;
  }
  if (b->pins++ == 0)
    s->busy++;
  pthread_mutex_unlock (&s->lock);
  memcpy (dst, b->data + offset, count);
  pthread_mutex_lock (&s->lock);
  if (--b->pins == 0) {
    s->busy--;
    if (b->stale)
      discard (s, b);
    pthread_cond_broadcast (&s->change);
  }
}

static void
wait_for_change (struct shard *s)
{
  const uint64_t start = stats_clock ();

  pthread_cond_wait (&s->change, &s->lock);
  stats_add_since (STATS_CACHE_WAIT, start);
}

enum cache_result
cache_read (struct cache *c, struct cache_key key, size_t size,
            cache_load_fn load, void *opaque, size_t offset, size_t count,
            void *dst)
{
  struct shard *s = shard_of (c, key);
  enum cache_result r = CACHE_FOUND;
  struct block *b;
  LOCK_FOR_SCOPE (&s->lock);

  for (;;) {
    b = find (s, key);
    if (b == NULL && make_room (c, s, size)) {
      stats_count (c->stats.miss);
      r = load_block (s, key, size, load, opaque, &b);
      break;
    }
    if (b != NULL && b->ready) {
      stats_count (b->empty ? c->stats.empty : c->stats.hit);
      break;
    }
    wait_for_change (s);
  }
  if (r == CACHE_FOUND && b->empty) {
    touch (s, b);
    return CACHE_EMPTY;
  }
  if (r == CACHE_FOUND)
    copy_out (s, b, offset, count, dst);
  return r;
}

bool
cache_peek (struct cache *c, struct cache_key key, size_t offset, size_t count,
            void *dst)
{
  struct shard *s = shard_of (c, key);
  struct block *b;
  LOCK_FOR_SCOPE (&s->lock);

  b = find (s, key);
  if (b == NULL || !b->ready || b->empty) {
    stats_count (c->stats.miss);
    return false;
  }
  stats_count (c->stats.hit);
  copy_out (s, b, offset, count, dst);
  return true;
}

void
cache_drop (struct cache *c, struct cache_key key)
{
  struct shard *s = shard_of (c, key);
  struct block *b;
  LOCK_FOR_SCOPE (&s->lock);

  b = find (s, key);
  if (b == NULL)
    return;
  if (b->ready)
    unlist (s, b);
  if (b->ready && b->pins == 0) {
    discard (s, b);
    return;
  }
  /* Its loader or the last who copies out of it frees it. */
  unhash (s, b);
  b->stale = true;
  pthread_cond_broadcast (&s->change);
}

size_t
cache_used (struct cache *c)
{
  size_t used = 0;
  unsigned i;

  for (i = 0; i < c->n_shards; ++i) {
    LOCK_FOR_SCOPE (&c->shards[i].lock);
    used += c->shards[i].used;
  }
  return used;
}
