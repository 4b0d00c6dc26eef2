/* SPDX-License-Identifier: BSD-3-Clause */
/* Directories of the host, and the only place that opens a file by a name
 * that came out of an image.
 *
 * openat2 with RESOLVE_BENEATH does it in one system call (Linux 5.6).  Where
 * it is missing or a sandbox forbids it, walk_open goes component by
 * component.  It holds a descriptor of every directory from D down to where it
 * is, goes up by dropping the last one rather than by opening "..", and opens
 * nothing by following a link, so that nobody who renames directories or
 * swaps links meanwhile can lead it out.
 */

#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#endif

#include "cleanup.h"
#include "dir-posix.h"
#include "file-posix.h"
#include "file.h"
#include "quote.h"
#include "report.h"

#define MAX_SYMLINKS 40 /* as the kernel has it */
#define MAX_DEPTH    64 /* directories below D: more than any disk has */

struct file *
dir_open_file (struct dir *d, const char *path, bool writable)
{
  return d->ops->open (d, path, writable);
}

void
dir_close (struct dir *d)
{
  if (d)
    d->ops->close (d);
}

static void
close_quietly (int fd)
{
  int saved = errno;

  close (fd);
  errno = saved;
}

#ifdef SYS_openat2

static int
openat2_beneath (int fd, const char *path, int flags)
{
  struct open_how how = {
    .flags = flags,
    .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
  };
  int r, tries;

  /* EAGAIN: something was renamed meanwhile, so that the kernel cannot tell
   * whether we are still beneath.
   */
  for (tries = 0; tries < 8; ++tries) {
    r = syscall (SYS_openat2, fd, path, &how, sizeof how);
    if (r >= 0 || errno != EAGAIN)
      break;
  }
  return r;
}

#else /* headers of before Linux 5.6 */

static int
openat2_beneath (int fd, const char *path, int flags)
{
  (void) fd;
  (void) path;
  (void) flags;
  errno = ENOSYS;
  return -1;
}

#endif

/* To open a device or a FIFO can do something already, so first only look. */
static int
beneath_open (int fd, const char *path, int mode)
{
  int looked = openat2_beneath (fd, path, O_PATH | O_CLOEXEC), r;

  if (looked == -1)
    return -1;
  r = file_posix_check_kind (looked);
  close_quietly (looked);
  return r == -1 ? -1
                 : openat2_beneath (fd, path, mode | FILE_POSIX_OPEN_FLAGS);
}

/* ---- the walk ---- */

struct walk {
  int fds[MAX_DEPTH]; /* fds[0] is the directory's own, not ours to close */
  int depth;
  int links;
  int mode;                /* O_RDONLY or O_RDWR */
  char path[2 * PATH_MAX]; /* what is still to be walked */
};

static void
walk_up (struct walk *w)
{
  close_quietly (w->fds[--w->depth]);
}

static int
walk_down (struct walk *w, int fd)
{
  if (w->depth == MAX_DEPTH) {
    close (fd);
    errno = ENAMETOOLONG;
    return -1;
  }
  w->fds[w->depth++] = fd;
  return 0;
}

/* Put the target of the symbolic link FD in front of what is still to be
 * walked.
 */
static int
walk_link (struct walk *w, int fd, const char *rest)
{
  char target[PATH_MAX + 1], next[2 * PATH_MAX];
  ssize_t n = readlinkat (fd, "", target, sizeof target - 1);

  if (n == -1)
    return -1;
  target[n] = '\0';
  if (target[0] == '/') {
    errno = EXDEV;
    return -1;
  }
  if (++w->links > MAX_SYMLINKS) {
    errno = ELOOP;
    return -1;
  }
  if (snprintf (next, sizeof next, "%s%s", target, rest) >= (int) sizeof next) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy (w->path, next);
  return 0;
}

/* Walk one component, NAME, which REST follows.  *FILE_FD becomes the file if
 * it was the last one.
 */
static int
walk_component (struct walk *w, const char *name, const char *rest,
                int *file_fd)
{
  int here = w->fds[w->depth - 1];
  struct stat st;
  int fd, r;

  if (strcmp (name, ".") == 0)
    return 0;
  if (strcmp (name, "..") == 0) {
    if (w->depth == 1) {
      errno = EXDEV;
      return -1;
    }
    walk_up (w);
    return 0;
  }
  fd = openat (here, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd == -1 || fstat (fd, &st) == -1)
    goto error;
  if (S_ISDIR (st.st_mode))
    return walk_down (w, fd);
  if (S_ISLNK (st.st_mode)) {
    r = walk_link (w, fd, rest);
    close_quietly (fd);
    return r;
  }
  if (*rest) {
    errno = ENOTDIR;
    goto error;
  }
  if (file_posix_check_kind (fd) == -1)
    goto error;
  close (fd);
  *file_fd = openat (here, name, w->mode | FILE_POSIX_OPEN_FLAGS | O_NOFOLLOW);
  return *file_fd == -1 ? -1 : 0;

error:
  if (fd >= 0)
    close_quietly (fd);
  return -1;
}

/* Take the first component off W->path.  Returns 1, 0 at the end, or -1 if it
 * is longer than any name can be.
 */
static int
walk_next (const struct walk *w, char name[NAME_MAX + 1],
           char rest[2 * PATH_MAX])
{
  const char *p = w->path + strspn (w->path, "/");
  size_t n = strcspn (p, "/");

  if (n == 0)
    return 0;
  if (n > NAME_MAX) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy (name, p, n);
  name[n] = '\0';
  strcpy (rest, p + n); /* a slash at the end says that it is a directory */
  return 1;
}

static int
walk_open (int dir_fd, const char *path, int mode)
{
  struct walk w = { .fds = { dir_fd }, .depth = 1, .mode = mode };
  char name[NAME_MAX + 1], rest[2 * PATH_MAX];
  int fd = -1, links, more;

  if (path[0] == '\0' || path[0] == '/' || strlen (path) >= PATH_MAX) {
    errno = path[0] == '\0' ? ENOENT : path[0] == '/' ? EXDEV : ENAMETOOLONG;
    return -1;
  }
  strcpy (w.path, path);
  while ((more = walk_next (&w, name, rest)) == 1) {
    links = w.links;
    if (walk_component (&w, name, rest, &fd) == -1 || fd >= 0)
      break;
    if (w.links == links)
      strcpy (w.path, rest);
  }
  if (more == 0)
    errno = EISDIR; /* the path ended at a directory */
  while (w.depth > 1)
    walk_up (&w);
  return fd;
}

/* ---- the directory ---- */

static int
open_beneath_once (const struct posix_dir *p, const char *path, int mode)
{
  int fd = -1;

  if (!p->avoid_openat2) {
    fd = beneath_open (p->fd, path, mode);
    /* E2BIG and EPERM are how sandboxes refuse a call they do not know. */
    if (fd >= 0 || (!file_posix_is_refused (errno) && errno != E2BIG))
      return fd;
  }
  return walk_open (p->fd, path, mode);
}

static int
open_beneath (const struct posix_dir *p, const char *path, int mode)
{
  unsigned tries = 0;
  int fd;

  do
    fd = open_beneath_once (p, path, mode);
  while (file_posix_try_again (&fd, &tries));
  return fd;
}

/* The file at PATH of D, whose descriptor is FD. */
static struct file *
file_from_fd (const struct dir *d, const char *path, int fd, unsigned flags)
{
  CLEANUP_FREE char *name = NULL;

  if (strcmp (d->name, ".") == 0)
    return file_posix_from_fd (fd, path, flags);
  if (asprintf (&name, "%s%s%s", d->name, strcmp (d->name, "/") ? "/" : "",
                path) == -1) {
    name = NULL;
    close (fd);
    return NULL;
  }
  return file_posix_from_fd (fd, name, flags);
}

static struct file *
posix_dir_open (struct dir *d, const char *path, bool writable)
{
  const struct posix_dir *p = (struct posix_dir *) d;
  const unsigned flags = p->flags & ~FILE_WRITABLE;
  struct file *f;
  int fd, write_errno;

  if (writable) {
    fd = open_beneath (p, path, O_RDWR);
    if (fd >= 0)
      return file_from_fd (d, path, fd, flags | FILE_WRITABLE);
    if (!file_posix_may_be_read (errno))
      return NULL;
  }
  write_errno = writable ? errno : 0;
  fd = open_beneath (p, path, O_RDONLY);
  if (fd == -1)
    return NULL;
  f = file_from_fd (d, path, fd, flags);
  if (f)
    f->write_errno = write_errno;
  return f;
}

int
dir_holds_any (struct dir *d, const char *name)
{
  return d->ops->holds_any ? d->ops->holds_any (d, name) : 0;
}

static int
posix_dir_holds_any (struct dir *d, const char *name)
{
  const int fd = openat (((struct posix_dir *) d)->fd, name,
                         O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *list = fd == -1 ? NULL : fdopendir (fd);
  const struct dirent *entry;
  int n = 0;

  if (list == NULL) {
    if (fd >= 0)
      close_quietly (fd);
    /* ELOOP: a symbolic link, which is no directory.  ENAMETOOLONG: there can
     * be none of that name.
     */
    return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
               errno == ENAMETOOLONG
             ? 0
             : -1;
  }
  while ((entry = readdir (list)) != NULL)
    if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
      n = 1;
  closedir (list);
  return n;
}

static void
posix_dir_close (struct dir *d)
{
  struct posix_dir *p = (struct posix_dir *) d;

  if (p->fd >= 0)
    close (p->fd);
  free (d->name);
  free (d->path);
  free (p);
}

static const struct dir_ops posix_dir_ops = {
  .holds_any = posix_dir_holds_any,
  .open = posix_dir_open,
  .close = posix_dir_close,
  .create = dir_posix_create,
  .look = dir_posix_look,
  .publish = dir_posix_publish,
  .remove = dir_posix_remove,
  .sync = dir_posix_sync,
};

struct dir *
dir_posix_open (const char *path, unsigned flags)
{
  struct posix_dir *p = calloc (1, sizeof *p);
  CLEANUP_FREE char *quoted = quote (path);

  if (p == NULL || quoted == NULL) {
    report_error ("cannot open a directory: %m");
    free (p);
    return NULL;
  }
  p->dir.ops = &posix_dir_ops;
  p->flags = flags;
  /* First what may fail without harm, as it changes errno. */
  p->dir.path = realpath (path, NULL);
  p->dir.name = strdup (path);
  p->fd = p->dir.name ? file_posix_open_fd (path, O_PATH | O_DIRECTORY) : -1;
  if (p->fd == -1) {
    if (errno == EMFILE)
      file_posix_report_limit (quoted);
    else
      report_error ("%s: cannot open the directory: %m", quoted);
    posix_dir_close (&p->dir);
    return NULL;
  }
  return &p->dir;
}

void
dir_posix_avoid_openat2 (struct dir *d)
{
  ((struct posix_dir *) d)->avoid_openat2 = true;
}
