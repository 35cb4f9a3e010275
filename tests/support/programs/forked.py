"""Processes that begin where their imports end: forked from one that has made them. Tests kill them by the dozen."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# Forks for each line, says the process id, waits for its end and says the exit code.
SERVER = """
import json, os, sys, traceback
{imports}
for line in sys.stdin:
    asked = json.loads(line)
    sys.stdout.flush()
    process = os.fork()
    if not process:
        code = 1
        try:
            os.setpgid(0, 0)
            output = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
                os.dup2(descriptor, number)
            os.environ.update(asked["environment"])
            exec(asked["code"], {{"__name__": "forked"}})
            code = 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    os.setpgid(process, process)  # whoever is first
    print(process, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Forked:
    """A process that runs some code; it and its subprocesses are a process group."""

    pid: int
    began: float
    output: Path
    server: subprocess.Popen[str]

    def finish(self) -> float:
        """Wait for its end, which must be a good one; return the seconds that it took."""
        code = self.exit_code()
        assert code == 0, self.output.read_text(encoding="utf-8")
        return time.monotonic() - self.began

    def kill(self, after: float, *, with_children: bool = False) -> bool:
        """Kill it after some seconds, with its subprocesses or without; return whether it was still there."""
        time.sleep(max(0.0, self.began + after - time.monotonic()))
        with suppress(ProcessLookupError):  # it has ended
            (os.killpg if with_children else os.kill)(self.pid, signal.SIGKILL)
        return self.exit_code() == -signal.SIGKILL

    def exit_code(self) -> int:
        """Wait for its end; return the exit code, which is negative where a signal has ended it."""
        assert self.server.stdout is not None
        return int(self.server.stdout.readline())


class ForkServer:
    """A process that has made imports, and forks others, one at a time."""

    def __init__(self, server: subprocess.Popen[str], output: Path) -> None:
        self._server = server
        self._output = output

    def start(self, code: str, **environment: str) -> Forked:
        """Start a process that runs some Python code, with some more environment variables."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        asked = {"code": code, "environment": environment, "output": str(self._output)}
        self._server.stdin.write(json.dumps(asked) + "\n")
        self._server.stdin.flush()
        return Forked(int(self._server.stdout.readline()), time.monotonic(), self._output, self._server)


@contextmanager
def fork_server(
    imports: str, folder: Path, output: Path, environment: Mapping[str, str], python: str | Path = sys.executable
) -> Iterator[ForkServer]:
    """Make imports, in a folder, in a process that then forks others; these write what they say to a file."""
    with subprocess.Popen(
        [python, "-c", SERVER.format(imports=imports)],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        yield ForkServer(server, output)
