/* SPDX-License-Identifier: BSD-3-Clause */
/* How fast the library alone packs and unpacks the grains of a raw disk: the
 * limit of a server that uses it, but for grains that such a server finds out
 * early to be incompressible.
 *
 * usage: deflate FILE LEVEL THREADS
 * prints: seconds to pack, bytes packed, seconds to unpack
 *
 * LEVEL is one of libdeflate's; below 0 it is one of ISA-L's, which packs then.
 * libdeflate always unpacks.
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <isa-l.h>
#include <libdeflate.h>

#define GRAIN 65536

struct packed {
  size_t size; /* 0: a grain of zeroes */
  void *data;
};

/* Written before the threads start, but for next and each thread's own
 * elements of grains.
 */
static const uint8_t *disk;
static size_t count; /* grains */
static struct packed *grains;
static int level;
static atomic_size_t next;

static void
die (const char *what)
{
  perror (what);
  exit (EXIT_FAILURE);
}

static bool
is_zero (const uint8_t *p)
{
  return p[0] == 0 && memcmp (p, p + 1, GRAIN - 1) == 0;
}

static void *
pack (void *unused)
{
  struct libdeflate_compressor *c = libdeflate_alloc_compressor (level);
  const size_t bound = libdeflate_zlib_compress_bound (c, GRAIN);
  void *out = malloc (bound);
  size_t i;

  if (c == NULL || out == NULL)
    die ("malloc");
  while ((i = next++) < count) {
    const uint8_t *in = disk + i * GRAIN;
    struct packed *g = &grains[i];

    if (is_zero (in))
      continue;
    g->size = libdeflate_zlib_compress (c, in, GRAIN, out, bound);
    g->data = malloc (g->size);
    if (g->size == 0 || g->data == NULL)
      die ("pack");
    memcpy (g->data, out, g->size);
  }
  free (out);
  libdeflate_free_compressor (c);
  return unused;
}

/* The same with ISA-L. */
static void *
pack_isal (void *unused)
{
  const size_t bound = GRAIN + 1024;
  const uint32_t room = ISAL_DEF_LVL3_DEFAULT;
  uint8_t *out = malloc (bound), *buffer = malloc (room);
  size_t i;

  if (out == NULL || buffer == NULL)
    die ("malloc");
  while ((i = next++) < count) {
    uint8_t *in = (uint8_t *) (uintptr_t) disk + i * GRAIN;
    struct packed *g = &grains[i];
    struct isal_zstream z;

    if (is_zero (in))
      continue;
    isal_deflate_stateless_init (&z);
    z.level = (uint32_t) -level;
    z.level_buf = buffer;
    z.level_buf_size = room;
    z.gzip_flag = IGZIP_ZLIB;
    z.end_of_stream = 1;
    z.next_in = in;
    z.avail_in = GRAIN;
    z.next_out = out;
    z.avail_out = (uint32_t) bound;
    if (isal_deflate_stateless (&z) != COMP_OK)
      die ("pack");
    g->size = z.total_out;
    g->data = malloc (g->size);
    if (g->data == NULL)
      die ("malloc");
    memcpy (g->data, out, g->size);
  }
  free (buffer);
  free (out);
  return unused;
}

static void *
unpack (void *unused)
{
  struct libdeflate_decompressor *d = libdeflate_alloc_decompressor ();
  void *out = malloc (GRAIN);
  size_t i;

  if (d == NULL || out == NULL)
    die ("malloc");
  while ((i = next++) < count) {
    const struct packed *g = &grains[i];

    if (g->size > 0 &&
        libdeflate_zlib_decompress (d, g->data, g->size, out, GRAIN, NULL) !=
          LIBDEFLATE_SUCCESS)
      die ("unpack");
  }
  free (out);
  libdeflate_free_decompressor (d);
  return unused;
}

/* Run WORK in THREADS threads; how many seconds it took. */
static double
measure (void *(*work) (void *), int threads)
{
  pthread_t *t = calloc ((size_t) threads, sizeof *t);
  struct timespec a, b;

  if (t == NULL)
    die ("calloc");
  next = 0;
  clock_gettime (CLOCK_MONOTONIC, &a);
  for (int i = 0; i < threads; ++i) {
    if (pthread_create (&t[i], NULL, work, NULL) != 0)
      die ("pthread_create");
  }
  for (int i = 0; i < threads; ++i)
    pthread_join (t[i], NULL);
  clock_gettime (CLOCK_MONOTONIC, &b);
  free (t);
  return (double) (b.tv_sec - a.tv_sec) +
         (double) (b.tv_nsec - a.tv_nsec) / 1e9;
}

int
main (int argc, char *argv[])
{
  const int fd = argc == 4 ? open (argv[1], O_RDONLY | O_CLOEXEC) : -1;
  struct stat st;
  double packing, unpacking;
  size_t total = 0;

  if (fd == -1 || fstat (fd, &st) == -1)
    die ("usage: deflate FILE LEVEL THREADS");
  level = atoi (argv[2]);
  count = (size_t) st.st_size / GRAIN;
  disk = mmap (NULL, count * GRAIN, PROT_READ, MAP_SHARED, fd, 0);
  grains = calloc (count, sizeof *grains);
  if (disk == MAP_FAILED || grains == NULL)
    die (argv[1]);
  packing = measure (level < 0 ? pack_isal : pack, atoi (argv[3]));
  unpacking = measure (unpack, atoi (argv[3]));
  for (size_t i = 0; i < count; ++i)
    total += grains[i].size;
  printf ("%.6f %zu %.6f\n", packing, total, unpacking);
  return EXIT_SUCCESS;
}
