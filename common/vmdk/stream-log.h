/* SPDX-License-Identifier: BSD-3-Clause */
/* What is in the file of a stream-optimized extent besides grains, and ways to
 * write and read such a file block by block.  The log itself is explained in
 * stream.h.
 */

#ifndef VMDK_STREAM_LOG_H
#define VMDK_STREAM_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file.h"
#include "format.h"
#include "vmdk-limits.h"

struct stream;

/* What the header says of a log.  GD and LOG_START are sectors. */
struct stream_record {
  uint64_t nonce, gd, log_start;
  uint64_t gaps; /* bytes before the log that nothing names, as far as known */
};

/* The host is told to begin to write back so many bytes at a time. */
#define STREAM_WRITE_BACK (8 << 20)

/* A file under construction: writes go through a buffer, one behind the other.
 */
struct stream_out {
  struct stream *s;
  struct file *file;
  uint64_t at; /* sector of the file that the next byte goes to, once flushed */
  uint64_t written_back; /* up to this sector the host has begun with it */
  unsigned char *buffer;
  size_t used;
};

/* Begin to write to F at sector AT.  Returns -1, reported. */
extern int
stream_out_start (struct stream_out *o, struct stream *s, struct file *f,
                  uint64_t at) __attribute__ ((__nonnull__ (1, 2, 3)));
extern void
stream_out_end (struct stream_out *o) __attribute__ ((__nonnull__ (1)));

/* The sector that the next byte goes to; nothing is written yet of it. */
extern uint64_t stream_out_sector (const struct stream_out *o)
  __attribute__ ((__nonnull__ (1)));

/* Add COUNT bytes, a multiple of a sector; NULL: zeroes.  Returns -1, reported:
 * ENOSPC too if an entry could not name the place.
 */
extern int stream_out_add (struct stream_out *o, const void *bytes,
                           size_t count) __attribute__ ((__nonnull__ (1)));
extern int
stream_out_flush (struct stream_out *o) __attribute__ ((__nonnull__ (1)));

/* The same for COUNT bytes, and zeroes up to a whole sector. */
extern int
stream_out_add_padded (struct stream_out *o, const void *bytes, size_t count)
  __attribute__ ((__nonnull__ (1, 2)));

/* Add a marker of TYPE that announces SECTORS sectors. */
extern int
stream_out_marker (struct stream_out *o, unsigned type, uint64_t sectors)
  __attribute__ ((__nonnull__ (1)));

/* Add the directory, of which entry I is PLACES[I], behind its marker.  *GD
 * becomes its sector.
 */
extern int
stream_out_directory (struct stream_out *o, const uint32_t *places, uint64_t n,
                      uint64_t *gd) __attribute__ ((__nonnull__ (1, 2, 4)));

/* Add the footer, which says where the directory is, and the end of the stream.
 */
extern int stream_out_footer (struct stream_out *o,
                              const struct disk_hosted_header *header,
                              uint64_t gd) __attribute__ ((__nonnull__ (1, 2)));

/* A file that is read, mostly forward, through a buffer. */
struct stream_in {
  struct file *file;
  uint64_t size; /* bytes of the file */
  unsigned char *buffer;
  uint64_t at; /* of the file: what is in the buffer */
  size_t count;
  size_t ahead;
};

/* The most that can be looked at. */
#define STREAM_IN_BYTES (4 << 20)

/* Begin to read F.  Returns -1, reported; then there is stream_in_end all the
 * same.
 */
extern int stream_in_start (struct stream_in *in, struct file *f)
  __attribute__ ((__nonnull__ (1, 2)));
extern void
stream_in_end (struct stream_in *in) __attribute__ ((__nonnull__ (1)));

/* The COUNT bytes at OFFSET, until the next look.  Returns NULL with errno set,
 * reported.
 */
extern const unsigned char *
stream_in_look (struct stream_in *in, uint64_t offset, size_t count)
  __attribute__ ((__nonnull__ (1)));

/* One line of an order mark: the entry of GRAIN. */
struct stream_order {
  uint64_t grain;
  uint32_t entry;
};

/* Add order marks for N grains. */
extern int stream_out_orders (struct stream_out *o, uint64_t nonce,
                              const struct stream_order *orders, size_t n)
  __attribute__ ((__nonnull__ (1)));

/* If SECTOR is an order mark of NONCE, how many lines it has; else 0.  And line
 * I of it.
 */
extern unsigned
stream_order_count (const unsigned char sector[SECTOR_SIZE], uint64_t nonce)
  __attribute__ ((__nonnull__ (1)));
extern struct stream_order
stream_order_line (const unsigned char sector[SECTOR_SIZE], unsigned i)
  __attribute__ ((__nonnull__ (1)));

/* Is there a record in the header?  Returns 1, 0, or -1 with errno EIO,
 * reported, if it is damaged.
 */
extern int
stream_record_parse (struct file *f, const struct disk_hosted_header *header,
                     struct stream_record *r)
  __attribute__ ((__nonnull__ (1, 2, 3)));

/* Was the file, of FILE_SIZE bytes, closed without being put in order?  Then
 * *GAPS becomes how many bytes of it nothing names, as far as its header knows.
 */
extern bool
stream_gaps (const struct disk_hosted_header *header, uint64_t file_size,
             uint64_t *gaps) __attribute__ ((__nonnull__ (1, 3)));

/* The header of S as it is to be: without redundant tables, the directory at
 * the end.  RECORD: in use, with this record; NULL: closed.
 */
extern struct disk_hosted_header
stream_make_header (const struct stream *s, const struct stream_record *record)
  __attribute__ ((__nonnull__ (1)));

/* Note in a header for a closed file of FILE_SIZE bytes that it was not put in
 * order, and that nothing names GAPS of them.
 */
extern void
stream_note_gaps (struct disk_hosted_header *header, uint64_t file_size,
                  uint64_t gaps) __attribute__ ((__nonnull__ (1)));

/* Write HEADER to the file of S.  Returns -1, reported. */
extern int
stream_write_header (struct stream *s, const struct disk_hosted_header *header)
  __attribute__ ((__nonnull__ (1, 2)));

#endif /* VMDK_STREAM_LOG_H */
