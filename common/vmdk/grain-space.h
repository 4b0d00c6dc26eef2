/* SPDX-License-Identifier: BSD-3-Clause */
/* The space of a file that grains and grain tables are taken from.
 *
 *   |header, tables| grains and free spans ...      |end: fresh ...   limit|
 *
 * Space is taken from the lowest free span, else from END on, which moves up.
 * Space that is given up becomes free when nothing on the medium refers to it
 * any more (I3) and every request that may still read or write there has
 * ended:
 *
 *   pending --(a flush made the clearing of its entry durable)--> durable
 *           --(nothing else is waiting)--> waiting
 *           --(an epoch has passed)--> free
 *
 * All in bytes.
 */

#ifndef VMDK_GRAIN_SPACE_H
#define VMDK_GRAIN_SPACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "epoch.h"
#include "file.h"
#include "vector.h"

/* An entry is a sector number of 32 bits (vmdk-format.md 3.10, 5.3): nothing
 * behind this can be named.
 */
#define SPACE_LIMIT ((UINT64_C (1) << 32) * 512)

struct span {
  uint64_t start, length;
};

DEFINE_VECTOR (span_vector, struct span);

/* The lock guards everything, but for what is set once by space_init.  It is
 * held while the file is extended, which is a rare and short system call.
 */
struct space {
  struct file *file;
  struct epochs *epochs;
  uint64_t unit;  /* a grain */
  uint64_t align; /* where one may start */
  uint64_t first; /* no grain lies before this */

  pthread_mutex_t lock;
  uint64_t end;       /* all behind is unused; a multiple of align */
  bool stale_tail;    /* the file has bytes of others behind END */
  uint64_t file_size; /* atomic for readers; at least end, once taken */
  uint64_t table_at, table_end; /* taken, to be cut into tables */
  span_vector free;             /* ascending, disjoint, not adjacent */
  size_t free_first;            /* those before are used up */
  span_vector pending;
  uint64_t pending_bytes; /* atomic for readers */
  uint64_t held_bytes;    /* durable and waiting; atomic for readers */
  span_vector durable;
  span_vector waiting;
  uint64_t waiting_epoch;
};

extern void space_init (struct space *s, struct file *file,
                        struct epochs *epochs, uint64_t unit, uint64_t align)
  __attribute__ ((__nonnull__ (1, 2, 3)));
extern void space_destroy (struct space *s) __attribute__ ((__nonnull__ (1)));

/* Before the first use: everything from END on is unused, the file has
 * FILE_SIZE bytes, and grains start at FIRST or behind.
 */
extern void space_begin (struct space *s, uint64_t first, uint64_t end,
                         uint64_t file_size) __attribute__ ((__nonnull__ (1)));

/* Before the first use, in ascending order: [START, END) is in the file, and
 * unused.
 */
extern void space_add_free (struct space *s, uint64_t start, uint64_t end)
  __attribute__ ((__nonnull__ (1)));

/* Before the first use, after the last space_add_free: what is free at the end
 * of the file is not to be reused, but to be cut off.  Nothing before USED is
 * free, even if the file is shorter.
 */
extern void space_begin_at_tail (struct space *s, uint64_t used)
  __attribute__ ((__nonnull__ (1)));

/* Take a span for up to COUNT grains.  *FRESH: it reads as zeroes, and the file
 * reaches to its end.  Returns -1 with errno ENOSPC if the format has no more
 * room, or that of a failed system call; reported.
 */
extern int space_take (struct space *s, uint64_t count, struct span *span,
                       bool *fresh) __attribute__ ((__nonnull__ (1, 3, 4)));

/* Take BYTES, a multiple of the unit, from the free span that fits best, among
 * some thousands.  False if there is none.
 */
extern bool
space_take_fitting (struct space *s, uint64_t bytes, struct span *span)
  __attribute__ ((__nonnull__ (1, 3)));

/* Take BYTES, a multiple of a sector, for a grain table.  The same errors. */
extern int space_take_table (struct space *s, uint64_t bytes, uint64_t *start)
  __attribute__ ((__nonnull__ (1, 3)));

/* Give SPAN up.  Nothing happens but that it is pending; if there is no memory
 * to note it, it stays unused until the disk is opened again.
 */
extern void space_give (struct space *s, struct span span)
  __attribute__ ((__nonnull__ (1)));

/* So much is pending that a flush would help: whoever TAKES_SPACE; others only
 * when the list gets long.
 */
extern bool space_wants_flush (struct space *s, bool takes_space)
  __attribute__ ((__nonnull__ (1)));

/* If much space waits for requests to end, give them a moment, so that the file
 * does not grow instead.  The caller must not be one of them.
 */
extern void space_wait (struct space *s) __attribute__ ((__nonnull__ (1)));

/* Take over what is pending at this moment; and, after the flush, say whether
 * it is durably unreferred to, which consumes it.
 */
extern span_vector
space_begin_flush (struct space *s) __attribute__ ((__nonnull__ (1)));
extern void space_end_flush (struct space *s, span_vector spans, bool durable)
  __attribute__ ((__nonnull__ (1)));

/* Behind everything that was ever taken. */
extern uint64_t space_end (struct space *s) __attribute__ ((__nonnull__ (1)));

/* With no request under way and nothing pending: lower END as far as the spans
 * before it are free.  Returns the END.
 */
extern uint64_t
space_cut_tail (struct space *s) __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_GRAIN_SPACE_H */
