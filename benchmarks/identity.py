"""Matching at size: 1 million made-up records of four systems, then a day with 10,000 more.

`CRM_BENCH_RECORDS` makes it smaller. A person has two or three records; one in eight lives with a partner. Names are as
frequent as names are (a few are held by thousands), and records have missing values, slips and shared phones.
"""

import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.rows import at_most
from mining.identity.pairs import judged_pairs
from mining.identity.scoring import Matcher

RECORDS = int(os.environ.get("CRM_BENCH_RECORDS", "1000000"))
NEW = RECORDS // 100
HELD_BY_AT_MOST = 20
MEMORY = "2500MB"
SYLLABLES = "['ka','lo','mi','ren','sta','ber','an','di','el','fro','ga','hu','is','jo','nor','pe','ri','su','ta','vi']"
# Person n, whose draws are hashes of n and a word: as random as needed, and the same in any order.
PEOPLE = f"""
create macro draw(n, what) as (hash(n, what) % 1000003) / 1000003.0;
create macro syllable(x) as ({SYLLABLES})[1 + cast(floor(x * 20) as int)];
create macro word(n, what, skew) as
    syllable(pow(draw(n, what || 1), skew)) || syllable(pow(draw(n, what || 2), skew)) || syllable(draw(n, what || 3));
create macro slip(text, x) as left(text, 3) || substr(text, if(x < 0.5, 5, 4), 1) || substr(text, if(x < 0.5, 4, 4));
create table people as
select
    n,
    word(n, 'given', 1.5) as given_name,
    word(if(draw(n // 2, 'pair') < 0.125, n // 2, n), 'family', 1.5) as family_name,
    if(draw(n // 2, 'pair') < 0.125, n // 2, n) as home,
    date '1940-01-01' + cast(draw(n, 'born') * 25000 as int) as birth_date
from range($people) as persons(n)
"""
RECORD = """
select
    md5('{system}' || n) as source_record_key,
    '{system}' as source_system,
    'person' as party,
    case when draw(n, '{system} mail') < {mail}
        then if(draw(n, '{system} slip') < 0.03, slip(email, draw(n, 'which')), email) end as email,
    if(draw(n, '{system} phone') < {phone}, phone, null) as phone,
    if(draw(n, '{system} card') < {card}, 'K' || lpad(cast(n as varchar), 8, '0'), null) as loyalty_id,
    [if(draw(n, '{system} typo') < 0.04, slip(given_name, draw(n, 'which')), given_name), family_name] as name_words,
    {given_words} as given_words,
    if({has_home}, cast(1 + hash(home, 'number') % 150 as varchar), null) as street_number,
    if({has_home}, word(hash(home, 'street') % 3000, 'street', 1) || 'street', null) as street,
    if({has_home}, cast(10000 + hash(home, 'code') % 8000 as varchar), null) as postcode,
    if({has_home} and draw(n, '{system} born') < 0.6, birth_date, null) as birth_date
from (
    select
        *,
        given_name || '.' || family_name || '.' || to_base(n + 1000, 36) || '@mail' || hash(n, 'host') % 5 || '.example'
            as email,
        '49' || cast(1000000000 + hash(if(draw(n, 'shares') < 0.1, home, n), 'phone') % 8999999999 as varchar) as phone
    from people
)
where draw(n, '{system}') < {share}
"""
SYSTEMS: tuple[dict[str, Any], ...] = (
    {"system": "shop", "share": 0.9, "mail": 0.9, "phone": 0.8, "card": 0.2, "given_words": 1, "has_home": "true"},
    {"system": "service", "share": 0.5, "mail": 0.6, "phone": 0.9, "card": 0.1, "given_words": 0, "has_home": "false"},
    {"system": "web", "share": 0.6, "mail": 0.97, "phone": 0, "card": 0, "given_words": 0, "has_home": "false"},
    {"system": "club", "share": 0.4, "mail": 0.5, "phone": 0.5, "card": 0.9, "given_words": 1, "has_home": "true"},
)
PEOPLE_OF_RECORDS = sum(float(system["share"]) for system in SYSTEMS)
LINKS = """
select least(one.source_record_key, other.source_record_key) as source_record_key,
    greatest(one.source_record_key, other.source_record_key) as other_record_key, '{kind}' as match_rule
from records as one inner join records as other
    on one.{kind} = other.{kind} and one.name_words = other.name_words
    and one.source_record_key < other.source_record_key
"""


def make_records(connection: duckdb.DuckDBPyConnection, records: int) -> None:
    """Make the table `records`, in the columns of `int_party_records` that are compared."""
    for statement in PEOPLE.split(";\n"):
        given = {"people": round(records / PEOPLE_OF_RECORDS)} if "$people" in statement else {}
        connection.execute(statement, given)
    connection.execute("create table records as " + " union all ".join(RECORD.format(**one) for one in SYSTEMS))


def run() -> list[dict[str, Any]]:
    """Train, score and cluster all but the newest records; then score them with the others."""
    with (
        tempfile.TemporaryDirectory(prefix="perennial-") as folder,
        multiprocessing.get_context("spawn").Pool(1) as pool,
    ):
        found = pool.apply(measure, (Path(folder),))
    size = f"{RECORDS:,} records"
    parts = {name: found[name] for name in ("train", "score", "cluster")}
    said = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in parts.items())
    return [
        at_most(240, "identity.match", sum(parts.values()), "s", f"{size}: {said}"),
        at_most(20, "identity.day", found["day"], "s", f"{NEW:,} new of {size}; scoring"),
        at_most(10 * RECORDS, "identity.blocked_pairs", found["pairs"], "pairs", size),
        at_most(3500, "identity.memory", found["megabytes"], "MB", size),
    ]  # fmt: skip


def measure(folder: Path) -> dict[str, float]:
    """Measure in a process of its own; seconds, pairs and the peak of the memory."""
    with duckdb.connect() as connection:
        make_records(connection, RECORDS)
        links = connection.sql(" union ".join(LINKS.format(kind=kind) for kind in ("email", "phone"))).to_arrow_table()
        everything = connection.sql("from records").to_arrow_table()
        earlier = connection.sql("from records order by hash(source_record_key)").limit(everything.num_rows - NEW)
        before = earlier.to_arrow_table()
    state, found = folder / "state.parquet", {}
    started = time.perf_counter()
    matcher = Matcher(before, HELD_BY_AT_MOST, memory=MEMORY)
    model = matcher.train()
    assert model is not None
    found["train"] = time.perf_counter() - started
    started = time.perf_counter()
    scored = matcher.score(model, "first", state)
    found["score"], found["pairs"] = time.perf_counter() - started, float(scored.compared)
    del matcher
    started = time.perf_counter()
    _cluster(before, links, scored.pairs, scored.held)
    found["cluster"] = time.perf_counter() - started
    started = time.perf_counter()
    Matcher(everything, HELD_BY_AT_MOST, memory=MEMORY).score(model, "first", state)
    found["day"] = time.perf_counter() - started
    found["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found


def _cluster(records: pa.Table, links: pa.Table, scored: pa.Table, held: pa.Table) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"set memory_limit = '{MEMORY}'")
        named = connection.from_arrow(records.select(["source_record_key", "source_system"]))
        named = named.project("source_record_key, source_system, source_record_key as source_customer_id")
        pairs = judged_pairs(connection, connection.from_arrow(links), named, scored=scored, held=held)
        pairs.aggregate("count(*)").fetchall()
