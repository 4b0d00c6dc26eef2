/* SPDX-License-Identifier: BSD-3-Clause */
/* Locks on files of the host.
 *
 * Other programs use a disk image too, qemu's above all, so that its protocol
 * is spoken here.  There are a few permissions, each a bit.  For each that a
 * program has it holds a shared lock on one byte of the file, and for each that
 * it denies others a shared lock on another byte.  Shared locks never conflict,
 * so everybody first takes his own and then looks whether anybody else holds a
 * byte that speaks against one of them.  These are locks of the open file
 * description: they do not vanish when some other descriptor of the file is
 * closed, and two disks in one process exclude each other.
 */

#include <config.h>

#include <errno.h>
#include <fcntl.h>

#include "file-posix.h"

/* What a program may want to do with the disk. */
enum permission {
  READ = 1 << 0, /* see consistent content */
  WRITE = 1 << 1,
  RESIZE = 1 << 3, /* bit 2 is to write what is there already */
};
#define N_PERMISSIONS 4

/* A set of locks: a bit for each permission that we have, then a bit for each
 * that we deny others.
 */
#define HAVE(permissions) (permissions)
#define DENY(permissions) ((permissions) << N_PERMISSIONS)
#define N_LOCKS           (2 * N_PERMISSIONS)

/* The byte of the file that stands for a bit of such a set. */
static off_t
lock_byte (unsigned bit)
{
  return bit < N_PERMISSIONS ? 100 + bit : 200 + bit - N_PERMISSIONS;
}

static struct flock
lock_of_byte (short type, unsigned bit)
{
  return (struct flock){
    .l_type = type,
    .l_whence = SEEK_SET,
    .l_start = lock_byte (bit),
    .l_len = 1,
  };
}

static void
give_back (int fd, unsigned locks)
{
  int saved = errno;
  unsigned bit;

  for (bit = 0; bit < N_LOCKS; ++bit)
    if (locks & 1u << bit) {
      struct flock l = lock_of_byte (F_UNLCK, bit);

      (void) fcntl (fd, F_OFD_SETLK, &l);
    }
  errno = saved;
}

static int
take (int fd, unsigned locks)
{
  unsigned bit;

  for (bit = 0; bit < N_LOCKS; ++bit)
    if (locks & 1u << bit) {
      struct flock l = lock_of_byte (F_RDLCK, bit);

      if (fcntl (fd, F_OFD_SETLK, &l) == -1)
        return -1;
    }
  return 0;
}

/* Does nobody else hold what speaks against LOCKS: deny what we have, or have
 * what we deny?  -1 with errno EAGAIN if so.
 */
static int
look_for_others (int fd, unsigned locks)
{
  unsigned bit;

  for (bit = 0; bit < N_LOCKS; ++bit)
    if (locks & 1u << bit) {
      unsigned against = (bit + N_PERMISSIONS) % N_LOCKS;
      struct flock l = lock_of_byte (F_WRLCK, against);

      if (fcntl (fd, F_OFD_GETLK, &l) == -1)
        return -1;
      if (l.l_type != F_UNLCK) {
        errno = EAGAIN;
        return -1;
      }
    }
  return 0;
}

/* Let P hold WANT, and nothing else. */
static int
hold (struct posix_file *p, unsigned want)
{
  const unsigned new = want & ~p->locked;

  if (take (p->fd, new) == 0 && look_for_others (p->fd, new) == 0) {
    give_back (p->fd, p->locked & ~want);
    p->locked = want;
    return 0;
  }
  give_back (p->fd, new);
  switch (errno) {
  case EACCES: errno = EAGAIN; return -1; /* POSIX lets fcntl say either */
  case EINVAL:
  case ENOSYS:
  case ENOLCK:
  case EOPNOTSUPP: return 0; /* no locks in this kernel or on this host */
  default: return -1;
  }
}

int
file_posix_lock (struct file *f, enum file_lock lock)
{
  unsigned want = HAVE (READ) | DENY (WRITE | RESIZE);

  if (lock == FILE_LOCK_WRITE)
    want |= HAVE (WRITE | RESIZE);
  return hold ((struct posix_file *) f, want);
}

int
file_posix_lock_like (struct posix_file *p, const struct posix_file *other)
{
  return hold (p, other->locked);
}
