/* SPDX-License-Identifier: BSD-3-Clause */
/* Real files in a directory of a test: see files.h. */

#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "test.h"

static const char *base;

void
files_begin (void)
{
  base = test_directory ();
}

const char *
files_path (const char *name)
{
  static char full[4][2 * PATH_MAX];
  static unsigned turn;
  char *p = full[turn++ % 4];

  snprintf (p, sizeof full[0], "%s/%s", base, name);
  return p;
}

const char *
files_temporary (void)
{
  static char name[NAME_MAX + 1];
  DIR *d = opendir (base);
  const struct dirent *e;

  MUST (d != NULL);
  name[0] = '\0';
  while ((e = readdir (d)) != NULL)
    if (e->d_name[0] == '.' && strspn (e->d_name, ".") != strlen (e->d_name))
      strcpy (name, e->d_name);
  closedir (d);
  return name;
}

unsigned
files_count (void)
{
  DIR *d = opendir (base);
  unsigned n = 0;

  MUST (d != NULL);
  while (readdir (d) != NULL)
    n++;
  closedir (d);
  return n - 2;
}

void
files_make (const char *name, const char *content, mode_t mode)
{
  int fd =
    open (files_path (name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

  MUST (fd >= 0 && fchmod (fd, mode) == 0);
  MUST (write (fd, content, strlen (content)) == (ssize_t) strlen (content));
  close (fd);
}

void
files_make_dir (const char *name)
{
  MUST (mkdir (files_path (name), 0755) == 0);
}

void
files_make_link (const char *target, const char *name)
{
  MUST (symlink (target, files_path (name)) == 0);
}

const char *
files_content (const char *name)
{
  static char content[100];
  int fd = open (files_path (name), O_RDONLY | O_CLOEXEC);
  ssize_t n;

  if (fd == -1)
    return "(none)";
  n = read (fd, content, sizeof content - 1);
  MUST (n >= 0);
  content[n] = '\0';
  close (fd);
  return content;
}

struct stat
files_stat (const char *name)
{
  struct stat st;

  MUST (lstat (files_path (name), &st) == 0);
  return st;
}

struct file *
files_open (const char *name)
{
  struct file *f = file_posix_open (files_path (name), FILE_WRITABLE);

  MUST (f != NULL && f->writable);
  return f;
}

struct file *
files_create_beside (struct file *f)
{
  struct file *by = file_create_beside (f);

  MUST (by != NULL);
  CHECK (by->writable);
  CHECK_INT (file_size (by), 0);
  CHECK_INT (file_pwrite (by, "new", 3, 0), 0);
  CHECK_INT (file_sync (by), 0);
  return by;
}

void
files_check_none_beside (const char *file, int line, struct file *f, int error)
{
  const unsigned before = files_count ();
  struct file *by;

  errno = 0;
  by = file_create_beside (f);
  test_check (file, line, by == NULL, "no new file");
  test_check_int (file, line, "errno", errno, error);
  test_check_int (file, line, "names", files_count (), before);
  file_discard (by);
}
