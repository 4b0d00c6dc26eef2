/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of a descriptor in place against the rules of vmdk-format.md 2.12,
 * 2.15 and 9.1.
 *
 * What is expected is the whole text, written down by hand, in which some marks
 * stand for bytes that are drawn: '*' for a hexadecimal digit in lower case,
 * '^' for one in upper case.  Every other byte must be the same.
 */

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "descriptor-edit.h"
#include "test.h"

#define FLAT "RW 2048 FLAT \"d-flat.vmdk\" 0\n"

/* ---- random numbers: first those that a test wants, then others ---- */

static uint32_t wanted_draws[8];
static unsigned n_wanted, n_drawn;
static bool no_entropy;

/* Instead of the C library's. */
int
getentropy (void *bytes, size_t n)
{
  unsigned char *p = bytes;
  size_t i;

  if (no_entropy) {
    errno = ENOSYS;
    return -1;
  }
  if (n == sizeof (uint32_t) && n_drawn < n_wanted) {
    memcpy (bytes, &wanted_draws[n_drawn++], n);
    return 0;
  }
  for (i = 0; i < n; ++i)
    p[i] = test_random () >> 24;
  return 0;
}

/* ---- a file that fails when it is told to, and remembers ---- */

#define MAX_FILE 8192

struct recorder {
  struct file file;
  unsigned char data[MAX_FILE];
  size_t size;
  unsigned reads, writes, syncs;
  bool written_since_sync;
  unsigned fail_at; /* the number of the operation, from 1; 0: none */
  int fail_with;
};

/* Count an operation.  Is it to fail* */
static bool
fails (struct recorder *r, unsigned *counter)
{
  ++*counter;
  if (r->fail_at == 0 || r->reads + r->writes + r->syncs != r->fail_at)
    return false;
  errno = r->fail_with;
  return true;
}

static int64_t
recorder_size (struct file *f)
{
  return ((struct recorder *) f)->size;
}

static int64_t
recorder_pread (struct file *f, void *buf, size_t count, uint64_t offset)
{
  struct recorder *r = (struct recorder *) f;

  if (fails (r, &r->reads))
    return -1;
  if (offset >= r->size)
    return 0;
  if (count > r->size - offset)
    count = r->size - offset;
  memcpy (buf, r->data + offset, count);
  return count;
}

static int
recorder_pwrite (struct file *f, const struct file_part *parts, unsigned n,
                 uint64_t offset)
{
  struct recorder *r = (struct recorder *) f;
  unsigned i;

  if (fails (r, &r->writes))
    return -1;
  for (i = 0; i < n; ++i) {
    MUST (offset + parts[i].count <= r->size);
    memcpy (r->data + offset, parts[i].bytes, parts[i].count);
    offset += parts[i].count;
  }
  r->written_since_sync = true;
  return 0;
}

static int
recorder_sync (struct file *f)
{
  struct recorder *r = (struct recorder *) f;

  if (fails (r, &r->syncs))
    return -1;
  r->written_since_sync = false;
  return 0;
}

static const struct file_ops recorder_ops = {
  .size = recorder_size,
  .pread = recorder_pread,
  .pwrite = recorder_pwrite,
  .sync = recorder_sync,
};

static struct recorder recorder;
static char recorder_name[] = "x.vmdk";

/* ---- a descriptor and its edit ---- */

/* The N bytes at TEXT are in a file from OFFSET on; what is around them is not
 * text.
 */
static struct descriptor_edit *
start_bytes (const char *text, size_t n, uint64_t offset, bool drop_cbt)
{
  struct recorder *r = &recorder;
  struct descriptor_edit *e;
  struct descriptor *d;

  memset (r, 0, sizeof *r);
  r->file.ops = &recorder_ops;
  r->file.name = recorder_name;
  r->file.writable = true;
  r->size = offset > 0 ? MAX_FILE : n;
  MUST (offset + n < MAX_FILE);
  memset (r->data, 0xa5, r->size);
  memcpy (r->data + offset, text, n);
  if (offset > 0)
    r->data[offset + n] = '\0';
  n_wanted = n_drawn = 0;
  d = descriptor_read (&r->file, offset, r->size - offset);
  MUST (d != NULL);
  e = descriptor_edit_create (d, &r->file, offset, drop_cbt);
  descriptor_free (d);
  CHECK_INT (r->writes + r->syncs, 0);
  r->reads = 0;
  reports_forget ();
  return e;
}

static struct descriptor_edit *
start (const char *text, bool drop_cbt)
{
  struct descriptor_edit *e = start_bytes (text, strlen (text), 0, drop_cbt);

  MUST (e != NULL);
  return e;
}

static bool
is_as_expected (char found, char expected)
{
  if (expected == '*')
    return found != '\0' && strchr ("0123456789abcdef", found) != NULL;
  if (expected == '^')
    return found != '\0' && strchr ("0123456789ABCDEF", found) != NULL;
  return found == expected;
}

/* The N bytes at OFFSET of the file are as in EXPECTED. */
static void
check_text (const char *expected, size_t n, uint64_t offset)
{
  const char *found = (const char *) recorder.data + offset;
  size_t i = 0;

  while (i < n && is_as_expected (found[i], expected[i]))
    ++i;
  if (i < n)
    fprintf (stderr, "byte %zu: expected \"%.20s\", found \"%.20s\"\n", i,
             expected + i, found + i);
  CHECK_INT (i, n);
}

/* Everything went well: there is one sync, the last operation. */
static void
check_synced (void)
{
  CHECK_SILENT ();
  CHECK_INT (recorder.syncs, 1);
  CHECK (!recorder.written_since_sync);
}

/* As its caller has to do it. */
static int
apply (struct descriptor_edit *e)
{
  return descriptor_edit_apply (e) == 0 ? file_sync (&recorder.file) : -1;
}

/* TEXT becomes EXPECTED, and WRITES writes do that. */
static void
check_edit (const char *text, const char *expected, bool drop_cbt,
            unsigned writes)
{
  struct descriptor_edit *e = start (text, drop_cbt);

  MUST (strlen (text) == strlen (expected));
  CHECK_INT (apply (e), 0);
  check_text (expected, strlen (expected), 0);
  CHECK_INT (recorder.size, strlen (text));
  CHECK_INT (recorder.writes, writes);
  check_synced ();
  descriptor_edit_free (e);
}

/* The number behind KEY in the file. */
static uint32_t
number_behind (const char *key)
{
  const char *p = strstr ((const char *) recorder.data, key);

  MUST (p != NULL);
  return strtoul (p + strlen (key), NULL, 16);
}

/* ---- the content ID ---- */

static void
only_the_digits_of_the_cid_change (void)
{
  check_edit ("# Disk DescriptorFile\nversion=1\nCID=0172e8a4\n"
              "parentCID=ffffffff\n" FLAT,
              "# Disk DescriptorFile\nversion=1\nCID=********\n"
              "parentCID=ffffffff\n" FLAT,
              false, 1);
  CHECK (number_behind ("\nCID=") != 0x0172e8a4);
}

static void
the_cid_keeps_its_number_of_digits_and_their_case (void)
{
  static const char *const digits[][2] = {
    { "7", "*" },
    { "c", "*" },
    { "C", "^" },
    { "0", "*" },
    { "4d", "**" },
    { "abc", "***" },
    { "ABC", "^^^" },
    { "0001", "****" },
    { "12345", "*****" },
    { "fffffe", "******" },
    { "ffffffe", "*******" },
    { "FFFFFFFF", "^^^^^^^^" },
    { "aBcdef01", "^^^^^^^^" },
    { "ffffffff", "********" },
    { "00000000", "********" },
  };
  char text[128], expected[128];
  size_t i, draws;
  uint32_t cid;

  for (i = 0; i < sizeof digits / sizeof digits[0]; ++i) {
    for (draws = 0; draws < 20; ++draws) {
      snprintf (text, sizeof text, "version=1\nCID=%s\n" FLAT, digits[i][0]);
      snprintf (expected, sizeof expected, "version=1\nCID=%s\n" FLAT,
                digits[i][1]);
      check_edit (text, expected, false, 1);
      cid = number_behind ("CID=");
      CHECK (cid != strtoul (digits[i][0], NULL, 16));
      if (strlen (digits[i][0]) < 8)
        CHECK (cid >> 4 * (strlen (digits[i][0]) - 1) != 0);
    }
  }
}

static void
blanks_quotes_and_case_around_the_cid_stay (void)
{
  check_edit ("version=1\n \tcid\t =  \"0172e8a4\" rest \r\n" FLAT,
              "version=1\n \tcid\t =  \"********\" rest \r\n" FLAT, false, 1);
  check_edit ("\xef\xbb\xbf"
              "CID=0172e8a4\nversion=1\n" FLAT "# CID=0172e8a4",
              "\xef\xbb\xbf"
              "CID=********\nversion=1\n" FLAT "# CID=0172e8a4",
              false, 1);
  check_edit ("version=1\nparentCID=0172e8a4\n" FLAT "CID=0172e8a5",
              "version=1\nparentCID=0172e8a4\n" FLAT "CID=********", false, 1);
}

static void
a_cid_of_one_digit_is_never_a_forbidden_one (void)
{
  bool seen[16] = { false };
  unsigned i, n = 0;

  for (i = 0; i < 200; ++i) {
    check_edit ("version=1\nCID=5\nparentCID=a\n" FLAT,
                "version=1\nCID=*\nparentCID=a\n" FLAT, false, 1);
    seen[number_behind ("\nCID=") & 0xf] = true;
  }
  CHECK (!seen[0] && !seen[5] && !seen[0xa]);
  for (i = 0; i < 16; ++i)
    n += seen[i];
  CHECK_INT (n, 13);
}

static void
forbidden_cids_are_drawn_again (void)
{
  static const uint32_t draws[] = { UINT32_C (0xffffffff),
                                    UINT32_C (0xfffffffe), 0x0172e8a4,
                                    0x00c0ffee, 0x00000042 };
  struct descriptor_edit *e =
    start ("version=1\nCID=0172e8a4\nparentCID=00c0ffee\n" FLAT, false);

  memcpy (wanted_draws, draws, sizeof draws);
  n_wanted = 5;
  CHECK_INT (apply (e), 0);
  CHECK_INT (n_drawn, 5);
  CHECK (strstr ((char *) recorder.data, "\nCID=00000042\n") != NULL);
  check_synced ();
  descriptor_edit_free (e);
}

static void
a_cid_that_is_there_twice_changes_twice (void)
{
  check_edit ("CID=77\nversion=1\ncid = \"77\"\nCID=78\n" FLAT,
              "CID=**\nversion=1\ncid = \"**\"\nCID=78\n" FLAT, false, 2);
  CHECK_INT (number_behind ("CID="), number_behind ("cid = \""));
}

static void
without_ids_nothing_is_written (void)
{
  struct descriptor_edit *e = start ("version=3\n" FLAT, false);

  CHECK_INT (apply (e), 0);
  CHECK_INT (recorder.writes, 0);
  CHECK_STRING ((char *) recorder.data, "version=3\n" FLAT);
  CHECK_SILENT ();
  descriptor_edit_free (e);
}

/* ---- the other IDs ---- */

#define LONG_ID "0cb3a9c6e6bcc8c33d4ac2a7"

static void
the_long_content_id_ends_in_the_cid (void)
{
  char id[33] = "";

  check_edit ("version=1\nCID=0172e8a4\n" FLAT "ddb.longContentID = \"" LONG_ID
              "0172e8a4\"\nddb.x = \"" LONG_ID "0172e8a4\"\n",
              "version=1\nCID=********\n" FLAT
              "ddb.longContentID = \"********************************\"\n"
              "ddb.x = \"" LONG_ID "0172e8a4\"\n",
              false, 2);
  memcpy (id, strstr ((char *) recorder.data, "tID = \"") + 7, 32);
  CHECK_INT (strtoul (id + 24, NULL, 16), number_behind ("\nCID="));
  CHECK (memcmp (id, LONG_ID, 24) != 0);
  id[24] = '\0';
  CHECK (strspn (id, "0") < 24);
}

static void
a_short_cid_is_padded_in_the_long_content_id (void)
{
  const char *id;
  char end[16];

  check_edit ("version=1\nCID=1\n" FLAT "ddb.longContentID=" LONG_ID
              "FFFFFFFE\n",
              "version=1\nCID=*\n" FLAT
              "ddb.longContentID=************************0000000*\n",
              false, 2);
  id = strstr ((char *) recorder.data, "tID=") + 4;
  snprintf (end, sizeof end, "%08x\n", number_behind ("\nCID="));
  CHECK_STRING (id + 24, end);
}

static void
a_long_content_id_without_cid_changes_all_the_same (void)
{
  check_edit ("version=1\n" FLAT "ddb.longContentID=" LONG_ID "0172e8a4",
              "version=1\n" FLAT
              "ddb.longContentID=********************************",
              false, 1);
}

static void
the_modification_uuid_changes (void)
{
  char uuid[37] = "";

  check_edit (
    "version=1\nCID=77\n" FLAT
    "ddb.uuid.image=\"8a1c52f0-0000-4000-8000-000000000000\"\n"
    "ddb.uuid.modification=\"00000000-0000-0000-0000-000000000000\"\r\n"
    "ddb.uuid.parentmodification=\"00000000-0000-0000-0000-000000000000\"\n",
    "version=1\nCID=**\n" FLAT
    "ddb.uuid.image=\"8a1c52f0-0000-4000-8000-000000000000\"\n"
    "ddb.uuid.modification=\"********-****-4***-****-************\"\r\n"
    "ddb.uuid.parentmodification=\"00000000-0000-0000-0000-000000000000\"\n",
    false, 2);
  memcpy (uuid, strstr ((char *) recorder.data, "modification=\"") + 14, 36);
  CHECK (strchr ("89ab", uuid[19]) != NULL);
  CHECK (strspn (uuid, "0-") < 8);
  CHECK (strspn (uuid + 24, "0") < 12);
}

static void
ids_of_another_form_are_left_alone (void)
{
  static const char *const lines[] = {
    "ddb.longContentID = \"\"\n",
    "ddb.longContentID = \"" LONG_ID "0172e8a\"\n",
    "ddb.longContentID = \"" LONG_ID "0172e8a4b\"\n",
    "ddb.longContentID = \"" LONG_ID "0172e8ag\"\n",
    "# ddb.longContentID = \"" LONG_ID "0172e8a4\"\n",
    "ddb.uuid.modification=\"\"\n",
    "ddb.uuid.modification=\"00000000-0000-0000-0000-00000000000\"\n",
    "ddb.uuid.modification=\"00000000-0000-0000-0000-0000000000000\"\n",
    "ddb.uuid.modification=\"00000000-0000-0000-0000+000000000000\"\n",
    "ddb.uuid.modification=\"0000000-00000-0000-0000-000000000000\"\n",
    "ddb.uuid.modification=\"{0000000-0000-0000-0000-00000000000}\"\n",
  };
  char text[256], expected[256];
  size_t i;

  for (i = 0; i < sizeof lines / sizeof lines[0]; ++i) {
    snprintf (text, sizeof text, "version=1\nCID=77\n" FLAT "%s", lines[i]);
    snprintf (expected, sizeof expected, "version=1\nCID=**\n" FLAT "%s",
              lines[i]);
    check_edit (text, expected, false, 1);
  }
}

/* ---- change tracking ---- */

/* As ESXi has it (2.14), and what is left of it: "# Change Tracking File" and
 * changeTrackPath="x-ctk.vmdk" have 22 and 28 bytes.
 */
#define TRACK_TITLE     "# Change Tracking File"
#define TRACK_PATH      "changeTrackPath=\"x-ctk.vmdk\""
#define NO_TITLE        "#                     "
#define NO_PATH         "#                           "
#define TRACKED_HEAD(v) "# Disk DescriptorFile\nversion=" v "\n"

static void
tracking_ends_and_leaves_empty_comments (void)
{
  check_edit (TRACKED_HEAD ("3") "CID=0172e8a4\n" FLAT "\n" TRACK_TITLE
                                 "\n" TRACK_PATH "\n\n# The Disk Data Base \n",
              TRACKED_HEAD ("1") "CID=********\n" FLAT "\n" NO_TITLE
                                 "\n" NO_PATH "\n\n# The Disk Data Base \n",
              true, 4);
  CHECK (strstr ((char *) recorder.data, "hange") == NULL);
}

static void
tracking_stays_unless_it_is_to_end (void)
{
  check_edit (
    TRACKED_HEAD ("3") "CID=77\n" FLAT TRACK_TITLE "\n" TRACK_PATH "\n",
    TRACKED_HEAD ("3") "CID=**\n" FLAT TRACK_TITLE "\n" TRACK_PATH "\n", false,
    1);
}

static void
line_ends_stay_when_tracking_ends (void)
{
  check_edit (
    "version=3\r\nCID=77\r\n" FLAT TRACK_TITLE "\r\n" TRACK_PATH "\r\n\r\n",
    "version=1\r\nCID=**\r\n" FLAT NO_TITLE "\r\n" NO_PATH "\r\n\r\n", true, 4);
  check_edit ("version=3\n" FLAT TRACK_TITLE "\n" TRACK_PATH,
              "version=1\n" FLAT NO_TITLE "\n" NO_PATH, true, 3);
}

static void
every_byte_of_the_tracking_line_goes (void)
{
  check_edit ("version=3\n" FLAT " CHANGETRACKPATH\t= \"a\" b\r c\n",
              "version=1\n" FLAT "#                          \n", true, 2);
  check_edit ("version=3\n" TRACK_PATH "\n" FLAT TRACK_PATH "\n",
              "version=1\n" NO_PATH "\n" FLAT NO_PATH "\n", true, 3);
  check_edit ("\xef\xbb\xbf" TRACK_PATH "\nversion=1\n" FLAT,
              "\xef\xbb\xbf" NO_PATH "\nversion=1\n" FLAT, true, 1);
}

static void
only_the_comment_before_the_tracking_line_goes (void)
{
  check_edit (
    "version=3\n" TRACK_TITLE "\n" FLAT TRACK_PATH "\n" TRACK_TITLE "\n",
    "version=1\n" TRACK_TITLE "\n" FLAT NO_PATH "\n" TRACK_TITLE "\n", true, 2);
  check_edit ("version=3\n" FLAT "# Disk Change Tracking\n" TRACK_PATH "\n",
              "version=1\n" FLAT "# Disk Change Tracking\n" NO_PATH "\n", true,
              2);
}

static void
only_a_plain_version_3_becomes_1 (void)
{
  check_edit ("version=03\nCID=77\n" FLAT, "version=03\nCID=**\n" FLAT, true,
              1);
  check_edit ("version=2\nCID=77\n" FLAT, "version=2\nCID=**\n" FLAT, true, 1);
  check_edit ("version = \"3\" \nCID=77\n" FLAT,
              "version = \"1\" \nCID=**\n" FLAT, true, 2);
}

/* ---- the whole thing, somewhere in a file ---- */

#define UUID "8a1c52f0-1111-4222-8333-0123456789ab"
#define WHOLE_TEXT                                                           \
  TRACKED_HEAD ("3")                                                         \
  "CID=0172e8a4\nparentCID=ffffffff\n" FLAT "\n" TRACK_TITLE "\n" TRACK_PATH \
  "\n\nddb.longContentID = \"" LONG_ID                                       \
  "0172e8a4\"\nddb.uuid.modification = \"" UUID "\"\n"
#define WHOLE_EXPECTED                                                 \
  TRACKED_HEAD ("1")                                                   \
  "CID=********\nparentCID=ffffffff\n" FLAT "\n" NO_TITLE "\n" NO_PATH \
  "\n\nddb.longContentID = \""                                         \
  "********************************\"\n"                               \
  "ddb.uuid.modification = \"********-****-4***-****-************\"\n"
#define WHOLE_LENGTH (sizeof WHOLE_TEXT - 1)
#define WHOLE_EDITS  6

static void
bytes_around_an_embedded_descriptor_stay (void)
{
  struct descriptor_edit *e = start_bytes (WHOLE_TEXT, WHOLE_LENGTH, 512, true);
  unsigned char before[MAX_FILE];

  MUST (e != NULL);
  memcpy (before, recorder.data, MAX_FILE);
  CHECK_INT (apply (e), 0);
  check_text (WHOLE_EXPECTED, WHOLE_LENGTH, 512);
  CHECK_BYTES (recorder.data, before, 512);
  CHECK_BYTES (recorder.data + 512 + WHOLE_LENGTH, before + 512 + WHOLE_LENGTH,
               MAX_FILE - 512 - WHOLE_LENGTH);
  CHECK_INT (recorder.writes, WHOLE_EDITS);
  check_synced ();
  descriptor_edit_free (e);
}

static void
two_edits_of_one_descriptor_differ (void)
{
  char first[WHOLE_LENGTH];

  check_edit (WHOLE_TEXT, WHOLE_EXPECTED, true, WHOLE_EDITS);
  memcpy (first, recorder.data, WHOLE_LENGTH);
  check_edit (WHOLE_TEXT, WHOLE_EXPECTED, true, WHOLE_EDITS);
  CHECK (memcmp (first, recorder.data, WHOLE_LENGTH) != 0);
}

/* After a failure each byte is the old one or one that may be the new one. */
static void
check_partly_changed (void)
{
  const char *old = WHOLE_TEXT, *expected = WHOLE_EXPECTED;
  size_t i;

  for (i = 0; i < WHOLE_LENGTH; ++i)
    if (recorder.data[i] != (unsigned char) old[i])
      CHECK (is_as_expected (recorder.data[i], expected[i]));
  CHECK_INT (recorder.size, WHOLE_LENGTH);
}

static void
a_failure_at_any_point_is_reported_once (void)
{
  static const int errors_of_hosts[] = { EIO, ENOSPC };
  const unsigned operations = WHOLE_EDITS + WHOLE_EDITS + 1;
  struct descriptor_edit *e;
  unsigned n, i;

  for (n = 1; n <= operations; ++n) {
    for (i = 0; i < 2; ++i) {
      e = start (WHOLE_TEXT, true);
      recorder.fail_at = n;
      recorder.fail_with = errors_of_hosts[i];
      errno = 0;
      CHECK_INT (apply (e), -1);
      CHECK_INT (errno, errors_of_hosts[i]);
      CHECK_ONE_ERROR ("x.vmdk");
      /* It ends there. */
      CHECK_INT (recorder.reads + recorder.writes + recorder.syncs, n);
      if (n <= WHOLE_EDITS)
        CHECK_BYTES (recorder.data, WHOLE_TEXT, WHOLE_LENGTH);
      check_partly_changed ();
      descriptor_edit_free (e);
    }
  }
}

static void
tracking_ends_before_the_ids_change (void)
{
  unsigned n;

  for (n = WHOLE_EDITS + 1; n <= 2 * WHOLE_EDITS; ++n) {
    struct descriptor_edit *e = start (WHOLE_TEXT, true);
    const char *text = (const char *) recorder.data;

    recorder.fail_at = n;
    recorder.fail_with = EIO;
    CHECK_INT (apply (e), -1);
    if (number_behind ("\nCID=") != 0x0172e8a4) {
      CHECK (strstr (text, "changeTrackPath") == NULL);
      CHECK (strstr (text, "version=1\n") != NULL);
    }
    descriptor_edit_free (e);
  }
}

static void
without_random_numbers_nothing_is_written (void)
{
  struct descriptor_edit *e = start (WHOLE_TEXT, true);

  no_entropy = true;
  CHECK_INT (apply (e), -1);
  no_entropy = false;
  CHECK_INT (recorder.writes, 0);
  CHECK_ONE_ERROR ("random");
  descriptor_edit_free (e);
}

/* ---- other programs ---- */

static void
check_refused (struct descriptor_edit *e, const char *part)
{
  unsigned char before[MAX_FILE];

  memcpy (before, recorder.data, MAX_FILE);
  CHECK_INT (apply (e), -1);
  CHECK_INT (errno, EIO);
  CHECK_ONE_ERROR (part);
  CHECK_INT (recorder.writes + recorder.syncs, 0);
  CHECK_BYTES (recorder.data, before, MAX_FILE);
  descriptor_edit_free (e);
}

static void
a_line_that_another_program_changed_is_refused (void)
{
  static const char *const places[] = { "version=3", "CID=0",    "0172e8a4\n",
                                        "# Change",  "changeTr", "-ctk",
                                        "ddb.long",  "e8a4\"",   "ddb.uuid",
                                        "9ab\"" };
  size_t i;

  for (i = 0; i < sizeof places / sizeof places[0]; ++i) {
    struct descriptor_edit *e = start (WHOLE_TEXT, true);
    char *place = strstr ((char *) recorder.data, places[i]);

    MUST (place != NULL);
    *place ^= 1;
    check_refused (e, "another program has changed");
  }
}

static void
a_text_that_was_shifted_or_cut_is_refused (void)
{
  struct descriptor_edit *e = start (WHOLE_TEXT, true);

  memmove (recorder.data + 1, recorder.data, WHOLE_LENGTH);
  recorder.size++;
  check_refused (e, "another program has changed");

  e = start (WHOLE_TEXT, true);
  recorder.size -= 10;
  check_refused (e, "truncated");
}

static void
lines_that_do_not_count_may_change (void)
{
  struct descriptor_edit *e = start (WHOLE_TEXT, true);

  recorder.data[2] = 'd';
  CHECK_INT (apply (e), 0);
  check_synced ();
  descriptor_edit_free (e);
}

static void
too_many_repeated_lines_are_refused (void)
{
  char text[2048] = "version=1\n" FLAT;
  struct descriptor *d;
  unsigned i;

  for (i = 0; i < 64; ++i)
    strcat (text, "CID=77\n");
  descriptor_edit_free (start (text, false));
  strcat (text, "CID=77\n");
  memcpy (recorder.data, text, sizeof text);
  recorder.size = strlen (text);
  d = descriptor_read (&recorder.file, 0, recorder.size);
  MUST (d != NULL);
  CHECK (descriptor_edit_create (d, &recorder.file, 0, false) == NULL);
  CHECK_INT (errno, ENOTSUP);
  CHECK_ONE_ERROR ("at most 64 lines");
  descriptor_free (d);
}

/* ---- what the parser tells about it ---- */

static bool
has_conflict (const char *lines)
{
  char text[256];
  struct descriptor *d;
  bool conflict;

  snprintf (text, sizeof text, "version=1\n" FLAT "%s", lines);
  d = descriptor_parse ("x.vmdk", text, strlen (text));
  MUST (d != NULL);
  conflict = d->conflict;
  descriptor_free (d);
  return conflict;
}

static void
a_key_with_two_values_is_a_conflict (void)
{
  CHECK (has_conflict ("CID=77\nCID=78\n"));
  CHECK (has_conflict ("version=3\n"));
  CHECK (has_conflict ("parentCID=1\nCID=1\nPARENTCID=2\n"));
  CHECK (has_conflict ("changeTrackPath=a\nchangeTrackPath=b\n"));
  CHECK (has_conflict ("ddb.longContentID=a\nddb.longContentID=b\n"));
  CHECK (has_conflict ("ddb.uuid.modification=a\nddb.uuid.modification=b\n"));
  CHECK (has_conflict ("ddb.sidecars=a\nddb.sidecars=b\n"));
  CHECK (!has_conflict ("CID=77\nCID=\"77\"\nparentCID=78\n"));
  CHECK (!has_conflict ("ddb.grain=1\nddb.grain=2\n#version=3\n"));
}

int
main (void)
{
  RUN (only_the_digits_of_the_cid_change);
  RUN (the_cid_keeps_its_number_of_digits_and_their_case);
  RUN (blanks_quotes_and_case_around_the_cid_stay);
  RUN (a_cid_of_one_digit_is_never_a_forbidden_one);
  RUN (forbidden_cids_are_drawn_again);
  RUN (a_cid_that_is_there_twice_changes_twice);
  RUN (without_ids_nothing_is_written);

  RUN (the_long_content_id_ends_in_the_cid);
  RUN (a_short_cid_is_padded_in_the_long_content_id);
  RUN (a_long_content_id_without_cid_changes_all_the_same);
  RUN (the_modification_uuid_changes);
  RUN (ids_of_another_form_are_left_alone);

  RUN (tracking_ends_and_leaves_empty_comments);
  RUN (tracking_stays_unless_it_is_to_end);
  RUN (line_ends_stay_when_tracking_ends);
  RUN (every_byte_of_the_tracking_line_goes);
  RUN (only_the_comment_before_the_tracking_line_goes);
  RUN (only_a_plain_version_3_becomes_1);

  RUN (bytes_around_an_embedded_descriptor_stay);
  RUN (two_edits_of_one_descriptor_differ);
  RUN (a_failure_at_any_point_is_reported_once);
  RUN (tracking_ends_before_the_ids_change);
  RUN (without_random_numbers_nothing_is_written);

  RUN (a_line_that_another_program_changed_is_refused);
  RUN (a_text_that_was_shifted_or_cut_is_refused);
  RUN (lines_that_do_not_count_may_change);
  RUN (too_many_repeated_lines_are_refused);

  RUN (a_key_with_two_values_is_a_conflict);
  return test_result ();
}
