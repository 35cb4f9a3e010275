"""Identity, told as people: who is one customer, what is known of them, and what a person can ask and decide."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from cli.main import main
from pipeline.base.errors import UserError
from pipeline.base.settings import sources_in
from pipeline.build.decisions import read_decisions
from pipeline.outputs.identity import decide, explain, pair, pairs_in_doubt, review
from pipeline.outputs.identity.explain import as_text
from pipeline.outputs.identity.found import record_key
from pipeline.outputs.identity.review import pair_of
from tests.support.companies.neighbours import Neighbours, make_neighbours


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Neighbours:
    """The company, built once."""
    return make_neighbours(tmp_path_factory.mktemp("neighbours"))


def test_ana_with_two_e_mail_addresses_is_one_by_her_card_and_has_the_newer_one(street: Neighbours) -> None:
    assert street.records("till:ana") == ["desk:ana", "till:ana"]
    found = street.of("till:ana", "full_name, name_source, email, email_source, email_record, phone_source")
    assert found == ("Ana Silva", "till", "ana@new.example", "desk", 2, "desk"), "the till keeps the two names apart"


def test_ben_and_bob_at_one_phone_are_two_who_do_not_live_together(street: Neighbours) -> None:
    assert street.records("till:ben") == ["desk:ben", "till:ben"]
    assert street.records("till:bob") == ["till:bob"]
    assert household(street, "till:ben") is household(street, "till:bob") is None


def test_li_wei_in_letters_and_in_characters_is_one(street: Neighbours) -> None:
    assert street.records("till:wei") == ["desk:wei", "till:wei"]


def test_twins_with_one_address_and_birth_date_are_two_of_one_household(street: Neighbours) -> None:
    assert street.records("till:mia") == ["till:mia"]
    assert street.records("till:pia") == ["desk:pia", "till:pia"]
    assert household(street, "till:mia") == household(street, "till:pia") is not None


def test_a_family_of_the_same_name_in_the_flat_above_is_another_household(street: Neighbours) -> None:
    assert household(street, "till:ravi") is None


def test_a_company_and_its_buyer_are_one_account_and_what_she_buys_at_home_is_hers(street: Neighbours) -> None:
    assert street.records("desk:A-1") == ["desk:A-1", "till:kim"]
    assert street.of("desk:A-1", "kind, kind_source", "core.dim_customer") == ("organisation", "desk")
    assert street.records("till:kim2") == ["till:kim2"]
    assert orders(street, "desk:A-1") == ["till:3"]
    assert orders(street, "till:kim2") == ["till:4"]


def test_a_deleted_person_who_registers_again_is_a_new_customer(street: Neighbours) -> None:
    assert street.records("desk:dora2") == ["desk:dora2"]
    left = street.ask("select count(*) from core.customer_source_id where source_customer_id = 'dora'")
    assert left == [(0,)], "nothing of what was deleted is attached to her"


def test_a_mother_who_orders_for_her_son_stays_herself_and_they_are_a_household(street: Neighbours) -> None:
    assert street.records("till:mei") == ["till:mei"]
    assert street.records("desk:sam") == ["desk:sam"]
    assert orders(street, "till:mei") == ["till:2"]
    assert household(street, "till:mei") == household(street, "desk:sam") is not None


def test_coverage_says_what_each_source_knows(street: Neighbours) -> None:
    found = street.ask(
        "select source_system, records, matched_records, new_records, linked_records, email_records, unavailable_reason"
        " from marts.identity_coverage order by source_system"
    )
    assert found == [("desk", 7, 4, 3, 5, 3, None), ("till", 11, 1, 10, 5, 4, None)]


def test_explain_says_which_records_why_and_where_each_field_comes_from(street: Neighbours) -> None:
    (found,) = explain(street.settings, "desk:ana", with_values=True)
    assert [(record.name, record.match_rule, record.matched_to) for record in found.records] == [
        ("till:ana", "own_record", None),
        ("desk:ana", "loyalty_id", 1),
    ]
    text = as_text(found)
    assert "desk:ana  2024-03-05  the same loyalty card as record 1" in text
    assert "E-mail      ana@new.example  from desk:ana, of the record that changed last" in text
    assert explain(street.settings, found.customer_id, with_values=True) == [found], "by its id, too"


def test_explain_in_a_file_has_no_names_or_addresses(street, monkeypatch, capfd) -> None:
    monkeypatch.setenv("CRM_HOME", str(street.settings.home))
    for words in (["identity", "explain", "till:ana"], ["identity", "explain", "till:ana", "--format", "json"]):
        assert main(words) == 0
        said = capfd.readouterr().out
        assert "desk:ana" in said
        assert not any(value in said for value in ("Silva", "@", "9000"))
    assert json.loads(said)[0]["customer_id"] == street.customer("till:ana")


def test_explain_without_the_private_room_names_sources_only(street: Neighbours, monkeypatch) -> None:
    monkeypatch.setattr("pipeline.outputs.identity.found._attach_contacts", lambda *_: False)
    (found,) = explain(street.settings, "till:ana", with_values=True)
    text = as_text(found)
    assert "contacts.duckdb cannot be read by you" in text
    assert not any(value in text for value in ("Silva", "@", "till:ana"))


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("till:zoe", "has no customer and no record 'till:zoe': give a customer_id of this or an earlier release"),
        ("", "or source:id of a record, of the sources desk, till."),
        ("ana", "has no customer and no record 'ana': its number is that of desk:ana, till:ana."),
        ("shop:kim2", "its number is that of till:kim2."),
        ("unknown", "'unknown' stands for sales without a customer"),
    ],
)
def test_explain_of_nobody_says_what_to_give(street: Neighbours, asked: str, hint: str) -> None:
    with pytest.raises(UserError, match=re.escape(hint)):
        explain(street.settings, asked, with_values=True)


def test_an_id_may_be_copied_with_blanks_and_capital_letters(street: Neighbours) -> None:
    ana = street.customer("till:ana")
    (found,) = explain(street.settings, f" {ana.upper()}\n", with_values=False)
    assert found.customer_id == ana


@pytest.fixture
def doubtful(street: Neighbours, tmp_path: Path) -> Iterator[Neighbours]:
    """The company, in a home of its own, where two pairs wait for a decision and a third is decided."""
    home = tmp_path / "home"
    shutil.copytree(street.settings.home / "serving", home / "serving", symlinks=True)
    (home / "warehouse.duckdb").symlink_to(street.settings.warehouse)
    found = replace(street, settings=replace(street.settings, home=home))
    pairs = [
        ("till:ben", "till:bob", "review", 2.5),
        ("desk:sam", "till:mei", "review", 4.5),
        ("till:mia", "till:pia", "never", None),
    ]
    with closing(duckdb.connect(str(home / "serving" / "current" / "perennial.duckdb"))) as release:
        for one, other, verdict, weight in pairs:
            key, other_key = pair_of(record_key(one), record_key(other))
            customers = {record_key(record): street.customer(record) for record in (one, other)}
            release.execute(
                "insert into ops.identity_review by name select $1 as source_record_key, $2 as other_record_key,"
                " $3 as customer_id, $4 as other_customer_id, 'till' as source_system, 'till' as other_source_system,"
                " $5 as verdict, 'model' as match_rule, 'phone, birth_date' as evidence, $6 as match_weight",
                [key, other_key, customers[key], customers[other_key], verdict, weight],
            )
    with sources_in(street.sources):
        yield found


def test_review_lists_the_surest_pair_first_and_side_by_side(doubtful: Neighbours) -> None:
    found = pairs_in_doubt(doubtful.settings, with_values=True)
    assert [{pair.record, pair.other} for pair in found.pairs] == [{"desk:sam", "till:mei"}, {"till:ben", "till:bob"}]
    text = review.as_text(1, found.pairs[0])
    assert ", weight 4.5\n" in text
    assert "Agree: phone number, birth date." in text
    says = {column: {one, other} for column, one, other in found.pairs[0].says}
    assert says["name"] == {"Sam Lim", "Mei Lim"}
    assert says["email"] == {"mei@lim.example"}
    assert [line[3] for line in text.splitlines() if line[5:10] in ("name ", "email")] == ["*", " "]
    shown = pairs_in_doubt(doubtful.settings, limit=1, with_values=False)
    assert (len(shown.pairs), shown.total, shown.pairs[0].says) == (1, 2, [])


def test_two_records_are_shown_side_by_side_in_doubt_or_not(doubtful: Neighbours) -> None:
    def told(one: str, other: str) -> str:
        return review.as_text(1, pair(doubtful.settings, one, other, with_values=False).pairs[0])

    assert "Agree: phone number, birth date." in told("till:mei", "desk:sam")
    assert "A person said that they are two." in told("till:pia", "till:mia")
    assert f"One customer: perennial identity explain {doubtful.customer('till:ana')} says why" in told(
        "till:ana", "desk:ana"
    )
    assert "Two customers: nothing that was compared speaks for one." in told("till:ana", "till:ben")
    assert f"{doubtful.customer('till:ben')} (2 records)" in told("till:ana", "till:ben")
    with pytest.raises(UserError, match="has no record 'till:zoe'"):
        told("till:ana", "till:zoe")


def test_pairs_are_decided_one_after_the_other_on_a_terminal(doubtful: Neighbours, monkeypatch, capsys) -> None:
    """The second decision contradicts one that somebody wrote in the meantime."""
    answers = iter(["perhaps", "never", "her son", "same", "showed one card"])
    monkeypatch.setenv("CRM_HOME", str(doubtful.settings.home))
    monkeypatch.setattr("cli.identity._is_terminal", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(answers))
    decide(doubtful.settings, "till:ben", "till:mia", decision="same", by="O. Lim", because="seen")
    decide(doubtful.settings, "till:mia", "till:bob", decision="never", by="O. Lim", because="seen")
    assert main(["identity", "review", "--by", "R. Lim"]) == 0
    said = capsys.readouterr().out
    assert "Not written:" in said
    assert "'same' contradicts" in said or "'never' contradicts" in said
    assert "1 decided, in" in said
    assert [row["reason"] for row in read_decisions(doubtful.settings)] == ["seen", "seen", "her son"]


def test_a_decision_is_appended_and_its_pair_waits_no_more(doubtful: Neighbours, monkeypatch, capfd) -> None:
    monkeypatch.setenv("CRM_HOME", str(doubtful.settings.home))
    words = ["identity", "review", "till:mei", "desk:sam", "--by", "R. Lim", "--because", "her son", "--decide"]
    assert main([*words, "never"]) == 0
    assert "till:mei and desk:sam are two customers" in capfd.readouterr().out
    assert [{pair.record, pair.other} for pair in pairs_in_doubt(doubtful.settings, with_values=False).pairs] == [
        {"till:ben", "till:bob"}
    ]
    (decided,) = read_decisions(doubtful.settings)
    assert (decided["decision"], decided["decided_by"], decided["reason"]) == ("never", "R. Lim", "her son")
    assert main([*words, "same"]) == 0
    assert [row["decision"] for row in read_decisions(doubtful.settings)] == ["never", "same"], "the later one counts"


def test_a_decision_that_contradicts_others_is_not_written(doubtful: Neighbours) -> None:
    decided = {"by": "R. Lim", "because": "seen"}
    decide(doubtful.settings, "till:ben", "till:bob", decision="never", **decided)
    decide(doubtful.settings, "till:ben", "till:mia", decision="same", **decided)
    with pytest.raises(UserError, match=r"line 2, column decision: 'never' contradicts the rows that say 'same'"):
        decide(doubtful.settings, "till:mia", "till:bob", decision="same", **decided)
    assert len(read_decisions(doubtful.settings)) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"decision": "merge"}, "--decide is 'merge': give same or never."),
        ({"by": " "}, "--by is missing"),
        ({"because": ""}, "--because is missing"),
        ({"one": "mei"}, "has no record 'mei': its number is that of till:mei."),
        (
            {"one": "till:zoe"},
            "has no record 'till:zoe': give a customer_id of this or an earlier release, or source:id",
        ),
        ({"one": "desk:sam"}, "desk:sam is one record: name two."),
    ],
)
def test_a_wrong_decision_says_what_to_give_and_writes_nothing(doubtful: Neighbours, change, message) -> None:
    sound = {"one": "till:mei", "other": "desk:sam", "decision": "never", "by": "R. Lim", "because": "her son"}
    with pytest.raises(UserError, match=re.escape(message)):
        decide(doubtful.settings, **{**sound, **change})
    assert read_decisions(doubtful.settings) == []


def test_explain_tells_what_nearly_matched(doubtful: Neighbours) -> None:
    (mei,) = explain(doubtful.settings, "till:mei", with_values=False)
    assert [(near.other, near.verdict) for near in mei.nearly] == [("desk:sam", "review")]
    assert "phone number, birth date agree; weight 4.5; waits for a decision" in as_text(mei)
    (mia,) = explain(doubtful.settings, "till:mia", with_values=False)
    assert "a person said that they are two" in as_text(mia)


def test_an_earlier_id_means_the_customer_or_the_customers_that_have_its_records(doubtful: Neighbours) -> None:
    ben, bob = doubtful.customer("till:ben"), doubtful.customer("till:bob")
    with closing(duckdb.connect(str(doubtful.settings.serving / "current" / "perennial.duckdb"))) as release:
        release.executemany(
            "insert into core.customer_id_history by name select $1 as customer_id, $2 as current_customer_id,"
            " $3 as kind, 1 as current_customers, date '0001-01-01' as valid_from, date '2024-02-29' as valid_to",
            [("c_old", ben, "merged"), ("c_two", ben, "split"), ("c_two", bob, "split"), ("c_gone", "unknown", "gone")],
        )
    (merged,) = explain(doubtful.settings, "c_old", with_values=False)
    assert merged.remarks == [f"c_old is {ben} since 2024-02-29."]
    assert "  c_old, until 2024-02-29" in as_text(merged)
    assert {found.customer_id for found in explain(doubtful.settings, "c_two", with_values=False)} == {ben, bob}
    with pytest.raises(UserError, match="c_gone was a customer until 2024-02-29: its sources have none of its records"):
        explain(doubtful.settings, "c_gone", with_values=False)


def household(street: Neighbours, record: str) -> object:
    found = street.ask(
        "select related_id from core.bridge_customer_relationship"
        f" where customer_id = '{street.customer(record)}' and kind = 'household' and is_counted"
    )
    return found[0][0] if found else None


def orders(street: Neighbours, record: str) -> list[object]:
    of_customer = f"customer_id = '{street.customer(record)}'"
    found = street.ask(f"select order_id from core.fct_order where {of_customer} order by 1")
    return [order for (order,) in found]
