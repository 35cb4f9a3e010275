"""Which pairs of records a model links, which wait for a person, and which contradict themselves."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from benchmarks.identity import make_landed_rows, make_records, models_over
from mining.identity import training
from mining.identity.blocking import LARGEST_BLOCK
from mining.identity.evidence import GUARDS, TWINS
from mining.identity.model import MODEL_DAYS, TRAINED_AGAIN_AFTER, Given, model_of_day, train_next
from mining.identity.scoring import Matcher
from mining.identity.step import LEAST_RECORDS, scored_pairs
from pipeline.base.errors import UserError
from tests.support.companies.neighbours import RECORDS

COLUMNS = {
    **dict.fromkeys(("source_record_key", "party", "email", "phone", "incomplete_phone", "loyalty_id"), pa.string()),
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
        return connection.sql("select *, null::varchar as incomplete_phone from records").to_arrow_table()


@pytest.fixture(scope="module")
def model(records: pa.Table) -> dict[str, Any]:
    trained = Matcher(records, 20).train()
    assert trained is not None
    return trained


def judge(model: dict[str, Any], *people: dict[str, Any], guards: Collection[str] = GUARDS) -> dict[str, str]:
    """Verdict of each pair of a few records, by their keys; `none` where nothing speaks for a link."""
    rows = pa.Table.from_pylist([{**WHOLE, **person} for person in people], pa.schema(COLUMNS))
    scored = Matcher(rows, 20, guards=guards).score(model, "m-1").pairs.to_pylist()
    found = {f"{row['source_record_key']} {row['other_record_key']}": row["verdict"] for row in scored}
    return defaultdict(lambda: "none", found)


def person(key: str, name: str, given_words: int = 0, **values: str) -> dict[str, Any]:
    return {"source_record_key": key, "name_words": name.split(), "given_words": given_words, **values}


@pytest.fixture(scope="module")
def neighbours(model: dict[str, Any]) -> dict[str, str]:
    """Verdicts of the pairs of the neighbours (tests/warehouse/test_people.py), whom dbt's models have standardised."""
    said = {"given": "given_name", "family": "family_name", "name": "full_name", "loyalty": "loyalty_id",
            "account": "account_ref", "born": "birth_date"}  # fmt: skip
    landed = {"_known_from": "2024-03-09", "_version": 1, "_is_current": True, "_op": "upsert", "_fate": "accepted"}
    with duckdb.connect() as connection:
        make_landed_rows(connection)
        for record, _, says in RECORDS:
            row = {**landed, **{said.get(name, name): value for name, value in says.items() if name != "gone"}}
            row["source_system"], _, row["source_customer_id"] = record.partition(":")
            if "gone" not in says and record != "desk:dora":
                values = [f"${number}" for number in range(1, len(row) + 1)]
                insert = f"insert into int_customers__rows ({', '.join(row)}) values ({', '.join(values)})"
                connection.execute(insert, list(row.values()))
        models = models_over(connection, "Asia/Singapore")
        standard = connection.table(models.make("int_party_records"))
        names = {key: f"{source}:{number}" for key, source, number in standard.project("#1, #2, #3").fetchall()}
        pairs = Matcher(standard.to_arrow_table(), 20).score(model, "m-1").pairs.to_pylist()
    found = {
        " ".join(sorted((names[row["source_record_key"]], names[row["other_record_key"]]))): row["verdict"]
        for row in pairs
    }
    return defaultdict(lambda: "none", found)


@pytest.mark.parametrize(
    ("pair", "verdicts"),
    [
        ("till:ben till:bob", {"none", "vetoed"}),  # one phone
        ("desk:ben till:ben", {"link"}),
        ("desk:wei till:wei", {"link"}),  # Li Wei and 李伟
        ("till:mia till:pia", {"vetoed"}),  # twins of one flat, with one phone
        ("desk:pia till:mia", {"vetoed"}),
        ("desk:pia till:pia", {"link"}),
        ("till:pia till:ravi", {"none", "vetoed"}),  # the family above them
        ("desk:A-1 till:kim", {"none"}),  # a company and its buyer: the account links them
        ("till:kim till:kim2", {"none"}),  # what she buys at home is hers
        ("desk:sam till:mei", {"vetoed", "review"}),  # a mother who orders for her son
    ],
)
def test_the_model_knows_the_neighbours_apart(neighbours: dict[str, str], pair: str, verdicts: set[str]) -> None:
    """Ana's two records are left to the rule of her loyalty card: two e-mail addresses speak against one person."""
    assert neighbours[pair] in verdicts


def test_the_model_links_no_two_neighbours(neighbours: dict[str, str]) -> None:
    linked = [pair.split() for pair, verdict in neighbours.items() if verdict == "link"]
    assert linked
    assert all(one.partition(":")[2] == other.partition(":")[2] for one, other in linked)


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


def test_without_the_guard_for_twins_records_of_one_birth_date_and_home_are_one_person(model: dict[str, Any]) -> None:
    born = {"birth_date": "1990-02-03", **HOME}
    zoe, sean = person("a", "zoe campbell", 1, **born), person("b", "sean campbell", 1, **born)
    assert judge(model, zoe, sean)["a b"] == "vetoed"
    assert judge(model, zoe, sean, guards=[guard for guard in GUARDS if guard != TWINS])["a b"] == "link"


def test_a_guard_that_is_not_there_is_named(tmp_path: Path, records: pa.Table) -> None:
    given = Given(**build_of(tmp_path, "2025-12-31")["identity_model"])._replace(guards=["triplets"])
    with pytest.raises(UserError, match="'triplets': there is no such guard"):
        given.matcher(records)


@pytest.mark.parametrize(
    ("name", "is_linked"),
    [("thomas walker", True), ("thoms walker", True), ("tmo walker", True), ("peter walker", False)],
)
def test_a_slip_in_a_short_form_is_the_name(model: dict[str, Any], name: str, is_linked: bool) -> None:
    found = judge(model, person("a", name, **MAIL), person("b", "tom walker", **MAIL))
    assert (found["a b"] == "link") == is_linked


@pytest.mark.parametrize(
    ("street", "is_linked"),
    [
        ({"street": "banyanroad", "street_number": "17"}, True),
        ({"street": "banyanraod"}, True),
        ({"street": "lotuswalk", "street_number": "7"}, False),
    ],
)
def test_a_full_name_in_one_street_and_postcode_links_where_the_number_differs_or_is_missing(
    model: dict[str, Any], street: dict[str, str], is_linked: bool
) -> None:
    elsewhere = person("b", "grace walker", 1, postcode=HOME["postcode"], **street)
    assert (judge(model, person("a", "grace walker", 1, **HOME), elsewhere)["a b"] == "link") == is_linked


@pytest.mark.parametrize(
    ("name", "values", "is_compared"),
    [
        ("zoe silva", {"street_number": "7", "street": "banyanraod"}, True),
        ("silva gracie", {}, True),
        ("zoe silva", {}, False),
    ],
)
def test_records_of_one_birth_date_are_compared_in_houses_of_one_number_or_with_words_that_begin_alike(
    model: dict[str, Any], name: str, values: dict[str, str], is_compared: bool
) -> None:
    born = {"birth_date": "1990-02-03"}
    people = person("a", "grace walker", **born, **HOME), person("b", name, **born, **values)
    rows = pa.Table.from_pylist([{**WHOLE, **each} for each in people], pa.schema(COLUMNS))
    assert Matcher(rows, 20).score(model, "m-1").compared == is_compared


def test_a_name_that_only_records_of_one_party_share_is_rare() -> None:
    """100 people have a name each and two records: two records agree 1 time in 199, those of two people never."""
    with duckdb.connect() as connection:
        connection.execute("create table fields as select 'n' || (i % 100) as name_key from range(200) as records(i)")
        strangers = training._frequencies(connection, "name_key", same=0.0, prior=1 / 199)
        themselves = training._frequencies(connection, "name_key", same=1.0, prior=1 / 199)
    assert strangers["rest"] == pytest.approx(1 / 199, rel=1e-4)
    assert themselves["rest"] == pytest.approx(training.LEAST_BY_CHANCE / 199, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "number", "more", "verdict"),
    [
        ("grace walker", "659123456", {}, "link"),
        ("sam walker", "659123456", {}, "review"),
        ("grace walker", "6591234576", {}, "review"),
        ("grace walker", "6591234576", {"postcode": "018956"}, "link"),
        ("grace walker", "6591234568", {}, "none"),
    ],
)
def test_a_phone_number_with_a_slip_links_unless_it_may_be_a_namesakes(
    model: dict[str, Any], name: str, number: str, more: dict[str, str], verdict: str
) -> None:
    """A number that lacks a digit is nobody's. Two whole ones may be two people's, as may the name Sam."""
    column = "phone" if len(number) == 10 else "incomplete_phone"
    one, other = {"phone": "6591234567", **more}, {column: number, **more}
    assert judge(model, person("a", name, **one), person("b", name, **other))["a b"] == verdict


@pytest.mark.parametrize(
    ("name", "email", "more", "verdict"),
    [
        ("sam walker", "walker.family@mail.example", {}, "review"),
        ("sam walker", "walker.family@mail.example", {"postcode": "018956"}, "review"),
        ("sam walker", "walker.family@mail.example", {"phone": "6591234567"}, "link"),
        ("sam walker", "sam.walker@mail.example", {}, "link"),
        ("grace walker", "walker.family@mail.example", {}, "link"),
        ("wei tan", "tan.family@mail.example", {}, "review"),
        ("wei ming tan", "tan.family@mail.example", {}, "link"),
    ],
)
def test_a_name_that_several_people_go_by_needs_more_than_the_familys_mailbox(
    model: dict[str, Any], name: str, email: str, more: dict[str, str], verdict: str
) -> None:
    """Samuel and Samantha are called Sam; Wei may be half of Wei Ming and of Wei Ting."""
    people = (person(key, name, email=email, **more) for key in "ab")
    assert judge(model, *people)["a b"] == verdict


def test_a_chinese_and_an_english_name_with_one_address_and_birth_date_are_one_person(model: dict[str, Any]) -> None:
    both = {"birth_date": "1990-02-03", "email": "mei.ling.tan.k7@mail.example"}
    grace, mei_ling = person("a", "grace tan", **both), person("b", "tan mei ling", **both)
    assert judge(model, grace, mei_ling)["a b"] == "link"
    assert judge(model, person("a", "thomas tan", **both), person("b", "grace tan", **both))["a b"] == "vetoed"


def test_an_address_in_another_spelling_of_a_name_written_as_one_word_is_that_persons(model: dict[str, Any]) -> None:
    both = {"birth_date": "1990-02-03", "email": "swee.chee.k7@mail.example"}
    assert judge(model, person("a", "elizabeth goh", **both), person("b", "ruizhi wu", **both))["a b"] == "link"


def test_an_address_of_a_twin_is_not_of_the_other_twin(model: dict[str, Any]) -> None:
    """Yong Teck writes from the address of Yong Seng, who also goes by Amanda."""
    both = {"birth_date": "1990-02-03", "email": "yong.seng.chua.k7@mail.example"}
    amanda = person("a", "amanda chua", **both)
    assert judge(model, amanda, person("b", "chua yong seng", **both))["a b"] == "link"
    assert judge(model, amanda, person("b", "chua yong teck", **both))["a b"] == "vetoed"


@pytest.mark.parametrize(
    ("given", "is_linked"),
    [("lian jia", True), ("lian jiaa", True), ("jia lian", False), ("lian lian", False)],
)
def test_a_given_name_with_its_words_in_another_order_is_another(
    model: dict[str, Any], given: str, is_linked: bool
) -> None:
    found = judge(model, person("a", "lian jia chong", 2, **HOME), person("b", f"{given} chogn", 2, **HOME))
    assert (found["a b"] == "link") == is_linked


def test_a_chinese_given_name_spelled_otherwise_comes_with_its_family_name(model: dict[str, Any]) -> None:
    xiu_jun = person("a", "xiu jun goh", 2, **HOME)
    assert judge(model, xiu_jun, person("b", "xiujun wu", 1, **HOME))["a b"] == "link"
    assert judge(model, xiu_jun, person("b", "xiu choon goh", 2, **HOME))["a b"] != "link"


def test_a_word_of_a_given_name_serves_for_one_word_alone(model: dict[str, Any]) -> None:
    both = {"phone": "6591234567", "email": "cheong.family@mail.example", **HOME}
    found = judge(model, person("a", "mei mei cheong", 2, **both), person("b", "mei fang cheong", 2, **both))
    assert found["a b"] in ("review", "vetoed")


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


def test_pairs_are_the_same_in_any_order_on_any_threads(records: pa.Table, model: dict[str, Any]) -> None:
    whole = Matcher(records, 20, threads=2).score(model, "m-1")
    order = records.sort_by([("phone", "ascending"), ("source_record_key", "descending")])
    assert Matcher(order, 20, threads=1).score(model, "m-1").pairs.equals(whole.pairs)


def test_a_day_has_the_pairs_of_a_rebuild(records: pa.Table, model: dict[str, Any], tmp_path: Path) -> None:
    """Since the day before, records came, went, and said something else, and a phone is held by too many."""
    with duckdb.connect() as connection:
        connection.register("records", records)
        numbered = "(select *, row_number() over (order by source_record_key) as n from records)"
        before, now = (
            connection.sql(f"select * exclude (n) replace ({values}) from {numbered} where {which}").to_arrow_table()
            for values, which in (
                ("if(n % 20 = 0, lag(email) over (order by n), email) as email", "n <= 1900"),
                ("if(n between 60 and 90, '4930111111', phone) as phone", "n > 50"),
            )
        )
    state = tmp_path / "state.duckdb"
    Matcher(before, 20).score(model, "m-1", state)
    day, whole = Matcher(now, 20).score(model, "m-1", state), Matcher(now, 20).score(model, "m-1")
    assert day.pairs.equals(whole.pairs)
    assert day.compared < whole.compared / 2
    assert Matcher(now, 20).score(model, "m-1", state).compared == 0


def test_an_address_with_a_slip_is_found_on_the_day_that_it_comes_and_comes_back(
    model: dict[str, Any], tmp_path: Path
) -> None:
    """Grace's two records have nothing in common but her name and an address with a slip, which is corrected twice."""
    state = tmp_path / "state.duckdb"
    grace, ben = person("a", "grace walker", **MAIL), person("c", "ben tan", email="ben.tan@mail.example")

    def found(*people: dict[str, Any]) -> tuple[int, int]:
        rows = pa.Table.from_pylist([{**WHOLE, **each} for each in people], pa.schema(COLUMNS))
        day = Matcher(rows, 20).score(model, "m-1", state)
        assert day.pairs.equals(Matcher(rows, 20).score(model, "m-1").pairs)
        return day.pairs.num_rows, day.compared

    slipped, other = (
        person("b", "walker grace", email=f"{name}@mail.example") for name in ("grace.walkr.k7", "g.w.k7")
    )
    days = [(grace, ben), (grace, slipped, ben), (grace, other), (grace, other, ben), (grace, slipped), (slipped,)]
    assert [found(*day) for day in days] == [(0, 0), (1, 1), (0, 0), (0, 0), (1, 1), (0, 0)]


def test_a_state_that_cannot_be_written_stays_that_of_the_day_before(
    records: pa.Table, model: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state.duckdb"
    before = Matcher(records.slice(100), 20).score(model, "m-1", state)
    with monkeypatch.context() as broken:
        broken.setattr("mining.identity.state.KEYS", "delete from state.keys; from nowhere")
        with pytest.raises(duckdb.Error, match="nowhere"):
            Matcher(records, 20).score(model, "m-1", state)
    again = Matcher(records.slice(100), 20).score(model, "m-1", state)
    assert again.compared == 0
    assert again.pairs.equals(before.pairs)
    assert Matcher(records, 20).score(model, "m-1", state).pairs.equals(Matcher(records, 20).score(model, "m-1").pairs)


def test_a_key_that_too_many_records_share_finds_none_of_them_and_finds_them_again(
    model: dict[str, Any], tmp_path: Path
) -> None:
    """Grace is found by house and postcode alone: a letter of each of her names and two of her street differ."""
    place = {"street_number": "7", "postcode": "018956"}
    grace = [
        person("a", "grace walker", street="banyanroad", **place),
        person("b", "race wlker", street="banyanraod", **place),
    ]
    names = ("ida", "jon", "kim", "leo", "max", "noa", "oto", "pia", "quin")
    others = [
        person(f"{given} {family}", f"{given} {family}", street=f"{given}{family}street", **place)
        for given in names for family in ("silva", "tan")
    ]  # fmt: skip
    state = tmp_path / "state.duckdb"

    def found(*people: dict[str, Any]) -> int:
        rows = pa.Table.from_pylist([{**WHOLE, **each} for each in people], pa.schema(COLUMNS))
        pairs = Matcher(rows, 20).score(model, "m-1", state).pairs
        assert pairs.equals(Matcher(rows, 20).score(model, "m-1").pairs)
        return sum(row["source_record_key"] == "a" and row["other_record_key"] == "b" for row in pairs.to_pylist())

    assert len(others) + 2 == LARGEST_BLOCK
    one_more = person("z", "zoe koh", street="lotuswalk", **place)
    assert [found(*grace, *others), found(*grace, *others, one_more), found(*grace, *others)] == [1, 0, 1]


def test_a_model_holds_no_value_of_a_record(records: pa.Table, model: dict[str, Any]) -> None:
    text = str(model)
    assert not any(word in text for words in records["name_words"].to_pylist()[:100] for word in words)


def test_a_small_company_or_one_without_contacts_has_no_model(records: pa.Table, tmp_path: Path) -> None:
    build = build_of(tmp_path, "2025-12-31")
    with duckdb.connect() as connection:
        few = connection.from_arrow(records).limit(LEAST_RECORDS - 1)
        assert scored_pairs(few, build) == (None, None)
        silent = (
            "source_record_key, null as email, null as phone, null as loyalty_id, null as street, null as birth_date"
        )
        assert scored_pairs(connection.from_arrow(records).project(silent), build) == (None, None)
    assert not list(tmp_path.iterdir())


def build_of(home: Path, as_of: str) -> dict[str, Any]:
    """Variables of a build."""
    given = Given(
        home=str(home),
        models=str(home / "models" / "identity"),
        state=str(home / "build" / "identity"),
        sources=["till"],
        code_version="c",
        memory_gb=1,
        held_by_at_most=20,
        guards=list(GUARDS),
    )
    return {"as_of_date": as_of, "identity_model": given._asdict()}


def test_a_model_is_trained_once_and_equal_records_train_an_equal_one(
    records: pa.Table, model: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reversed_records = records.take(list(range(records.num_rows))[::-1])
    with duckdb.connect() as connection:
        first, held = scored_pairs(connection.from_arrow(reversed_records), build_of(tmp_path, "2025-12-31"))
        monkeypatch.setattr(training, "train", None)
        again, _ = scored_pairs(connection.from_arrow(records), build_of(tmp_path, "2025-12-31"))
        later, _ = scored_pairs(connection.from_arrow(records), build_of(tmp_path, "2026-02-01"))
    assert first is not None
    assert held is not None
    assert first.equals(again)
    assert first.equals(later)
    assert first.drop_columns("model_version").equals(
        Matcher(records, 20).score(model, "m-1").pairs.drop_columns("model_version")
    )


def test_a_day_keeps_its_model_and_the_next_days_have_the_one_that_was_trained_again(
    records: pa.Table, model: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "train", lambda _: model)
    given = Given(**build_of(tmp_path, "2025-12-31")["identity_model"])
    day = dt.date(2025, 12, 31)
    sunday = day + dt.timedelta(days=TRAINED_AGAIN_AFTER)

    def of_day(as_of: dt.date) -> str:
        found = model_of_day(given, as_of, given.matcher(records))
        assert found is not None
        return str(found["model_version"])

    assert train_next(given, day, records) is None, "the first build trains the first model"
    first = of_day(day)
    assert train_next(given, sunday - dt.timedelta(days=1), records) == {
        "model_version": first, "is_new": False, "is_published": True
    }  # fmt: skip
    assert of_day(sunday) == first
    trained = train_next(given, sunday, records)
    assert trained is not None
    assert trained["is_new"]
    assert of_day(sunday) == first, "what a day is scored with never changes"
    assert of_day(sunday + dt.timedelta(days=1)) == trained["model_version"] != first
    assert of_day(sunday + dt.timedelta(days=MODEL_DAYS)) not in (first, trained["model_version"]), "nobody trained"
