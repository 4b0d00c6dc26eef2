/* SPDX-License-Identifier: BSD-3-Clause */
/* A host that exists only in memory: a directory of files that can be opened
 * any number of times and replaced, a log of every change to them, and failures
 * at will.
 *
 * Its operations may be called from any threads.  They order nothing between
 * threads unless there is a log or a fault: a thread sanitizer is to see what
 * the core orders by itself.
 */

#ifndef VMDK_HOST_H
#define VMDK_HOST_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dir.h"
#include "file.h"

#define HOST_MAX_FILES 32
#define HOST_ROOM      (4 << 20) /* the usual room of a file, bytes */

enum host_operation {
  HOST_WRITE,
  HOST_ZERO,
  HOST_TRUNCATE,
  HOST_SYNC,
  HOST_CREATE,     /* file_create_beside */
  HOST_RENAME,     /* file_replace, which is also ... */
  HOST_SYNC_NAMES, /* ... this */
  HOST_READ,       /* not in the log, nor are those that follow */
  HOST_CHECK       /* file_check: something written before was lost */
};

/* Any operation that changes files. */
#define HOST_CHANGES                                                        \
  (1 << HOST_WRITE | 1 << HOST_ZERO | 1 << HOST_TRUNCATE | 1 << HOST_SYNC | \
   1 << HOST_CREATE | 1 << HOST_RENAME | 1 << HOST_SYNC_NAMES)

/* One line of the log. */
struct host_change {
  enum host_operation operation;
  unsigned file;
  unsigned name;          /* rename: FILES[NAME] is now the file's */
  uint64_t offset, count; /* truncate: COUNT is the new size */
  unsigned char *bytes;   /* write */
};

/* The N-th of the OPERATIONS (a set of bits 1 << enum host_operation), counted
 * from 1, fails with ERR.
 */
struct host_fault {
  unsigned operations;
  uint64_t nth; /* 0: none fails */
  int err;
  bool for_good; /* and all after it */
  bool half;     /* of a failing write, the first half is done */
};

/* A name, and the file that has it now.  A file that file_create_beside makes
 * has none; when it replaces another, they change places, so that names stay
 * where they are.
 */
struct host_file {
  char *name;           /* or NULL */
  unsigned file;        /* its number in the log, which renames do not change */
  unsigned opens;       /* as often it is open now */
  unsigned char *bytes; /* the host's room; zeroes behind SIZE */
  uint64_t size;
  uint64_t written; /* bytes from here on are zeroes, whatever the size */

  /* When the log began; OLD_BYTES is NULL if the file has come since. */
  unsigned old_file;
  unsigned char *old_bytes;
  uint64_t old_size;

  unsigned opened_for_writing; /* how often */
  bool locked_for_writing;     /* ever */
};

struct host {
  size_t room; /* bytes that a file can grow to; set before there are any */
  uint64_t refused; /* atomic: operations that failed for lack of that */
  struct host_file files[HOST_MAX_FILES];
  unsigned n_files;

  bool keeps_log;
  pthread_mutex_t lock; /* of the log, and of the changes in it */
  struct host_change *log;
  size_t n_log, log_room;

  struct host_fault fault;
  uint64_t counted; /* operations that the fault counts */
  unsigned faults;  /* operations that have failed */
  enum host_operation last_fault;

  /* Called before a read takes its bytes; and before a write, and before and
   * after a sync.  May be NULL.
   */
  void (*before_read) (uint64_t offset, size_t count);
  void (*meanwhile) (struct host *h);
};

extern struct host *host_create (void);
extern void host_free (struct host *h);

/* A new file, or a new content of an existing one.  Returns its place in FILES.
 */
extern unsigned
host_put (struct host *h, const char *name, const void *bytes, uint64_t size);

/* Begin the log; what the files hold now is durable. */
extern void host_start_log (struct host *h);

/* From now on, with a new count. */
extern void host_set_fault (struct host *h, struct host_fault fault);

/* Open the file called NAME, or return NULL with errno set. */
extern struct file *host_open (struct host *h, const char *name, bool writable);

/* The host as a directory; to be closed before the host is freed. */
extern struct dir *host_dir (struct host *h);

#endif /* VMDK_HOST_H */
