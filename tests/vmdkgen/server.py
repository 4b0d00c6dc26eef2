# SPDX-License-Identifier: BSD-3-Clause
"""Starting and stopping nbdkit for one disk.

Owns the temporary directory of the socket (its path must be short) and the
messages that the server writes.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

START_SECONDS = 60
END_SECONDS = 15
# nbdkit has no warnings: the plugin reports them as errors marked so.
ERROR_LINE = re.compile(rb"^nbdkit: (?:\S+: )?error: (?!warning: )", re.M)
WARNING = re.compile(rb"^nbdkit: (?:\S+: )?error: (warning: .*)$", re.M)


class Server:
    """nbdkit in the foreground, serving one disk with the plugin."""

    def __init__(self, disk, params=(), readonly=False, cwd=None,
                 options=()):
        self.dir = tempfile.mkdtemp(prefix="vk", dir=short_directory())
        self.socket = os.path.join(self.dir, "s")
        self.pidfile = os.path.join(self.dir, "p")
        self.log = os.path.join(self.dir, "log")
        self.failure = None
        command = ["nbdkit", "-f", "-U", self.socket, "-P", self.pidfile]
        command += ["-r"] if readonly else []
        command += options
        self.command = command + ["vmdk", disk] + list(params)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd=cwd)

    def wait(self):
        """True when the server is ready, False when it has ended."""
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit:
            if os.path.exists(self.pidfile):
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.002)
        self.failure = "not ready after %d seconds" % START_SECONDS
        self.process.kill()
        self.process.wait()
        return False

    def alive(self):
        return self.process.poll() is None

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
