/* SPDX-License-Identifier: BSD-3-Clause */
/* Pieces of a descriptor's text: see text.h. */

#include <config.h>

#include <string.h>
#include <strings.h>

#include "checked-overflow.h"
#include "quote.h"
#include "text.h"

static bool
is_blank (char c)
{
  return c == ' ' || c == '\t' || c == '\r';
}

static bool
is_digit (char c)
{
  return c >= '0' && c <= '9';
}

struct text
text_trim (struct text t)
{
  while (t.n > 0 && is_blank (t.p[0])) {
    t.p++;
    t.n--;
  }
  while (t.n > 0 && is_blank (t.p[t.n - 1]))
    t.n--;
  return t;
}

struct text
text_next_word (struct text *rest)
{
  struct text word;

  *rest = text_trim (*rest);
  word.p = rest->p;
  for (word.n = 0; word.n < rest->n && !is_blank (rest->p[word.n]); ++word.n)
    ;
  rest->p += word.n;
  rest->n -= word.n;
  *rest = text_trim (*rest);
  return word;
}

bool
text_is (struct text text, const char *word)
{
  return text.p != NULL && strlen (word) == text.n &&
         strncasecmp (text.p, word, text.n) == 0;
}

bool
text_contains (struct text text, const char *word)
{
  size_t n = strlen (word), i;

  for (i = 0; i + n <= text.n; ++i)
    if (strncasecmp (text.p + i, word, n) == 0)
      return true;
  return false;
}

bool
text_equal (struct text a, struct text b)
{
  return a.n == b.n && memcmp (a.p, b.p, a.n) == 0;
}

bool
text_decimal (struct text t, uint64_t max, uint64_t *value)
{
  uint64_t v = 0;
  size_t i;

  for (i = 0; i < t.n; ++i) {
    if (!is_digit (t.p[i]) || mul_overflow (v, 10, &v) ||
        add_overflow (v, t.p[i] - '0', &v) || v > max)
      return false;
  }
  *value = v;
  return t.n > 0;
}

/* The value of a hexadecimal digit, -1 if C is none. */
static int
hex_digit (char c)
{
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

bool
text_hex32 (struct text t, uint32_t *value)
{
  uint32_t v = 0;
  size_t i;
  int digit;

  for (i = 0; i < t.n; ++i) {
    digit = hex_digit (t.p[i]);
    if (digit == -1)
      return false;
    v = v << 4 | (uint32_t) digit;
  }
  *value = v;
  return t.n >= 1 && t.n <= 8;
}

char *
text_quote (struct text t)
{
  return quote_bytes (t.p ? t.p : "", t.n);
}
