/* SPDX-License-Identifier: BSD-3-Clause */
/* From the parameters to the directories that the files of a disk may come
 * from: what the user has named, nothing else.
 */

#include <config.h>

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "cleanup.h"
#include "dir.h"
#include "params.h"
#include "places.h"

static int
add_directory (struct places *places, const char *path, unsigned flags)
{
  places->dirs[places->n] = dir_posix_open (path, flags);
  return places->dirs[places->n++] ? 0 : -1;
}

/* Open the directory that the file at PATH is in, and add it to PLACES. */
static int
add_directory_of (struct places *places, const char *path, unsigned flags)
{
  CLEANUP_FREE char *copy = strdup (path);

  if (copy == NULL) {
    nbdkit_error ("%s: %m", path);
    return -1;
  }
  return add_directory (places, dirname (copy), flags);
}

int
places_open (struct places *places, const char *path, unsigned flags)
{
  CLEANUP_FREE char *target = NULL;
  struct stat st;
  size_t i;

  places->n = 0;
  places->dirs = calloc (3 + params.search.count, sizeof places->dirs[0]);
  if (places->dirs == NULL) {
    nbdkit_error ("%s: %m", path);
    return -1;
  }
  if (add_directory_of (places, path, flags) == -1)
    return -1;
  if (lstat (path, &st) == 0 && S_ISLNK (st.st_mode)) {
    target = realpath (path, NULL);
    if (target && add_directory_of (places, target, flags) == -1)
      return -1;
  }
  for (i = 0; i < params.search.count; ++i)
    if (add_directory (places, params.search.items[i], flags) == -1)
      return -1;
  /* The user's word too; else the new child could not be served at once. */
  return params.create && params.create_parent
           ? add_directory_of (places, params.create_parent, flags)
           : 0;
}

void
places_close (struct places *places)
{
  size_t i;

  for (i = 0; i < places->n; ++i)
    dir_close (places->dirs[i]);
  free (places->dirs);
  *places = (struct places){ NULL, 0 };
}
