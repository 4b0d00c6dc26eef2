/* SPDX-License-Identifier: BSD-3-Clause */
/* The descriptor of a new disk: names, content IDs, geometry, and the text
 * byte for byte as VMware writes it (vmdk-format.md 2.5 to 2.14).
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "create.h"
#include "header.h"
#include "quote.h"
#include "report.h"
#include "rounding.h"
#include "text.h"
#include "vmdk-limits.h"

/* A disk that has never been written (2.12). */
#define FRESH_CID UINT32_C (0xfffffffe)

/* The version of the guest's tools, if nobody knows it (2.8). */
#define UNKNOWN_TOOLS UINT32_C (2147483647)

/* The first hardware version whose products declare a charset. */
#define HW_WITH_ENCODING 7

/* ---- names ---- */

/* The length of the well-formed UTF-8 sequence that P begins with, 0 if there
 * is none.
 */
static size_t
utf8_length (const unsigned char *p)
{
  static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
  size_t n, i;
  uint32_t c;

  if (p[0] < 0x80)
    return 1;
  n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;
  if (n == 0 || p[0] >= 0xf8)
    return 0;
  c = p[0] & (0x7f >> n);
  for (i = 1; i < n; ++i) {
    if ((p[i] & 0xc0) != 0x80)
      return 0;
    c = c << 6 | (p[i] & 0x3f);
  }
  return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

/* Does TEXT hold one of the bytes in FORBIDDEN, a control byte, or what is not
 * UTF-8 though that is promised?  Returns what is wrong, or NULL.
 */
static const char *
unfit_byte (const char *text, const char *forbidden, unsigned hw_version)
{
  const unsigned char *p = (const unsigned char *) text;
  size_t n;

  for (; *p; p += n) {
    if (*p < ' ' || *p == 0x7f)
      return "a control byte";
    if (strchr (forbidden, *p))
      return "a quote, a colon, a slash or a backslash";
    n = hw_version >= HW_WITH_ENCODING ? utf8_length (p) : 1;
    if (n == 0)
      return "bytes that are not UTF-8, which hardware version 7 and up needs";
  }
  return NULL;
}

static int
refuse_name (const char *name, const char *what, const char *problem)
{
  CLEANUP_FREE char *quoted = quote (name);

  report_error ("%s: %s cannot be recorded in a descriptor, since it has %s: "
                "give it another name",
                quoted ? quoted : "?", what, problem);
  errno = EINVAL;
  return -1;
}

int
create_check_name (const char *name, unsigned hw_version, const char *what)
{
  const char *problem = unfit_byte (name, "\"\\/:", hw_version);

  if (problem == NULL && name[0] == '-')
    problem = "a dash in front";
  if (problem == NULL &&
      (name[0] == '\0' || strcmp (name, ".") == 0 || strcmp (name, "..") == 0))
    problem = "no name of its own";
  return problem ? refuse_name (name, what, problem) : 0;
}

int
create_check_hint (const char *hint, unsigned hw_version)
{
  const char *problem = unfit_byte (hint, "\"\\", hw_version);

  if (problem == NULL && hint[0] == '\0')
    problem = "no name of its own";
  return problem ? refuse_name (hint, "the parent's name", problem) : 0;
}

uint64_t
create_extent_sectors (const struct create_plan *p, uint64_t i)
{
  const uint64_t piece = p->kind->piece;

  return piece ? min_u64 (p->sectors - i * piece, piece) : p->sectors;
}

char *
create_extent_name (const struct create_plan *p, uint64_t i)
{
  const char *const suffix = p->kind->suffix;
  size_t n = strlen (p->name);
  char *name = NULL;
  int r;

  if (suffix == NULL)
    return strdup (p->name);
  if (n > 5 && strcasecmp (p->name + n - 5, ".vmdk") == 0)
    n -= 5;
  if (p->kind->piece)
    r = asprintf (&name, "%.*s%s%03" PRIu64 ".vmdk", (int) n, p->name, suffix,
                  i + 1);
  else
    r = asprintf (&name, "%.*s%s.vmdk", (int) n, p->name, suffix);
  return r == -1 ? NULL : name;
}

/* ---- what a child inherits ---- */

/* The descriptor's text of L, once more: nobody keeps it, and few need it.
 * Returns NULL, reported; the caller frees.
 */
static char *
read_text (const struct link *l)
{
  struct hosted_header header;
  unsigned char first[SECTOR_SIZE];
  uint64_t offset = 0;
  int64_t length = file_size (l->file);
  char *text;

  if (length == -1 || file_pread_some (l->file, first, sizeof first, 0) == -1)
    return NULL;
  if (vmdk_kind (first) == KIND_HOSTED) {
    if (header_parse_hosted (l->file, length, first, &header) == -1)
      return NULL;
    offset = header.descriptor_offset;
    length = header.descriptor_bytes;
  }
  length = min_u64 (length, MAX_DESCRIPTOR_BYTES);
  text = calloc (1, length + 1);
  if (text == NULL)
    report_error ("%s: %m", l->file->name);
  else if (file_pread_some (l->file, text, length, offset) == -1)
    free (TAKE (text));
  return text;
}

/* The spellings that descriptors have; other adapters go as lsilogic (2.8). */
static const char *
known_adapter (struct text value)
{
  static const char *const known[] = { "ide", "buslogic", "lsilogic",
                                       "legacyESX" };
  size_t i;

  for (i = 0; i < sizeof known / sizeof known[0]; ++i)
    if (text_is (value, known[i]))
      return known[i];
  return "lsilogic";
}

/* Note VALUE if KEY is one of those that are inherited and no link above has
 * it.
 */
static void
inherit_key (struct create_inherited *in, struct text key, struct text value)
{
  const struct {
    const char *key;
    uint64_t max, *number;
  } numbers[] = {
    { "ddb.virtualHWVersion", CREATE_MAX_HW, &in->hw_version },
    { "ddb.geometry.cylinders", UINT32_MAX, &in->geometry.cylinders },
    { "ddb.geometry.heads", 255, &in->geometry.heads },
    { "ddb.geometry.sectors", 63, &in->geometry.sectors },
  };
  uint64_t number;
  size_t i;

  if (text_is (key, "ddb.adapterType") && in->adapter == NULL && value.n > 0)
    in->adapter = known_adapter (value);
  for (i = 0; i < sizeof numbers / sizeof numbers[0]; ++i)
    if (text_is (key, numbers[i].key) && *numbers[i].number == 0 &&
        text_decimal (value, numbers[i].max, &number))
      *numbers[i].number = number;
}

static void
inherit_text (struct create_inherited *in, const char *text)
{
  const char *eol, *equals;
  struct text value;

  for (; *text; text = *eol ? eol + 1 : eol) {
    eol = strchrnul (text, '\n');
    equals = memchr (text, '=', eol - text);
    if (equals == NULL)
      continue;
    value = text_trim ((struct text){ equals + 1, eol - equals - 1 });
    if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
      value = (struct text){ value.p + 1, value.n - 2 };
    inherit_key (in, text_trim ((struct text){ text, equals - text }), value);
  }
}

/* Of the keys of the disk database, what a link does not say its parent may
 * (2.8).
 */
int
create_inherit (struct create_inherited *in, const struct disk *parent)
{
  size_t i;

  for (i = 0; i < parent->n_links; ++i) {
    CLEANUP_FREE char *text = NULL;

    if (in->hw_version && in->adapter && in->geometry.cylinders &&
        in->geometry.heads && in->geometry.sectors)
      break;
    if (!parent->links[i]->has_cid)
      continue;
    text = read_text (parent->links[i]);
    if (text == NULL)
      return -1;
    inherit_text (in, text);
  }
  return 0;
}

unsigned
create_hw_version (const struct create_plan *p)
{
  if (p->options->hw_version)
    return p->options->hw_version;
  return p->inherited.hw_version ? p->inherited.hw_version
                                 : p->kind->hw_version;
}

static const char *
adapter_of (const struct create_plan *p)
{
  if (p->options->adapter)
    return p->options->adapter;
  return p->inherited.adapter ? p->inherited.adapter : p->kind->adapter;
}

/* ---- geometry (2.9) ---- */

static struct create_chs
default_geometry (const char *adapter, uint64_t sectors)
{
  struct create_chs g = { 0, 255, 63 };

  if (strcmp (adapter, "ide") == 0)
    g.heads = 16;
  else if (sectors < 1 << 21)
    g = (struct create_chs){ 0, 64, 32 };
  else if (sectors < 1 << 22)
    g = (struct create_chs){ 0, 128, 32 };
  g.cylinders = sectors / (g.heads * g.sectors);
  if (strcmp (adapter, "ide") == 0)
    g.cylinders = min_u64 (g.cylinders, 16383);
  return g;
}

/* The parent's, if that is for the same adapter. */
static struct create_chs
geometry_of (const struct create_plan *p)
{
  const struct create_inherited *in = &p->inherited;
  const char *adapter = adapter_of (p);

  if (in->adapter && strcmp (in->adapter, adapter) == 0 &&
      in->geometry.cylinders && in->geometry.heads && in->geometry.sectors)
    return in->geometry;
  return default_geometry (adapter, p->sectors);
}

/* ---- the text ---- */

static void
print_header (FILE *out, const struct create_plan *p, unsigned hw_version,
              uint32_t cid)
{
  const struct create_options *o = p->options;

  fprintf (out, "# Disk DescriptorFile\nversion=1\n");
  if (hw_version >= HW_WITH_ENCODING)
    fprintf (out, "encoding=\"UTF-8\"\n");
  fprintf (out, "CID=%08" PRIx32 "\nparentCID=%08" PRIx32 "\n", cid,
           o->parent ? cid : NO_PARENT_CID);
  if (hw_version >= HW_WITH_ENCODING)
    fprintf (out, "isNativeSnapshot=\"no\"\n");
  fprintf (out, "createType=\"%s\"\n", p->kind->create_type);
  if (o->parent)
    fprintf (out, "parentFileNameHint=\"%s\"\n", o->parent_hint);
}

static int
print_extents (FILE *out, const struct create_plan *p)
{
  uint64_t i;

  fprintf (out, "\n# Extent description\n");
  for (i = 0; i < p->n_extents; ++i) {
    CLEANUP_FREE char *name = create_extent_name (p, i);

    if (name == NULL)
      return -1;
    fprintf (out, "RW %" PRIu64 " %s \"%s\"", create_extent_sectors (p, i),
             p->kind->keyword, name);
    if (strcmp (p->kind->keyword, "FLAT") == 0)
      fprintf (out, " 0");
    putc ('\n', out);
  }
  return 0;
}

/* The content ID of the new disk: its parent's, whose content it has.  A
 * stream-optimized disk may go into an appliance as it is, so that it has a
 * random one from the start (4.10).  Returns -1 with errno set.
 */
static int
choose_cid (const struct create_plan *p, uint32_t *cid)
{
  const struct disk *parent = p->options->parent;

  *cid = parent ? parent->links[0]->cid : FRESH_CID;
  if (parent || p->kind->extent != CREATE_EXTENT_STREAM)
    return 0;
  do {
    if (getrandom (cid, sizeof *cid, 0) != sizeof *cid)
      return -1;
  } while (*cid == FRESH_CID || *cid == NO_PARENT_CID);
  return 0;
}

/* 96 random bits, then the CID (2.12). */
static int
print_long_id (FILE *out, uint32_t cid)
{
  uint32_t bits[3];

  if (getrandom (bits, sizeof bits, 0) != sizeof bits)
    return -1;
  fprintf (out,
           "ddb.longContentID = \"%08" PRIx32 "%08" PRIx32 "%08" PRIx32
           "%08" PRIx32 "\"\n",
           bits[0], bits[1], bits[2], cid);
  return 0;
}

static void
print_number (FILE *out, const char *key, struct create_number number)
{
  if (number.given)
    fprintf (out, "%s = \"%" PRIu32 "\"\n", key, number.value);
}

/* A child that says nothing has the tools that its parent says. */
static struct create_number
tools_version (const struct create_plan *p)
{
  const struct create_options *o = p->options;
  const struct create_number unknown = { true, UNKNOWN_TOOLS };

  if (o->tools_version.given || o->parent != NULL ||
      p->kind->extent != CREATE_EXTENT_STREAM)
    return o->tools_version;
  return unknown;
}

static int
print_database (FILE *out, const struct create_plan *p, unsigned hw_version,
                uint32_t cid)
{
  const struct create_chs g = geometry_of (p);

  fprintf (out, "\n# The Disk Data Base \n#DDB\n\n");
  fprintf (out, "ddb.virtualHWVersion = \"%u\"\n", hw_version);
  fprintf (out, "ddb.geometry.cylinders = \"%" PRIu64 "\"\n", g.cylinders);
  fprintf (out, "ddb.geometry.heads = \"%" PRIu64 "\"\n", g.heads);
  fprintf (out, "ddb.geometry.sectors = \"%" PRIu64 "\"\n", g.sectors);
  fprintf (out, "ddb.adapterType = \"%s\"\n", adapter_of (p));
  if (p->kind->extent == CREATE_EXTENT_THIN)
    fprintf (out, "ddb.thinProvisioned = \"1\"\n");
  if (p->kind->esx && print_long_id (out, cid) == -1)
    return -1;
  print_number (out, "ddb.toolsInstallType", p->options->tools_install_type);
  print_number (out, "ddb.toolsVersion", tools_version (p));
  if (p->options->uuid)
    fprintf (out, "ddb.uuid = \"%s\"\n", p->options->uuid);
  return 0;
}

static int
print_descriptor (FILE *out, const struct create_plan *p)
{
  const unsigned hw_version = create_hw_version (p);
  uint32_t cid;

  if (choose_cid (p, &cid) == -1)
    return -1;
  print_header (out, p, hw_version, cid);
  if (print_extents (out, p) == -1)
    return -1;
  return print_database (out, p, hw_version, cid);
}

char *
create_descriptor (const struct create_plan *p)
{
  char *text = NULL;
  size_t length = 0;
  FILE *out = open_memstream (&text, &length);
  int r = -1;

  if (out != NULL) {
    r = print_descriptor (out, p);
    if (ferror (out))
      r = -1;
    if (fclose (out) == EOF)
      r = -1;
  }
  if (r == 0)
    return text;
  report_error ("%s: cannot write the descriptor: %m", p->name);
  free (text);
  return NULL;
}
