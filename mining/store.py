"""What mining reads and writes: features in, models and scores out, all of them whole files."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mining.version import mining_code
from pipeline.base import model_files as models
from pipeline.base.errors import UserError
from pipeline.base.files import DamagedError, sha256_of, write_parquet
from pipeline.base.model_files import Model
from pipeline.base.settings import Settings


class FeatureTable(NamedTuple):
    """A table of features that the warehouse exports: its folder below `features/`, and its key."""

    folder: str
    key: tuple[str, ...]


CUSTOMER_FEATURES = FeatureTable("", ("as_of_date", "customer_id"))
CAMPAIGN_ARMS = FeatureTable("campaign_arms", ("as_of_date", "campaign_id", "segment", "measure", "arm"))
CAMPAIGN_CUSTOMERS = FeatureTable("campaign_customers", ("as_of_date", "campaign_id", "period", "customer_id"))
COMPLAINT_CUSTOMERS = FeatureTable("complaint_customers", ("as_of_date", "moment_id"))
ITEM_PURCHASES = FeatureTable("item_purchases", ("as_of_date", "customer_id", "product_id", "purchase_date"))
PURCHASE_DAYS = FeatureTable("purchase_days", ("as_of_date", "customer_id", "purchase_date"))
PURCHASE_CALENDAR = FeatureTable("purchase_calendar", ("as_of_date", "purchase_date"))
CALENDAR_COLUMNS = frozenset({"first_purchases", "repeat_purchases"})
TOUCH_TRANSITIONS = FeatureTable("touch_transitions", ("as_of_date", "from_state", "to_state"))
EVENT_DAYS = FeatureTable("event_days", ("as_of_date", "event", "starts_on"))
EPOCH = dt.date(1970, 1, 1)
INT32 = np.iinfo(np.int32)
SUBSCRIPTION_TERMS = FeatureTable("subscription_terms", ("as_of_date", "subscription_id"))
VALUE_MONTHS = FeatureTable("value_months", ("as_of_date", "kind", "related_id", "month_start_date"))
STAMP = {"customer_id": pa.string(), "as_of_date": pa.date32(), "run_id": pa.string()}
"""The first columns of every score file."""
SOURCES_KEY, CURRENCY_KEY = b"perennial.sources", b"perennial.currency"
"""Metadata of a feature file: its sources, sorted, with commas; the currency of its amounts."""


@dataclass(frozen=True)
class FeatureSet:
    """The features of one build, sorted by their key, with a hash of their content.

    `purchase_days` has the purchases of each day, of which the season is learned, and `event_days` the days of known
    events; `population` the customers of whom something else is told; `previous` the published model that a new one
    goes on from. None where that is not asked for. `beside` has other tables of features, by folder.
    """

    as_of: dt.date
    table: pa.Table
    content_hash: str
    purchase_days: pa.Table | None = None
    event_days: pa.Table | None = None
    population: pa.Table | None = None
    previous: Model | None = None
    currency: str = ""
    beside: Mapping[str, pa.Table] = field(default_factory=dict)

    @property
    def dates(self) -> list[dt.date]:
        """The dates that the features describe, oldest first."""
        return sorted(pc.unique(self.table["as_of_date"]).to_pylist())

    @property
    def customers(self) -> pd.Series:
        """The customer_id of everybody known on the as-of day, sorted."""
        return self._rows(self.as_of)["customer_id"].to_pandas()

    def _rows(self, date: dt.date) -> pa.Table:
        return _of_day(self.table, date)

    def at(self, date: dt.date, *columns: str) -> pd.DataFrame:
        """Return the customers known on `date`, sorted by customer_id; of all columns, or of some.

        Numbers are float64 (decimals too, null is NaN); dates are datetime64.
        """
        rows = self._rows(date)
        return _frame(rows.select(columns) if columns else rows)

    def population_at(self, date: dt.date) -> pd.DataFrame:
        """Return the customers known on `date`, sorted by customer_id, where they were read with other features."""
        assert self.population is not None
        return _frame(_of_day(self.population, date))

    def calendar(self, date: dt.date) -> pd.DataFrame:
        """Return the purchases of each day as they were known on `date`, sorted by day; no rows where not read."""
        if self.purchase_days is None:
            return pd.DataFrame(columns=["as_of_date", "purchase_date", *sorted(CALENDAR_COLUMNS)])
        return _frame(_of_day(self.purchase_days, date))

    def events(self, date: dt.date) -> pd.DataFrame:
        """Return the days of events that were known on `date`, sorted by event and day; no rows where not read."""
        if self.event_days is None:
            return pd.DataFrame(columns=[*EVENT_DAYS.key, "ends_on"])
        return _frame(_of_day(self.event_days, date))


def _of_day(table: pa.Table, date: dt.date) -> pa.Table:
    """Rows of a day, of a table that is sorted by day; nothing is copied."""
    days = table["as_of_date"].cast(pa.int32()).to_numpy()
    day = (date - EPOCH).days
    start, end = np.searchsorted(days, day, "left"), np.searchsorted(days, day, "right")
    return table.slice(int(start), int(end - start))


def _frame(rows: pa.Table) -> pd.DataFrame:
    columns = {
        field.name: column.cast(pa.float64()) if _is_number(field.type) else column
        for field, column in zip(rows.schema, rows.columns, strict=True)
    }
    frame: pd.DataFrame = pa.table(columns).to_pandas(date_as_object=False)
    return frame


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def read_features(
    settings: Settings,
    as_of: dt.date,
    sources: Sequence[str],
    columns: Iterable[str],
    source: FeatureTable = CUSTOMER_FEATURES,
) -> FeatureSet:
    """Read the key and some columns of a day's file of features.

    Raises
    ------
    UserError
        The file is not there or holds the features of other sources, a column is missing, a key repeats or is null, or
        a row is dated after `as_of`.
    """
    path = settings.features / source.folder / f"as_of={as_of}.parquet"
    if not path.exists():
        raise UserError(f"{path} is not there: build the features of {as_of} first (`make run` does).")
    with _whole(path):
        file = pq.ParquetFile(path)
    _check_sources(path, file.schema_arrow, sources)
    if missing := [name for name in (*source.key, *sorted(columns)) if name not in file.schema_arrow.names]:
        raise UserError(f"{path} has no column {', '.join(missing)}: build the features again with this version.")

    def column(name: str) -> pa.ChunkedArray:
        with _whole(path):
            return file.read([name])[name]

    currency = (file.schema_arrow.metadata or {}).get(CURRENCY_KEY, b"").decode()
    return replace(_from_columns(column, as_of, str(path), source.key, columns), currency=currency)


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise DamagedError(path, "it is no whole Parquet file", "Run `make run`, which writes it again.") from error


def with_calendar(features: FeatureSet, settings: Settings, sources: Sequence[str]) -> FeatureSet:
    """Add the purchases of each day and the days of events, which are then part of what the features contain."""
    calendar = read_features(settings, features.as_of, sources, CALENDAR_COLUMNS, PURCHASE_CALENDAR)
    events = read_features(settings, features.as_of, sources, ("ends_on",), EVENT_DAYS)
    content = sha256_of([features.content_hash, calendar.content_hash, events.content_hash])
    return replace(features, purchase_days=calendar.table, event_days=events.table, content_hash=content)


def with_population(
    features: FeatureSet, settings: Settings, sources: Sequence[str], columns: Iterable[str]
) -> FeatureSet:
    """Add the customers of the as-of day, which are then part of what the features contain."""
    customers = read_features(settings, features.as_of, sources, columns)
    content = sha256_of([features.content_hash, customers.content_hash])
    return replace(features, population=customers.table, content_hash=content)


def with_tables(
    features: FeatureSet, settings: Settings, sources: Sequence[str], wanted: Mapping[FeatureTable, Iterable[str]]
) -> FeatureSet:
    """Add columns of other tables of features, which are then part of what the features contain."""
    read = {
        table.folder: read_features(settings, features.as_of, sources, columns, table)
        for table, columns in wanted.items()
    }
    content = sha256_of([features.content_hash, *(other.content_hash for other in read.values())])
    beside = {folder: other.table for folder, other in read.items()}
    return replace(features, beside=beside, content_hash=content)


def with_previous(features: FeatureSet, model: Model | None) -> FeatureSet:
    """Add the published model of an earlier day, if there is one: what is trained then depends on it."""
    if model is None:
        return features
    return replace(features, previous=model, content_hash=sha256_of([features.content_hash, model["model_version"]]))


def newest_features(settings: Settings) -> dt.date:
    """Return the newest as-of day whose features are there."""
    days = sorted(path.stem.removeprefix("as_of=") for path in settings.features.glob("as_of=*.parquet"))
    if not days:
        raise UserError(f"{settings.features} has no features: build them first (`make run` does).")
    return dt.date.fromisoformat(days[-1])


def _check_sources(path: Path, schema: pa.Schema, sources: Sequence[str]) -> None:
    wanted = ",".join(sorted(sources))
    found = (schema.metadata or {}).get(SOURCES_KEY, b"").decode()
    if found != wanted:
        whose = f"holds the features of {found}, not of {wanted}" if found else "does not say whose features it holds"
        raise UserError(f"{path} {whose}. Build them: `make run` with CRM_SOURCES={wanted}.")


def feature_set(
    table: pa.Table, as_of: dt.date, origin: str = "features", key: Sequence[str] = CUSTOMER_FEATURES.key
) -> FeatureSet:
    """Sort and check a features table."""
    return _from_columns(table.column, as_of, origin, key, table.column_names)


def _from_columns(
    column: Callable[[str], pa.ChunkedArray], as_of: dt.date, origin: str, key: Sequence[str], columns: Iterable[str]
) -> FeatureSet:
    """Sort and check features that are read a column at a time: of millions of rows, one column at a time is wide."""
    keys, names = pa.table({name: column(name) for name in key}), ", ".join(key)
    if any(keys[name].null_count for name in key):
        raise UserError(f"{origin} has a row without its key ({names}). Report it: the build tests it.")
    order = None if _is_ascending(keys, key) else pc.sort_indices(keys, [(name, "ascending") for name in key])
    keys = keys if order is None else keys.take(order).combine_chunks()
    if not _is_ascending(keys, key):
        raise UserError(f"{origin} has more than one row for a key ({names}). Report it: the build tests it.")
    if keys.num_rows and pc.max(keys["as_of_date"]).as_py() > as_of:
        raise UserError(f"{origin} has rows dated after {as_of}.")
    table, hashes = keys, {name: content_hash(keys.select([name])) for name in key}
    for name in sorted({*columns} - {*key}):
        wide = _typed(column(name))
        wide = wide if order is None else pa.chunked_array([wide.take(order).combine_chunks()])
        hashes[name] = content_hash(pa.table({name: wide}))
        table = table.append_column(name, _narrow(wide))
    return FeatureSet(as_of, table, sha256_of(hashes))


def _typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with a type: one that no source fills may come without."""
    return column.cast(pa.float64()) if pa.types.is_null(column.type) else column


def _narrow(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return numbers in the half of the bytes where they are the same as float64, which is what `at` makes of them."""
    if pa.types.is_decimal(column.type):
        return column.cast(pa.float64())
    if pa.types.is_int64(column.type):
        low, high = pc.min_max(column).as_py().values()
        return column.cast(pa.int32()) if low is None or (low >= INT32.min and high <= INT32.max) else column
    return column


def _is_ascending(table: pa.Table, key: Sequence[str]) -> bool:
    """Whether each row's key is above that of the row before, so that the table is sorted and no key repeats."""
    above, equal = pa.scalar(False), pa.scalar(True)
    for name in key:
        before, after = table[name].slice(0, table.num_rows - 1), table[name].slice(1)
        above = pc.or_(above, pc.and_(equal, pc.greater(after, before)))
        equal = pc.and_(equal, pc.equal(after, before))
    return table.num_rows < 2 or bool(pc.all(above).as_py())


def content_hash(table: pa.Table) -> str:
    """SHA-256 of the names, types and values of a table's columns in its row order: not of Parquet bytes."""
    digest = sha256()
    for name in sorted(table.column_names):
        digest.update(f"{name}\0{table.schema.field(name).type}\0".encode())
        for part in _bytes_of(table[name]):
            digest.update(part)
    return digest.hexdigest()


def _bytes_of(column: pa.ChunkedArray) -> Iterator[bytes | memoryview]:
    """Yield what tells a column from others of its type: the places of nulls and the numbers, or lengths and texts."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_date32(kind):
        yield np.flatnonzero(column.is_null()).astype("<i8").tobytes()
        plain = column.cast(pa.int32()) if pa.types.is_date32(kind) else column
        values = np.ascontiguousarray(pc.fill_null(plain, pa.scalar(0, plain.type)).to_numpy())
        yield (np.where(np.isnan(values), np.nan, values) if pa.types.is_floating(kind) else values).data
        return
    text = pc.fill_null(column.cast(pa.large_string()), "\0")
    texts = pa.concat_arrays(text.chunks) if text.num_chunks else pa.array([], pa.large_string())
    lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype("<i8")
    yield lengths.tobytes()
    if len(texts):
        start = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset]
        yield memoryview(texts.buffers()[2])[start : start + int(lengths.sum())]


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


def score_table(frame: pd.DataFrame, schema: pa.Schema, key: Sequence[str] = ()) -> pa.Table:
    """Give scores the columns and types of their contract, sorted by the key or else by the text columns."""
    columns = {column.name: pa.array(frame[column.name], from_pandas=True).cast(column.type) for column in schema}
    order = key or [column.name for column in schema if pa.types.is_string(column.type)]
    table = pa.table(columns, schema=schema)
    return table if _is_ascending(table, order) else table.sort_by([(name, "ascending") for name in order])


def write_scores(path: Path, table: pa.Table) -> str:
    """Write one score file and return its path."""
    write_parquet(path, table)
    return str(path)
