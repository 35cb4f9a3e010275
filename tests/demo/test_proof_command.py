"""The command: what it is told, what it prints and writes, how it ends."""

import json
from collections.abc import Callable
from inspect import signature
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from cli.main import main
from demo.command import prove
from demo.proof import command, runs
from demo.proof.row import Row, does_not_apply, judged, not_yet, refused
from demo.proof.runs import KEPT, Run, RunFailedError, ensure, read_runs
from demo.proof.table import number, print_table
from pipeline.base.errors import UserError
from pipeline.base.files import write_json
from pipeline.base.settings import Settings
from tests.demo.small_proof import build_home

FIELDS = {"world", "seed", "measure", "recovered", "truth", "oracle", "naive", "low", "high", "ok", "note"}


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings()


def a_run(home: Path, world: str = "retail", seed: int = 1) -> Run:
    return Run(world, seed, 50, home, ())


def runs_of(settings: Settings, **given: str) -> list[Run]:
    """The runs of the command's options, and of variables of the environment."""
    options = {name: signature(prove).parameters[name].default for name in ("worlds", "seeds", "customers")}
    env = {name: text for name, text in given.items() if name not in options}
    return read_runs(settings, *(given.get(name, default) for name, default in options.items()), env=env)


def test_by_default_three_worlds_one_seed(settings: Settings) -> None:
    found = runs_of(settings)
    assert [(run.world, run.seed, run.customers) for run in found] == [
        ("clean", 1, 5000),
        ("retail", 1, 5000),
        ("null", 1, 5000),
    ]
    assert found[0].home == settings.home / "prove" / "clean-1-5000"


def test_multipliers_have_a_home_of_their_own(settings: Settings) -> None:
    (run,) = runs_of(settings, worlds="retail", seeds="7", customers="1200", DEMO_ERRORS="3")
    assert run.home.name == "retail-7-1200-errors3"
    assert run.environment["DEMO_ERRORS"] == "3"
    assert "DEMO_CORRUPTION" not in run.environment


def test_the_pipeline_runs_with_default_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_CLV_HORIZON_DAYS", "30")
    monkeypatch.setenv("DEMO_UNTIL", "2026-01-31")
    (run,) = runs_of(settings, worlds="clean")
    assert {name for name in run.environment if name.startswith(("CRM_", "DEMO_"))} <= {
        *KEPT, "CRM_HOME", "CRM_SOURCES", "DEMO_WORLD", "DEMO_SEED", "DEMO_CUSTOMERS",
    }  # fmt: skip


def test_another_engine_builds_in_a_home_of_its_own(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"CRM_ENGINE": "spark", "CRM_SPARK_MASTER": "local[2]", "CRM_MEMORY_GB": "3"}
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    (run,) = runs_of(make_settings(**given), worlds="retail")
    assert run.home.name == "retail-1-5000-spark"
    assert {name: run.environment[name] for name in given} == given


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"worlds": "retial"}, "WORLDS names 'retial'"),
        ({"seeds": "one"}, "SEEDS has 'one'"),
        ({"customers": "5k"}, "CUSTOMERS is '5k'"),
        ({"customers": "0"}, "CUSTOMERS is '0'"),
        ({"worlds": " , "}, "WORLDS and SEEDS need"),
        ({"DEMO_ERRORS": "many"}, "DEMO_ERRORS is 'many'"),
        ({"DEMO_CORRUPTION": "99"}, "DEMO_CORRUPTION is '99'"),
    ],
)
def test_a_wrong_value_is_named(settings: Settings, given: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        runs_of(settings, **given)


def printed(found: dict[Run, list[Row]]) -> str:
    console = Console(width=150, record=True, quiet=False)
    with console.capture() as capture:
        print_table(console, found)
    return capture.get()


def test_the_table_says_what_is_not_built_refused_or_beside_the_point(tmp_path: Path) -> None:
    rows = [
        not_yet("a: one", "no such table"),
        refused("a: two", "Not published: too few."),
        does_not_apply("a: three", "one class"),
        judged("a: four", 0.5, truth=1.0, low=0.9),
    ]
    text = printed({a_run(tmp_path): rows})
    lines = {line.split("  ")[0].strip(): line for line in text.splitlines() if line.startswith("a: ")}
    assert "not yet" in lines["a: one"]
    assert "refused" in lines["a: two"]
    assert "too few" in text
    assert "does not apply" in lines["a: three"]
    assert "NO" in lines["a: four"]
    assert "≥ 0.900" in lines["a: four"]
    assert "0 bounds kept, 1 missed, 3 rows without a bound" in text


def test_a_long_remark_is_printed_once(tmp_path: Path) -> None:
    decision = "Not published: no certain gain over recency alone out of time: log loss .570 against .571."
    text = printed({a_run(tmp_path): [refused("a: one", decision), refused("a: two", decision)]})
    assert text.count("Not published") == 1
    assert "as above" in text


def test_of_several_seeds_the_worst_is_shown(tmp_path: Path) -> None:
    found = {
        a_run(tmp_path, seed=seed): [judged("a: one", value, low=0.97, high=1.03)]
        for seed, value in ((1, 1.0), (2, 1.02), (3, 0.99))
    }
    text = printed(found)
    assert "1.020" in text
    assert "seed 2, the worst" in text
    found[a_run(tmp_path, seed=4)] = [judged("a: one", 0.5, low=0.97, high=1.03)]
    assert "seed 4, the worst" in printed(found)


def test_details_are_printed_only_when_they_are_wrong(tmp_path: Path) -> None:
    right = judged("a: right", 1.0, low=1.0, high=1.0, is_detail=True)
    wrong = judged("a: wrong", 2.0, low=1.0, high=1.0, is_detail=True)
    text = printed({a_run(tmp_path): [right, wrong]})
    assert "a: wrong" in text
    assert "a: right" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (float("nan"), ""), (3.0, "3"), (1234.5, "1,234.50"), (0.5, "0.500"), (0.01234, "0.0123")],
)
def test_figures_have_as_many_digits_as_are_worth_reading(value: float | None, text: str) -> None:
    assert number(value) == text


def prove_with(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, build: Callable[[Run], None], worlds: str = "null"
) -> int:
    """Run the command with a home that is written by hand instead of by the pipeline."""
    monkeypatch.setattr(command, "ensure", lambda run, *_: build(run))
    monkeypatch.setenv("CRM_HOME", str(settings.home))
    return main(["prove", "--worlds", worlds, "--customers", "50"])


def test_a_missed_bound_ends_with_1_and_is_written(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    code = prove_with(monkeypatch, settings, lambda run: build_home(run.home) and None)
    assert code == 1  # Cleo's and Dan's records are one customer
    written = json.loads((settings.home / "prove.json").read_text(encoding="utf-8"))
    assert all(set(row) >= FIELDS for row in written)
    precision = next(row for row in written if row["measure"] == "identity: precision of links")
    assert (precision["recovered"], precision["ok"], precision["world"]) == (0.5, False, "null")
    assert next(row for row in written if row["status"] == "not yet")["recovered"] is None
    assert (settings.home / "prove.png").read_bytes().startswith(b"\x89PNG")
    assert "identity: precision of links" in capfd.readouterr().out


def test_a_failed_run_ends_with_1_and_a_users_error_with_2(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(_: Run) -> None:
        raise RunFailedError("clean, seed 1: ended with 1.")

    assert prove_with(monkeypatch, settings, fail) == 1
    assert prove_with(monkeypatch, settings, fail, worlds="moon") == 2
    error = capfd.readouterr().err
    assert "ended with 1" in error
    assert "WORLDS names 'moon'" in error


def test_arguments_are_not_taken(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", "clean"]) == 2
    assert "(clean); see perennial prove --help." in capfd.readouterr().err


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand-in for the commands: `demo ensure` writes the manifest of DEMO_SEED, the pipeline leaves a landed file."""
    called: list[str] = []

    def pretend(run: Run, program: str, *words: str) -> None:
        called.append(words[1] if words[0] == "-m" else words[0])
        if called[-1] == "demo":
            write_json(run.home / "demo" / "manifest.json", dict(run.multipliers))
        else:
            write_json(run.home / "landing" / "orders.json", dict(run.multipliers))

    monkeypatch.setattr(runs, "_command", pretend)
    return called


def test_what_has_not_changed_is_not_run_again(tmp_path: Path, settings: Settings, commands: list[str]) -> None:
    said: list[str] = []
    ensure(a_run(tmp_path), settings, said.append)
    ensure(a_run(tmp_path), settings, said.append)
    assert commands == ["demo", "run", "mining.purchase_counts", "demo"]
    assert "nothing has changed" in said[1]


def test_a_company_that_is_run_has_a_forecast_of_the_oracle(
    tmp_path: Path, settings: Settings, commands: list[str]
) -> None:
    ensure(a_run(tmp_path), settings, print)
    assert commands
    forecast = pq.read_table(tmp_path / "truth" / "oracle.parquet").to_pylist()
    assert forecast
    assert all(0 <= person["p_alive"] <= 1 for person in forecast)
    assert (tmp_path / "truth" / "oracle_counts.parquet").is_file()


def test_another_company_starts_with_an_empty_landing(tmp_path: Path, settings: Settings, commands: list[str]) -> None:
    ensure(a_run(tmp_path), settings, print)
    (tmp_path / "landing" / "old.json").write_text("{}", encoding="utf-8")
    ensure(Run("retail", 1, 50, tmp_path, (("DEMO_ERRORS", "3"),)), settings, print)
    assert not (tmp_path / "landing" / "old.json").exists()
    assert commands[-2:] == ["run", "mining.purchase_counts"]


def test_a_failing_command_says_how_it_ended(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises((UserError, RunFailedError), match="perennial demo ensure ended with"):
        ensure(Run("no such world", 1, 5, tmp_path, ()), settings, print)
