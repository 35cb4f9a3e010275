"""What mining reads and writes: features in, models and scores out, all of them whole files.

Ids are functions of content: equal features, model and mining code give an equal run id, in any process and from any
order of rows.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import models
from pipeline.errors import UserError
from pipeline.files import DamagedError, sha256_of, sha256_of_tree, write_parquet
from pipeline.models import Model
from pipeline.settings import ROOT, Settings

KEY = ("as_of_date", "customer_id")
COLUMNS = (
    "customer_id",
    "as_of_date",
    "first_purchase_date",
    "last_purchase_date",
    "purchase_days",
    "recency_days",
    "tenure_days",
    "active_span_days",
    "orders",
    "quantity",
    "net_sales",
    "refund_amount",
    "spend_days",
    "spend_amount",
    "repeat_spend_days",
    "repeat_spend_amount",
    "purchase_days_28d",
    "purchase_days_84d",
    "purchase_days_prior_28d",
    "net_sales_28d",
    "net_sales_84d",
    "net_sales_365d",
    "gap_mean_days",
    "gap_stddev_days",
    "discount_share",
    "categories",
    "returns_84d",
    "campaigns_received_84d",
    "campaign_responses_84d",
    "contacts_84d",
    "abandoned_84d",
    "wait_seconds_365d",
    "complaints_365d",
    "badly_handled_complaints_365d",
    "surveys_365d",
    "last_nps_score",
    "last_csat_score",
    "web_sessions_28d",
    "web_sessions_84d",
    "days_since_web_session",
    "has_subscription",
    "is_left_truncated",
)

MODEL_CODE = (
    "mining",
    "dbt_project/macros",
    *(f"dbt_project/models/{n}" for n in ("intermediate", "core", "features")),
)
"""Folders whose code says what a feature means and what a model makes of it."""
SOURCES_KEY = b"perennial.sources"
"""Metadata of a feature file: its sources, sorted, with commas."""


@dataclass(frozen=True)
class FeatureSet:
    """The features of one build, sorted by (as_of_date, customer_id), with a hash of their content."""

    as_of: dt.date
    table: pa.Table
    content_hash: str

    @property
    def dates(self) -> list[dt.date]:
        """The dates that the features describe, oldest first."""
        return sorted(pc.unique(self.table["as_of_date"]).to_pylist())

    @property
    def customers(self) -> pd.Series:
        """The customer_id of everybody known on the as-of day, sorted."""
        return self._rows(self.as_of)["customer_id"].to_pandas()

    def _rows(self, date: dt.date) -> pa.Table:
        return self.table.filter(pc.equal(self.table["as_of_date"], pa.scalar(date, pa.date32())))

    def at(self, date: dt.date) -> pd.DataFrame:
        """Return the customers known on `date`, sorted by customer_id.

        Numbers are float64 (decimals too, null is NaN); dates are datetime64.
        """
        rows = self._rows(date)
        columns = {
            field.name: column.cast(pa.float64()) if _is_number(field.type) else column
            for field, column in zip(rows.schema, rows.columns, strict=True)
        }
        frame: pd.DataFrame = pa.table(columns).to_pandas(date_as_object=False)
        return frame


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def read_features(settings: Settings, as_of: dt.date, sources: Sequence[str]) -> FeatureSet:
    """Read `features/as_of=<date>.parquet`.

    Raises
    ------
    UserError
        The file is not there or holds the features of other sources, a column is missing, a key repeats or is null, or
        a row is dated after `as_of`.
    """
    path = settings.features / f"as_of={as_of}.parquet"
    if not path.exists():
        raise UserError(f"{path} is not there: build the features of {as_of} first (`make run` does).")
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError) as error:
        raise DamagedError(path, "it is no whole Parquet file", "Run `make run`, which writes it again.") from error
    _check_sources(path, table, sources)
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise UserError(f"{path} has no column {', '.join(missing)}: build the features again with this version.")
    # A column that no source fills may come without a type.
    table = pa.table({n: table[n].cast(pa.float64()) if pa.types.is_null(table[n].type) else table[n] for n in COLUMNS})
    return feature_set(table, as_of, str(path))


def newest_features(settings: Settings) -> dt.date:
    """Return the newest as-of day whose features are there."""
    days = sorted(path.stem.removeprefix("as_of=") for path in settings.features.glob("as_of=*.parquet"))
    if not days:
        raise UserError(f"{settings.features} has no features: build them first (`make run` does).")
    return dt.date.fromisoformat(days[-1])


def _check_sources(path: Path, table: pa.Table, sources: Sequence[str]) -> None:
    wanted = ",".join(sorted(sources))
    found = (table.schema.metadata or {}).get(SOURCES_KEY, b"").decode()
    if found != wanted:
        whose = f"holds the features of {found}, not of {wanted}" if found else "does not say whose features it holds"
        raise UserError(f"{path} {whose}. Build them: `make run` with CRM_SOURCES={wanted}.")


def feature_set(table: pa.Table, as_of: dt.date, origin: str = "features") -> FeatureSet:
    """Sort and check a features table."""
    table = table.sort_by([(name, "ascending") for name in KEY]).combine_chunks()
    if any(table[name].null_count for name in KEY):
        raise UserError(f"{origin} has a row without customer_id or as_of_date.")
    if table.group_by(list(KEY)).aggregate([]).num_rows != table.num_rows:
        raise UserError(f"{origin} has a customer_id more than once on one as_of_date.")
    if table.num_rows and pc.max(table["as_of_date"]).as_py() > as_of:
        raise UserError(f"{origin} has rows dated after {as_of}.")
    return FeatureSet(as_of, table, content_hash(table))


def content_hash(table: pa.Table) -> str:
    """SHA-256 of the names, types and values of a table's columns in its row order: not of Parquet bytes."""
    digest = sha256()
    for name in sorted(table.column_names):
        text = pc.fill_null(table[name].cast(pa.large_string()), "\0")
        values = pa.concat_arrays(text.chunks) if text.num_chunks else pa.array([], pa.large_string())
        lengths = pc.binary_length(values).to_numpy(zero_copy_only=False).astype("<i8")
        digest.update(f"{name}\0{table.schema.field(name).type}\0".encode())
        digest.update(lengths.tobytes())
        if len(values):
            start = np.frombuffer(values.buffers()[1], np.int64)[values.offset]
            digest.update(memoryview(values.buffers()[2])[start : start + int(lengths.sum())])
    return digest.hexdigest()


@cache
def mining_code() -> str:
    """SHA-256 (16 digits) of mining and of the SQL behind the features: a model is used only by what trained it."""
    return sha256_of_tree(ROOT, MODEL_CODE, (".py", ".sql"))[:16]


def make_id(job: str, as_of: dt.date, *content: Any) -> str:
    """Id of a run or of a model: equal content gives an equal id."""
    return f"{job}-{as_of}-{sha256_of([mining_code(), *content])[:12]}"


def read_model(settings: Settings, job: str, version: str) -> Model | None:
    """Read a model, or None where it has not been trained.

    Raises
    ------
    DamagedError
        Its file is not as it was written.
    """
    path = models.model_path(settings, job, version)
    return models.read_model(path) if path.is_file() else None


def earlier_models(
    settings: Settings, job: str, *, as_of: dt.date, sources: Sequence[str], needs: Mapping[str, Any]
) -> list[Model]:
    """Models of days before `as_of` that may score it, the newest last, refused ones included.

    They were trained on the same sources, by the same code, and with equal values for the parameters in `needs` (a
    churn model answers for one horizon only).
    """
    return [
        model
        for model in models.read_models(settings, job, before=as_of.isoformat())
        if model["sources"] == sorted(sources)
        and model["mining_code"] == mining_code()
        and all(model["needs"].get(name) == value for name, value in needs.items())
    ]


def score_path(settings: Settings, job: str, as_of: dt.date, run_id: str) -> Path:
    """Path of a run's score file."""
    return settings.scores / job / f"as_of={as_of}" / f"run={run_id}.parquet"


def score_table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Give scores the columns and types of their contract, sorted by the text columns."""
    columns = {field.name: pa.array(frame[field.name], from_pandas=True).cast(field.type) for field in schema}
    order = [(field.name, "ascending") for field in schema if pa.types.is_string(field.type)]
    return pa.table(columns, schema=schema).sort_by(order)


def write_scores(path: Path, table: pa.Table) -> str:
    """Write one score file and return its path."""
    write_parquet(path, table)
    return str(path)
