/* SPDX-License-Identifier: BSD-3-Clause */
/* Real files in a directory of a test, made and looked at with plain system
 * calls, and new ones beside them that are to take their places.
 */

#ifndef VMDK_FILES_H
#define VMDK_FILES_H

#include <sys/stat.h>
#include <sys/types.h>

#include "file.h"

/* Make the directory, which test_directory_remove removes. */
extern void files_begin (void);

/* The path of NAME in it; "." is the directory.  Good until the fourth call. */
extern const char *files_path (const char *name);

/* A new file of just that mode. */
extern void files_make (const char *name, const char *content, mode_t mode);

/* A new directory; a new link to TARGET. */
extern void files_make_dir (const char *name);
extern void files_make_link (const char *target, const char *name);

/* "(none)" if there is none.  Good until the next call. */
extern const char *files_content (const char *name);

/* Of the name itself, be it a link. */
extern struct stat files_stat (const char *name);

/* How many names there are, and one that begins with a dot, or "". */
extern unsigned files_count (void);
extern const char *files_temporary (void);

/* Open NAME for writing. */
extern struct file *files_open (const char *name);

/* A new file beside F that holds "new", synced. */
extern struct file *files_create_beside (struct file *f);

/* None can be made: errno is ERROR, and no name is new. */
extern void
files_check_none_beside (const char *file, int line, struct file *f, int error);

#define CHECK_NONE_BESIDE(f, error) \
  files_check_none_beside (__FILE__, __LINE__, f, error)

#endif /* VMDK_FILES_H */
