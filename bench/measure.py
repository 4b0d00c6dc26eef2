# SPDX-License-Identifier: BSD-3-Clause
"""How long things take: timing, interleaved runs, tables, and what was used.

A line is a name and a function that does the work once and returns a
Sample.  run() calls the functions of all lines in turn, round by round, so
that a machine that others use, or that gets slower, does the same to all.
"""

import json
import os
import platform
import statistics
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")


class Sample:
    """One run: how long it took, the processor time and memory of its
    processes, how many other processors' worth of work went on meanwhile."""

    def __init__(self, seconds, cpu, others, rss, more=None):
        self.seconds = seconds
        self.cpu = cpu
        self.others = others
        self.rss = rss
        self.load = os.getloadavg()[0]
        self.more = more or {}          # numbers of this kind of run


def machine_busy():
    """Seconds of all processors that were not idle since the start."""
    with open("/proc/stat") as stat:
        ticks = [int(word) for word in stat.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICK


class Timer:
    """Of 'with Timer() as timer': the time until stop() or the end, the
    processor time of the processes in .usages (as wait4 tells it), and
    that of the rest of the machine."""

    def __enter__(self):
        self.usages = []
        self.seconds = None
        self._busy = machine_busy()
        self._start = time.monotonic()
        return self

    def stop(self):
        self.seconds = time.monotonic() - self._start

    def __exit__(self, *exc):
        if self.seconds is None:
            self.stop()
        self._whole = time.monotonic() - self._start
        self._busy = machine_busy() - self._busy

    def sample(self, **more):
        cpu = sum(u.ru_utime + u.ru_stime for u in self.usages)
        rss = max((u.ru_maxrss for u in self.usages), default=0)
        others = max(0.0, self._busy - cpu) / max(self._whole, 1 / TICK)
        return Sample(self.seconds, cpu, others, rss << 10, more)


class Line:
    """What one row of a table is about, and its samples."""

    def __init__(self, name, work):
        self.name = name
        self.work = work
        self.samples = []

    def median(self):
        return statistics.median(s.seconds for s in self.samples)

    def of(self, what):
        return [getattr(s, what) for s in self.samples]


class Group:
    """Lines that are compared: a title, and by how much the first line
    is to be faster than others."""

    def __init__(self, title, lines, goals=()):
        self.title = title
        self.lines = lines
        self.goals = dict(goals)        # name of a line: times as fast
        self.notes = []


def wait_for_quiet(limit):
    """Until nobody has used a tenth of a processor for half a second, or
    for LIMIT seconds; the wish of --quiet."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        busy = machine_busy()
        time.sleep(0.5)
        if machine_busy() - busy < 0.05:
            return


def run(group, rounds, say, quiet=0):
    """Every line ROUNDS times, interleaved; each begins when the machine is
    quiet, or QUIET seconds later."""
    for number in range(rounds):
        for line in group.lines:
            wait_for_quiet(quiet)
            line.samples.append(line.work())
            say("%s, round %d of %d: %s: %.3f s"
                % (group.title, number + 1, rounds, line.name,
                   line.samples[-1].seconds))


def ratios(group):
    """For each line with a goal: (line, how many times as fast as it the
    first line is by the medians, the same within each round: lowest and
    highest, goal)."""
    first = group.lines[0]
    for line in group.lines[1:]:
        if line.name in group.goals:
            pairs = [b / a for a, b in zip(first.of("seconds"),
                                           line.of("seconds"))]
            yield (line, line.median() / first.median(), min(pairs),
                   max(pairs), group.goals[line.name])


def table(group, size):
    """The group as text; SIZE is what MB/s are about."""
    out = ["", group.title, "",
           "  %-40s %7s %7s %7s %6s %6s %5s %6s"
           % ("seconds", "median", "min", "max", "MB/s", "cpu", "MiB",
              "others")]
    for line in group.lines:
        seconds = line.of("seconds")
        out.append("  %-40s %7.3f %7.3f %7.3f %6.0f %6.2f %5.0f %6.2f" % (
            line.name, line.median(), min(seconds), max(seconds),
            size / line.median() / 1e6, statistics.median(line.of("cpu")),
            max(line.of("rss")) / (1 << 20),
            statistics.median(line.of("others"))))
    for line, ratio, low, high, goal in ratios(group):
        out.append("  %.2f times as fast as %s (in rounds %.2f to %.2f), "
                   "goal %.1f" % (ratio, line.name, low, high, goal))
    return "\n".join(out + ["  " + note for note in group.notes])


def print_facts(facts):
    """What about() of a benchmark says, as text."""
    for part in ("host", "disk", "versions"):
        print("%s: %s" % (part, ", ".join("%s %s" % item for item
                                          in facts[part].items())))
    print("rounds: %d, interleaved" % facts["rounds"], flush=True)


def as_json(groups, about):
    """All of it, every sample too."""
    return json.dumps(dict(about, groups=[{
        "title": g.title,
        "lines": [{"name": line.name, "median": line.median(),
                   "samples": [dict(vars(s)) for s in line.samples]}
                  for line in g.lines],
        "ratios": [{"line": line.name, "ratio": ratio, "lowest": low,
                    "highest": high, "goal": goal}
                   for line, ratio, low, high, goal in ratios(g)],
        "notes": g.notes} for g in groups]), indent=1) + "\n"


def first_line(*command):
    """What a program says of its version."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT)
    return (done.stdout.splitlines() or ["?"])[0].strip()


def host():
    """What the numbers depend on."""
    model = "?"
    with open("/proc/cpuinfo") as info:
        for text in info:
            if text.startswith("model name"):
                model = text.split(":", 1)[1].strip()
    with open("/proc/meminfo") as info:
        memory = int(info.readline().split()[1]) >> 10
    return {"processor": model, "processors": len(os.sched_getaffinity(0)),
            "memory_mib": memory, "kernel": platform.release(),
            "system": platform.freedesktop_os_release()["PRETTY_NAME"],
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}
