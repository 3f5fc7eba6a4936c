"""Other threads run, Ctrl-C ends the call, and forked processes work."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy
import pytest

import dcodec

COUNT = 10_000_000


def test_another_thread_counts_while_a_decode_runs(coffee: numpy.ndarray) -> None:
    data = dcodec.encode(numpy.tile(coffee, (4, 4, 1)), bpp=0.5, effort=1)
    counted: list[float] = []

    def count() -> None:
        n = 0
        while n < COUNT:
            n += 1
        counted.append(time.monotonic())

    ended: list[float] = []

    def decode() -> None:
        while not counted:
            dcodec.decode(data)
            ended.append(time.monotonic())

    decoding = threading.Thread(target=decode)
    counting = threading.Thread(target=count)
    began = time.monotonic()
    decoding.start()
    counting.start()
    counting.join(120)
    decoding.join(120)
    assert counted and not decoding.is_alive()
    # The same count alone: the lock was free nearly all the time.
    alone = time.monotonic()
    count()
    alone = counted[1] - alone
    took = counted[0] - began
    print(f"counted to {COUNT} in {took:.2f} s beside {len(ended)} decodes, in {alone:.2f} s alone")
    assert took < 6 * alone + 2


def test_many_threads_encode_alike(small: numpy.ndarray) -> None:
    expected = dcodec.encode(small)
    prior = dcodec.Prior.s()
    with ThreadPoolExecutor(8) as pool:
        files = pool.map(lambda _: dcodec.encode(small, prior=prior), range(16))
        assert set(files) == {expected}
        pictures = pool.map(lambda _: dcodec.decode(expected).tobytes(), range(16))
        assert len(set(pictures)) == 1


INTERRUPTED = """
import sys, time, numpy, dcodec
small = numpy.full((32, 32), 90, numpy.uint8)
before = dcodec.encode(small)
picture = numpy.random.default_rng(1).integers(0, 256, (240, 320, 3), numpy.uint8)
data = dcodec.encode(picture[:64, :64], effort=1)
try:
    print("begins", flush=True)
    if sys.argv[1] == "encode":
        dcodec.encode(picture, effort=5, prior="l", quality=100)
    else:
        while True:
            dcodec.decode(data, mode="sample", steps=100)
except KeyboardInterrupt:
    print(time.time(), flush=True)
assert dcodec.encode(small) == before
print("whole")
"""


@pytest.mark.parametrize("work", ["encode", "decode"])
def test_an_interrupt_ends_the_call(work: str) -> None:
    # Background jobs of scripts ignore interrupts, and so would their children.
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, work],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begins\n"
    time.sleep(2)
    sent = time.time()
    child.send_signal(signal.SIGINT)
    left = float(child.stdout.readline()) - sent
    print(f"KeyboardInterrupt after {left:.3f} s")
    assert left < 1
    assert child.stdout.readline() == "whole\n"
    assert child.wait(120) == 0


def _encode(array: numpy.ndarray) -> bytes:
    return dcodec.encode(array)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_works(small: numpy.ndarray) -> None:
    expected = dcodec.encode(small)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        files = pool.map_async(_encode, [small] * 4).get(120)
    assert files == [expected] * 4


def test_threads_can_be_set() -> None:
    script = (
        "import dcodec, numpy, threading\n"
        "dcodec.set_threads(1)\n"
        "dcodec.encode(numpy.zeros((64, 64), numpy.uint8))\n"
        "try:\n    dcodec.set_threads(2)\n"
        "except RuntimeError as e:\n    print(e)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "before the first encode" in done.stdout
