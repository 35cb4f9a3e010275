"""Ten years of daily releases: a build is told of them, reads what it needs, and folders stay as small as in three."""

import datetime as dt
import json
import os
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.base import model_files
from pipeline.base.files import DamagedError
from pipeline.build import dbt, history
from pipeline.serving import ledger
from pipeline.serving.releases import point_current_at
from tests.pipeline.build.test_dbt import PLAN
from tests.pipeline.small_warehouse import make_settings

FIRST = dt.date(2016, 1, 1)
DAYS = 3650
JOBS = (*history.HISTORY, "model_runs", "model_metrics")
MARTS = [{"files": {}}]


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number)


def release_of(number: int) -> str:
    return f"{day(number)}-{number:012x}"


def plan_of(number: int):
    return replace(PLAN, sources=["cdnow"], providers={}, as_of_date=str(day(number)), release_id=release_of(number))


def record(settings, template: Path, number: int) -> None:
    """A release of a day, as publishing records it."""
    files = {job: [f"scores/{job}/as_of={day(number)}/run={job}-{number}.parquet"] for job in JOBS}
    for (path,) in files.values():
        (settings.home / path).parent.mkdir(parents=True)
        os.link(template, settings.home / path)
    state = {"bytes": template.stat().st_size, "sha256": ledger.file_state(settings, template.name)["sha256"]}
    ledger.write_entry(
        settings,
        {
            "release_id": release_of(number),
            "as_of_date": str(day(number)),
            "sources": ["cdnow"],
            "code_version": "c" * 16,
            "input_hash": f"{number:064x}",
            "basis_hash": f"{number:064x}",
            "score_files": files,
            "files": {path: state for (path,) in files.values()},
            "checks": {"passed": 79, "warned": 3, "stopped": 0},
            "sequence": number + 1,
        },
    )


def train(settings, number: int, *, is_published: bool) -> None:
    for job in ("clv", "churn"):
        model = {
            "job": job,
            "model_version": f"{job}-{day(number)}-{number:012x}",
            "as_of_date": str(day(number)),
            "sources": ["cdnow"],
            "mining_code": "m",
            "needs": {"horizon_days": 28},
            "is_published": is_published,
            "coefficients": [number / 7] * 20,
        }
        model_files.write_model(settings, model)


def publish_day(settings, number: int) -> None:
    """What publishing does to the history: `current` is the release of the day, then the rest is thinned out."""
    folder = settings.serving / "releases" / release_of(number)
    folder.mkdir(parents=True, exist_ok=True)
    point_current_at(settings, folder.name)
    history.thin_out(settings)


def make_home(home: Path, days: int):
    """The home of a company that has published daily, by a version that kept everything."""
    settings = replace(make_settings(home), sources=("cdnow",))
    home.mkdir(exist_ok=True)
    template = home / "template.parquet"
    pq.write_table(pa.table({"customer_id": ["ana"], "p": [0.5]}), template)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.base.files.fsync_path", lambda path: None)
        for number in range(days):
            record(settings, template, number)
            # A model is refused on most days: it is tried again on each.
            train(settings, number, is_published=number % 100 == 0)
    return settings


@pytest.fixture(scope="module")
def ten_years(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("ten_years"), DAYS)


def scores(settings) -> list[Path]:
    return sorted(settings.scores.rglob("*.parquet"))


def test_the_build_after_ten_years_starts_within_seconds_and_megabytes(ten_years):
    plan = plan_of(DAYS)
    tracemalloc.start()
    began = time.process_time()
    variables = dbt.build_variables(ten_years, plan, MARTS)
    options, environment = dbt.given(ten_years.build, {**variables, "new_files": None})
    seconds = time.process_time() - began
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    texts = [*options, *(f"{name}={value}" for name, value in environment.items())]
    assert max(map(len, texts)) < 128 * 1024 // 4
    assert len(variables["releases"]) == DAYS
    assert seconds < 10, "of a processor, with every allocation traced"
    assert peak < 100 * 2**20
    began = time.process_time()
    dbt.build_variables(ten_years, plan)
    assert time.process_time() - began < 2, "the other layers of the build"


def test_history_is_a_month_of_days_and_three_years_of_months(ten_years):
    files = dbt.build_variables(ten_years, plan_of(DAYS), MARTS)["history_files"]
    days = [path.split("as_of=")[1][:10] for path in files["clv"]]
    assert set(files) == set(history.HISTORY)
    assert days[-31:] == [str(day(DAYS - 31 + number)) for number in range(31)]
    months = days[:-31]
    assert len(days) <= history.DAYS + history.MONTHS
    assert all((dt.date.fromisoformat(each) + dt.timedelta(days=1)).day == 1 for each in months)
    assert months[0] == "2023-01-31"


def test_history_does_not_depend_on_how_often_files_were_removed(tmp_path, monkeypatch):
    """Never, once, or on every day: the next build reads the same scores and models, so that its hash is the same."""
    monkeypatch.setattr(history, "DAYS", 5)
    monkeypatch.setattr(history, "MONTHS", 3)
    monkeypatch.setattr("pipeline.base.files.fsync_path", lambda path: None)
    begun, last = 100, 160
    homes = [make_home(tmp_path / name, begun) for name in ("never", "once", "daily")]
    for number in range(begun, last):
        for settings in homes:
            record(settings, settings.home / "template.parquet", number)
            train(settings, number, is_published=number == begun + 3)
        publish_day(homes[2], number)
    publish_day(homes[1], last - 1)
    asked = []
    for settings in homes:
        files = dbt.build_variables(settings, plan_of(last), MARTS)["history_files"]
        relative = {job: [path.removeprefix(str(settings.home)) for path in paths] for job, paths in files.items()}
        asked.append((relative, history.models_that_matter(settings, day(last))))
    assert asked[0] == asked[1] == asked[2]
    # The release of the last day again: what it was made of is still there.
    again = [history.models_that_matter(settings, day(last - 1)) for settings in homes]
    assert again[0] == again[1] == again[2]
    for settings in homes[1:]:
        assert len(scores(settings)) <= len(JOBS) * (history.DAYS + history.MONTHS + 2)
        assert len(list(settings.models.rglob("*.json"))) <= 2 * (history.DAYS + history.MONTHS + 5)
        assert len(ledger.entries(settings)) == last, "that a release was published is not forgotten"
    assert [path.name for path in scores(homes[1])] == [path.name for path in scores(homes[2])]


def test_an_unnamed_score_file_is_removed_and_a_missing_named_one_is_an_error(tmp_path):
    settings = make_home(tmp_path / "home", 3)
    stray = settings.scores / "clv" / f"as_of={day(1)}" / "run=of-a-build-that-the-gate-stopped.parquet"
    os.link(settings.home / "template.parquet", stray)
    publish_day(settings, 2)
    assert not stray.exists()
    assert len(scores(settings)) == 3 * len(JOBS)
    scores(settings)[0].unlink()
    with pytest.raises(DamagedError, match="is damaged: it is gone"):
        dbt.build_variables(settings, plan_of(3), MARTS)


def test_scores_of_a_release_that_was_rolled_back_stay_as_long_as_it_can_come_back(tmp_path):
    settings = make_home(tmp_path / "home", 3)
    kept = settings.serving / "releases" / release_of(1)
    kept.mkdir(parents=True)
    manifest = {"release_id": release_of(1), "as_of_date": str(day(1)), "input_hash": "", "sources": [], "tables": {}}
    (kept / "release.json").write_text(json.dumps(manifest), encoding="utf-8")
    ledger.roll_back(settings, release_of(0))
    publish_day(settings, 0)
    assert {path.parent.name for path in scores(settings)} == {f"as_of={day(0)}", f"as_of={day(1)}"}
    ledger.roll_back(settings, release_of(1))
    assert len(dbt.build_variables(settings, plan_of(2), MARTS)["history_files"]["clv"]) == 2


def test_features_of_earlier_days_are_removed(tmp_path):
    settings = make_settings(tmp_path)
    settings.features.mkdir()
    for number in range(4):
        (settings.features / f"as_of={day(number)}.parquet").touch()
    publish_day(settings, 2)
    assert sorted(path.name for path in settings.features.iterdir()) == [
        f"as_of={day(2)}.parquet",
        f"as_of={day(3)}.parquet",
    ]
