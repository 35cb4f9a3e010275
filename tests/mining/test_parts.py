"""Features of any size: scoring by parts gives the same files, and training takes a sample that its model states."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from mining import jobs, protocol, store
from mining.blocks import BLOCK, block_file
from mining.protocol import TrainedJob
from mining.registry import JOBS, find_job
from mining.sampling import smallest
from mining.store import SUBSCRIPTION_TERMS, feature_parts, read_features
from pipeline.base.errors import UserError
from pipeline.base.files import sha256_of_file, write_parquet
from pipeline.base.model_files import card_path, model_path, read_model
from pipeline.base.settings import Settings, load_settings
from tests.mining.subscriptions.test_subscription_ends import simulated, subscriptions
from tests.support.builds.mined import write_features

AS_OF = dt.date(2024, 12, 31)
SOURCES = ["complete_journey"]
NAMED = {"CRM_SOURCES": SOURCES[0]}
BY_ROW = ("clv", "churn", "subscriptions")
PART, LIMIT = 97, 5_000
"""Rows: a part ends within every block, and the shop has four times as many rows as may be learned from."""


def company(home: Path, shop: pa.Table) -> Settings:
    """Features of customers and contracts."""
    settings = load_settings({**NAMED, "CRM_HOME": str(home)})
    write_features(settings, shop)
    contracts = subscriptions(simulated(3000, 1)).replace_schema_metadata(shop.schema.metadata)
    write_parquet(settings.features / SUBSCRIPTION_TERMS.folder / f"as_of={AS_OF}.parquet", contracts)
    return settings


def scored(settings: Settings) -> dict[str, dict]:
    return {job: jobs.score(job, settings, as_of=AS_OF, sources=SOURCES) for job in BY_ROW}


def hashes(results: dict[str, dict]) -> dict[str, str]:
    files = {name: path for result in results.values() for name, path in result["files"].items()}
    return {name: sha256_of_file(Path(path)) for name, path in files.items()}


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory, shop: pa.Table) -> tuple[Settings, dict[str, dict]]:
    settings = company(tmp_path_factory.mktemp("home"), shop)
    return settings, scored(settings)


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    """Rows that each job is given to score, call by call, where a part has at most `PART`."""
    found: dict[str, list[int]] = {job: [] for job in BY_ROW}

    def watched(job: TrainedJob) -> Callable:
        score = job.score

        def watch(features, model, options):
            found[job.name].append(features.table.num_rows)
            return score(features, model, options)

        return watch

    for name in BY_ROW:
        job = find_job(name)
        monkeypatch.setattr(job, "score", watched(job))
    monkeypatch.setattr(store, "PART", PART)
    return found


def test_the_jobs_that_score_by_rows_are_these_and_no_part_is_larger_than_stated(at_once, sizes):
    settings, results = at_once
    assert [name for name in JOBS if find_job(name).is_by_row] == list(BY_ROW)
    assert all(result["scored"] > 3 * PART for result in results.values())
    again = scored(settings)
    for given in sizes.values():
        assert max(given) == PART and len(given) > 3
    assert sum(sizes["clv"]) == again["clv"]["rows"]


def test_scores_by_parts_are_those_of_all_at_once_to_the_byte(at_once, sizes):
    settings, results = at_once
    before = hashes(results)
    for result in results.values():
        for path in result["files"].values():
            Path(path).unlink()
    again = scored(settings)
    assert hashes(again) == before and sizes["churn"]
    assert [result["model_version"] for result in again.values()] == [r["model_version"] for r in results.values()]


def test_one_part_that_is_not_sound_leaves_no_score(at_once, sizes, monkeypatch):
    settings, _ = at_once
    clv = find_job("clv")
    score = clv.score

    def breaks(features, model, options):
        frames = score(features, model, options)
        if len(sizes["clv"]) == 3:
            frames["clv"].loc[5, "p_alive"] = 2.0
        return frames

    monkeypatch.setattr(clv, "score", breaks)
    result = jobs.score("clv", settings, as_of=AS_OF, sources=SOURCES)
    table = pq.ParquetFile(result["files"]["clv"]).read()
    assert result["scored"] == 0 and table.num_rows == result["rows"] > 3 * PART
    assert "p_alive is not within 0 and 1" in table["unavailable_reason"][0].as_py()
    assert not [path for path in settings.scores.rglob(".*") if path.is_file()]


def test_a_company_without_customers_has_one_part_without_rows(tmp_path, shop):
    settings = load_settings({**NAMED, "CRM_HOME": str(tmp_path)})
    write_features(settings, shop.slice(0, 0))
    parts = list(feature_parts(settings, AS_OF, SOURCES, {"purchase_days"}))
    assert [part.table.num_rows for part in parts] == [0]


@pytest.fixture(scope="module")
def from_a_sample(tmp_path_factory: pytest.TempPathFactory, shop: pa.Table) -> tuple[Settings, dict[str, dict]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "TRAINING_ROWS", LIMIT)
        settings = company(tmp_path_factory.mktemp("home"), shop)
        return settings, scored(settings)


def test_a_model_of_a_sample_says_so_and_scores_everybody(at_once, from_a_sample, shop):
    settings, results = from_a_sample
    for job in ("clv", "churn"):
        model = read_model(model_path(settings, job, results[job]["model_version"]))
        sample = model["parameters"]["sample"]
        assert sample["of_rows"] == model["input_rows"] == shop.num_rows > 3 * LIMIT
        assert sample["rows"] == pytest.approx(LIMIT, rel=0.1) and sample["share"] == pytest.approx(
            sample["rows"] / shop.num_rows, abs=1e-6
        )
        said = f"Learned from a sample of customers by a hash of their id, {sample['share']:.1%} of the features"
        (run,) = pq.ParquetFile(results[job]["files"]["model_runs"]).read().to_pylist()
        assert said in run["decision"] and '"sample": {"of_rows"' in run["parameters"]
        assert said in card_path(settings, job, model["model_version"]).read_text(encoding="utf-8")
        assert results[job]["rows"] == at_once[1][job]["rows"]
    whole = [read_model(model_path(at_once[0], job, at_once[1][job]["model_version"])) for job in BY_ROW]
    assert not any("sample" in model["parameters"] or "sample" in model["decision"] for model in whole)


def test_a_sample_has_the_same_customers_on_each_day_and_in_any_order_of_rows(tmp_path, shop, from_a_sample):
    settings, _ = from_a_sample
    found = read_features(settings, AS_OF, SOURCES, {"purchase_days"}, most_rows=LIMIT)
    whole = read_features(settings, AS_OF, SOURCES, {"purchase_days"})
    assert found.content_hash == whole.content_hash and (found.rows, whole.sample_of) == (whole.rows, None)
    chosen = set(found.customers)
    for day in whole.dates:
        assert set(found.at(day)["customer_id"]) == chosen & set(whole.at(day)["customer_id"])
    shuffled = shop.take(np.random.default_rng(4).permutation(shop.num_rows))
    other = load_settings({**NAMED, "CRM_HOME": str(tmp_path)})
    write_features(other, shuffled)
    assert read_features(other, AS_OF, SOURCES, {"purchase_days"}, most_rows=LIMIT).table.equals(found.table)


def test_a_sample_of_a_sample_is_one_of_everybody():
    ids = np.array([f"c{number}" for number in range(2000)], dtype=object)
    some = ids[smallest(ids, 500)]
    assert len(some) == 500 and set(some[smallest(some, 100)]) == set(ids[smallest(ids, 100)])
    turned = ids[::-1]
    assert set(turned[smallest(turned, 100)]) == set(ids[smallest(ids, 100)])


def test_a_file_out_of_the_order_of_its_key_is_refused(tmp_path, shop):
    settings = load_settings({**NAMED, "CRM_HOME": str(tmp_path)})
    turned = shop.take(pa.array(range(shop.num_rows - 1, -1, -1)))
    write_parquet(settings.features / f"as_of={AS_OF}.parquet", turned)
    with pytest.raises(UserError, match="or rows out of its order"):
        read_features(settings, AS_OF, SOURCES, {"purchase_days"})


def test_a_file_has_the_same_bytes_in_whatever_parts_it_is_written(tmp_path, shop):
    table = pa.concat_tables([shop] * 12).sort_by("customer_id")
    paths = {size: tmp_path / f"{size}.parquet" for size in (1_001, 50_000, table.num_rows)}
    for size, path in paths.items():
        with block_file(path, table.schema) as add:
            for start in range(0, table.num_rows, size):
                add(table.slice(start, size))
    assert len({sha256_of_file(path) for path in paths.values()}) == 1
    file = pq.ParquetFile(paths[1_001])
    assert file.num_row_groups == -(-table.num_rows // BLOCK) > 1
    assert pc.all(pc.equal(file.read()["customer_id"], table["customer_id"])).as_py()
