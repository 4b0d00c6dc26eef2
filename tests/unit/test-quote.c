/* SPDX-License-Identifier: BSD-3-Clause */
/* The small utilities: quoted names, growing arrays, the set of files. */

#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "file-memory.h"
#include "file-set.h"
#include "quote.h"
#include "test.h"
#include "vector.h"

/* ---- quote ---- */

static void
check_quoted_bytes (int line, const char *text, size_t n, const char *expected)
{
  /* Exactly as long as the text: a sanitizer sees what lies behind it. */
  char *copy = malloc (n ? n : 1);
  char *q;

  MUST (copy != NULL);
  memcpy (copy, text, n);
  q = quote_bytes (copy, n);
  test_check_string (__FILE__, line, "quoted", q, expected);
  free (q);
  free (copy);
}

#define CHECK_QUOTED(text, expected) \
  check_quoted_bytes (__LINE__, text, sizeof (text) - 1, expected)

static void
plain_text_is_left_alone (void)
{
  CHECK_QUOTED ("", "");
  CHECK_QUOTED ("disk-flat.vmdk", "disk-flat.vmdk");
  CHECK_QUOTED (" a \"b\" 'c' %s ~", " a \"b\" 'c' %s ~");
}

static void
control_bytes_and_backslashes_are_escaped (void)
{
  CHECK_QUOTED ("a\nb\rc\td", "a\\x0ab\\x0dc\\x09d");
  CHECK_QUOTED ("\x1b[31m", "\\x1b[31m");
  CHECK_QUOTED ("\x7f", "\\x7f");
  CHECK_QUOTED ("C:\\x", "C:\\x5cx");
  CHECK_QUOTED ("a\0b", "a\\x00b");
}

static void
utf_8_is_left_alone (void)
{
  CHECK_QUOTED ("\xc3\xa4", "\xc3\xa4");                 /* U+00E4 */
  CHECK_QUOTED ("\xc2\xa0", "\xc2\xa0");                 /* U+00A0 */
  CHECK_QUOTED ("\xe6\x97\xa5", "\xe6\x97\xa5");         /* U+65E5 */
  CHECK_QUOTED ("\xf0\x9f\x92\xbe", "\xf0\x9f\x92\xbe"); /* U+1F4BE */
  CHECK_QUOTED ("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"); /* U+10FFFF */
}

static void
what_is_not_utf_8_is_escaped (void)
{
  CHECK_QUOTED ("\xe4", "\\xe4");
  CHECK_QUOTED ("\x80", "\\x80");
  CHECK_QUOTED ("\xc3", "\\xc3");                            /* cut */
  CHECK_QUOTED ("\xe6\x97", "\\xe6\\x97");                   /* cut */
  CHECK_QUOTED ("\xf0\x9f\x92", "\\xf0\\x9f\\x92");          /* cut */
  CHECK_QUOTED ("\xc0\xaf", "\\xc0\\xaf");                   /* overlong / */
  CHECK_QUOTED ("\xe0\x80\xaf", "\\xe0\\x80\\xaf");          /* overlong */
  CHECK_QUOTED ("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"); /* overlong */
  CHECK_QUOTED ("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* surrogate */
  CHECK_QUOTED ("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* U+110000 */
  CHECK_QUOTED ("\xff\xfe", "\\xff\\xfe");
  CHECK_QUOTED ("\xc2\x9b", "\\xc2\\x9b"); /* C1: a terminal obeys it */
}

static void
long_text_is_cut_at_300_bytes (void)
{
  char text[302], expected[310];
  char *q;

  memset (text, 'a', sizeof text);
  text[300] = '\0';
  q = quote (text);
  CHECK_STRING (q, text);
  free (q);
  strcpy (text + 300, "a");
  memset (expected, 'a', 300);
  strcpy (expected + 300, "...");
  q = quote (text);
  CHECK_STRING (q, expected);
  free (q);
}

static void
every_byte_alone_comes_out_as_text (void)
{
  unsigned c;

  for (c = 0; c < 256; ++c) {
    const char byte = c;
    char *q = quote_bytes (&byte, 1);

    MUST (q != NULL);
    if (c >= 0x20 && c < 0x7f && c != '\\')
      CHECK (q[0] == byte && q[1] == '\0');
    else
      CHECK_INT (strlen (q), 4);
    free (q);
  }
}

/* ---- vector ---- */

DEFINE_VECTOR (number_vector, uint64_t);

static void
a_vector_keeps_what_is_appended (void)
{
  number_vector v = VECTOR_EMPTY;
  uint64_t i;

  for (i = 0; i < 10000; ++i)
    CHECK_INT (number_vector_append (&v, i * i), 0);
  CHECK_INT (v.count, 10000);
  CHECK (v.room >= v.count);
  for (i = 0; i < 10000; ++i)
    CHECK_INT (v.items[i], i * i);
  free (v.items);
}

static void
a_vector_that_cannot_grow_stays_as_it_was (void)
{
  void *items = NULL;
  size_t room = SIZE_MAX / 8;

  CHECK_INT (vector_grow (&items, &room, 8), -1);
  CHECK (items == NULL);
  CHECK_INT (room, SIZE_MAX / 8);
}

/* ---- file_set ---- */

static struct file *
new_file (uint64_t device, uint64_t inode)
{
  struct file *f = file_memory_create ("f", NULL, 0, 0, inode);

  MUST (f != NULL);
  f->id.device = device;
  return f;
}

static void
an_empty_set_has_no_file (void)
{
  struct file_set s = { .slots = NULL };
  struct file *f = new_file (1, 1);

  CHECK (file_set_find (&s, f) == NULL);
  file_set_clear (&s);
  CHECK (file_set_find (&s, f) == NULL);
  file_close (f);
}

static void
a_file_is_found_by_identity_and_not_by_address (void)
{
  struct file_set s = { .slots = NULL };
  struct file *f = new_file (1, 5), *same = new_file (1, 5);
  struct file *other_device = new_file (2, 5), *other = new_file (1, 6);
  const struct file_use *use;

  CHECK_INT (file_set_add (&s, (struct file_use){ f, 7, true }), 0);
  use = file_set_find (&s, same);
  MUST (use != NULL);
  CHECK (use->file == f);
  CHECK_INT (use->link, 7);
  CHECK (use->shareable);
  CHECK (file_set_find (&s, other_device) == NULL);
  CHECK (file_set_find (&s, other) == NULL);
  file_set_clear (&s);
  file_close (f);
  file_close (same);
  file_close (other_device);
  file_close (other);
}

/* Inode numbers that a hash could put into one slot. */
static void
thousands_of_files_are_told_apart (void)
{
  enum { N = 3000 };
  static struct file *files[N];
  struct file_set s = { .slots = NULL };
  unsigned i;

  for (i = 0; i < N; ++i) {
    files[i] = new_file (i % 3, i % 2 ? i : (uint64_t) i << 40);
    CHECK (file_set_find (&s, files[i]) == NULL);
    CHECK_INT (file_set_add (&s, (struct file_use){ files[i], i, false }), 0);
  }
  CHECK_INT (s.count, N);
  for (i = 0; i < N; ++i) {
    const struct file_use *use = file_set_find (&s, files[i]);

    MUST (use != NULL);
    CHECK_INT (use->link, i);
  }
  file_set_clear (&s);
  CHECK_INT (s.count, 0);
  for (i = 0; i < N; ++i)
    file_close (files[i]);
}

int
main (void)
{
  RUN (plain_text_is_left_alone);
  RUN (control_bytes_and_backslashes_are_escaped);
  RUN (utf_8_is_left_alone);
  RUN (what_is_not_utf_8_is_escaped);
  RUN (long_text_is_cut_at_300_bytes);
  RUN (every_byte_alone_comes_out_as_text);
  RUN (a_vector_keeps_what_is_appended);
  RUN (a_vector_that_cannot_grow_stays_as_it_was);
  RUN (an_empty_set_has_no_file);
  RUN (a_file_is_found_by_identity_and_not_by_address);
  RUN (thousands_of_files_are_told_apart);
  return test_result ();
}
