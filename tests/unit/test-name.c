/* SPDX-License-Identifier: BSD-3-Clause */
/* From recorded names to files: in which order places are tried, how names
 * from Windows and in other charsets are read, and what a failure says
 * (vmdk-format.md 2.11, 2.13).
 */

#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dir.h"
#include "file-memory.h"
#include "name.h"
#include "test.h"

#define N_PLACES 3

static struct dir *dirs[N_PLACES];
static const struct places places = { dirs, N_PLACES };

/* The content of a file is what tells it from others. */
static void
add (unsigned place, const char *path)
{
  char content[300];

  content[0] = '0' + place;
  strcpy (content + 1, path);
  MUST (dir_memory_add (dirs[place], path, content, strlen (content)) == 0);
}

static struct text
text (const char *s)
{
  return (struct text){ s, strlen (s) };
}

static struct file *
open_in (const char *from, const char *name, const char *encoding,
         struct location *found)
{
  struct location where = { 0, (char *) (uintptr_t) from };

  reports_forget ();
  errno = 0;
  return name_open (&places, &where, text (name), text (encoding), "child.vmdk",
                    "the parent", NULL, false, found);
}

/* NAME opens the file that was added as PATH of PLACE. */
static void
check_found_by (int line, const char *from, const char *name,
                const char *encoding, unsigned place, const char *path)
{
  struct file *f = open_in (from, name, encoding, NULL);
  char found[300] = "", expected[300];

  expected[0] = '0' + place;
  strcpy (expected + 1, path);
  if (f != NULL)
    CHECK (file_pread_some (f, found, sizeof found - 1, 0) > 0);
  test_check_string (__FILE__, line, name, found, expected);
  test_check_string (__FILE__, line, "errors", errors (), "");
  file_close (f);
}

#define CHECK_FOUND(name, place, path) \
  check_found_by (__LINE__, "", name, "", place, path)
#define CHECK_FOUND_FROM(from, name, place, path) \
  check_found_by (__LINE__, from, name, "", place, path)
#define CHECK_FOUND_IN(encoding, name, place, path) \
  check_found_by (__LINE__, "", name, encoding, place, path)

static void
check_missing (const char *name, const char *part)
{
  struct file *f = open_in ("", name, "", NULL);

  CHECK (f == NULL);
  CHECK (errno != 0);
  CHECK_ONE_ERROR (part);
  CHECK_HAS (errors (), "child.vmdk");
  CHECK_HAS (errors (), "the parent");
  file_close (f);
}

/* ---- order ---- */

static void
a_relative_name_is_relative_to_the_descriptor (void)
{
  add (0, "base.vmdk");
  add (0, "sub/base.vmdk");
  add (0, "sub/sub/base.vmdk");
  CHECK_FOUND ("base.vmdk", 0, "base.vmdk");
  CHECK_FOUND ("sub/base.vmdk", 0, "sub/base.vmdk");
  CHECK_FOUND_FROM ("sub", "base.vmdk", 0, "sub/base.vmdk");
  CHECK_FOUND_FROM ("sub", "sub/base.vmdk", 0, "sub/sub/base.vmdk");
}

static void
next_is_the_last_component_beside_the_descriptor (void)
{
  add (0, "base.vmdk");
  add (1, "base.vmdk");
  CHECK_FOUND ("gone/base.vmdk", 0, "base.vmdk");
  CHECK_FOUND ("/vmfs/volumes/x/vm/base.vmdk", 0, "base.vmdk");
  CHECK_FOUND ("../../vm/base.vmdk", 0, "base.vmdk");
}

static void
next_are_the_search_directories_in_order (void)
{
  add (1, "base.vmdk");
  add (2, "base.vmdk");
  add (2, "other.vmdk");
  CHECK_FOUND ("base.vmdk", 1, "base.vmdk");
  CHECK_FOUND ("/gone/base.vmdk", 1, "base.vmdk");
  CHECK_FOUND ("other.vmdk", 2, "other.vmdk");
}

static void
two_components_are_better_than_one_in_a_search_directory (void)
{
  add (1, "base.vmdk");
  add (1, "vm/base.vmdk");
  CHECK_FOUND ("/vmfs/volumes/x/vm/base.vmdk", 1, "vm/base.vmdk");
  CHECK_FOUND ("../vm/base.vmdk", 1, "vm/base.vmdk");
  CHECK_FOUND ("/base.vmdk", 1, "base.vmdk");
  CHECK_FOUND ("../base.vmdk", 1, "base.vmdk");
}

static void
an_absolute_name_in_one_of_the_places_is_opened_there (void)
{
  add (0, "sub/base.vmdk");
  add (0, "base.vmdk");
  add (2, "deep/base.vmdk");
  CHECK_FOUND ("/place-0/sub/base.vmdk", 0, "sub/base.vmdk");
  CHECK_FOUND ("/place-0//sub/base.vmdk", 0, "sub/base.vmdk");
  CHECK_FOUND ("/place-2/deep/base.vmdk", 2, "deep/base.vmdk");
  /* Only looks like it. */
  CHECK_FOUND ("/place-0x/sub/base.vmdk", 0, "base.vmdk");
}

static void
where_it_was_found_is_told (void)
{
  struct location found;

  add (0, "sub/base.vmdk");
  add (1, "vm/other.vmdk");
  add (2, "third.vmdk");
  file_close (open_in ("", "sub/base.vmdk", "", &found));
  CHECK_INT (found.place, 0);
  CHECK_STRING (found.path, "sub");
  location_free (&found);
  file_close (open_in ("", "/x/vm/other.vmdk", "", &found));
  CHECK_INT (found.place, 1);
  CHECK_STRING (found.path, "vm");
  location_free (&found);
  file_close (open_in ("sub", "third.vmdk", "", &found));
  CHECK_INT (found.place, 2);
  CHECK_STRING (found.path, "");
  location_free (&found);
}

/* ---- Windows ---- */

static void
backslashes_separate_components_of_names_from_windows (void)
{
  add (0, "base.vmdk");
  add (0, "vm/base.vmdk");
  add (1, "sub/other.vmdk");
  CHECK_FOUND ("vm\\base.vmdk", 0, "vm/base.vmdk");
  CHECK_FOUND ("C:\\VMs\\old\\base.vmdk", 0, "base.vmdk");
  CHECK_FOUND ("\\\\server\\share\\base.vmdk", 0, "base.vmdk");
  CHECK_FOUND ("..\\gone\\base.vmdk", 0, "base.vmdk");
  CHECK_FOUND ("D:\\VMs\\sub\\other.vmdk", 1, "sub/other.vmdk");
  CHECK_FOUND ("C:\\mixed/slashes\\base.vmdk", 0, "base.vmdk");
}

static void
a_backslash_beside_a_slash_is_part_of_a_name (void)
{
  add (0, "vm/a\\b.vmdk");
  CHECK_FOUND ("vm/a\\b.vmdk", 0, "vm/a\\b.vmdk");
}

/* ---- encodings: 2.11 ---- */

static void
names_are_converted_to_utf_8 (void)
{
  add (0, "b\xc3\xa4r.vmdk");               /* U+00E4 */
  add (0, "\xe2\x82\xac.vmdk");             /* the euro sign, U+20AC */
  add (0, "\xe6\xb5\x8b\xe8\xaf\x95.vmdk"); /* U+6D4B U+8BD5 */
  CHECK_FOUND_IN ("windows-1252", "b\xe4r.vmdk", 0, "b\xc3\xa4r.vmdk");
  CHECK_FOUND_IN ("Windows-1252", "\x80.vmdk", 0, "\xe2\x82\xac.vmdk");
  CHECK_FOUND_IN ("GBK", "\xb2\xe2\xca\xd4.vmdk", 0,
                  "\xe6\xb5\x8b\xe8\xaf\x95.vmdk");
  CHECK_FOUND_IN ("UTF-8", "b\xc3\xa4r.vmdk", 0, "b\xc3\xa4r.vmdk");
}

/* Two bytes of Shift_JIS, 95 5c, are one character: U+8868. */
static void
a_trail_byte_5c_is_no_separator (void)
{
  add (0, "\xe8\xa1\xa8.vmdk");
  add (0, "dir/\xe8\xa1\xa8.vmdk");
  CHECK_FOUND_IN ("Shift_JIS", "\x95\x5c.vmdk", 0, "\xe8\xa1\xa8.vmdk");
  CHECK_FOUND_IN ("Shift_JIS", "dir\\\x95\x5c.vmdk", 0,
                  "dir/\xe8\xa1\xa8.vmdk");
}

static void
big5_trail_bytes_5c_are_no_separators (void)
{
  add (0, "\xe5\x8a\x9f.vmdk"); /* a5 5c is U+529F */
  CHECK_FOUND_IN ("Big5", "\xa5\x5c.vmdk", 0, "\xe5\x8a\x9f.vmdk");
}

static void
if_the_converted_name_is_not_there_the_bytes_are_tried (void)
{
  add (0, "b\xe4r.vmdk");
  CHECK_FOUND_IN ("windows-1252", "b\xe4r.vmdk", 0, "b\xe4r.vmdk");
}

static void
the_converted_name_comes_first (void)
{
  add (0, "b\xe4r.vmdk");
  add (0, "b\xc3\xa4r.vmdk");
  CHECK_FOUND_IN ("windows-1252", "b\xe4r.vmdk", 0, "b\xc3\xa4r.vmdk");
  CHECK_FOUND_IN ("", "b\xe4r.vmdk", 0, "b\xe4r.vmdk");
}

static void
an_unknown_or_strange_encoding_means_bytes (void)
{
  static const char *const encodings[] = {
    "no-such-charset",
    "../../../tmp/evil",
    "UTF-8//TRANSLIT",
    "\xff",
    " ",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  };
  size_t i;

  add (0, "b\xe4r.vmdk");
  for (i = 0; i < sizeof encodings / sizeof encodings[0]; ++i)
    CHECK_FOUND_IN (encodings[i], "b\xe4r.vmdk", 0, "b\xe4r.vmdk");
}

static void
what_is_not_in_its_encoding_means_bytes (void)
{
  add (0, "b\xe4r.vmdk");
  CHECK_FOUND_IN ("UTF-8", "b\xe4r.vmdk", 0, "b\xe4r.vmdk");
  CHECK_FOUND_IN ("US-ASCII", "b\xe4r.vmdk", 0, "b\xe4r.vmdk");
}

/* ---- failures ---- */

static void
a_missing_file_tells_all_places_and_the_way_out (void)
{
  check_missing ("vm/base.vmdk", "vm/base.vmdk");
  CHECK_INT (errno, ENOENT);
  CHECK_HAS (errors (), "search=");
  CHECK_HAS (errors (), "tried vm/base.vmdk, place-1/vm/base.vmdk");
  CHECK_HAS (errors (), ", base.vmdk, place-1/base.vmdk");
  CHECK_HAS (errors (), "place-1/vm/base.vmdk");
  CHECK_HAS (errors (), "place-1/base.vmdk");
  CHECK_HAS (errors (), "place-2/base.vmdk");
}

static void
a_name_that_leads_outside_says_so (void)
{
  check_missing ("../secret.vmdk", "outside");
  CHECK_HAS (errors (), "search=");
  check_missing ("/etc/shadow", "outside");
  CHECK_HAS (errors (), "search=");
}

/* It is inside, so "outside" would be a lie. */
static void
a_missing_file_at_an_absolute_name_inside_is_missing (void)
{
  check_missing ("/place-0/vm/base.vmdk", "cannot find");
  CHECK (strstr (errors (), "outside") == NULL);
}

static void
what_was_tried_in_two_spellings_is_told_in_both (void)
{
  struct file *f = open_in ("", "b\xe4r.vmdk", "windows-1252", NULL);

  CHECK (f == NULL);
  CHECK_ONE_ERROR ("b\xc3\xa4r.vmdk");
  CHECK_HAS (errors (), "b\\xe4r.vmdk");
}

static void
a_message_stays_readable_whatever_the_name (void)
{
  char name[4097];

  memset (name, 'n', 4096);
  name[4096] = '\0';
  check_missing (name, "nnn");
  CHECK (strlen (errors ()) < 3000);
  memset (name, '\x1b', 4096);
  check_missing (name, "\\x1b");
  CHECK (strlen (errors ()) < 10000);
  CHECK (strchr (errors (), '\x1b') == NULL);
}

static void
strange_names_open_nothing (void)
{
  static const char *const names[] = {
    ".", "..", "/", "//", "\\", "\\\\", "C:\\", "C:", "./", "a//", "/..", "",
  };
  size_t i;

  for (i = 0; i < sizeof names / sizeof names[0]; ++i) {
    struct file *f = open_in ("", names[i], "", NULL);

    CHECK (f == NULL);
    CHECK_INT (n_errors (), 1);
    CHECK (errno != 0);
    file_close (f);
  }
}

/* ---- URIs ---- */

static void
uris_and_protocols_are_told_from_drives_and_paths (void)
{
  static const struct {
    const char *name;
    bool uri, protocol;
  } names[] = {
    { "vsan://52a1", true, true },   { "VVOL://x", true, true },
    { "nbd+unix:///x", true, true }, { "nbd:x", false, true },
    { "json:{", false, true },       { "C:\\x", false, false },
    { "c:x", false, false },         { "://x", false, false },
    { "a/b://c", false, false },     { "disk.vmdk", false, false },
    { "a b://c", false, false },     { "", false, false },
    { ":", false, false },           { "nbd", false, false },
    { "vsan:/x", false, true },      { "vsan:", false, true },
  };
  size_t i;

  for (i = 0; i < sizeof names / sizeof names[0]; ++i) {
    CHECK_INT (name_is_uri (text (names[i].name)), names[i].uri);
    CHECK_INT (name_has_protocol (text (names[i].name)), names[i].protocol);
  }
}

static void
in_fresh_places (const char *name, void (*test) (void))
{
  unsigned i;

  dirs[0] = dir_memory_create (".", "/place-0");
  dirs[1] = dir_memory_create ("place-1", "/place-1");
  dirs[2] = dir_memory_create ("place-2", "/place-2");
  for (i = 0; i < N_PLACES; ++i)
    MUST (dirs[i] != NULL);
  test_run (name, test);
  for (i = 0; i < N_PLACES; ++i)
    dir_close (dirs[i]);
}

#define RUN_IN_PLACES(test) in_fresh_places (#test, test)

int
main (void)
{
  RUN_IN_PLACES (a_relative_name_is_relative_to_the_descriptor);
  RUN_IN_PLACES (next_is_the_last_component_beside_the_descriptor);
  RUN_IN_PLACES (next_are_the_search_directories_in_order);
  RUN_IN_PLACES (two_components_are_better_than_one_in_a_search_directory);
  RUN_IN_PLACES (an_absolute_name_in_one_of_the_places_is_opened_there);
  RUN_IN_PLACES (where_it_was_found_is_told);
  RUN_IN_PLACES (backslashes_separate_components_of_names_from_windows);
  RUN_IN_PLACES (a_backslash_beside_a_slash_is_part_of_a_name);
  RUN_IN_PLACES (names_are_converted_to_utf_8);
  RUN_IN_PLACES (a_trail_byte_5c_is_no_separator);
  RUN_IN_PLACES (big5_trail_bytes_5c_are_no_separators);
  RUN_IN_PLACES (if_the_converted_name_is_not_there_the_bytes_are_tried);
  RUN_IN_PLACES (the_converted_name_comes_first);
  RUN_IN_PLACES (an_unknown_or_strange_encoding_means_bytes);
  RUN_IN_PLACES (what_is_not_in_its_encoding_means_bytes);
  RUN_IN_PLACES (a_missing_file_tells_all_places_and_the_way_out);
  RUN_IN_PLACES (a_name_that_leads_outside_says_so);
  RUN_IN_PLACES (a_missing_file_at_an_absolute_name_inside_is_missing);
  RUN_IN_PLACES (what_was_tried_in_two_spellings_is_told_in_both);
  RUN_IN_PLACES (a_message_stays_readable_whatever_the_name);
  RUN_IN_PLACES (strange_names_open_nothing);
  RUN_IN_PLACES (uris_and_protocols_are_told_from_drives_and_paths);
  return test_result ();
}
