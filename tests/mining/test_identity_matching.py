"""Which pairs of records a model links, which wait for a person, and which contradict themselves."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from benchmarks.identity import make_records
from mining.identity import training
from mining.identity.scoring import Matcher
from mining.identity.step import LEAST_RECORDS, scored_pairs

COLUMNS = {
    **dict.fromkeys(("source_record_key", "party", "email", "phone", "loyalty_id"), pa.string()),
    "name_words": pa.list_(pa.string()),
    "given_words": pa.int32(),
    **dict.fromkeys(("street_number", "street", "postcode", "birth_date"), pa.string()),
}
WHOLE = {"party": "person", "name_words": [], "given_words": 0}


@pytest.fixture(scope="module")
def records() -> pa.Table:
    """2,000 records of four systems."""
    with duckdb.connect() as connection:
        make_records(connection, 2_000)
        return connection.sql("from records").to_arrow_table()


@pytest.fixture(scope="module")
def model(records: pa.Table) -> dict[str, Any]:
    trained = Matcher(records, 20).train()
    assert trained is not None
    return trained


def judge(model: dict[str, Any], *people: dict[str, Any]) -> dict[str, str]:
    """Verdict of each pair of a few records, by their keys; `none` where nothing speaks for a link."""
    rows = pa.Table.from_pylist([{**WHOLE, **person} for person in people], pa.schema(COLUMNS))
    scored = Matcher(rows, 20).score(model, "m-1").pairs.to_pylist()
    found = {f"{row['source_record_key']} {row['other_record_key']}": row["verdict"] for row in scored}
    return defaultdict(lambda: "none", found)


def person(key: str, name: str, given_words: int = 0, **values: str) -> dict[str, Any]:
    return {"source_record_key": key, "name_words": name.split(), "given_words": given_words, **values}


HOME = {"street_number": "7", "street": "banyanroad", "postcode": "018956"}
MAIL = {"email": "grace.walker.k7@mail.example"}


@pytest.mark.parametrize(
    ("slipped", "is_linked"),
    [
        ("grace.walkr.k7@mail.example", True),
        ("grace.wallker.k7@mail.example", True),
        ("grace.wakler.k7@mail.example", True),
        ("grace.walker.x7@mail.example", False),
        ("grace.walker.k8@mail.example", False),
    ],
)
def test_an_address_with_a_slip_and_a_full_name_link_but_with_a_wrong_letter_do_not(
    model: dict[str, Any], slipped: str, is_linked: bool
) -> None:
    found = judge(model, person("a", "grace walker", **MAIL), person("b", "walker grace", email=slipped))
    assert (found["a b"] == "link") == is_linked


def test_twins_of_one_home_are_two_people_and_a_second_record_of_one_is_not(model: dict[str, Any]) -> None:
    born = {"birth_date": "1990-02-03", **HOME}
    twins = person("a", "kai peng chua", 2, **born), person("b", "kai fang chua", 2, **born)
    found = judge(model, *twins, person("c", "kai pegn chua", 2, **born))
    assert found["a c"] == "link"
    assert found["a b"] == "vetoed"


def test_a_partner_with_the_others_address_is_another_person(model: dict[str, Any]) -> None:
    ana = person("a", "grace walker", 1, phone="6591234567", **MAIL, **HOME)
    ben = person("b", "thomas walker", 1, phone="6597654321", **MAIL, **HOME)
    assert judge(model, ana, ben)["a b"] in ("none", "vetoed")


def test_a_chinese_and_an_english_name_with_one_address_and_phone_are_one_person(model: dict[str, Any]) -> None:
    both = {"phone": "6591234567", "email": "grace.tan.k7@mail.example"}
    assert judge(model, person("a", "grace tan", **both), person("b", "tan mei ling", **both))["a b"] == "link"
    english = judge(model, person("a", "grace tan", **both), person("b", "thomas tan", **both))
    assert english["a b"] == "review"


def test_two_loyalty_numbers_forbid_a_link(model: dict[str, Any]) -> None:
    one, other = (person(key, "grace walker", loyalty_id=number, **MAIL, **HOME)
                  for key, number in (("a", "KR00048271"), ("b", "KR00731155")))  # fmt: skip
    assert judge(model, one, other)["a b"] in ("none", "vetoed")


def test_a_value_that_too_many_records_hold_links_nobody(model: dict[str, Any]) -> None:
    office = [person(f"{n:02}", f"{word} walker", phone="6560000001") for n, word in enumerate("abcdefghijklmnopqrstu")]
    assert not judge(model, *office)


def test_organisations_are_not_compared_with_persons(model: dict[str, Any]) -> None:
    buyer = person("a", "harbour hotels", phone="6591234567", **MAIL)
    assert not judge(model, buyer, {**buyer, "source_record_key": "b", "party": "organisation"})


def test_pairs_are_the_same_in_any_order_on_any_threads_and_in_steps(
    records: pa.Table, model: dict[str, Any], tmp_path: Path
) -> None:
    whole = Matcher(records, 20, threads=2).score(model, "m-1")
    order = records.sort_by([("phone", "ascending"), ("source_record_key", "descending")])
    assert Matcher(order, 20, threads=1).score(model, "m-1").pairs.equals(whole.pairs)
    state = tmp_path / "state.parquet"
    Matcher(records.slice(0, 1_900), 20).score(model, "m-1", state)
    day = Matcher(records, 20).score(model, "m-1", state)
    assert day.pairs.equals(whole.pairs)
    assert day.compared < whole.compared / 2
    assert Matcher(records, 20).score(model, "m-1", state).compared == 0


def test_a_model_holds_no_value_of_a_record(records: pa.Table, model: dict[str, Any]) -> None:
    text = str(model)
    assert not any(word in text for words in records["name_words"].to_pylist()[:100] for word in words)


def test_a_small_company_or_one_without_contacts_has_no_model(records: pa.Table, tmp_path: Path) -> None:
    build = {"as_of_date": "2025-12-31", "identity_model": {"models": str(tmp_path), "held_by_at_most": 20}}
    with duckdb.connect() as connection:
        few = connection.from_arrow(records).limit(LEAST_RECORDS - 1)
        assert scored_pairs(few, build) == (None, None)
        silent = (
            "source_record_key, null as email, null as phone, null as loyalty_id, null as street, null as birth_date"
        )
        assert scored_pairs(connection.from_arrow(records).project(silent), build) == (None, None)
    assert not list(tmp_path.iterdir())


def test_a_model_is_trained_once_and_equal_records_train_an_equal_one(
    records: pa.Table, model: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reversed_records = records.take(list(range(records.num_rows))[::-1])
    given = {"models": str(tmp_path / "identity"), "state": str(tmp_path / "state"), "sources": ["till"],
             "held_by_at_most": 20, "code_version": "c"}  # fmt: skip
    with duckdb.connect() as connection:
        first, held = scored_pairs(
            connection.from_arrow(reversed_records), {"as_of_date": "2025-12-31", "identity_model": given}
        )
        monkeypatch.setattr(training, "train", None)
        later, _ = scored_pairs(connection.from_arrow(records), {"as_of_date": "2026-02-01", "identity_model": given})
    assert first is not None
    assert held is not None
    assert first.equals(later)
    assert first.drop_columns("model_version").equals(
        Matcher(records, 20).score(model, "m-1").pairs.drop_columns("model_version")
    )
