/* SPDX-License-Identifier: BSD-3-Clause */
/* Many threads use one disk at once, best under a thread sanitizer (see
 * test-tsan.sh).
 *
 * Every byte that a thread writes tells where it belongs and who wrote it, so
 * that a byte that turns up elsewhere is found.  The disk is cut in three:
 *
 *   shared grains   each writer has its own bytes of every grain
 *   given grains    written whole, zeroed, given up and taken again
 *   quiet grains    never written to: they are read through the parent
 *
 * VMDK_STRESS_SECONDS=N lets it run N seconds.
 */

#include <config.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "disks.h"
#include "test.h"

#define SECONDS       10 /* of all kinds together */
#define KINDS         8
#define WRITERS       3
#define SHARED_GRAINS 40
#define GIVEN_GRAINS  40
#define S             512

static struct test_disk t;
static bool stop;      /* atomic */
static uint64_t n_ops; /* atomic */
static const unsigned char *initial;

/* What the shared grains must hold at the end: each writer notes its own. */
static unsigned char *shared;

static __thread uint64_t seed;

/* test_random is for one thread. */
static uint64_t
draw (uint64_t below)
{
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed % below;
}

static bool
goes_on (void)
{
  __atomic_fetch_add (&n_ops, 1, __ATOMIC_RELAXED);
  return !__atomic_load_n (&stop, __ATOMIC_RELAXED);
}

/* Called between the map and the read of what it says. */
static void
linger (uint64_t offset, size_t count)
{
  (void) offset;
  (void) count;
  if (draw (8) == 0)
    usleep (draw (300));
}

/* Called in the middle of what has several steps. */
static void
dawdle (struct host *h)
{
  (void) h;
  if (draw (8) == 0)
    usleep (draw (100));
}

/* ---- shared grains: disjoint bytes ----
 *
 * The grain is cut in pieces of odd lengths, which belong to the writers in
 * turn.
 */

static uint64_t
piece_length (void)
{
  return t.grain / 13 + 1;
}

static void *
shared_writer (void *arg)
{
  const unsigned who = (uintptr_t) arg;
  const uint64_t length = piece_length ();
  unsigned char bytes[16384];

  seed = who + 1;
  while (goes_on ()) {
    const uint64_t g = draw (SHARED_GRAINS);
    const uint64_t piece = draw (13 / WRITERS) * WRITERS + who;
    const uint64_t at = piece * length;
    uint64_t n = at + length > t.grain ? t.grain - at : length;

    if (at >= t.grain)
      continue;
    memset (bytes, draw (256), n);
    if (draw (8) == 0) {
      memset (bytes, 0, n);
      CHECK_INT (disk_zero (t.disk, n, g * t.grain + at, DISK_FREE), 0);
    }
    else
      CHECK_INT (disk_pwrite (t.disk, bytes, n, g * t.grain + at, 0), 0);
    memcpy (shared + g * t.grain + at, bytes, n);
  }
  return NULL;
}

/* ---- given grains: whole, or zero ---- */

static uint64_t
given_at (uint64_t g)
{
  return (SHARED_GRAINS + g) * (uint64_t) t.grain;
}

/* Every eight bytes say where they are. */
static void
fill (unsigned char *bytes, uint64_t offset, size_t count)
{
  size_t i;
  uint64_t tag;

  for (i = 0; i < count; i += sizeof tag) {
    tag = (offset + i) | UINT64_C (0x5ea1) << 48;
    memcpy (bytes + i, &tag, sizeof tag);
  }
}

static void *
given_writer (void *arg)
{
  unsigned char bytes[4 * 16384];

  seed = (uintptr_t) arg + 100;
  while (goes_on ()) {
    const uint64_t g = draw (GIVEN_GRAINS - 3), n = 1 + draw (4);

    fill (bytes, given_at (g), n * t.grain);
    if (draw (2))
      CHECK_INT (disk_pwrite (t.disk, bytes, n * t.grain, given_at (g), 0), 0);
    else
      CHECK_INT (disk_zero (t.disk, n * t.grain, given_at (g), DISK_FREE), 0);
  }
  return NULL;
}

/* Each eight bytes are tagged, or zero, or as in the beginning. */
static void
check_given (const unsigned char *bytes, uint64_t offset, size_t count)
{
  static const unsigned char zeroes[8];
  unsigned char tag[8];
  size_t i;

  for (i = 0; i < count; i += 8) {
    fill (tag, offset + i, 8);
    if (memcmp (bytes + i, tag, 8) != 0 && memcmp (bytes + i, zeroes, 8) != 0 &&
        memcmp (bytes + i, initial + offset + i, 8) != 0) {
      uint64_t foreign;

      memcpy (&foreign, bytes + i, 8);
      CHECK_INT (foreign, offset + i);
      return;
    }
  }
}

static void *
reader (void *arg)
{
  unsigned char bytes[4 * 16384];
  const uint64_t quiet = given_at (GIVEN_GRAINS);

  seed = (uintptr_t) arg + 200;
  while (goes_on ()) {
    const uint64_t at = given_at (draw (GIVEN_GRAINS - 3));
    const size_t n = (1 + draw (4)) * t.grain;

    CHECK_INT (disk_pread (t.disk, bytes, n, at), 0);
    check_given (bytes, at, n);
    CHECK_INT (disk_pread (t.disk, bytes, t.grain, quiet), 0);
    CHECK_BYTES (bytes, initial + quiet, t.grain);
  }
  return NULL;
}

static int
count_parts (void *opaque, uint64_t offset, uint64_t length, bool zero)
{
  (void) offset;
  (void) zero;
  *(uint64_t *) opaque += length;
  return 0;
}

static void *
flusher (void *arg)
{
  uint64_t length;

  seed = (uintptr_t) arg + 300;
  while (goes_on ()) {
    CHECK_INT (disk_flush (t.disk), 0);
    length = 0;
    CHECK_INT (disk_status (t.disk, t.size, 0, false, count_parts, &length), 0);
    CHECK (length > 0);
    usleep (draw (2000));
  }
  return NULL;
}

/* ---- a disk of one kind ---- */

static void
hammer (double seconds)
{
  static void *(*const threads[]) (void *) = {
    shared_writer, shared_writer, shared_writer, given_writer,
    given_writer,  reader,        reader,        flusher,
  };
  pthread_t ids[8];
  unsigned i;

  __atomic_store_n (&stop, false, __ATOMIC_RELAXED);
  for (i = 0; i < 8; ++i)
    MUST (pthread_create (&ids[i], NULL, threads[i], (void *) (uintptr_t) i) ==
          0);
  usleep (seconds * 1e6);
  __atomic_store_n (&stop, true, __ATOMIC_RELAXED);
  for (i = 0; i < 8; ++i)
    pthread_join (ids[i], NULL);
}

static void
check_end (void)
{
  const size_t n = (size_t) SHARED_GRAINS * t.grain;
  unsigned char *bytes = malloc (t.size);

  MUST (bytes != NULL);
  CHECK_INT (disk_pread (t.disk, bytes, t.size, 0), 0);
  CHECK_BYTES (bytes, shared, n);
  check_given (bytes + n, n, (size_t) GIVEN_GRAINS * t.grain);
  free (bytes);
}

static void
run (enum disk_kind kind)
{
  const char *text = getenv ("VMDK_STRESS_SECONDS");
  const double seconds = text ? strtod (text, NULL) : SECONDS;
  const char *damage;

  test_disk_make (&t, kind);
  t.host->keeps_log = false;
  t.host->before_read = linger;
  t.host->meanwhile = dawdle;
  seed = 1;
  initial = t.model.initial;
  shared = malloc ((size_t) SHARED_GRAINS * t.grain);
  MUST (shared != NULL);
  memcpy (shared, initial, (size_t) SHARED_GRAINS * t.grain);
  MUST (given_at (GIVEN_GRAINS + 1) <= t.size);
  MUST (test_disk_open (&t, true));
  hammer (seconds / KINDS);
  check_end ();
  CHECK_INT (test_disk_close (&t), 0);
  damage = test_disk_walk (&t, t.host, true);
  CHECK_STRING (damage ? damage : "", "");
  CHECK_SILENT ();
  MUST (test_disk_open (&t, false));
  check_end ();
  test_disk_close (&t);
  free (shared);
  test_disk_free (&t);
}

static void
a_sparse_disk (void)
{
  run (DISK_SPARSE);
}

static void
a_disk_with_absent_tables (void)
{
  run (DISK_SPARSE_NO_TABLES);
}

static void
a_split_disk (void)
{
  run (DISK_SPLIT);
}

static void
a_child (void)
{
  run (DISK_CHILD_OF_SPARSE);
}

static void
a_cowd_child (void)
{
  run (DISK_COWD_NO_TABLES);
}

static void
a_flat_disk (void)
{
  run (DISK_FLAT);
}

/* With little memory: what is held is written by those who come next. */
static void
a_stream_optimized_disk (void)
{
  run (DISK_STREAM_EMPTY);
}

static void
a_stream_optimized_child (void)
{
  run (DISK_STREAM_CHILD_OF_SPARSE);
}

int
main (void)
{
  RUN (a_sparse_disk);
  RUN (a_disk_with_absent_tables);
  RUN (a_split_disk);
  RUN (a_child);
  RUN (a_cowd_child);
  RUN (a_flat_disk);
  RUN (a_stream_optimized_disk);
  RUN (a_stream_optimized_child);
  printf ("%" PRIu64 " requests\n", n_ops);
  return test_result ();
}
