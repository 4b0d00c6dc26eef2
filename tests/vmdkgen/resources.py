# SPDX-License-Identifier: BSD-3-Clause
"""What a server takes from the host, and whether that grows.

Reads /proc/PID of a server.  A Watch collects samples over its life; the
caller knows how many connections there are at each.
"""

import os
import statistics
import time

from .verify import Difference

PATIENCE = 15                   # seconds; the machine may be busy
WORKERS = 16                    # threads of nbdkit for each connection
OWN_MOST = 1 << 20              # KiB that a player may take


def descriptors(pid):
    """What each open file descriptor is."""
    where, found = "/proc/%d/fd" % pid, []
    for name in os.listdir(where):
        try:
            found.append(os.readlink(os.path.join(where, name)))
        except FileNotFoundError:       # closed meanwhile
            pass
    return sorted(found)


def status(pid):
    """(VmRSS in KiB, number of threads)."""
    with open("/proc/%d/status" % pid, encoding="ascii") as f:
        values = dict(line.split(":", 1) for line in f)
    return int(values["VmRSS"].split()[0]), int(values["Threads"])


def check_own_memory():
    """The test itself must not take what the machine needs: the kernel would
    end it, or the server, and nobody would say why."""
    rss = status(os.getpid())[0]
    if rss > OWN_MOST:
        raise Difference("the test, not the server, takes %d KiB, at most %d "
                         "are allowed" % (rss, OWN_MOST))


def wait(pid, what, good):
    """Until good () is true."""
    limit = time.monotonic() + PATIENCE
    while not good():
        if time.monotonic() > limit:
            raise Difference("%s after %d seconds; open files:\n    %s"
                             % (what, PATIENCE,
                                "\n    ".join(descriptors(pid))))
        time.sleep(0.001)


def sockets(pid):
    """Those of the server: one that it listens to, one for each connection.
    Their names are not used again."""
    return {one for one in descriptors(pid) if one.startswith("socket:")}


def let_go(pid, name):
    """Wait until the server has closed this socket of a connection.  nbdkit
    does so after all its threads have ended, so no request of it is under
    way then."""
    wait(pid, "a connection is open that was closed",
         lambda: name not in sockets(pid))


class Watch:
    """One life of a server.

    cap, growth: how much memory it may take, and how much more of it at the
    end, in KiB.  workers: how many threads nbdkit makes for a connection
    besides its first; with any, there is a pipe to wake them.
    """

    def __init__(self, pid, cap, growth, workers=WORKERS):
        self.pid = pid
        self.cap = cap
        self.growth = growth
        self.workers = workers
        self.each = 3 if workers else 1     # open files of a connection
        self.rss = []
        self.most_threads = 0
        self.files = None

    def begin(self):
        """The first connection has been made, and none has ended."""
        self.files = len(descriptors(self.pid)) - self.each

    def sample(self, live):
        """Now, with so many connections.  What is left of one that has just
        ended goes within moments."""
        rss, threads = status(self.pid)
        self.rss.append(rss)
        if rss > self.cap:
            raise Difference("the server takes %d KiB, at most %d are "
                             "allowed" % (rss, self.cap))
        most = 1 + live * (1 + self.workers)
        wait(self.pid, "more than %d threads" % most,
             lambda: status(self.pid)[1] <= most)
        self.most_threads = max(self.most_threads, min(threads, most))
        files = self.files + live * self.each
        wait(self.pid, "not %d open files for %d connections" % (files, live),
             lambda: len(descriptors(self.pid)) == files)

    def quiet(self):
        """Without a connection there is one thread, and no socket but the
        one that is listened to."""
        wait(self.pid, "not without a connection",
             lambda: len(sockets(self.pid)) == 1)
        self.sample(0)

    def ends(self):
        """Medians, in KiB, of what it took when a third of its life was over
        and the caches were full, and at its end; a sixth of it each."""
        count = max(1, len(self.rss) // 6)
        return (int(statistics.median(self.rss[count:2 * count])),
                int(statistics.median(self.rss[-count:])))

    def judge(self):
        """At the end: it has not grown."""
        first, last = self.ends()
        if last > first + self.growth:
            raise Difference(
                "the server has grown from %d to %d KiB, %d are allowed\n"
                "    samples: %s" % (first, last, self.growth,
                                     " ".join("%d" % n for n in self.rss)))
