/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of a stream-optimized extent have in common
 * (vmdk-format.md section 4):
 *
 * extent-stream.c   opening, and the table of functions
 * stream-read.c     packed grains of the file, how to unpack and pack them
 * stream-tables.c   grain tables that are not as the file says
 * stream-held.c     grains that are not in the file yet
 * stream-write.c    requests: write, zero
 * stream-emit.c     the way of grains into the file
 * stream-start.c    what comes before the first change
 * stream-flush.c    flush
 * stream-checkpoint.c   see below
 * stream-log.c      what is in the file besides grains
 * stream-rebuild.c  the tables after a crash
 * stream-close.c    a file that is finished
 *
 * While an extent is being written to, its file is a log:
 *
 *   |header+record| checkpoint: grains, tables, directory | log ...      |tail
 *
 * The record, in the padding of the header, says where the directory of the
 * checkpoint is and where the log begins.  Nothing that the checkpoint refers
 * to is overwritten.  What is behind counts in the order of the file, the later
 * the better: grains, each with its marker, and order marks, which say where a
 * grain is by then, or that it is gone.  Order marks are needed only for grains
 * that were dropped or that were put into reused space, before the log.  A
 * grain in the log counts if it unpacks, an order mark if its checksum is
 * right; grains are made durable before the mark that speaks of them.
 *
 * A checkpoint writes the tables that have changed and the directory, and lets
 * the log begin behind them.  What was superseded before that, and written by
 * this session, is then free to be reused.  Space that the file had when it was
 * opened is not reused, whatever its tables say of it.
 */

#ifndef VMDK_STREAM_H
#define VMDK_STREAM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "claims.h"
#include "extent.h"
#include "format.h"
#include "grain-space.h"
#include "grain.h"
#include "header.h"
#include "spares.h"
#include "stream-log.h"
#include "vector.h"
#include "vmdk-limits.h"
#include "writing.h"

/* An entry of a table in memory, never of one in the file: the grain is held.
 * No sector that is taken is as high as this.
 */
#define STREAM_HELD       UINT32_MAX
#define STREAM_MAX_SECTOR (UINT32_MAX - 16)

/* Tables in memory: a writer makes a checkpoint at this size at the latest, so
 * that after a crash not many more have to be rebuilt.
 */
#define STREAM_MAX_TABLE_BYTES (16 << 20)

DEFINE_VECTOR (sector_vector, uint32_t);
DEFINE_VECTOR (grain_vector, uint64_t);

/* A grain table in memory.  Guarded by the stream's lock, but for NUMBER. */
struct stream_table {
  uint64_t number;
  struct stream_table *next, **to_this; /* of all */
  unsigned users;                       /* who are about to change it */
  unsigned held;                        /* entries that are STREAM_HELD */
  bool changed;       /* it differs from the one in the file */
  uint32_t entries[]; /* little-endian */
};

/* The directory in memory, and some of its tables.  Guarded by the lock. */
struct stream_tables {
  uint64_t n;
  uint32_t *places; /* sector of each table in the file; 0: none */
  struct stream_table **in_memory; /* or NULL */
  struct stream_table *first;
  size_t bytes; /* atomic for readers: of all tables in memory */
};

struct stream {
  struct grains grains; /* first */
  struct hosted_header header;
  struct disk_hosted_header sector; /* as read */
  uint64_t gaps; /* bytes of the file that nothing names, as far as known */
  uint64_t footer_at; /* sector of its marker; 0: there is none */
  bool loose;         /* it is not in canonical order, as far as known */
  bool warned;        /* atomic: an odd packed grain was seen */
  bool rebuilt;       /* the tables come from the log of a crashed session */
  uint64_t log_end;   /* then: bytes of the file up to where it is understood */
  bool behind;        /* then: there is something behind, which may be damage */
  uint64_t own_from;  /* atomic: bytes; a writer has written all behind;
                        0: nobody has */

  struct spares blocks; /* to read packed grains into */

  pthread_mutex_t lock;         /* never held over I/O */
  struct stream_tables *tables; /* atomic, NULL: all is as the file says */
  struct stream_writer *writer; /* atomic, NULL until it is written to */
};

/* ---- stream-tables.c ---- */

/* Let S have a directory in memory, from sector GD of the file; 0: with no
 * table.  Returns -1 with errno set, reported.
 */
extern int stream_tables_load (struct stream *s, uint64_t gd)
  __attribute__ ((__nonnull__ (1)));
extern void stream_tables_free (struct stream_tables *t);

/* For struct grain_format. */
extern enum table_place
stream_table_place (struct grains *g, uint64_t number, size_t first, size_t n,
                    unsigned char *entries, uint64_t *offset);

/* Have table NUMBER in memory.  Returns NULL with errno set, reported.  It
 * stays until stream_table_release.
 */
extern struct stream_table *
stream_table_hold (struct stream *s, uint64_t number)
  __attribute__ ((__nonnull__ (1)));
extern void stream_table_release (struct stream *s, struct stream_table *t)
  __attribute__ ((__nonnull__ (1, 2)));

/* Let entries of T that name sectors from END on name none that can be. */
extern void
stream_disown_entries (struct stream *s, struct stream_table *t, uint32_t end)
  __attribute__ ((__nonnull__ (1, 2)));

/* With the lock held: the table of GRAIN, which is in memory, and its entry. */
extern struct stream_table *stream_table_of (struct stream *s, uint64_t grain)
  __attribute__ ((__nonnull__ (1)));
extern uint32_t stream_entry (struct stream *s, uint64_t grain)
  __attribute__ ((__nonnull__ (1)));
extern void stream_set_entry (struct stream *s, uint64_t grain, uint32_t entry)
  __attribute__ ((__nonnull__ (1)));

/* With the lock held: T is in the file at sector PLACE as it is in memory now;
 * it is forgotten here, if nobody needs it.
 */
extern void
stream_table_placed (struct stream *s, struct stream_table *t, uint32_t place)
  __attribute__ ((__nonnull__ (1, 2)));

/* ---- stream-read.c ---- */

/* Sectors of the block of a grain whose packed data has SIZE bytes. */
static inline uint64_t
stream_block_bytes (uint64_t size)
{
  return (GRAIN_MARKER_BYTES + size + SECTOR_SIZE - 1) / SECTOR_SIZE *
         SECTOR_SIZE;
}

/* Unpack the SIZE packed bytes at PACKED, said to be GRAIN at OFFSET of the
 * file, into the grain_bytes bytes at BUF.  Returns NULL, or what is wrong,
 * with errno EIO or ENOMEM; not reported.  *SHORT: it was a last grain that
 * ends at the capacity.  Oddities are warned of.
 */
extern const char *
stream_unpack (struct stream *s, uint64_t grain, const unsigned char *packed,
               size_t size, unsigned char *buf, bool *is_short)
  __attribute__ ((__nonnull__ (1, 3, 5, 6)));

/* Pack the grain at BUF into its block at BLOCK, which has room for
 * stream_block_bytes (deflate_bound (grain_bytes)): marker, data and padding.
 * Returns the bytes of the block; 0 if there is no memory, not reported.
 */
extern size_t stream_pack_block (struct stream *s, uint64_t grain,
                                 const void *buf, unsigned char *block)
  __attribute__ ((__nonnull__ (1, 3, 4)));

/* For struct extent_driver. */
extern int stream_read (struct extent *e, void *buf, size_t count,
                        uint64_t offset) __attribute__ ((__nonnull__ (1, 2)));

/* Nobody is to see the grain as it was unpacked before. */
extern void stream_forget_grain (struct stream *s, uint64_t grain)
  __attribute__ ((__nonnull__ (1)));

/* ---- stream-held.c ---- */

/* A grain that is not in the file yet, or not as it is there: raw, since it is
 * still being written to, or packed, on its way.  Guarded by the lock, except
 * that the bytes of a packed one do not change, and are there while it has
 * users.
 */
struct held {
  struct held *next; /* in the bucket */
  uint64_t grain;
  uint64_t serial;  /* ascending: since when there is what the file lacks */
  uint64_t touched; /* the same: when it was changed last */
  uint32_t old; /* entry of the grain as it is in the file: a sector, 0 or 1 */
  unsigned users;
  bool live; /* else it has been replaced */
  bool packed;
  bool placing;         /* packed: it is being written */
  uint32_t sector;      /* then: to here */
  struct held *over;    /* the one that this replaces, which is being placed */
  size_t at;            /* its index among the raw or the packed */
  size_t size;          /* of bytes */
  unsigned char *bytes; /* raw: the grain; packed: its block */
  size_t n_written;     /* raw: sectors that requests have brought, and which: a
                       bit each */
  unsigned char written[MAX_PACKED_GRAIN_SECTORS / 8];
};

DEFINE_VECTOR (held_vector, struct held *);

#define HELD_BUCKETS 4096 /* a power of two */

/* A request that writes: no grain before GRAIN is still to come from it.  On
 * the stack of its thread.
 */
struct writing_request {
  struct writing_request *next;
  uint64_t grain;
};

struct stream_writer {
  struct stream *s;
  struct writing *writing;
  struct claims claims; /* of grains */
  bool was_empty;       /* when it was opened */
  bool begun;           /* the header says that it is in use */

  pthread_mutex_t header_lock; /* who writes the header holds it */
  struct stream_record record; /* that the header has, once in use */

  /* Guarded by the stream's lock. */
  struct held *buckets[HELD_BUCKETS];
  held_vector raw, packed;
  struct writing_request *requests;
  uint64_t serial;
  sector_vector superseded; /* blocks that nothing names any more */
  size_t own_superseded;    /* those among them that this session wrote */
  grain_vector ordered;     /* of which the order of the file tells wrong */

  /* One at a time writes to the tail, and may keep others from it for as long
   * as that takes: a log has one end.  Guards what follows.
   */
  pthread_mutex_t tail_lock;
  uint64_t tail;         /* sector */
  uint64_t written_back; /* up to this sector the host has begun with it */
  bool stale_tail;       /* a write that failed may have left something there */
  uint64_t log_start;    /* sector; guarded by flush_lock */
  uint64_t own_from;     /* sector: this session has written all behind */
  bool canonical;        /* atomic: the file is, so far, in the order of 4.10 */
  uint64_t next_grain;   /* canonical: none before this one may follow */
  uint64_t group;        /* the last grain's table; UINT64_MAX: no grain */

  pthread_mutex_t flush_lock; /* one flush at a time; held over its I/O */
  struct space space;         /* free, before the log */
  span_vector log_garbage;    /* in the log; guarded by flush_lock, but for the
                              first change, before which there is no flush */
  uint64_t garbage_bytes;     /* atomic for readers: of them */
  int64_t new_gaps; /* atomic: bytes that were in use, and that nothing names
                        now */
};

/* With the lock held: the content of GRAIN, if it is held. */
extern struct held *held_find (struct stream_writer *w, uint64_t grain)
  __attribute__ ((__nonnull__ (1)));

/* A grain to be held; takes over BYTES.  NULL if there is no memory, BYTES
 * freed, reported.
 */
extern struct held *held_create (struct stream *s, uint64_t grain, bool packed,
                                 unsigned char *bytes, size_t size)
  __attribute__ ((__nonnull__ (1, 4)));

/* With the lock and a claim held, the grain's table being in memory.  Each
 * returns -1 with errno ENOMEM, not reported, and nothing has changed.
 *
 * insert: H is the content from now on, instead of what was held.
 * drop: GRAIN has no data from now on; its entry is 0 or 1.
 */
extern int held_insert (struct stream_writer *w, struct held *h)
  __attribute__ ((__nonnull__ (1, 2)));
extern int held_drop (struct stream_writer *w, uint64_t grain, uint32_t entry)
  __attribute__ ((__nonnull__ (1)));

/* With the lock held: H is being written to SECTOR; and no more: it is there,
 * if PLACED.
 */
extern void held_begin_placing (struct held *h, uint32_t sector)
  __attribute__ ((__nonnull__ (1)));
extern void held_end_placing (struct stream_writer *w, struct held *h,
                              bool placed) __attribute__ ((__nonnull__ (1, 2)));

/* With the lock held: use the bytes of H, which is packed; and no more. */
extern void held_use (struct held *h) __attribute__ ((__nonnull__ (1)));
extern void held_unuse (struct held *h) __attribute__ ((__nonnull__ (1)));

/* With the lock held: what GRAIN is in the file. */
extern uint32_t held_entry_in_file (struct stream_writer *w, uint64_t grain)
  __attribute__ ((__nonnull__ (1)));

extern void
held_free_all (struct stream_writer *w) __attribute__ ((__nonnull__ (1)));

/* ---- stream-write.c: members of struct extent_driver, and ---- */

extern int stream_write (struct extent *e, const void *buf, uint64_t count,
                         uint64_t offset) __attribute__ ((__nonnull__ (1, 2)));
extern int stream_zero (struct extent *e, uint64_t count, uint64_t offset,
                        bool free) __attribute__ ((__nonnull__ (1)));
extern int
stream_zero_is_quick (struct extent *e, uint64_t count, uint64_t offset,
                      bool free) __attribute__ ((__nonnull__ (1)));

/* Pack the raw grain number GRAIN, if it still is one; unless SERIAL is
 * UINT64_MAX, also see that it goes to the file with all others up to SERIAL.
 */
extern int stream_pack_raw (struct stream_writer *w, uint64_t grain,
                            uint64_t serial) __attribute__ ((__nonnull__ (1)));

/* ---- stream-emit.c ---- */

/* Write packed grains to the file, those with the lowest numbers first, until
 * no more than KEEP bytes are held, or none is left that was changed at SERIAL
 * or before.  Called with the tail lock held.  Returns -1, reported; what could
 * not be written is still held.
 */
extern int stream_emit (struct stream_writer *w, size_t keep, uint64_t serial)
  __attribute__ ((__nonnull__ (1)));

/* With the tail lock held: see that nothing is behind the tail.  Returns -1,
 * reported.
 */
extern int
stream_clean_tail (struct stream_writer *w) __attribute__ ((__nonnull__ (1)));

/* Before a request, without a claim: see that no more is held than may be. */
extern int
stream_make_room (struct stream_writer *w) __attribute__ ((__nonnull__ (1)));

/* The block of a grain table: marker and table, as it will be in the file.
 * With the lock held.  Returns NULL if there is no memory, not reported; the
 * caller frees.  *SIZE: bytes.
 */
extern unsigned char *
stream_table_block (struct stream_writer *w, const struct stream_table *t,
                    size_t *size) __attribute__ ((__nonnull__ (1, 2, 3)));

/* ---- stream-flush.c: members of struct extent_driver, and ---- */

extern int stream_flush (struct extent *e) __attribute__ ((__nonnull__ (1)));
extern int
stream_write_out (struct extent *e) __attribute__ ((__nonnull__ (1)));
extern int stream_relieve (struct extent *e, bool takes_space)
  __attribute__ ((__nonnull__ (1)));

/* ---- between stream-flush.c and stream-checkpoint.c ---- */

/* What a flush is about: all that was in the file when it was taken. */
struct snapshot {
  struct stream_order *orders; /* of the first N_ORDERED grains, in order */
  size_t n_orders, n_ordered;
  sector_vector superseded;
};

/* Write all that is held at this moment to the file; then take note of what is
 * there, which makes SNAP.  Return -1, reported.
 */
extern int
stream_write_held (struct stream_writer *w) __attribute__ ((__nonnull__ (1)));
extern int stream_take_snapshot (struct stream_writer *w, struct snapshot *snap)
  __attribute__ ((__nonnull__ (1, 2)));

/* The blocks that were superseded, of which only the file knows the size, are
 * garbage in the log, or space to be given up.  With the flush lock held.
 */
extern void stream_give_superseded (struct stream_writer *w,
                                    const sector_vector *superseded)
  __attribute__ ((__nonnull__ (1, 2)));
extern void
stream_add_garbage (struct stream_writer *w, uint64_t sector, uint64_t sectors)
  __attribute__ ((__nonnull__ (1)));

/* The orders of SNAP have been written.  What has changed since then waits for
 * the next flush: its block may be before them in the file.  ALL: there is a
 * checkpoint that has everything.
 */
extern void
stream_end_orders (struct stream_writer *w, const struct snapshot *snap,
                   bool all) __attribute__ ((__nonnull__ (1, 2)));

/* What has been written moves the tail on to SECTOR.  With the tail lock held.
 */
extern void stream_move_tail (struct stream_writer *w, uint64_t sector)
  __attribute__ ((__nonnull__ (1)));

/* Is there so much garbage, or so much memory in tables, that a checkpoint
 * would help?  And make one; with the flush lock held.
 */
extern bool stream_wants_checkpoint (struct stream_writer *w)
  __attribute__ ((__nonnull__ (1)));
extern int
stream_checkpoint (struct stream_writer *w) __attribute__ ((__nonnull__ (1)));

/* Write the metadata, and let the log begin behind it. */
extern int
stream_move_log (struct stream_writer *w) __attribute__ ((__nonnull__ (1)));

/* ---- stream-start.c ---- */

/* Let the header have RECORD, durably. */
extern int stream_write_record (struct stream_writer *w,
                                const struct stream_record *record)
  __attribute__ ((__nonnull__ (1, 2)));

/* Add the tables that have changed, and the directory; *GD becomes its sector.
 * What follows in the output is up to the caller: the extent is being closed.
 */
extern int
stream_out_metadata (struct stream_writer *w, struct stream_out *o,
                     uint64_t *gd) __attribute__ ((__nonnull__ (1, 2, 3)));

/* Get ready to write; see grains_start_writing.  stream_set_unclean begins the
 * log.
 */
extern int
stream_start_writing (struct extent *e, struct writing *writing, char **problem)
  __attribute__ ((__nonnull__ (1, 2, 3)));
extern int stream_set_unclean (struct extent *e, bool unclean)
  __attribute__ ((__nonnull__ (1)));

/* For struct grain_format. */
extern int
stream_announce_zeroed (struct grains *g) __attribute__ ((__nonnull__ (1)));
extern void stream_writer_free (struct stream_writer *w);

/* ---- stream-rebuild.c ---- */

/* Rebuild the tables of S from the log that R describes.  Returns -1, reported.
 */
extern int stream_rebuild (struct stream *s, const struct stream_record *r)
  __attribute__ ((__nonnull__ (1, 2)));

/* ---- stream-close.c ---- */

extern int stream_finish (struct extent *e) __attribute__ ((__nonnull__ (1)));

#endif /* VMDK_STREAM_H */
