/* SPDX-License-Identifier: BSD-3-Clause */
/* The program around the core, for unit tests: it records what the core
 * reports, runs tests and prints what went wrong.
 */

#include <config.h>

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"
#include "test.h"

int vmdk_debug_chain, vmdk_debug_map;

/* ---- reports ---- */

/* No allocation in here: test-open-fails.c makes allocations fail. */
struct log {
  unsigned count;
  size_t length;
  char text[16384]; /* what does not fit is counted, but not kept */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct log error_log, warning_log;

static void __attribute__ ((__format__ (__printf__, 2, 0)))
log_add (struct log *log, const char *fmt, va_list args)
{
  const int saved = errno;
  size_t room;
  int n;

  pthread_mutex_lock (&lock);
  room = sizeof log->text - log->length;
  errno = saved; /* for %m */
  n = vsnprintf (log->text + log->length, room, fmt, args);
  if (n >= 0 && (size_t) n + 1 < room) {
    log->length += n;
    strcpy (log->text + log->length++, "\n");
  }
  else
    log->text[log->length] = '\0';
  log->count++;
  pthread_mutex_unlock (&lock);
  errno = saved;
}

void
report_error (const char *fmt, ...)
{
  va_list args;

  va_start (args, fmt);
  log_add (&error_log, fmt, args);
  va_end (args);
}

void
report_warning (const char *fmt, ...)
{
  va_list args;

  va_start (args, fmt);
  log_add (&warning_log, fmt, args);
  va_end (args);
}

void
report_debug (const char *fmt, ...)
{
  (void) fmt;
}

unsigned
n_errors (void)
{
  return error_log.count;
}

unsigned
n_warnings (void)
{
  return warning_log.count;
}

const char *
errors (void)
{
  return error_log.text;
}

const char *
warnings (void)
{
  return warning_log.text;
}

static void
log_forget (struct log *log)
{
  log->count = 0;
  log->length = 0;
  log->text[0] = '\0';
}

void
reports_forget (void)
{
  log_forget (&error_log);
  log_forget (&warning_log);
}

/* ---- checks ---- */

/* Of one test; the rest would say the same. */
#define MAX_PRINTED 10

static unsigned failures;        /* of all tests */
static unsigned failures_before; /* when this test began */
static const char *test_name = "";

/* True if this failure is to be printed. */
static bool
fail (const char *file, int line)
{
  unsigned n = __atomic_add_fetch (&failures, 1, __ATOMIC_RELAXED);
  const char *slash = strrchr (file, '/');

  if (n - failures_before > MAX_PRINTED)
    return false;
  fprintf (stderr, "%s:%d: %s: ", slash ? slash + 1 : file, line, test_name);
  return true;
}

void
test_check (const char *file, int line, bool good, const char *what)
{
  if (!good && fail (file, line))
    fprintf (stderr, "expected %s\n", what);
}

void
test_check_int (const char *file, int line, const char *what, int64_t actual,
                int64_t expected)
{
  if (actual != expected && fail (file, line))
    fprintf (stderr, "%s: expected %" PRId64 ", found %" PRId64 "\n", what,
             expected, actual);
}

void
test_check_string (const char *file, int line, const char *what,
                   const char *actual, const char *expected)
{
  if ((actual == NULL || strcmp (actual, expected) != 0) && fail (file, line))
    fprintf (stderr, "%s: expected \"%s\", found \"%s\"\n", what, expected,
             actual ? actual : "(null)");
}

void
test_check_has (const char *file, int line, const char *what,
                const char *actual, const char *part)
{
  if ((actual == NULL || strstr (actual, part) == NULL) && fail (file, line))
    fprintf (stderr, "%s: expected \"%s\" in \"%s\"\n", what, part,
             actual ? actual : "(null)");
}

void
test_check_bytes (const char *file, int line, const char *what,
                  const void *actual, const void *expected, size_t n)
{
  const unsigned char *a = actual, *e = expected;
  size_t i = 0;

  while (i < n && a[i] == e[i])
    ++i;
  if (i < n && fail (file, line))
    fprintf (stderr, "%s: byte %zu of %zu: expected %02x, found %02x\n", what,
             i, n, e[i], a[i]);
}

void
test_give_up (const char *file, int line, const char *what)
{
  fprintf (stderr, "%s:%d: %s: the test cannot go on without %s (%s)\n%s", file,
           line, test_name, what, strerror (errno), errors ());
  exit (99);
}

/* ---- tests ---- */

void
test_run (const char *name, void (*test) (void))
{
  test_name = name;
  failures_before = failures;
  reports_forget ();
  test_random_seed (1);
  test ();
  printf ("%s: %s\n", failures == failures_before ? "ok" : "FAILED", name);
  fflush (stdout);
}

int
test_result (void)
{
  return failures > 0;
}

unsigned
test_failures (void)
{
  return failures;
}

/* ---- around a test ---- */

static char directory[PATH_MAX];

const char *
test_directory (void)
{
  const char *tmp = getenv ("TMPDIR");
  char name[PATH_MAX];

  snprintf (name, sizeof name, "%s/vmdk-test-XXXXXX", tmp ? tmp : "/tmp");
  MUST (mkdtemp (name) != NULL);
  MUST (realpath (name, directory) != NULL);
  MUST (chmod (directory, 0755) == 0);
  return directory;
}

void
test_directory_remove (void)
{
  char command[PATH_MAX + 64];

  /* The name is ours, or $TMPDIR's. */
  snprintf (command, sizeof command,
            "cd '%s' && chmod -R u+rwx . && rm -rf \"$PWD\"", directory);
  if (system (command) != 0)
    perror (directory);
}

void
test_as_nobody (void (*check) (void))
{
  int status = 0;
  pid_t child;

  if (geteuid () != 0) {
    check ();
    return;
  }
  fflush (stdout);
  child = fork ();
  MUST (child >= 0);
  if (child == 0) {
    const unsigned before = failures;

    MUST (setgroups (0, NULL) == 0 && setgid (TEST_NOBODY) == 0 &&
          setuid (TEST_NOBODY) == 0);
    check ();
    fflush (stdout);
    _exit (failures > before ? EXIT_FAILURE : EXIT_SUCCESS);
  }
  MUST (waitpid (child, &status, 0) == child);
  CHECK_INT (status, 0);
}

/* ---- random numbers: xorshift64* ---- */

static uint64_t random_state = 1;

void
test_random_seed (uint64_t seed)
{
  random_state = seed * UINT64_C (0x9e3779b97f4a7c15) | 1;
}

uint64_t
test_random (void)
{
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * UINT64_C (0x2545f4914f6cdd1d) >> 16;
}
