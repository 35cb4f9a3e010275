"""The steps of a build: when models are trained, which one scores, what is written, and that it is the same twice."""

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from mining import jobs
from mining.contract import mart_schema
from mining.registry import find_job
from mining.reports.inputs import INPUT_DRIFT
from pipeline.base.errors import UserError
from pipeline.base.files import read_sealed, sha256_of_file, write_sealed
from pipeline.base.model_files import card_path, model_path, read_model
from pipeline.base.settings import load_settings
from tests.support.builds.mined import CUSTOMER_JOBS, write_features

AS_OF = dt.date(2024, 12, 31)
SOURCES = ["complete_journey"]
NAMED = {"CRM_SOURCES": SOURCES[0]}
SCHEMAS = {
    **{name: table.schema for job in CUSTOMER_JOBS for name, table in find_job(job).tables.items()},
    **{name: mart_schema(name) for name in ("model_runs", "model_metrics")},
    "input_drift": INPUT_DRIFT,
}


def _build(settings) -> dict[str, dict]:
    jobs.train_models(settings, as_of=AS_OF, sources=SOURCES)
    return {job: jobs.score(job, settings, as_of=AS_OF, sources=SOURCES) for job in CUSTOMER_JOBS}


def _read(result, table):
    return pq.ParquetFile(result["files"][table]).read()


def _files(home: Path) -> dict[str, str]:
    chosen = [path for folder in ("scores", "models") for path in sorted((home / folder).rglob("*")) if path.is_file()]
    return {path.relative_to(home).as_posix(): sha256_of_file(path) for path in chosen}


@pytest.fixture(scope="module")
def built(tmp_path_factory, shop):
    settings = load_settings({**NAMED, "CRM_HOME": str(tmp_path_factory.mktemp("home"))})
    write_features(settings, shop)
    return settings, _build(settings)


@pytest.fixture
def scoring(built, tmp_path):
    """Settings of a copy of the built home, whose models a test may edit."""
    settings, _ = built
    shutil.copytree(settings.home, tmp_path / "home", dirs_exist_ok=True)
    return load_settings({**NAMED, "CRM_HOME": str(tmp_path / "home")})


def _edit_model(settings, job: str, **changes) -> dict:
    """Change the one model of a job, and with `as_of_date` its version, as if it had been trained on that day."""
    (path,) = (settings.models / job).glob("*.json")
    model = {**read_sealed(path, ""), **changes}
    if "as_of_date" in changes:
        model["model_version"] = f"{job}-{changes['as_of_date']}-old"
        path.unlink()
    write_sealed(settings.models / job / f"{model['model_version']}.json", model)
    return model


def _refuse_own(settings, job: str = "churn") -> None:
    """Make the model of the as-of day itself a refused one."""
    jobs.train_models(settings, as_of=AS_OF, sources=SOURCES, force=True)
    for path in (settings.models / job).glob(f"{job}-{AS_OF}-*.json"):
        write_sealed(path, {**read_sealed(path, ""), "is_published": False, "decision": "Not published: no gain."})


def test_every_file_keeps_the_contract_and_stands_where_it_should(built):
    settings, results = built
    for result in results.values():
        for table, file in result["files"].items():
            path = settings.scores / table / f"as_of={AS_OF}" / f"run={result['run_id']}.parquet"
            assert Path(file) == path
            assert pq.ParquetFile(path).schema_arrow.equals(SCHEMAS[table])


def test_a_published_model_has_a_card_of_its_own_figures(built):
    settings, results = built
    for job in ("clv", "churn"):
        version = results[job]["model_version"]
        card = card_path(settings, job, version).read_text(encoding="utf-8")
        model = read_model(model_path(settings, job, version))
        assert version in card and model["decision"].split(". ")[0] in card
        assert all(f"`{name}`" in card for name in model["profile"]["inputs"])
        strata = {row["stratum"] for row in model["model_metrics"]}
        assert {"tenure: 90 to 364 days", "forecast: tenth 10"} <= strata
        assert all(f"| {stratum} |" in card for stratum in strata if stratum.startswith(("segment: ", "tenure: ")))
        assert "{" not in card and "nan" not in card


def test_the_inputs_of_the_day_are_compared_with_those_of_the_cut_off_before(built):
    _, results = built
    for job in ("clv", "churn"):
        rows = _read(results[job], "input_drift").to_pylist()
        assert {row["reference_date"] for row in rows} == {AS_OF - dt.timedelta(days=28)}
        assert all(0 <= row["psi"] < 0.25 and row["psi_by_chance"] < 0.1 for row in rows)
        assert {row["run_id"] for row in rows} == {results[job]["run_id"]}


def test_one_row_per_customer_sorted_and_stamped(built):
    _, results = built
    ids = {job: _read(result, job)["customer_id"].to_pylist() for job, result in results.items()}
    assert ids["segments"] == ids["clv"] == ids["churn"] == sorted(set(ids["churn"]))
    for job, result in results.items():
        assert set(_read(result, job)["run_id"].to_pylist()) == {result["run_id"]}
        assert set(_read(result, job)["as_of_date"].to_pylist()) == {AS_OF}


def test_scores_are_given_exactly_where_no_reason_says_otherwise(built):
    _, results = built
    table = _read(results["churn"], "churn")
    known = [value is not None for value in table["churn_probability"].to_pylist()]
    assert known == [reason is None for reason in table["unavailable_reason"].to_pylist()]
    assert results["churn"]["scored"] == sum(known) > 0


def test_the_run_that_scored_is_described_with_its_metrics(built):
    settings, results = built
    for job in ("clv", "churn"):
        (run,) = _read(results[job], "model_runs").to_pylist()
        assert run["run_id"] == results[job]["run_id"] and run["job"] == job
        assert run["train_window_end"] < run["holdout_start"] <= run["holdout_end"] == AS_OF
        assert json.loads(run["metrics"]) and json.loads(run["baseline_metrics"]) and json.loads(run["parameters"])
        assert run["code_version"] == settings.code_version() and len(run["input_hash"]) == 64
        metrics = _read(results[job], "model_metrics").to_pylist()
        assert {row["run_id"] for row in metrics} == {run["run_id"]}
        keys = [(row["stratum"], row["metric"]) for row in metrics]
        assert len(keys) == len(set(keys))


def test_the_same_build_again_trains_nothing_and_writes_the_same_bytes(built):
    settings, _ = built
    before = _files(settings.home)
    again = jobs.train_models(settings, as_of=AS_OF, sources=SOURCES)
    assert not any(result["is_new"] for result in again.values())
    _build(settings)
    assert _files(settings.home) == before


def test_another_process_and_shuffled_rows_give_the_same_bytes(built, shop, tmp_path):
    settings, _ = built
    other = load_settings({**NAMED, "CRM_HOME": str(tmp_path)})
    shuffled = shop.take(np.random.default_rng(4).permutation(shop.num_rows))
    write_features(other, shuffled)
    program = (
        "import datetime as dt; from mining import jobs\n"
        "from pipeline.base.settings import load_settings\n"
        f"s, d, n = load_settings(), dt.date({AS_OF.year}, {AS_OF.month}, {AS_OF.day}), {SOURCES!r}\n"
        "jobs.train_models(s, as_of=d, sources=n)\n"
        f"for job in {CUSTOMER_JOBS!r}: "
        "jobs.score(job, s, as_of=d, sources=n)\n"
    )
    environment = {**os.environ, **NAMED, "CRM_HOME": str(tmp_path), "PYTHONHASHSEED": "99"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    assert _files(tmp_path) == _files(settings.home)


def _date_models(settings, day: str) -> None:
    for job in ("clv", "churn"):
        _edit_model(settings, job, as_of_date=day)


def test_a_model_serves_for_a_week(scoring):
    _date_models(scoring, "2024-12-25")
    results = jobs.train_models(scoring, as_of=AS_OF, sources=SOURCES)
    assert not any(result["is_new"] for result in results.values())
    assert all(result["decision"] and result["model_version"] for result in results.values())


def test_a_model_of_a_week_ago_gives_way_to_the_one_of_the_day_with_the_same_bytes(scoring):
    trained = _files(scoring.home)
    _date_models(scoring, "2024-12-24")
    results = jobs.train_models(scoring, as_of=AS_OF, sources=SOURCES)
    assert results["clv"]["is_new"] and results["churn"]["is_new"]
    assert trained.items() <= _files(scoring.home).items()
    assert _score_version(scoring, "churn").startswith("churn-2024-12-31-")


def _score_version(settings, job: str, as_of: dt.date = AS_OF) -> str | None:
    return jobs.score(job, settings, as_of=as_of, sources=SOURCES)["model_version"]


def test_a_model_that_was_asked_for_serves_from_the_next_day_on(scoring, shop):
    _date_models(scoring, "2024-12-26")
    before = _score_version(scoring, "churn")
    results = jobs.train_models(scoring, as_of=AS_OF, sources=SOURCES, force=True)
    assert results["clv"]["is_new"] and results["churn"]["is_new"]
    assert _score_version(scoring, "churn") == before == "churn-2024-12-26-old"
    tomorrow = AS_OF + dt.timedelta(days=1)
    days = [day + dt.timedelta(days=1) for day in shop["as_of_date"].to_pylist()]
    position = shop.column_names.index("as_of_date")
    moved = shop.set_column(position, "as_of_date", pa.array(days, pa.date32()))
    write_features(scoring, moved, tomorrow)
    assert _score_version(scoring, "churn", tomorrow) == results["churn"]["model_version"]


def test_a_day_is_scored_alike_whatever_was_trained_on_it_before(scoring, shop, tmp_path):
    """Late data: the model of the day's earlier features stays on disk, and is not used for the new ones."""
    fewer = shop.filter(pc.less(shop["customer_id"], "C1500"))
    fresh = load_settings({**NAMED, "CRM_HOME": str(tmp_path / "fresh")})
    for settings in (scoring, fresh):
        write_features(settings, fewer)
    results = [jobs.score("churn", settings, as_of=AS_OF, sources=SOURCES) for settings in (scoring, fresh)]
    assert results[0]["model_version"] == results[1]["model_version"]
    files = [Path(result["files"][table]) for table in ("churn", "model_runs") for result in results]
    assert sha256_of_file(files[0]) == sha256_of_file(files[1])
    assert sha256_of_file(files[2]) == sha256_of_file(files[3])


def test_another_horizon_needs_a_churn_model_of_its_own(scoring):
    longer = load_settings({**NAMED, "CRM_HOME": str(scoring.home), "CRM_CHURN_HORIZON_DAYS": "56"})
    results = jobs.train_models(longer, as_of=AS_OF, sources=SOURCES)
    assert results["churn"]["is_new"] and not results["clv"]["is_new"]
    scored = _read(jobs.score("churn", longer, as_of=AS_OF, sources=SOURCES), "churn")
    assert set(scored["horizon_days"].to_pylist()) == {56}


def test_features_of_other_sources_are_not_scored(scoring):
    other = load_settings({"CRM_HOME": str(scoring.home), "CRM_SOURCES": "cdnow"})
    for step in (jobs.train_models, *(partial(jobs.score, job) for job in CUSTOMER_JOBS)):
        with pytest.raises(UserError, match="CRM_SOURCES=cdnow"):
            step(other, as_of=AS_OF, sources=other.sources)


def test_a_refused_model_leaves_nulls_with_its_decision(scoring):
    _edit_model(scoring, "churn", is_published=False, decision="Not published: no gain.")
    result = jobs.score("churn", scoring, as_of=AS_OF, sources=SOURCES)
    table = _read(result, "churn")
    assert result["scored"] == 0 and result["model_version"] is None
    assert table["churn_probability"].null_count == table.num_rows
    assert set(table["unavailable_reason"].to_pylist()) == {"Not published: no gain."}
    (run,) = _read(result, "model_runs").to_pylist()
    assert run["run_id"] == result["run_id"] and not run["is_published"]


def test_the_last_published_model_goes_on_scoring_when_a_newer_one_is_refused(scoring):
    _edit_model(scoring, "churn", as_of_date="2024-12-20")
    _refuse_own(scoring)
    result = jobs.score("churn", scoring, as_of=AS_OF, sources=SOURCES)
    assert result["model_version"] == "churn-2024-12-20-old" and result["scored"] > 0
    assert result["decision"] == "Not published: no gain."
    (refused,) = (path.stem for path in (scoring.models / "churn").glob(f"churn-{AS_OF}-*.json"))
    runs = {run["run_id"]: run for run in _read(result, "model_runs").to_pylist()}
    assert set(runs) == {result["run_id"], refused}
    assert runs[result["run_id"]]["is_published"] and not runs[refused]["is_published"]


@pytest.mark.parametrize(
    ("changes", "trains"),
    [
        ({}, False),
        ({"as_of_date": "2024-12-20"}, True),
        ({"failure": "ValueError: no solution"}, True),
        ({"input_rows": 10}, True),
    ],
    ids=["judged lately", "judged long ago", "failed", "much more to learn from"],
)
def test_a_refused_model_is_not_trained_again_every_day(scoring, changes, trains):
    _edit_model(scoring, "churn", **{"as_of_date": "2024-12-30", "is_published": False, **changes})
    result = jobs.train_models(scoring, as_of=AS_OF, sources=SOURCES)
    assert result["churn"]["is_new"] is trains


def test_scoring_trains_where_nothing_was_trained(landed):
    scored = _files(landed.home)
    version = _score_version(landed, "churn")
    assert not scored and (landed.models / "churn" / f"{version}.json").is_file()


def test_a_company_without_customers_builds(settings, shop):
    write_features(settings, shop.slice(0, 0))
    for job, result in _build(settings).items():
        assert _read(result, job).num_rows == 0
