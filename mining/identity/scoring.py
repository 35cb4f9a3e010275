"""Score the pairs of records that rules do not reach: of a build, or of its new and changed records with all others.

What a pair shows is a function of its two records and the model. So the pairs of two records that are as they were are
kept from the build before, and an incremental build has the pairs of a rebuild.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from mining.identity import blocking, evidence, fields, training, weights
from pipeline.base.duck import connect, quote_literal
from pipeline.base.files import atomic_path
from pipeline.base.settings import ROOT

SPELLINGS = ROOT / "dbt_project" / "seeds" / "name_spellings.csv"
MODEL_RULE = "model"

# Records that are new, or say something else than in the build before.
CHANGED = """
create or replace temp table changed as
select basis.record_no
from basis
left join before on basis.source_record_key = before.source_record_key and basis.print = before.print
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
    inner join basis as one on judged.record_no = one.record_no
    inner join basis as other on judged.other_no = other.record_no
),

kept as (
    select pair.*
    from (select source_record_key, unnest(pairs) as pair from before) as before
    inner join basis as one on before.source_record_key = one.source_record_key
    inner join basis as other on before.pair.other_record_key = other.source_record_key
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
    basis.source_record_key,
    basis.print,
    coalesce(kept.keys, new.keys, []) as keys,
    coalesce(slips.keys, []) as slip_keys,
    coalesce(pairs.pairs, []) as pairs
from basis
left join same as kept using (record_no)
left join (select record_no, list(key) as keys from new_keys group by record_no) as new using (record_no)
left join (select record_no, list(key) as keys from slip_keys group by record_no) as slips using (record_no)
left join (
    select
        source_record_key,
        list({
            'source_record_key': source_record_key, 'other_record_key': other_record_key, 'weight': weight,
            'evidence': evidence, 'verdict': verdict, 'reason': reason
        }) as pairs
    from scored
    group by source_record_key
) as pairs on basis.source_record_key = pairs.source_record_key
"""
NO_STATE = """
create or replace temp table before (
    source_record_key varchar,
    print ubigint,
    keys ubigint[],
    slip_keys ubigint[],
    pairs struct(
        source_record_key varchar, other_record_key varchar, weight double, evidence varchar, verdict varchar,
        reason varchar
    )[]
)
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
    guards
        Those of `evidence.GUARDS` that hold.
    threads, memory, spill
        Of DuckDB, with the folder of its temporary files; its own choice where they are not given.
    """

    def __init__(
        self,
        records: pa.Table,
        held_by_at_most: int,
        *,
        guards: Collection[str] = evidence.GUARDS,
        threads: int | None = None,
        memory: str | None = None,
        spill: Path | None = None,
    ) -> None:
        self._connection = connect(spill=spill)
        for name, value in (("threads", threads), ("memory_limit", memory)):
            if value is not None:
                self._connection.execute(f"set {name} = '{value}'")
        self._connection.register("records", records.select(list(fields.READ)))
        self._connection.read_csv(str(SPELLINGS), header=True, all_varchar=True).create_view("spellings")
        self._guards = guards
        self._is_whole = False
        fields.prepare(self._connection, held_by_at_most)
        self._connection.unregister("records")

    def train(self) -> dict[str, Any] | None:
        """See `training.train`."""
        self._fill("select record_no from basis")
        return training.train(self._connection)

    def content(self) -> str:
        """Return a hash of the records, in any order."""
        ((content,),) = self._connection.execute(
            "select md5(string_agg(md5(cast(basis as varchar)), '' order by source_record_key)) from basis"
        ).fetchall()
        return str(content)

    def score(self, model: dict[str, Any], version: str, state: Path | None = None) -> Scored:
        """Score the pairs of the records.

        Parameters
        ----------
        model
            What `train` returned.
        version
            Its version.
        state
            Where prints, keys and pairs of the build before are, if it had this model, and where this build's are left.
        """
        run, query = self._connection.execute, self._connection.sql
        if state and state.is_file():
            run("create or replace temp table before as from read_parquet($1)", [str(state)])
        else:
            run(NO_STATE)
        run(CHANGED)
        self._fill("from changed")
        blocking.block(self._connection)
        blocking.pair(self._connection)
        self._fill("select record_no from candidates union select other_no from candidates")
        weights.compare(self._connection, model)
        evidence.judge(self._connection, self._guards)
        run(SCORED)
        if state:
            with atomic_path(state) as path:
                run(f"copy ({STATE}) to {quote_literal(str(path))} (format parquet)")
        ((compared,),) = run("select count(*) from candidates").fetchall()
        return Scored(
            query(PAIRS.format(rule=MODEL_RULE), params={"version": version}).to_arrow_table(),
            self._held(),
            compared,
        )

    def _held(self) -> pa.Table:
        kinds = [kind for guard, kind in evidence.HELD.items() if guard in self._guards]
        parts = [f"select source_record_key, '{kind}' as kind, {kind} as value from basis" for kind in kinds]
        nobody = "select null::varchar as source_record_key, null::varchar as kind, null::varchar as value"
        held = f"from ({' union all '.join([*parts, nobody])}) where value is not null order by all"
        return self._connection.sql(held).to_arrow_table()

    def _fill(self, wanted: str) -> None:
        """Prepare the names of some records, by a query for their record_no, unless all are prepared."""
        run = self._connection.execute
        if not self._is_whole:
            fields.fill(self._connection, wanted)
            ((filled, records),) = run("select (select count(*) from fields), (select count(*) from basis)").fetchall()
            self._is_whole = filled == records
