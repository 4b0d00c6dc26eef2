/* SPDX-License-Identifier: BSD-3-Clause */
/* The codec: exact results for good streams, and a refusal of everything else
 * (vmdk-format.md 4.4, 11.3).  zlib makes the input.
 */

#include <config.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "deflate.h"
#include "image.h"
#include "test.h"

#define GRAIN 65536

static struct inflaters *inflaters;
static unsigned char content[GRAIN];
static unsigned char packed[2 * GRAIN];
static unsigned char out[GRAIN + 1];

/* Pack N bytes of the content.  WINDOW as for deflateInit2: 15 zlib, -15 bare
 * deflate, 31 gzip.
 */
static size_t
pack (size_t n, int level, int window, const char *dictionary)
{
  z_stream z;
  size_t size;

  memset (&z, 0, sizeof z);
  MUST (deflateInit2 (&z, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) ==
        Z_OK);
  if (dictionary != NULL)
    MUST (deflateSetDictionary (&z, (const Bytef *) dictionary,
                                strlen (dictionary)) == Z_OK);
  z.next_in = content;
  z.avail_in = n;
  z.next_out = packed;
  z.avail_out = sizeof packed;
  MUST (deflate (&z, Z_FINISH) == Z_STREAM_END);
  size = z.total_out;
  deflateEnd (&z);
  return size;
}

static enum inflate_result
inflate_it (size_t in_size, size_t room, size_t *used, size_t *produced)
{
  enum inflate_result r;

  *used = in_size;
  *produced = room;
  memset (out, 0xee, sizeof out);
  r = inflate_stream (inflaters, packed, used, out, produced);
  CHECK_INT (out[room], 0xee);
  return r;
}

/* What PACKED holds is refused with RESULT. */
static void
check_refused (size_t in_size, size_t room, enum inflate_result result)
{
  size_t used, produced;

  CHECK_INT (inflate_it (in_size, room, &used, &produced), result);
}

static void
check_good (size_t in_size, size_t room, size_t stream, size_t n)
{
  size_t used, produced;

  CHECK_INT (inflate_it (in_size, room, &used, &produced), INFLATE_OK);
  CHECK_INT (used, stream);
  CHECK_INT (produced, n);
  CHECK_BYTES (out, content, n);
}

static void
zlib_streams_of_all_levels_inflate (void)
{
  int level;

  for (level = 0; level <= 9; ++level) {
    size_t n = pack (GRAIN, level, 15, NULL);

    check_good (n, GRAIN, n, GRAIN);
  }
}

static void
incompressible_content_inflates (void)
{
  unsigned char saved[GRAIN];
  size_t n, i;

  memcpy (saved, content, GRAIN);
  for (i = 0; i < GRAIN; ++i)
    content[i] = test_random ();
  n = pack (GRAIN, 6, 15, NULL);
  CHECK (n > GRAIN);
  check_good (n, GRAIN, n, GRAIN);
  memcpy (content, saved, GRAIN);
}

static void
bare_deflate_inflates (void)
{
  size_t n = pack (GRAIN, 6, -15, NULL);

  CHECK (!deflate_is_zlib (packed, n));
  check_good (n, GRAIN, n, GRAIN);
}

static void
zlib_is_told_by_its_two_bytes (void)
{
  CHECK (deflate_is_zlib ("\x78\x01", 2));
  CHECK (deflate_is_zlib ("\x78\x9c", 2));
  CHECK (deflate_is_zlib ("\x78\xda", 2));
  CHECK (!deflate_is_zlib ("\x78\x9d", 2));
  CHECK (!deflate_is_zlib ("\x79\x9b", 2)); /* method 9 */
  CHECK (!deflate_is_zlib ("\x78", 1));
  CHECK (!deflate_is_zlib ("", 0));
}

static void
gzip_is_not_accepted (void)
{
  check_refused (pack (GRAIN, 6, 31, NULL), GRAIN, INFLATE_DAMAGED);
}

static void
less_than_there_is_room_for_is_told (void)
{
  size_t n = pack (1536, 6, 15, NULL);

  check_good (n, GRAIN, n, 1536);
  n = pack (0, 6, 15, NULL);
  check_good (n, GRAIN, n, 0);
}

static void
more_than_there_is_room_for_is_refused (void)
{
  size_t n = pack (GRAIN, 6, 15, NULL);

  check_refused (n, GRAIN - 1, INFLATE_TOO_LONG);
  check_refused (n, 1, INFLATE_TOO_LONG);
  n = pack (GRAIN, 6, -15, NULL);
  check_refused (n, GRAIN - 1, INFLATE_TOO_LONG);
}

static void
a_stream_cut_anywhere_is_damaged (void)
{
  size_t n = pack (5000, 6, 15, NULL), i;

  for (i = 0; i < n; ++i)
    check_refused (i, GRAIN, INFLATE_DAMAGED);
  /* Room for exactly the content: nothing but the check sum is missing. */
  for (i = n - 4; i < n; ++i)
    check_refused (i, 5000, INFLATE_DAMAGED);
}

static void
a_wrong_adler_32_is_damaged (void)
{
  size_t n = pack (GRAIN, 6, 15, NULL), i;

  for (i = n - 4; i < n; ++i) {
    packed[i] ^= 1;
    check_refused (n, GRAIN, INFLATE_DAMAGED);
    packed[i] ^= 1;
  }
  check_good (n, GRAIN, n, GRAIN);
}

static void
a_preset_dictionary_is_refused (void)
{
  size_t n = pack (5000, 6, 15, "some words that are known");

  CHECK (packed[1] & 0x20); /* FDICT */
  check_refused (n, GRAIN, INFLATE_DAMAGED);
}

static void
bytes_behind_the_stream_are_not_looked_at (void)
{
  size_t n = pack (5000, 6, 15, NULL);

  memset (packed + n, 0x5a, 500);
  check_good (n + 500, GRAIN, n, 5000);
  check_good (n + 500, 5000, n, 5000);
}

static void
nothing_is_no_stream (void)
{
  check_refused (0, GRAIN, INFLATE_DAMAGED);
  packed[0] = 0x78;
  check_refused (1, GRAIN, INFLATE_DAMAGED);
}

static void
random_damage_is_noticed_and_stays_in_bounds (void)
{
  unsigned i, k;

  for (i = 0; i < 20000; ++i) {
    size_t n = pack (500 + i % 200, 6, 15, NULL), used, produced;

    for (k = 0; k <= i % 3; ++k)
      packed[test_random () % n] ^= 1 << test_random () % 8;
    switch (inflate_it (n, 600, &used, &produced)) {
    case INFLATE_OK:
      /* Two flips of one bit, or content that has the same Adler-32: not
       * with so few flips.
       */
      CHECK (produced <= 600 && used <= n);
      break;
    case INFLATE_NO_MEMORY: CHECK (false); break;
    default: break;
    }
  }
}

static void *
inflate_many (void *opaque)
{
  const size_t size = *(size_t *) opaque;
  unsigned char *mine = malloc (GRAIN);
  unsigned i;

  MUST (mine != NULL);
  for (i = 0; i < 200; ++i) {
    size_t used = size, produced = GRAIN;

    CHECK_INT (inflate_stream (inflaters, packed, &used, mine, &produced),
               INFLATE_OK);
    CHECK_INT (produced, GRAIN);
    CHECK_BYTES (mine, content, GRAIN);
  }
  free (mine);
  return NULL;
}

static void
many_threads_inflate_at_once (void)
{
  size_t n = pack (GRAIN, 6, 15, NULL);
  pthread_t threads[16];
  unsigned i;

  for (i = 0; i < 16; ++i)
    MUST (pthread_create (&threads[i], NULL, inflate_many, &n) == 0);
  for (i = 0; i < 16; ++i)
    pthread_join (threads[i], NULL);
}

static void
destroying_nothing_is_legal (void)
{
  inflaters_destroy (NULL);
}

int
main (void)
{
  inflaters = inflaters_create ();
  MUST (inflaters != NULL);
  image_pattern (content, GRAIN, 3);

  RUN (zlib_streams_of_all_levels_inflate);
  RUN (incompressible_content_inflates);
  RUN (bare_deflate_inflates);
  RUN (zlib_is_told_by_its_two_bytes);
  RUN (gzip_is_not_accepted);
  RUN (less_than_there_is_room_for_is_told);
  RUN (more_than_there_is_room_for_is_refused);
  RUN (a_stream_cut_anywhere_is_damaged);
  RUN (a_wrong_adler_32_is_damaged);
  RUN (a_preset_dictionary_is_refused);
  RUN (bytes_behind_the_stream_are_not_looked_at);
  RUN (nothing_is_no_stream);
  RUN (random_damage_is_noticed_and_stays_in_bounds);
  RUN (many_threads_inflate_at_once);
  RUN (destroying_nothing_is_legal);

  inflaters_destroy (inflaters);
  return test_result ();
}
