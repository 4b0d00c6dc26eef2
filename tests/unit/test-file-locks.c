/* SPDX-License-Identifier: BSD-3-Clause */
/* Locks of files against other programs.  Which bytes are locked is asked of
 * the kernel, and what they mean is what qemu's tools take them for.
 */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "file-memory.h"
#include "file.h"
#include "test.h"

static char path[PATH_MAX + 16]; /* of the one file that each test makes anew */

/* The bytes that stand for permissions in the protocol of qemu's tools: from
 * 100 on those that somebody has, from 200 on those that he denies others.
 */
#define BYTE(n) (UINT64_C (1) << ((n) % 100 + ((n) >= 200 ? 32 : 0)))

#define READER (BYTE (100) | BYTE (201) | BYTE (203))
#define WRITER (READER | BYTE (101) | BYTE (103))

/* Which of the bytes are locked, seen by a stranger, and nothing else is. */
static uint64_t
locked_bytes (void)
{
  int fd = open (path, O_RDWR | O_CLOEXEC);
  uint64_t locked = 0;
  off_t n;

  MUST (fd >= 0);
  for (n = 0; n < 300; ++n) {
    struct flock l = { F_WRLCK, SEEK_SET, n, 1, 0 };

    MUST (fcntl (fd, F_OFD_GETLK, &l) == 0);
    if (l.l_type == F_UNLCK)
      continue;
    CHECK_INT (l.l_type, F_RDLCK);
    CHECK ((n >= 100 && n < 132) || (n >= 200 && n < 232));
    locked |= BYTE (n);
  }
  close (fd);
  return locked;
}

static void
make_file (void)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

  MUST (fd >= 0 && write (fd, "0123456789", 10) == 10);
  close (fd);
}

static struct file *
open_again (void)
{
  struct file *f = file_posix_open (path, FILE_WRITABLE);

  MUST (f != NULL);
  return f;
}

static struct file *
open_file (void)
{
  make_file ();
  return open_again ();
}

static void
check_refused (int line, struct file *f, enum file_lock lock)
{
  errno = 0;
  test_check_int (__FILE__, line, "file_lock", file_lock (f, lock), -1);
  test_check_int (__FILE__, line, "errno", errno, EAGAIN);
}

#define CHECK_REFUSED(f, lock) check_refused (__LINE__, f, lock)

static void
locks_are_on_the_bytes_of_the_protocol (void)
{
  struct file *f = open_file ();

  CHECK_INT (locked_bytes (), 0);
  CHECK_INT (file_lock (f, FILE_LOCK_READ), 0);
  CHECK_INT (locked_bytes (), READER);
  CHECK_INT (file_lock (f, FILE_LOCK_WRITE), 0);
  CHECK_INT (locked_bytes (), WRITER);
  CHECK_INT (file_lock (f, FILE_LOCK_WRITE), 0);
  CHECK_INT (locked_bytes (), WRITER);
  file_close (f);
  CHECK_INT (locked_bytes (), 0);
}

/* Closing another descriptor of the file does not release it. */
static void
a_lock_is_held_until_its_file_is_closed (void)
{
  struct file *a = open_file (), *b = open_again ();

  CHECK_INT (file_lock (a, FILE_LOCK_WRITE), 0);
  CHECK_REFUSED (b, FILE_LOCK_READ);
  file_close (b);
  CHECK_INT (locked_bytes (), WRITER);
  b = open_again ();
  CHECK_REFUSED (b, FILE_LOCK_READ);
  file_close (a);
  CHECK_INT (file_lock (b, FILE_LOCK_WRITE), 0);
  file_close (b);
  CHECK_SILENT (); /* the caller knows what to say */
}

static void
readers_agree_and_keep_writers_out (void)
{
  struct file *a = open_file (), *b = open_again (), *c = open_again ();

  CHECK_INT (file_lock (a, FILE_LOCK_READ), 0);
  CHECK_INT (file_lock (b, FILE_LOCK_READ), 0);
  CHECK_REFUSED (c, FILE_LOCK_WRITE);
  file_close (a);
  CHECK_REFUSED (c, FILE_LOCK_WRITE);
  file_close (b);
  CHECK_INT (locked_bytes (), 0); /* C holds nothing */
  CHECK_INT (file_lock (c, FILE_LOCK_WRITE), 0);
  file_close (c);
}

static void
a_lock_that_cannot_be_raised_stays_as_it_was (void)
{
  struct file *a = open_file (), *b = open_again ();

  CHECK_INT (file_lock (a, FILE_LOCK_READ), 0);
  CHECK_INT (file_lock (b, FILE_LOCK_READ), 0);
  CHECK_REFUSED (a, FILE_LOCK_WRITE);
  file_close (b);
  CHECK_INT (locked_bytes (), READER);
  CHECK_INT (file_lock (a, FILE_LOCK_WRITE), 0);
  b = open_again ();
  CHECK_REFUSED (b, FILE_LOCK_READ);
  file_close (b);
  file_close (a);
}

static void
a_lowered_lock_is_that_of_a_reader (void)
{
  struct file *a = open_file (), *b = open_again ();

  CHECK_INT (file_lock (a, FILE_LOCK_WRITE), 0);
  CHECK_REFUSED (b, FILE_LOCK_READ);
  CHECK_INT (file_lock (a, FILE_LOCK_READ), 0);
  CHECK_INT (locked_bytes (), READER);
  CHECK_INT (file_lock (b, FILE_LOCK_READ), 0);
  CHECK_REFUSED (b, FILE_LOCK_WRITE);
  file_close (b);
  CHECK_INT (locked_bytes (), READER);
  CHECK_INT (file_lock (a, FILE_LOCK_WRITE), 0); /* and up again */
  CHECK_INT (locked_bytes (), WRITER);
  file_close (a);
  CHECK_INT (locked_bytes (), 0);
}

/* Each byte that a peer can hold, and what it forbids us. */
static void
each_permission_of_a_peer_counts (void)
{
  static const struct {
    off_t byte;
    bool read, write; /* may we? */
  } peers[] = {
    { 100, true, true },   { 101, false, false }, { 102, true, true },
    { 103, false, false }, { 200, false, false }, { 201, true, false },
    { 202, true, true },   { 203, true, false },
  };
  unsigned i;

  for (i = 0; i < sizeof peers / sizeof peers[0]; ++i) {
    struct file *f = open_file ();
    struct flock l = { F_RDLCK, SEEK_SET, peers[i].byte, 1, 0 };
    const uint64_t peer = BYTE (peers[i].byte);
    int fd = open (path, O_RDWR | O_CLOEXEC);

    MUST (fd >= 0 && fcntl (fd, F_OFD_SETLK, &l) == 0);
    CHECK_INT (file_lock (f, FILE_LOCK_READ), peers[i].read ? 0 : -1);
    CHECK_INT (locked_bytes (), peer | (peers[i].read ? READER : 0));
    CHECK_INT (file_lock (f, FILE_LOCK_WRITE), peers[i].write ? 0 : -1);
    CHECK_INT (locked_bytes (), peer | (peers[i].write  ? WRITER
                                        : peers[i].read ? READER
                                                        : 0));
    close (fd);
    file_close (f);
  }
}

static void
a_file_that_may_only_be_read_is_locked_too (void)
{
  struct file *a, *b;

  make_file ();
  a = file_posix_open (path, 0);
  MUST (a != NULL);
  b = open_again ();
  CHECK_INT (file_lock (a, FILE_LOCK_READ), 0);
  CHECK_REFUSED (b, FILE_LOCK_WRITE);
  CHECK_INT (file_lock (b, FILE_LOCK_READ), 0);
  file_close (a);
  file_close (b);
}

static void
files_in_memory_need_no_lock (void)
{
  struct file *f = file_memory_create ("memory", NULL, 0, 0, 1);

  MUST (f != NULL);
  CHECK_INT (file_lock (f, FILE_LOCK_WRITE), 0);
  file_close (f);
}

int
main (void)
{
  snprintf (path, sizeof path, "%s/file", test_directory ());
  RUN (locks_are_on_the_bytes_of_the_protocol);
  RUN (a_lock_is_held_until_its_file_is_closed);
  RUN (readers_agree_and_keep_writers_out);
  RUN (a_lock_that_cannot_be_raised_stays_as_it_was);
  RUN (a_lowered_lock_is_that_of_a_reader);
  RUN (each_permission_of_a_peer_counts);
  RUN (a_file_that_may_only_be_read_is_locked_too);
  RUN (files_in_memory_need_no_lock);
  test_directory_remove ();
  return test_result ();
}
