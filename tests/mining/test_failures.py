"""A job that fails on the data, or for an error of its own, is refused by name; the others are written."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from mining import jobs
from mining.evaluation import NO_WINDOW, refused
from mining.protocol import TrainedJob
from mining.registry import find_job
from pipeline.base.model_files import read_models
from pipeline.base.settings import Settings
from tests.support.builds.mined import AS_OF, CUSTOMER_JOBS, SOURCES, mine, write_features

SINGULAR = np.linalg.LinAlgError("Singular matrix")
SCORES = {"segments": "segment_name", "clv": "clv_future", "churn": "churn_probability"}


@pytest.fixture
def few(settings: Settings, shop: pa.Table) -> Settings:
    """A home with the features of 60 customers: too few to learn from, which is an answer and no failure."""
    write_features(settings, shop.filter(pc.less(shop["customer_id"], "C0060")))
    return settings


def raising(error: BaseException) -> Any:
    def action(*_: object, **__: object) -> None:
        raise error

    return action


def runs(written: dict[str, dict[str, pa.Table]], job: str) -> list[dict[str, Any]]:
    return written[job]["model_runs"].to_pylist() if "model_runs" in written[job] else []


def test_too_few_customers_are_no_failure(few: Settings) -> None:
    written = mine(few)
    assert not runs(written, "segments")
    assert {(run["is_published"], run["failure"]) for job in ("clv", "churn") for run in runs(written, job)} == {
        (False, None)
    }


@pytest.mark.parametrize("job", ["clv", "churn"])
def test_a_model_that_cannot_be_trained_is_refused_with_its_error(
    few: Settings, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    monkeypatch.setattr(find_job(job), "train", raising(SINGULAR))
    written = mine(few)
    (run,) = runs(written, job)
    said = f"Not published: training {job} has no result on these data (LinAlgError: Singular matrix)."
    assert (run["decision"], run["failure"]) == (said, "LinAlgError: Singular matrix")
    table = written[job][job]
    assert table.num_rows == written["segments"]["segments"].num_rows
    assert set(table["unavailable_reason"].to_pylist()) == {said}
    assert table[SCORES[job]].null_count == table.num_rows
    assert runs(written, {"clv": "churn", "churn": "clv"}[job])[0]["failure"] is None
    (model,) = read_models(few, job)
    assert not model["is_published"]


def test_a_model_that_json_cannot_hold_is_refused(few: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    model = {**refused(NO_WINDOW, {}, "baseline", ""), "is_published": True, "model": {"share_paid": np.nan}}
    monkeypatch.setattr(find_job("clv"), "train", lambda *_: model)
    (run,) = runs(mine(few), "clv")
    assert not run["is_published"]
    assert run["failure"].startswith("ValueError: Out of range float values are not JSON compliant")


@pytest.mark.parametrize("job", CUSTOMER_JOBS)
@pytest.mark.parametrize("error", [KeyError("gap"), SINGULAR])
def test_scores_that_cannot_be_made_are_null_with_the_reason(
    few: Settings, monkeypatch: pytest.MonkeyPatch, job: str, error: Exception
) -> None:
    made = find_job(job)
    monkeypatch.setattr(made, "score", raising(error))
    if isinstance(made, TrainedJob):
        monkeypatch.setattr(made, "train", lambda *_: {**refused(NO_WINDOW, {}, "baseline", ""), "is_published": True})
    written = mine(few)
    run, *_ = runs(written, job)
    assert run["decision"].startswith(f"Not published: scoring {job} ")
    assert type(error).__name__ in run["decision"]
    assert run["failure"].startswith(type(error).__name__)
    assert not run["is_published"]
    table = written[job][job]
    assert table.num_rows == len(set(table["customer_id"].to_pylist())) > 0
    assert set(table["unavailable_reason"].to_pylist()) == {run["decision"]}
    assert table[SCORES[job]].null_count == table.num_rows
    assert set(table["run_id"].to_pylist()) == {run["run_id"]}


def test_scores_that_are_not_sound_are_refused(few: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = find_job("segments")
    frame = segments.score(segments.read(few, AS_OF, SOURCES), None, segments.options(few))["segments"]
    monkeypatch.setattr(segments, "score", lambda *_: {"segments": frame.assign(monetary_score=6)})
    (run,) = runs(mine(few), "segments")
    assert "monetary_score is not within 1 and 5 for 60 of 60 scored customers" in run["decision"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), MemoryError(), OSError(28, "No space left")])
def test_a_stop_and_a_broken_machine_are_no_refusals(
    few: Settings, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(find_job("clv"), "train", raising(error))
    monkeypatch.setattr(find_job("segments"), "score", raising(error))
    with pytest.raises(type(error)):
        jobs.train_models(few, as_of=AS_OF, sources=SOURCES)
    with pytest.raises(type(error)):
        jobs.score("segments", few, as_of=AS_OF, sources=SOURCES)
    assert not list(few.models.rglob("*.json")) and not list(few.scores.rglob("*.parquet"))
