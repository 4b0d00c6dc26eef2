/* SPDX-License-Identifier: BSD-3-Clause */
/* The wall around the disk's directory while somebody swaps names in it: one
 * thread puts links to a secret outside in the place of what is on a path, and
 * back, while the other one opens the path.  It finds the file inside, or is
 * refused; both must happen, or nothing was tested.  With openat2, and with the
 * walk that stands in for it.
 */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dir.h"
#include "files.h"
#include "test.h"

#define ROUNDS 2000 /* or more, until both have happened */

static struct dir *with_openat2, *with_walk;

/* The tree "in" is the wall. */
static void
make_tree (void)
{
  files_begin ();
  files_make ("secret", "secret", 0644);
  files_make_dir ("out");
  files_make ("out/f", "secret", 0644);
  files_make_dir ("out/three");
  files_make ("out/three/f", "secret", 0644);

  files_make_dir ("in");
  files_make ("in/f", "f", 0644);
  files_make_dir ("in/sub");
  files_make ("in/sub/g", "g", 0644);

  files_make_dir ("in/dir");
  files_make ("in/dir/f", "f", 0644);
  files_make_link ("../out", "in/dir-link");

  files_make_dir ("in/one");
  files_make_dir ("in/one/two");
  files_make_dir ("in/one/two/three");
  files_make ("in/one/two/three/f", "f", 0644);
  files_make_link ("../../out", "in/one/two-link");

  files_make ("in/file", "f", 0644);
  files_make_link ("../secret", "in/file-link");
  files_make ("in/plain", "f", 0644);
  MUST (mkfifo (files_path ("in/plain-link"), 0644) == 0);
}

/* ---- who swaps ---- */

struct swapper {
  void (*swap) (const struct swapper *s); /* and back */
  char name[PATH_MAX], other[PATH_MAX], away[PATH_MAX];
  bool stop; /* atomic */
};

/* A link that leads to something else each time. */
static void
swap_targets (const struct swapper *s)
{
  static const char *const targets[] = { "f", "../secret", "sub/g",
                                         "/etc/passwd" };
  unsigned i;

  for (i = 0; i < 4; ++i)
    if (symlink (targets[i], s->away) == 0)
      (void) rename (s->away, s->name);
}

/* There is nothing of that name for a moment. */
static void
swap_in_turn (const struct swapper *s)
{
  (void) rename (s->name, s->away);
  (void) rename (s->other, s->name);
  (void) rename (s->name, s->other);
  (void) rename (s->away, s->name);
}

/* There is always one of them. */
static void
swap_at_once (const struct swapper *s)
{
  MUST (renameat2 (AT_FDCWD, s->name, AT_FDCWD, s->other, RENAME_EXCHANGE) ==
        0);
  MUST (renameat2 (AT_FDCWD, s->name, AT_FDCWD, s->other, RENAME_EXCHANGE) ==
        0);
}

static void *
run_swapper (void *opaque)
{
  struct swapper *s = opaque;

  while (!__atomic_load_n (&s->stop, __ATOMIC_RELAXED))
    s->swap (s);
  return NULL;
}

/* ---- who opens ---- */

static void
race (struct dir *d, const char *path, bool writable)
{
  unsigned i, found = 0, refused = 0;

  /* The other thread may sleep for long. */
  for (i = 0; i < ROUNDS || ((found == 0 || refused == 0) && i < 20000000);
       ++i) {
    struct file *f = dir_open_file (d, path, writable);
    char content[64] = "";

    if (f == NULL) {
      refused++;
      continue;
    }
    found++;
    CHECK (file_pread_some (f, content, sizeof content - 1, 0) >= 0);
    CHECK (strcmp (content, "f") == 0 || strcmp (content, "g") == 0);
    file_close (f);
    if (test_failures () > 10)
      return; /* that will do */
  }
  CHECK (found > 0);
  CHECK (refused > 0);
}

/* NAME, and NAME-link that takes its place, are in "in"; PATH is opened. */
static void
race_both (void (*swap) (const struct swapper *s), const char *name,
           const char *path)
{
  struct swapper s = { .swap = swap };
  pthread_t thread;

  snprintf (s.name, sizeof s.name, "%s/in/%s", files_path ("."), name);
  snprintf (s.other, sizeof s.other, "%s/in/%s-link", files_path ("."), name);
  snprintf (s.away, sizeof s.away, "%s/in/%s-away", files_path ("."), name);
  MUST (pthread_create (&thread, NULL, run_swapper, &s) == 0);
  race (with_openat2, path, false);
  race (with_walk, path, false);
  race (with_openat2, path, true);
  race (with_walk, path, true);
  __atomic_store_n (&s.stop, true, __ATOMIC_RELAXED);
  pthread_join (thread, NULL);
}

static void
a_link_that_is_swapped_opens_nothing_outside (void)
{
  race_both (swap_targets, "swapped", "swapped");
}

static void
a_directory_that_is_swapped_opens_nothing_outside (void)
{
  race_both (swap_in_turn, "dir", "dir/f");
  race_both (swap_at_once, "dir", "dir/f");
}

static void
a_directory_on_the_way_that_is_swapped_opens_nothing_outside (void)
{
  race_both (swap_in_turn, "one/two", "one/two/three/f");
  race_both (swap_at_once, "one/two", "one/two/three/f");
  race_both (swap_at_once, "one/two", "one/two/three/../three/f");
}

static void
a_file_that_is_swapped_opens_nothing_outside (void)
{
  race_both (swap_in_turn, "file", "file");
  race_both (swap_at_once, "file", "file");
}

/* Nor does anybody wait for it. */
static void
a_file_that_becomes_a_fifo_is_not_opened (void)
{
  race_both (swap_at_once, "plain", "plain");
}

int
main (void)
{
  make_tree ();
  with_openat2 = dir_posix_open (files_path ("in"), 0);
  with_walk = dir_posix_open (files_path ("in"), 0);
  MUST (with_openat2 != NULL && with_walk != NULL);
  dir_posix_avoid_openat2 (with_walk);

  RUN (a_link_that_is_swapped_opens_nothing_outside);
  RUN (a_directory_that_is_swapped_opens_nothing_outside);
  RUN (a_directory_on_the_way_that_is_swapped_opens_nothing_outside);
  RUN (a_file_that_is_swapped_opens_nothing_outside);
  RUN (a_file_that_becomes_a_fifo_is_not_opened);

  dir_close (with_openat2);
  dir_close (with_walk);
  test_directory_remove ();
  return test_result ();
}
