"""Each state file with each other shape of JSON in it: what it says is used, made again, or named in one sentence.

The files have no checksum here, as an earlier version wrote them: nothing but their shape tells that they are damaged.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.audit.suites import read_suite
from pipeline.base.errors import UserError
from pipeline.base.files import DamagedError, read_sealed, write_json, write_sealed, write_text
from pipeline.base.model_files import read_models, write_model
from pipeline.build import dbt
from pipeline.build.dbt_process.failures import failures
from pipeline.build.increment import STATE, begin
from pipeline.build.plan import PLAN as PLAN_FILE
from pipeline.build.plan import load_plan, save_plan
from pipeline.landing import accept
from pipeline.landing.receipts import ReceiptShape, covers, newest, read_receipt, read_receipts
from pipeline.orchestration.airflow_settings import airflow_home, password_file, prepare, prepare_home
from pipeline.outputs import summary
from pipeline.serving import ledger
from pipeline.serving.damage import find_damage
from pipeline.serving.releases import has_facts, kept_releases
from tests.pipeline.build.test_dbt import PLAN
from tests.support.builds.loads import said
from tests.support.builds.states import CHECK, ENTRY, MANIFEST, MODEL, receipt_of

RECEIPT = receipt_of(
    "shop", "sales", schema=[{"name": "id", "type": "BIGINT"}], source_files=[{"name": "s.csv", "sha256": "s"}]
)
# In the place of each value: nothing, and one of each kind that JSON has, and Python's own not-a-number.
OTHERS = (None, "", "x", "2024-02-30", -1, 1.5, 10**400, float("nan"), True, [], [1], {}, {"a": [None]}, "2024-01-01")
AT_ALL: dict[str, bytes] = {
    "emptied": b"",
    "cut off": b'{"source": "sh',
    "not UTF-8": b'{"source": "K\xf6ln"}',
    "a list": b"[]",
    "a number": b"5",
    "null": b"null",
    "nested without end": b"[" * 100_000,
    "a number of 5000 digits": b'{"generation": ' + b"9" * 5000 + b"}",
    "an empty object": b"{}",
}


@pytest.fixture
def settings(make_settings):
    return make_settings(CRM_SOURCES="cdnow")


def other_shapes(content: Any) -> Iterator[Any]:
    """The content with one value left out or replaced by one of another kind, wherever it stands."""
    keys = list(content) if isinstance(content, dict) else range(len(content))
    for key in keys:
        copy = content.copy()
        del copy[key]
        yield copy
        inner = other_shapes(content[key]) if isinstance(content[key], dict | list) else ()
        for other in (*OTHERS, *inner):
            copy = content.copy()
            copy[key] = other
            yield copy


def use_receipt(settings: Any) -> None:
    (path,) = (settings.landing / "shop" / "sales").glob("*.json")
    read_receipt(path)
    for receipt in read_receipts(settings, "shop", "sales"):
        assert newest([receipt], is_scheduled=True) and covers(receipt, receipt)
        sum(receipt[name] for name in ("received", "deleted", "missed", "unchanged", "unreadable"))
        [(file["sha256"], file["name"]) for file in receipt["source_files"]]
        [(column["name"], column["type"]) for column in receipt["schema"]]


def use_entries(settings: Any) -> None:
    ledger.rolled_back(settings, "b")
    ledger.published_before(settings, ENTRY["release_id"])
    dbt.build_variables(settings, PLAN, [{"files": {}}])
    for entry in ledger.entries(settings):
        ledger.check_files(settings, entry, [path for paths in entry["score_files"].values() for path in paths])


def use_manifest(settings: Any) -> None:
    for folder in settings.serving.glob("releases/*"):
        find_damage(folder)
    for folder in kept_releases(settings):
        content = json.loads((folder / "release.json").read_text(encoding="utf-8"))
        has_facts(content)
        [table["rows"] + 1 for table in content["tables"].values()]


def use_models(settings: Any) -> None:
    models = read_models(settings, "churn", before="2024-02-01")
    [(model["model_version"], sorted(model["sources"])) for model in models]


def use_checks(settings: Any) -> None:
    summary.warnings(settings.build)


def use_accepted(settings: Any) -> None:
    ledger.is_accepted(settings, "r")
    sorted(ledger.accepted_loads(settings))


USED = {
    "receipt": ("landing/shop/sales/a.json", RECEIPT, use_receipt),
    "ledger entry": (f"landing/_ledger/{ENTRY['release_id']}.json", ENTRY, use_entries),
    "release": (f"serving/releases/{MANIFEST['release_id']}/release.json", MANIFEST, use_manifest),
    "model": (f"models/churn/{MODEL['model_version']}.json", MODEL, use_models),
    "checks": ("build/checks.json", {"checks": [CHECK]}, use_checks),
    "accepted": ("landing/_ledger/accepted/r.json", {"release_id": "r", "load": "shop.sales.x"}, use_accepted),
}
every_file = pytest.mark.parametrize(("name", "content", "use"), USED.values(), ids=USED)


@pytest.fixture
def written(settings, monkeypatch):
    """Write a state file, and what it names, and use it; what is said of it is one sentence that names it."""
    ledger._read.cache_clear()
    for path in (RECEIPT["file"], "scores/clv.parquet"):
        write_text(settings.home / path, "x")

    def write(name, content, use):
        path = settings.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        ledger._read.cache_clear()
        try:
            use(settings)
        except UserError as error:
            message = str(error)
            assert "\n" not in message and message.endswith(".") and len(message) < 1000
            return message
        return None

    return write


@every_file
def test_a_whole_file_is_used(written, name, content, use):
    if name.startswith("models"):
        content = {**content, "needs": None}  # without a checksum it is of an earlier version, and not used
    assert written(name, json.dumps(content).encode(), use) is None


@every_file
def test_a_file_of_another_shape_is_used_or_named(written, name, content, use):
    told = [written(name, json.dumps(other).encode(), use) for other in other_shapes(content)]
    assert all(message is None or Path(name).name.removesuffix(".json") in message for message in told)
    assert any(told) or name.startswith("serving")


@every_file
@pytest.mark.parametrize("damage", AT_ALL.values(), ids=AT_ALL)
def test_a_file_that_is_no_json_object_is_named(written, settings, name, content, use, damage):
    message = written(name, damage, use)
    if name.startswith("serving"):  # a folder without a manifest is no release, and says so in the log
        assert kept_releases(settings) == []
    elif not (name.endswith("accepted/r.json") and damage == b"{}"):
        assert message is not None and str(settings.home / name) in message


@every_file
def test_a_folder_in_its_place_is_named(settings, written, name, content, use):
    (settings.home / name).mkdir(parents=True)
    if name.startswith("serving"):
        assert kept_releases(settings) == []
    else:
        assert str(settings.home / name) in said(use, settings)


def test_a_key_that_older_receipts_lack_has_a_default(settings):
    path = settings.landing / "shop" / "sales" / "a.json"
    write_json(path, RECEIPT)
    receipt = read_receipt(path)
    assert (receipt["deleted"], receipt["new_columns"], receipt["held_because"]) == (0, [], None)
    assert set(ReceiptShape.completed({})) <= set(receipt)


def test_the_receipt_of_another_load_is_named(settings):
    write_sealed(settings.landing / "shop" / "returns" / "a.json", RECEIPT)
    message = said(read_receipt, settings.landing / "shop" / "returns" / "a.json")
    assert "it is the receipt of landing/shop/sales/a.parquet" in message


def test_a_held_receipt_that_is_damaged_lands_nothing(define_source, make_settings):
    define_source("shop")
    settings = make_settings(CRM_SOURCES="shop")
    held = settings.landing / "shop" / "sales" / "held" / "a.json"
    write_text(held, '{"source": "shop"')
    assert str(held) in said(accept, settings, "shop", "sales")
    assert held.is_file()


OF_A_BUILD = {**AT_ALL, "no checksum": json.dumps({"built": 5, "checks": [], "layers": {}}).encode(), "a folder": None}
every_build_damage = pytest.mark.parametrize("damage", OF_A_BUILD.values(), ids=OF_A_BUILD)


def put(path: Path, content: bytes | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)


@every_build_damage
def test_a_damaged_plan_is_made_again(settings, damage):
    put(settings.build / PLAN_FILE, damage)
    message = said(load_plan, settings)
    assert str(settings.build / PLAN_FILE) in message and "Run again" in message and "\n" not in message
    save_plan(settings, PLAN)
    assert load_plan(settings) == PLAN


@every_build_damage
def test_an_unreadable_build_state_causes_a_full_build(settings, damage):
    put(settings.warehouse, b"warehouse")
    put(settings.build / STATE, damage)
    variables = dbt.build_variables(settings, PLAN)
    assert begin(settings, PLAN, variables)["new_files"] is None
    assert read_sealed(settings.build / STATE, "", is_checksum_needed=True)["built"] is None


@every_build_damage
def test_unreadable_results_of_dbt_are_ignored(settings, damage, tmp_path):
    put(tmp_path / "run_results.json", damage)
    write_text(tmp_path / "dbt.log", "its last words\n")
    assert failures(tmp_path / "run_results.json", tmp_path / "dbt.log") == "  its last words"


@pytest.mark.parametrize("damage", AT_ALL.values(), ids=AT_ALL)
def test_a_suite_that_cannot_be_read_is_named(tmp_path, monkeypatch, damage):
    monkeypatch.setattr("pipeline.audit.suites.SUITES", tmp_path)
    put(tmp_path / "landing.yml", damage)
    assert str(tmp_path / "landing.yml") in said(read_suite, "landing")


OF_AIRFLOW = [b"", b"\xff\x00", b"[core]\nfernet_key =\n", None]


@pytest.mark.parametrize("damage", OF_AIRFLOW, ids=repr)
def test_a_damaged_password_of_the_web_ui_is_made_again(settings, damage):
    put(password_file(settings), damage)
    prepare_home(settings)
    assert json.loads(password_file(settings).read_text(encoding="utf-8"))["admin"]


@pytest.mark.parametrize("damage", OF_AIRFLOW, ids=repr)
@pytest.mark.parametrize("name", ["airflow.cfg", "airflow.db"])
def test_airflows_keys_and_the_metadata_of_the_web_server_are_named(settings, monkeypatch, name, damage):
    monkeypatch.setattr("pipeline.orchestration.airflow_settings._create_database", lambda *_: None)
    prepare(settings)
    put(airflow_home(settings) / name, damage)
    with pytest.raises(DamagedError, match=rf"{name} is damaged: .* Restore it from a backup, or delete it"):
        prepare(settings)


def test_a_model_file_is_read_back(settings):
    write_model(settings, MODEL)
    assert read_models(settings, "churn") == [MODEL]
