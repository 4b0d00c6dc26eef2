# SPDX-License-Identifier: BSD-3-Clause
"""How long things take: timing, interleaved runs, tables, and what was used.

A workload is done by up to three sides: ours, the peer (qemu) and the limit
(what the machine can do without a VMDK).  Each side is a function that does
the work once and returns numbers by name.  run() calls them in turn, round by
round, so that a machine that others use, or that gets slower, does the same to
all.  A figure is one of these numbers, and what is wanted of it.
"""

import json
import os
import platform
import statistics
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")

OURS, PEER, LIMIT = "ours", "peer", "limit"


class Failed(Exception):
    """A program did not do what is measured."""


def machine_busy():
    """Seconds of all processors that were not idle since the start."""
    with open("/proc/stat") as stat:
        ticks = [int(word) for word in stat.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / TICK


class Timer:
    """Of 'with Timer() as timer': the time until stop() or the end, and of
    the processes in .usages (as wait4 tells it) the processor time."""

    def __enter__(self):
        self.usages = []
        self.seconds = None
        self._start = time.monotonic()
        return self

    def stop(self):
        self.seconds = time.monotonic() - self._start

    def __exit__(self, *exc):
        if self.seconds is None:
            self.stop()

    def cpu(self):
        return sum(u.ru_utime + u.ru_stime for u in self.usages)


class Figure:
    """A number of a workload: its NAME among the results, a TITLE, a unit.
    The GOAL is for ours as a multiple of the limit, at least; at most if LESS
    is better; and with PLUS so much more than the limit instead."""

    def __init__(self, name, title, unit, goal, less=False, plus=False):
        self.name, self.title, self.unit = name, title, unit
        self.goal, self.less, self.plus = goal, less, plus

    def goal_text(self):
        if self.goal is None:
            return ""
        if self.plus:
            return "+%g" % self.goal
        return "%s%g" % ("<= " if self.less else "", self.goal)

    def compared(self, ours, other):
        return ours - other if self.plus else ours / other

    def met(self, ratio):
        if self.less or self.plus:
            return ratio <= self.goal
        return ratio >= self.goal


class Workload:
    """SIDES: functions by OURS, PEER, LIMIT; results are kept in .samples.
    PREPARE makes what all of them need, before the first."""

    def __init__(self, title, sides, figures, prepare=None):
        self.title, self.sides, self.figures = title, sides, figures
        self.prepare = prepare
        self.samples = {side: [] for side in sides}

    def of(self, side, name):
        return [s[name] for s in self.samples.get(side, ()) if name in s]

    def ratio(self, figure, side):
        """Ours to another: (the median of the rounds, lowest, highest);
        None if there is no such number."""
        pairs = list(zip(self.of(OURS, figure.name),
                         self.of(side, figure.name)))
        if not pairs:
            return None
        ratios = [figure.compared(a, b) for a, b in pairs]
        return statistics.median(ratios), min(ratios), max(ratios)


def wait_for_quiet(limit):
    """Until nobody has used a tenth of a processor for half a second, or
    for LIMIT seconds; the wish of --quiet."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        busy = machine_busy()
        time.sleep(0.5)
        if machine_busy() - busy < 0.05:
            return


def run(workload, rounds, say, quiet, change_peer):
    """Every side ROUNDS times, interleaved, each time another one first;
    they begin when the machine is quiet, or QUIET seconds later.  If the
    peer fails or hangs, CHANGE_PEER () finds another way for it, once."""
    if workload.prepare:
        workload.prepare()
    sides = list(workload.sides)
    for number in range(rounds):
        for side in sides[number % len(sides):] + sides[:number % len(sides)]:
            wait_for_quiet(quiet)
            try:
                sample = workload.sides[side]()
            except Failed as error:
                say("%s: %s: %s" % (workload.title, side, error))
                if side != PEER or not change_peer():
                    raise
                sample = workload.sides[side]()
            sample["load"] = os.getloadavg()[0]
            workload.samples[side].append(sample)
            say("%s, round %d of %d, %s: %s" % (
                workload.title, number + 1, rounds, side,
                ", ".join("%s %.4g" % (f.name, sample[f.name])
                          for f in workload.figures if f.name in sample)))


HEAD = ("| workload | unit | ours (min-max) | qemu | limit "
        "| ours / limit (min-max) | goal | ours / qemu |\n"
        "|---|---|---|---|---|---|---|---|")


def number(value):
    """With three digits that count."""
    if value >= 100:
        return "%.0f" % value
    return "%.3g" % value


def row(workload, figure):
    """A line of the table."""
    def middle(side):
        values = workload.of(side, figure.name)
        return number(statistics.median(values)) if values else ""

    def ratio(side):
        r = workload.ratio(figure, side)
        return "%s (%s-%s)" % tuple(map(number, r)) if r else ""

    ours = workload.of(OURS, figure.name)
    found = workload.ratio(figure, LIMIT)
    miss = found and figure.goal is not None and not figure.met(found[0])
    peer = workload.ratio(figure, PEER)
    return "| %s | %s | %s (%s-%s) | %s | %s | %s | %s%s | %s |" % (
        figure.title, figure.unit, middle(OURS), number(min(ours)),
        number(max(ours)), middle(PEER), middle(LIMIT), ratio(LIMIT),
        figure.goal_text(), " **missed**" if miss else "",
        number(peer[0]) if peer else "")


def rows(workload):
    return "\n".join(row(workload, figure) for figure in workload.figures
                     if workload.of(OURS, figure.name))


def print_facts(facts):
    """What the numbers are of, as text."""
    for part in ("host", "versions"):
        print("%s: %s" % (part, ", ".join("%s %s" % item for item
                                          in facts[part].items())))
    print("rounds: %d, interleaved" % facts["rounds"], flush=True)


def as_dict(workload, figure):
    """A figure for JSON; ranges are median, lowest, highest."""
    found = {"title": figure.title, "unit": figure.unit,
             "goal": figure.goal_text(),
             "to limit": workload.ratio(figure, LIMIT),
             "to peer": workload.ratio(figure, PEER)}
    for side in workload.sides:
        values = workload.of(side, figure.name)
        if values:
            found[side] = (statistics.median(values), min(values),
                           max(values))
    return found


def as_json(workloads, facts):
    """All of it, every sample too."""
    return json.dumps(dict(facts, workloads=[{
        "title": w.title, "samples": w.samples,
        "figures": [as_dict(w, figure) for figure in w.figures]}
        for w in workloads]), indent=1) + "\n"


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
