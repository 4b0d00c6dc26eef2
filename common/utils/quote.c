/* SPDX-License-Identifier: BSD-3-Clause */
/* Names out of images and from users, made fit to be printed. */

#include <config.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quote.h"

/* What is longer is cut: a message stays readable. */
#define QUOTE_MAX 300

/* The length of the UTF-8 sequence at S (at most N bytes), 0 if there is
 * none.  Overlong forms and surrogates are none; neither are the C1 controls,
 * which some terminals obey.
 */
static size_t
utf8_length (const unsigned char *s, size_t n)
{
  static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
  size_t length, i;
  uint32_t c;

  if (s[0] < 0x80)
    return 1;
  length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
  if (length == 0 || length > n || s[0] > 0xf4)
    return 0;
  c = s[0] & (0x7f >> length);
  for (i = 1; i < length; ++i) {
    if ((s[i] & 0xc0) != 0x80)
      return 0;
    c = c << 6 | (s[i] & 0x3f);
  }
  if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
    return 0;
  return c < 0xa0 ? 0 : length;
}

static bool
is_plain (unsigned char c)
{
  return c >= 0x20 && c != 0x7f && c != '\\';
}

char *
quote_bytes (const char *text, size_t length)
{
  const unsigned char *s = (const unsigned char *) text;
  size_t shown = length <= QUOTE_MAX ? length : QUOTE_MAX;
  char *out = malloc (shown * 4 + sizeof "...");
  char *p = out;
  size_t i, n;

  if (out == NULL)
    return NULL;
  for (i = 0; i < shown; i += n) {
    n = utf8_length (&s[i], shown - i);
    if (n > 1 || (n == 1 && is_plain (s[i]))) {
      memcpy (p, &s[i], n);
      p += n;
    }
    else {
      n = 1;
      p += sprintf (p, "\\x%02x", s[i]);
    }
  }
  strcpy (p, shown < length ? "..." : "");
  return out;
}

char *
quote (const char *text)
{
  return quote_bytes (text, strlen (text));
}
