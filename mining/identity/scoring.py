"""Score the pairs of records that rules do not reach: of a build, or of its new and changed records with all others.

What a pair shows is a function of its two records and the model. So the pairs of two records that are as they were are
kept from the build before, and an incremental build has the pairs of a rebuild.
"""

from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from mining.identity import blocking, evidence, fields, training, weights
from pipeline.base.files import write_parquet
from pipeline.base.settings import ROOT

SPELLINGS = ROOT / "dbt_project" / "seeds" / "name_spellings.csv"
MODEL_RULE = "model"
NUMBERS = ("record_no", "name_no")

# A record is what is compared of it and the keys by which it is found.
PRINTS = """
create or replace temp table prints as
select
    fields.record_no,
    fields.source_record_key,
    hash({values}, keys.keys) as print
from fields
left join (select record_no, list(key order by key) as keys from blocks group by record_no) as keys
    on fields.record_no = keys.record_no
"""
CHANGED = """
create or replace temp table changed as
select prints.record_no
from prints
left join before on prints.source_record_key = before.source_record_key and prints.print = before.print
where before.print is null
"""
SCORED = """
create or replace temp table scored as
with new_pairs as (
    select
        one.source_record_key,
        other.source_record_key as other_record_key,
        judged.weight,
        array_to_string(judged.evidence, ', ') as evidence,
        judged.verdict,
        judged.reason
    from judged
    inner join prints as one on judged.record_no = one.record_no
    inner join prints as other on judged.other_no = other.record_no
),

kept as (
    select pair.*
    from (select source_record_key, print, unnest(pairs) as pair from before) as before
    inner join prints as one on before.source_record_key = one.source_record_key and before.print = one.print
    inner join prints as other on before.pair.other_record_key = other.source_record_key
    where
        one.record_no not in (select record_no from changed)
        and other.record_no not in (select record_no from changed)
)

select * from new_pairs
union all
select * from kept
"""
PAIRS = """
select
    source_record_key,
    other_record_key,
    '{rule}' as match_rule,
    weight as match_weight,
    evidence,
    verdict,
    reason,
    $version as model_version
from scored
order by source_record_key, other_record_key
"""
STATE = """
select
    prints.source_record_key,
    prints.print,
    coalesce(pairs.pairs, []) as pairs
from prints
left join (
    select
        source_record_key,
        list({
            'source_record_key': source_record_key, 'other_record_key': other_record_key, 'weight': weight,
            'evidence': evidence, 'verdict': verdict, 'reason': reason
        } order by other_record_key) as pairs
    from scored
    group by source_record_key
) as pairs on prints.source_record_key = pairs.source_record_key
order by prints.source_record_key
"""
NO_STATE = """
create or replace temp table before (
    source_record_key varchar,
    print ubigint,
    pairs struct(
        source_record_key varchar, other_record_key varchar, weight double, evidence varchar, verdict varchar,
        reason varchar
    )[]
)
"""
# Of these a customer has one: no link joins clusters that hold two.
HELD = """
select source_record_key, kind, value
from (select source_record_key, loyalty_id, birth_date from fields)
unpivot (value for kind in (loyalty_id, birth_date))
order by all
"""


class Scored(NamedTuple):
    """Scored pairs in the columns of `pairs.PAIR`, and the values of `pairs.HELD`; how many pairs were compared."""

    pairs: pa.Table
    held: pa.Table
    compared: int


class Matcher:
    """Records of a build in a DuckDB of their own, prepared for training and for scoring.

    Parameters
    ----------
    records
        `int_party_records`, in any order.
    held_by_at_most
        A value that more records hold identifies nobody.
    threads, memory
        Of DuckDB; its own choice where they are not given.
    """

    def __init__(
        self, records: pa.Table, held_by_at_most: int, *, threads: int | None = None, memory: str | None = None
    ) -> None:
        self._connection = duckdb.connect()
        for name, value in (("threads", threads), ("memory_limit", memory)):
            if value is not None:
                self._connection.execute(f"set {name} = '{value}'")
        self._connection.register("records", records)
        self._connection.read_csv(str(SPELLINGS), header=True, all_varchar=True).create_view("spellings")
        fields.prepare(self._connection, held_by_at_most)
        self._connection.unregister("records")

    def train(self) -> dict[str, Any] | None:
        """See `training.train`."""
        return training.train(self._connection)

    def content(self) -> str:
        """Return a hash of the records, in any order."""
        columns = ", ".join(self._compared())
        ((content,),) = self._connection.execute(
            f"select md5(string_agg(md5(cast(row({columns}) as varchar)), '' order by source_record_key)) from fields"
        ).fetchall()
        return str(content)

    def _compared(self) -> list[str]:
        """Return the columns of a record that do not depend on how many there are."""
        return [f"fields.{name}" for name in self._connection.table("fields").columns if name not in NUMBERS]

    def score(self, model: dict[str, Any], version: str, state: Path | None = None) -> Scored:
        """Score the pairs of the records.

        Parameters
        ----------
        model
            What `train` returned.
        version
            Its version.
        state
            Where the prints and pairs of the build before are, if it had this model, and where this build's are left.
        """
        run, query = self._connection.execute, self._connection.sql
        blocking.block(self._connection)
        run(PRINTS.format(values=", ".join(self._compared())))
        if state and state.is_file():
            self._connection.register("state", pq.read_table(state))
            run("create or replace temp table before as select * from state")
        else:
            run(NO_STATE)
        run(CHANGED)
        blocking.pair(self._connection, only_changed=True)
        weights.compare(self._connection, model)
        evidence.judge(self._connection)
        run(SCORED)
        if state:
            state.parent.mkdir(parents=True, exist_ok=True)
            write_parquet(state, query(STATE).to_arrow_table())
        ((compared,),) = run("select count(*) from candidates").fetchall()
        return Scored(
            query(PAIRS.format(rule=MODEL_RULE), params={"version": version}).to_arrow_table(),
            query(HELD).to_arrow_table(),
            compared,
        )
