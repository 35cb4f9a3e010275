"""What mining reads and writes: features in, models and scores out, all of them whole files."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mining.blocks import BLOCK, ContentHash, Order, block_file, in_blocks, is_ascending
from mining.sampling import is_within
from mining.version import mining_code
from pipeline.base import model_files as models
from pipeline.base.errors import UserError
from pipeline.base.files import DamagedError, sha256_of
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
PART = BLOCK
"""Rows that are scored at once, at most: with all that is computed of them a few hundred megabytes."""
UNIT = "customer_id"
"""Customers are what is sampled."""
SOURCES_KEY, CURRENCY_KEY = b"perennial.sources", b"perennial.currency"
"""Metadata of a feature file: its sources, sorted, with commas; the currency of its amounts."""


@dataclass(frozen=True)
class FeatureSet:
    """The features of one build, sorted by their key, with a hash of their content.

    `purchase_days` has the purchases of each day, of which the season is learned, and `event_days` the days of known
    events; `population` the customers of whom something else is told; `previous` the published model that a new one
    goes on from. None where that is not asked for. `beside` has other tables of features, by folder. `sample_of` says
    of how many rows `table` has those of some customers (`mining.sampling`); None where it has all.
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
    sample_of: int | None = None

    @property
    def rows(self) -> int:
        """Rows that there are, whether or not `table` has all of them."""
        return self.table.num_rows if self.sample_of is None else self.sample_of

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
    *,
    most_rows: int | None = None,
) -> FeatureSet:
    """Read the key and some columns of a day's file of features.

    Of more rows than `most_rows`, those of a share of the customers that has as many. The hash is that of all rows.

    Raises
    ------
    UserError
        The file is not there or holds the features of other sources, a column is missing, a key repeats or is null, or
        a row is dated after `as_of`.
    """
    file = _open(settings, as_of, sources, columns, source)
    share = 1.0 if most_rows is None else min(most_rows / max(file.rows, 1), 1.0)
    features = _collected(file.blocks(), file.schema, as_of, str(file.path), source.key, share)
    return replace(features, currency=file.currency, sample_of=file.rows if share < 1 else None)


def feature_parts(
    settings: Settings,
    as_of: dt.date,
    sources: Sequence[str],
    columns: Iterable[str],
    source: FeatureTable = CUSTOMER_FEATURES,
) -> Iterator[FeatureSet]:
    """Read the rows of the as-of day alone, in the order of their key, `PART` at a time; once without any if none are.

    The whole file has been checked by `read_features`; what a part has for a hash says nothing.
    """
    file, is_empty = _open(settings, as_of, sources, columns, source), True
    for block in in_blocks(_of_this_day(file, as_of), file.schema, PART):
        is_empty = False
        yield FeatureSet(as_of, block, "", currency=file.currency)
    if is_empty:
        yield FeatureSet(as_of, file.schema.empty_table(), "", currency=file.currency)


def day_columns(settings: Settings, as_of: dt.date, sources: Sequence[str], columns: Iterable[str]) -> pd.DataFrame:
    """Return a few columns of the customers of the as-of day: of all, for what no part of them can say."""
    file = _open(settings, as_of, sources, columns, FeatureTable("", ("as_of_date",)))
    tables = [block.drop_columns(["as_of_date"]) for block in _of_this_day(file, as_of)]
    return _frame(pa.concat_tables([file.schema.empty_table().drop_columns(["as_of_date"]), *tables]))


def _of_this_day(file: "_File", as_of: dt.date) -> Iterator[pa.Table]:
    for block in file.blocks(as_of):
        yield block.filter(pc.equal(block["as_of_date"], pa.scalar(as_of, pa.date32())))


class _File(NamedTuple):
    """A file of features: the columns that are read of it, the key first, and what its metadata say."""

    path: Path
    names: list[str]
    schema: pa.Schema
    rows: int
    currency: str

    def blocks(self, day: dt.date | None = None) -> Iterator[pa.Table]:
        """Yield its rows in blocks; of a day, those row groups that may have it."""
        with _whole(self.path), pq.ParquetFile(self.path) as file:
            groups = [
                n for n in range(file.num_row_groups) if day is None or _may_have(file.metadata.row_group(n), day)
            ]
            batches = file.iter_batches(BLOCK, row_groups=groups, columns=self.names)
            yield from in_blocks((self._typed(batch) for batch in batches), self.schema)

    def _typed(self, batch: pa.RecordBatch) -> pa.Table:
        return pa.Table.from_batches([batch]).select(self.names).cast(self.schema)


def _may_have(group: pq.RowGroupMetaData, day: dt.date) -> bool:
    """Whether a row group may have rows of a day, by its statistics: it has, where there are none."""
    columns = (group.column(place) for place in range(group.num_columns))
    known = next(each.statistics for each in columns if each.path_in_schema == "as_of_date")
    return known is None or not known.has_min_max or known.min <= day <= known.max


def _open(
    settings: Settings, as_of: dt.date, sources: Sequence[str], columns: Iterable[str], source: FeatureTable
) -> _File:
    path = settings.features / source.folder / f"as_of={as_of}.parquet"
    if not path.exists():
        raise UserError(f"{path} is not there: build the features of {as_of} first (`make run` does).")
    with _whole(path), pq.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    _check_sources(path, schema, sources)
    names = [*source.key, *sorted({*columns} - {*source.key})]
    if missing := [name for name in names if name not in schema.names]:
        raise UserError(f"{path} has no column {', '.join(missing)}: build the features again with this version.")
    currency = (schema.metadata or {}).get(CURRENCY_KEY, b"").decode()
    return _File(path, names, _readable(pa.schema([schema.field(name) for name in names])), rows, currency)


def _readable(schema: pa.Schema) -> pa.Schema:
    """Return a schema whose columns have types: one that no source fills may come without."""
    kinds = {each.name: pa.float64() if pa.types.is_null(each.type) else each.type for each in schema}
    return pa.schema(kinds)


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
    names = [*key, *sorted({*table.column_names} - {*key})]
    schema = _readable(table.select(names).schema)
    ordered = table.select(names).cast(schema)
    if not is_ascending(ordered, key):
        ordered = ordered.sort_by([(name, "ascending") for name in key])
    return _collected(in_blocks([ordered], schema), schema, as_of, origin, key)


def _collected(  # noqa: PLR0917
    blocks: Iterable[pa.Table], schema: pa.Schema, as_of: dt.date, origin: str, key: Sequence[str], share: float = 1.0
) -> FeatureSet:
    """Check and hash all blocks, and keep a share of their customers."""
    content, order = ContentHash(schema), Order(key, origin)
    kept = [_plain(schema.empty_table())]
    for block in blocks:
        order.check(block, as_of)
        content.add(block)
        chosen = block if share == 1 else block.filter(pa.array(is_within(block[UNIT].to_pylist(), share)))
        kept.append(_plain(chosen))
    table = pa.concat_tables(kept)
    kept.clear()
    for place, name in enumerate(table.column_names):
        table = table.set_column(place, name, _narrow(table[name]))
    return FeatureSet(as_of, table, content.hexdigest())


def _plain(block: pa.Table) -> pa.Table:
    """Return decimals as float64, which is what `at` makes of them, in half of the bytes."""
    kinds = {each.name: pa.float64() if pa.types.is_decimal(each.type) else each.type for each in block.schema}
    return block.cast(pa.schema(kinds))


def _narrow(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return whole numbers in half of the bytes where they fit: `at` makes float64 of them."""
    if pa.types.is_int64(column.type):
        low, high = pc.min_max(column).as_py().values()
        return column.cast(pa.int32()) if low is None or (low >= INT32.min and high <= INT32.max) else column
    return column


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
    return table if is_ascending(table, order) else table.sort_by([(name, "ascending") for name in order])


def write_scores(path: Path, table: pa.Table) -> str:
    """Write one score file and return its path."""
    with block_file(path, table.schema) as add:
        add(table)
    return str(path)
