"""Which records are one customer, and where a cluster is cut."""

import itertools
import random
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from mining.identity.cuts import Limits
from mining.identity.pairs import DECISION, HELD, NUMBERS, PAIR, judged_pairs

Link = tuple[str, str, str]


def decided(decision: str, one: str, other: str) -> dict[str, str]:
    return dict(zip(DECISION, (decision, "till", one, "till", other), strict=True))


def modelled(*links: tuple[str, str, float]) -> pa.Table:
    """Links of a model with their weights."""
    rows = [
        dict(zip(PAIR, (*sorted(pair), "model", weight, "full_name", "link", None, "m-1"), strict=True))
        for *pair, weight in links
    ]
    return pa.Table.from_pylist(rows, pa.schema({name: _type(kind) for name, kind in PAIR.items()}))


def _type(kind: str) -> pa.DataType:
    return {"varchar": pa.string(), "double": pa.float64()}[kind]


def judge(
    links: list[Link], decisions: Any = (), **arguments: Any
) -> dict[tuple[str, str, str], tuple[str, str | None]]:
    """Verdict and reason of each pair and rule."""
    with duckdb.connect() as connection:
        connection.execute("create table links (source_record_key text, other_record_key text, match_rule text)")
        connection.execute("create table records (source_record_key text, source_system text, source_customer_id text)")
        if links:
            connection.executemany("insert into links values (?, ?, ?)", links)
        named = {record for link in links for record in link[:2]}
        named |= {each[key] for each in decisions for key in ("source_customer_id", "other_source_customer_id")}
        for record in sorted(named):
            connection.execute("insert into records values ($1, 'till', $1)", [record])
        pairs = judged_pairs(connection, connection.table("links"), connection.table("records"), decisions, **arguments)
        return {
            (one, other, rule): (verdict, reason)
            for one, other, rule, *_, verdict, reason, _, _, _, _ in pairs.fetchall()
        }


def clusters(links: list[Link], decisions: Any = (), **arguments: Any) -> list[str]:
    """The records of each cluster of several, together in one word."""
    verdicts = judge(links, decisions, **arguments)
    groups: dict[str, set[str]] = {}
    for one, other, _ in (pair for pair, (verdict, _) in verdicts.items() if verdict == "link"):
        joined = groups.get(one, {one}) | groups.get(other, {other})
        groups |= dict.fromkeys(joined, joined)
    return sorted({"".join(sorted(group)) for group in groups.values()})


CHAIN = [("a", "b", "email"), ("b", "c", "phone"), ("c", "d", "loyalty_id")]


def test_records_linked_by_a_chain_are_one_customer():
    assert clusters(CHAIN) == ["abcd"]
    assert clusters([]) == []


def test_never_cuts_the_link_that_says_least():
    verdicts = judge(CHAIN, [decided("never", "d", "a")])
    assert verdicts["b", "c", "phone"] == ("cut", "never")
    assert verdicts["a", "d", "decision"] == ("never", None)
    assert clusters(CHAIN, [decided("never", "d", "a")]) == ["ab", "cd"]


def test_a_link_between_two_that_are_never_one_is_cut():
    assert clusters([("a", "b", "loyalty_id")], [decided("never", "a", "b")]) == []


def test_same_joins_records_that_nothing_links_and_is_never_cut():
    decisions = [decided("same", "d", "e"), decided("never", "e", "a")]
    assert clusters(CHAIN, decisions[:1]) == ["abcde"]
    assert clusters(CHAIN, decisions) == ["ab", "cde"]


def test_a_decision_about_a_record_that_is_not_there_changes_nothing():
    with_stranger = [{**decided("same", "a", "z"), "source_system": "web"}]
    assert clusters(CHAIN, with_stranger) == ["abcd"]


def test_a_number_in_two_spellings_is_one_customer_or_waits_for_a_person():
    rows = [("b", "a", "link", None), ("d", "c", "review", "both are in the list of customers")]
    numbers = pa.Table.from_pylist([dict(zip(NUMBERS, row, strict=True)) for row in rows])
    verdicts = judge([], numbers=numbers)
    assert verdicts == {("a", "b", "number"): rows[0][2:], ("c", "d", "number"): rows[1][2:]}
    assert clusters([], [decided("never", "a", "b")], numbers=numbers) == []
    assert clusters([], [decided("same", "c", "d")], numbers=numbers) == ["ab", "cd"]


def test_a_link_of_a_model_joins_no_two_birth_dates():
    held = pa.Table.from_pylist(
        [dict(zip(HELD, row, strict=True)) for row in (("a", "birth_date", "1990"), ("e", "birth_date", "1991"))]
    )
    scored = modelled(("d", "e", 9.0), ("d", "f", 8.0))
    assert clusters(CHAIN, scored=scored, held=held) == ["abcdf"]
    assert judge(CHAIN, scored=scored, held=held)["d", "e", "model"] == ("cut", "birth_date differs")


def test_rules_join_two_birth_dates_that_a_model_does_not():
    held = pa.Table.from_pylist([dict(zip(HELD, ("ad"[n], "birth_date", str(n)), strict=True)) for n in (0, 1)])
    assert clusters(CHAIN, scored=modelled(("d", "e", 9.0)), held=held) == ["abcde"]


@pytest.mark.parametrize(("rule", "expected"), [("phone", ["ab", "cd"]), ("loyalty_id", ["bcd"])])
def test_a_short_name_that_fits_two_twins_joins_one_of_them(rule: str, expected: list[str]):
    links = [("a", "b", "email"), ("b", "c", rule), ("c", "d", "email")]
    twins = dict(zip(PAIR, ("a", "c", "model", 12.0, "birth_date", "vetoed", "two given names", "m-1"), strict=True))
    scored = pa.Table.from_pylist([twins], modelled().schema)
    assert clusters(links, scored=scored) == expected


def test_links_of_a_model_make_no_cluster_of_too_many():
    scored = modelled(*((f"{n}", f"{n + 1}", float(n)) for n in range(1, 9)))
    assert clusters([], scored=scored, limits=Limits(records=3)) == ["123", "456", "789"]


def chain(records: str) -> list[tuple[str, str]]:
    return list(itertools.pairwise(records))


def test_links_of_a_model_make_no_long_chain():
    scored = modelled(*((*pair, float(place)) for place, pair in enumerate(chain("fedcba"))))
    assert clusters([], scored=scored) == ["abcde"]
    assert judge([], scored=scored)["e", "f", "model"] == ("cut", "too many links in a row")
    assert clusters([(*pair, "email") for pair in chain("abcdef")]) == ["abcdef"]


def test_a_single_link_of_a_model_between_two_groups_waits_for_a_person():
    groups = [("a", "b", "email"), ("b", "c", "email"), ("d", "e", "phone"), ("e", "f", "phone")]
    bridge = modelled(("c", "d", 9.0))
    assert clusters(groups, scored=bridge) == ["abc", "def"]
    assert judge(groups, scored=bridge)["c", "d", "model"] == ("review", "the only link of two groups of records")
    assert clusters(groups, scored=modelled(("c", "d", 9.0), ("b", "e", 7.0))) == ["abcdef"]
    assert clusters(groups, [decided("same", "c", "d")], scored=bridge) == ["abcdef"]
    assert clusters(groups[:3], scored=bridge) == ["abcde"]


@pytest.mark.parametrize("seed", range(5))
def test_neither_the_order_of_links_nor_of_decisions_moves_anybody(seed: int):
    dice = random.Random(7)
    rules = ("email", "phone", "address")
    records = [f"{n:02}" for n in range(40)]
    links = [(*sorted(dice.sample(records, 2)), dice.choice(rules)) for _ in range(30)]
    links = sorted({(one, other, rule) for one, other, rule in links})
    decisions = [decided("never", *dice.sample(records, 2)) for _ in range(12)]
    pairs = sorted({tuple(sorted(dice.sample(records, 2))) for _ in range(25)})
    scored = modelled(*((one, other, float(place % 5)) for place, (one, other) in enumerate(pairs)))
    expected = judge(links, decisions, scored=scored)
    assert {verdict for verdict, _ in expected.values()} >= {"link", "never", "cut"}
    shuffled = random.Random(seed)
    shuffled.shuffle(links)
    shuffled.shuffle(decisions)
    order = list(range(scored.num_rows))
    shuffled.shuffle(order)
    assert judge(links, decisions, scored=scored.take(order)) == expected
