/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may use a file that takes the place of another: all those who might use
 * the old one, and nobody else.
 */

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "file.h"
#include "files.h"
#include "test.h"

static void
the_mode_is_kept_whatever_the_umask (void)
{
  static const mode_t modes[] = { 0600, 0644, 0664, 0640, 0666, 0755, 0604 };
  const mode_t old = umask (077);
  struct file *f, *by;
  unsigned i;

  for (i = 0; i < sizeof modes / sizeof modes[0]; ++i) {
    files_make ("disk", "old", modes[i]);
    f = files_open ("disk");
    by = files_create_beside (f);
    CHECK_INT (files_stat (files_temporary ()).st_mode & 07777, modes[i]);
    CHECK_INT (file_replace (f, by), 0);
    CHECK_INT (files_stat ("disk").st_mode & 07777, modes[i]);
    file_close (f);
    file_close (by);
    unlink (files_path ("disk"));
  }
  umask (old);
}

static void
root_keeps_the_owner_and_the_group (void)
{
  struct file *f, *by;

  if (geteuid () != 0) {
    printf ("not tried: needs root\n");
    return;
  }
  files_make ("disk", "old", 0640);
  MUST (chown (files_path ("disk"), 1234, 5678) == 0);
  f = files_open ("disk");
  by = files_create_beside (f);
  CHECK_INT (file_replace (f, by), 0);
  CHECK_INT (files_stat ("disk").st_uid, 1234);
  CHECK_INT (files_stat ("disk").st_gid, 5678);
  CHECK_INT (files_stat ("disk").st_mode & 07777, 0640);
  file_close (f);
  file_close (by);
  unlink (files_path ("disk"));
}

static mode_t narrowed;    /* what the mode becomes; 0: it is refused */
static struct file *whose; /* opened by root, before he became nobody */

/* As nobody, in a directory that is his. */
static void
replace_what_was_opened (void)
{
  struct file *by;

  if (narrowed == 0) {
    CHECK_NONE_BESIDE (whose, EPERM);
    return;
  }
  by = files_create_beside (whose);
  CHECK_INT (files_stat (files_temporary ()).st_mode & 07777, narrowed);
  CHECK_INT (file_replace (whose, by), 0);
  CHECK_INT (files_stat ("disk").st_uid, TEST_NOBODY);
  CHECK_INT (files_stat ("disk").st_gid, TEST_NOBODY);
  file_close (by);
}

static void
others_gain_nothing_and_the_owner_loses_nothing (void)
{
  static const struct {
    uid_t owner;
    gid_t group;
    mode_t mode, narrowed;
  } cases[] = {
    { TEST_NOBODY, TEST_NOBODY, 0664, 0664 },
    /* The group is lost. */
    { TEST_NOBODY, 5678, 0664, 0644 },
    { TEST_NOBODY, 5678, 0660, 0600 },
    { TEST_NOBODY, 5678, 0604, 0600 },
    { TEST_NOBODY, 5678, 0642, 0600 },
    /* The owner is. */
    { 1234, TEST_NOBODY, 0666, 0666 },
    { 1234, TEST_NOBODY, 0660, 0 },
    { 1234, TEST_NOBODY, 0600, 0 },
    { 1234, 5678, 0666, 0666 },
    { 1234, 5678, 0646, 0 },
  };
  unsigned i;

  if (geteuid () != 0) {
    printf ("not tried: needs root\n");
    return;
  }
  MUST (chown (files_path ("."), TEST_NOBODY, TEST_NOBODY) == 0);
  for (i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    files_make ("disk", "old", 0600);
    MUST (chown (files_path ("disk"), cases[i].owner, cases[i].group) == 0);
    MUST (chmod (files_path ("disk"), cases[i].mode) == 0);
    whose = files_open ("disk");
    narrowed = cases[i].narrowed;
    test_as_nobody (replace_what_was_opened);
    CHECK_STRING (files_content ("disk"), narrowed ? "new" : "old");
    CHECK_INT (files_count (), 1);
    file_close (whose);
    unlink (files_path ("disk"));
  }
  MUST (chown (files_path ("."), 0, 0) == 0);
}

/* user::rw- user:1234:rw- group::r-- mask::rw- other::---: as the kernel has
 * them in the attribute, a version and then tag, permissions and who of each.
 */
static const unsigned char acl[44] = "\2\0\0\0"
                                     "\x01\0\6\0\377\377\377\377"
                                     "\x02\0\6\0\xd2\x04\0\0"
                                     "\x04\0\4\0\377\377\377\377"
                                     "\x10\0\6\0\377\377\377\377"
                                     "\x20\0\0\0\377\377\377\377";

#define ACL         "system.posix_acl_access"
#define DEFAULT_ACL "system.posix_acl_default"

static bool
set_attribute (const char *name, const char *attribute, const void *value,
               size_t count)
{
  if (setxattr (files_path (name), attribute, value, count, 0) == 0)
    return true;
  MUST (errno == EOPNOTSUPP);
  printf ("not tried: this file system has no %s\n", attribute);
  return false;
}

static void
attributes_of_users_are_kept (void)
{
  char found[10] = "";
  struct file *f, *by;

  files_make ("disk", "old", 0644);
  if (set_attribute ("disk", "user.vmdk", "hello", 5)) {
    f = files_open ("disk");
    by = files_create_beside (f);
    CHECK_INT (file_replace (f, by), 0);
    CHECK_INT (getxattr (files_path ("disk"), "user.vmdk", found, 9), 5);
    CHECK_STRING (found, "hello");
    file_close (f);
    file_close (by);
  }
  unlink (files_path ("disk"));
}

static void
an_access_list_is_kept (void)
{
  unsigned char found[sizeof acl] = { 0 };
  struct file *f, *by;

  files_make ("disk", "old", 0600);
  if (set_attribute ("disk", ACL, acl, sizeof acl)) {
    f = files_open ("disk");
    by = files_create_beside (f);
    CHECK_INT (file_replace (f, by), 0);
    CHECK_INT (getxattr (files_path ("disk"), ACL, found, sizeof found),
               sizeof acl);
    CHECK_BYTES (found, acl, sizeof acl);
    CHECK_INT (files_stat ("disk").st_mode & 0777, 0660);
    file_close (f);
    file_close (by);
  }
  unlink (files_path ("disk"));
}

/* It speaks of an owner and a group that the new file has not. */
static void
an_access_list_that_would_mean_others_is_not_given_up (void)
{
  files_make ("disk", "old", 0600);
  if (geteuid () != 0)
    printf ("not tried: needs root\n");
  else if (set_attribute ("disk", ACL, acl, sizeof acl)) {
    MUST (chown (files_path ("."), TEST_NOBODY, TEST_NOBODY) == 0);
    MUST (chown (files_path ("disk"), TEST_NOBODY, 5678) == 0);
    whose = files_open ("disk");
    narrowed = 0;
    test_as_nobody (replace_what_was_opened);
    file_close (whose);
    MUST (chown (files_path ("."), 0, 0) == 0);
  }
  unlink (files_path ("disk"));
}

static void
the_list_that_a_directory_gives_its_files_lets_nobody_in (void)
{
  struct file *f, *by;

  files_make ("disk", "old", 0660);
  if (set_attribute (".", DEFAULT_ACL, acl, sizeof acl)) {
    f = files_open ("disk");
    by = files_create_beside (f);
    CHECK_INT (file_replace (f, by), 0);
    CHECK_INT (getxattr (files_path ("disk"), ACL, NULL, 0), -1);
    CHECK_INT (errno, ENODATA);
    CHECK_INT (files_stat ("disk").st_mode & 0777, 0660);
    file_close (f);
    file_close (by);
    MUST (removexattr (files_path ("."), DEFAULT_ACL) == 0);
  }
  unlink (files_path ("disk"));
}

int
main (void)
{
  files_begin ();
  RUN (the_mode_is_kept_whatever_the_umask);
  RUN (root_keeps_the_owner_and_the_group);
  RUN (others_gain_nothing_and_the_owner_loses_nothing);
  RUN (attributes_of_users_are_kept);
  RUN (an_access_list_is_kept);
  RUN (an_access_list_that_would_mean_others_is_not_given_up);
  RUN (the_list_that_a_directory_gives_its_files_lets_nobody_in);
  test_directory_remove ();
  return test_result ();
}
