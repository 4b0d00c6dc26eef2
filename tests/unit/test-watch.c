/* SPDX-License-Identifier: BSD-3-Clause */
/* What other programs do to a file that is open here is noticed, and what this
 * one does is not taken for it.
 */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"
#include "disks.h"
#include "file.h"
#include "test.h"

#define SIZE 8192

static const char *base;
static char path[PATH_MAX], other[PATH_MAX];

static void
make_of (const char *name, const void *bytes, size_t size)
{
  const int fd = open (name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

  MUST (fd >= 0);
  MUST (write (fd, bytes, size) == (ssize_t) size);
  close (fd);
}

static void
make (const char *name, size_t size)
{
  static const char bytes[SIZE];

  make_of (name, bytes, size);
}

/* Time stamps tell this from what was before, and it is time to look again. */
static void
wait_for_a_look (void)
{
  const struct timespec t = { 0, 2 * (1000000000 / FILE_LOOKS_PER_SECOND) };

  nanosleep (&t, NULL);
}

static struct file *
open_new (unsigned flags)
{
  struct file *f;

  make (path, SIZE);
  wait_for_a_look ();
  f = file_posix_open (path, flags);
  MUST (f != NULL);
  return f;
}

/* What somebody else writes. */
static void
write_byte (const char *name, off_t at)
{
  const int fd = open (name, O_WRONLY);

  MUST (fd >= 0);
  MUST (pwrite (fd, "x", 1, at) == 1);
  close (fd);
}

/* PART of what file_spoilt says, or NULL: it says nothing. */
static void
check_spoilt (struct file *f, bool changed, const char *part)
{
  const char *what;

  wait_for_a_look ();
  what = file_spoilt (f, changed, false);
  if (part)
    CHECK_HAS (what ? what : "nothing", part);
  else
    CHECK_STRING (what ? what : "nothing", "nothing");
}

static void
what_nobody_touches_is_not_spoilt (void)
{
  struct file *f = open_new (0);
  char byte;

  CHECK_INT (file_pread (f, &byte, 1, SIZE - 1), 0);
  check_spoilt (f, true, NULL);
  check_spoilt (f, false, NULL);
  file_close (f);
}

static void
what_this_process_does_does_not_count (void)
{
  struct file *f = open_new (FILE_WRITABLE);

  CHECK_INT (file_pwrite (f, "y", 1, 3 * SIZE), 0);
  check_spoilt (f, true, NULL);
  CHECK_INT (file_zero (f, 0, SIZE, true), 0);
  CHECK_INT (file_truncate (f, SIZE / 2), 0);
  check_spoilt (f, true, NULL);
  CHECK_INT (file_truncate (f, SIZE), 0);
  CHECK_INT (file_sync (f), 0);
  check_spoilt (f, true, NULL);
  file_close (f);
}

static void
asking_whether_zeroing_is_fast_does_not_count (void)
{
  struct file *f = open_new (FILE_WRITABLE);

  (void) file_zero_is_fast (f, true);
  check_spoilt (f, true, NULL);
  file_close (f);
}

static void
a_change_by_others_counts_if_it_matters (void)
{
  struct file *f = open_new (0);

  write_byte (path, 17);
  check_spoilt (f, true, "changed it");
  check_spoilt (f, false, NULL);
  file_close (f);

  f = open_new (FILE_WRITABLE); /* not written to yet */
  write_byte (path, SIZE);
  check_spoilt (f, true, "changed it");
  file_close (f);
}

static void
cutting_off_counts_even_after_own_changes (void)
{
  struct file *f = open_new (FILE_WRITABLE);

  CHECK_INT (file_pwrite (f, "y", 1, 0), 0);
  MUST (truncate (path, SIZE - 1) == 0);
  check_spoilt (f, true, "cut it off");
  check_spoilt (f, false, "cut it off");
  MUST (truncate (path, SIZE) == 0); /* too late */
  check_spoilt (f, true, "cut it off");
  file_close (f);

  f = open_new (FILE_WRITABLE);
  CHECK_INT (file_truncate (f, 100), 0);
  MUST (truncate (path, 99) == 0);
  check_spoilt (f, true, "cut it off");
  file_close (f);
}

static void
what_was_written_here_may_not_be_cut_off_either (void)
{
  struct file *f = open_new (FILE_WRITABLE);

  CHECK_INT (file_pwrite (f, "y", 1, 3 * SIZE), 0);
  check_spoilt (f, true, NULL);
  MUST (truncate (path, SIZE) == 0); /* as long as it was at first */
  CHECK_INT (file_pwrite (f, "y", 1, 2 * SIZE), 0);
  check_spoilt (f, false, "cut it off");
  file_close (f);

  f = open_new (FILE_WRITABLE);
  CHECK_INT (file_truncate (f, 2 * SIZE), 0);
  MUST (truncate (path, 2 * SIZE - 1) == 0);
  check_spoilt (f, false, "cut it off");
  file_close (f);
}

static void
nothing_goes_unnoticed_when_asked_to_look_now (void)
{
  struct file *f = open_new (0);

  write_byte (path, 17);
  CHECK_HAS (file_spoilt (f, true, true), "changed it");
  make (other, SIZE);
  MUST (rename (other, path) == 0);
  CHECK_HAS (file_spoilt (f, false, true), "taken its name");
  file_close (f);
}

static void
times_that_are_restored_less_exactly_do_not_count (void)
{
  struct file *f = open_new (0);
  struct timespec times[2];
  struct stat st;

  MUST (stat (path, &st) == 0);
  times[0] = times[1] = st.st_mtim;
  times[1].tv_nsec -= times[1].tv_nsec % 1000;
  MUST (utimensat (AT_FDCWD, path, times, 0) == 0);
  check_spoilt (f, true, NULL);
  times[1].tv_nsec = 0;
  MUST (utimensat (AT_FDCWD, path, times, 0) == 0);
  check_spoilt (f, true, NULL);
  times[1].tv_sec -= 1;
  MUST (utimensat (AT_FDCWD, path, times, 0) == 0);
  check_spoilt (f, true, "changed it");
  file_close (f);
}

static void
a_replaced_file_is_spoilt_for_all (void)
{
  struct file *f = open_new (0);

  make (other, SIZE);
  MUST (rename (other, path) == 0);
  check_spoilt (f, false, "taken its name");
  check_spoilt (f, true, "taken its name");
  file_close (f);

  f = open_new (FILE_WRITABLE);
  MUST (link (path, other) == 0); /* it keeps one name */
  CHECK_INT (file_pwrite (f, "y", 1, 0), 0);
  check_spoilt (f, false, NULL);
  MUST (unlink (other) == 0);
  check_spoilt (f, false, NULL);
  MUST (unlink (path) == 0);
  check_spoilt (f, false, NULL);
  make (path, SIZE);
  check_spoilt (f, false, "taken its name");
  file_close (f);
}

static void
a_file_of_two_names_is_replaced_under_its_own (void)
{
  struct file *f;

  make (path, SIZE);
  MUST (link (path, other) == 0);
  f = file_posix_open (path, 0);
  MUST (f != NULL);
  MUST (unlink (path) == 0);
  make (path, SIZE);
  check_spoilt (f, false, "taken its name");
  file_close (f);
  MUST (unlink (other) == 0);
}

static void
a_name_that_came_later_does_not_help (void)
{
  struct file *f = open_new (0);

  MUST (link (path, other) == 0);
  MUST (unlink (path) == 0);
  make (path, SIZE);
  check_spoilt (f, false, "taken its name");
  MUST (unlink (other) == 0);
  file_close (f);
}

static void
what_is_moved_and_replaced_is_spoilt (void)
{
  struct file *f = open_new (0);

  MUST (rename (path, other) == 0);
  check_spoilt (f, true, NULL);
  MUST (symlink (other, path) == 0); /* it can still be found there */
  check_spoilt (f, true, NULL);
  MUST (unlink (path) == 0);
  make (path, 10);
  check_spoilt (f, false, "taken its name");
  MUST (unlink (other) == 0);
  file_close (f);
}

static void
removing_and_other_changes_of_status_do_not_count (void)
{
  struct file *f = open_new (0);

  MUST (chmod (path, 0400) == 0);
  check_spoilt (f, true, NULL);
  MUST (link (path, other) == 0);
  MUST (unlink (other) == 0);
  check_spoilt (f, true, NULL);
  MUST (unlink (path) == 0);
  check_spoilt (f, true, NULL);
  file_close (f);
}

/* A name that looks like that of a file that was removed. */
static void
odd_names_are_no_matter (void)
{
  char odd[PATH_MAX + 16];
  struct file *f;

  snprintf (odd, sizeof odd, "%s (deleted)", path);
  make (path, SIZE);
  make (odd, SIZE);
  MUST (link (odd, other) == 0);
  f = file_posix_open (odd, 0);
  MUST (f != NULL);
  MUST (unlink (other) == 0);
  check_spoilt (f, true, NULL);
  file_close (f);
  MUST (unlink (odd) == 0);
}

/* Somebody who had the lock changed the disk after we had opened it, and before
 * we had the lock.
 */
static void
a_disk_that_changed_while_it_was_opened_is_refused (void)
{
  struct dir *dir = dir_posix_open (base, 0);
  struct disk_options options = { .places = { &dir, 1 },
                                  .cache_size = DISK_MIN_CACHE_SIZE,
                                  .writable = true };
  struct test_disk t;
  struct disk *d;
  struct file *f;
  int unlocked;

  MUST (dir != NULL);
  test_disk_make (&t, DISK_SPARSE);
  for (unlocked = 0; unlocked < 2; ++unlocked) {
    f = open_new (FILE_WRITABLE);
    file_close (f);
    make_of (path, t.host->files[0].bytes, t.host->files[0].size);
    wait_for_a_look ();
    f = file_posix_open (path, FILE_WRITABLE);
    MUST (f != NULL);
    write_byte (path, t.host->files[0].size - 1);
    options.no_locks = unlocked;
    errno = 0;
    d = disk_open (f, &options);
    CHECK (!d == !unlocked);
    if (!unlocked) {
      CHECK_INT (errno, EBUSY);
      CHECK_ONE_ERROR ("changed it since it was opened, a moment ago");
      reports_forget ();
    }
    disk_close (d);
  }
  test_disk_free (&t);
  dir_close (dir);
}

int
main (void)
{
  base = test_directory ();
  snprintf (path, sizeof path, "%s/f", base);
  snprintf (other, sizeof other, "%s/g", base);
  RUN (what_nobody_touches_is_not_spoilt);
  RUN (what_this_process_does_does_not_count);
  RUN (asking_whether_zeroing_is_fast_does_not_count);
  RUN (a_change_by_others_counts_if_it_matters);
  RUN (cutting_off_counts_even_after_own_changes);
  RUN (what_was_written_here_may_not_be_cut_off_either);
  RUN (nothing_goes_unnoticed_when_asked_to_look_now);
  RUN (times_that_are_restored_less_exactly_do_not_count);
  RUN (a_replaced_file_is_spoilt_for_all);
  RUN (a_file_of_two_names_is_replaced_under_its_own);
  RUN (a_name_that_came_later_does_not_help);
  RUN (what_is_moved_and_replaced_is_spoilt);
  RUN (removing_and_other_changes_of_status_do_not_count);
  RUN (odd_names_are_no_matter);
  RUN (a_disk_that_changed_while_it_was_opened_is_refused);
  test_directory_remove ();
  return test_result ();
}
