"""Features leave the warehouse as one Parquet file, the only thing that mining reads."""

from pathlib import Path

import duckdb

from pipeline.duck import connect, quote_literal
from pipeline.errors import UserError
from pipeline.figures import counted
from pipeline.files import atomic_path
from pipeline.plan import load_plan
from pipeline.scratch import scratch_folder
from pipeline.settings import Settings


def features_path(settings: Settings, as_of: str) -> Path:
    """The feature file of an as-of date: today's rows and those of the training cut-offs."""
    return settings.features / f"as_of={as_of}.parquet"


def export_features(settings: Settings) -> str:
    """Write the feature file of the planned build; say how large it is.

    The file's own metadata say which sources and inputs it was made for.

    Raises
    ------
    UserError
        No customer has a purchase, so that there is nothing to score.
    """
    plan = load_plan(settings)
    target = features_path(settings, plan.as_of_date)
    made_for = {"perennial.sources": ",".join(plan.sources), "perennial.input_hash": plan.input_hash}
    metadata = ", ".join(f"{quote_literal(name)}: {quote_literal(value)}" for name, value in made_for.items())
    with (
        scratch_folder(settings.home) as spill,
        connect(settings.warehouse, read_only=True, spill=spill) as warehouse,
        atomic_path(target) as temporary,
    ):
        rows = warehouse.execute(
            "copy (select * from features.customer_features order by as_of_date, customer_id)"
            f" to {quote_literal(str(temporary))} (format parquet, compression zstd, kv_metadata {{{metadata}}})"
        ).fetchall()[0][0]
        if not rows:
            raise UserError(f"{_why_nothing(warehouse, plan.as_of_date)} Nothing was published.")
    return f"{rows:,} rows"


def _why_nothing(warehouse: duckdb.DuckDBPyConnection, as_of: str) -> str:
    """Why no customer has a purchase to score, and where to look."""
    orders, known, purchases = warehouse.execute(
        "select count(*), count(*) filter (customer_id <> 'unknown'),"
        " count(*) filter (customer_id <> 'unknown' and is_purchase) from core.fct_order"
    ).fetchall()[0]
    nothing = "There is no customer to score:"
    if not orders:
        return (
            f"{nothing} the warehouse has no order with a line that could be read. See ops.row_fates in the warehouse "
            "for what became of the landed rows."
        )
    if not known:
        return (
            f"{nothing} {counted(orders, 'order')}, and none names a customer. Map source_customer_id in the staging "
            "model of orders; what it has for nobody (an empty text, 0, 'guest') has to be null there."
        )
    of_known = f"{nothing} known customers have {counted(known, 'order')}, and none"
    if not purchases:
        return f"{of_known} is a purchase (docs/decisions.md says what is one)."
    return f"{of_known} that is a purchase was known by {as_of}, the as-of date."
