/* SPDX-License-Identifier: BSD-3-Clause */
/* The descriptor parser against the ten rules of vmdk-format.md 2.3, the
 * byte-level facts of 2.2, and random damage.
 */

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "descriptor.h"
#include "file-memory.h"
#include "test.h"

#define HEAD                \
  "# Disk DescriptorFile\n" \
  "version=1\n"             \
  "CID=0172e8a4\n"          \
  "parentCID=ffffffff\n"    \
  "createType=\"monolithicFlat\"\n"

#define FLAT "RW 2048 FLAT \"d-flat.vmdk\" 0\n"

#define LAST_SECTOR "18014398509481983" /* 2^54 - 1 */
#define BEYOND_LAST "18014398509481984" /* 2^54 */

static struct descriptor *
parse_bytes (const char *text, size_t n)
{
  reports_forget ();
  errno = 0;
  return descriptor_parse ("x.vmdk", text, n);
}

static struct descriptor *
parse (const char *text)
{
  return parse_bytes (text, strlen (text));
}

/* The parser refuses TEXT with one message that names the file and has PART. */
static void
check_refused (const char *text, const char *part)
{
  struct descriptor *d = parse (text);

  CHECK (d == NULL);
  CHECK (errno != 0);
  CHECK_ONE_ERROR (part);
  CHECK_HAS (errors (), "x.vmdk");
  descriptor_free (d);
}

/* The parser takes TEXT, with N warnings. */
static struct descriptor *
check_accepted (const char *text, unsigned n)
{
  struct descriptor *d = parse (text);

  CHECK_STRING (errors (), "");
  MUST (d != NULL);
  CHECK_INT (n_warnings (), n);
  return d;
}

static bool
same (struct text t, const char *expected)
{
  return t.p != NULL && t.n == strlen (expected) &&
         memcmp (t.p, expected, t.n) == 0;
}

/* Value of KEY after LINES were added to a good descriptor without it. */
static void
check_value (enum descriptor_key key, const char *lines, const char *expected,
             unsigned warnings)
{
  char text[512];
  struct descriptor *d;

  snprintf (text, sizeof text, "version=1\n%s" FLAT, lines);
  d = check_accepted (text, warnings);
  CHECK (same (d->values[key], expected));
  descriptor_free (d);
}

/* ---- a real one ---- */

static void
every_part_of_a_usual_descriptor_is_found (void)
{
  struct descriptor *d =
    check_accepted ("# Disk DescriptorFile\n"
                    "version=1\n"
                    "encoding=\"windows-1252\"\n"
                    "CID=3729b687\n"
                    "parentCID=0172e8a4\n"
                    "isNativeSnapshot=\"no\"\n"
                    "createType=\"seSparse\"\n"
                    "parentFileNameHint=\"base disk.vmdk\"\n"
                    "\n"
                    "# Extent description\n"
                    "RW 4192256 SESPARSE \"x-000001-sesparse.vmdk\"\n"
                    "RDONLY 7 VMFS \"y.vmdk\"\n"
                    "NOACCESS 63 ZERO \n"
                    "\n"
                    "# The Disk Data Base \n"
                    "#DDB\n"
                    "\n"
                    "ddb.longContentID = \"0cb3a9c6e6bcc8c33d4ac2a70172e8a4\"\n"
                    "ddb.encoding = \"UTF-8\"\n"
                    "ddb.grain = \"8\"\n",
                    0);
  const struct extent_line *e = d->extents.items;

  CHECK_INT (d->version, 1);
  CHECK (d->has_cid && d->has_parent_cid);
  CHECK_INT (d->cid, 0x3729b687);
  CHECK_INT (d->parent_cid, 0x0172e8a4);
  CHECK (!d->encrypted);
  CHECK (same (d->values[KEY_ENCODING], "windows-1252"));
  CHECK (same (d->values[KEY_NATIVE_SNAPSHOT], "no"));
  CHECK (same (d->values[KEY_CREATE_TYPE], "seSparse"));
  CHECK (same (d->values[KEY_PARENT_HINT], "base disk.vmdk"));
  CHECK (same (d->values[KEY_DDB_ENCODING], "UTF-8"));
  CHECK_INT (d->extents.count, 3);
  CHECK_INT (d->sectors, 4192256 + 7 + 63);
  CHECK_INT (e[0].access, ACCESS_RW);
  CHECK_INT (e[0].type, EXTENT_SESPARSE);
  CHECK_INT (e[0].sectors, 4192256);
  CHECK_INT (e[0].offset, 0);
  CHECK_INT (e[0].number, 11);
  CHECK (same (e[0].name, "x-000001-sesparse.vmdk"));
  CHECK_INT (e[1].access, ACCESS_RDONLY);
  CHECK_INT (e[1].type, EXTENT_VMFS);
  CHECK_INT (e[2].access, ACCESS_NONE);
  CHECK_INT (e[2].type, EXTENT_ZERO);
  CHECK_INT (e[2].number, 13);
  descriptor_free (d);
}

static void
every_type_of_extent_is_known (void)
{
  static const char *const names[N_EXTENT_TYPES] = {
    [EXTENT_FLAT] = "FLAT",
    [EXTENT_SPARSE] = "SPARSE",
    [EXTENT_ZERO] = "ZERO",
    [EXTENT_VMFS] = "VMFS",
    [EXTENT_VMFS_SPARSE] = "VMFSSPARSE",
    [EXTENT_VMFS_RDM] = "VMFSRDM",
    [EXTENT_VMFS_RAW] = "VMFSRAW",
    [EXTENT_SESPARSE] = "SESPARSE",
    [EXTENT_VSAN_SPARSE] = "VSANSPARSE",
  };
  char text[256];
  unsigned type;

  for (type = 0; type < N_EXTENT_TYPES; ++type) {
    struct descriptor *d;

    snprintf (text, sizeof text, HEAD "RW 1 %s \"n\"\n", names[type]);
    d = check_accepted (text, 0);
    CHECK_INT (d->extents.items[0].type, type);
    CHECK_STRING (extent_type_name (type), names[type]);
    descriptor_free (d);
  }
}

/* ---- rule 1: whole keys, any case, never in comments ---- */

static void
keys_are_matched_whatever_their_case (void)
{
  struct descriptor *d =
    check_accepted ("VERSION=1\ncid=ab\nPARENTcid=CD\n"
                    "CREATETYPE=\"vmfs\"\nrw 9 flat \"f\" 3\n",
                    0);

  CHECK_INT (d->cid, 0xab);
  CHECK_INT (d->parent_cid, 0xcd);
  CHECK (same (d->values[KEY_CREATE_TYPE], "vmfs"));
  CHECK_INT (d->extents.items[0].access, ACCESS_RW);
  CHECK_INT (d->extents.items[0].type, EXTENT_FLAT);
  CHECK_INT (d->extents.items[0].offset, 3);
  descriptor_free (d);
}

static void
cid_is_not_read_from_the_parent_cid_line (void)
{
  struct descriptor *d =
    check_accepted ("version=1\nparentCID=11111111\nCID=22222222\n" FLAT, 0);

  CHECK_INT (d->cid, 0x22222222);
  CHECK_INT (d->parent_cid, 0x11111111);
  descriptor_free (d);
}

static void
keys_in_comments_are_not_seen (void)
{
  struct descriptor *d = check_accepted (
    HEAD "#parentFileNameHint=\"/etc/shadow\"\n"
         " \t# parentFileNameHint=\"/etc/shadow\"\n"
         "# createType=\"custom\"\n#RW 5 FLAT \"evil\" 0\n" FLAT,
    0);

  CHECK (d->values[KEY_PARENT_HINT].p == NULL);
  CHECK (same (d->values[KEY_CREATE_TYPE], "monolithicFlat"));
  CHECK_INT (d->extents.count, 1);
  descriptor_free (d);
}

static void
keys_inside_values_are_not_seen (void)
{
  struct descriptor *d = check_accepted (
    HEAD "ddb.comment = \"parentFileNameHint=\"\n"
         "ddb.other = \"RW 5 FLAT\"\nxparentFileNameHint=\"a\"\n"
         "parentFileNameHintx=\"a\"\n" FLAT,
    0);

  CHECK (d->values[KEY_PARENT_HINT].p == NULL);
  CHECK_INT (d->extents.count, 1);
  descriptor_free (d);
}

/* ---- rule 2: blanks around = ---- */

static void
blanks_around_the_equals_sign_do_not_matter (void)
{
  check_value (KEY_CREATE_TYPE, "createType=\"vmfs\"\n", "vmfs", 0);
  check_value (KEY_CREATE_TYPE, "createType = \"vmfs\"\n", "vmfs", 0);
  check_value (KEY_CREATE_TYPE, "\t createType\t=\t \"vmfs\" \t\n", "vmfs", 0);
  check_value (KEY_CREATE_TYPE, "createType=vmfs\n", "vmfs", 0);
  check_value (KEY_CREATE_TYPE, "createType =  vm fs \n", "vm fs", 0);
  check_value (KEY_DDB_ENCODING, "ddb.encoding=GBK\n", "GBK", 0);
}

static void
blanks_inside_quotes_are_kept (void)
{
  check_value (KEY_PARENT_HINT, "parentFileNameHint=\" a  \"\n", " a  ", 0);
}

static void
text_after_the_closing_quote_is_ignored_with_a_warning (void)
{
  check_value (KEY_CREATE_TYPE, "createType=\"vmfs\" x\n", "vmfs", 1);
  CHECK_HAS (warnings (), "line 2");
  check_value (KEY_CREATE_TYPE, "createType=\"vmfs\"\"custom\"\n", "vmfs", 1);
}

static void
an_empty_value_is_a_value (void)
{
  check_value (KEY_PARENT_HINT, "parentFileNameHint=\"\"\n", "", 0);
  check_value (KEY_PARENT_HINT, "parentFileNameHint=\n", "", 0);
}

/* ---- rule 3: duplicates ---- */

static void
of_two_values_the_first_one_wins_with_a_warning (void)
{
  check_value (KEY_CREATE_TYPE, "createType=\"vmfs\"\ncreatetype=\"custom\"\n",
               "vmfs", 1);
  CHECK_HAS (warnings (), "line 3");
  check_value (KEY_PARENT_HINT,
               "parentFileNameHint=\"\"\nparentFileNameHint=\"b\"\n", "", 1);
  check_value (KEY_CID, "CID=1\nCID=2\n", "1", 1);
}

/* ---- rule 4: what an extent line is ---- */

static void
an_access_keyword_may_be_a_key (void)
{
  struct descriptor *d =
    check_accepted (HEAD "RW=1\nRW = 1\nRDONLY=\"x\"\nRWx=1\n" FLAT, 0);

  CHECK_INT (d->extents.count, 1);
  descriptor_free (d);
}

static void
a_word_that_begins_like_an_access_keyword_is_no_extent (void)
{
  struct descriptor *d =
    check_accepted (HEAD "RWX 5 FLAT \"evil\" 0\nRW5 FLAT \"e\" 0\n" FLAT, 2);

  CHECK_INT (d->extents.count, 1);
  descriptor_free (d);
}

static void
an_extent_line_may_hold_an_equals_sign (void)
{
  struct descriptor *d =
    check_accepted (HEAD "RW\t8\tFLAT\t\"a=b.vmdk\"\t1\n", 0);

  CHECK_INT (d->extents.items[0].sectors, 8);
  CHECK_INT (d->extents.items[0].offset, 1);
  CHECK (same (d->extents.items[0].name, "a=b.vmdk"));
  descriptor_free (d);
}

/* ---- rule 5: counts ---- */

static void
an_extent_of_one_sector_is_legal (void)
{
  struct descriptor *d = check_accepted (HEAD "RW 1 ZERO\n", 0);

  CHECK_INT (d->sectors, 1);
  descriptor_free (d);
}

static void
an_extent_of_no_sectors_is_ignored_with_a_warning (void)
{
  struct descriptor *d =
    check_accepted (HEAD "NOACCESS 0 ZERO \nRW 0 FLAT \"f\" 0\n" FLAT, 2);

  CHECK_INT (d->extents.count, 1);
  CHECK_INT (d->sectors, 2048);
  descriptor_free (d);
}

static void
the_largest_extent_is_below_2_to_54_sectors (void)
{
  struct descriptor *d = check_accepted (HEAD "RW " LAST_SECTOR " ZERO\n", 0);

  CHECK_INT (d->sectors, (INT64_C (1) << 54) - 1);
  descriptor_free (d);
  check_refused (HEAD "RW " BEYOND_LAST " ZERO\n", "line 6");
}

static void
counts_that_do_not_fit_in_64_bits_are_refused (void)
{
  check_refused (HEAD "RW 18446744073709551615 ZERO\n", "line 6");
  check_refused (HEAD "RW 18446744073709551616 ZERO\n", "line 6");
  check_refused (HEAD "RW 18446744073709551617 ZERO\n", "line 6");
  check_refused (HEAD "RW 99999999999999999999999999999999 ZERO\n", "line 6");
}

static void
counts_with_signs_or_other_bases_are_refused (void)
{
  check_refused (HEAD "RW 0x10 ZERO\n", "line 6");
  check_refused (HEAD "RW 1e3 ZERO\n", "line 6");
  check_refused (HEAD "RW 5.0 ZERO\n", "line 6");
}

static void
the_sum_of_the_extents_is_below_2_to_54_sectors (void)
{
  struct descriptor *d =
    check_accepted (HEAD "RW 1 ZERO\nRW 18014398509481982 ZERO\n", 0);

  CHECK_INT (d->sectors, (INT64_C (1) << 54) - 1);
  descriptor_free (d);
  check_refused (HEAD "RW 2 ZERO\nRW 18014398509481982 ZERO\n", "line 7");
}

static void
offset_and_count_together_are_below_2_to_54_sectors (void)
{
  struct descriptor *d =
    check_accepted (HEAD "RW 7 FLAT \"f\" 18014398509481976\n", 0);

  CHECK_INT (d->extents.items[0].offset, INT64_C (18014398509481976));
  descriptor_free (d);
  check_refused (HEAD "RW 8 FLAT \"f\" 18014398509481976\n", "offset");
  check_refused (HEAD "RW 1 FLAT \"f\" " BEYOND_LAST "\n", "offset");
  check_refused (HEAD "RW 1 FLAT \"f\" 18446744073709551616\n", "offset");
}

/* ---- rule 6: nothing that may be an extent is skipped ---- */

static void
an_unknown_type_of_extent_is_refused (void)
{
  check_refused (HEAD "RW 5 FLATT \"f\" 0\n" FLAT, "RW 5 FLATT");
  check_refused (HEAD "RW 5 \"f\"\n" FLAT, "line 6");
  check_refused (HEAD "RW 5\n" FLAT, "line 6");
}

static void
an_extent_without_its_file_is_refused (void)
{
  check_refused (HEAD "RW 5 FLAT\n", "name");
  check_refused (HEAD "RW 5 SPARSE \"\"\n", "name");
}

static void
a_malformed_offset_is_refused (void)
{
  check_refused (HEAD "RW 5 FLAT \"f\" x\n", "offset");
  check_refused (HEAD "RW 5 FLAT \"f\" -1\n", "offset");
  check_refused (HEAD "RW 5 FLAT \"f\" 0x1\n", "offset");
}

static void
an_offset_of_a_sparse_extent_is_refused_unless_0 (void)
{
  descriptor_free (check_accepted (HEAD "RW 5 SPARSE \"f\" 0\n", 0));
  check_refused (HEAD "RW 5 SPARSE \"f\" 1\n", "offset");
  check_refused (HEAD "RW 5 SESPARSE \"f\" 1\n", "offset");
  check_refused (HEAD "RW 5 VMFSSPARSE \"f\" 1\n", "offset");
  descriptor_free (check_accepted (HEAD "RW 5 VMFS \"f\" 1\n", 0));
}

static void
what_follows_the_offset_is_ignored (void)
{
  struct descriptor *d = check_accepted (
    HEAD "RW 5 FLAT \"\\\\.\\PhysicalDrive0\" 63 0F-AB dev 7\n", 0);

  CHECK (same (d->extents.items[0].name, "\\\\.\\PhysicalDrive0"));
  CHECK_INT (d->extents.items[0].offset, 63);
  descriptor_free (d);
}

static void
a_zero_extent_may_have_a_name (void)
{
  struct descriptor *d =
    check_accepted (HEAD "RW 1 ZERO\nRW 2 ZERO \"\"\nRW 4 ZERO \"n\"\n", 0);

  CHECK_INT (d->extents.count, 3);
  CHECK_INT (d->sectors, 7);
  descriptor_free (d);
}

/* ---- names ---- */

static void
a_name_without_quotes_ends_at_a_blank (void)
{
  struct descriptor *d = check_accepted (HEAD "RW 5 FLAT d-flat.vmdk 9\n", 0);

  CHECK (same (d->extents.items[0].name, "d-flat.vmdk"));
  CHECK_INT (d->extents.items[0].offset, 9);
  descriptor_free (d);
}

/* What belongs to the name and what to the offset cannot be told. */
static void
an_extent_name_whose_quote_has_no_end_is_refused (void)
{
  check_refused (HEAD "RW 5 FLAT \"d-flat.vmdk 0\n", "quote");
  check_refused (HEAD "RW 5 FLAT \"", "line 6");
}

static void
a_value_whose_quote_has_no_end_ends_with_its_line (void)
{
  check_value (KEY_CREATE_TYPE, "createType=\"vmfs\n", "vmfs", 1);
  check_value (KEY_CREATE_TYPE, "createType=\"\n", "", 1);
  descriptor_free (check_accepted ("version=1\n" FLAT "createType=\"", 1));
}

/* Rule 9. */
static void
names_are_bytes_not_characters (void)
{
  struct descriptor *d =
    check_accepted (HEAD "RW 5 FLAT \"\xff\xfe\x80\x95\x5c.vmdk\" 0\n", 0);

  CHECK (same (d->extents.items[0].name, "\xff\xfe\x80\x95\x5c.vmdk"));
  descriptor_free (d);
}

static void
control_bytes_in_names_are_refused_and_not_printed (void)
{
  check_refused (HEAD "RW 5 FLAT \"a\x1b[2Jb\" 0\n", "\\x1b");
  check_refused (HEAD "RW 5 FLAT \"a\rb\" 0\n", "\\x0d");
  check_refused (HEAD "parentFileNameHint=\"a\x07\"\n" FLAT, "\\x07");
}

static void
a_name_of_4096_bytes_is_the_longest (void)
{
  char name[4098], text[5000];
  struct descriptor *d;

  memset (name, 'n', sizeof name);
  name[4096] = '\0';
  snprintf (text, sizeof text, HEAD "RW 5 FLAT \"%s\" 0\n", name);
  d = check_accepted (text, 0);
  CHECK_INT (d->extents.items[0].name.n, 4096);
  descriptor_free (d);
  snprintf (text, sizeof text, HEAD "parentFileNameHint=\"%s\"\n" FLAT, name);
  descriptor_free (check_accepted (text, 0));

  strcpy (name + 4096, "n");
  snprintf (text, sizeof text, HEAD "RW 5 FLAT \"%s\" 0\n", name);
  check_refused (text, "4096");
  snprintf (text, sizeof text, HEAD "parentFileNameHint=\"%s\"\n" FLAT, name);
  check_refused (text, "4096");
}

/* ---- rule 7: junk ---- */

static void
lines_that_match_nothing_are_ignored_with_a_warning (void)
{
  struct descriptor *d = check_accepted (
    HEAD "junk\n=\n= 5\n\"quoted\"\nkey with blank=1\n" FLAT, 5);

  CHECK_INT (d->extents.count, 1);
  descriptor_free (d);
}

static void
unknown_keys_are_ignored_without_a_warning (void)
{
  descriptor_free (check_accepted (
    HEAD FLAT "ddb.uuid.image=\"x\"\nsomeKey=1\nddb.geometry.heads = \"0\"\n",
    0));
}

/* ---- rule 8: limits ---- */

static void
a_line_of_64_kib_is_the_longest (void)
{
  const size_t head = strlen (HEAD);
  char *text = malloc (head + (64 << 10) + 100);

  MUST (text != NULL);
  strcpy (text, HEAD);
  memset (text + head, 'j', 64 << 10);
  strcpy (text + head + (64 << 10), "\n" FLAT);
  descriptor_free (check_accepted (text, 1));
  strcpy (text + head + (64 << 10), "j\n" FLAT);
  check_refused (text, "64 KiB");
  CHECK (strlen (errors ()) < 500);
  text[head] = '#';
  check_refused (text, "64 KiB"); /* the limit has no exception */
  free (text);
}

static void
at_most_65536_extents_are_accepted (void)
{
  const size_t room = 65537 * strlen ("RW 1 ZERO\n") + 100;
  char *text = malloc (room), *p = text;
  struct descriptor *d;
  int i;

  MUST (text != NULL);
  p = stpcpy (p, HEAD);
  for (i = 0; i < 65536; ++i)
    p = stpcpy (p, "RW 1 ZERO\n");
  d = check_accepted (text, 0);
  CHECK_INT (d->extents.count, 65536);
  CHECK_INT (d->sectors, 65536);
  descriptor_free (d);
  stpcpy (p, "RW 1 ZERO\n");
  check_refused (text, "65536");
  free (text);
}

static struct descriptor *
read_from_memory (const void *data, size_t size, uint64_t length)
{
  struct file *f = file_memory_create ("x.vmdk", data, size, length, 1);
  struct descriptor *d;

  MUST (f != NULL);
  reports_forget ();
  d = descriptor_read (f, 0, file_size (f));
  file_close (f);
  return d;
}

static void
a_text_of_16_mib_is_the_longest (void)
{
  struct descriptor *d =
    read_from_memory (HEAD FLAT, strlen (HEAD FLAT), 16 << 20);

  CHECK (d != NULL);
  CHECK_SILENT ();
  descriptor_free (d);
  d = read_from_memory (HEAD FLAT, strlen (HEAD FLAT), (16 << 20) + 1);
  CHECK (d == NULL);
  CHECK_ONE_ERROR ("16 MiB");
}

static void
a_failed_read_is_reported_once (void)
{
  struct file *f =
    file_memory_create ("x.vmdk", HEAD FLAT, strlen (HEAD FLAT), 0, 1);

  MUST (f != NULL);
  file_memory_fail_reads (f, EIO);
  CHECK (descriptor_read (f, 0, 100) == NULL);
  CHECK_INT (errno, EIO);
  CHECK_ONE_ERROR ("x.vmdk");
  file_close (f);
}

/* ---- rule 10 ---- */

static void
a_descriptor_without_extents_is_refused (void)
{
  check_refused (HEAD, "extent");
  check_refused (HEAD "RW 0 ZERO\n", "extent");
  check_refused (HEAD "# RW 5 ZERO\n", "extent");
}

/* ---- bytes: 2.2 ---- */

static void
lines_may_end_in_crlf (void)
{
  struct descriptor *d =
    check_accepted ("# Disk DescriptorFile\r\nversion=1\r\nCID=12\r\n"
                    "createType=vmfs\r\n\r\nRW 5 FLAT \"f\" 7\r\nRW 6 ZERO\r\n",
                    0);

  CHECK_INT (d->cid, 0x12);
  CHECK (same (d->values[KEY_CREATE_TYPE], "vmfs"));
  CHECK_INT (d->extents.count, 2);
  CHECK_INT (d->extents.items[0].offset, 7);
  descriptor_free (d);
}

static void
a_bare_cr_is_a_blank_and_ends_no_line (void)
{
  struct descriptor *d =
    check_accepted ("\rversion=1\r\n\r\rRW\r5\rFLAT\r\"f\"\r7\r\n", 0);

  CHECK_INT (d->extents.items[0].offset, 7);
  descriptor_free (d);
  d = check_accepted ("version=1\n# comment\rRW 5 ZERO\nRW 6 ZERO\n", 0);
  CHECK_INT (d->sectors, 6);
  descriptor_free (d);
}

static void
a_byte_order_mark_is_skipped (void)
{
  struct descriptor *d = check_accepted ("\xef\xbb\xbfversion=1\n" FLAT, 0);

  CHECK_INT (d->version, 1);
  descriptor_free (d);
  d = check_accepted ("\xef\xbb\xbf" HEAD FLAT, 0);
  descriptor_free (d);
}

static void
the_text_ends_at_the_first_nul (void)
{
  static const char text[] = HEAD FLAT "\0RW 9 FLAT \"evil\" 0\n";
  struct descriptor *d = parse_bytes (text, sizeof text);

  MUST (d != NULL);
  CHECK_INT (d->extents.count, 1);
  CHECK_INT (d->length, strlen (HEAD FLAT));
  descriptor_free (d);
}

static void
nul_padding_does_not_matter (void)
{
  char text[1024] = HEAD FLAT;
  struct descriptor *d = parse_bytes (text, sizeof text);

  CHECK (d != NULL);
  CHECK_SILENT ();
  descriptor_free (d);
}

static void
the_last_line_may_lack_its_end (void)
{
  struct descriptor *d = check_accepted (HEAD "RW 5 FLAT \"f\" 12", 0);

  CHECK_INT (d->extents.items[0].offset, 12);
  descriptor_free (d);
  d = check_accepted (FLAT "version=3", 0);
  CHECK_INT (d->version, 3);
  descriptor_free (d);
}

static void
no_byte_behind_the_text_is_looked_at (void)
{
  /* Exactly as long as the text: a sanitizer sees what lies behind it. */
  const size_t n = strlen (HEAD FLAT);
  size_t i;

  for (i = 0; i <= n; ++i) {
    char *copy = malloc (i ? i : 1);

    MUST (copy != NULL);
    memcpy (copy, HEAD FLAT, i);
    descriptor_free (parse_bytes (copy, i));
    free (copy);
  }
}

/* ---- version and CIDs: 2.4, 2.12 ---- */

static void
versions_1_to_3_are_accepted (void)
{
  static const char *const good[] = { "1", "2", "3" };
  static const char *const bad[] = { "0",   "4",   "",
                                     "x",   "1x",  "-1",
                                     "0x1", "1.0", "18446744073709551617" };
  char text[256];
  unsigned i;

  for (i = 0; i < 3; ++i) {
    struct descriptor *d;

    snprintf (text, sizeof text, "version=%s\n" FLAT, good[i]);
    d = check_accepted (text, 0);
    CHECK_INT (d->version, i + 1);
    descriptor_free (d);
  }
  for (i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    snprintf (text, sizeof text, "version=%s\n" FLAT, bad[i]);
    check_refused (text, "version");
  }
}

static void
a_text_without_version_is_no_descriptor (void)
{
  check_refused ("root:x:0:0:root:/root:/bin/bash\n", "version");
  check_refused ("", "version");
  check_refused ("\n\n# version=1\n" FLAT, "version");
}

static void
nothing_is_warned_about_in_what_is_no_descriptor (void)
{
  check_refused ("a b c\nd e f\n", "version");
  CHECK_STRING (warnings (), "");
}

static void
a_cid_has_1_to_8_hexadecimal_digits (void)
{
  static const struct {
    const char *text;
    bool good;
    uint32_t value;
  } cids[] = {
    { "0", true, 0 },
    { "f", true, 15 },
    { "0172e8a4", true, 0x0172e8a4 },
    { "FfFfFfFe", true, 0xfffffffe },
    { "ffffffff", true, 0xffffffff },
    { "\"12\"", true, 0x12 },
    { "", false, 0 },
    { "123456789", false, 0 },
    { "000000000", false, 0 },
    { "0x12", false, 0 },
    { "12 34", false, 0 },
    { "1g", false, 0 },
    { "-1", false, 0 },
    { "\x11\x12", false, 0 }, /* | 0x20 makes digits of these */
    { "@", false, 0 },
  };
  char text[256];
  size_t i;

  for (i = 0; i < sizeof cids / sizeof cids[0]; ++i) {
    snprintf (text, sizeof text, "version=1\nCID=%s\n" FLAT, cids[i].text);
    if (cids[i].good) {
      struct descriptor *d = check_accepted (text, 0);

      CHECK (d->has_cid && !d->has_parent_cid);
      CHECK_INT (d->cid, cids[i].value);
      descriptor_free (d);
    }
    else
      check_refused (text, "CID");
    snprintf (text, sizeof text, "version=1\nparentCID=%s\n" FLAT,
              cids[i].text);
    if (cids[i].good) {
      struct descriptor *d = check_accepted (text, 0);

      CHECK_INT (d->parent_cid, cids[i].value);
      descriptor_free (d);
    }
    else
      check_refused (text, "parentCID");
  }
}

static void
without_a_parent_cid_there_is_none (void)
{
  struct descriptor *d = check_accepted ("version=1\n" FLAT, 0);

  CHECK (!d->has_cid && !d->has_parent_cid);
  descriptor_free (d);
}

/* ---- what cannot be served: 9.2 ---- */

static void
encrypted_disks_are_refused_as_such (void)
{
  check_refused (HEAD "ddb.encryptionKey = \"x\"\n" FLAT, "encrypted");
  check_refused (HEAD "encryption.keySafe = \"vmware:key\"\n" FLAT,
                 "encrypted");
  check_refused (HEAD FLAT "KEYSAFE=1\n", "encrypted");
  check_refused (HEAD FLAT "ddb.iofilters = \"vmwarevmcrypt\"\n", "encrypted");
}

static void
other_io_filters_do_not_mean_encryption (void)
{
  struct descriptor *d =
    check_accepted (HEAD FLAT "ddb.iofilters = \"vmwarelwd\"\n", 0);

  CHECK (!d->encrypted);
  descriptor_free (d);
}

/* ---- kinds: 2.1 ---- */

static void
kinds_are_told_by_the_first_bytes (void)
{
  static const struct {
    const char *first;
    enum vmdk_kind kind;
  } kinds[] = {
    { "KDMV\1\0\0\0", KIND_HOSTED },
    { "COWD\1\0\0\0", KIND_COWD },
    { "\xbe\xba\xfe\xca\0\0\0\0", KIND_SESPARSE },
    { "\xbe\xba\xfe\xca\1\0\0\0", KIND_NONE },
    { "\xfe\xca\xfe\xca\0\0\0\0", KIND_NONE },
    { "vmdk\3\0\0\0", KIND_UNFINISHED },
    { "\xa2\x72\x19\xf6\1\0\0\0", KIND_CHANGE_TRACK },
    { "# Disk D", KIND_TEXT },
    { "\xef\xbb\xbf# Dis", KIND_TEXT },
    { "version=", KIND_TEXT },
    { "\r\n# Disk", KIND_TEXT },
    { "\t  versi", KIND_TEXT },
    { "\xff\xfe#\0 \0D\0", KIND_UTF16 },
    { "\xfe\xff\0#\0 \0D", KIND_UTF16 },
    { "#\0 \0D\0i\0", KIND_UTF16 },
    { "\0#\0 \0D\0i", KIND_UTF16 },
    { "\0\0\0\0\0\0\0\0", KIND_NONE },
    { "\x33\xc0\x8e\xd0\xbc\0\x7c\x8e", KIND_NONE },
    { "7z\xbc\xaf\x27\x1c\0\4", KIND_NONE },
    { "\x80version", KIND_NONE },
  };
  size_t i;

  for (i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
    unsigned char first[8];

    memcpy (first, kinds[i].first, 8);
    CHECK_INT (vmdk_kind (first), kinds[i].kind);
  }
}

/* ---- random damage ---- */

static const char *const seeds[] = {
  (HEAD FLAT),
  ("version=1\nencoding=\"Shift_JIS\"\nCID=1\nparentCID=2\n"
   "createType=\"custom\"\nparentFileNameHint=\"C:\\a\\b.vmdk\"\n"
   "RW 5 SPARSE \"a\"\nRDONLY 6 FLAT \"b\" 7\nNOACCESS 8 ZERO\n"
   "RW 18014398509481900 ZERO\nddb.iofilters = \"x\"\n"),
  ("\xef\xbb\xbfversion = 3\r\nCID = ffffffff\r\nRW 1 VMFS x 1 2 3\r\n"
   "RW 0 ZERO\r\nchangeTrackPath=\"x-ctk.vmdk\"\r\n"),
};

/* Bytes and words that lead somewhere. */
static const char *const tokens[] = {
  "\n", "\r",      "\0",   "\"",        "=",    "#",    " ",
  "RW", "version", "CID",  "FLAT",      "ZERO", "0",    "99999999999999999999",
  "\t", "ddb.",    "\xff", LAST_SECTOR, "-",    "\n\n", "RW 5 ZERO\n",
};

static size_t
mutate (char *text, size_t n, size_t room)
{
  unsigned changes = 1 + test_random () % 6;

  while (changes-- > 0 && n > 0) {
    size_t at = test_random () % n, k;
    const char *token;

    switch (test_random () % 4) {
    case 0: text[at] = test_random (); break;
    case 1: text[at] ^= 1 << test_random () % 8; break;
    case 2: /* cut some bytes out */
      k = test_random () % (n - at > 20 ? 20 : n - at);
      memmove (text + at, text + at + k, n - at - k);
      n -= k;
      break;
    default:
      token = tokens[test_random () % (sizeof tokens / sizeof tokens[0])];
      k = token[0] ? strlen (token) : 1;
      if (n + k <= room) {
        memmove (text + at + k, text + at, n - at);
        memcpy (text + at, token, k);
        n += k;
      }
    }
  }
  return n;
}

static bool
inside (struct text t, const struct descriptor *d)
{
  return t.p == NULL || (t.p >= d->text && t.p + t.n <= d->text + d->length);
}

/* What every descriptor that was accepted keeps. */
static void
check_sound (const struct descriptor *d)
{
  uint64_t sum = 0;
  size_t i;

  CHECK (d->extents.count > 0);
  CHECK (d->version >= 1 && d->version <= 3);
  for (i = 0; i < d->extents.count; ++i) {
    const struct extent_line *e = &d->extents.items[i];

    sum += e->sectors;
    CHECK (e->sectors >= 1 && e->sectors < UINT64_C (1) << 54);
    CHECK (e->offset + e->sectors < UINT64_C (1) << 54);
    CHECK ((unsigned) e->type < N_EXTENT_TYPES);
    CHECK (e->type == EXTENT_ZERO || e->name.n > 0);
    CHECK (inside (e->name, d));
  }
  CHECK_INT (d->sectors, sum);
  CHECK (sum < UINT64_C (1) << 54);
  for (i = 0; i < N_DESCRIPTOR_KEYS; ++i)
    CHECK (inside (d->values[i], d));
}

static void
random_damage_is_either_refused_or_sound (void)
{
  unsigned i, accepted = 0;

  for (i = 0; i < 100000; ++i) {
    const char *seed = seeds[i % (sizeof seeds / sizeof seeds[0])];
    size_t n = strlen (seed);
    char text[1024];
    struct descriptor *d;

    memcpy (text, seed, n);
    n = mutate (text, n, sizeof text);
    d = parse_bytes (text, n);
    if (d != NULL) {
      accepted++;
      CHECK_INT (n_errors (), 0);
      check_sound (d);
    }
    else {
      CHECK_INT (n_errors (), 1);
      CHECK (errno != 0);
    }
    descriptor_free (d);
  }
  /* The damage is neither harmless nor fatal as a rule. */
  CHECK (accepted > 10000 && accepted < 90000);
}

int
main (void)
{
  RUN (every_part_of_a_usual_descriptor_is_found);
  RUN (every_type_of_extent_is_known);
  RUN (keys_are_matched_whatever_their_case);
  RUN (cid_is_not_read_from_the_parent_cid_line);
  RUN (keys_in_comments_are_not_seen);
  RUN (keys_inside_values_are_not_seen);
  RUN (blanks_around_the_equals_sign_do_not_matter);
  RUN (blanks_inside_quotes_are_kept);
  RUN (text_after_the_closing_quote_is_ignored_with_a_warning);
  RUN (an_empty_value_is_a_value);
  RUN (of_two_values_the_first_one_wins_with_a_warning);
  RUN (an_access_keyword_may_be_a_key);
  RUN (a_word_that_begins_like_an_access_keyword_is_no_extent);
  RUN (an_extent_line_may_hold_an_equals_sign);
  RUN (an_extent_of_one_sector_is_legal);
  RUN (an_extent_of_no_sectors_is_ignored_with_a_warning);
  RUN (the_largest_extent_is_below_2_to_54_sectors);
  RUN (counts_that_do_not_fit_in_64_bits_are_refused);
  RUN (counts_with_signs_or_other_bases_are_refused);
  RUN (the_sum_of_the_extents_is_below_2_to_54_sectors);
  RUN (offset_and_count_together_are_below_2_to_54_sectors);
  RUN (an_unknown_type_of_extent_is_refused);
  RUN (an_extent_without_its_file_is_refused);
  RUN (a_malformed_offset_is_refused);
  RUN (an_offset_of_a_sparse_extent_is_refused_unless_0);
  RUN (what_follows_the_offset_is_ignored);
  RUN (a_zero_extent_may_have_a_name);
  RUN (a_name_without_quotes_ends_at_a_blank);
  RUN (an_extent_name_whose_quote_has_no_end_is_refused);
  RUN (a_value_whose_quote_has_no_end_ends_with_its_line);
  RUN (names_are_bytes_not_characters);
  RUN (control_bytes_in_names_are_refused_and_not_printed);
  RUN (a_name_of_4096_bytes_is_the_longest);
  RUN (lines_that_match_nothing_are_ignored_with_a_warning);
  RUN (unknown_keys_are_ignored_without_a_warning);
  RUN (a_line_of_64_kib_is_the_longest);
  RUN (at_most_65536_extents_are_accepted);
  RUN (a_text_of_16_mib_is_the_longest);
  RUN (a_failed_read_is_reported_once);
  RUN (a_descriptor_without_extents_is_refused);
  RUN (lines_may_end_in_crlf);
  RUN (a_bare_cr_is_a_blank_and_ends_no_line);
  RUN (a_byte_order_mark_is_skipped);
  RUN (the_text_ends_at_the_first_nul);
  RUN (nul_padding_does_not_matter);
  RUN (the_last_line_may_lack_its_end);
  RUN (no_byte_behind_the_text_is_looked_at);
  RUN (versions_1_to_3_are_accepted);
  RUN (a_text_without_version_is_no_descriptor);
  RUN (nothing_is_warned_about_in_what_is_no_descriptor);
  RUN (a_cid_has_1_to_8_hexadecimal_digits);
  RUN (without_a_parent_cid_there_is_none);
  RUN (encrypted_disks_are_refused_as_such);
  RUN (other_io_filters_do_not_mean_encryption);
  RUN (kinds_are_told_by_the_first_bytes);
  RUN (random_damage_is_either_refused_or_sound);
  return test_result ();
}
