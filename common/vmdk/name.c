/* SPDX-License-Identifier: BSD-3-Clause */
/* From a file name recorded in a descriptor to an open file.
 *
 * A recorded name is a hint, written by a program on another machine, perhaps
 * by an attacker.  This makes the list of places where the file may be; that
 * nothing is opened outside them is dir.h's work.
 */

#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <iconv.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "file.h"
#include "name.h"
#include "quote.h"
#include "report.h"
#include "vector.h"
#include "vmdk-limits.h"

/* Bytes of names in a message, after which "..." follows. */
#define MAX_TRIED 600

void
location_free (struct location *l)
{
  free (l->path);
  l->path = NULL;
}

static size_t
scheme_length (struct text name)
{
  size_t i;

  for (i = 0; i < name.n; ++i)
    if (!isalnum ((unsigned char) name.p[i]) && !strchr ("+-.", name.p[i]))
      break;
  return i < name.n && name.p[i] == ':' ? i : 0;
}

bool
name_is_uri (struct text name)
{
  size_t n = scheme_length (name);

  return n > 0 && name.n >= n + 3 && memcmp (name.p + n, "://", 3) == 0;
}

bool
name_has_protocol (struct text name)
{
  return scheme_length (name) > 1; /* one letter is a drive */
}

/* ---- spelling ---- */

/* Charsets of names (2.11), by how their names begin.  Others are not asked
 * for: the C library would load a module that the image chooses, and let it
 * loose on hostile bytes.
 */
static bool
is_known_charset (const char *charset)
{
  static const char *const families[] = { "windows-", "CP125", "ISO-8859-",
                                          "ISO8859-", "KOI8-" };
  static const char *const names[] = {
    "UTF-8",   "US-ASCII",  "Big5",  "CP950",  "GBK",    "GB2312",
    "GB18030", "CP936",     "CP932", "EUC-JP", "EUC-KR", "EUC-CN",
    "CP949",   "Shift_JIS", "CP437", "CP850",  "CP852",  "CP866",
  };
  size_t i;

  for (i = 0; i < sizeof families / sizeof families[0]; ++i)
    if (strncasecmp (charset, families[i], strlen (families[i])) == 0)
      return true;
  for (i = 0; i < sizeof names / sizeof names[0]; ++i)
    if (strcasecmp (charset, names[i]) == 0)
      return true;
  return false;
}

/* Windows, where these names come from, means its own variants: in them, unlike
 * in the standards of these names, 0x5c is a backslash.
 */
static const char *
windows_charset (const char *charset)
{
  if (strcasecmp (charset, "Shift_JIS") == 0)
    return "CP932";
  if (strcasecmp (charset, "Big5") == 0)
    return "CP950";
  return charset;
}

static iconv_t
open_converter (const char *charset)
{
  iconv_t cd = iconv_open ("UTF-8", windows_charset (charset));

  return cd != (iconv_t) -1 ? cd : iconv_open ("UTF-8", charset);
}

/* NAME in UTF-8; NULL if ENCODING is not declared, is unknown, or NAME is not
 * in it.
 */
static char *
to_utf8 (struct text name, struct text encoding)
{
  char charset[64];
  char *out, *to, *from = (char *) (uintptr_t) name.p;
  size_t left = name.n, room = 4 * name.n, i;
  iconv_t cd;

  if (encoding.n == 0 || encoding.n >= sizeof charset)
    return NULL;
  /* The C library may look for a module of this name. */
  for (i = 0; i < encoding.n; ++i)
    if (!isalnum ((unsigned char) encoding.p[i]) &&
        !strchr ("-_.:", encoding.p[i]))
      return NULL;
  memcpy (charset, encoding.p, encoding.n);
  charset[encoding.n] = '\0';
  if (!is_known_charset (charset))
    return NULL;
  cd = open_converter (charset);
  if (cd == (iconv_t) -1)
    return NULL;
  out = to = malloc (room + 1);
  if (out != NULL) {
    if (iconv (cd, &from, &left, &to, &room) == (size_t) -1 || left > 0) {
      free (out);
      out = NULL;
    }
    else
      *to = '\0';
  }
  iconv_close (cd);
  return out;
}

static bool
has_drive (const char *s)
{
  return isalpha ((unsigned char) s[0]) && s[1] == ':';
}

/* Make the separators of a name from Windows ours: C:\a\b becomes /a/b.
 * False: it is none.
 */
static bool
unify_separators (char *s)
{
  bool windows =
    strchr (s, '\\') != NULL &&
    (strchr (s, '/') == NULL || has_drive (s) || strncmp (s, "\\\\", 2) == 0);
  char *p;

  if (!windows)
    return false;
  if (has_drive (s))
    memmove (s, s + 2, strlen (s + 2) + 1);
  for (p = s; *p; ++p)
    if (*p == '\\')
      *p = '/';
  return true;
}

/* ---- the search ---- */

struct search {
  const struct places *places;
  const struct location *from;
  const struct file_set *taken;
  bool writable;
  struct file *file; /* once found */
  struct location where;
  int err;         /* the most telling failure so far */
  char *err_name;  /* and whose it was, if it is to stop the search */
  FILE *tried;     /* for the message */
  size_t n_tried;  /* bytes in it */
  char *last_path; /* not to try one twice */
  size_t last_place;
};

static void
note_tried (struct search *s, size_t place, const char *path)
{
  const char *dir = s->places->dirs[place]->name;
  CLEANUP_FREE char *quoted = quote (path);
  int n;

  if (quoted == NULL || s->n_tried > MAX_TRIED)
    return;
  n = fprintf (s->tried, "%s%s%s%s", s->n_tried ? ", " : "",
               strcmp (dir, ".") ? dir : "", strcmp (dir, ".") ? "/" : "",
               quoted);
  if (n > 0)
    s->n_tried += n;
  if (s->n_tried > MAX_TRIED)
    fprintf (s->tried, ", ...");
}

static void
set_found (struct search *s, struct file *file, size_t place, const char *path)
{
  const char *slash = strrchr (path, '/');

  s->where.place = place;
  s->where.path = slash ? strndup (path, slash - path) : strdup ("");
  if (s->where.path == NULL) {
    file_close (file);
    s->err = ENOMEM;
    return;
  }
  s->file = file;
}

static void
debug_tried (const struct search *s, size_t place, const char *path,
             const struct file *found)
{
  int saved = errno;
  CLEANUP_FREE char *dir = quote (s->places->dirs[place]->name);
  CLEANUP_FREE char *quoted = quote (path);

  errno = saved;
  report_debug ("look for %s in %s: %s", quoted ? quoted : "", dir ? dir : "",
                found ? "found" : strerror (errno));
}

/* Try one path below one place.  GUESS: it is not what was recorded, so it is
 * passed over if it is one of the taken files.  True ends the search, one way
 * or other.
 */
static bool
try_path (struct search *s, size_t place, const char *dir, const char *name,
          bool guess)
{
  CLEANUP_FREE char *path = NULL;
  struct file *file;

  if (asprintf (&path, "%s%s%s", dir, dir[0] ? "/" : "", name) == -1) {
    path = NULL;
    s->err = ENOMEM;
    return true;
  }
  if (s->last_path && s->last_place == place &&
      strcmp (s->last_path, path) == 0)
    return false;
  file = dir_open_file (s->places->dirs[place], path, s->writable);
  if (vmdk_debug_chain)
    debug_tried (s, place, path, file);
  if (file != NULL && guess && s->taken && file_set_find (s->taken, file)) {
    file_close (file);
    file = NULL;
    errno = ENOENT;
  }
  if (file != NULL) {
    set_found (s, file, place, path);
    return true;
  }
  if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG ||
      errno == EXDEV) {
    if (s->err != EXDEV)
      s->err = errno == EXDEV && !guess ? EXDEV : ENOENT;
    note_tried (s, place, path);
    free (s->last_path);
    s->last_path = TAKE (path);
    s->last_place = place;
    return false;
  }
  s->err = errno;
  s->err_name = TAKE (path);
  return true;
}

/* An absolute name may lie in one of the places all the same. */
static bool
try_absolute (struct search *s, const char *name)
{
  bool outside = true;
  size_t i, n;

  for (i = 0; i < s->places->n; ++i) {
    const char *dir = s->places->dirs[i]->path;

    if (dir == NULL)
      continue;
    n = strcmp (dir, "/") == 0 ? 0 : strlen (dir);
    if (strncmp (name, dir, n) != 0 || name[n] != '/')
      continue;
    outside = false;
    if (try_path (s, i, "", name + n + strspn (name + n, "/"), false))
      return true;
  }
  if (outside)
    s->err = EXDEV;
  return false;
}

/* Try NAME, whose last component is BASE, in the place I: as it is if it is
 * relative, then its last two components.
 */
static bool
try_place (struct search *s, size_t i, const char *name, const char *base)
{
  const char *last_two;

  if (name[0] != '/' && try_path (s, i, "", name, true))
    return true;
  for (last_two = base; last_two > name; --last_two)
    if (last_two[-1] == '/' && last_two < base - 1)
      break;
  return last_two < base && strncmp (last_two, "../", 3) != 0 &&
         try_path (s, i, "", last_two, true);
}

static bool
try_spelling (struct search *s, const char *name)
{
  const char *base = strrchr (name, '/');
  /* A link that was found in one place may belong to one in another. */
  const size_t first = s->from->place == 0 ? 1 : 0;
  size_t i;

  if (name[0] == '/' ? try_absolute (s, name)
                     : try_path (s, s->from->place, s->from->path, name, false))
    return true;
  base = base ? base + 1 : name;
  if (base[0] == '\0')
    return false;
  /* From the most to the least telling guess. */
  for (i = first; i < s->places->n; ++i)
    if (try_place (s, i, name, base))
      return true;
  if (try_path (s, s->from->place, s->from->path, base, true))
    return true;
  for (i = first; i < s->places->n; ++i)
    if (try_path (s, i, "", base, true))
      return true;
  return false;
}

/* Try NAME as it is, since a backslash is legal in our names, then as a path
 * from Windows.
 */
static bool
try_both (struct search *s, char *name)
{
  return try_spelling (s, name) ||
         (unify_separators (name) && try_spelling (s, name));
}

static void
report_search (const struct search *s, struct text name, const char *tried,
               const char *who, const char *what)
{
  CLEANUP_FREE char *quoted = text_quote (name);
  CLEANUP_FREE char *where = s->err_name ? quote (s->err_name) : NULL;
  const char *recorded = quoted ? quoted : "";

  errno = s->err;
  switch (s->err) {
  case ENOENT:
    report_error ("%s: cannot find %s, recorded as \"%s\"; tried %s: copy it "
                  "there, or name the directory that it is in with "
                  "search=DIR",
                  who, what, recorded, tried);
    break;
  case EXDEV:
    report_error ("%s: %s is recorded as \"%s\", which leads outside the "
                  "directory of the disk (as every absolute symbolic link "
                  "does), so it is not opened%s%s: if you trust this disk, "
                  "name the directory that the file is in with search=DIR",
                  who, what, recorded, tried[0] ? "; also tried " : "", tried);
    break;
  case ENXIO:
  case EISDIR:
    report_error ("%s: expected %s, recorded as \"%s\", to be a regular file, "
                  "found that \"%s\" is none",
                  who, what, recorded, where ? where : "");
    break;
  case EMFILE:
    report_error ("%s: too many open files for %s \"%s\": the disk needs one "
                  "for each of its files, and each client needs some, but no "
                  "more than %" PRIu64 " are allowed: raise the hard limit "
                  "(ulimit -Hn)",
                  who, what, recorded, file_limit ());
    break;
  default:
    report_error ("%s: cannot open %s, recorded as \"%s\", at \"%s\": %m", who,
                  what, recorded, where ? where : "");
  }
}

struct file *
name_open (const struct places *places, const struct location *from,
           struct text name, struct text encoding, const char *who,
           const char *what, const struct file_set *taken, bool writable,
           struct location *found)
{
  struct search s = {
    .places = places, .from = from, .taken = taken, .writable = writable
  };
  CLEANUP_FREE char *converted = to_utf8 (name, encoding);
  CLEANUP_FREE char *raw = strndup (name.p, name.n);
  CLEANUP_FREE char *tried = NULL;
  size_t tried_size;

  s.tried = open_memstream (&tried, &tried_size);
  if (raw == NULL || s.tried == NULL) {
    report_error ("%s: %m", who);
    if (s.tried)
      fclose (s.tried);
    return NULL;
  }
  /* In a declared charset, what looks like a backslash in the raw bytes may be
   * half of a character (2.11).
   */
  if (converted == NULL || strcmp (converted, raw) == 0)
    try_both (&s, raw);
  else if (!try_both (&s, converted))
    try_spelling (&s, raw);
  fclose (s.tried);

  if (s.file == NULL) {
    report_search (&s, name, tried ? tried : "", who, what);
    location_free (&s.where);
  }
  else if (found != NULL)
    *found = s.where;
  else
    location_free (&s.where);
  free (s.err_name);
  free (s.last_path);
  return s.file;
}
