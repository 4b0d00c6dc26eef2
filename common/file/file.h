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

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which file it is, whatever it is called. */
struct file_id {
  uint64_t device;
  uint64_t inode;
};

struct file;

/* A piece of what is written at once. */
struct file_part {
  const void *bytes;
  size_t count;
};

/* How a file is locked against other programs, qemu's tools among them. */
enum file_lock {
  FILE_LOCK_READ, /* others may read, none may write */
  FILE_LOCK_WRITE /* no other may use it at all */
};

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

  /* What changes the file.  Each returns 0, or -1 with errno set, and is called
   * only if F->writable.
   *
   * pwrite: all N parts, one behind the other, from OFFSET on; beyond the end
   * it grows the file.
   */
  int (*pwrite) (struct file *f, const struct file_part *parts, unsigned n,
                 uint64_t offset);

  /* Let the range, which is inside the file, read as zeroes; PUNCH: and give
   * its space back, else keep it.  EOPNOTSUPP if the host has no such thing.
   */
  int (*zero) (struct file *f, uint64_t offset, uint64_t count, bool punch);

  /* A hint that the range has been written for now and a sync will follow.  May
   * be NULL.
   */
  void (*write_back) (struct file *f, uint64_t offset, uint64_t count);

  /* Does zero work in this mode, as far as is known?  Changes no byte of the
   * file.  NULL: it does not.
   */
  bool (*zero_is_fast) (struct file *f, bool punch);

  int (*truncate) (struct file *f, uint64_t size);

  /* Make durable what has been written before.  Never called by two threads at
   * once; nor is lock, which is called whether or not F->writable.
   */
  int (*sync) (struct file *f);

  /* Has bringing what was written to the medium failed since, as far as is
   * known?  The same failure as sync's, without waiting for the rest.  NULL:
   * only sync can tell.
   */
  int (*check) (struct file *f);

  /* See file_spoilt.  NULL: nobody else can come to the file. */
  const char *(*spoilt) (struct file *f, bool changed, bool now);

  /* See file_lock.  May be NULL: there is nobody to lock out. */
  int (*lock) (struct file *f, enum file_lock lock);

  /* See file_create_beside and those after it.  All NULL: F cannot be replaced.
   * The first two are called only if F->writable.
   */
  struct file *(*create_beside) (struct file *f);
  int (*replace) (struct file *f, struct file *by);
  void (*discard) (struct file *by); /* only its name; it is closed afterwards
                                      */

  /* Release what is behind F, then F itself. */
  void (*close) (struct file *f);
};

/* Implementations embed this as their first member; see file_init. */
struct file {
  const struct file_ops *ops;
  char *name; /* fit to be printed; owned */
  struct file_id id;

  /* Opened for writing; if that was wanted but could not be, WRITE_ERRNO says
   * why.
   */
  bool writable;
  int write_errno;

  int sync_errno; /* of the first sync that failed; guarded by mutex */
  bool unsynced; /* atomic: there have been changes since the last sync began */

  /* Held during a sync, so that nobody takes one that is under way for done,
   * and while the lock against other programs changes.
   */
  pthread_mutex_t mutex;
};

/* For implementations: set up F, which is all zero, with a copy of NAME (see
 * quote.h).  Returns 0, or -1 with errno set, not reported; in both cases
 * file_fini releases what F owns.
 */
extern int file_init (struct file *f, const struct file_ops *ops,
                      const char *name) __attribute__ ((__nonnull__ (1, 2, 3)));
extern void file_fini (struct file *f) __attribute__ ((__nonnull__ (1)));

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

/* Let the host begin to bring the range to the medium, so that the sync that
 * will follow has less to do.
 */
extern void file_write_back (struct file *f, uint64_t offset, uint64_t count)
  __attribute__ ((__nonnull__ (1)));

/* ---- changing a file that is writable ----
 *
 * Each returns 0; or -1 with errno set, reported.  When a write fails, any part
 * of it may have been done.
 */

/* Write COUNT bytes at OFFSET; the file grows if need be. */
extern int file_pwrite (struct file *f, const void *buf, size_t count,
                        uint64_t offset) __attribute__ ((__nonnull__ (1, 2)));

/* The same for N (up to 8) parts that follow each other in the file. */
extern int
file_pwrite_parts (struct file *f, const struct file_part *parts, unsigned n,
                   uint64_t offset) __attribute__ ((__nonnull__ (1, 2)));

/* Let the range, which must be inside the file, read as zeroes.  PUNCH: give
 * its space back to the host if that is possible, else keep it.  Where the host
 * cannot do that, zeroes are written.
 */
extern int file_zero (struct file *f, uint64_t offset, uint64_t count,
                      bool punch) __attribute__ ((__nonnull__ (1)));

/* Can file_zero do without writing?  Asking changes no byte of F, but may touch
 * its time stamps.
 */
extern bool file_zero_is_fast (struct file *f, bool punch)
  __attribute__ ((__nonnull__ (1)));

extern int
file_truncate (struct file *f, uint64_t size) __attribute__ ((__nonnull__ (1)));

/* Make durable all that was changed before this call, by any thread.  Costs
 * nothing if there was nothing.  Once it has failed, it fails always.
 */
extern int file_sync (struct file *f) __attribute__ ((__nonnull__ (1)));

/* The same failures, as far as the host knows of any by now, but nothing is
 * made durable: for who has read back what was written, and must not take what
 * the host had lost before for what was written.
 */
extern int file_check (struct file *f) __attribute__ ((__nonnull__ (1)));

/* Has another program spoilt F since it was opened?  Returns NULL, or what it
 * has done, as the end of a sentence about F: another file has taken its name,
 * it was cut off, or, if CHANGED is set, its time stamp or size says that its
 * bytes were changed.  Once spoilt, it stays so.  Nothing that is done through
 * F counts; once F has been changed in that way, changes by others cannot be
 * told from it any more, unless they cut F off.  That F was removed, or moved
 * with nothing in its place, does not count.
 *
 * Unless it is to be NOW, the host is asked FILE_LOOKS_PER_SECOND times at
 * most, so this costs next to nothing, and what has happened since the last
 * time may go unnoticed.
 */
extern const char *file_spoilt (struct file *f, bool changed, bool now)
  __attribute__ ((__nonnull__ (1)));

#define FILE_LOOKS_PER_SECOND 20

/* ---- replacing a writable file by a better one ----
 *
 * The first two return -1 (or NULL) with errno set, NOT reported, since the
 * caller can go on with the file as it is.
 */

/* A new, empty file in the directory of F, under a temporary name, writable,
 * locked as F is now, and for the same people; messages call it by the name of
 * F.  It ends with file_discard or, after it has replaced F, with file_close.
 *
 * Nobody gains access by it.  Its owner and group are those of F; where the
 * host forbids that, its mode allows less, or, if the owner of F would lose
 * access, the error is EPERM.  EMLINK if F has several names, of which only one
 * could be replaced; EBUSY if its name cannot be given to another; EOPNOTSUPP
 * if the host does not tell where F is, or F has been removed.
 */
extern struct file *
file_create_beside (struct file *f) __attribute__ ((__nonnull__ (1)));

/* Let BY, which file_create_beside made for F and whose content is synced, take
 * the place of F under its name, durably.  Both stay open; F has no name then.
 * Returns 0; -1 if F has kept its name (EMLINK as above, EOPNOTSUPP if F has
 * been moved or removed meanwhile); or 1 if BY has it, but errno says why a
 * crash might still give it back to F.
 */
extern int file_replace (struct file *f, struct file *by)
  __attribute__ ((__nonnull__ (1, 2)));

/* Remove BY, which did not replace anything, and close it.  NULL: nothing. */
extern void file_discard (struct file *by);

/* ---- for writable files and others ---- */

/* Lock F, or raise or lower its lock to LOCK; it is held until F is closed.
 * Returns 0; or -1 with errno set, NOT reported: EAGAIN if another program's
 * lock forbids it (the lock is then as it was before).  Where the host has no
 * locks, 0.  Lowering a lock does not fail.
 */
extern int file_lock (struct file *f, enum file_lock lock)
  __attribute__ ((__nonnull__ (1)));

/* F may be NULL. */
extern void file_close (struct file *f);
extern void cleanup_file_close (struct file **f);
#define CLEANUP_FILE_CLOSE __attribute__ ((__cleanup__ (cleanup_file_close)))

extern bool file_id_equal (struct file_id a, struct file_id b);

enum file_flags {
  FILE_UNBUFFERED = 1, /* leave nothing in the host's page cache */
  FILE_WRITABLE = 2,   /* for writing too, unless the host forbids that */
};

/* How many files this process may have open; UINT64_MAX if nobody knows. */
extern uint64_t file_limit (void);

/* How many it may have open for a disk: the limit raised as far as it goes, and
 * enough left for clients and for what else is open.
 */
extern uint64_t file_most_open (void);

/* Open the regular file at PATH of the host; the user named it, so symbolic
 * links are followed.  Returns NULL with errno set, reported.
 */
extern struct file *file_posix_open (const char *path, unsigned flags)
  __attribute__ ((__nonnull__ (1)));

/* Take over FD, whatever it is; with FILE_WRITABLE it is open for reading and
 * writing.  NAME is copied (see quote.h).  Returns NULL with errno set, not
 * reported, FD closed: ENXIO if it is no regular file (EISDIR if it is a
 * directory).
 */
extern struct file *
file_posix_from_fd (int fd, const char *name, unsigned flags)
  __attribute__ ((__nonnull__ (2)));

#endif /* VMDK_FILE_H */
