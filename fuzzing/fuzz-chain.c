/* SPDX-License-Identifier: BSD-3-Clause */
/* Open a chain of links over a directory of several files, read all that is
 * feasible of it.  The first byte of the script has the options.
 */

#include <config.h>

#include "check.h"
#include "input.h"
#include "test.h"

enum { SINGLE_LINK = 1, IGNORE_CID = 2, REFUSE_IN_USE = 4, SEARCH = 8 };

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct dir *dirs[2];
  struct disk_options o = { .places = { dirs, 1 },
                            .cache_size = DISK_MIN_CACHE_SIZE };
  struct input in;
  struct disk *d;
  unsigned how;

  reports_forget ();
  input_split (&in, data, size);
  how = input_script (&in, 0);
  o.single_link = how & SINGLE_LINK;
  o.ignore_cid = how & IGNORE_CID;
  o.refuse_in_use = how & REFUSE_IN_USE;
  o.places.n = how & SEARCH ? 2 : 1;
  dirs[0] = input_dir (&in);
  dirs[1] = input_dir (&in);
  d = input_open (dirs[0], &o);
  if (d) {
    HOLDS (d->n_links >= 1 && d->n_links <= MAX_LINKS);
    HOLDS (!o.single_link || d->n_links == 1);
    check_reading (d);
    HOLDS (disk_close (d) == 0);
  }
  check_result (false);
  dir_close (dirs[0]);
  dir_close (dirs[1]);
  input_free (&in);
  return 0;
}
