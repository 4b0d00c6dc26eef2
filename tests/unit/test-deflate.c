/* SPDX-License-Identifier: BSD-3-Clause */
/* The codec: exact results for good streams, and a refusal of everything else
 * (vmdk-format.md 4.4, 11.3); and streams that are good, and no longer than
 * need be.  zlib makes the input and reads the output.
 */

#include <config.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "deflate-internal.h"
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

/* ---- packing ---- */

#define MAX_GRAIN (1 << 20)

static unsigned char grain[MAX_GRAIN];
static unsigned char back[MAX_GRAIN];
static unsigned char stream[2 * MAX_GRAIN];

typedef void filler (unsigned char *p, size_t n);

static void
fill_random (unsigned char *p, size_t n)
{
  while (n-- > 0)
    *p++ = test_random ();
}

static void
fill_zero (unsigned char *p, size_t n)
{
  memset (p, 0, n);
}

/* Write as much of WORD to the *N bytes at *P as fits, and advance both. */
static void
put_word (unsigned char **p, size_t *n, const char *word)
{
  const size_t length = strlen (word) < *n ? strlen (word) : *n;

  memcpy (*p, word, length);
  *p += length;
  *n -= length;
}

static void
fill_text (unsigned char *p, size_t n)
{
  static const char *const words[] = { "grain ",  "table ",     "of ", "the ",
                                       "extent ", "directory ", "is ", "a\n" };

  while (n > 0)
    put_word (&p, &n, words[test_random () % 8]);
}

/* Words of a language with 2048, of which some are much more frequent than
 * others.
 */
static void
fill_prose (unsigned char *p, size_t n)
{
  static const char letters[] = "eeettaaooinnshrdlu";
  static char words[2048][12];
  size_t i, k;

  for (i = 0; i < 2048; ++i) {
    const size_t length = 2 + test_random () % 8;

    for (k = 0; k < length; ++k)
      words[i][k] = letters[test_random () % (sizeof letters - 1)];
    words[i][length] = ' ';
    words[i][length + 1] = 0;
  }
  while (n > 0) {
    i = test_random () % 2048;
    put_word (&p, &n, words[i >> test_random () % 11]);
  }
}

/* Noise of N_VALUES kinds of bytes. */
static void
fill_of_values (unsigned char *p, size_t n, unsigned n_values)
{
  while (n-- > 0)
    *p++ = ' ' + test_random () % n_values;
}

static void
fill_like_base64 (unsigned char *p, size_t n)
{
  fill_of_values (p, n, 64);
}

/* The least that has to be seen: not even half a bit of eight is gained. */
static void
fill_with_200_values (unsigned char *p, size_t n)
{
  fill_of_values (p, n, 200);
}

/* 32 bits each, of which the upper 8 are 0. */
static void
fill_integers (unsigned char *p, size_t n)
{
  size_t i;

  fill_random (p, n);
  for (i = 3; i < n; i += 4)
    p[i] = 0;
}

/* Noise but for one sixteenth. */
static void
fill_sixteenth (unsigned char *p, size_t n, filler *fill)
{
  const size_t part = n / 16;

  fill_random (p, n);
  fill (p + test_random () % (n - part), part);
}

static void
fill_zero_amid_random (unsigned char *p, size_t n)
{
  fill_sixteenth (p, n, fill_zero);
}

static void
fill_text_amid_random (unsigned char *p, size_t n)
{
  fill_sixteenth (p, n, fill_text);
}

/* Zeroes but for one sixteenth. */
static void
fill_random_amid_zero (unsigned char *p, size_t n)
{
  fill_zero (p, n);
  fill_random (p + test_random () % 16 * (n / 16), n / 16);
}

static void
fill_random_then_zero (unsigned char *p, size_t n)
{
  fill_random (p, n / 2);
  fill_zero (p + n / 2, n - n / 2);
}

static void
fill_text_then_random (unsigned char *p, size_t n)
{
  fill_text (p, n / 2);
  fill_random (p + n / 2, n - n / 2);
}

/* An eighth of the noise occurs once more, at any offset. */
static void
fill_random_repeated (unsigned char *p, size_t n)
{
  const size_t part = n / 8, distance = part + test_random () % (part / 2);

  fill_random (p, n);
  memcpy (p + distance, p, part);
}

/* The same noise again and again, without the byte that the search for what
 * repeats goes by.
 */
static void
fill_period (unsigned char *p, size_t n)
{
  size_t i;

  for (i = 0; i < n; ++i) {
    p[i] = i < 2000 ? test_random () : p[i - 2000];
    p[i] += p[i] == 'e';
  }
}

static filler *const fillers[] = { fill_random,
                                   fill_zero,
                                   fill_text,
                                   fill_prose,
                                   fill_like_base64,
                                   fill_with_200_values,
                                   fill_integers,
                                   fill_random_amid_zero,
                                   fill_random_then_zero,
                                   fill_text_then_random,
                                   fill_zero_amid_random,
                                   fill_text_amid_random,
                                   fill_random_repeated,
                                   fill_period };
#define N_FILLERS (sizeof fillers / sizeof fillers[0])

/* The last ones, whose gain is hidden in noise, through which the fastest
 * packers hurry.
 */
#define N_HIDDEN 4

/* zlib reads the SIZE bytes at S as exactly one stream of the N bytes at
 * EXPECTED; ROOM is for N bytes.
 */
static void
check_stream (const unsigned char *s, size_t size,
              const unsigned char *expected, size_t n, unsigned char *room)
{
  uLongf produced = n;
  uLong used = size;

  CHECK (deflate_is_zlib (s, size));
  CHECK_INT (s[0], 0x78);
  CHECK_INT (uncompress2 (room, &produced, s, &used), Z_OK);
  CHECK_INT (used, size);
  CHECK_INT (produced, n);
  CHECK_BYTES (room, expected, n);
}

/* So do we, with the same result. */
static void
check_own_stream (size_t size, const unsigned char *expected, size_t n,
                  unsigned char *room)
{
  size_t used = size, produced = n;

  memset (room, 0xee, n);
  CHECK_INT (inflate_stream (inflaters, stream, &used, room, &produced),
             INFLATE_OK);
  CHECK_INT (used, size);
  CHECK_INT (produced, n);
  CHECK_BYTES (room, expected, n);
}

/* Pack the N bytes of the grain; check all but how small it gets. */
static size_t
deflate_it (struct deflaters *p, size_t n)
{
  const size_t bound = deflate_bound (n);
  size_t size;

  memset (stream + bound, 0xee, 16);
  size = deflate_stream (p, grain, n, stream);
  CHECK (size > 0);
  CHECK (size <= bound);
  CHECK_BYTES (stream + bound, "\xee\xee\xee\xee\xee\xee\xee\xee", 8);
  check_stream (stream, size, grain, n, back);
  check_own_stream (size, grain, n, back);
  return size;
}

static struct deflaters *
deflaters_of (int level)
{
  struct deflaters *p = deflaters_create (level);

  MUST (p != NULL);
  return p;
}

static void
zlib_and_we_read_the_streams_of_all_levels_and_sizes (void)
{
  int level;
  size_t n, i;

  for (level = 1; level <= DEFLATE_MAX_LEVEL; ++level) {
    struct deflaters *p = deflaters_of (level);

    for (n = 512; n <= MAX_GRAIN; n *= 2)
      /* Where it is slow, all kinds of small ones, a few of the large ones, in
       * turn.
       */
      for (i = 0; i < (n <= GRAIN || level <= 3 ? N_FILLERS : 2); ++i) {
        fillers[(i + level) % N_FILLERS](grain, n);
        deflate_it (p, n);
      }
    deflaters_destroy (p);
  }
}

static void
noise_of_any_grain_size_keeps_the_bound (void)
{
  int level;
  size_t n;

  for (level = 1; level <= DEFLATE_MAX_LEVEL; ++level) {
    struct deflaters *p = deflaters_of (level);

    for (n = 512; n <= MAX_GRAIN; n *= 2) {
      fill_random (grain, n);
      /* Stored: two bytes, five for each begun 65535, the Adler-32. */
      CHECK_INT (deflate_it (p, n), n + 6 + 5 * ((n + 65534) / 65535));
      CHECK_INT (stream[2] & 6, 0);
      CHECK (deflate_bound (n) <= compressBound (n));
    }
    deflaters_destroy (p);
  }
}

/* What does not fit is not made, and nothing is written behind its room. */
static void
a_stream_stays_in_its_room (void)
{
  const size_t n = 3000;
  size_t size, room, i;
  int level;

  for (level = 1; level <= DEFLATE_MAX_LEVEL; ++level) {
    struct codec *c = codec_create (level);

    MUST (c != NULL);
    for (i = 0; i < N_FILLERS; ++i) {
      fillers[i](grain, n);
      size = codec_deflate (c, grain, n, stream, sizeof stream);
      CHECK (size > 0);
      check_stream (stream, size, grain, n, back);
      /* Some rooms, and each of the last few. */
      for (room = 0; room < size; room += room + 50 < size ? 47 : 1) {
        memset (stream, 0xee, size + 16);
        CHECK_INT (codec_deflate (c, grain, n, stream, room), 0);
        CHECK_BYTES (stream + room, "\xee\xee\xee\xee\xee\xee\xee\xee", 8);
      }
    }
    codec_destroy (c);
  }
}

static void
sizes_that_are_no_grains_keep_the_bound (int level)
{
  static const size_t sizes[] = {
    0,     1,     2,     3,     511,   4097,   8191,   8193,   65534,
    65535, 65537, 66047, 98305, 99999, 131069, 131070, 131071, 700001
  };
  struct deflaters *p = deflaters_of (level);
  size_t i;

  fill_random (grain, MAX_GRAIN);
  for (i = 0; i < sizeof sizes / sizeof sizes[0]; ++i)
    deflate_it (p, sizes[i]);
  fill_text (grain, MAX_GRAIN);
  for (i = 0; i < sizeof sizes / sizeof sizes[0]; ++i)
    deflate_it (p, sizes[i]);
  deflaters_destroy (p);
}

static void
sizes_that_are_no_grains_keep_the_bound_of_all_levels (void)
{
  int level;

  for (level = 1; level <= DEFLATE_MAX_LEVEL; ++level)
    sizes_that_are_no_grains_keep_the_bound (level);
}

/* At least nine tenths of what zlib gains with the same level are gained, of
 * the first N_KINDS: nothing is taken for noise that has something to gain.
 */
static void
what_has_something_to_gain_is_not_stored (int level, size_t n_kinds)
{
  struct deflaters *p = deflaters_of (level);
  size_t n, i, k;

  for (n = 8192; n <= 2 * GRAIN; n *= 2)
    for (i = 1; i < n_kinds; ++i)
      for (k = 0; k < 8; ++k) {
        uLongf peer = sizeof stream;
        size_t mine;

        fillers[i](grain, n);
        MUST (compress2 (stream, &peer, grain, n, level) == Z_OK);
        CHECK (peer < n * 97 / 100);
        mine = deflate_it (p, n);
        CHECK (n - mine >= (n - peer) / 10 * 9);
        CHECK (mine < n);
      }
  deflaters_destroy (p);
}

static void
what_has_something_to_gain_is_not_stored_at_any_level (void)
{
  int level;

  for (level = 1; level < DEFLATE_DEFAULT_LEVEL; ++level)
    what_has_something_to_gain_is_not_stored (level, N_FILLERS - N_HIDDEN);
  what_has_something_to_gain_is_not_stored (DEFLATE_DEFAULT_LEVEL, N_FILLERS);
}

static void
higher_levels_make_less_of_text (void)
{
  size_t size[DEFLATE_MAX_LEVEL + 1];
  int level;

  fill_text (grain, GRAIN);
  for (level = 1; level <= DEFLATE_MAX_LEVEL; ++level) {
    struct deflaters *p = deflaters_of (level);

    size[level] = deflate_it (p, GRAIN);
    deflaters_destroy (p);
  }
  CHECK (size[6] < size[1]);
  CHECK (size[9] < size[6]);
  CHECK (size[12] <= size[9]);
}

static void
no_higher_level_makes_more_of_prose (void)
{
  size_t size, last = SIZE_MAX;
  int level;

  fill_prose (grain, GRAIN);
  for (level = 1; level <= DEFLATE_MAX_LEVEL; ++level) {
    struct deflaters *p = deflaters_of (level);

    size = deflate_it (p, GRAIN);
    CHECK (size <= last);
    last = size;
    deflaters_destroy (p);
  }
}

/* A thread's own part of the buffers. */
struct packer {
  pthread_t thread;
  struct deflaters *deflaters;
  unsigned char in[GRAIN], out[2 * GRAIN], back[GRAIN];
};

static void *
pack_many (void *opaque)
{
  struct packer *p = opaque;
  unsigned i;

  for (i = 0; i < 1000; ++i) {
    /* Small ones, so that the pool is busy. */
    const size_t n = i % 50 == 0 ? GRAIN : 512;
    size_t size;

    p->in[i % 512] += 1;
    size = deflate_stream (p->deflaters, p->in, n, p->out);
    check_stream (p->out, size, p->in, n, p->back);
  }
  return NULL;
}

static void
many_threads_pack_at_once (void)
{
  struct packer *packers = calloc (16, sizeof *packers);
  struct deflaters *p = deflaters_of (DEFLATE_DEFAULT_LEVEL);
  unsigned i;

  MUST (packers != NULL);
  for (i = 0; i < 16; ++i) {
    packers[i].deflaters = p;
    fillers[i % N_FILLERS](packers[i].in, GRAIN);
    MUST (pthread_create (&packers[i].thread, NULL, pack_many, &packers[i]) ==
          0);
  }
  for (i = 0; i < 16; ++i)
    pthread_join (packers[i].thread, NULL);
  deflaters_destroy (p);
  free (packers);
}

static void
the_crc_32_is_that_of_zip_files (void)
{
  size_t n;

  CHECK_INT (deflate_crc32 ("123456789", 9), 0xcbf43926);
  CHECK_INT (deflate_crc32 ("", 0), 0);
  fill_random (grain, 3000);
  for (n = 0; n < 3000; n += 7)
    CHECK_INT (deflate_crc32 (grain + n % 5, n), crc32 (0, grain + n % 5, n));
}

static void
destroying_nothing_is_legal (void)
{
  inflaters_destroy (NULL);
  deflaters_destroy (NULL);
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
  RUN (zlib_and_we_read_the_streams_of_all_levels_and_sizes);
  RUN (noise_of_any_grain_size_keeps_the_bound);
  RUN (a_stream_stays_in_its_room);
  RUN (sizes_that_are_no_grains_keep_the_bound_of_all_levels);
  RUN (what_has_something_to_gain_is_not_stored_at_any_level);
  RUN (higher_levels_make_less_of_text);
  RUN (no_higher_level_makes_more_of_prose);
  RUN (many_threads_pack_at_once);
  RUN (the_crc_32_is_that_of_zip_files);
  RUN (destroying_nothing_is_legal);

  inflaters_destroy (inflaters);
  return test_result ();
}
