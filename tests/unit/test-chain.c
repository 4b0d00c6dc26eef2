/* SPDX-License-Identifier: BSD-3-Clause */
/* From the top link to the base: which parents are taken, which are refused,
 * and what the messages say (vmdk-format.md 2.6, 2.12, 2.13, 3.8, 7.2).
 */

#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "file-memory.h"
#include "image.h"
#include "test.h"

static struct dir *dir;

/* A descriptor NAME of SECTORS; PARENT (NULL: none) has PARENT_CID. */
static void
add_link (const char *name, unsigned cid, const char *parent,
          unsigned parent_cid, unsigned sectors)
{
  char text[1024], hint[512] = "";

  if (parent != NULL)
    snprintf (hint, sizeof hint, "parentFileNameHint=\"%s\"\n", parent);
  snprintf (text, sizeof text,
            "# Disk DescriptorFile\nversion=1\nCID=%08x\nparentCID=%08x\n"
            "createType=\"custom\"\n%sRW %u ZERO\n",
            cid, parent_cid, hint, sectors);
  image_add_text (dir, name, text);
}

static void
add_base (const char *name, unsigned cid)
{
  add_link (name, cid, NULL, 0xffffffff, 8);
}

/* Open NAME; it has N links, and nothing was wrong. */
static struct disk *
check_opens (const char *name, size_t n)
{
  struct disk *d;

  reports_forget ();
  d = image_disk (dir, name);

  CHECK_STRING (errors (), "");
  MUST (d != NULL);
  CHECK_INT (d->n_links, n);
  return d;
}

/* Opening NAME ends in one error that names it and has PART. */
static void
check_refused_with (const char *name, const char *part,
                    struct disk_options options)
{
  struct disk *d;

  reports_forget ();
  errno = 0;
  d = image_disk_with (dir, name, options);
  CHECK (d == NULL);
  CHECK (errno != 0);
  CHECK_ONE_ERROR (part);
  CHECK_HAS (errors (), name);
  disk_close (d);
}

static void
check_refused (const char *name, const char *part)
{
  check_refused_with (name, part, (struct disk_options){ .cache_size = 0 });
}

/* ---- what is a chain ---- */

static void
a_disk_without_parent_is_one_link (void)
{
  add_base ("base.vmdk", 1);
  disk_close (check_opens ("base.vmdk", 1));
  CHECK_SILENT ();
}

static void
parents_are_opened_down_to_the_base (void)
{
  struct disk *d;

  add_link ("top.vmdk", 3, "middle.vmdk", 2, 8);
  add_link ("middle.vmdk", 2, "base.vmdk", 1, 8);
  add_base ("base.vmdk", 1);
  d = check_opens ("top.vmdk", 3);
  CHECK_STRING (d->links[0]->file->name, "top.vmdk");
  CHECK_STRING (d->links[1]->file->name, "middle.vmdk");
  CHECK_STRING (d->links[2]->file->name, "base.vmdk");
  CHECK_INT (d->size, 8 * 512);
  CHECK_SILENT ();
  disk_close (d);
}

static void
a_hint_that_is_an_old_absolute_path_is_found_beside_the_child (void)
{
  add_link ("top.vmdk", 2, "/vmfs/volumes/4f-ab/vm/base.vmdk", 1, 8);
  add_link ("windows.vmdk", 2, "C:\\\\VMs\\\\old\\\\base.vmdk", 1, 8);
  add_link ("unc.vmdk", 2, "\\\\\\\\server\\\\share\\\\base.vmdk", 1, 8);
  add_base ("base.vmdk", 1);
  disk_close (check_opens ("top.vmdk", 2));
  disk_close (check_opens ("windows.vmdk", 2));
  disk_close (check_opens ("unc.vmdk", 2));
  CHECK_SILENT ();
}

static void
a_parent_may_lie_in_a_subdirectory_and_has_its_own_names (void)
{
  add_link ("top.vmdk", 3, "old/middle.vmdk", 2, 8);
  add_link ("old/middle.vmdk", 2, "base.vmdk", 1, 8); /* relative to old */
  add_base ("old/base.vmdk", 1);
  disk_close (check_opens ("top.vmdk", 3));
}

static void
a_parent_that_moved_is_found_in_a_search_directory (void)
{
  struct dir *other = dir_memory_create ("other", "/other");
  struct dir *dirs[2];
  struct disk_options options = { .places = { dirs, 2 } };
  struct dir *first = dir;
  struct disk *d;

  add_link ("top.vmdk", 3, "/gone/middle.vmdk", 2, 8);
  dir = other;
  add_link ("middle.vmdk", 2, "base.vmdk", 1, 8);
  add_base ("base.vmdk", 1);
  dir = first;
  dirs[0] = dir;
  dirs[1] = other;
  /* Two files of memory directories may have one identity: make them differ. */
  {
    struct dir *numbered = dir_memory_create ("other", "/other");
    unsigned i;

    for (i = 0; i < 50; ++i)
      MUST (dir_memory_add (numbered, "unused", NULL, 0) == 0);
    dir = numbered;
    add_link ("middle.vmdk", 2, "base.vmdk", 1, 8);
    add_base ("base.vmdk", 1);
    dir = first;
    dirs[1] = numbered;
  }
  d = image_disk_with (dir, "top.vmdk", options);
  CHECK_STRING (errors (), "");
  MUST (d != NULL);
  CHECK_INT (d->n_links, 3);
  disk_close (d);
  dir_close (dirs[1]);
  dir_close (other);
}

static void
a_single_link_is_opened_without_its_parent (void)
{
  struct disk_options options = { .single_link = true };
  struct disk *d;

  add_link ("top.vmdk", 2, "missing.vmdk", 1, 8);
  d = image_disk_with (dir, "top.vmdk", options);
  CHECK_SILENT ();
  MUST (d != NULL);
  CHECK_INT (d->n_links, 1);
  disk_close (d);
}

static void
parent_cid_ffffffff_means_no_parent_whatever_the_hint (void)
{
  add_link ("top.vmdk", 2, "base.vmdk", 0xffffffff, 8);
  add_base ("base.vmdk", 1);
  disk_close (check_opens ("top.vmdk", 1));
  CHECK_INT (n_warnings (), 1);
  CHECK_HAS (warnings (), "parentFileNameHint");
}

/* ---- CIDs ---- */

static void
a_cid_mismatch_names_both_files_and_both_values (void)
{
  add_link ("top.vmdk", 2, "base.vmdk", 0xabcd, 8);
  add_base ("base.vmdk", 0x1234);
  check_refused ("top.vmdk", "base.vmdk");
  CHECK_HAS (errors (), "0000abcd");
  CHECK_HAS (errors (), "00001234");
  CHECK_HAS (errors (), "check-cid=false");
}

static void
a_cid_mismatch_further_down_is_found_too (void)
{
  add_link ("top.vmdk", 3, "middle.vmdk", 2, 8);
  add_link ("middle.vmdk", 2, "base.vmdk", 1, 8);
  add_base ("base.vmdk", 9);
  reports_forget ();
  CHECK (image_disk (dir, "top.vmdk") == NULL);
  CHECK_ONE_ERROR ("middle.vmdk");
  CHECK_HAS (errors (), "base.vmdk");
}

static void
a_cid_mismatch_can_be_ignored_with_a_warning (void)
{
  struct disk_options options = { .ignore_cid = true };
  struct disk *d;

  add_link ("top.vmdk", 2, "base.vmdk", 0xabcd, 8);
  add_base ("base.vmdk", 0x1234);
  d = image_disk_with (dir, "top.vmdk", options);
  MUST (d != NULL);
  CHECK_INT (d->n_links, 2);
  CHECK_INT (n_warnings (), 1);
  CHECK_HAS (warnings (), "0000abcd");
  CHECK_HAS (warnings (), "00001234");
  disk_close (d);
}

static void
a_parent_without_cid_is_a_mismatch (void)
{
  add_link ("top.vmdk", 2, "base.vmdk", 0xffff, 8);
  image_add_text (dir, "base.vmdk", "version=1\nRW 8 ZERO\n");
  check_refused ("top.vmdk", "base.vmdk");
  CHECK_HAS (errors (), "none");
}

/* ---- loops and depth ---- */

static void
a_disk_that_is_its_own_parent_is_refused (void)
{
  add_link ("self.vmdk", 1, "self.vmdk", 1, 8);
  check_refused ("self.vmdk", "loop");
}

static void
a_loop_is_refused_and_names_both_files (void)
{
  add_link ("a.vmdk", 1, "b.vmdk", 2, 8);
  add_link ("b.vmdk", 2, "c.vmdk", 3, 8);
  add_link ("c.vmdk", 3, "./b.vmdk", 2, 8); /* under another name */
  reports_forget ();
  CHECK (image_disk (dir, "a.vmdk") == NULL);
  CHECK_ONE_ERROR ("c.vmdk");
  CHECK_HAS (errors (), "b.vmdk");
  CHECK_HAS (errors (), "loop");
}

/* A chain of N links. */
static void
add_chain (unsigned n)
{
  char name[32], parent[32];
  unsigned i;

  for (i = 0; i + 1 < n; ++i) {
    snprintf (name, sizeof name, "link-%u.vmdk", i);
    snprintf (parent, sizeof parent, "link-%u.vmdk", i + 1);
    add_link (name, 100 + i, parent, 101 + i, 8);
  }
  snprintf (name, sizeof name, "link-%u.vmdk", i);
  add_base (name, 100 + i);
}

static void
a_chain_of_256_links_is_the_longest (void)
{
  struct disk *d;
  unsigned char buf[512];

  add_chain (256);
  d = check_opens ("link-0.vmdk", 256);
  CHECK_INT (disk_pread (d, buf, sizeof buf, 0), 0);
  disk_close (d);
}

static void
a_chain_of_257_links_is_refused (void)
{
  add_chain (257);
  reports_forget ();
  CHECK (image_disk (dir, "link-0.vmdk") == NULL);
  CHECK_ONE_ERROR ("256");
  CHECK_HAS (errors (), "link-255.vmdk");
}

/* ---- parents that cannot be ---- */

static void
a_missing_parent_tells_where_it_was_looked_for_and_what_to_do (void)
{
  add_link ("top.vmdk", 2, "old/base.vmdk", 1, 8);
  check_refused ("top.vmdk", "old/base.vmdk");
  CHECK_HAS (errors (), "search=");
  CHECK_HAS (errors (), ", base.vmdk"); /* the second place */
}

static void
a_parent_cid_without_a_hint_is_refused (void)
{
  add_link ("top.vmdk", 2, NULL, 1, 8);
  check_refused ("top.vmdk", "parentFileNameHint");
  add_link ("empty.vmdk", 2, "", 1, 8);
  check_refused ("empty.vmdk", "parentFileNameHint");
}

static void
an_object_as_parent_is_refused_as_such (void)
{
  image_add_text (dir, "top.vmdk",
                  "version=1\nCID=2\nparentCID=1\nRW 8 ZERO\n"
                  "ddb.objectParentUri = \"vsan://52a1\"\n");
  check_refused ("top.vmdk", "vSAN");
}

static void
a_hint_with_a_protocol_is_never_opened (void)
{
  static const char *const hints[] = {
    "nbd://host/x",       "file:base.vmdk", "json:{}",
    "http://h/base.vmdk", "vsan://52a1",    "fat:rw:base.vmdk",
  };
  size_t i;

  add_base ("base.vmdk", 1);
  for (i = 0; i < sizeof hints / sizeof hints[0]; ++i) {
    char name[32];

    snprintf (name, sizeof name, "top-%zu.vmdk", i);
    add_link (name, 2, hints[i], 1, 8);
    check_refused (name, hints[i]);
  }
}

static void
flat_extents_have_no_parent (void)
{
  static unsigned char zeroes[4096];

  image_add_text (dir, "top.vmdk",
                  "version=1\nCID=2\nparentCID=1\n"
                  "parentFileNameHint=\"base.vmdk\"\n"
                  "RW 8 FLAT \"top-flat.vmdk\" 0\n");
  MUST (dir_memory_add (dir, "top-flat.vmdk", zeroes, sizeof zeroes) == 0);
  add_base ("base.vmdk", 1);
  check_refused ("top.vmdk", "flat");
}

static void
a_parent_of_another_capacity_is_refused (void)
{
  add_link ("smaller.vmdk", 2, "base.vmdk", 1, 7);
  add_link ("larger.vmdk", 2, "base.vmdk", 1, 9);
  add_base ("base.vmdk", 1);
  check_refused ("smaller.vmdk", "base.vmdk");
  CHECK_HAS (errors (), "7 sectors");
  CHECK_HAS (errors (), "8 sectors");
  check_refused ("larger.vmdk", "base.vmdk");
  CHECK_HAS (errors (), "9 sectors");
}

/* 2.13 rule 5, 11.1 "parent probing". */
static void
a_parent_that_is_no_vmdk_is_refused (void)
{
  static unsigned char raw[4096];

  add_link ("top.vmdk", 2, "disk.raw", 1, 8);
  MUST (dir_memory_add (dir, "disk.raw", raw, sizeof raw) == 0);
  reports_forget ();
  CHECK (image_disk (dir, "top.vmdk") == NULL);
  CHECK_ONE_ERROR ("disk.raw");
}

static void
a_file_is_used_once_in_a_chain (void)
{
  static unsigned char zeroes[4096];

  MUST (dir_memory_add (dir, "flat.vmdk", zeroes, sizeof zeroes) == 0);
  image_add_text (
    dir, "twice.vmdk",
    "version=1\nRW 4 SPARSE \"s.vmdk\"\nRW 4 SPARSE \"s.vmdk\"\n");
  {
    struct hosted h = hosted_default;
    struct image i = { NULL, 0 };

    image_hosted (&i, 0, &h);
    image_room (&i, 128 * 512);
    image_add (dir, "s.vmdk", &i);
    image_free (&i);
  }
  check_refused ("twice.vmdk", "s.vmdk");
  image_add_text (dir, "self.vmdk", "version=1\nRW 1 FLAT \"self.vmdk\" 0\n");
  check_refused ("self.vmdk", "self.vmdk");
  /* Lines of one link may share a flat file. */
  image_add_text (dir, "shared.vmdk",
                  "version=1\nRW 4 FLAT \"flat.vmdk\" 4\n"
                  "RW 4 FLAT \"./flat.vmdk\" 0\n");
  disk_close (check_opens ("shared.vmdk", 1));
}

static void
two_links_do_not_share_an_extent (void)
{
  static unsigned char zeroes[4096];
  struct image i = { NULL, 0 };
  struct hosted h = hosted_default;

  h.capacity = 8;
  image_hosted (&i, 0, &h);
  image_room (&i, 128 * 512);
  image_add (dir, "s.vmdk", &i);
  image_free (&i);
  MUST (dir_memory_add (dir, "flat.vmdk", zeroes, sizeof zeroes) == 0);
  image_add_text (dir, "top.vmdk",
                  "version=1\nCID=2\nparentCID=1\n"
                  "parentFileNameHint=\"base.vmdk\"\nRW 8 SPARSE \"s.vmdk\"\n");
  image_add_text (dir, "base.vmdk",
                  "version=1\nCID=1\nparentCID=ffffffff\n"
                  "RW 8 SPARSE \"s.vmdk\"\n");
  reports_forget ();
  CHECK (image_disk (dir, "top.vmdk") == NULL);
  CHECK_ONE_ERROR ("base.vmdk");
  CHECK_HAS (errors (), "s.vmdk");
}

/* ---- what has no data in files ---- */

static void
kinds_without_data_in_files_are_refused_each_with_its_sentence (void)
{
  static const struct {
    const char *text, *part;
  } kinds[] = {
    { "createType=\"vmfsRawDeviceMap\"\nRW 8 VMFSRDM \"x-rdm.vmdk\"\n",
      "raw device map" },
    { "createType=\"vmfsPassthroughRawDeviceMap\"\nRW 8 VMFSRDM \"x\"\n",
      "raw device map" },
    { "createType=\"vmfsRDMP\"\nRW 8 ZERO\n", "raw device map" },
    { "createType=\"custom\"\nRW 8 VMFSRDM \"x\"\n", "raw device map" },
    { "createType=\"vmfsRaw\"\nRW 8 VMFSRAW \"/vmfs/devices/disks/x\"\n",
      "raw device" },
    { "createType=\"vsanSparse\"\nRW 8 VSANSPARSE \"x\"\n", "vSAN" },
    { "RW 8 VSANSPARSE \"x\"\n", "vSAN" },
    { "createType=\"vmfs\"\nRW 8 VMFS \"vsan://52a1-1\"\n", "vSAN" },
    { "createType=\"vmfs\"\nRW 8 VMFS \"vvol://52a1-1\"\n", "vVol" },
    { "isNativeSnapshot=\"yes\"\nRW 8 ZERO\n", "native snapshot" },
    { "ddb.nativeParentHint = \"x\"\nRW 8 ZERO\n", "native snapshot" },
    { "ddb.iofilters = \"vmwarevmcrypt\"\nRW 8 ZERO\n", "encrypted" },
  };
  size_t i;

  for (i = 0; i < sizeof kinds / sizeof kinds[0]; ++i) {
    char name[32], text[256];

    snprintf (name, sizeof name, "kind-%zu.vmdk", i);
    snprintf (text, sizeof text, "version=1\n%s", kinds[i].text);
    image_add_text (dir, name, text);
    check_refused (name, kinds[i].part);
  }
}

static void
files_that_are_no_vmdk_are_refused_each_with_its_sentence (void)
{
  static const struct {
    const char *first, *part;
  } files[] = {
    { "vmdk\3\0\0\0", "interrupted" },
    { "\xa2\x72\x19\xf6\1\0\0\0", "changed block tracking" },
    { "\xff\xfe#\0 \0D\0", "UTF-16" },
    { "\x33\xc0\x8e\xd0\xbc\0\x7c\x8e", "flat" },
  };
  size_t i;

  for (i = 0; i < sizeof files / sizeof files[0]; ++i) {
    char name[32];

    snprintf (name, sizeof name, "file-%zu.vmdk", i);
    MUST (dir_memory_add (dir, name, files[i].first, 8) == 0);
    check_refused (name, files[i].part);
  }
  MUST (dir_memory_add (dir, "empty.vmdk", NULL, 0) == 0);
  check_refused ("empty.vmdk", "VMDK");
}

static void
an_unknown_create_type_is_served (void)
{
  image_add_text (dir, "x.vmdk",
                  "version=1\ncreateType=\"somethingNew\"\nRW 8 ZERO\n");
  disk_close (check_opens ("x.vmdk", 1));
  CHECK_SILENT ();
}

/* ---- embedded descriptors: 2.6, 3.8 ---- */

static void
add_embedded (const char *name, const char *text, uint64_t capacity)
{
  struct image i = { NULL, 0 };
  struct hosted h = hosted_default;

  h.capacity = capacity;
  image_hosted (&i, 0, &h);
  image_room (&i, 128 * 512);
  image_string (&i, 512, text);
  image_add (dir, name, &i);
  image_free (&i);
}

static void
the_name_in_an_embedded_descriptor_is_ignored (void)
{
  struct disk *d;

  add_embedded ("disk.vmdk",
                "version=1\ncreateType=\"monolithicSparse\"\n"
                "RW 8 SPARSE \"/etc/passwd\"\n",
                8);
  d = check_opens ("disk.vmdk", 1);
  CHECK_INT (d->size, 8 * 512);
  CHECK_INT (d->links[0]->files.count, 1);
  CHECK_SILENT ();
  disk_close (d);
}

static void
a_monolithic_disk_has_one_extent (void)
{
  add_embedded ("a.vmdk",
                "version=1\ncreateType=\"monolithicSparse\"\n"
                "RW 8 SPARSE \"a.vmdk\"\nRW 8 ZERO\n",
                8);
  check_refused ("a.vmdk", "one extent");
  add_embedded ("b.vmdk",
                "version=1\ncreateType=\"streamOptimized\"\n"
                "RW 8 SPARSE \"a.vmdk\"\nRW 8 ZERO\n",
                8);
  check_refused ("b.vmdk", "one extent");
}

static void
the_first_extent_of_several_may_hold_the_descriptor (void)
{
  struct disk *d;

  add_embedded ("a.vmdk",
                "version=1\ncreateType=\"twoGbMaxExtentSparse\"\n"
                "RW 8 SPARSE \"stale.vmdk\"\nRW 4 SPARSE \"b.vmdk\"\n",
                8);
  add_embedded ("b.vmdk", "", 8);
  d = check_opens ("a.vmdk", 1);
  CHECK_INT (d->size, 12 * 512);
  disk_close (d);
}

static void
an_embedded_descriptor_describes_its_own_file (void)
{
  add_embedded ("a.vmdk",
                "version=1\ncreateType=\"custom\"\n"
                "RW 8 FLAT \"/etc/passwd\" 0\n",
                8);
  check_refused ("a.vmdk", "SPARSE");
}

static void
a_shell_of_capacity_0_does_not_name_itself (void)
{
  struct disk *d;

  add_embedded ("self.vmdk",
                "version=1\ncreateType=\"custom\"\nRW 8 SPARSE \"self.vmdk\"\n",
                0);
  check_refused ("self.vmdk", "self.vmdk");
  add_embedded ("shell.vmdk",
                "version=1\ncreateType=\"custom\"\nRW 8 SPARSE \"b.vmdk\"\n",
                0);
  add_embedded ("b.vmdk", "", 8);
  d = check_opens ("shell.vmdk", 1);
  CHECK_INT (d->size, 8 * 512);
  disk_close (d);
  add_embedded ("nothing.vmdk", "", 0);
  check_refused ("nothing.vmdk", "capacity");
}

static void
a_bare_extent_is_served_with_a_warning (void)
{
  struct disk *d;

  add_embedded ("disk-s001.vmdk", "", 300);
  d = check_opens ("disk-s001.vmdk", 1);
  CHECK_INT (d->size, 300 * 512);
  CHECK_INT (n_warnings (), 1);
  CHECK_HAS (warnings (), "disk-s001.vmdk");
  disk_close (d);
}

/* ---- extents ---- */

static void
an_extent_smaller_than_the_descriptor_says_is_refused (void)
{
  image_add_text (dir, "x.vmdk", "version=1\nRW 9 SPARSE \"s.vmdk\"\n");
  add_embedded ("s.vmdk", "", 8);
  reports_forget ();
  CHECK (image_disk (dir, "x.vmdk") == NULL);
  CHECK_ONE_ERROR ("s.vmdk");
  CHECK_HAS (errors (), "9 sectors");
  CHECK_HAS (errors (), "8");
}

static void
the_descriptor_decides_the_size_of_a_larger_extent (void)
{
  struct disk *d;

  image_add_text (dir, "x.vmdk", "version=1\nRW 5 SPARSE \"s.vmdk\"\n");
  add_embedded ("s.vmdk", "", 8);
  d = check_opens ("x.vmdk", 1);
  CHECK_INT (d->size, 5 * 512);
  disk_close (d);
}

static void
a_flat_extent_beyond_its_file_is_refused (void)
{
  static unsigned char data[1024];

  MUST (dir_memory_add (dir, "f", data, sizeof data) == 0);
  image_add_text (dir, "good.vmdk", "version=1\nRW 1 FLAT \"f\" 1\n");
  disk_close (check_opens ("good.vmdk", 1));
  image_add_text (dir, "offset.vmdk", "version=1\nRW 1 FLAT \"f\" 2\n");
  reports_forget ();
  CHECK (image_disk (dir, "offset.vmdk") == NULL);
  CHECK_ONE_ERROR ("offset.vmdk");
  image_add_text (dir, "count.vmdk", "version=1\nRW 3 VMFS \"f\"\n");
  reports_forget ();
  CHECK (image_disk (dir, "count.vmdk") == NULL);
  CHECK_ONE_ERROR ("count.vmdk");
}

static void
a_sparse_extent_without_signature_is_refused (void)
{
  static unsigned char data[1024];

  MUST (dir_memory_add (dir, "f", data, sizeof data) == 0);
  image_add_text (dir, "x.vmdk", "version=1\nRW 1 SPARSE \"f\"\n");
  reports_forget ();
  CHECK (image_disk (dir, "x.vmdk") == NULL);
  CHECK_ONE_ERROR ("signature");
}

static void
a_file_that_is_not_accessed_need_not_exist (void)
{
  image_add_text (dir, "x.vmdk",
                  "version=1\nRW 8 ZERO \"missing\"\n"
                  "NOACCESS 8 FLAT \"/dev/sda\" 63\n");
  disk_close (check_opens ("x.vmdk", 1));
}

static void
an_extent_outside_is_never_opened (void)
{
  image_add_text (dir, "a.vmdk", "version=1\nRW 1 FLAT \"/etc/passwd\" 0\n");
  check_refused ("a.vmdk", "/etc/passwd");
  CHECK_HAS (errors (), "search=");
  image_add_text (dir, "b.vmdk", "version=1\nRW 1 FLAT \"../x\" 0\n");
  check_refused ("b.vmdk", "../x");
}

static void
in_fresh_directory (const char *name, void (*test) (void))
{
  dir = image_dir ();
  test_run (name, test);
  dir_close (dir);
}

#define RUN_IN_DIR(test) in_fresh_directory (#test, test)

int
main (void)
{
  RUN_IN_DIR (a_disk_without_parent_is_one_link);
  RUN_IN_DIR (parents_are_opened_down_to_the_base);
  RUN_IN_DIR (a_hint_that_is_an_old_absolute_path_is_found_beside_the_child);
  RUN_IN_DIR (a_parent_may_lie_in_a_subdirectory_and_has_its_own_names);
  RUN_IN_DIR (a_parent_that_moved_is_found_in_a_search_directory);
  RUN_IN_DIR (a_single_link_is_opened_without_its_parent);
  RUN_IN_DIR (parent_cid_ffffffff_means_no_parent_whatever_the_hint);
  RUN_IN_DIR (a_cid_mismatch_names_both_files_and_both_values);
  RUN_IN_DIR (a_cid_mismatch_further_down_is_found_too);
  RUN_IN_DIR (a_cid_mismatch_can_be_ignored_with_a_warning);
  RUN_IN_DIR (a_parent_without_cid_is_a_mismatch);
  RUN_IN_DIR (a_disk_that_is_its_own_parent_is_refused);
  RUN_IN_DIR (a_loop_is_refused_and_names_both_files);
  RUN_IN_DIR (a_chain_of_256_links_is_the_longest);
  RUN_IN_DIR (a_chain_of_257_links_is_refused);
  RUN_IN_DIR (a_missing_parent_tells_where_it_was_looked_for_and_what_to_do);
  RUN_IN_DIR (a_parent_cid_without_a_hint_is_refused);
  RUN_IN_DIR (an_object_as_parent_is_refused_as_such);
  RUN_IN_DIR (a_hint_with_a_protocol_is_never_opened);
  RUN_IN_DIR (flat_extents_have_no_parent);
  RUN_IN_DIR (a_parent_of_another_capacity_is_refused);
  RUN_IN_DIR (a_parent_that_is_no_vmdk_is_refused);
  RUN_IN_DIR (a_file_is_used_once_in_a_chain);
  RUN_IN_DIR (two_links_do_not_share_an_extent);
  RUN_IN_DIR (kinds_without_data_in_files_are_refused_each_with_its_sentence);
  RUN_IN_DIR (files_that_are_no_vmdk_are_refused_each_with_its_sentence);
  RUN_IN_DIR (an_unknown_create_type_is_served);
  RUN_IN_DIR (the_name_in_an_embedded_descriptor_is_ignored);
  RUN_IN_DIR (a_monolithic_disk_has_one_extent);
  RUN_IN_DIR (the_first_extent_of_several_may_hold_the_descriptor);
  RUN_IN_DIR (an_embedded_descriptor_describes_its_own_file);
  RUN_IN_DIR (a_shell_of_capacity_0_does_not_name_itself);
  RUN_IN_DIR (a_bare_extent_is_served_with_a_warning);
  RUN_IN_DIR (an_extent_smaller_than_the_descriptor_says_is_refused);
  RUN_IN_DIR (the_descriptor_decides_the_size_of_a_larger_extent);
  RUN_IN_DIR (a_flat_extent_beyond_its_file_is_refused);
  RUN_IN_DIR (a_sparse_extent_without_signature_is_refused);
  RUN_IN_DIR (a_file_that_is_not_accessed_need_not_exist);
  RUN_IN_DIR (an_extent_outside_is_never_opened);
  return test_result ();
}
