/* SPDX-License-Identifier: BSD-3-Clause */
/* Change a descriptor in place.
 *
 * What is to change is a list of edits, each inside one line.  It is learnt
 * while the disk is opened and applied at the first write, perhaps hours later:
 * each line is read again and must not have changed.
 *
 * A key that is set twice to the same value is changed in both places, since
 * programs disagree on which one counts.
 */

#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "descriptor-edit.h"
#include "report.h"
#include "text.h"
#include "vector.h"

/* In the order in which they are written: no program may find tracking in use
 * behind content that is newer.
 */
enum edit_kind {
  EDIT_BLANK, /* the line becomes an empty comment */
  EDIT_VERSION,
  EDIT_CID,
  EDIT_LONG_ID,
  EDIT_UUID,
  N_EDIT_KINDS
};

static const enum descriptor_key keys[N_EDIT_KINDS] = {
  [EDIT_BLANK] = KEY_CHANGE_TRACK_PATH,
  [EDIT_VERSION] = KEY_VERSION,
  [EDIT_CID] = KEY_CID,
  [EDIT_LONG_ID] = KEY_DDB_LONG_CONTENT_ID,
  [EDIT_UUID] = KEY_DDB_UUID_MODIFICATION,
};

#define LONG_ID_DIGITS 32
#define UUID_FORM      "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"

/* A usual descriptor needs five; a hostile one could have a million. */
#define MAX_EDITS 64

struct edit {
  enum edit_kind kind;
  uint64_t offset;  /* of the line in the file, bytes */
  size_t length;    /* of the line, without its end */
  char *learnt;     /* the line as it was; owned */
  char *wanted;     /* as it shall be; owned */
  size_t at, count; /* the part of it that is written */
  bool unsure; /* a write failed: either of the two may be there, or both */
};

DEFINE_VECTOR (edit_vector, struct edit);

struct descriptor_edit {
  struct file *file;
  uint64_t offset; /* of the descriptor, bytes */
  edit_vector edits;
  uint32_t cid, parent_cid;
  unsigned cid_digits;
  bool upper_case;
};

/* ---- what is to change ---- */

/* PART is inside LINE, and LINE inside the text of D. */
static int
add_edit (struct descriptor_edit *e, const struct descriptor *d,
          struct text line, struct text part, enum edit_kind kind)
{
  struct edit edit = { .kind = kind,
                       .offset = e->offset + (line.p - d->text),
                       .length = line.n,
                       .at = part.p - line.p,
                       .count = part.n };

  if (e->edits.count == MAX_EDITS) {
    report_error ("%s: expected at most %d lines that change when the disk is "
                  "written to, found more: remove the repeated lines from the "
                  "descriptor, or open the disk for reading only",
                  e->file->name, MAX_EDITS);
    errno = ENOTSUP;
    return -1;
  }
  edit.learnt = strndup (line.p, line.n);
  edit.wanted = strndup (line.p, line.n);
  if (edit.learnt != NULL && edit.wanted != NULL &&
      edit_vector_append (&e->edits, edit) == 0)
    return 0;
  report_error ("%s: %m", e->file->name);
  free (edit.learnt);
  free (edit.wanted);
  errno = ENOMEM;
  return -1;
}

/* Let LINE be an empty comment; what ends it stays. */
static int
blank_line (struct descriptor_edit *e, const struct descriptor *d,
            struct text line)
{
  struct edit *edit;

  while (line.n > 0 && line.p[line.n - 1] == '\r')
    line.n--;
  if (add_edit (e, d, line, line, EDIT_BLANK) == -1)
    return -1;
  edit = &e->edits.items[e->edits.count - 1];
  memset (edit->wanted, ' ', edit->length);
  edit->wanted[0] = '#';
  return 0;
}

static int
learn_tracking (struct descriptor_edit *e, const struct descriptor *d)
{
  struct text rest = descriptor_lines (d), before = { rest.p, 0 }, line, value;

  while (rest.n > 0) {
    line = descriptor_next_line (&rest);
    if (descriptor_sets (line, keys[EDIT_BLANK], &value)) {
      if (text_is (text_trim (before), "# Change Tracking File") &&
          blank_line (e, d, before) == -1)
        return -1;
      if (blank_line (e, d, line) == -1)
        return -1;
    }
    before = line;
  }
  return 0;
}

/* Has T the form of FORM, where x is a hexadecimal digit? */
static bool
has_form (struct text t, const char *form)
{
  uint32_t digit;
  size_t i;

  if (t.n != strlen (form))
    return false;
  for (i = 0; i < t.n; ++i)
    if (form[i] == 'x' ? !text_hex32 ((struct text){ t.p + i, 1 }, &digit)
                       : t.p[i] != form[i])
      return false;
  return true;
}

/* Is VALUE something that an edit of this kind can replace? */
static bool
can_replace (enum edit_kind kind, struct text value)
{
  switch (kind) {
  case EDIT_VERSION: return text_is (value, "3");
  case EDIT_CID: return true; /* the parser has seen to it */
  case EDIT_LONG_ID:
    return has_form (value, "xxxxxxxxxxxxxxxx"
                            "xxxxxxxxxxxxxxxx");
  case EDIT_UUID: return has_form (value, UUID_FORM);
  default: return false;
  }
}

static int
learn_value (struct descriptor_edit *e, const struct descriptor *d,
             enum edit_kind kind)
{
  struct text rest = descriptor_lines (d), line, value;
  const struct text first = d->values[keys[kind]];

  if (first.p == NULL || !can_replace (kind, first))
    return 0;
  while (rest.n > 0) {
    line = descriptor_next_line (&rest);
    if (descriptor_sets (line, keys[kind], &value) &&
        text_equal (value, first) && add_edit (e, d, line, value, kind) == -1)
      return -1;
  }
  return 0;
}

static void
learn_cid (struct descriptor_edit *e, const struct descriptor *d)
{
  const struct text digits = d->values[KEY_CID];
  size_t i;

  e->cid = d->cid;
  e->parent_cid = d->parent_cid;
  e->cid_digits = d->has_cid ? digits.n : 8;
  for (i = 0; i < digits.n; ++i)
    if (digits.p[i] >= 'A' && digits.p[i] <= 'F')
      e->upper_case = true;
}

struct descriptor_edit *
descriptor_edit_create (const struct descriptor *d, struct file *f,
                        uint64_t offset, bool drop_cbt)
{
  struct descriptor_edit *e = calloc (1, sizeof *e);

  if (e == NULL) {
    report_error ("%s: %m", f->name);
    return NULL;
  }
  e->file = f;
  e->offset = offset;
  learn_cid (e, d);
  if ((drop_cbt && (learn_tracking (e, d) == -1 ||
                    learn_value (e, d, EDIT_VERSION) == -1)) ||
      learn_value (e, d, EDIT_CID) == -1 ||
      learn_value (e, d, EDIT_LONG_ID) == -1 ||
      learn_value (e, d, EDIT_UUID) == -1) {
    descriptor_edit_free (e);
    return NULL;
  }
  return e;
}

void
descriptor_edit_free (struct descriptor_edit *e)
{
  int saved = errno;
  size_t i;

  if (e != NULL) {
    for (i = 0; i < e->edits.count; ++i) {
      free (e->edits.items[i].learnt);
      free (e->edits.items[i].wanted);
    }
    free (e->edits.items);
    free (e);
  }
  errno = saved;
}

/* ---- new values ---- */

static int
draw (const struct descriptor_edit *e, void *bytes, size_t n)
{
  if (getentropy (bytes, n) == 0)
    return 0;
  report_error ("%s: cannot draw a new content ID: no random numbers: %m",
                e->file->name);
  return -1;
}

static bool
is_good_cid (const struct descriptor_edit *e, uint32_t cid)
{
  /* Those of no disk, and of a disk that has never been written to. */
  if (cid == NO_PARENT_CID || cid == UINT32_C (0xfffffffe))
    return false;
  if (cid == e->cid || cid == e->parent_cid)
    return false;
  /* Who writes fewer than 8 digits writes no leading zeroes. */
  return e->cid_digits == 8 || cid >> 4 * (e->cid_digits - 1) != 0;
}

static int
draw_cid (const struct descriptor_edit *e, uint32_t *cid)
{
  do {
    if (draw (e, cid, sizeof *cid) == -1)
      return -1;
    *cid >>= 32 - 4 * e->cid_digits;
  } while (!is_good_cid (e, *cid));
  return 0;
}

/* The N bytes as 2 N hexadecimal digits at TEXT, which is then terminated. */
static void
put_hex (char *text, const unsigned char *bytes, size_t n)
{
  size_t i;

  for (i = 0; i < n; ++i)
    snprintf (text + 2 * i, 3, "%02x", bytes[i]);
}

/* A random UUID (RFC 9562, version 4). */
static void
put_uuid (char text[sizeof UUID_FORM], unsigned char bytes[16])
{
  char digits[LONG_ID_DIGITS + 1];
  unsigned i, digit = 0;

  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  put_hex (digits, bytes, 16);
  for (i = 0; UUID_FORM[i] != '\0'; ++i)
    text[i] = UUID_FORM[i] == 'x' ? digits[digit++] : UUID_FORM[i];
  text[i] = '\0';
}

/* Long enough for each kind of value. */
typedef char value_text[sizeof UUID_FORM];

static int
make_values (const struct descriptor_edit *e, value_text values[N_EDIT_KINDS])
{
  unsigned char bytes[28];
  uint32_t cid;

  if (draw_cid (e, &cid) == -1 || draw (e, bytes, sizeof bytes) == -1)
    return -1;
  /* What it was before tracking was switched on (9.1). */
  strcpy (values[EDIT_VERSION], "1");
  snprintf (values[EDIT_CID], sizeof (value_text),
            e->upper_case ? "%0*" PRIX32 : "%0*" PRIx32, (int) e->cid_digits,
            cid);
  put_hex (values[EDIT_LONG_ID], bytes, 12);
  snprintf (values[EDIT_LONG_ID] + 24, 9, "%08" PRIx32, cid);
  put_uuid (values[EDIT_UUID], bytes + 12);
  return 0;
}

/* ---- changing the file ---- */

static int
check_unchanged (const struct descriptor_edit *e, const struct edit *edit)
{
  CLEANUP_FREE char *found = malloc (edit->length);

  if (found == NULL) {
    report_error ("%s: %m", e->file->name);
    return -1;
  }
  if (file_pread (e->file, found, edit->length, edit->offset) == -1)
    return -1;
  if (memcmp (found, edit->learnt, edit->length) == 0)
    return 0;
  report_error ("%s: expected the descriptor as it was when the disk was "
                "opened, found that another program has changed the line at "
                "offset %" PRIu64 " since: nothing is written; make sure that "
                "nobody else uses the disk, and open it again",
                e->file->name, edit->offset);
  errno = EIO;
  return -1;
}

static int
check_all_unchanged (const struct descriptor_edit *e)
{
  size_t i;

  for (i = 0; i < e->edits.count; ++i)
    if (!e->edits.items[i].unsure &&
        check_unchanged (e, &e->edits.items[i]) == -1)
      return -1;
  return 0;
}

int
descriptor_edit_apply (struct descriptor_edit *e)
{
  value_text values[N_EDIT_KINDS];
  size_t i;

  if (check_all_unchanged (e) == -1 || make_values (e, values) == -1)
    return -1;
  for (i = 0; i < e->edits.count; ++i) {
    struct edit *edit = &e->edits.items[i];

    if (edit->kind != EDIT_BLANK)
      memcpy (edit->wanted + edit->at, values[edit->kind], edit->count);
    if (file_pwrite (e->file, edit->wanted + edit->at, edit->count,
                     edit->offset + edit->at) == -1) {
      edit->unsure = true;
      return -1;
    }
    edit->unsure = false;
    memcpy (edit->learnt, edit->wanted, edit->length);
  }
  return 0;
}
