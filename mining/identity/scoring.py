"""Score the pairs of records that rules do not reach: of a build, or of its new and changed records with all others.

What a pair shows is a function of its two records and the model. So the pairs of two records that are as they were are
kept from the build before, and an incremental build has the pairs of a rebuild.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from mining.identity import blocking, evidence, fields, training, weights
from mining.identity.state import keep, opened
from pipeline.base.duck import connect
from pipeline.base.settings import ROOT

SPELLINGS = ROOT / "dbt_project" / "seeds" / "name_spellings.csv"
MODEL_RULE = "model"

PAIRS = """
select
    one.source_record_key,
    other.source_record_key as other_record_key,
    '{rule}' as match_rule,
    pairs.weight as match_weight,
    pairs.evidence,
    pairs.verdict,
    pairs.reason,
    $version as model_version
from state.pairs as pairs
inner join numbers as one_number on pairs.state_no = one_number.state_no
inner join numbers as other_number on pairs.other_no = other_number.state_no
inner join basis as one on one_number.record_no = one.record_no
inner join basis as other on other_number.record_no = other.record_no
order by one.record_no, other.record_no
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
        self._is_filled = self._is_whole = False
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
            Where the state of the build before is, if it had this model, and where this build's is left.
        """
        run, query = self._connection.execute, self._connection.sql
        with opened(self._connection, state):
            self._fill("from changed")
            blocking.block(self._connection)
            blocking.pair(self._connection)
            self._fill("select record_no from candidates union select other_no from candidates")
            weights.compare(self._connection, model)
            evidence.judge(self._connection, self._guards)
            keep(self._connection, with_keys=state is not None)
            ((compared,),) = run("select count(*) from candidates").fetchall()
            pairs = query(PAIRS.format(rule=MODEL_RULE), params={"version": version}).to_arrow_table()
        return Scored(pairs, self._held(), compared)

    def _held(self) -> pa.Table:
        kinds = [kind for guard, kind in evidence.HELD.items() if guard in self._guards]
        parts = [f"select source_record_key, '{kind}' as kind, {kind} as value from basis" for kind in kinds]
        nobody = "select null::varchar as source_record_key, null::varchar as kind, null::varchar as value"
        held = f"from ({' union all '.join([*parts, nobody])}) where value is not null"
        return self._connection.sql(held).to_arrow_table()

    def _fill(self, wanted: str) -> None:
        """Prepare the names of some records, by a query for their record_no, unless they are prepared."""
        run = self._connection.execute
        if not self._is_whole:
            fields.fill(self._connection, wanted, is_first=not self._is_filled)
            ((filled, records),) = run("select (select count(*) from fields), (select count(*) from basis)").fetchall()
            self._is_filled, self._is_whole = True, filled == records
