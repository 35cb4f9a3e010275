"""What a snapshot changes: only these rows are written, and a deletion for each key that is gone."""

import pyarrow as pa

from pipeline.base.duck import quote_identifier, quote_literal
from pipeline.landing.readers import Rows, Session
from pipeline.landing.readers.base import list_of_files, streamed, with_fallback, write_batches
from pipeline.landing.state import changes_of_snapshot, settle
from pipeline.landing.writing.load import Load
from pipeline.landing.writing.pair import Pair


def write_difference(load: Load, pair: Pair, working: Session, rows: Rows) -> tuple[Rows, int, int, int]:
    """Write what a snapshot changes; return rows, and how many are written, unchanged and deleted."""
    connection = working.connection
    spooled = working.new_file(".parquet")

    def spool(whole: Rows) -> None:
        connection.execute(f"copy (from {whole.relation}) to {quote_literal(str(spooled))} (format parquet)")

    if rows.stream:
        spooled = write_batches(working, rows.stream.schema, rows.stream.batches)
    else:
        rows = with_fallback(rows, spool)
    snapshot = list_of_files("read_parquet", [spooled])
    state = load.state
    assert state is not None  # there are earlier loads
    settle(connection, state)
    before = [column["name"] for column in load.earlier[-1]["schema"]]
    changed, gone = changes_of_snapshot(
        state, snapshot, rows.columns, [name for name in rows.columns if name in before]
    )
    if set(before) != set(rows.columns):  # every row has changed
        names = ", ".join(map(quote_identifier, rows.columns))
        changed = f"select {names}, 'upsert' as _op from {snapshot}"
    ((received,),) = connection.execute(f"select count(*) from {snapshot}").fetchall()
    deletions: pa.Table = connection.sql(gone).to_arrow_table().drop_columns(["_op"])
    stream = streamed(connection, f"({changed})", rows.columns, may_be_long=rows.may_be_long)
    total = pair.write(stream, deletions)
    return rows, total, received - (total - deletions.num_rows), deletions.num_rows
