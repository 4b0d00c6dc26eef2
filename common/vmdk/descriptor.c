/* SPDX-License-Identifier: BSD-3-Clause */
/* Parse a descriptor: one pass over the lines that sorts them into extents
 * and keys, then one look at the keys that matter.
 *
 * The grammar is the tolerant one of vmdk-format.md 2.3.  Whole keys are
 * compared, never substrings, and what is in a comment is never seen.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "descriptor.h"
#include "quote.h"
#include "report.h"
#include "vmdk-limits.h"

static const char *const key_names[N_DESCRIPTOR_KEYS] = {
  [KEY_VERSION] = "version",
  [KEY_ENCODING] = "encoding",
  [KEY_CID] = "CID",
  [KEY_PARENT_CID] = "parentCID",
  [KEY_NATIVE_SNAPSHOT] = "isNativeSnapshot",
  [KEY_CREATE_TYPE] = "createType",
  [KEY_PARENT_HINT] = "parentFileNameHint",
  [KEY_DDB_ENCODING] = "ddb.encoding",
  [KEY_DDB_IOFILTERS] = "ddb.iofilters",
  [KEY_DDB_OBJECT_PARENT] = "ddb.objectParentUri",
  [KEY_DDB_NATIVE_PARENT_HINT] = "ddb.nativeParentHint",
  [KEY_DDB_NATIVE_PARENT_CID] = "ddb.nativeParentCID",
  [KEY_CHANGE_TRACK_PATH] = "changeTrackPath",
  [KEY_DDB_LONG_CONTENT_ID] = "ddb.longContentID",
  [KEY_DDB_UUID_MODIFICATION] = "ddb.uuid.modification",
  [KEY_DDB_SIDECARS] = "ddb.sidecars",
};

static const char *const access_names[] = {
  [ACCESS_RW] = "RW",
  [ACCESS_RDONLY] = "RDONLY",
  [ACCESS_NONE] = "NOACCESS",
};

#define N_ACCESSES (sizeof access_names / sizeof access_names[0])

static const char *const type_names[N_EXTENT_TYPES] = {
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

const char *
extent_type_name (enum extent_type type)
{
  return type_names[type];
}

/* Bytes that text can begin with?  A file of less than 8 is filled up with
 * NULs.
 */
static bool
looks_like_text (const unsigned char first[8])
{
  size_t n = strnlen ((const char *) first, 8), i;

  for (i = n; i < 8; ++i)
    if (first[i] != '\0')
      return false;
  for (i = 0; i < n; ++i)
    if (first[i] < 0x20 && strchr ("\t\r\n", first[i]) == NULL)
      return false;
  return memcmp (first, "\xef\xbb\xbf", 3) == 0 ||
         (n > 0 && strchr ("# \t\r\n", first[0]) != NULL) ||
         (first[0] >= 'A' && first[0] <= 'Z') ||
         (first[0] >= 'a' && first[0] <= 'z');
}

enum vmdk_kind
vmdk_kind (const unsigned char first[8])
{
  if (memcmp (first, "KDMV", 4) == 0)
    return KIND_HOSTED;
  if (memcmp (first, "COWD", 4) == 0)
    return KIND_COWD;
  if (memcmp (first, "\xbe\xba\xfe\xca\0\0\0\0", 8) == 0)
    return KIND_SESPARSE;
  if (memcmp (first, "vmdk", 4) == 0)
    return KIND_UNFINISHED;
  if (memcmp (first, "\xa2\x72\x19\xf6", 4) == 0)
    return KIND_CHANGE_TRACK;
  if (memcmp (first, "\xff\xfe", 2) == 0 ||
      memcmp (first, "\xfe\xff", 2) == 0 ||
      (memcmp (first, "#\0", 2) == 0 && first[2] != 0) ||
      memcmp (first, "\0#", 2) == 0)
    return KIND_UTF16;
  if (looks_like_text (first))
    return KIND_TEXT;
  return KIND_NONE;
}

/* ---- the parser ---- */

/* A hostile text could have a million odd lines; a few will do. */
#define MAX_WARNINGS 8

struct parser {
  const char *filename;
  struct descriptor *d;
  unsigned line; /* number, from 1 */

  /* Kept until it is sure that this is a descriptor at all. */
  char *warnings[MAX_WARNINGS];
  unsigned n_warnings;
};

/* "FILE: line N: " MESSAGE, where %s in MESSAGE is what was found. */
static int
refuse_line (const struct parser *p, const char *problem, struct text found)
{
  CLEANUP_FREE char *quoted = text_quote (found);

  report_error ("%s: line %u of the descriptor: %s: found \"%s\"", p->filename,
                p->line, problem, quoted ? quoted : "");
  errno = EIO;
  return -1;
}

static void
warn_line (struct parser *p, const char *problem, struct text found)
{
  CLEANUP_FREE char *quoted = NULL;

  if (p->n_warnings == MAX_WARNINGS)
    return;
  quoted = text_quote (found);
  if (asprintf (&p->warnings[p->n_warnings],
                "%s: line %u of the descriptor: %s: \"%s\"", p->filename,
                p->line, problem, quoted ? quoted : "") != -1)
    p->n_warnings++;
}

static void
flush_warnings (struct parser *p, bool say)
{
  unsigned i;

  for (i = 0; i < p->n_warnings; ++i) {
    if (say)
      report_warning ("%s", p->warnings[i]);
    free (p->warnings[i]);
  }
}

/* The inside of the quotes that T starts with; *REST becomes what follows
 * them.  Without a closing quote it is all of T, and *CLOSED is false.
 */
static struct text
unquote (struct text t, struct text *rest, bool *closed)
{
  struct text inside = { t.p + 1, t.n - 1 };
  const char *end = memchr (inside.p, '"', inside.n);

  *closed = end != NULL;
  *rest = (struct text){ t.p + t.n, 0 };
  if (end != NULL) {
    rest->p = end + 1;
    rest->n = inside.p + inside.n - rest->p;
    inside.n = end - inside.p;
  }
  *rest = text_trim (*rest);
  return inside;
}

static bool
needs_file (enum extent_type type)
{
  return type != EXTENT_ZERO;
}

static bool
may_have_offset (enum extent_type type)
{
  return type == EXTENT_FLAT || type == EXTENT_VMFS ||
         type == EXTENT_VMFS_RAW || type == EXTENT_ZERO;
}

static bool
has_control_byte (struct text t)
{
  size_t i;

  for (i = 0; i < t.n; ++i)
    if ((unsigned char) t.p[i] < 0x20 || t.p[i] == 0x7f)
      return true;
  return false;
}

/* The name and the offset of an extent line: what follows the type. */
static int
parse_extent_place (const struct parser *p, struct text line, struct text rest,
                    struct extent_line *e)
{
  bool closed = true;

  if (rest.n > 0 && rest.p[0] == '"')
    e->name = unquote (rest, &rest, &closed);
  else if (rest.n > 0)
    e->name = text_next_word (&rest);

  if (!closed)
    return refuse_line (p, "expected a closing quote behind the name", line);
  if (needs_file (e->type) && e->name.n == 0)
    return refuse_line (p, "expected the name of the extent's file", line);
  if (e->name.n > MAX_NAME_BYTES || has_control_byte (e->name))
    return refuse_line (p,
                        "expected a file name of at most 4096 bytes and "
                        "without control bytes",
                        line);
  /* What follows the offset is a partition's or a device's identity. */
  if (rest.n > 0 && !text_decimal (text_next_word (&rest),
                                   MAX_SECTORS - e->sectors, &e->offset))
    return refuse_line (p, "expected an offset in sectors after the name",
                        line);
  if (e->offset > 0 && !may_have_offset (e->type))
    return refuse_line (p, "expected no offset for this type of extent", line);
  return 0;
}

/* LINE begins with an access keyword and a blank; REST is what follows. */
static int
parse_extent (struct parser *p, struct text line, enum extent_access access,
              struct text rest)
{
  struct extent_line e = { .number = p->line, .access = access };
  struct descriptor *d = p->d;
  struct text word;
  unsigned type;

  if (!text_decimal (text_next_word (&rest), MAX_SECTORS, &e.sectors))
    return refuse_line (p,
                        "expected a number of sectors below 2^54 after the "
                        "access keyword",
                        line);
  word = text_next_word (&rest);
  for (type = 0; type < N_EXTENT_TYPES; ++type)
    if (text_is (word, type_names[type]))
      break;
  /* To skip the line would shift every later byte of the disk (rule 6). */
  if (type == N_EXTENT_TYPES)
    return refuse_line (p, "this type of extent is unknown", line);
  if (e.sectors == 0) {
    warn_line (p, "an extent of no sectors is ignored", line);
    return 0;
  }
  e.type = type;
  if (parse_extent_place (p, line, rest, &e) == -1)
    return -1;
  if (d->extents.count == MAX_EXTENTS)
    return refuse_line (p, "expected at most 65536 extents", line);
  if (d->sectors > MAX_SECTORS - e.sectors)
    return refuse_line (p, "expected extents of less than 2^54 sectors in all",
                        line);
  d->sectors += e.sectors;
  if (extent_line_vector_append (&d->extents, e) == 0)
    return 0;
  report_error ("%s: %m", p->filename);
  return -1;
}

static bool
is_key_byte (char c)
{
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z') || (c != '\0' && strchr ("._-:", c));
}

static bool
looks_like_key (struct text t)
{
  size_t i;

  for (i = 0; i < t.n; ++i)
    if (!is_key_byte (t.p[i]))
      return false;
  return t.n > 0;
}

/* What is before and behind the equals sign of LINE, if that is a key. */
static bool
split_assignment (struct text line, struct text *key, struct text *value)
{
  const char *equals = memchr (line.p, '=', line.n);

  if (equals == NULL)
    return false;
  *key = text_trim ((struct text){ line.p, equals - line.p });
  *value =
    text_trim ((struct text){ equals + 1, line.p + line.n - (equals + 1) });
  return looks_like_key (*key);
}

bool
descriptor_sets (struct text line, enum descriptor_key key, struct text *value)
{
  struct text name, rest;
  bool closed;

  if (!split_assignment (line, &name, value) || !text_is (name, key_names[key]))
    return false;
  if (value->n > 0 && value->p[0] == '"')
    *value = unquote (*value, &rest, &closed);
  return true;
}

static void
parse_assignment (struct parser *p, struct text line, struct text key,
                  struct text value)
{
  struct descriptor *d = p->d;
  struct text rest;
  bool closed;
  unsigned k;

  if (value.n > 0 && value.p[0] == '"') {
    value = unquote (value, &rest, &closed);
    if (!closed)
      warn_line (p, "the closing quote is missing", line);
    if (rest.n > 0)
      warn_line (p, "what follows the closing quote is ignored", line);
  }
  if (text_contains (key, "encrypt") || text_contains (key, "keySafe"))
    d->encrypted = true;
  for (k = 0; k < N_DESCRIPTOR_KEYS; ++k)
    if (text_is (key, key_names[k]))
      break;
  if (k == N_DESCRIPTOR_KEYS)
    return;
  if (d->values[k].p == NULL)
    d->values[k] = value;
  else if (!text_equal (d->values[k], value)) {
    d->conflict = true;
    warn_line (p, "the key was set before; this value is ignored", line);
  }
}

/* Is LINE an extent line?  Then *ACCESS and *REST are set.  "RW=1" and
 * "RW = 1" are assignments (rule 4).
 */
static bool
is_extent_line (struct text line, enum extent_access *access, struct text *rest)
{
  struct text word = text_next_word (&line);
  unsigned a;

  for (a = 0; a < N_ACCESSES; ++a) {
    if (text_is (word, access_names[a])) {
      *access = a;
      *rest = line;
      return line.n == 0 || line.p[0] != '=';
    }
  }
  return false;
}

static int
parse_line (struct parser *p, struct text line)
{
  enum extent_access access;
  struct text rest, key, value;

  if (line.n > MAX_LINE_BYTES) {
    line.n = 40;
    return refuse_line (p, "expected a line of at most 64 KiB", line);
  }
  line = text_trim (line);
  if (line.n == 0 || line.p[0] == '#')
    return 0;
  if (is_extent_line (line, &access, &rest))
    return parse_extent (p, line, access, rest);
  if (split_assignment (line, &key, &value))
    parse_assignment (p, line, key, value);
  else
    warn_line (p, "ignored, not understood", line);
  return 0;
}

struct text
descriptor_lines (const struct descriptor *d)
{
  size_t mark =
    d->length >= 3 && memcmp (d->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

  return (struct text){ d->text + mark, d->length - mark };
}

struct text
descriptor_next_line (struct text *rest)
{
  struct text line = *rest;
  const char *end = memchr (line.p, '\n', line.n);

  if (end != NULL)
    line.n = end - line.p;
  rest->p += line.n + (end != NULL);
  rest->n -= line.n + (end != NULL);
  return line;
}

static int
parse_lines (struct parser *p)
{
  struct text rest = descriptor_lines (p->d);

  while (rest.n > 0) {
    p->line++;
    if (parse_line (p, descriptor_next_line (&rest)) == -1)
      return -1;
  }
  return 0;
}

/* ---- the keys that matter ---- */

static int
refuse_key (const struct parser *p, enum descriptor_key key,
            const char *expected)
{
  struct text value = p->d->values[key];
  CLEANUP_FREE char *quoted = text_quote (value);

  report_error ("%s: expected %s as %s in the descriptor, found \"%s\"",
                p->filename, expected, key_names[key], quoted ? quoted : "");
  errno = EIO;
  return -1;
}

static int
interpret_cid (const struct parser *p, enum descriptor_key key, bool *has,
               uint32_t *cid)
{
  *has = p->d->values[key].p != NULL;
  *cid = NO_PARENT_CID;
  if (*has && !text_hex32 (p->d->values[key], cid))
    return refuse_key (p, key, "1 to 8 hexadecimal digits");
  return 0;
}

static int
interpret_keys (const struct parser *p)
{
  struct descriptor *d = p->d;
  uint64_t version;

  if (d->encrypted || text_contains (d->values[KEY_DDB_IOFILTERS], "crypt")) {
    report_error ("%s: the disk is encrypted, and its key is with the virtual "
                  "machine or its key server: decrypt it in VMware first",
                  p->filename);
    errno = ENOTSUP;
    return -1;
  }
  if (d->values[KEY_VERSION].p == NULL) {
    report_error ("%s: expected a VMDK, found a text without a \"version=\" "
                  "line, which every descriptor has: name the descriptor of "
                  "the disk, or serve raw data with the file plugin",
                  p->filename);
    errno = EIO;
    return -1;
  }
  if (!text_decimal (d->values[KEY_VERSION], UINT64_MAX, &version) ||
      version < 1 || version > 3)
    return refuse_key (p, KEY_VERSION, "1, 2 or 3");
  d->version = version;
  if (interpret_cid (p, KEY_CID, &d->has_cid, &d->cid) == -1 ||
      interpret_cid (p, KEY_PARENT_CID, &d->has_parent_cid, &d->parent_cid) ==
        -1)
    return -1;
  if (d->values[KEY_PARENT_HINT].n > MAX_NAME_BYTES ||
      has_control_byte (d->values[KEY_PARENT_HINT]))
    return refuse_key (p, KEY_PARENT_HINT,
                       "a path of at most 4096 bytes and without control "
                       "bytes");
  if (d->extents.count == 0) {
    report_error ("%s: expected at least one extent line such as "
                  "RW 2048 FLAT \"disk-flat.vmdk\" 0 in the descriptor, "
                  "found none",
                  p->filename);
    errno = EIO;
    return -1;
  }
  return 0;
}

struct descriptor *
descriptor_parse (const char *filename, const char *text, size_t length)
{
  struct descriptor *d = calloc (1, sizeof *d);
  struct parser p = { .filename = filename, .d = d };
  bool good = false;

  if (d != NULL) {
    d->length = strnlen (text, length);
    d->text = strndup (text, d->length);
  }
  if (d == NULL || d->text == NULL)
    report_error ("%s: %m", filename);
  else
    good = parse_lines (&p) == 0 && interpret_keys (&p) == 0;
  flush_warnings (&p, good);
  if (!good)
    descriptor_free (d);
  return good ? d : NULL;
}

struct descriptor *
descriptor_read (struct file *f, uint64_t offset, size_t length)
{
  CLEANUP_FREE char *text = NULL;

  if (length > MAX_DESCRIPTOR_BYTES) {
    report_error ("%s: expected a VMDK descriptor of at most 16 MiB, found "
                  "%zu bytes; if this is the data of a flat disk, name the "
                  "descriptor that belongs to it",
                  f->name, length);
    errno = EIO;
    return NULL;
  }
  text = malloc (length + 1);
  if (text == NULL) {
    report_error ("%s: %m", f->name);
    return NULL;
  }
  if (file_pread (f, text, length, offset) == -1)
    return NULL;
  return descriptor_parse (f->name, text, length);
}

void
descriptor_free (struct descriptor *d)
{
  int saved = errno;

  if (d != NULL) {
    free (d->extents.items);
    free (d->text);
    free (d);
  }
  errno = saved;
}
