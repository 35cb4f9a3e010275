"""What a benchmark says that a build used is what the build and its children used."""

import subprocess
import sys
import time

from benchmarks.process_tree import measured

# A child that outlives its parent's attention: nobody waits for it, as nobody waits for the Java machine of Spark.
CHILD = """
import time
kept = bytearray(b"x" * 200_000_000)
while time.process_time() < 1:
    pass
"""
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {CHILD!r}]); time.sleep(0.2); input()"


def test_a_child_that_nobody_waits_for_counts() -> None:
    with measured() as used, subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE) as parent:
        began = time.monotonic()
        while used.cpu_seconds < 1 and time.monotonic() < began + 120:
            time.sleep(0.1)
        parent.communicate(b"\n")
    assert 0.9 < used.cpu_seconds < 3
    assert used.peak_mb > 200


def test_nothing_started_is_nothing_used() -> None:
    with measured() as used:
        sum(range(1_000_000))
    assert used.cpu_seconds == 0
    assert used.peak_mb == 0
