/* SPDX-License-Identifier: BSD-3-Clause */
/* What dir-posix.c and dir-create.c share; not for other layers. */

#ifndef VMDK_DIR_POSIX_H
#define VMDK_DIR_POSIX_H

#include <stdbool.h>
#include <stdint.h>

#include "dir.h"

struct posix_dir {
  struct dir dir;
  int fd; /* O_PATH */
  unsigned flags;
  bool avoid_openat2;
};

/* The operations of struct dir_ops that make files. */
extern struct file *dir_posix_create (struct dir *d, const char *name,
                                      uint64_t size, struct dir_space *reserve);
extern int dir_posix_look (struct dir *d, const char *name);
extern int dir_posix_publish (struct dir *d, const char *from, const char *to);
extern int dir_posix_remove (struct dir *d, const char *name);
extern int dir_posix_sync (struct dir *d);

#endif /* VMDK_DIR_POSIX_H */
