/* SPDX-License-Identifier: BSD-3-Clause */
/* A file as a row of bytes, whatever is behind it.
 *
 * The layer above knows VMDK and never a file descriptor.  Implementations:
 * file-posix.c (a regular file of the host) and, for tests and fuzzers,
 * file-memory.c.  All functions may be called from several threads at once on
 * the same file, except file_close.
 */

#ifndef VMDK_FILE_H
#define VMDK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which file it is, whatever it is called. */
struct file_id {
  uint64_t device;
  uint64_t inode;
};

struct file;

struct file_ops {
  /* Bytes now in the file, or -1 with errno set. */
  int64_t (*size) (struct file *f);

  /* Up to COUNT bytes at OFFSET; fewer only at the end of the file.  Returns
   * the number read, or -1 with errno set.
   */
  int64_t (*pread) (struct file *f, void *buf, size_t count, uint64_t offset);

  /* See file_hole_end and file_data_end.  Both NULL: there are no holes. */
  uint64_t (*hole_end) (struct file *f, uint64_t offset, uint64_t limit);
  uint64_t (*data_end) (struct file *f, uint64_t offset, uint64_t limit);

  /* A hint that the range will be read soon.  May be NULL. */
  void (*prefetch) (struct file *f, uint64_t offset, uint64_t count);

  /* Release what is behind F, then F itself. */
  void (*close) (struct file *f);
};

/* Implementations embed this as their first member. */
struct file {
  const struct file_ops *ops;
  char *name; /* fit to be printed; owned */
  struct file_id id;
};

/* The present size in bytes.  Returns -1 with errno set, reported. */
extern int64_t file_size (struct file *f) __attribute__ ((__nonnull__ (1)));

/* Read exactly COUNT bytes at OFFSET.  Returns 0; or -1 with errno set,
 * reported.  A file that ends before is EIO.
 */
extern int file_pread (struct file *f, void *buf, size_t count, uint64_t offset)
  __attribute__ ((__nonnull__ (1, 2)));

/* The same, but a failure is not reported: *PROBLEM becomes the message, which
 * the caller frees, or NULL if there is no memory for it.
 */
extern int
file_pread_quietly (struct file *f, void *buf, size_t count, uint64_t offset,
                    char **problem) __attribute__ ((__nonnull__ (1, 2, 5)));

/* Read what there is of COUNT bytes at OFFSET; the rest of BUF is zeroed.
 * Returns the number of bytes read, or -1 with errno set, reported.
 */
extern int64_t
file_pread_some (struct file *f, void *buf, size_t count, uint64_t offset)
  __attribute__ ((__nonnull__ (1, 2)));

/* The first byte at or after OFFSET, LIMIT at most, that may be data: OFFSET
 * itself unless it is in a hole of the file.
 */
extern uint64_t file_hole_end (struct file *f, uint64_t offset, uint64_t limit)
  __attribute__ ((__nonnull__ (1)));

/* The first byte at or after OFFSET, LIMIT at most, that is in a hole. */
extern uint64_t file_data_end (struct file *f, uint64_t offset, uint64_t limit)
  __attribute__ ((__nonnull__ (1)));

extern void file_prefetch (struct file *f, uint64_t offset, uint64_t count)
  __attribute__ ((__nonnull__ (1)));

/* F may be NULL. */
extern void file_close (struct file *f);
extern void cleanup_file_close (struct file **f);
#define CLEANUP_FILE_CLOSE __attribute__ ((__cleanup__ (cleanup_file_close)))

extern bool file_id_equal (struct file_id a, struct file_id b);

enum file_flags {
  FILE_UNBUFFERED = 1, /* leave nothing in the host's page cache */
};

/* Open the regular file at PATH of the host for reading; the user named it,
 * so symbolic links are followed.  Returns NULL with errno set, reported.
 */
extern struct file *file_posix_open (const char *path, unsigned flags)
  __attribute__ ((__nonnull__ (1)));

/* Take over FD, whatever it is.  NAME is copied (see quote.h).  Returns NULL
 * with errno set, not reported, FD closed: ENXIO if it is no regular file
 * (EISDIR if it is a directory).
 */
extern struct file *
file_posix_from_fd (int fd, const char *name, unsigned flags)
  __attribute__ ((__nonnull__ (2)));

#endif /* VMDK_FILE_H */
