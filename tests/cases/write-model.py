# SPDX-License-Identifier: BSD-3-Clause
"""Random writes, zeroes, trims and flushes on every kind of disk.

VMDK_MODEL_SEED=N plays other scripts, VMDK_MODEL_OPS=N is the number of
requests for all kinds together, VMDK_MODEL_KIND=NAME tries one kind only.
"""

import os
import random
import time

from vmdkgen import model, streams, written


OPS = int(os.environ.get("VMDK_MODEL_OPS", "20000"))


def make(d):
    only = os.environ.get("VMDK_MODEL_KIND")
    kinds = [name for name in streams.ALL if only in (None, name)]
    total = 0
    for number, name in enumerate(kinds):
        began = time.monotonic()
        sub = d.sub(name)
        target = streams.ALL[name](sub, random.Random(name))
        session, done = written.play(
            target, model.seed() * 1000 + list(streams.ALL).index(name),
            -(-(OPS - total) // (len(kinds) - number)))
        total += done
        print("   %s: %d requests, %d stops, %.1f s"
              % (name, done, session.stops, time.monotonic() - began))
        yield sub.serve(target.link, written.Left(session.model.data),
                        params=target.params)
    print("   %d requests in all, seed %d" % (total, model.seed()))
