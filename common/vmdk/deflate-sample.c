/* SPDX-License-Identifier: BSD-3-Clause */
/* A guess, from samples, about content that does not get smaller: ciphers,
 * media, archives.  A deflater finds that out at the full price of its level;
 * this finds it out for that of a few copies.
 *
 * Deflate gains in two ways, and each has its test.  Bytes that are not
 * equally frequent get codes of different lengths: the samples' byte
 * histogram tells, and there is one for each few kilobytes, so that a little
 * text amid noise is seen.  And what occurred before is referred to: places
 * that are chosen by content, not by offset, are met again in a repetition
 * wherever it begins.
 *
 * The tests may take noise for something better, which costs time, but must
 * not take for noise what has something to gain, which costs space for ever.
 */

#include <config.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "byte-order.h"
#include "deflate-internal.h"

/* The least content that is guessed about. */
#define LEAST 32768

/* One short run of bytes is looked at in each step, its place changing from
 * one step to the next: structures love round offsets.  There are at least
 * MIN_RUNS, so what is 3 % of the whole meets three of them.
 */
#define RUN            32
#define MAX_STEP       512
#define MIN_RUNS       128
#define HISTOGRAM_RUNS 8

/* Deflaters refer to what is nearer than this. */
#define WINDOW 32768

/* Places that begin with this byte are compared.  Noise has it as often as any
 * other, and the names in archives, which repeat amid their noise, more often.
 */
#define ANCHOR 'e'

#define SEEN_BITS 10

static size_t
step_of (size_t count)
{
  return count / MIN_RUNS < MAX_STEP ? count / MIN_RUNS : MAX_STEP;
}

/* The K-th run of what is at P. */
static const unsigned char *
run_at (const unsigned char *p, size_t k, size_t step)
{
  const size_t places = step / RUN;

  return p + k * step + ((uint32_t) k * 0x9e3779b1 >> 16) % places * RUN;
}

/* How much less even than noise are the bytes of N_RUNS runs of what is at P,
 * from the K-th on?  This is the chi-square statistic less its mean, so about
 * 0 for noise, give or take 23; it is also, as long as it is small, 2 ln 2
 * times the bits that an ideal code saves.
 */
static int64_t
unevenness (const unsigned char *p, size_t step, size_t k, size_t n_runs)
{
  const int64_t n = n_runs * RUN;
  uint16_t histogram[256] = { 0 };
  uint32_t squares = 0;
  unsigned i;

  for (; n_runs > 0; --n_runs) {
    const unsigned char *run = run_at (p, k++, step);

    for (i = 0; i < RUN; ++i)
      histogram[run[i]]++;
  }
  for (i = 0; i < 256; ++i)
    squares += histogram[i] * histogram[i];
  return 256 * (int64_t) squares / n - n - 255;
}

static bool
bytes_are_even (const unsigned char *p, size_t count)
{
  const size_t step = step_of (count), n_runs = count / step;
  /* One per cent of the bits (8 * 2 ln 2 / 100 is a ninth), and what chance
   * makes of few samples.
   */
  const int64_t limit = n_runs * RUN / 9 + 64;
  int64_t sum = 0;
  size_t k, n;

  for (k = 0; k < n_runs; k += n) {
    n = n_runs - k < HISTOGRAM_RUNS ? n_runs - k : HISTOGRAM_RUNS;
    sum += unevenness (p, step, k, n);
    if (sum > limit)
      return false;
  }
  return true;
}

/* In noise there is an anchor each 256 bytes, and the three bytes behind it
 * are never those of another one.
 */
static bool
repeats (const unsigned char *p, size_t count)
{
  /* Those of one repetition that is a per cent of the whole are more. */
  const size_t limit = count / 65536;
  uint32_t seen[1 << SEEN_BITS]; /* offsets, by a hash of what is there */
  const unsigned char *end = p + count - sizeof (uint32_t), *at = p;
  size_t found = 0;

  memset (seen, 0xff, sizeof seen);
  while (at < end && (at = memchr (at, ANCHOR, end - at)) != NULL) {
    const uint32_t word = load_le32 (at), offset = at - p;
    uint32_t *last = &seen[word * 0x9e3779b1 >> (32 - SEEN_BITS)];

    if (*last != UINT32_MAX && offset - *last < WINDOW &&
        load_le32 (p + *last) == word && ++found > limit)
      return true;
    *last = offset;
    ++at;
  }
  return false;
}

bool
sample_looks_random (const void *p, size_t count)
{
  return count >= LEAST && bytes_are_even (p, count) && !repeats (p, count);
}

void
sample_take (const void *p, size_t count, void *out)
{
  enum { PIECES = 4, PIECE = SAMPLE_BYTES / PIECES };
  const size_t step = (count - PIECE) / (PIECES - 1);
  unsigned i;

  for (i = 0; i < PIECES; ++i)
    memcpy ((char *) out + i * PIECE, (const char *) p + i * step, PIECE);
}
