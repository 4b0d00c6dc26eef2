/* SPDX-License-Identifier: BSD-3-Clause */
/* Files and directories that exist only in memory, for tests and fuzzers. */

#ifndef VMDK_FILE_MEMORY_H
#define VMDK_FILE_MEMORY_H

#include "dir.h"
#include "file.h"

/* A writable file that holds a copy of the SIZE bytes at DATA (which may be
 * NULL if SIZE is 0), then a hole up to LENGTH.  INODE is its identity.  A
 * write into the hole makes data of all that is before it.  Returns NULL with
 * errno set.
 */
extern struct file *
file_memory_create (const char *name, const void *data, size_t size,
                    uint64_t length, uint64_t inode)
  __attribute__ ((__nonnull__ (1)));

/* Let every read of F fail with ERR from now on; 0 ends that. */
extern void file_memory_fail_reads (struct file *f, int err)
  __attribute__ ((__nonnull__ (1)));

/* How many reads F has had. */
extern unsigned
file_memory_reads (struct file *f) __attribute__ ((__nonnull__ (1)));

/* Let every change of F, but for the next AFTER ones, fail with ERR and do
 * nothing from now on; 0 ends that.
 */
extern void file_memory_fail_changes (struct file *f, unsigned after, int err)
  __attribute__ ((__nonnull__ (1)));

/* Let every sync of F fail with ERR from now on; 0 ends that. */
extern void file_memory_fail_syncs (struct file *f, int err)
  __attribute__ ((__nonnull__ (1)));

/* How many syncs F has had, failed ones included. */
extern unsigned
file_memory_syncs (struct file *f) __attribute__ ((__nonnull__ (1)));

/* A directory without any files. */
extern struct dir *dir_memory_create (const char *name, const char *path)
  __attribute__ ((__nonnull__ (1)));

/* Let PATH of D be a file that holds a copy of the SIZE bytes at DATA.  Each
 * time it is opened it is new: what was written is gone.
 * Returns 0, or -1 with errno set.
 */
extern int dir_memory_add (struct dir *d, const char *path, const void *data,
                           size_t size) __attribute__ ((__nonnull__ (1, 2)));

#endif /* VMDK_FILE_MEMORY_H */
