/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests for an NBD server, as many as it takes for a time or a number of
 * them, and how fast they were answered.
 *
 * usage: load [KEY=VALUE...] URI
 *        load [KEY=VALUE...] -- COMMAND...
 *
 * The second form starts the server itself, with a socket that is already
 * listened to, and its time begins with that: how long until the first answer.
 *
 * op=read|write|zero|trim|status|mixed   mixed: 7 of 10 are reads
 * order=forward|random|grains   forward: one block after the other; random:
 *               any of them; grains: each of a random grain's first block
 *               once, in random order
 * block=BYTES   of one request (4096)
 * grain=BYTES   for order=grains (65536)
 * start=, size= the part of the disk that requests are for (all)
 * depth=N       requests under way on each connection (16)
 * connections=N (1)
 * seconds=S     stop then; without it, when every block has had its turn
 * requests=N    stop after so many
 * places=N      order=random: only at so many places, evenly spread
 * flush=1       flush at the end, in the time
 *
 * prints as JSON: requests, bytes, seconds, and the processor time it took
 * itself.  What it writes is never zero, and the same each time.
 */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <libnbd.h>

#define MAX_CONNECTIONS 64

enum op { READ, WRITE, ZERO, TRIM, STATUS, MIXED };
enum order { FORWARD, RANDOM, GRAINS };

/* The options; written before the threads start. */
static enum op op = READ;
static enum order order = FORWARD;
static uint64_t block = 4096, grain = 65536, start, size, places;
static uint64_t max_requests = UINT64_MAX;
static unsigned depth = 16, connections = 1;
static double seconds;
static bool flush_at_end;
static const char *uri;
static char **command;

static uint64_t blocks;  /* that requests may be for */
static uint64_t *turn;   /* order=grains: a permutation of them */
static double stop_time; /* 0: never */
static atomic_uint_fast64_t next_turn, done_requests, done_bytes;

static void
die (const char *what)
{
  fprintf (stderr, "load: %s\n", what);
  exit (EXIT_FAILURE);
}

static void
die_nbd (void)
{
  die (nbd_get_error ());
}

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

/* xorshift64*, one state for each thread. */
static uint64_t
random_below (uint64_t *state, uint64_t n)
{
  uint64_t x = *state;

  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return (unsigned __int128) (x * UINT64_C (2685821657736338717)) * n >> 64;
}

/* ---- requests ---- */

struct client;

struct slot {
  struct client *client;
  bool busy;
  uint64_t count;
  void *buf;
};

struct client {
  pthread_t thread;
  struct nbd_handle *nbd;
  uint64_t random;
  struct slot *slots;
  unsigned busy;
  bool ended;
};

static int
finished (void *opaque, int *error)
{
  struct slot *s = opaque;

  if (*error != 0) {
    errno = *error;
    perror ("load: a request failed");
    exit (EXIT_FAILURE);
  }
  s->busy = false;
  s->client->busy--;
  atomic_fetch_add_explicit (&done_requests, 1, memory_order_relaxed);
  atomic_fetch_add_explicit (&done_bytes, s->count, memory_order_relaxed);
  return 1;
}

/* The offset of the next request, or false if that was all. */
static bool
choose (struct client *c, uint64_t *offset)
{
  uint64_t n = atomic_fetch_add_explicit (&next_turn, 1, memory_order_relaxed);

  if (n >= max_requests || (stop_time != 0 && now () >= stop_time))
    return false;
  if (n >= blocks && (stop_time == 0 || order == GRAINS))
    return false;
  switch (order) {
  case FORWARD: *offset = n % blocks * block; break;
  case RANDOM:
    *offset = places
                ? random_below (&c->random, places) * (blocks / places) * block
                : random_below (&c->random, blocks) * block;
    break;
  default: *offset = turn[n] * grain; break;
  }
  *offset += start;
  return true;
}

static int64_t
send_request (struct client *c, struct slot *s, uint64_t offset)
{
  const nbd_completion_callback done = { .callback = finished, .user_data = s };
  enum op what = op;

  if (what == MIXED)
    what = random_below (&c->random, 10) < 7 ? READ : WRITE;
  switch (what) {
  case READ: return nbd_aio_pread (c->nbd, s->buf, s->count, offset, done, 0);
  case WRITE: return nbd_aio_pwrite (c->nbd, s->buf, s->count, offset, done, 0);
  case ZERO: return nbd_aio_zero (c->nbd, s->count, offset, done, 0);
  default: return nbd_aio_trim (c->nbd, s->count, offset, done, 0);
  }
}

static void
fill_slots (struct client *c)
{
  uint64_t offset;
  unsigned i;

  for (i = 0; i < depth && !c->ended; ++i) {
    struct slot *s = &c->slots[i];

    if (s->busy)
      continue;
    if (!choose (c, &offset)) {
      c->ended = true;
      break;
    }
    s->count = block;
    s->busy = true;
    c->busy++;
    if (send_request (c, s, offset) == -1)
      die_nbd ();
  }
}

/* ---- block status: one request at a time ---- */

static int
extents (void *opaque, const char *context, uint64_t offset, uint32_t *entries,
         size_t n, int *error)
{
  uint64_t *end = opaque;
  size_t i;

  (void) context;
  (void) error;
  *end = offset;
  for (i = 0; i < n; i += 2)
    *end += entries[i];
  return 0;
}

static void
ask_status (struct client *c)
{
  const uint64_t end = start + size;
  uint64_t offset = start, next;

  while (offset < end && (stop_time == 0 || now () < stop_time)) {
    uint64_t n =
      end - offset < UINT32_MAX - 65535 ? end - offset : UINT32_MAX - 65535;

    next = offset;
    if (nbd_block_status (
          c->nbd, n, offset,
          (nbd_extent_callback){ .callback = extents, .user_data = &next },
          0) == -1)
      die_nbd ();
    if (next <= offset)
      die ("the server says nothing about block status");
    atomic_fetch_add (&done_requests, 1);
    atomic_fetch_add (&done_bytes, (next < end ? next : end) - offset);
    offset = next;
  }
}

/* ---- clients ---- */

static void *
work (void *opaque)
{
  struct client *c = opaque;

  if (op == STATUS) {
    ask_status (c);
    return NULL;
  }
  for (;;) {
    fill_slots (c);
    if (c->busy == 0)
      return NULL;
    if (nbd_poll (c->nbd, -1) == -1)
      die_nbd ();
  }
}

static void
connect_client (struct client *c, unsigned number)
{
  unsigned i;
  size_t b;

  c->nbd = nbd_create ();
  if (c->nbd == NULL)
    die_nbd ();
  if (op == STATUS &&
      nbd_add_meta_context (c->nbd, LIBNBD_CONTEXT_BASE_ALLOCATION) == -1)
    die_nbd ();
  if ((uri ? nbd_connect_uri (c->nbd, uri)
           : nbd_connect_systemd_socket_activation (c->nbd, command)) == -1)
    die_nbd ();
  c->random = 88172645463325252u + number * 7919u;
  c->slots = calloc (depth, sizeof *c->slots);
  for (i = 0; i < depth; ++i) {
    c->slots[i].client = c;
    c->slots[i].buf = malloc (block);
    if (c->slots[i].buf == NULL)
      die ("no memory");
    for (b = 0; b < block; ++b)
      ((unsigned char *) c->slots[i].buf)[b] = 1 + (b * 31 + i) % 255;
  }
}

static void
shuffle (void)
{
  uint64_t state = 42, i, j, t;

  turn = malloc (blocks * sizeof *turn);
  if (turn == NULL)
    die ("no memory");
  for (i = 0; i < blocks; ++i)
    turn[i] = i;
  for (i = blocks; i > 1; --i) {
    j = random_below (&state, i);
    t = turn[i - 1];
    turn[i - 1] = turn[j];
    turn[j] = t;
  }
}

static void
run (struct client *clients)
{
  double began = now (), took;
  struct rusage usage;
  unsigned i;

  for (i = 0; i < connections; ++i)
    connect_client (&clients[i], i);
  if (size == 0)
    size = nbd_get_size (clients[0].nbd) - start;
  blocks = size / (order == GRAINS ? grain : block);
  if (blocks == 0 || (places && blocks < places))
    die ("that part of the disk is too small");
  if (order == GRAINS)
    shuffle ();
  if (uri)
    began = now ();
  if (seconds > 0)
    stop_time = began + seconds;
  for (i = 0; i < connections; ++i)
    if (pthread_create (&clients[i].thread, NULL, work, &clients[i]) != 0)
      die ("cannot start a thread");
  for (i = 0; i < connections; ++i)
    pthread_join (clients[i].thread, NULL);
  if (flush_at_end && nbd_flush (clients[0].nbd, 0) == -1)
    die_nbd ();
  took = now () - began;
  getrusage (RUSAGE_SELF, &usage);
  printf ("{\"requests\": %lu, \"bytes\": %lu, \"seconds\": %.6f, "
          "\"cpu\": %.6f}\n",
          (unsigned long) done_requests, (unsigned long) done_bytes, took,
          usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
            (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
  for (i = 0; i < connections; ++i) {
    nbd_shutdown (clients[i].nbd, 0);
    nbd_close (clients[i].nbd);
  }
}

/* ---- options ---- */

static int
word_index (const char *value, const char *const *words)
{
  int i;

  for (i = 0; words[i]; ++i)
    if (strcmp (value, words[i]) == 0)
      return i;
  die ("a value is none of those that there are: see the head of load.c");
  return -1;
}

static void
option (char *text)
{
  static const char *const ops[] = { "read",   "write", "zero", "trim",
                                     "status", "mixed", NULL };
  static const char *const orders[] = { "forward", "random", "grains", NULL };
  static const struct {
    const char *name;
    uint64_t *to;
  } numbers[] = { { "block", &block },   { "grain", &grain },
                  { "start", &start },   { "size", &size },
                  { "places", &places }, { "requests", &max_requests } };
  char *value = strchr (text, '=');
  size_t i;

  if (value == NULL)
    die ("an option without '='");
  *value++ = '\0';
  for (i = 0; i < sizeof numbers / sizeof numbers[0]; ++i)
    if (strcmp (text, numbers[i].name) == 0) {
      *numbers[i].to = strtoull (value, NULL, 0);
      return;
    }
  if (strcmp (text, "op") == 0)
    op = word_index (value, ops);
  else if (strcmp (text, "order") == 0)
    order = word_index (value, orders);
  else if (strcmp (text, "depth") == 0)
    depth = strtoul (value, NULL, 0);
  else if (strcmp (text, "connections") == 0)
    connections = strtoul (value, NULL, 0);
  else if (strcmp (text, "seconds") == 0)
    seconds = strtod (value, NULL);
  else if (strcmp (text, "flush") == 0)
    flush_at_end = strcmp (value, "0") != 0;
  else
    die ("an unknown option");
}

int
main (int argc, char **argv)
{
  static struct client clients[MAX_CONNECTIONS];
  int i;

  for (i = 1; i < argc && strcmp (argv[i], "--") != 0; ++i) {
    if (i == argc - 1)
      uri = argv[i];
    else
      option (argv[i]);
  }
  if (uri == NULL && i + 1 < argc)
    command = argv + i + 1;
  if ((uri == NULL && command == NULL) || connections < 1 ||
      connections > MAX_CONNECTIONS || depth < 1 || block < 1)
    die ("usage: load [KEY=VALUE...] URI; see the head of load.c");
  run (clients);
  return 0;
}
