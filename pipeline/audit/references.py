"""References from published tables to each other, as their ymls say, and how many rows point nowhere."""

from dataclasses import dataclass

import duckdb
import pandas as pd

from pipeline.base.catalog import Relation, parent_of, published
from pipeline.base.duck import quote_literal


@dataclass(frozen=True)
class Reference:
    """A column of a table whose values are found in a parent's column."""

    table: str
    column: str
    parent: str
    key: str
    relation: Relation

    def query(self) -> str:
        """SQL for one row: rows whose parent is missing, those without a value included unless they need none."""
        conditions = [
            f"not exists (select 1 from {self.parent} as parent where parent.{self.key} = child.{self.column})"
        ]
        if self.relation.or_value is not None:
            conditions.append(f"child.{self.column} is distinct from {quote_literal(self.relation.or_value)}")
        if self.relation.optional:
            conditions.append(f"child.{self.column} is not null")
        if self.relation.where:
            conditions.append(self.relation.where)
        if self.relation.until_year_end:
            conditions.append(f"child.{self.column} <= make_date(year(getvariable('as_of')), 12, 31)")
        return (
            f"select {quote_literal(self.table)} as table_name, {quote_literal(self.column)} as column_name, "
            f"{quote_literal(self.parent)} as parent, count(*) as rows_without_parent from {self.table} as child "
            f"where {' and '.join(conditions)}"
        )


def references() -> list[Reference]:
    """Return the references between published tables."""
    found = []
    for table in published().values():
        for column, relation in table.relations.items():
            parent, key = parent_of(relation)
            found.append(Reference(table.full_name, column, parent.full_name, key, relation))
    return found


def references_frame(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """One row per reference."""
    return connection.execute(" union all ".join(reference.query() for reference in references())).df()
