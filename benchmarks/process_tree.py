"""What a command and all that it starts use: seconds of CPU, and the largest memory at one time.

A Java machine that Python starts is waited for by nobody, so that the kernel's sums for children leave it out: /proc is
read instead, every half second (https://man7.org/linux/man-pages/man5/proc.5.html).
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

EVERY_SECONDS = 0.5
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Used:
    """Seconds of CPU so far, and the peak of the resident memory in MB; pages that processes share count for each."""

    cpu_seconds: float = 0.0
    peak_mb: float = 0.0


@contextmanager
def measured() -> Iterator[Used]:
    """Measure what this process starts within the block; it is complete when the block has ended."""
    used, is_over = Used(), threading.Event()
    before = {(process, began) for process, began, *_ in _descendants(os.getpid())}
    watcher = threading.Thread(target=_watch, args=(used, is_over, before), daemon=True)
    watcher.start()
    try:
        yield used
    finally:
        is_over.set()
        watcher.join()


def _watch(used: Used, is_over: threading.Event, before: set[tuple[int, int]]) -> None:
    ticks: dict[tuple[int, int], int] = {}
    while True:
        pages = 0
        for process, began, spent, resident in _descendants(os.getpid()):
            if (process, began) not in before:
                ticks[process, began] = spent
                pages += resident
        used.cpu_seconds = sum(ticks.values()) / TICKS
        used.peak_mb = max(used.peak_mb, pages * PAGE / 2**20)
        if is_over.wait(EVERY_SECONDS):
            return


def _descendants(ancestor: int) -> Iterator[tuple[int, int, int, int]]:
    """Id, start, ticks of CPU and resident pages of the processes that `ancestor` has started, and theirs."""
    read = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = path.read_text(encoding="utf-8").rpartition(") ")
        except (OSError, UnicodeDecodeError):  # it has just ended
            continue
        fields = rest.split()  # from the third field of proc(5) on
        parent, user, system, began, resident = (int(fields[i]) for i in (1, 11, 12, 19, 21))
        read[int(path.parent.name)] = parent, began, user + system, resident
    for process, (_, began, ticks, resident) in read.items():
        above = process
        while above in read and above != ancestor:
            above = read[above][0]
        if above == ancestor and process != ancestor:
            yield process, began, ticks, resident
