/* SPDX-License-Identifier: BSD-3-Clause */
/* The cache: what it loads, how often, what it keeps, and that it never holds
 * more than its budget, alone and under many threads.
 */

#include <config.h>

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "test.h"

#define N_THREADS 16

/* More than a block's administration takes. */
#define OVERHEAD 80

static unsigned loads;           /* of any block */
static enum cache_result answer; /* of the loader */
static useconds_t delay;         /* in the loader */
static const char owner_a, owner_b;

/* What block INDEX holds at I. */
static unsigned char
content (uint64_t index, size_t i)
{
  return index * 31 + i * 7 + i / 256;
}

static enum cache_result
load (void *opaque, uint64_t index, void *buf, size_t size)
{
  size_t i;

  CHECK (opaque == &loads);
  __atomic_fetch_add (&loads, 1, __ATOMIC_RELAXED);
  if (delay)
    usleep (delay);
  if (answer != CACHE_FOUND) {
    errno = ENOSPC; /* stands for any error */
    return answer;
  }
  for (i = 0; i < size; ++i)
    ((unsigned char *) buf)[i] = content (index, i);
  return CACHE_FOUND;
}

static struct cache *
new_cache (size_t budget, unsigned shards)
{
  const struct cache_stats stats = { STATS_TABLE_HIT, STATS_TABLE_MISS,
                                     STATS_TABLE_EMPTY };
  struct cache *c = cache_create (budget, shards, stats);

  MUST (c != NULL);
  loads = 0;
  answer = CACHE_FOUND;
  delay = 0;
  return c;
}

/* Read COUNT bytes at OFFSET of block INDEX, and look at them. */
static enum cache_result
read_block (struct cache *c, const void *owner, uint64_t index, size_t size,
            size_t offset, size_t count)
{
  struct cache_key key = { owner, index };
  unsigned char buf[32768];
  enum cache_result r;
  size_t i;

  memset (buf, 0xee, count + 1);
  r = cache_read (c, key, size, load, &loads, offset, count, buf);
  CHECK_INT (buf[count], 0xee);
  for (i = 0; r == CACHE_FOUND && i < count; ++i)
    if (buf[i] != content (index, offset + i)) {
      CHECK_INT (buf[i], content (index, offset + i));
      break;
    }
  return r;
}

static bool
has (struct cache *c, const void *owner, uint64_t index)
{
  struct cache_key key = { owner, index };
  unsigned char byte;

  return cache_peek (c, key, 0, 1, &byte);
}

static void
a_block_is_loaded_once (void)
{
  struct cache *c = new_cache (1 << 20, 4);

  CHECK_INT (read_block (c, &owner_a, 5, 1000, 0, 1000), CACHE_FOUND);
  CHECK_INT (read_block (c, &owner_a, 5, 1000, 999, 1), CACHE_FOUND);
  CHECK_INT (read_block (c, &owner_a, 5, 1000, 100, 300), CACHE_FOUND);
  CHECK_INT (read_block (c, &owner_a, 5, 1000, 1000, 0), CACHE_FOUND);
  CHECK_INT (loads, 1);
  cache_destroy (c);
}

static void
owner_and_index_together_tell_blocks_apart (void)
{
  struct cache *c = new_cache (1 << 20, 1);

  read_block (c, &owner_a, 1, 16, 0, 16);
  read_block (c, &owner_b, 1, 16, 0, 16);
  read_block (c, &owner_a, 2, 16, 0, 16);
  read_block (c, &owner_a, UINT64_C (1) << 63 | 1, 16, 0, 16);
  CHECK_INT (loads, 4);
  cache_destroy (c);
}

static void
a_failure_is_passed_on_and_not_kept (void)
{
  struct cache *c = new_cache (1 << 20, 1);

  answer = CACHE_FAILED;
  errno = 0;
  CHECK_INT (read_block (c, &owner_a, 1, 16, 0, 16), CACHE_FAILED);
  CHECK_INT (errno, ENOSPC);
  CHECK_INT (cache_used (c), 0);
  answer = CACHE_FOUND;
  CHECK_INT (read_block (c, &owner_a, 1, 16, 0, 16), CACHE_FOUND);
  CHECK_INT (loads, 2);
  cache_destroy (c);
}

static void
an_empty_block_is_remembered_at_the_cost_of_few_bytes (void)
{
  struct cache *c = new_cache (1 << 20, 1);

  answer = CACHE_EMPTY;
  CHECK_INT (read_block (c, &owner_a, 1, 30000, 0, 16), CACHE_EMPTY);
  CHECK (!has (c, &owner_a, 1));
  CHECK (cache_used (c) <= OVERHEAD);
  answer = CACHE_FOUND;
  CHECK_INT (read_block (c, &owner_a, 1, 30000, 0, 16), CACHE_EMPTY);
  CHECK_INT (loads, 1);
  cache_destroy (c);
}

static void
empty_blocks_do_not_pile_up (void)
{
  struct cache *c = new_cache (8192, 1);
  uint64_t i;

  answer = CACHE_EMPTY;
  for (i = 0; i < 10000; ++i)
    CHECK_INT (read_block (c, &owner_a, i, 4000, 0, 16), CACHE_EMPTY);
  CHECK (cache_used (c) <= 8192);
  answer = CACHE_FOUND;
  CHECK_INT (read_block (c, &owner_a, 0, 4000, 0, 4000), CACHE_FOUND);
  CHECK (cache_used (c) <= 8192);
  cache_destroy (c);
}

static void
peek_finds_what_is_there_and_loads_nothing (void)
{
  struct cache *c = new_cache (1 << 20, 2);
  struct cache_key key = { &owner_a, 1 };
  unsigned char buf[8];

  CHECK (!cache_peek (c, key, 0, 8, buf));
  CHECK_INT (loads, 0);
  read_block (c, &owner_a, 1, 16, 0, 1);
  CHECK (cache_peek (c, key, 8, 8, buf));
  CHECK_INT (buf[7], content (1, 15));
  CHECK_INT (loads, 1);
  cache_destroy (c);
}

static void
the_block_that_was_used_longest_ago_goes_first (void)
{
  struct cache *c = new_cache (4 * (1000 + OVERHEAD), 1);
  uint64_t i;

  for (i = 0; i < 4; ++i)
    read_block (c, &owner_a, i, 1000, 0, 1);
  for (i = 0; i < 4; ++i)
    CHECK (has (c, &owner_a, i));
  /* Used in the order 0 1 2 3; now 0 and 2 again. */
  read_block (c, &owner_a, 0, 1000, 0, 1);
  read_block (c, &owner_a, 2, 1000, 0, 1);
  CHECK_INT (loads, 4);
  read_block (c, &owner_a, 4, 1000, 0, 1);
  CHECK (!has (c, &owner_a, 1));
  CHECK (has (c, &owner_a, 3) && has (c, &owner_a, 0) && has (c, &owner_a, 2));
  /* has () was a use too: 4 is the oldest now. */
  read_block (c, &owner_a, 5, 1000, 0, 1);
  CHECK (!has (c, &owner_a, 4));
  cache_destroy (c);
}

static void
many_blocks_are_evicted_for_a_large_one (void)
{
  struct cache *c = new_cache (8192, 1);
  uint64_t i;

  for (i = 0; i < 20; ++i)
    read_block (c, &owner_a, i, 100, 0, 100);
  read_block (c, &owner_a, 100, 7000, 0, 7000);
  CHECK (cache_used (c) <= 8192);
  CHECK (has (c, &owner_a, 100));
  cache_destroy (c);
}

static void
a_block_larger_than_the_budget_is_loaded_alone (void)
{
  struct cache *c = new_cache (1000, 1);

  read_block (c, &owner_a, 1, 100, 0, 100);
  CHECK_INT (read_block (c, &owner_a, 2, 20000, 5, 19000), CACHE_FOUND);
  CHECK (!has (c, &owner_a, 1));
  CHECK (cache_used (c) <= 20000 + OVERHEAD);
  CHECK_INT (read_block (c, &owner_a, 3, 20000, 0, 20000), CACHE_FOUND);
  CHECK (cache_used (c) <= 20000 + OVERHEAD);
  CHECK_INT (read_block (c, &owner_a, 4, 100, 0, 100), CACHE_FOUND);
  CHECK (cache_used (c) <= 1000);
  cache_destroy (c);
}

static void
a_cache_without_any_budget_works (void)
{
  struct cache *c = new_cache (0, 1);

  CHECK_INT (read_block (c, &owner_a, 1, 100, 0, 100), CACHE_FOUND);
  CHECK_INT (read_block (c, &owner_a, 2, 100, 0, 100), CACHE_FOUND);
  CHECK (!has (c, &owner_a, 1));
  cache_destroy (c);
}

static void
destroying_nothing_is_legal (void)
{
  cache_destroy (NULL);
}

/* ---- dropping ---- */

static void
drop (struct cache *c, const void *owner, uint64_t index)
{
  cache_drop (c, (struct cache_key){ owner, index });
}

static void
what_was_dropped_is_loaded_anew (void)
{
  struct cache *c = new_cache (1 << 20, 4);

  read_block (c, &owner_a, 1, 1000, 0, 1000);
  read_block (c, &owner_a, 2, 1000, 0, 1000);
  drop (c, &owner_a, 1);
  CHECK (!has (c, &owner_a, 1));
  CHECK (has (c, &owner_a, 2));
  CHECK (cache_used (c) <= 1000 + OVERHEAD);
  CHECK_INT (read_block (c, &owner_a, 1, 1000, 0, 1000), CACHE_FOUND);
  CHECK_INT (read_block (c, &owner_a, 2, 1000, 0, 1000), CACHE_FOUND);
  CHECK_INT (loads, 3);
  cache_destroy (c);
}

static void
an_empty_block_is_forgotten_by_a_drop (void)
{
  struct cache *c = new_cache (1 << 20, 1);

  answer = CACHE_EMPTY;
  CHECK_INT (read_block (c, &owner_a, 1, 1000, 0, 16), CACHE_EMPTY);
  drop (c, &owner_a, 1);
  CHECK_INT (cache_used (c), 0);
  answer = CACHE_FOUND;
  CHECK_INT (read_block (c, &owner_a, 1, 1000, 0, 16), CACHE_FOUND);
  CHECK_INT (loads, 2);
  cache_destroy (c);
}

static void
dropping_what_is_not_there_does_nothing (void)
{
  struct cache *c = new_cache (1 << 20, 1);

  read_block (c, &owner_a, 1, 1000, 0, 16);
  drop (c, &owner_a, 2);
  drop (c, &owner_b, 1);
  CHECK (has (c, &owner_a, 1));
  cache_destroy (c);
}

static void
blocks_between_others_can_be_dropped (void)
{
  struct cache *c = new_cache (8 * (1000 + OVERHEAD), 1);
  uint64_t i;

  for (i = 0; i < 8; ++i)
    read_block (c, &owner_a, i, 1000, 0, 1);
  drop (c, &owner_a, 0); /* the oldest, one between, the newest */
  drop (c, &owner_a, 4);
  drop (c, &owner_a, 7);
  for (i = 0; i < 8; ++i)
    CHECK (has (c, &owner_a, i) == (i != 0 && i != 4 && i != 7));
  for (i = 8; i < 11; ++i) /* there is room for three, and no more */
    read_block (c, &owner_a, i, 1000, 0, 1);
  CHECK (has (c, &owner_a, 1));
  drop (c, &owner_a, 1);
  read_block (c, &owner_a, 11, 1000, 0, 1);
  CHECK (has (c, &owner_a, 2));
  cache_destroy (c);
}

/* ---- threads ---- */

static struct cache *shared;

static void
in_threads (void *(*fn) (void *) )
{
  pthread_t threads[N_THREADS];
  uintptr_t i;

  for (i = 0; i < N_THREADS; ++i)
    MUST (pthread_create (&threads[i], NULL, fn, (void *) i) == 0);
  for (i = 0; i < N_THREADS; ++i)
    pthread_join (threads[i], NULL);
}

static void *
read_same (void *opaque)
{
  const uintptr_t i = (uintptr_t) opaque;

  CHECK_INT (read_block (shared, &owner_a, 7, 30000, i * 1000, 15000), 0);
  return NULL;
}

static void
sixteen_threads_that_miss_one_block_load_it_once (void)
{
  unsigned round;

  for (round = 0; round < 20; ++round) {
    shared = new_cache (1 << 20, 4);
    delay = 1000;
    in_threads (read_same);
    CHECK_INT (loads, 1);
    cache_destroy (shared);
  }
}

static void *
read_failing (void *opaque)
{
  struct cache_key key = { &owner_a, 7 };
  char byte;

  (void) opaque;
  errno = 0;
  CHECK_INT (cache_read (shared, key, 1000, load, &loads, 0, 1, &byte),
             CACHE_FAILED);
  CHECK_INT (errno, ENOSPC);
  return NULL;
}

static void
all_threads_that_wait_for_a_failing_load_get_the_error (void)
{
  shared = new_cache (1 << 20, 4);
  delay = 1000;
  answer = CACHE_FAILED;
  in_threads (read_failing);
  CHECK_INT (cache_used (shared), 0);
  cache_destroy (shared);
}

static void *
read_empty (void *opaque)
{
  struct cache_key key = { &owner_a, 7 };
  char byte;

  (void) opaque;
  CHECK_INT (cache_read (shared, key, 1000, load, &loads, 0, 1, &byte),
             CACHE_EMPTY);
  return NULL;
}

static void
all_threads_that_wait_for_an_empty_block_learn_it (void)
{
  shared = new_cache (1 << 20, 4);
  delay = 500;
  answer = CACHE_EMPTY;
  in_threads (read_empty);
  CHECK_INT (loads, 1);
  CHECK (cache_used (shared) <= OVERHEAD);
  cache_destroy (shared);
}

/* ---- drops while others are at work ---- */

/* Loads of the block whose bytes all are its version, which the main thread
 * raises and then drops the block, as a writer of grain tables does.
 */
static unsigned char version;
static enum cache_result slow_answer;
static bool loading, go_on;

static enum cache_result
load_version (void *opaque, uint64_t index, void *buf, size_t size)
{
  unsigned char seen = __atomic_load_n (&version, __ATOMIC_SEQ_CST);
  const bool wait = opaque != NULL;

  (void) index;
  __atomic_fetch_add (&loads, 1, __ATOMIC_RELAXED);
  memset (buf, seen, size);
  if (wait) {
    __atomic_store_n (&loading, true, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n (&go_on, __ATOMIC_SEQ_CST))
      usleep (100);
    if (slow_answer != CACHE_FOUND)
      errno = ENOSPC;
    return slow_answer;
  }
  return CACHE_FOUND;
}

static const struct cache_key versioned = { &owner_a, 9 };
static enum cache_result slow_result;
static unsigned char slow_byte;

static void *
read_slowly (void *opaque)
{
  slow_result = cache_read (shared, versioned, 5000, load_version, &loads, 4999,
                            1, &slow_byte);
  return opaque;
}

/* Read, and wait for nobody. */
static unsigned char
read_version (void)
{
  unsigned char byte = 0xee;

  CHECK_INT (
    cache_read (shared, versioned, 5000, load_version, NULL, 4999, 1, &byte),
    CACHE_FOUND);
  return byte;
}

/* A load begins, what it loads changes, and the block is dropped. */
static pthread_t
begin_a_load_and_drop (enum cache_result result)
{
  pthread_t thread;

  shared = new_cache (1 << 20, 1);
  version = 1;
  slow_answer = result;
  loading = go_on = false;
  MUST (pthread_create (&thread, NULL, read_slowly, NULL) == 0);
  while (!__atomic_load_n (&loading, __ATOMIC_SEQ_CST))
    usleep (100);
  __atomic_store_n (&version, 2, __ATOMIC_SEQ_CST);
  cache_drop (shared, versioned);
  return thread;
}

static void
end_the_load (pthread_t thread)
{
  __atomic_store_n (&go_on, true, __ATOMIC_SEQ_CST);
  pthread_join (thread, NULL);
}

static void
who_comes_after_a_drop_does_not_get_what_was_being_loaded (void)
{
  pthread_t thread = begin_a_load_and_drop (CACHE_FOUND);

  /* The first load still runs, and nobody waits for it. */
  CHECK_INT (read_version (), 2);
  CHECK_INT (loads, 2);
  end_the_load (thread);
  CHECK_INT (slow_result, CACHE_FOUND);
  CHECK_INT (slow_byte, 1);
  /* Nor has it replaced the newer one. */
  CHECK_INT (read_version (), 2);
  CHECK_INT (loads, 2);
  CHECK (cache_used (shared) <= 5000 + OVERHEAD);
  cache_destroy (shared);
}

static void
a_load_that_ends_after_a_drop_leaves_nothing (void)
{
  end_the_load (begin_a_load_and_drop (CACHE_FOUND));
  CHECK_INT (slow_byte, 1);
  CHECK_INT (cache_used (shared), 0);
  CHECK_INT (read_version (), 2);
  CHECK_INT (loads, 2);
  cache_destroy (shared);
}

static void
an_empty_load_that_ends_after_a_drop_is_not_remembered (void)
{
  end_the_load (begin_a_load_and_drop (CACHE_EMPTY));
  CHECK_INT (slow_result, CACHE_EMPTY);
  CHECK_INT (cache_used (shared), 0);
  CHECK_INT (read_version (), 2);
  cache_destroy (shared);
}

static void
a_failing_load_that_ends_after_a_drop_fails_alone (void)
{
  pthread_t thread = begin_a_load_and_drop (CACHE_FAILED);

  CHECK_INT (read_version (), 2);
  end_the_load (thread);
  CHECK_INT (slow_result, CACHE_FAILED);
  CHECK_INT (read_version (), 2);
  CHECK_INT (loads, 2);
  cache_destroy (shared);
}

static void *
read_after_waiting (void *opaque)
{
  CHECK_INT (read_version (), 2);
  return opaque;
}

/* Those who wait for the load when the block is dropped go on at once. */
static void
a_drop_wakes_those_who_wait_for_the_load (void)
{
  pthread_t slow, others[4];
  unsigned i;

  shared = new_cache (1 << 20, 1);
  version = 1;
  slow_answer = CACHE_FOUND;
  loading = go_on = false;
  MUST (pthread_create (&slow, NULL, read_slowly, NULL) == 0);
  while (!__atomic_load_n (&loading, __ATOMIC_SEQ_CST))
    usleep (100);
  __atomic_store_n (&version, 2, __ATOMIC_SEQ_CST);
  for (i = 0; i < 4; ++i)
    MUST (pthread_create (&others[i], NULL, read_after_waiting, NULL) == 0);
  usleep (20000);
  CHECK_INT (loads, 1);
  cache_drop (shared, versioned);
  for (i = 0; i < 4; ++i)
    pthread_join (others[i], NULL);
  CHECK_INT (loads, 2);
  end_the_load (slow);
  cache_destroy (shared);
}

/* Many read long pieces, which pins blocks, and one changes and drops them:
 * no copy is of two versions, nor older than the drop before it began.
 */
#define N_VERSIONED 8
#define LONG        400000
#define CHANGES     500

static uint32_t versions[N_VERSIONED], dropped[N_VERSIONED];
static bool stop_reading;

static enum cache_result
load_versions (void *opaque, uint64_t index, void *buf, size_t size)
{
  uint32_t *words = buf,
           v = __atomic_load_n (&versions[index], __ATOMIC_SEQ_CST);
  size_t i;

  (void) opaque;
  for (i = 0; i < size / 4; ++i)
    words[i] = v;
  return CACHE_FOUND;
}

static void *
read_versions (void *opaque)
{
  static const size_t counts[] = { 4, 400, LONG };
  uint32_t *words = malloc (LONG);
  uint64_t n = (uintptr_t) opaque;

  MUST (words != NULL);
  while (!__atomic_load_n (&stop_reading, __ATOMIC_SEQ_CST)) {
    const uint64_t index = ++n % N_VERSIONED;
    const size_t count = counts[n / N_VERSIONED % 3];
    uint32_t least = __atomic_load_n (&dropped[index], __ATOMIC_SEQ_CST);
    size_t i;

    MUST (cache_read (shared, (struct cache_key){ &owner_b, index }, LONG,
                      load_versions, NULL, LONG - count, count,
                      words) == CACHE_FOUND);
    CHECK (words[0] >= least);
    for (i = 0; i < count / 4; ++i)
      if (words[i] != words[0]) {
        CHECK_INT (words[i], words[0]);
        break;
      }
  }
  free (words);
  return NULL;
}

static void
read_a_word (uint64_t index)
{
  uint32_t word;

  MUST (cache_read (shared, (struct cache_key){ &owner_b, index }, LONG,
                    load_versions, NULL, 0, 4, &word) == CACHE_FOUND);
  CHECK_INT (word, versions[index]);
}

static void *
change_and_drop (void *opaque)
{
  const uintptr_t me = (uintptr_t) opaque;
  uint32_t n;

  for (n = 1; me == 0 && n <= CHANGES; ++n) {
    const uint32_t index = n % N_VERSIONED;

    /* It is there, and time for others to be at it. */
    read_a_word (index);
    if (n % 4 == 0)
      usleep (50);
    __atomic_store_n (&versions[index], n, __ATOMIC_SEQ_CST);
    cache_drop (shared, (struct cache_key){ &owner_b, index });
    __atomic_store_n (&dropped[index], n, __ATOMIC_SEQ_CST);
  }
  if (me != 0)
    return read_versions (opaque);
  __atomic_store_n (&stop_reading, true, __ATOMIC_SEQ_CST);
  return NULL;
}

static void
no_reader_sees_less_than_was_there_at_the_last_drop (void)
{
  static const size_t budgets[] = { 16 * LONG, 3 * LONG };
  unsigned i;

  /* Whoever copies out of a block that was freed shall crash. */
  mallopt (M_MMAP_THRESHOLD, LONG / 2);
  for (i = 0; i < 2; ++i) {
    memset (versions, 0, sizeof versions);
    memset (dropped, 0, sizeof dropped);
    stop_reading = false;
    shared = new_cache (budgets[i], 1);
    in_threads (change_and_drop);
    CHECK (cache_used (shared) <= budgets[i]);
    cache_destroy (shared);
  }
}

#define BUDGET 65536

static bool stop_watching;

static void *
watch_budget (void *opaque)
{
  size_t most = 0, used;

  (void) opaque;
  while (!__atomic_load_n (&stop_watching, __ATOMIC_RELAXED)) {
    used = cache_used (shared);
    if (used > most)
      most = used;
  }
  CHECK (most > 0);
  CHECK (most <= BUDGET);
  return NULL;
}

/* Blocks of all sizes: with copies under the lock and pinned ones. */
static void *
read_many (void *opaque)
{
  uint64_t state = (uintptr_t) opaque * 2654435761u + 1;
  unsigned i;

  for (i = 0; i < 3000; ++i) {
    uint64_t index;
    size_t size, offset, count;

    state = state * 6364136223846793005u + 1442695040888963407u;
    index = (state >> 33) % 100;
    size = index % 10 == 0 ? 12000 : 100 + index * 20;
    offset = (state >> 20) % size;
    count = (state >> 45) % (size - offset) + 1;
    CHECK_INT (read_block (shared, index % 2 ? &owner_a : &owner_b, index, size,
                           offset, count),
               CACHE_FOUND);
  }
  return NULL;
}

static void
the_budget_holds_under_many_threads (void)
{
  static const unsigned shards[] = { 1, 4 };
  pthread_t watcher;
  unsigned i;

  for (i = 0; i < 2; ++i) {
    shared = new_cache (BUDGET, shards[i]);
    stop_watching = false;
    MUST (pthread_create (&watcher, NULL, watch_budget, NULL) == 0);
    in_threads (read_many);
    __atomic_store_n (&stop_watching, true, __ATOMIC_RELAXED);
    pthread_join (watcher, NULL);
    CHECK (cache_used (shared) <= BUDGET);
    cache_destroy (shared);
  }
}

static void
threads_share_a_cache_that_is_too_small (void)
{
  shared = new_cache (3000, 1);
  in_threads (read_many);
  cache_destroy (shared);
}

int
main (void)
{
  RUN (a_block_is_loaded_once);
  RUN (owner_and_index_together_tell_blocks_apart);
  RUN (a_failure_is_passed_on_and_not_kept);
  RUN (an_empty_block_is_remembered_at_the_cost_of_few_bytes);
  RUN (empty_blocks_do_not_pile_up);
  RUN (peek_finds_what_is_there_and_loads_nothing);
  RUN (the_block_that_was_used_longest_ago_goes_first);
  RUN (many_blocks_are_evicted_for_a_large_one);
  RUN (a_block_larger_than_the_budget_is_loaded_alone);
  RUN (a_cache_without_any_budget_works);
  RUN (destroying_nothing_is_legal);
  RUN (sixteen_threads_that_miss_one_block_load_it_once);
  RUN (all_threads_that_wait_for_a_failing_load_get_the_error);
  RUN (all_threads_that_wait_for_an_empty_block_learn_it);
  RUN (what_was_dropped_is_loaded_anew);
  RUN (an_empty_block_is_forgotten_by_a_drop);
  RUN (dropping_what_is_not_there_does_nothing);
  RUN (blocks_between_others_can_be_dropped);
  RUN (who_comes_after_a_drop_does_not_get_what_was_being_loaded);
  RUN (a_load_that_ends_after_a_drop_leaves_nothing);
  RUN (an_empty_load_that_ends_after_a_drop_is_not_remembered);
  RUN (a_failing_load_that_ends_after_a_drop_fails_alone);
  RUN (a_drop_wakes_those_who_wait_for_the_load);
  RUN (no_reader_sees_less_than_was_there_at_the_last_drop);
  RUN (the_budget_holds_under_many_threads);
  RUN (threads_share_a_cache_that_is_too_small);
  return test_result ();
}
