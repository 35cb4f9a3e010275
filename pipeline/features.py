"""Features leave the warehouse as one Parquet file, the only thing that mining reads."""

from pathlib import Path

from pipeline.duck import connect, quote_literal
from pipeline.errors import UserError
from pipeline.files import atomic_path
from pipeline.plan import load_plan
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
        The warehouse has no customer, so that there is nothing to score.
    """
    plan = load_plan(settings)
    target = features_path(settings, plan.as_of_date)
    made_for = {"perennial.sources": ",".join(plan.sources), "perennial.input_hash": plan.input_hash}
    metadata = ", ".join(f"{quote_literal(name)}: {quote_literal(value)}" for name, value in made_for.items())
    with connect(settings.warehouse, read_only=True) as warehouse, atomic_path(target) as temporary:
        rows = warehouse.execute(
            "copy (select * from features.customer_features order by as_of_date, customer_id)"
            f" to {quote_literal(str(temporary))} (format parquet, compression zstd, kv_metadata {{{metadata}}})"
        ).fetchall()[0][0]
        if not rows:
            raise UserError(
                "No customer has bought anything on or before the as-of date, so there is nothing to score. "
                "See ops.row_fates in the warehouse for what became of the landed rows."
            )
    return f"{rows:,} rows"
