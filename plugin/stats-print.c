/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of -D vmdk.stats=1: a line for each thing that was done at all.
 *
 * It goes to stderr by itself.  nbdkit's debug messages exist only with -v,
 * which adds several lines to each request: that would change what is measured.
 */

#include <config.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "stats-print.h"
#include "stats.h"

NBDKIT_DLL_PUBLIC int vmdk_debug_stats;

static void
print_row (const struct stats_text *text, struct stats_total total)
{
  fprintf (stderr, "%-8s  %-18s %12" PRIu64, text->group, text->what, total.n);
  if (strcmp (text->unit, "ns") == 0)
    fprintf (stderr, " %15.3f ms", (double) total.amount / 1e6);
  else if (text->unit[0] != '\0')
    fprintf (stderr, " %15" PRIu64 " %s", total.amount, text->unit);
  fprintf (stderr, "\n");
}

void
stats_print (void)
{
  enum stats_row row;
  bool any = false;

  if (!vmdk_debug_stats)
    return;
  for (row = 0; row < N_STATS; ++row) {
    const struct stats_total total = stats_total (row);

    if (total.n == 0)
      continue;
    if (!any)
      fprintf (stderr, "vmdk.stats: what was done, and how often\n");
    any = true;
    print_row (&stats_text[row], total);
  }
}
