/* SPDX-License-Identifier: BSD-3-Clause */
/* The write side of files: what is written is there and nothing else, zeroing
 * with and without the host's help, and which changes a sync is due for.  What
 * files hold is looked up with plain system calls or in a model, never with the
 * functions under test.
 */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dir.h"
#include "file-memory.h"
#include "file.h"
#include "test.h"

#define K   1024
#define MAX (2 * K * K) /* no file here is larger */

static const char *base;
static char path[PATH_MAX + 16]; /* of the one file that each test makes anew */

static unsigned char content[MAX + 1], model[MAX + 1];

/* ---- a host that works badly ---- */

static bool writes_are_short;
static int no_punch, no_zero_range; /* an errno */
static unsigned n_fallocate;

/* An offset as system calls take it where registers have 32 bits. */
#ifdef __LP64__
#define IN_REGISTERS(offset) (offset)
#else
#define IN_REGISTERS(offset) \
  __LONG_LONG_PAIR ((long) ((offset) >> 32), (long) (offset))
#endif

/* In front of the C library's: every other call is interrupted, the rest write
 * at most 1000 bytes.
 */
ssize_t
pwritev (int fd, const struct iovec *parts, int n, off_t offset)
{
  static unsigned turn;
  struct iovec v[8];
  size_t room = 1000;
  int i;

  if (!writes_are_short)
    return syscall (SYS_pwritev, fd, parts, n, (long) offset,
                    (long) (offset >> 32));
  if (turn++ % 2 == 0) {
    errno = EINTR;
    return -1;
  }
  for (i = 0; i < n && i < 8 && room > 0; ++i) {
    v[i] = parts[i];
    if (v[i].iov_len > room)
      v[i].iov_len = room;
    room -= v[i].iov_len;
  }
  return syscall (SYS_pwritev, fd, v, i, (long) offset, (long) (offset >> 32));
}

int
fallocate (int fd, int mode, off_t offset, off_t count)
{
  n_fallocate++;
  errno = mode & FALLOC_FL_PUNCH_HOLE ? no_punch : no_zero_range;
  if (errno != 0)
    return -1;
  return syscall (SYS_fallocate, fd, mode, IN_REGISTERS (offset),
                  IN_REGISTERS (count));
}

/* ---- files ---- */

static void
fill (unsigned char *p, size_t n)
{
  size_t i;

  for (i = 0; i < n; ++i)
    p[i] = 1 + test_random () % 255; /* never zero */
}

/* A new file with the first N bytes of the model. */
static void
make_file (size_t n, mode_t mode)
{
  int fd;

  fill (model, n);
  (void) unlink (path);
  fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  MUST (fd >= 0);
  MUST (write (fd, model, n) == (ssize_t) n);
  MUST (fsync (fd) == 0); /* now its blocks are counted */
  close (fd);
}

static struct file *
open_file (size_t n)
{
  struct file *f;

  make_file (n, 0644);
  f = file_posix_open (path, FILE_WRITABLE);
  MUST (f != NULL && f->writable);
  return f;
}

static uint64_t
blocks (void)
{
  struct stat st;
  int fd = open (path, O_RDONLY | O_CLOEXEC);

  MUST (fd >= 0 && fsync (fd) == 0 && fstat (fd, &st) == 0);
  close (fd);
  return st.st_blocks;
}

static void
check_file (int line, size_t n)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  ssize_t found = pread (fd, content, sizeof content, 0);

  close (fd);
  test_check_int (__FILE__, line, "size", found, n);
  test_check_bytes (__FILE__, line, "content", content, model, n);
}

/* The file holds the first N bytes of the model and ends there. */
#define CHECK_FILE(n) check_file (__LINE__, n)

/* ---- writing ---- */

static void
parts_follow_each_other_and_nothing_else_changes (void)
{
  struct file *f = open_file (10000);
  const struct file_part parts[] = {
    { "abc", 3 }, { NULL, 0 }, { "defgh", 5 }, { "i", 1 }, { NULL, 0 },
  };

  CHECK_INT (file_pwrite_parts (f, parts, 5, 4000), 0);
  memcpy (model + 4000, "abcdefghi", 9);
  CHECK_FILE (10000);
  CHECK_INT (file_pwrite (f, "xyz", 3, 0), 0);
  memcpy (model, "xyz", 3);
  CHECK_FILE (10000);
  file_close (f);
  CHECK_SILENT ();
}

static void
a_write_behind_the_end_grows_the_file (void)
{
  struct file *f = open_file (100);

  CHECK_INT (file_pwrite (f, "end", 3, 98), 0);
  memcpy (model + 98, "end", 3);
  CHECK_FILE (101);
  CHECK_INT (file_pwrite (f, "far", 3, 50000), 0);
  memset (model + 101, 0, 50000 - 101);
  memcpy (model + 50000, "far", 3);
  CHECK_FILE (50003);
  CHECK_INT (file_size (f), 50003);
  file_close (f);
}

static void
nothing_to_write_is_no_change (void)
{
  struct file *f = open_file (100);
  const struct file_part parts[] = { { NULL, 0 }, { NULL, 0 } };

  CHECK_INT (file_pwrite_parts (f, parts, 2, 5000), 0);
  CHECK_INT (file_pwrite_parts (f, parts, 0, 5000), 0);
  CHECK_INT (file_zero (f, 50, 0, true), 0);
  CHECK_FILE (100);
  CHECK (!f->unsynced);
  file_close (f);
}

static void
interrupted_and_short_writes_go_on (void)
{
  struct file *f = open_file (20000);
  struct file_part parts[8];
  size_t done = 0;
  unsigned i;

  fill (model + 3, 9000);
  for (i = 0; i < 8; ++i) {
    /* Some end where a short write ends, some are longer. */
    static const size_t counts[] = { 1000, 400, 600, 2500, 0, 1, 3499, 1000 };

    parts[i].bytes = model + 3 + done;
    parts[i].count = counts[i];
    done += counts[i];
  }
  CHECK_INT (done, 9000);
  writes_are_short = true;
  CHECK_INT (file_pwrite_parts (f, parts, 8, 3), 0);
  writes_are_short = false;
  CHECK_FILE (20000);
  file_close (f);
}

/* No file may be larger than 64 KiB and a bit: the same to us as a disk that
 * fills up in the middle of a write.
 */
static void
a_write_that_does_not_fit_is_one_error (void)
{
  const struct rlimit small = { 64 * K + 100, RLIM_INFINITY };
  struct file *f = open_file (1000);
  struct file_part parts[3];
  struct rlimit before;
  struct stat st;
  unsigned i;
  int r, err;

  fill (model + 500, 96 * K);
  for (i = 0; i < 3; ++i) {
    parts[i].bytes = model + 500 + i * 32 * K;
    parts[i].count = 32 * K;
  }
  signal (SIGXFSZ, SIG_IGN);
  MUST (getrlimit (RLIMIT_FSIZE, &before) == 0);
  MUST (setrlimit (RLIMIT_FSIZE,
                   &(struct rlimit){ small.rlim_cur, before.rlim_max }) == 0);
  r = file_pwrite_parts (f, parts, 3, 500);
  err = errno;
  MUST (setrlimit (RLIMIT_FSIZE, &before) == 0);
  CHECK_INT (r, -1);
  CHECK_INT (err, EFBIG);
  CHECK_ONE_ERROR ("cannot write 98304 bytes at offset 500");
  CHECK_HAS (errors (), f->name);
  CHECK (f->unsynced); /* part of it is in the file */
  MUST (stat (path, &st) == 0);
  CHECK (st.st_size >= 1000 && (uint64_t) st.st_size <= small.rlim_cur);
  CHECK_FILE (st.st_size);
  file_close (f);
}

static void
truncation_cuts_and_grows (void)
{
  struct file *f = open_file (10000);

  CHECK_INT (file_truncate (f, 3333), 0);
  CHECK_FILE (3333);
  CHECK_INT (file_truncate (f, 7000), 0);
  memset (model + 3333, 0, 7000 - 3333);
  CHECK_FILE (7000);
  CHECK_SILENT ();
  CHECK_INT (file_truncate (f, UINT64_MAX), -1);
  CHECK_INT (errno, EINVAL);
  CHECK_ONE_ERROR ("cannot change the size to 18446744073709551615 bytes");
  CHECK_FILE (7000);
  file_close (f);
}

/* ---- zeroes ---- */

static void
punching_gives_space_back_and_keeps_what_is_around (void)
{
  struct file *f = open_file (K * K);
  uint64_t before = blocks ();

  CHECK_INT (file_zero (f, 100 * K + 7, 500 * K, true), 0);
  memset (model + 100 * K + 7, 0, 500 * K);
  CHECK_FILE (K * K);
  if (file_zero_is_fast (f, true))
    /* All but the blocks at the ends, 64 KiB at most each. */
    CHECK (blocks () * 512 <= before * 512 - 500 * K + 2 * 64 * K);
  else
    printf ("no holes can be punched here\n");
  file_close (f);
  CHECK_SILENT ();
}

static void
zeroing_without_punching_keeps_the_space (void)
{
  struct file *f = open_file (K * K);
  uint64_t before = blocks ();

  CHECK_INT (file_zero (f, 100 * K + 7, 500 * K, false), 0);
  memset (model + 100 * K + 7, 0, 500 * K);
  CHECK_FILE (K * K);
  CHECK (blocks () >= before);
  file_close (f);
  CHECK_SILENT ();
}

/* Up to the end, never beyond. */
static void
zeroing_does_not_grow_the_file (void)
{
  struct file *f = open_file (10007);

  CHECK_INT (file_zero (f, 9000, 1007, true), 0);
  memset (model + 9000, 0, 1007);
  CHECK_FILE (10007);
  CHECK_INT (file_zero (f, 8000, 2007, false), 0);
  memset (model + 8000, 0, 2007);
  CHECK_FILE (10007);
  file_close (f);
}

static void
asking_whether_zeroing_is_fast_changes_nothing (void)
{
  struct file *f = open_file (100 * K + 1);
  uint64_t before = blocks ();

  (void) file_zero_is_fast (f, false);
  (void) file_zero_is_fast (f, true);
  CHECK_FILE (100 * K + 1);
  CHECK_INT (blocks (), before);
  CHECK (!f->unsynced);
  file_close (f);
}

static void
check_zeroes_are_written (int err, bool punch)
{
  /* More than one write can hold, and no multiple of anything. */
  struct file *f = open_file (K * K + 1000);
  uint64_t before = blocks ();

  no_punch = no_zero_range = err;
  CHECK (!file_zero_is_fast (f, punch));
  CHECK_INT (file_zero (f, 77, K * K + 5, punch), 0);
  no_punch = no_zero_range = 0;
  memset (model + 77, 0, K * K + 5);
  CHECK_FILE (K * K + 1000);
  CHECK (blocks () >= before);
  CHECK (f->unsynced);
  file_close (f);
}

static void
where_the_host_cannot_zero_zeroes_are_written (void)
{
  static const int errs[] = { EOPNOTSUPP, ENOSYS, ENODEV };
  unsigned i;

  for (i = 0; i < 3; ++i) {
    check_zeroes_are_written (errs[i], true);
    check_zeroes_are_written (errs[i], false);
  }
  CHECK_SILENT ();
}

static void
a_host_that_cannot_zero_is_asked_once (void)
{
  struct file *f = open_file (K * K);
  unsigned i;

  no_punch = no_zero_range = EOPNOTSUPP;
  n_fallocate = 0;
  for (i = 0; i < 10; ++i) {
    CHECK (!file_zero_is_fast (f, true));
    CHECK_INT (file_zero (f, i * K, K, true), 0);
  }
  CHECK_INT (n_fallocate, 1);
  no_punch = no_zero_range = 0;
  file_close (f);
}

static void
a_host_that_can_only_punch_is_found_out (void)
{
  struct file *f = open_file (K * K);
  bool fast = file_zero_is_fast (f, true);

  no_zero_range = EOPNOTSUPP;
  CHECK_INT (file_zero_is_fast (f, false), fast);
  CHECK_INT (file_zero (f, 5, 10000, false), 0);
  no_zero_range = 0;
  memset (model + 5, 0, 10000);
  CHECK_FILE (K * K);
  CHECK (!file_zero_is_fast (f, false));
  CHECK_INT (file_zero_is_fast (f, true), fast);
  file_close (f);
}

static void
a_failure_to_zero_is_one_error (void)
{
  struct file *f = open_file (K * K);

  no_punch = ENOSPC;
  CHECK_INT (file_zero (f, 4096, 8192, true), -1);
  CHECK_INT (errno, ENOSPC);
  CHECK_ONE_ERROR ("cannot zero 8192 bytes at offset 4096");
  CHECK (f->unsynced);
  no_punch = 0;
  CHECK_FILE (K * K);
  CHECK_INT (file_zero (f, 4096, 8192, true), 0); /* nothing to remember */
  memset (model + 4096, 0, 8192);
  CHECK_FILE (K * K);
  file_close (f);
}

/* ---- any changes, against a model ---- */

static uint64_t
change_at_random (struct file *f, uint64_t size)
{
  struct file_part parts[8];
  uint64_t start = test_random () % (size + 2 * K), end = start;
  unsigned i, n = test_random () % 9;

  switch (test_random () % 8) {
  case 0:
    CHECK_INT (file_truncate (f, start), 0);
    if (start > size)
      memset (model + size, 0, start - size);
    return start;
  case 1:
  case 2:
    if (start >= size)
      return size;
    end = start + test_random () % (size - start + 1);
    CHECK_INT (file_zero (f, start, end - start, test_random () % 2), 0);
    memset (model + start, 0, end - start);
    return size;
  default:
    if (start + 8 * K > MAX)
      return size;
    if (start > size)
      memset (model + size, 0, start - size);
    for (i = 0; i < n; ++i) {
      parts[i].bytes = model + end;
      parts[i].count = test_random () % K;
      fill (model + end, parts[i].count);
      end += parts[i].count;
    }
    CHECK_INT (file_pwrite_parts (f, parts, n, start), 0);
    /* An empty write does not grow the file. */
    return end > start && end > size ? end : size;
  }
}

static void
check_against_model (struct file *f)
{
  uint64_t size = 0;
  unsigned i;

  for (i = 0; i < 2000; ++i) {
    size = change_at_random (f, size);
    if (i % 50 != 0)
      continue;
    CHECK_INT (file_size (f), size);
    CHECK_INT (f->ops->pread (f, content, sizeof content, 0), size);
    CHECK_BYTES (content, model, size);
  }
}

static void
files_of_the_host_are_as_the_model_says (void)
{
  struct file *f = open_file (0);

  check_against_model (f);
  file_close (f);
  CHECK_SILENT ();
}

static void
files_in_memory_are_as_the_model_says (void)
{
  struct file *f = file_memory_create ("memory", NULL, 0, 0, 1);

  MUST (f != NULL && f->writable);
  check_against_model (f);
  file_close (f);
  CHECK_SILENT ();
}

static void
files_in_memory_fail_when_told (void)
{
  struct file *f = file_memory_create ("memory", "abcdef", 6, 100, 1);
  char found[6];

  MUST (f != NULL);
  file_memory_fail_changes (f, 1, ENOSPC);
  CHECK_INT (file_pwrite (f, "x", 1, 0), 0);
  CHECK_INT (file_pwrite (f, "y", 1, 1), -1);
  CHECK_INT (errno, ENOSPC);
  CHECK_ONE_ERROR ("cannot write 1 bytes at offset 1");
  CHECK_INT (file_zero (f, 0, 1, true), -1);
  CHECK_INT (file_truncate (f, 0), -1);
  CHECK_INT (n_errors (), 3);
  file_memory_fail_changes (f, 0, 0);
  CHECK_INT (file_pwrite (f, "z", 1, 2), 0);
  CHECK_INT (file_pread (f, found, 6, 0), 0);
  CHECK_BYTES (found, "xbzdef", 6);
  CHECK_INT (file_size (f), 100);
  reports_forget ();
  CHECK_INT (file_pwrite (f, "z", 1, INT64_MAX), -1);
  CHECK_INT (errno, EFBIG);
  CHECK_ONE_ERROR ("cannot write");
  file_close (f);
}

/* ---- syncs ---- */

static void
a_sync_is_made_only_after_a_change (void)
{
  struct file *f = file_memory_create ("memory", NULL, 0, 100, 1);

  MUST (f != NULL);
  CHECK_INT (file_sync (f), 0);
  CHECK_INT (file_memory_syncs (f), 0);
  CHECK_INT (file_pwrite (f, "x", 1, 0), 0);
  CHECK_INT (file_sync (f), 0);
  CHECK_INT (file_sync (f), 0);
  CHECK_INT (file_memory_syncs (f), 1);
  CHECK_INT (file_zero (f, 0, 1, true), 0);
  CHECK_INT (file_sync (f), 0);
  CHECK_INT (file_memory_syncs (f), 2);
  CHECK_INT (file_truncate (f, 50), 0);
  CHECK_INT (file_sync (f), 0);
  CHECK_INT (file_memory_syncs (f), 3);
  /* A failed change may have been made in part. */
  file_memory_fail_changes (f, 0, EIO);
  CHECK_INT (file_pwrite (f, "x", 1, 0), -1);
  CHECK_INT (file_sync (f), 0);
  CHECK_INT (file_memory_syncs (f), 4);
  file_close (f);
}

static void
a_failed_sync_is_one_error_and_still_due (void)
{
  struct file *f = file_memory_create ("memory", NULL, 0, 100, 1);

  MUST (f != NULL);
  CHECK_INT (file_pwrite (f, "x", 1, 0), 0);
  file_memory_fail_syncs (f, EIO);
  CHECK_INT (file_sync (f), -1);
  CHECK_INT (errno, EIO);
  CHECK_ONE_ERROR ("memory: cannot make changes durable");
  CHECK_INT (file_sync (f), -1);
  file_memory_fail_syncs (f, 0);
  /* Who asks again must not be told that all is well. */
  CHECK_INT (file_sync (f), -1);
  CHECK_INT (errno, EIO);
  CHECK_INT (file_memory_syncs (f), 1);
  file_close (f);
}

/* A file whose syncs begin and end when the test says. */
static sem_t sync_began, sync_may_end;
static bool second_is_done;

static int
slow_sync (struct file *f)
{
  (void) f;
  sem_post (&sync_began);
  while (sem_wait (&sync_may_end) == -1)
    ;
  return 0;
}

static void *
sync_first (void *f)
{
  CHECK_INT (file_sync (f), 0);
  return NULL;
}

static void *
sync_second (void *f)
{
  CHECK_INT (file_sync (f), 0);
  __atomic_store_n (&second_is_done, true, __ATOMIC_SEQ_CST);
  return NULL;
}

/* Two threads sync; CHANGE: the file changes while the first one does.  Returns
 * how many syncs there were.
 */
static unsigned
sync_twice_at_once (bool change)
{
  struct file *f = file_memory_create ("memory", NULL, 0, 0, 1);
  struct file_ops slow;
  pthread_t first, second;
  unsigned n = 1;

  MUST (f != NULL);
  slow = *f->ops;
  slow.sync = slow_sync;
  f->ops = &slow;
  MUST (sem_init (&sync_began, 0, 0) == 0);
  MUST (sem_init (&sync_may_end, 0, 0) == 0);
  second_is_done = false;
  CHECK_INT (file_pwrite (f, "x", 1, 0), 0);
  MUST (pthread_create (&first, NULL, sync_first, f) == 0);
  while (sem_wait (&sync_began) == -1)
    ;
  if (change)
    CHECK_INT (file_pwrite (f, "y", 1, 1), 0);
  MUST (pthread_create (&second, NULL, sync_second, f) == 0);
  usleep (50 * 1000);
  CHECK (!__atomic_load_n (&second_is_done, __ATOMIC_SEQ_CST));
  sem_post (&sync_may_end);
  pthread_join (first, NULL);
  sem_post (&sync_may_end); /* for a second sync, if there is one */
  pthread_join (second, NULL);
  while (sem_trywait (&sync_began) == 0)
    n++;
  file_close (f);
  sem_destroy (&sync_began);
  sem_destroy (&sync_may_end);
  return n;
}

static void
a_second_sync_waits_for_the_one_that_is_under_way (void)
{
  CHECK_INT (sync_twice_at_once (false), 1);
}

static void
a_change_during_a_sync_needs_another (void)
{
  CHECK_INT (sync_twice_at_once (true), 2);
}

static size_t
pages_in_cache (size_t size)
{
  static unsigned char present[MAX / 4096];
  size_t i, n = 0;
  int fd = open (path, O_RDONLY | O_CLOEXEC);
  /* In two steps: valgrind reads what is mapped for reading at once, and so
   * fills the cache; the emulator of CI looks only at what may be read.
   */
  void *p = mmap (NULL, size, PROT_NONE, MAP_SHARED, fd, 0);

  MUST (p != MAP_FAILED && mprotect (p, size, PROT_READ) == 0 &&
        mincore (p, size, present) == 0);
  for (i = 0; i < size / sysconf (_SC_PAGESIZE); ++i)
    n += present[i] & 1;
  munmap (p, size);
  close (fd);
  return n;
}

static void
an_unbuffered_file_leaves_the_cache_when_it_is_synced (void)
{
  struct statfs fs;
  struct file *f;

  make_file (0, 0644);
  f = file_posix_open (path, FILE_WRITABLE | FILE_UNBUFFERED);
  MUST (f != NULL && statfs (path, &fs) == 0);
  fill (model, K * K);
  CHECK_INT (file_pwrite (f, model, K * K, 0), 0);
  CHECK_INT (file_sync (f), 0);
  if (fs.f_type != 0x01021994) /* tmpfs is nothing but cache */
    CHECK_INT (pages_in_cache (K * K), 0);
  CHECK_FILE (K * K);
  file_close (f);
}

/* ---- what may be written ---- */

static struct file *
open_in_dir (bool avoid_openat2, unsigned flags, bool writable)
{
  struct dir *d = dir_posix_open (base, flags);
  struct file *f;

  MUST (d != NULL);
  if (avoid_openat2)
    dir_posix_avoid_openat2 (d);
  f = dir_open_file (d, "file", writable);
  dir_close (d);
  return f;
}

static void
check_access (int line, struct file *f, bool writable, int write_errno)
{
  char found;

  test_check (__FILE__, line, f != NULL, "the file is opened");
  if (f == NULL)
    return;
  test_check_int (__FILE__, line, "writable", f->writable, writable);
  test_check_int (__FILE__, line, "write_errno", f->write_errno, write_errno);
  CHECK_INT (file_pread (f, &found, 1, 0), 0);
  CHECK_INT ((unsigned char) found, model[0]);
  if (writable)
    CHECK_INT (file_pwrite (f, model, 1, 0), 0);
  else
    CHECK (!file_zero_is_fast (f, true));
  file_close (f);
}

#define CHECK_ACCESS(f, writable, write_errno) \
  check_access (__LINE__, f, writable, write_errno)

static void
files_are_writable_when_that_is_asked_for (void)
{
  unsigned avoid;

  make_file (100, 0644);
  CHECK_ACCESS (file_posix_open (path, FILE_WRITABLE), true, 0);
  CHECK_ACCESS (file_posix_open (path, 0), false, 0);
  for (avoid = 0; avoid < 2; ++avoid) {
    CHECK_ACCESS (open_in_dir (avoid, 0, true), true, 0);
    CHECK_ACCESS (open_in_dir (avoid, 0, false), false, 0);
    /* The word of the one who opens the file counts. */
    CHECK_ACCESS (open_in_dir (avoid, FILE_WRITABLE, false), false, 0);
  }
  CHECK_FILE (100);
  CHECK_SILENT ();
}

/* As somebody who is not root. */
static void
check_read_only (void)
{
  CHECK_ACCESS (file_posix_open (path, FILE_WRITABLE), false, EACCES);
  CHECK_ACCESS (open_in_dir (false, 0, true), false, EACCES);
  CHECK_ACCESS (open_in_dir (true, 0, true), false, EACCES);
  CHECK_ACCESS (open_in_dir (true, 0, false), false, 0);
  CHECK_SILENT ();
}

static void
a_file_that_may_only_be_read_is_opened_for_that (void)
{
  make_file (100, 0444);
  test_as_nobody (check_read_only);
}

static void
what_cannot_be_opened_at_all_is_one_error (void)
{
  (void) unlink (path);
  CHECK (file_posix_open (path, FILE_WRITABLE) == NULL);
  CHECK_INT (errno, ENOENT);
  CHECK_ONE_ERROR ("cannot open");
  reports_forget ();
  CHECK (file_posix_open (base, FILE_WRITABLE) == NULL);
  CHECK_INT (errno, EISDIR);
  CHECK_ONE_ERROR ("regular file");
  reports_forget ();
  MUST (mkfifo (path, 0644) == 0);
  CHECK (file_posix_open (path, FILE_WRITABLE) == NULL); /* does not wait */
  CHECK_INT (errno, ENXIO);
  CHECK_ONE_ERROR ("regular file");
  CHECK (open_in_dir (false, 0, true) == NULL);
  CHECK_INT (errno, ENXIO);
  CHECK (open_in_dir (true, 0, true) == NULL);
  CHECK_INT (errno, ENXIO);
}

int
main (void)
{
  base = test_directory ();
  snprintf (path, sizeof path, "%s/file", base);
  RUN (parts_follow_each_other_and_nothing_else_changes);
  RUN (a_write_behind_the_end_grows_the_file);
  RUN (nothing_to_write_is_no_change);
  RUN (a_write_that_does_not_fit_is_one_error);
  RUN (truncation_cuts_and_grows);
  RUN (punching_gives_space_back_and_keeps_what_is_around);
  RUN (zeroing_without_punching_keeps_the_space);
  RUN (zeroing_does_not_grow_the_file);
  RUN (asking_whether_zeroing_is_fast_changes_nothing);
  RUN (interrupted_and_short_writes_go_on);
  RUN (where_the_host_cannot_zero_zeroes_are_written);
  RUN (a_host_that_cannot_zero_is_asked_once);
  RUN (a_host_that_can_only_punch_is_found_out);
  RUN (a_failure_to_zero_is_one_error);
  RUN (files_of_the_host_are_as_the_model_says);
  RUN (files_in_memory_are_as_the_model_says);
  RUN (files_in_memory_fail_when_told);
  RUN (a_sync_is_made_only_after_a_change);
  RUN (a_failed_sync_is_one_error_and_still_due);
  RUN (a_second_sync_waits_for_the_one_that_is_under_way);
  RUN (a_change_during_a_sync_needs_another);
  RUN (an_unbuffered_file_leaves_the_cache_when_it_is_synced);
  RUN (files_are_writable_when_that_is_asked_for);
  RUN (a_file_that_may_only_be_read_is_opened_for_that);
  RUN (what_cannot_be_opened_at_all_is_one_error);
  test_directory_remove ();
  return test_result ();
}
