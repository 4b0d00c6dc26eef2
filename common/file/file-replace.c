/* SPDX-License-Identifier: BSD-3-Clause */
/* A new file that takes the place of another one: it is made beside it under a
 * temporary name and gets the other's name when it is complete.
 *
 * F was opened long ago, perhaps by a name that leads somewhere else now.  So
 * its place is what the kernel says, and what is there must be F itself, at
 * first and again when it is replaced.
 */

#include <config.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cleanup.h"
#include "file-posix.h"
#include "stats.h"

/* Bytes of the old name in the temporary one, which must be below 256. */
#define MAX_REPEATED 200

#define ACL           "system.posix_acl_access"
#define MAX_ATTRIBUTE (64 * 1024) /* of a value, and of a list of names */

/* Where a new file is, and what it is to be called. */
struct temporary {
  int dir;
  char *name;   /* owned; NULL: there is no file yet */
  char *target; /* owned */
};

static void
temporary_free (struct temporary *t)
{
  int saved = errno;

  if (t->dir >= 0)
    close (t->dir);
  free (t->name);
  free (t->target);
  free (t);
  errno = saved;
}

/* ---- where a file is ---- */

/* Is NAME in the directory of T still F?  -1 with errno set if not. */
static int
check_name (const struct temporary *t, const char *name, const struct file *f)
{
  struct stat st;

  if (fstatat (t->dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
    if (errno == ENOENT)
      errno = EOPNOTSUPP;
    return -1;
  }
  if (!file_id_equal ((struct file_id){ st.st_dev, st.st_ino }, f->id)) {
    errno = EOPNOTSUPP;
    return -1;
  }
  if (st.st_nlink != 1) {
    errno = EMLINK;
    return -1;
  }
  return 0;
}

/* A file that is mounted by itself, as for a container, can be written to, but
 * not replaced; better to know that before a new one has been filled.
 */
static int
check_no_mount (const struct temporary *t)
{
#ifdef STATX_ATTR_MOUNT_ROOT
  struct statx st;

  if (statx (t->dir, t->target, AT_SYMLINK_NOFOLLOW, 0, &st) == 0 &&
      (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)) {
    errno = EBUSY;
    return -1;
  }
#else
  (void) t;
#endif
  return 0;
}

/* Open the directory of the file FD and find its name in there. */
static int
find_file (struct temporary *t, int fd)
{
  char link[40], path[PATH_MAX], *slash;
  ssize_t n;

  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  n = readlink (link, path, sizeof path - 1);
  if (n <= 0 || path[0] != '/') {
    errno = EOPNOTSUPP;
    return -1;
  }
  path[n] = '\0';
  slash = strrchr (path, '/');
  t->target = strdup (slash + 1);
  if (t->target == NULL)
    return -1;
  slash[slash == path] = '\0';
  /* Not O_PATH: it is to be synced, after the rename, where an error would be
   * too late.
   */
  t->dir = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (t->dir == -1 && (errno == ENOENT || errno == ENOTDIR))
    errno = EOPNOTSUPP;
  return t->dir == -1 ? -1 : 0;
}

/* Returns NULL with errno set. */
static struct temporary *
temporary_beside (struct posix_file *p)
{
  struct temporary *t = calloc (1, sizeof *t);

  if (t == NULL)
    return NULL;
  t->dir = -1;
  if (find_file (t, p->fd) == -1 || check_name (t, t->target, &p->file) == -1 ||
      check_no_mount (t) == -1) {
    temporary_free (t);
    return NULL;
  }
  return t;
}

/* ---- who may use it ---- */

static bool
has_no_acl (int err)
{
  return err == ENODATA || err == EOPNOTSUPP;
}

/* SAME: the owner and the group are, whom an ACL speaks of. */
static int
copy_acl (int from, int to, bool same)
{
  CLEANUP_FREE char *acl = malloc (MAX_ATTRIBUTE);
  ssize_t n;

  if (acl == NULL)
    return -1;
  n = fgetxattr (from, ACL, acl, MAX_ATTRIBUTE);
  if (n >= 0 && !same) {
    errno = EPERM;
    return -1;
  }
  if (n >= 0)
    return fsetxattr (to, ACL, acl, n, 0);
  /* The directory may have given the new file one. */
  if (has_no_acl (errno) && (fremovexattr (to, ACL) == 0 || has_no_acl (errno)))
    return 0;
  return -1;
}

/* Labels and what users have noted; a disk is as good without. */
static void
copy_attributes (int from, int to)
{
  CLEANUP_FREE char *names = malloc (MAX_ATTRIBUTE);
  CLEANUP_FREE char *value = malloc (MAX_ATTRIBUTE);
  ssize_t n, i, length;

  if (names == NULL || value == NULL)
    return;
  n = flistxattr (from, names, MAX_ATTRIBUTE);
  for (i = 0; i < n; i += strlen (names + i) + 1) {
    if (strncmp (names + i, "user.", 5) != 0 &&
        strcmp (names + i, "security.selinux") != 0)
      continue;
    length = fgetxattr (from, names + i, value, MAX_ATTRIBUTE);
    if (length >= 0)
      (void) fsetxattr (to, names + i, value, length, 0);
  }
}

/* Give TO the owner and group in WANT as far as we may. */
static int
copy_owner (int to, const struct stat *want, struct stat *have)
{
  if (fstat (to, have) == -1)
    return -1;
  if (have->st_uid == want->st_uid && have->st_gid == want->st_gid)
    return 0;
  if (fchown (to, want->st_uid, want->st_gid) == -1 &&
      fchown (to, -1, want->st_gid) == -1)
    return 0; /* what that means, the caller sees */
  return fstat (to, have);
}

/* The new file TO shall be used by those who use FROM, and by nobody else.
 *
 * If it has another group, the members of that group were others before, and
 * those of the old one are others now: both may do only what both might do.
 * If it has another owner, who has taken the file from the old one, the latter
 * must still have what group and others have, or the file is not replaced.
 */
static int
copy_access (int from, int to)
{
  struct stat want, have;
  bool same;
  mode_t mode, both;

  if (fstat (from, &want) == -1 || copy_owner (to, &want, &have) == -1)
    return -1;
  same = have.st_uid == want.st_uid && have.st_gid == want.st_gid;
  mode = want.st_mode & 0777;
  both = (mode >> 3) & mode & 07;
  if (have.st_gid != want.st_gid)
    mode = (mode & 0700) | both << 3 | both;
  if (have.st_uid != want.st_uid && ((mode >> 6) & ~both & 06) != 0) {
    errno = EPERM;
    return -1;
  }
  if (copy_acl (from, to, same) == -1)
    return -1;
  copy_attributes (from, to); /* while the mode allows it */
  return fchmod (to, mode);
}

/* ---- the operations ---- */

/* Make an empty file for nobody but us; returns its descriptor. */
static int
create_temporary (struct temporary *t)
{
  const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  int tries, fd = -1;
  uint32_t bits;

  for (tries = 0; fd == -1 && tries < 16; ++tries) {
    free (TAKE (t->name));
    if (getrandom (&bits, sizeof bits, 0) != sizeof bits)
      break;
    if (asprintf (&t->name, ".%.*s.tmp%06" PRIx32, MAX_REPEATED, t->target,
                  bits & 0xffffff) == -1) {
      t->name = NULL;
      break;
    }
    fd = openat (t->dir, t->name, flags, 0600);
    if (fd == -1 && errno != EEXIST)
      break;
  }
  return fd;
}

static struct posix_file *
open_temporary (struct temporary *t, unsigned flags)
{
  int fd = create_temporary (t);
  struct file *f;

  if (fd == -1)
    return NULL;
  f = file_posix_from_fd (fd, t->target, flags | FILE_WRITABLE);
  if (f == NULL) {
    int saved = errno;

    unlinkat (t->dir, t->name, 0);
    errno = saved;
  }
  return (struct posix_file *) f;
}

/* Messages shall name the file as it will be called. */
static int
rename_for_messages (struct file *f, const struct file *as)
{
  char *name = strdup (as->name);

  if (name == NULL)
    return -1;
  free (f->name);
  f->name = name;
  return 0;
}

/* The new file is locked before it has a name that others look for, so that it
 * is as safe from them as F is.
 */
struct file *
file_posix_create_beside (struct file *f)
{
  struct posix_file *p = (struct posix_file *) f, *by;
  struct temporary *t = temporary_beside (p);

  if (t == NULL)
    return NULL;
  by = open_temporary (t, p->flags);
  if (by == NULL) {
    temporary_free (t);
    return NULL;
  }
  by->temporary = t;
  if (rename_for_messages (&by->file, f) == -1 ||
      file_posix_lock_like (by, p) == -1 || copy_access (p->fd, by->fd) == -1) {
    file_discard (&by->file);
    return NULL;
  }
  return &by->file;
}

static int
sync_all (int fd)
{
  const uint64_t start = stats_clock ();
  int r;

  do
    r = fsync (fd);
  while (r == -1 && errno == EINTR);
  stats_add_since (STATS_SYS_SYNC, start);
  return r;
}

int
file_posix_replace (struct file *f, struct file *by)
{
  struct posix_file *p = (struct posix_file *) by;
  const struct temporary *t = p->temporary;
  int r;

  assert (t != NULL);
  /* The content is durable, but its owner and mode must be too. */
  if (sync_all (p->fd) == -1 || check_name (t, t->name, by) == -1 ||
      check_name (t, t->target, f) == -1 ||
      renameat (t->dir, t->name, t->dir, t->target) == -1)
    return -1;
  r = sync_all (t->dir);
  if (r == -1 && (errno == EINVAL || errno == ENOTSUP))
    r = 0; /* some file systems have nothing to sync in a directory */
  temporary_free (TAKE (p->temporary));
  return r == -1 ? 1 : 0;
}

void
file_posix_discard (struct file *f)
{
  struct posix_file *p = (struct posix_file *) f;
  const struct temporary *t = p->temporary;

  if (t == NULL)
    return;
  /* With another link it is still ours. */
  if (check_name (t, t->name, f) == 0 || errno == EMLINK)
    (void) unlinkat (t->dir, t->name, 0);
  temporary_free (TAKE (p->temporary));
}
