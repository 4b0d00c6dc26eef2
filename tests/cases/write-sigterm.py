# SPDX-License-Identifier: BSD-3-Clause
"""SIGTERM while four clients are connected, with requests under way and
nothing flushed: what was acknowledged is there afterwards, whole, and the
files are as after any other end."""

import random
import time

import nbd

from vmdkgen import check, model, reader, survivors, writable, written
from vmdkgen.verify import Difference


KINDS = ("sparse-absent-tables", "child-of-sparse", "cowd-empty",
         "cowd-child-of-flat", "split-child-even", "flat-pieces")


def finish(sent):
    """The requests that were acknowledged before the server hung up."""
    done = []
    for handle, cookie, op, _buf in sent:
        try:
            while not handle.aio_command_completed(cookie):
                handle.poll(-1)
            done.append(op)
        except nbd.Error:
            pass
    return done


def batch(client, ops, running=None, delay=0):
    """Send all; with a server that ends meanwhile.  Returns those done."""
    sent = [client.start(i, op) for i, op in enumerate(ops)]
    if running:
        time.sleep(delay)
        running.terminate()
    return finish(sent)


def play(target, delay, seed):
    """One life; returns what may be left."""
    history = survivors.History(target.bytes())
    script = model.Script(model.shape_of(target), seed, fast_zero=False)
    acknowledged = 0
    with written.serving(target.path, target.params) as running:
        client = model.Client(running.socket, 4)
        for turn in range(12):
            ops = [op for op in script.batch() if op.changes]
            ops = [op._replace(flags=op.flags & ~nbd.CMD_FLAG_FUA)
                   for op in ops]
            history.sent(ops)
            done = batch(client, ops, running if turn == 11 else None, delay)
            acknowledged += len(done)
            history.done(done)
            for op in done:             # as if each had been flushed
                history.base[op.offset:op.end] = op.bytes()
                history.pending = [rest for one in history.pending
                                   for rest in one.cut(op.offset, op.end)]
        client.drop()
    if acknowledged < 20:
        raise Difference("only %d requests were done" % acknowledged)
    return history


def make(d):
    for number, kind in enumerate(KINDS):
        sub = d.sub(kind)
        target = writable.KINDS[kind](sub, random.Random(kind))
        kept = written.Untouched(target)
        known = check.known(target.path)
        history = play(target, (0, 0.001, 0.01)[number % 3], 80 + number)
        kept.check()
        written.check_files(target.path, None, known=known)
        history.verify(reader.read(target.path, target.below()))
        yield sub.serve(target.link, written.Left(history.now))
