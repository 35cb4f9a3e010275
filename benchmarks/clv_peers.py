"""Purchase models compared with the common Python packages, on the same customers, one after the other in one run.

Each package is installed from the package index, with the versions it needs, into an environment of its own that is
removed afterwards. One that does not install is said not to have. One that takes longer than `LIMIT` is ended, and
counts with the limit: it takes at least that long. Seconds are of processor time, on one thread each, so that others on
the machine do not decide.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.clv import BG_NBD, PARETO_NBD, customers, fit_and_score, ten_million
from benchmarks.rows import Row, at_least
from mining.purchases import BetaGeoNBD, ParetoNBD
from mining.purchases.history import History
from mining.purchases.models.base import PurchaseModel

TIMES = "times the fastest peer's speed"
INSTALL_SECONDS, MOST_SECONDS = 300, 600
LIMIT = 90
"""Seconds in which a peer may fit and score: more than twice what the bounds ask for."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
RUNS = 3
"""Of ours; a peer, which takes long, runs once."""
MEASURED = """
import json, signal, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd
x, t_x, T = np.load(sys.argv[1])
{setup}
signal.setitimer(signal.ITIMER_PROF, {limit})
began = time.process_time()
{body}
print(json.dumps(time.process_time() - began))
"""


@dataclass(frozen=True)
class Peer:
    """A package: what is installed, and how it fits a model and scores with it (p_alive, purchases in 52 weeks)."""

    name: str
    requirements: tuple[str, ...]
    setup: str
    body: str
    kinds: dict[str, str]
    """Its class of each of our models."""


PEERS = (
    Peer(
        "lifetimes",
        ("lifetimes==0.11.3", "numpy==1.23.5", "pandas==1.5.3", "scipy==1.10.1", "autograd==1.5"),
        "import lifetimes",
        """
        model = lifetimes.{kind}().fit(x, t_x, T)
        model.conditional_probability_alive(x, t_x, T)
        model.conditional_expected_number_of_purchases_up_to_time(52, x, t_x, T)
        """,
        {"bg_nbd": "BetaGeoFitter", "pareto_nbd": "ParetoNBDFitter"},
    ),
    Peer(
        "pymc-marketing (MAP)",
        ("pymc-marketing==0.19.2",),
        """
        import pymc_marketing.clv as clv
        frame = pd.DataFrame({{"customer_id": np.arange(len(x)), "frequency": x, "recency": t_x, "T": T}})
        """,
        """
        model = clv.{kind}(data=frame)
        model.fit(method="map", progressbar=False)
        model.expected_probability_alive(frame)
        model.expected_purchases(frame, future_t=52)
        """,
        {"bg_nbd": "BetaGeoModel", "pareto_nbd": "ParetoNBDModel"},
    ),
)


def run() -> list[Row]:
    """Measure BG/NBD of a million customers and Pareto/NBD of 100,000 beside the peers; of ten million alone."""
    with tempfile.TemporaryDirectory(prefix="perennial-peers-") as folder:
        pythons = {peer.name: _installed(peer, Path(folder) / str(place)) for place, peer in enumerate(PEERS)}
        return [
            _compare(BetaGeoNBD, customers(BetaGeoNBD, BG_NBD, 1_000_000), 10, "1m", pythons, Path(folder)),
            _compare(ParetoNBD, customers(ParetoNBD, PARETO_NBD, 100_000), 40, "100k", pythons, Path(folder)),
            ten_million(),
        ]


def _compare(  # noqa: PLR0917
    kind: type[PurchaseModel], history: History, bound: float, size: str, pythons: dict[str, Path | str], folder: Path
) -> Row:
    data = folder / f"{kind.name}.npy"
    np.save(data, np.stack(history))
    ours = median(fit_and_score(kind, history) for _ in range(RUNS))
    took: list[float] = []
    said = [f"perennial {ours:.2f} s (median of {RUNS})"]
    for peer in PEERS:
        python = pythons[peer.name]
        found = python if isinstance(python, str) else _measure(peer, kind.name, python, data)
        if isinstance(found, str):
            said.append(f"{peer.name} {found}")
            continue
        took.append(found)
        said.append(f"{peer.name} {f'over {LIMIT}, ended' if found >= LIMIT else f'{found:.1f} s'}")
    times = min(took) / ours if took else 0.0
    return at_least(bound, f"clv.{kind.name}_{size}_customers_to_peers", times, TIMES, "; ".join(said))


def _installed(peer: Peer, folder: Path) -> Path | str:
    """Return the Python of an environment that has the package, or a clause that says that it did not install."""
    python = folder / "bin" / "python"
    commands = (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", *peer.requirements],
    )
    for command in commands:
        failed = _failure(command, INSTALL_SECONDS)
        if failed:
            return f"did not install ({failed})"
    return python


def _failure(command: list[str], seconds: int) -> str | None:
    """Return the last line of what a command that failed said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired):
        return f"not within {seconds} s"
    lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
    return lines[-1].strip() if done.returncode else None


def _measure(peer: Peer, model: str, python: Path, data: Path) -> float | str:
    """Return the seconds of a peer, `LIMIT` where it was ended, or a clause that says why there are none."""
    setup, body = (textwrap.dedent(part).strip().format(kind=peer.kinds[model]) for part in (peer.setup, peer.body))
    command = [str(python), "-c", MEASURED.format(setup=setup, body=body, limit=LIMIT), str(data)]
    try:
        done = subprocess.run(
            command, env=os.environ | ONE_THREAD, capture_output=True, text=True, check=False, timeout=MOST_SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"not within {MOST_SECONDS} s"
    if done.returncode == -signal.SIGPROF:
        return float(LIMIT)
    return float(json.loads(done.stdout.splitlines()[-1])) if not done.returncode else "failed"


if __name__ == "__main__":
    for measure in run():
        print(measure)
