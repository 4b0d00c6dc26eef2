/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs a fuzzer's target over files, and over all files of directories, with
 * any compiler: for 'make check', and to look at a crasher.  With
 * VMDK_FUZZ_VERBOSE=1 it says which file is next.
 */

#include <config.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "test.h"

static unsigned replayed;

static void
replay_file (const char *path, size_t size)
{
  /* Exactly as large, so that a sanitizer sees a look behind it. */
  uint8_t *bytes = malloc (size ? size : 1);
  FILE *f = fopen (path, "rb");

  MUST (bytes != NULL && f != NULL);
  MUST (fread (bytes, 1, size, f) == size);
  fclose (f);
  if (getenv ("VMDK_FUZZ_VERBOSE"))
    fprintf (stderr, "%s\n", path);
  LLVMFuzzerTestOneInput (bytes, size);
  free (bytes);
  replayed++;
}

static void replay (const char *path);

static void
replay_directory (const char *path)
{
  DIR *d = opendir (path);
  const struct dirent *e;

  MUST (d != NULL);
  while ((e = readdir (d)) != NULL) {
    char name[4096];

    if (e->d_name[0] == '.')
      continue;
    MUST ((size_t) snprintf (name, sizeof name, "%s/%s", path, e->d_name) <
          sizeof name);
    replay (name);
  }
  closedir (d);
}

static void
replay (const char *path)
{
  struct stat st;

  if (stat (path, &st) == -1) {
    perror (path);
    exit (99);
  }
  if (S_ISDIR (st.st_mode))
    replay_directory (path);
  else
    replay_file (path, st.st_size);
}

int
main (int argc, char *argv[])
{
  int i;

  for (i = 1; i < argc; ++i)
    replay (argv[i]);
  printf ("%s: %u inputs\n", argv[0], replayed);
  return replayed == 0;
}
