/* SPDX-License-Identifier: BSD-3-Clause */
/* The wall around the disk's directory: what names out of an image open, and
 * what they never open, both through openat2 and through the walk that stands
 * in for it (design 6, vmdk-format.md 11.1).  What happens when somebody swaps
 * names meanwhile is in test-dir-race.c.
 */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dir.h"
#include "files.h"
#include "test.h"

/* The tree "in" is the wall. */
static void
make_tree (void)
{
  files_begin ();
  files_make ("secret", "secret", 0644);
  files_make_dir ("out");
  files_make ("out/f", "secret", 0644);
  files_make_dir ("in");
  files_make ("in/f", "f", 0644);
  files_make ("in/name with blank", "blank", 0644);
  files_make_dir ("in/sub");
  files_make ("in/sub/g", "g", 0644);
  files_make_dir ("in/sub/deep");
  files_make ("in/sub/deep/h", "h", 0644);
  files_make_link ("f", "in/link");
  files_make_link ("sub/g", "in/link-down");
  files_make_link ("../../f", "in/sub/deep/link-up");
  files_make_link ("sub", "in/link-dir");
  files_make_link ("sub/deep", "in/link-deep");
  files_make_link ("link", "in/link-link");
  files_make_link ("../secret", "in/link-out");
  files_make_link ("../out", "in/link-dir-out");
  files_make_link ("../in/f", "in/link-out-and-in");
  files_make_link (files_path ("secret"), "in/link-absolute");
  files_make_link (files_path ("in/f"), "in/link-absolute-in");
  files_make_link ("/proc/self/root/etc/passwd", "in/link-magic");
  files_make_link ("missing", "in/link-dangling");
  files_make_link ("loop-b", "in/loop-a");
  files_make_link ("loop-a", "in/loop-b");
  files_make_link (".", "in/link-dot");
  files_make_link ("..", "in/link-dot-dot");
  MUST (mkfifo (files_path ("in/fifo"), 0644) == 0);
}

/* ---- both ways ---- */

static struct dir *with_openat2, *with_walk;

/* What dir.h promises its callers to tell apart. */
enum result { FOUND, MISSING, LEADS_OUT, LOOP, NOT_REGULAR, OTHER };

static enum result
class_of (const struct file *f)
{
  if (f != NULL)
    return FOUND;
  switch (errno) {
  case ENOENT:
  case ENOTDIR: return MISSING;
  case EXDEV: return LEADS_OUT;
  case ELOOP: return LOOP;
  case ENXIO:
  case EISDIR: return NOT_REGULAR;
  default: return OTHER;
  }
}

static void
check_one (int line, struct dir *d, const char *path, enum result expected,
           const char *content)
{
  struct file *f = dir_open_file (d, path, false);
  char what[256], found[64] = "";

  snprintf (what, sizeof what, "class of \"%.200s\" by %s", path,
            d == with_walk ? "the walk" : "openat2");
  test_check_int (__FILE__, line, what, class_of (f), expected);
  if (f != NULL) {
    CHECK (file_pread_some (f, found, sizeof found - 1, 0) >= 0);
    if (content != NULL)
      test_check_string (__FILE__, line, what, found, content);
    /* Whatever else is wrong. */
    CHECK (strcmp (found, "secret") != 0);
  }
  file_close (f);
}

static void
check_both (int line, const char *path, enum result expected,
            const char *content)
{
  check_one (line, with_openat2, path, expected, content);
  check_one (line, with_walk, path, expected, content);
}

#define CHECK_FOUND(path, content) check_both (__LINE__, path, FOUND, content)
#define CHECK_REFUSED(path, class) check_both (__LINE__, path, class, NULL)

static void
files_inside_are_found (void)
{
  CHECK_FOUND ("f", "f");
  CHECK_FOUND ("./f", "f");
  CHECK_FOUND ("sub/g", "g");
  CHECK_FOUND ("sub//g", "g");
  CHECK_FOUND ("sub/./g", "g");
  CHECK_FOUND ("sub/deep/h", "h");
  CHECK_FOUND ("name with blank", "blank");
  CHECK_SILENT ();
}

static void
missing_files_are_missing (void)
{
  CHECK_REFUSED ("missing", MISSING);
  CHECK_REFUSED ("missing/f", MISSING);
  CHECK_REFUSED ("missing/../f", MISSING);
  CHECK_REFUSED ("sub/missing", MISSING);
  CHECK_REFUSED ("f/x", MISSING);
  CHECK_REFUSED ("f/../f", MISSING);
  CHECK_REFUSED ("f/.", MISSING);
  CHECK_REFUSED ("link-dangling", MISSING);
  CHECK_REFUSED ("link/x", MISSING);
  CHECK_SILENT ();
}

static void
an_empty_name_is_missing (void)
{
  CHECK_REFUSED ("", MISSING);
}

static void
a_file_with_a_slash_behind_it_is_missing (void)
{
  CHECK_REFUSED ("f/", MISSING);
  CHECK_REFUSED ("sub/g//", MISSING);
}

static void
dot_dot_inside_is_followed (void)
{
  CHECK_FOUND ("sub/../f", "f");
  CHECK_FOUND ("sub/deep/../../f", "f");
  CHECK_FOUND ("sub/deep/../g", "g");
  CHECK_FOUND ("sub/../sub/../f", "f");
}

static void
dot_dot_to_the_outside_leads_out (void)
{
  CHECK_REFUSED ("../secret", LEADS_OUT);
  CHECK_REFUSED ("../in/f", LEADS_OUT);
  CHECK_REFUSED ("sub/../../secret", LEADS_OUT);
  CHECK_REFUSED ("sub/deep/../../../secret", LEADS_OUT);
  CHECK_REFUSED ("..", LEADS_OUT);
  CHECK_REFUSED ("sub/../../../../../../../../etc/passwd", LEADS_OUT);
}

static void
absolute_names_lead_out (void)
{
  CHECK_REFUSED ("/etc/passwd", LEADS_OUT);
  CHECK_REFUSED (files_path ("in/f"), LEADS_OUT);
  CHECK_REFUSED ("//f", LEADS_OUT);
  CHECK_REFUSED ("/", LEADS_OUT);
}

static void
links_inside_are_followed (void)
{
  CHECK_FOUND ("link", "f");
  CHECK_FOUND ("link-down", "g");
  CHECK_FOUND ("link-link", "f");
  CHECK_FOUND ("link-dir/g", "g");
  CHECK_FOUND ("link-dir/deep/h", "h");
  CHECK_FOUND ("sub/deep/link-up", "f");
  CHECK_FOUND ("link-dot/link-dot/f", "f");
}

/* Of the directory that is reached, not of the link. */
static void
dot_dot_behind_a_link_is_that_of_the_target (void)
{
  CHECK_FOUND ("link-deep/../g", "g");
  CHECK_FOUND ("link-deep/../../f", "f");
  CHECK_REFUSED ("link-deep/../../../secret", LEADS_OUT);
}

static void
links_to_the_outside_lead_out (void)
{
  CHECK_REFUSED ("link-out", LEADS_OUT);
  CHECK_REFUSED ("link-dir-out/f", LEADS_OUT);
  CHECK_REFUSED ("link-out-and-in", LEADS_OUT);
  CHECK_REFUSED ("link-absolute", LEADS_OUT);
  CHECK_REFUSED ("link-absolute-in", LEADS_OUT);
  CHECK_REFUSED ("link-dot-dot/secret", LEADS_OUT);
  CHECK_REFUSED ("link-magic", LEADS_OUT);
}

static void
loops_of_links_end (void)
{
  CHECK_REFUSED ("loop-a", LOOP);
  CHECK_REFUSED ("loop-b/f", LOOP);
}

static void
as_many_links_as_the_kernel_follows_are_followed (void)
{
  char path[41 * 9 + 2] = "";
  unsigned i;

  for (i = 0; i < 40; ++i)
    strcat (path, "link-dot/");
  strcat (path, "f");
  CHECK_FOUND (path, "f");
  memmove (path + 9, path, strlen (path) + 1);
  memcpy (path, "link-dot/", 9);
  CHECK_REFUSED (path, LOOP);
}

static void
directories_fifos_sockets_and_devices_are_not_regular (void)
{
  struct sockaddr_un addr = { .sun_family = AF_UNIX };
  int s = socket (AF_UNIX, SOCK_STREAM, 0), home = open (".", O_RDONLY);

  MUST (s >= 0 && home >= 0 && chdir (files_path ("in")) == 0);
  strcpy (addr.sun_path, "socket");
  MUST (bind (s, (void *) &addr, sizeof addr) == 0);
  MUST (fchdir (home) == 0);
  close (home);

  CHECK_REFUSED ("sub", NOT_REGULAR);
  CHECK_REFUSED ("sub/", NOT_REGULAR);
  CHECK_REFUSED (".", NOT_REGULAR);
  CHECK_REFUSED ("sub/..", NOT_REGULAR);
  CHECK_REFUSED ("link-dir", NOT_REGULAR);
  CHECK_REFUSED ("fifo", NOT_REGULAR); /* and does not wait */
  CHECK_REFUSED ("socket", NOT_REGULAR);
  if (mknod (files_path ("in/null"), S_IFCHR | 0666, 1 << 8 | 3) == 0) {
    /* Where devices do not work (nodev), it cannot be opened: EACCES. */
    int fd = open (files_path ("in/null"), O_RDONLY);

    if (fd >= 0) {
      close (fd);
      CHECK_REFUSED ("null", NOT_REGULAR);
    }
  }
  close (s);
}

/* How often a file in the directory "in" was opened, other than to look at it,
 * since the last call.
 */
static unsigned
count_opens (int watch)
{
  char events[4096] __attribute__ ((__aligned__ (8)));
  ssize_t n = read (watch, events, sizeof events), i;
  unsigned count = 0;

  for (i = 0; i < n;) {
    const struct inotify_event *e = (void *) (events + i);

    count += !(e->mask & IN_ISDIR);
    i += sizeof *e + e->len;
  }
  return count;
}

/* Devices may act when they are opened, and programs wait for FIFOs. */
static void
what_is_not_regular_is_not_even_opened (void)
{
  int watch = inotify_init1 (IN_NONBLOCK);
  struct file *f;

  MUST (watch >= 0);
  MUST (inotify_add_watch (watch, files_path ("in"), IN_OPEN) >= 0);
  CHECK_FOUND ("f", "f");
  CHECK (count_opens (watch) > 0); /* so the kernel tells */
  CHECK_REFUSED ("fifo", NOT_REGULAR);
  CHECK_REFUSED ("sub/../fifo", NOT_REGULAR);
  f = dir_open_file (with_openat2, "fifo", true);
  CHECK_INT (class_of (f), NOT_REGULAR);
  f = dir_open_file (with_walk, "fifo", true);
  CHECK_INT (class_of (f), NOT_REGULAR);
  CHECK (file_posix_open (files_path ("in/fifo"), FILE_WRITABLE) == NULL);
  CHECK_INT (count_opens (watch), 0);
  close (watch);
}

/* The kernel's links to open files lead nowhere, even for the directory that
 * they are in.
 */
static void
links_of_the_kernel_are_not_followed (void)
{
  struct dir *all = dir_posix_open ("/proc/self/fd", 0);
  struct dir *walk = dir_posix_open ("/proc/self/fd", 0);
  int secret = open (files_path ("secret"), O_RDONLY), found;
  char name[20];

  MUST (all != NULL && walk != NULL && secret >= 0);
  dir_posix_avoid_openat2 (walk);
  snprintf (name, sizeof name, "%d", secret);
  found = class_of (dir_open_file (all, name, false));
  CHECK (found == LOOP || found == LEADS_OUT); /* if there is no openat2 */
  CHECK_INT (class_of (dir_open_file (walk, name, false)), LEADS_OUT);
  close (secret);
  dir_close (all);
  dir_close (walk);
}

/* As somebody who is not root. */
static void
check_unreadable (void)
{
  CHECK_REFUSED ("unreadable", OTHER);
  CHECK_INT (errno, EACCES);
  CHECK_REFUSED ("closed/f", OTHER);
  CHECK_INT (errno, EACCES);
}

static void
what_may_not_be_read_is_not (void)
{
  files_make ("in/unreadable", "x", 0644);
  MUST (chmod (files_path ("in/unreadable"), 0) == 0);
  files_make_dir ("in/closed");
  files_make ("in/closed/f", "x", 0644);
  MUST (chmod (files_path ("in/closed"), 0) == 0);
  test_as_nobody (check_unreadable);
}

static void
the_longest_names_are_opened (void)
{
  char name[NAME_MAX + 1], path[NAME_MAX + 8];

  memset (name, 'n', NAME_MAX);
  name[NAME_MAX] = '\0';
  snprintf (path, sizeof path, "in/%s", name);
  files_make (path, "long", 0644);
  CHECK_FOUND (name, "long");
}

/* The file of the test before has the first NAME_MAX bytes of this name. */
static void
a_name_that_is_too_long_is_no_shorter_name (void)
{
  char name[NAME_MAX + 100], path[NAME_MAX + 200];

  memset (name, 'n', sizeof name);
  name[NAME_MAX + 1] = '\0';
  CHECK_REFUSED (name, OTHER);
  CHECK_INT (errno, ENAMETOOLONG);
  snprintf (path, sizeof path, "sub/%s", name);
  CHECK_REFUSED (path, OTHER);
  snprintf (path, sizeof path, "%s/f", name);
  CHECK_REFUSED (path, OTHER);
}

static void
deep_directories_are_walked (void)
{
  char path[PATH_MAX] = "in", *p = path + 2;
  unsigned i;

  for (i = 0; i < 60; ++i) {
    p = stpcpy (p, "/d");
    files_make_dir (path);
  }
  strcpy (p, "/f");
  files_make (path, "deep", 0644);
  CHECK_FOUND (path + 3, "deep");
}

static void
the_longest_path_is_walked_and_none_beyond (void)
{
  char path[PATH_MAX + 2];
  size_t i;

  for (i = 0; i + 2 < PATH_MAX - 1; i += 2)
    memcpy (path + i, "./", 2);
  strcpy (path + i, "f"); /* PATH_MAX - 1 or one less */
  CHECK_FOUND (path, "f");
  for (i = 0; i < PATH_MAX; i += 2)
    memcpy (path + i, "./", 2);
  strcpy (path + i, "f");
  CHECK_REFUSED (path, OTHER);
  CHECK_INT (errno, ENAMETOOLONG);
}

static void
no_descriptor_is_left_open (void)
{
  static const char *const paths[] = {
    "f",    "sub/deep/h", "missing",        "../secret", "link-out",   "sub",
    "fifo", "loop-a",     "link-deep/../g", "f/x",       "link-magic",
  };
  int before = dup (0), after;
  unsigned i, round;

  MUST (before >= 0);
  close (before);
  for (round = 0; round < 10; ++round)
    for (i = 0; i < sizeof paths / sizeof paths[0]; ++i) {
      file_close (dir_open_file (with_openat2, paths[i], false));
      file_close (dir_open_file (with_walk, paths[i], false));
    }
  after = dup (0);
  close (after);
  CHECK_INT (after, before);
}

/* ---- the directory itself ---- */

static void
files_are_named_as_the_user_named_the_directory (void)
{
  struct file *f = dir_open_file (with_openat2, "sub/g", false);

  MUST (f != NULL);
  CHECK_STRING (f->name, files_path ("in/sub/g"));
  file_close (f);
}

static void
one_file_has_one_identity (void)
{
  struct file *a = dir_open_file (with_openat2, "f", false);
  struct file *b = dir_open_file (with_walk, "link-link", false);
  struct file *c = dir_open_file (with_walk, "sub/g", false);

  MUST (a != NULL && b != NULL && c != NULL);
  CHECK (file_id_equal (a->id, b->id));
  CHECK (!file_id_equal (a->id, c->id));
  file_close (a);
  file_close (b);
  file_close (c);
}

static void
what_is_no_directory_is_refused_with_one_error (void)
{
  CHECK (dir_posix_open (files_path ("in/f"), 0) == NULL);
  CHECK_INT (errno, ENOTDIR);
  CHECK_ONE_ERROR ("in/f");
  reports_forget ();
  CHECK (dir_posix_open (files_path ("missing"), 0) == NULL);
  CHECK_INT (errno, ENOENT);
  CHECK_ONE_ERROR ("missing");
}

static void
what_the_user_names_must_be_a_regular_file_too (void)
{
  struct file *f =
    file_posix_open (files_path ("in/link"), 0); /* may be a link */

  CHECK (f != NULL);
  file_close (f);
  CHECK_SILENT ();
  CHECK (file_posix_open (files_path ("in/fifo"), 0) == NULL);
  CHECK_ONE_ERROR ("regular file");
  reports_forget ();
  CHECK (file_posix_open (files_path ("in/sub"), 0) == NULL);
  CHECK_ONE_ERROR ("regular file");
  reports_forget ();
  CHECK (file_posix_open (files_path ("missing"), 0) == NULL);
  CHECK_INT (errno, ENOENT);
  CHECK_ONE_ERROR ("missing");
}

int
main (void)
{
  make_tree ();
  with_openat2 = dir_posix_open (files_path ("in"), 0);
  with_walk = dir_posix_open (files_path ("in"), 0);
  MUST (with_openat2 != NULL && with_walk != NULL);
  dir_posix_avoid_openat2 (with_walk);

  RUN (files_inside_are_found);
  RUN (missing_files_are_missing);
  RUN (an_empty_name_is_missing);
  RUN (a_file_with_a_slash_behind_it_is_missing);
  RUN (dot_dot_inside_is_followed);
  RUN (dot_dot_to_the_outside_leads_out);
  RUN (absolute_names_lead_out);
  RUN (links_inside_are_followed);
  RUN (dot_dot_behind_a_link_is_that_of_the_target);
  RUN (links_to_the_outside_lead_out);
  RUN (loops_of_links_end);
  RUN (as_many_links_as_the_kernel_follows_are_followed);
  RUN (directories_fifos_sockets_and_devices_are_not_regular);
  RUN (what_is_not_regular_is_not_even_opened);
  RUN (links_of_the_kernel_are_not_followed);
  RUN (what_may_not_be_read_is_not);
  RUN (the_longest_names_are_opened);
  RUN (a_name_that_is_too_long_is_no_shorter_name);
  RUN (deep_directories_are_walked);
  RUN (the_longest_path_is_walked_and_none_beyond);
  RUN (no_descriptor_is_left_open);
  RUN (files_are_named_as_the_user_named_the_directory);
  RUN (one_file_has_one_identity);
  RUN (what_is_no_directory_is_refused_with_one_error);
  RUN (what_the_user_names_must_be_a_regular_file_too);

  dir_close (with_openat2);
  dir_close (with_walk);
  test_directory_remove ();
  return test_result ();
}
