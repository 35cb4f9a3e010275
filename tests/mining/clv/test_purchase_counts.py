"""The file of whole distributions: complete, monotone, and the same model as the published scores."""

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mining import jobs, purchase_counts
from pipeline.base.files import read_sealed, write_sealed
from pipeline.base.settings import Settings, load_settings
from tests.support.builds.mined import write_features

AS_OF = dt.date(2024, 12, 31)
NAMED = {"CRM_SOURCES": "complete_journey"}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, shop: pa.Table) -> tuple[Settings, pd.DataFrame]:
    """A home with a published model, and its scores by customer."""
    settings = load_settings({**NAMED, "CRM_HOME": str(tmp_path_factory.mktemp("home"))})
    write_features(settings, shop)
    result = jobs.score("clv", settings, as_of=AS_OF, sources=settings.sources)
    return settings, pq.ParquetFile(result["files"]["clv"]).read().to_pandas().set_index("customer_id")


@pytest.fixture
def home(scored: tuple[Settings, pd.DataFrame], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The command reads its settings from the environment."""
    monkeypatch.setenv("CRM_HOME", str(scored[0].home))
    monkeypatch.setenv("CRM_SOURCES", NAMED["CRM_SOURCES"])
    return scored[0]


def test_every_customer_has_a_distribution_whose_mean_is_the_published_one(
    home: Settings, scored: tuple[Settings, pd.DataFrame], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert purchase_counts.main([str(tmp_path / "counts.parquet")]) == 0
    assert "365 days after 2024-12-31" in capsys.readouterr().out
    found = pq.ParquetFile(tmp_path / "counts.parquet").read().to_pandas()
    by = found.groupby("customer_id")
    assert (by["purchases"].max() + 1 == by.size()).all() and (by["purchases"].min() == 0).all()
    assert (by["probability_at_most"].diff().dropna() >= -1e-8).all()
    assert (by["probability_at_most"].last() >= 1 - 2e-6).all()
    mean = (1 - found["probability_at_most"]).groupby(found["customer_id"]).sum()
    published = scored[1]["expected_purchases"]
    assert mean.index.tolist() == sorted(published.index)
    np.testing.assert_allclose(mean, published.loc[mean.index], rtol=1e-3, atol=1e-4)


def test_fewer_days_have_fewer_purchases(home: Settings, tmp_path: Path) -> None:
    files = {days: tmp_path / f"{days}.parquet" for days in (28, 365)}
    none = {}
    for days, path in files.items():
        assert purchase_counts.main([str(path), "--days", str(days)]) == 0
        found = pq.ParquetFile(path).read().to_pandas()
        none[days] = found[found["purchases"] == 0].set_index("customer_id")["probability_at_most"]
    assert (none[28] >= none[365]).all() and none[28].mean() > none[365].mean() + 0.1


def test_days_below_one_are_refused(home: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert purchase_counts.main([str(tmp_path / "counts.parquet"), "--days", "0"]) == 2
    assert "--days is 0: give at least 1." in capsys.readouterr().err


def test_a_refused_model_has_no_distribution(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(home.home, tmp_path / "home")
    for path in (tmp_path / "home" / "models" / "clv").glob("*.json"):
        write_sealed(path, {**read_sealed(path, ""), "is_published": False})
    monkeypatch.setenv("CRM_HOME", str(tmp_path / "home"))
    assert purchase_counts.main([str(tmp_path / "counts.parquet")]) == 2
    assert "No published lifetime value model scores 2024-12-31" in capsys.readouterr().err
    assert not (tmp_path / "counts.parquet").exists()


def test_a_home_without_features_names_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRM_HOME", str(tmp_path))
    monkeypatch.setenv("CRM_SOURCES", NAMED["CRM_SOURCES"])
    assert purchase_counts.main([str(tmp_path / "counts.parquet")]) == 2
    assert "has no features: build them first (`make run` does)." in capsys.readouterr().err
