"""Identity at size: 1 million made-up records of four systems, then a day with 10,000 more.

`CRM_BENCH_RECORDS` makes it smaller. A person has two or three records; one in eight lives with a partner. Names are as
frequent as names are (a few are held by thousands), and records have missing values, slips and shared phones. The
models of dbt that standardise and link by rules are run as a full build does.
"""

import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.rows import at_most
from mining.identity.fields import READ
from mining.identity.pairs import judged_pairs
from mining.identity.scoring import Matcher, Scored
from pipeline.base.catalog import variables
from pipeline.base.duck import connect
from pipeline.build.models import Models
from pipeline.build.phones import phone_variables

RECORDS = int(os.environ.get("CRM_BENCH_RECORDS", "1000000"))
NEW = RECORDS // 100
HELD_BY_AT_MOST = 20
MEMORY = "1500MB"
ZONE = "Europe/Berlin"
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
# The same records as a source says them, and the tables that standardising reads.
LANDED = {
    **dict.fromkeys(("source_system", "_op", "_fate", "_interval"), "varchar"),
    **dict.fromkeys(("_version", "_generation", "_position"), "bigint"),
    "_known_from": "timestamp",
    "_is_current": "boolean",
}
SAID = """
insert into int_customers__rows by name
select
    source_system, source_record_key as source_customer_id, party as kind,
    if(given_words > 0, name_words[1], null) as given_name, if(given_words > 0, name_words[2], null) as family_name,
    if(given_words = 0, array_to_string(name_words, ' '), null) as full_name,
    email, '+' || phone as phone, loyalty_id, street || ' ' || street_number as street, postcode, birth_date,
    timestamp '2025-01-01' as created_at, timestamp '2025-01-01' as _known_from,
    1 as _version, true as _is_current, 'upsert' as _op, 'accepted' as _fate,
    '2025-01-01' as _interval, 1 as _generation, row_number() over (order by source_record_key) as _position
from records
"""
SEEN = """
create table int_customer_records as
select
    source_system, source_customer_id, md5(source_system || '|' || source_customer_id) as source_record_key,
    _known_from as first_seen_at
from int_customers__rows
"""
MADE = {"int_customers__rows", "int_customer_records", "int_record_history_changed"}
STATE = "state.duckdb"
STANDARD, RECORDS_OF_DAY, LINKS = "int_customers__standard", "int_party_records", "int_customer_links"


def make_records(connection: duckdb.DuckDBPyConnection, records: int) -> None:
    """Make the table `records`, in the columns of `int_party_records` that are compared."""
    for statement in PEOPLE.split(";\n"):
        given = {"people": round(records / PEOPLE_OF_RECORDS)} if "$people" in statement else {}
        connection.execute(statement, given)
    connection.execute("create table records as " + " union all ".join(RECORD.format(**one) for one in SYSTEMS))


def run() -> list[dict[str, Any]]:
    """Standardise, link by rules, train, score and cluster all but the newest records; then a day with them."""
    with (
        tempfile.TemporaryDirectory(prefix="perennial-") as folder,
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool,
    ):
        first, model = pool.submit(measure_first, Path(folder)).result()
        of_day = pool.submit(measure_day, Path(folder), model).result()
    found = {**first, **of_day, "megabytes": max(first["megabytes"], of_day["megabytes"])}
    size = f"{RECORDS:,} records"

    def said(*parts: str) -> str:
        return ", ".join(f"{name.removeprefix('day ')} {found[name]:.0f} s" for name in parts)

    rules, matching = ("standardise", "rules"), ("train", "score", "cluster")
    day = ("day rules", "day score", "day cluster")
    return [
        at_most(240, "identity.match", _sum(found, rules + matching), "s", f"{size}: {said(*rules, *matching)}"),
        at_most(15, "identity.rules", found["rules"], "s", f"{size}: links by rules, of standardised records"),
        at_most(20, "identity.day", _sum(found, day), "s", f"{NEW:,} new of {size}: {said(*day)}"),
        at_most(10 * RECORDS, "identity.blocked_pairs", found["pairs"], "pairs", size),
        at_most(3500, "identity.memory", found["megabytes"], "MB", size),
    ]  # fmt: skip


def _sum(found: dict[str, float], parts: tuple[str, ...]) -> float:
    return sum(found[part] for part in parts)


def measure_first(folder: Path) -> tuple[dict[str, float], dict[str, Any]]:
    """Measure the first build, in a process of its own: seconds, pairs and the peak of the memory; and the model."""
    seconds: dict[str, float] = {}
    with _company(folder / "first.duckdb", without_newest=NEW) as models:
        with _timed(seconds, "standardise"):
            models.make(STANDARD)
        with _timed(seconds, "rules"):
            models.make(LINKS)
        with _timed(seconds, "train"):
            matcher = _matcher(models, folder)
            model = matcher.train()
        assert model is not None
        with _timed(seconds, "score"):
            scored = matcher.score(model, "first", folder / STATE)
        del matcher
        with _timed(seconds, "cluster"):
            _cluster(models, scored)
    return {**seconds, "pairs": float(scored.compared), "megabytes": _megabytes()}, model


def measure_day(folder: Path, model: dict[str, Any]) -> dict[str, float]:
    """Measure the build of the next day, in a process of its own."""
    seconds: dict[str, float] = {}
    with _company(folder / "day.duckdb") as models:
        models.make(STANDARD)  # of a day, that of its records alone
        with _timed(seconds, "day rules"):
            models.make(LINKS)
        with _timed(seconds, "day score"):
            scored = _matcher(models, folder).score(model, "first", folder / STATE)
        with _timed(seconds, "day cluster"):
            _cluster(models, scored)
    return {**seconds, "megabytes": _megabytes()}


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started


@contextmanager
def _company(path: Path, *, without_newest: int = 0) -> Iterator[Models]:
    """Yield the models over the landed rows of customers; without some of them, which come a day later."""
    with closing(connect(path)) as connection:
        connection.execute(f"set memory_limit = '{MEMORY}'")
        make_records(connection, RECORDS)
        make_landed_rows(connection)
        connection.execute(SAID)
        if without_newest:
            newest = f"select rowid from int_customers__rows order by hash(source_customer_id) limit {without_newest}"
            connection.execute(f"delete from int_customers__rows where rowid in ({newest})")
        connection.execute("drop table records; drop table people")
        yield models_over(connection)


def make_landed_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `int_customers__rows`, without rows."""
    contract = {name: kind for name, (kind, _) in variables()["contract"]["customers"]["columns"].items()}
    columns = ", ".join(f"{name} {kind.replace('text', 'varchar')}" for name, kind in {**LANDED, **contract}.items())
    connection.execute(f"create table int_customers__rows ({columns})")


def models_over(connection: duckdb.DuckDBPyConnection, zone: str = ZONE) -> Models:
    """Return the models over `int_customers__rows`, of a company whose days are those of a time zone."""
    connection.execute(SEEN)
    models = Models(connection, {"as_of_date": "2025-12-31", "new_files": None, "phones": phone_variables(zone)})
    models.made |= MADE
    return models


def _matcher(models: Models, folder: Path) -> Matcher:
    records = models.connection.table(models.make(RECORDS_OF_DAY)).project(", ".join(READ)).to_arrow_table()
    return Matcher(records, HELD_BY_AT_MOST, memory=MEMORY, spill=folder / "spill")


def _cluster(models: Models, scored: Scored) -> None:
    links, seen = models.connection.table(LINKS), models.connection.table("int_customer_records")
    pairs = judged_pairs(models.connection, links, seen, scored=scored.pairs, held=scored.held)
    pairs.aggregate("count(*)").fetchall()
