/* SPDX-License-Identifier: BSD-3-Clause */
/* A file that takes the place of another: what is under the name then and what
 * the old descriptor reads, and that nothing is left where it is refused.
 */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file-memory.h"
#include "file.h"
#include "files.h"
#include "test.h"

/* ---- a host whose directories cannot be synced ---- */

static int dir_sync_errno;
static char synced[8]; /* f or d for each, in turn */

/* In front of the C library's. */
int
fsync (int fd)
{
  struct stat st;
  size_t n = strlen (synced);

  MUST (fstat (fd, &st) == 0);
  if (n + 1 < sizeof synced)
    synced[n] = S_ISDIR (st.st_mode) ? 'd' : 'f';
  errno = dir_sync_errno;
  if (S_ISDIR (st.st_mode) && errno != 0)
    return -1;
  return syscall (SYS_fsync, fd);
}

static void
check_content (int line, struct file *f, const char *expected)
{
  char found[100] = "";

  CHECK (file_pread_some (f, found, sizeof found - 1, 0) >= 0);
  test_check_string (__FILE__, line, f->name, found, expected);
}

#define CHECK_CONTENT(f, expected) check_content (__LINE__, f, expected)

/* ---- the content ---- */

static void
the_name_is_the_new_files_and_the_old_one_keeps_its_content (void)
{
  struct file *f, *by;

  files_make ("disk", "old", 0644);
  f = files_open ("disk");
  by = files_create_beside (f);
  CHECK_INT (files_count (), 2);
  CHECK_STRING (files_content ("disk"), "old");
  synced[0] = '\0';
  CHECK_INT (file_replace (f, by), 0);
  CHECK_STRING (synced, "fd");
  CHECK_INT (files_count (), 1);
  CHECK_STRING (files_content ("disk"), "new");
  CHECK_CONTENT (f, "old");
  CHECK_CONTENT (by, "new");
  CHECK_INT (file_pwrite (by, "er", 2, 3), 0);
  CHECK_STRING (files_content ("disk"), "newer");
  file_close (f);
  file_close (by);
  CHECK_STRING (files_content ("disk"), "newer");
  unlink (files_path ("disk"));
  CHECK_SILENT ();
}

static void
what_has_replaced_can_be_replaced (void)
{
  struct file *f, *by, *next;

  files_make ("disk", "old", 0644);
  f = files_open ("disk");
  by = files_create_beside (f);
  CHECK_INT (file_replace (f, by), 0);
  CHECK_NONE_BESIDE (f, EOPNOTSUPP);
  next = file_create_beside (by);
  MUST (next != NULL);
  CHECK_INT (file_replace (by, next), 0);
  CHECK_STRING (files_content ("disk"), "");
  CHECK_INT (files_count (), 1);
  file_close (f);
  file_close (by);
  file_discard (next); /* has nothing to remove any more */
  CHECK_INT (files_count (), 1);
  unlink (files_path ("disk"));
}

static void
a_link_to_the_file_is_not_replaced (void)
{
  struct file *f, *by;
  char target[PATH_MAX] = "";

  MUST (mkdir (files_path ("far"), 0755) == 0);
  files_make ("far/disk", "old", 0644);
  MUST (symlink ("far/disk", files_path ("link")) == 0);
  f = files_open ("link");
  by = files_create_beside (f);
  CHECK_INT (files_count (), 2); /* the new one is beside the file */
  CHECK_INT (file_replace (f, by), 0);
  CHECK_INT (readlink (files_path ("link"), target, sizeof target - 1), 8);
  CHECK_STRING (target, "far/disk");
  CHECK_STRING (files_content ("link"), "new");
  CHECK (S_ISREG (files_stat ("far/disk").st_mode));
  file_close (f);
  file_close (by);
  MUST (unlink (files_path ("far/disk")) == 0 &&
        unlink (files_path ("link")) == 0);
  MUST (rmdir (files_path ("far")) == 0); /* nothing else was in it */
}

static void
messages_call_the_new_file_by_the_name_of_the_old (void)
{
  struct file *f, *by;

  files_make ("a\001\\b", "old", 0644);
  f = files_open ("a\001\\b");
  by = file_create_beside (f);
  MUST (by != NULL);
  CHECK_STRING (by->name, f->name);
  file_discard (by);
  file_close (f);
  unlink (files_path ("a\001\\b"));
}

static void
the_longest_names_are_replaced (void)
{
  char name[NAME_MAX + 1];
  struct file *f, *by;

  memset (name, 'n', NAME_MAX);
  name[NAME_MAX] = '\0';
  files_make (name, "old", 0644);
  f = files_open (name);
  by = files_create_beside (f);
  CHECK_INT (file_replace (f, by), 0);
  CHECK_STRING (files_content (name), "new");
  CHECK_INT (files_count (), 1);
  file_close (f);
  file_close (by);
  unlink (files_path (name));
}

/* ---- giving up ---- */

static void
a_discarded_file_leaves_nothing (void)
{
  struct file *f, *by;
  char name[NAME_MAX + 1];

  files_make ("disk", "old", 0644);
  f = files_open ("disk");
  errno = 12345;
  file_discard (files_create_beside (f));
  CHECK_INT (files_count (), 1);
  file_close (files_create_beside (f)); /* not the right way, but still */
  CHECK_INT (files_count (), 1);
  file_discard (NULL);

  /* What somebody has put under its name is not ours to remove. */
  by = files_create_beside (f);
  snprintf (name, sizeof name, "%s", files_temporary ());
  MUST (unlink (files_path (name)) == 0);
  files_make (name, "theirs", 0600);
  file_discard (by);
  CHECK_STRING (files_content (name), "theirs");
  MUST (unlink (files_path (name)) == 0);
  CHECK_STRING (files_content ("disk"), "old");
  file_close (f);
  unlink (files_path ("disk"));
}

static void
no_descriptor_is_left_open (void)
{
  int before = dup (0), after;
  struct file *f, *by;

  MUST (before >= 0);
  close (before);
  files_make ("disk", "old", 0644);
  f = files_open ("disk");
  file_discard (files_create_beside (f));
  by = files_create_beside (f);
  CHECK_INT (file_replace (f, by), 0);
  CHECK_NONE_BESIDE (f, EOPNOTSUPP);
  file_close (f);
  file_close (by);
  after = dup (0);
  close (after);
  CHECK_INT (after, before);
  unlink (files_path ("disk"));
}

/* ---- where it is not possible ---- */

static void
a_file_with_two_names_is_not_replaced (void)
{
  struct file *f, *by;

  files_make ("disk", "old", 0644);
  f = files_open ("disk");
  MUST (link (files_path ("disk"), files_path ("other")) == 0);
  CHECK_NONE_BESIDE (f, EMLINK);
  unlink (files_path ("other"));
  by = files_create_beside (f);
  MUST (link (files_path ("disk"), files_path ("other")) == 0);
  CHECK_INT (file_replace (f, by), -1);
  CHECK_INT (errno, EMLINK);
  file_discard (by);
  CHECK_STRING (files_content ("disk"), "old");
  CHECK_INT (files_count (), 2);
  file_close (f);
  unlink (files_path ("other"));
  unlink (files_path ("disk"));
  CHECK_SILENT ();
}

static void
a_file_that_is_gone_is_not_replaced (void)
{
  struct file *f, *by;

  files_make ("disk", "old", 0644);
  f = files_open ("disk");
  by = files_create_beside (f);
  unlink (files_path ("disk"));
  CHECK_INT (file_replace (f, by), -1);
  CHECK_INT (errno, EOPNOTSUPP);
  files_make ("disk", "theirs", 0644);
  CHECK_INT (file_replace (f, by), -1);
  CHECK_INT (errno, EOPNOTSUPP);
  file_discard (by);
  CHECK_NONE_BESIDE (f, EOPNOTSUPP);
  /* So the kernel calls it. */
  files_make ("disk (deleted)", "theirs", 0644);
  CHECK_NONE_BESIDE (f, EOPNOTSUPP);
  CHECK_STRING (files_content ("disk"), "theirs");
  CHECK_STRING (files_content ("disk (deleted)"), "theirs");
  file_close (f);
  unlink (files_path ("disk"));
  unlink (files_path ("disk (deleted)"));
  CHECK_SILENT ();
}

static void
a_file_that_was_moved_is_replaced_only_where_it_is (void)
{
  struct file *f, *by;

  files_make ("disk", "old", 0644);
  f = files_open ("disk");
  by = files_create_beside (f);
  MUST (rename (files_path ("disk"), files_path ("moved")) == 0);
  files_make ("disk", "theirs", 0644);
  CHECK_INT (file_replace (f, by), -1);
  CHECK_INT (errno, EOPNOTSUPP);
  file_discard (by);
  by = files_create_beside (f);
  CHECK_INT (file_replace (f, by), 0);
  CHECK_STRING (files_content ("disk"), "theirs");
  CHECK_STRING (files_content ("moved"), "new");
  CHECK_INT (files_count (), 2);
  file_close (f);
  file_close (by);
  unlink (files_path ("disk"));
  unlink (files_path ("moved"));
}

/* As somebody who is not root; the directory is not his, or read-only. */
static void
create_in_foreign_directory (void)
{
  struct file *f = files_open ("disk");

  CHECK_NONE_BESIDE (f, EACCES);
  CHECK_INT (file_pwrite (f, "OLD", 3, 0), 0);
  file_close (f);
  CHECK_SILENT ();
}

static void
a_directory_that_may_not_be_written_to_is_an_error (void)
{
  files_make ("disk", "old", 0666);
  MUST (chmod (files_path ("."), 0555) == 0);
  test_as_nobody (create_in_foreign_directory);
  MUST (chmod (files_path ("."), 0755) == 0);
  CHECK_STRING (files_content ("disk"), "OLD");
  unlink (files_path ("disk"));
}

static void
files_in_memory_are_not_replaced (void)
{
  struct file *f = file_memory_create ("memory", NULL, 0, 0, 1);

  MUST (f != NULL);
  CHECK (file_create_beside (f) == NULL);
  CHECK_INT (errno, EOPNOTSUPP);
  file_close (f);
}

/* In a child with mounts of its own; exit status 2: that is not allowed. */
static int
try_mounted (void)
{
  const unsigned before = test_failures ();
  struct file *f;

  if (unshare (CLONE_NEWNS) == -1 ||
      mount ("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == -1 ||
      mount (files_path ("disk"), files_path ("mounted"), "none", MS_BIND,
             NULL) == -1)
    return 2;
  f = files_open ("mounted");
  CHECK_NONE_BESIDE (f, EBUSY);
  file_close (f);
  return test_failures () > before;
}

static void
a_file_that_is_a_mount_of_its_own_is_not_replaced (void)
{
  int status;
  pid_t child;

  files_make ("disk", "old", 0644);
  files_make ("mounted", "", 0644);
  child = fork ();
  MUST (child >= 0);
  if (child == 0)
    _exit (try_mounted ());
  MUST (waitpid (child, &status, 0) == child && WIFEXITED (status));
  if (WEXITSTATUS (status) == 2)
    printf ("not tried: nothing can be mounted here\n");
  else
    CHECK_INT (WEXITSTATUS (status), 0);
  unlink (files_path ("mounted"));
  unlink (files_path ("disk"));
}

static void
a_directory_that_cannot_be_synced_is_told_of (void)
{
  struct file *f, *by;

  files_make ("disk", "old", 0644);
  f = files_open ("disk");
  by = files_create_beside (f);
  dir_sync_errno = EIO;
  CHECK_INT (file_replace (f, by), 1);
  CHECK_INT (errno, EIO);
  CHECK_STRING (files_content ("disk"), "new");
  CHECK_INT (files_count (), 1);
  file_close (f);
  f = by;
  by = files_create_beside (f);
  dir_sync_errno = EINVAL; /* there is nothing to sync */
  CHECK_INT (file_replace (f, by), 0);
  dir_sync_errno = 0;
  file_close (f);
  file_close (by);
  unlink (files_path ("disk"));
}

/* ---- locks ---- */

/* Which bytes of NAME a stranger finds locked: a bit for each. */
static unsigned
locked_bytes (const char *name)
{
  int fd = open (files_path (name), O_RDWR | O_CLOEXEC);
  unsigned locked = 0, i;

  MUST (fd >= 0);
  for (i = 0; i < 8; ++i) {
    struct flock l = { F_WRLCK, SEEK_SET, i < 4 ? 100 + i : 196 + i, 1, 0 };

    MUST (fcntl (fd, F_OFD_GETLK, &l) == 0);
    if (l.l_type != F_UNLCK)
      locked |= 1u << i;
  }
  close (fd);
  return locked;
}

static void
the_new_file_is_locked_like_the_old_one_from_the_beginning (void)
{
  struct file *f, *by;
  unsigned locked;

  files_make ("disk", "old", 0644);
  f = files_open ("disk");
  by = files_create_beside (f);
  CHECK_INT (locked_bytes (files_temporary ()), 0);
  file_discard (by);
  CHECK_INT (file_lock (f, FILE_LOCK_WRITE), 0);
  locked = locked_bytes ("disk");
  CHECK (locked != 0);
  by = files_create_beside (f);
  CHECK_INT (locked_bytes (files_temporary ()), locked);
  CHECK_INT (file_replace (f, by), 0);
  CHECK_INT (locked_bytes ("disk"), locked);
  file_close (f);
  CHECK_INT (locked_bytes ("disk"), locked);
  CHECK_INT (file_lock (by, FILE_LOCK_READ), 0);
  CHECK (locked_bytes ("disk") != locked);
  file_close (by);
  CHECK_INT (locked_bytes ("disk"), 0);
  unlink (files_path ("disk"));
}

int
main (void)
{
  files_begin ();
  RUN (the_name_is_the_new_files_and_the_old_one_keeps_its_content);
  RUN (what_has_replaced_can_be_replaced);
  RUN (a_link_to_the_file_is_not_replaced);
  RUN (messages_call_the_new_file_by_the_name_of_the_old);
  RUN (the_longest_names_are_replaced);
  RUN (a_discarded_file_leaves_nothing);
  RUN (no_descriptor_is_left_open);
  RUN (a_file_with_two_names_is_not_replaced);
  RUN (a_file_that_is_gone_is_not_replaced);
  RUN (a_file_that_was_moved_is_replaced_only_where_it_is);
  RUN (a_directory_that_may_not_be_written_to_is_an_error);
  RUN (files_in_memory_are_not_replaced);
  RUN (a_file_that_is_a_mount_of_its_own_is_not_replaced);
  RUN (a_directory_that_cannot_be_synced_is_told_of);
  RUN (the_new_file_is_locked_like_the_old_one_from_the_beginning);
  test_directory_remove ();
  return test_result ();
}
