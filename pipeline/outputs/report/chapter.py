"""What a chapter of the report is made of."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

import duckdb
from markupsafe import Markup

from pipeline.outputs.figures import AS_OF, percent, short_money

WITHHELD = "withheld"
UNKNOWN = "-"


@dataclass(frozen=True)
class Table:
    """Figures as text. The first column names the row.

    Attributes
    ----------
    caption, heads, rows
        What stands above it, the names of the columns, and the cells.
    words
        Columns that hold words, by place; the others hold numbers.
    is_wide
        Whether the table needs the whole width.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str | Markup, ...], ...]
    words: frozenset[int] = frozenset()
    is_wide: bool = False


@dataclass(frozen=True)
class Picture:
    """A chart, its title and what it shows, and the same figures as the heads and rows of a table."""

    title: str
    chart: Markup
    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def table(self) -> Table:
        """The figures behind the chart."""
        return Table(self.title, self.heads, self.rows)


@dataclass(frozen=True)
class Content:
    """What a chapter says: a sentence with its figures, then pictures, tables and remarks."""

    says: str
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass
class Marts:
    """The published tables, for one chapter: what it asks is kept, and shown at its end."""

    release: duckdb.DuckDBPyConnection
    currency: str
    as_of: dt.date
    asked: list[str] = field(default_factory=list)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query. Its order is unique."""
        self.asked.append(sql)
        return self.release.execute(sql).fetchall()

    def one(self, sql: str) -> tuple[Any, ...]:
        """Return the only row of a query."""
        return self.rows(sql)[0]

    def why(self, job: str) -> str:
        """Return what the run of a job says of its result; empty without a run."""
        found = self.release.execute(
            "select decision from marts.model_runs where job = $1 and decision is not null order by run_id limit 1",
            [job],
        ).fetchall()
        return str(found[0][0]) if found else ""

    def money(self, value: float) -> str:
        """Return an amount in three digits, with its currency: SGD 12.3 k."""
        return f"{self.currency} {short_money(float(value), self.currency)}"


def marts_of(release: duckdb.DuckDBPyConnection) -> Marts:
    """Return the published tables of a release."""
    currency, as_of = release.execute(f"select currency, {AS_OF} from marts.release").fetchall()[0]
    return Marts(release, currency, as_of)


def number(value: Any) -> float | None:
    """Return a figure of a mart as floating-point number."""
    return None if value is None else float(value)


def share_text(share: Any) -> str:
    """Return a share in whole percent."""
    return UNKNOWN if share is None else percent(float(share))


def count_text(count: Any, missing: str = UNKNOWN) -> str:
    """Return a count or an amount without its cents; `missing` where there is none."""
    return missing if count is None else f"{count:,.0f}"


def group_name(value: str) -> str:
    """Return a value of a column as words."""
    return value.replace("_", " ")


def with_bar(share: float | None, kind: str = "") -> str | Markup:
    """Return a share as a number with a bar below it."""
    if share is None:
        return UNKNOWN
    length = round(100 * min(max(float(share), 0.0), 1.0), 1)
    return Markup('{}<span class="meter {}" style="width:{}%"></span>').format(percent(float(share)), kind, length)
