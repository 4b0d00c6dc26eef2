/* SPDX-License-Identifier: BSD-3-Clause */
/* The host in memory that other tests rely on: what a power failure leaves of a
 * file that replaces another, moment by moment, and its failures.
 */

#include <config.h>

#include <errno.h>
#include <string.h>

#include "crash.h"
#include "host.h"
#include "test.h"

#define DRAWS 100 /* random losses at each crash point */

static struct host *host;

/* A host with two files. */
static void
make_host (void)
{
  host = host_create ();
  host_put (host, "disk", "old", 3);
  host_put (host, "other", "abc", 3);
  host_start_log (host);
}

static struct file *
open_file (const char *name)
{
  struct file *f = host_open (host, name, true);

  MUST (f != NULL);
  return f;
}

static void
check_content (int line, struct file *f, const char *expected)
{
  char found[100] = "";

  CHECK (file_pread_some (f, found, sizeof found - 1, 0) >= 0);
  test_check_string (__FILE__, line, f->name, found, expected);
}

#define CHECK_CONTENT(f, expected) check_content (__LINE__, f, expected)

/* What DISK may be after a crash: bits. */
enum { OLD = 1, NEW = 2, OTHER = 4 };

static unsigned
look_at (const struct crash *c, enum crash_loss loss, struct host *left)
{
  const struct host_file *f = &left->files[0];

  crash_image (c, loss, left);
  CHECK_INT (left->n_files, 2);
  CHECK_STRING (f->name, "disk");
  CHECK_BYTES (left->files[1].bytes, "abc", 3);
  if (f->size == 3 && memcmp (f->bytes, "old", 3) == 0)
    return OLD;
  return f->size == 3 && memcmp (f->bytes, "new", 3) == 0 ? NEW : OTHER;
}

/* All that DISK may be at point K of the log. */
static unsigned
outcomes_at (size_t k)
{
  struct crash *c = crash_begin (host);
  struct host *left = host_create ();
  unsigned seen = 0, i;

  while (crash_point (c) < k)
    MUST (crash_next (c));
  seen |= look_at (c, CRASH_LOSE_NOTHING, left);
  seen |= look_at (c, CRASH_LOSE_ALL, left);
  for (i = 0; i < DRAWS; ++i)
    seen |= look_at (c, CRASH_LOSE_SOME, left);
  host_free (left);
  crash_end (c);
  return seen;
}

/* Where the log has the OPERATION: the point after it. */
static size_t
point_after (enum host_operation operation)
{
  size_t i;

  for (i = 0; i < host->n_log; ++i)
    if (host->log[i].operation == operation)
      break;
  MUST (i < host->n_log);
  return i + 1;
}

static void
a_crash_leaves_the_old_file_or_the_new_one (void)
{
  struct file *f, *by;
  size_t renamed, durable, i;

  make_host ();
  f = open_file ("disk");
  by = file_create_beside (f);
  MUST (by != NULL);
  CHECK_INT (file_pwrite (by, "new", 3, 0), 0);
  CHECK_INT (file_sync (by), 0);
  CHECK_INT (file_replace (f, by), 0);
  renamed = point_after (HOST_RENAME);
  durable = point_after (HOST_SYNC_NAMES);
  CHECK_INT (point_after (HOST_CREATE), 1);
  CHECK_INT (renamed, 4);
  CHECK_INT (durable, 5);
  CHECK_INT (host->n_log, 5);
  for (i = 0; i < renamed; ++i)
    CHECK_INT (outcomes_at (i), OLD);
  CHECK_INT (outcomes_at (renamed), OLD | NEW);
  CHECK_INT (outcomes_at (durable), NEW);
  file_close (f);
  file_close (by);
  host_free (host);
}

/* Who forgets the sync is found out. */
static void
a_rename_may_come_before_a_content_that_was_not_synced (void)
{
  struct file *f, *by;

  make_host ();
  f = open_file ("disk");
  by = file_create_beside (f);
  MUST (by != NULL);
  CHECK_INT (file_pwrite (by, "new", 3, 0), 0);
  CHECK_INT (f->ops->replace (f, by), 0);
  CHECK_INT (outcomes_at (point_after (HOST_RENAME)), OLD | NEW | OTHER);
  CHECK_INT (outcomes_at (point_after (HOST_SYNC_NAMES)), NEW | OTHER);
  CHECK_INT (file_sync (by), 0);
  CHECK_INT (outcomes_at (host->n_log), NEW);
  file_close (f);
  file_close (by);
  host_free (host);
}

static void
changes_belong_to_the_file_and_not_to_its_name (void)
{
  struct file *f, *by, *again;

  make_host ();
  f = open_file ("disk");
  by = file_create_beside (f);
  MUST (by != NULL);
  CHECK (!file_id_equal (f->id, by->id));
  CHECK_STRING (by->name, "disk");
  CHECK_INT (file_pwrite (by, "new", 3, 0), 0);
  CHECK_INT (file_sync (by), 0);
  CHECK_CONTENT (f, "old");
  CHECK_INT (file_replace (f, by), 0);
  again = open_file ("disk");
  CHECK (file_id_equal (again->id, by->id));
  CHECK_CONTENT (f, "old");
  CHECK_CONTENT (again, "new");
  CHECK_INT (file_pwrite (f, "lost", 4, 0), 0);
  CHECK_CONTENT (again, "new");
  CHECK_BYTES (host->files[0].bytes, "new", 4);
  CHECK_INT (outcomes_at (host->n_log), NEW);
  CHECK_INT (file_pwrite (by, "newer", 5, 0), 0);
  CHECK_CONTENT (again, "newer");
  file_close (f);
  file_close (by);
  file_close (again);
  host_free (host);
}

static void
each_step_may_fail (void)
{
  struct file *f, *by;

  make_host ();
  f = open_file ("disk");
  host_set_fault (
    host,
    (struct host_fault){ .operations = HOST_CHANGES, .nth = 1, .err = ENOSPC });
  CHECK (file_create_beside (f) == NULL);
  CHECK_INT (errno, ENOSPC);
  by = file_create_beside (f);
  MUST (by != NULL);
  host_set_fault (host, (struct host_fault){
                          .operations = HOST_CHANGES, .nth = 1, .err = EIO });
  CHECK_INT (file_replace (f, by), -1);
  CHECK_INT (errno, EIO);
  CHECK_BYTES (host->files[0].bytes, "old", 3);
  host_set_fault (host, (struct host_fault){
                          .operations = HOST_CHANGES, .nth = 2, .err = EIO });
  CHECK_INT (file_replace (f, by), 1);
  CHECK_INT (errno, EIO);
  CHECK_INT (host->files[0].size, 0);
  /* The name may be either's, for good. */
  CHECK_INT (outcomes_at (host->n_log), OLD | OTHER);
  file_close (f);
  file_close (by);
  host_free (host);
}

/* More often than a host has room for files. */
static void
what_is_discarded_takes_no_room (void)
{
  struct host *h = host_create ();
  struct file *f, *by;
  unsigned i;

  host_put (h, "disk", "old", 3);
  for (i = 0; i < 2 * HOST_MAX_FILES; ++i) {
    f = host_open (h, "disk", true);
    MUST (f != NULL);
    by = file_create_beside (f);
    MUST (by != NULL);
    CHECK_INT (file_size (by), 0);
    CHECK_INT (file_pwrite (by, "x", 1, i), 0);
    CHECK_INT (file_sync (by), 0);
    if (i % 2) {
      CHECK_INT (file_replace (f, by), 0);
      CHECK_INT (h->files[0].size, i + 1);
      CHECK_INT (h->files[0].bytes[0], 0);
      file_close (by);
    }
    else
      file_discard (by);
    file_close (f);
  }
  CHECK_INT (h->n_files, 2);
  host_free (h);
}

int
main (void)
{
  RUN (a_crash_leaves_the_old_file_or_the_new_one);
  RUN (a_rename_may_come_before_a_content_that_was_not_synced);
  RUN (changes_belong_to_the_file_and_not_to_its_name);
  RUN (each_step_may_fail);
  RUN (what_is_discarded_takes_no_room);
  return test_result ();
}
