# SPDX-License-Identifier: BSD-3-Clause
"""Starting and stopping nbdkit for one disk.

Owns the temporary directory of the socket (its path must be short), the
messages that the server writes, and the limits that one has which serves a
hostile disk.
"""

import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time

START_SECONDS = 60
END_SECONDS = 15
# What opening and reading a hostile disk may take.
CPU_SECONDS = 5
MEMORY = 256 << 20
# nbdkit has no warnings: the plugin reports them as errors marked so.
ERROR_LINE = re.compile(rb"^nbdkit: (?:\S+: )?error: (?!warning: )", re.M)
WARNING = re.compile(rb"^nbdkit: (?:\S+: )?error: (warning: .*)$", re.M)
PEAK = re.compile(r"^VmHWM:\s*(\d+) kB$", re.M)


def limit():
    """In the child: the kernel ends it when it computes for too long."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limited_environment():
    """The address sanitizer watches the memory itself.  What it keeps of
    freed memory, to find late uses, is not the server's."""
    options = "hard_rss_limit_mb=%d:quarantine_size_mb=16" % (MEMORY >> 20)
    return dict(os.environ, VMDK_ASAN_OPTIONS=options)


class Server:
    """nbdkit in the foreground, serving one disk with the plugin.

    limited: with the limits of hostile disks; check_limits says whether it
    kept to them.
    """

    def __init__(self, disk, params=(), readonly=False, cwd=None,
                 options=(), limited=False):
        self.dir = tempfile.mkdtemp(prefix="vk", dir=short_directory())
        self.socket = os.path.join(self.dir, "s")
        self.pidfile = os.path.join(self.dir, "p")
        self.log = os.path.join(self.dir, "log")
        self.failure = None
        self.limited = limited
        self.peak = 0           # bytes of memory, once known
        command = ["nbdkit", "-f", "-U", self.socket, "-P", self.pidfile]
        command += ["-r"] if readonly else []
        command += options
        self.command = command + ["vmdk", disk] + list(params)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=cwd,
                preexec_fn=limit if limited else None,
                env=limited_environment() if limited else None)

    def wait(self):
        """True when the server is ready, False when it has ended."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if os.path.exists(self.pidfile):
                return True
            if not self.alive():
                return False
            time.sleep(0.002)
        self.failure = "not ready after %d seconds, threads: %s" % (
            START_SECONDS, "; ".join(self.threads()))
        self.process.kill()
        self.process.wait()
        return False

    def threads(self):
        """What each thread is doing: state, clock ticks, and where in the
        kernel it waits."""
        top = "/proc/%d/task" % self.process.pid
        for task in os.listdir(top):
            with open("%s/%s/stat" % (top, task), encoding="ascii") as f:
                words = f.read().rpartition(")")[2].split()
            with open("%s/%s/wchan" % (top, task), encoding="ascii") as f:
                yield "%s %s+%s %s" % (words[0], words[11], words[12],
                                       f.read())

    def alive(self):
        """Whether it runs; if it has ended, its peak is known afterwards."""
        if self.process.returncode is None:
            pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                self.peak = max(self.peak, usage.ru_maxrss << 10)
        return self.process.returncode is None

    def check_limits(self):
        """What is wrong with its use of time and memory, or None.  To be
        asked before it is stopped, or when it has ended by itself."""
        if self.alive():
            with open("/proc/%d/status" % self.process.pid,
                      encoding="ascii") as f:
                self.peak = int(PEAK.search(f.read()).group(1)) << 10
        if self.process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            return "it computed for more than %d seconds" % CPU_SECONDS
        if not 0 < self.peak < MEMORY:
            return "it used %d bytes of memory, the limit is %d" % (
                self.peak, MEMORY)
        return None

    def terminate(self):
        """Only send SIGTERM: nbdkit ends when the connections have."""
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        """End the server; returns its exit status (negative: signal)."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.failure = "did not end after SIGTERM"
                self.process.kill()
        return self.process.wait()

    def messages(self):
        with open(self.log, "rb") as log:
            return log.read()

    def error_count(self):
        return len(ERROR_LINE.findall(self.messages()))

    def warnings(self):
        return WARNING.findall(self.messages())

    def tell(self):
        """What the server was told and what it said."""
        print("  command: %s" % " ".join(self.command))
        text = self.messages().decode(errors="backslashreplace")
        for line in text.splitlines()[-12:]:
            print("  | " + line)

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def short_directory():
    """$TMPDIR, unless the path of a socket would not fit in it."""
    base = os.environ.get("TMPDIR", "/var/tmp")
    return base if len(base.encode()) < 60 else "/tmp"
