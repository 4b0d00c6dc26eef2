# SPDX-License-Identifier: BSD-3-Clause
"""The programs that are measured: servers, and what makes requests of them.

Each is a process of its own whose processor time is that of wait4.
"""

import contextlib
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import measure
from measure import Failed

BENCH = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(BENCH)
PLUGIN = os.path.join(TOP, "plugin", ".libs", "nbdkit-vmdk-plugin.so")

# A program or header: Debian's package, Fedora's.
NEEDS = {
    "nbdkit": ("nbdkit", "nbdkit"),
    "nbdcopy": ("libnbd-bin", "libnbd"),
    "qemu-img": ("qemu-utils", "qemu-img"),
    "qemu-nbd": ("qemu-utils", "qemu-img"),
    "gcc": ("gcc", "gcc"),
    "/usr/include/stdio.h": ("libc6-dev", "glibc-devel"),
    "/usr/include/libdeflate.h": ("libdeflate-dev", "libdeflate-devel"),
    "/usr/include/isa-l.h": ("libisal-dev", "isa-l-devel"),
    "/usr/include/libnbd.h": ("libnbd-dev", "libnbd-devel"),
}


# Nothing here takes so long, unless it hangs.
PATIENCE = 30


def missing():
    """What is not there, as NEEDS calls it."""
    return [need for need in NEEDS
            if not (os.path.exists(need) if need.startswith("/")
                    else shutil.which(need))]


def install():
    """Install the packages of what is missing; as root, or with sudo."""
    sudo = [] if os.getuid() == 0 else ["sudo"]
    if shutil.which("apt-get"):
        column, commands = 0, [["apt-get", "update", "-q"],
                               ["env", "DEBIAN_FRONTEND=noninteractive",
                                "apt-get", "install", "-q", "-y",
                                "--no-install-recommends"]]
    elif shutil.which("dnf"):
        column, commands = 1, [["dnf", "install", "-y"]]
    else:
        sys.exit("there is neither apt-get nor dnf; install these: "
                 + " ".join(missing()))
    packages = sorted({NEEDS[need][column] for need in missing()})
    if packages:
        commands[-1] += packages
        for command in commands:
            print("+ " + " ".join(sudo + command), flush=True)
            subprocess.run(sudo + command, check=True)


def ready():
    """End unless everything is there."""
    if not os.path.exists(PLUGIN):
        sys.exit("%s is missing: run ./quickstart or make" % PLUGIN)
    if missing():
        sys.exit("these are missing: %s\ninstall them with: %s --install"
                 % (" ".join(missing()), sys.argv[0]))


def versions():
    """What each program says of itself."""
    first = measure.first_line
    dump = subprocess.run(("nbdkit", PLUGIN, "--dump-plugin"), text=True,
                          stdout=subprocess.PIPE, check=True).stdout
    plugin = dict(line.split("=", 1) for line in dump.splitlines())
    commit = subprocess.run(("git", "-C", TOP, "-c", "safe.directory=*",
                             "describe", "--always", "--dirty"),
                            capture_output=True,
                            text=True).stdout.strip() or "no git"
    return {"nbdkit-vmdk": "%s (%s), %s" % (plugin["vmdk_version"], commit,
                                            plugin["vmdk_deflate"]),
            "nbdkit": first("nbdkit", "--version").split()[-1],
            "nbdcopy": first("nbdcopy", "--version").split()[-1],
            "qemu-img": first("qemu-img", "--version").split("version ")[-1],
            "libdeflate": first("pkg-config", "--modversion", "libdeflate"),
            "libisal": first("pkg-config", "--modversion", "libisal"),
            "python": sys.version.split()[0]}


def make_disk(*arguments):
    """Run content.py; what it says.  In a process of its own, because a
    process begins with the peak of memory of the one that started it."""
    command = [sys.executable, os.path.join(BENCH, "content.py")]
    done = subprocess.run(command + [str(word) for word in arguments],
                          stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def build(name, work, *libraries):
    """Compile a C program of this directory; its path."""
    path = os.path.join(work, name)
    subprocess.run(("gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-pthread",
                    os.path.join(BENCH, name + ".c"), "-o", path)
                   + libraries, check=True)
    return path


def start(command, **how):
    return subprocess.Popen([str(word) for word in command],
                            stdin=subprocess.DEVNULL, **how)


def finish(process):
    """Wait for it; what it used.  Its failure is ours, and so is that it
    hangs, for which it is killed."""
    alarm = threading.Timer(PATIENCE, process.kill)
    alarm.start()
    _, status, usage = os.wait4(process.pid, 0)
    alarm.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed("status %d: %s" % (process.returncode,
                                        " ".join(process.args)))
    return usage


def run(timer, *command):
    """Run it to its end."""
    timer.usages.append(finish(start(command)))


@contextlib.contextmanager
def server(command, path):
    """Run a server that listens on the socket PATH; (process, URI).  It is
    killed if the block fails, otherwise ended by stop()."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    process = start(command)
    try:
        wait_for(process, path)
        yield process, "nbd+unix:///?socket=" + path
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()


def wait_for(process, path):
    """Until somebody listens there; without connecting, since servers say
    something about clients that go at once."""
    row = re.compile(rb"^\S+: \S+ \S+ 00010000 .* %s$"
                     % re.escape(path.encode()), re.M)
    while True:
        with open("/proc/net/unix", "rb") as sockets:
            if row.search(sockets.read()):
                return
        if process.poll() is not None:
            raise Failed("it did not start: " + " ".join(process.args))
        time.sleep(0.002)


def stop(process):
    """Tell a server to end, and wait until it has; what it used."""
    process.send_signal(signal.SIGTERM)
    return finish(process)


def peak(process):
    """The most memory that it had at a time, in bytes.  Not what wait4 tells,
    which begins with that of the process that started it."""
    with open("/proc/%d/status" % process.pid) as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
    raise Failed("no VmHWM")


def nbdkit(work, *arguments):
    """nbdkit with a plugin; "vmdk" is that of this build tree."""
    path = os.path.join(work, "nbdkit.sock")
    return server(("nbdkit", "-f", "-U", path) + plugin(arguments), path)


def plugin(arguments):
    return tuple(PLUGIN if word == "vmdk" else word for word in arguments)


QEMU = ("qemu-nbd", "-t", "-e", "16", "--cache=writeback", "--discard=unmap")


def qemu_nbd(work, disk, *options):
    """qemu's server of a VMDK, with what serves it best."""
    path = os.path.join(work, "qemu.sock")
    return server(QEMU + options + ("-f", "vmdk", "-k", path, disk), path)


def warm(path):
    """Bring what a file has, but for its holes, into the page cache."""
    buffer = bytearray(4 << 20)
    with open(path, "rb", buffering=0) as file:
        end = os.fstat(file.fileno()).st_size
        at = 0
        while at < end:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                return
            hole = os.lseek(file.fileno(), at, os.SEEK_HOLE)
            file.seek(at)
            while at < hole:
                at += file.readinto(buffer)


def settle(*paths):
    """Before a run: remove what it will make, and let what earlier runs
    wrote reach the medium, so that it does not cost this one."""
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    os.sync()
