/* SPDX-License-Identifier: BSD-3-Clause */
/* What has been done so far, in numbers: to find what should be made faster.
 *
 * Always compiled in, and always counted, whether or not anybody looks: what is
 * slow for somebody else can then be asked for without another build.  So
 * counting has to cost next to nothing: each thread keeps to one of some sets
 * of counters, so that no cache line goes to and fro between processors, and
 * adds with no lock and in no order.  Time is taken only where a thread waits
 * for the medium or for another thread.
 *
 * The counters are those of the process, not of a disk.  Files, caches and
 * claims know of no disk, the plugin has just one, and threads belong to none.
 * If one program is to tell several disks apart some day, the set of counters
 * becomes an argument of the functions here; what is counted where stays.
 */

#ifndef VMDK_STATS_H
#define VMDK_STATS_H

#include <stdint.h>

/* Each row counts how often, and may add up an amount besides.  The strings are
 * for people: the group, what of it, and the unit of the amount, one of
 * "bytes", "ns" or "" (there is none).
 */
/* clang-format off */
#define STATS_TABLE(X)                                   \
  X (READ, "request", "read", "bytes")                   \
  X (WRITE, "request", "write", "bytes")                 \
  X (ZERO_KEEP, "request", "zero", "bytes")              \
  X (ZERO_FREE, "request", "zero+free", "bytes")         \
  X (WITH_SYNC, "request", "of-these-with-sync", "")     \
  X (FLUSH, "request", "flush", "")                      \
  X (STATUS, "request", "status", "")                    \
  X (PREFETCH, "request", "prefetch", "bytes")           \
  X (RUN_DATA, "run", "data", "")                        \
  X (RUN_PACKED, "run", "packed", "")                    \
  X (RUN_ZERO, "run", "zero", "")                        \
  X (RUN_BELOW, "run", "ask-link-below", "")             \
  X (IN_PLACE, "write", "in-place", "bytes")             \
  X (NEW, "write", "new-grains", "bytes")                \
  X (COPIED_UP, "write", "copied-up", "bytes")           \
  X (SKIPPED, "write", "zeroes-already", "bytes")        \
  X (DROPPED, "write", "dropped-grains", "bytes")        \
  X (RAW_NEW, "write", "raw-grain-new", "bytes")         \
  X (RAW_AGAIN, "write", "raw-grain-again", "bytes")     \
  X (TABLE_HIT, "tables", "hit", "")                     \
  X (TABLE_MISS, "tables", "miss", "")                   \
  X (TABLE_EMPTY, "tables", "known-empty", "")           \
  X (TABLE_BULK, "tables", "read-past-cache", "bytes")   \
  X (TABLE_FLUSHED, "tables", "flushed", "bytes")        \
  X (UNPACKED_HIT, "unpacked", "hit", "")                \
  X (UNPACKED_MISS, "unpacked", "miss", "")              \
  X (INFLATE_IN, "inflate", "in", "bytes")               \
  X (INFLATE_OUT, "inflate", "out", "bytes")             \
  X (DEFLATE_IN, "deflate", "in", "bytes")               \
  X (DEFLATE_OUT, "deflate", "out", "bytes")             \
  X (STORED, "deflate", "of-these-stored", "bytes")      \
  X (EXTENT_FLUSH, "flush", "of-an-extent", "")          \
  X (CHECKPOINT, "flush", "checkpoint", "")              \
  X (CLAIM, "claim", "taken", "")                        \
  X (CLAIM_WAIT, "wait", "for-a-claim", "ns")            \
  X (SPACE_WAIT, "wait", "for-space", "ns")              \
  X (CACHE_WAIT, "wait", "in-a-cache", "ns")             \
  X (SYS_READ, "system", "read", "bytes")                \
  X (SYS_WRITE, "system", "write", "bytes")              \
  X (SYS_ZERO, "system", "zero", "bytes")                \
  X (SYS_PUNCH, "system", "punch", "bytes")              \
  X (SYS_SEEK, "system", "seek-hole", "")                \
  X (SYS_SIZE, "system", "get-size", "")                 \
  X (SYS_RESIZE, "system", "set-size", "")               \
  X (SYS_ADVICE, "system", "advice", "")                 \
  X (SYS_SYNC, "system", "sync", "ns")
/* clang-format on */

#define STATS_ENUM(name, group, what, unit) STATS_##name,

enum stats_row { STATS_TABLE (STATS_ENUM) N_STATS };

struct stats_text {
  const char *group, *what, *unit;
};

extern const struct stats_text stats_text[N_STATS];

/* Count N times in ROW, with AMOUNT in total.  From any thread. */
extern void stats_add (enum stats_row row, uint64_t n, uint64_t amount);

/* Once, without an amount. */
extern void stats_count (enum stats_row row);

/* For rows in "ns": count once, with the time since START, which stats_clock
 * has told.  errno is preserved.
 */
extern uint64_t stats_clock (void);
extern void stats_add_since (enum stats_row row, uint64_t start);

struct stats_total {
  uint64_t n, amount;
};

/* All that has been counted in ROW by threads that have ended or that the
 * caller has waited for; of others, some of it.
 */
extern struct stats_total stats_total (enum stats_row row);

#endif /* VMDK_STATS_H */
