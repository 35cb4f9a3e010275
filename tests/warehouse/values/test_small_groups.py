"""Small groups do not follow from what is published: an attack subtracts what is shown from the sums that are known."""

from collections.abc import Iterable
from itertools import product
from typing import Any

import duckdb
import jinja2
import numpy as np
import pytest
from scipy.optimize import linprog

from pipeline.base.settings import DBT_PROJECT
from pipeline.build.macros import add_macros

FEWEST = 10
CELLS = DBT_PROJECT / "models" / "marts" / "parts" / "part_withheld_cell.sql"
GIVEN: dict[str, Any] = {"ref": str, "of_build": lambda _: FEWEST, "contract_type": lambda _: "varchar"}
Cell = tuple[str, str]


def environment() -> jinja2.Environment:
    """What the SQL is rendered with: tables by their own names, and the setting."""
    made = jinja2.Environment(autoescape=False)
    made.globals |= GIVEN
    return made


def withheld_groups(families: list[list[int]]) -> list[list[bool]]:
    """Which groups of each family the macro withholds."""
    found = add_macros(environment(), [DBT_PROJECT / "macros" / "small_groups.sql"])
    rule = found["is_withheld"]("counted", "family", "name")
    rows = [(f, n, counted) for f, family in enumerate(families) for n, counted in enumerate(family)]
    with duckdb.connect() as connection:
        connection.execute("create table cells (family int, name int, counted int)")
        connection.executemany("insert into cells values (?, ?, ?)", rows)
        flags = connection.execute(f"select family, {rule} from cells order by family, name").fetchall()
    return [[bool(flag) for f, flag in flags if f == family] for family in range(len(families))]


def withheld_cells(tables: list[dict[Cell, int]]) -> list[set[Cell]]:
    """Which cells of each two-way table the model withholds."""
    query = environment().from_string(CELLS.read_text(encoding="utf-8")).render()
    rows = [("tier", 1, n, *cell, counted) for n, table in enumerate(tables) for cell, counted in table.items()]
    with duckdb.connect() as connection:
        connection.execute(
            "create table part_segment_move"
            " (kind text, period_months int, month_start_date int, from_value text, to_value text, customers int)"
        )
        connection.execute("create table part_category_switch (from_category text, to_category text, customers int)")
        connection.executemany("insert into part_segment_move values (?, ?, ?, ?, ?, ?)", rows)
        found = connection.execute(query).fetchall()
    return [{(row, column) for _, family, row, column in found if family == f"tier 1 {n}"} for n in range(len(tables))]


def attacked(table: dict[Cell, int], hidden: set[Cell]) -> set[Cell]:
    """Return the hidden cells that follow from the sums of all rows and columns, as nobody is in less than no cell."""
    cells = sorted(hidden)
    lines = sorted({(axis, cell[axis]) for cell in cells for axis in (0, 1)})
    sums = np.array([[float(cell[axis] == name) for cell in cells] for axis, name in lines])
    known = sums @ [table.get(cell, 0) for cell in cells]

    def bound(n: int, sign: int) -> float:
        goal = np.zeros(len(cells))
        goal[n] = sign
        found = linprog(goal, A_eq=sums, b_eq=known, method="highs").fun
        assert found is not None
        return float(found) * sign

    return {cell for n, cell in enumerate(cells) if bound(n, -1) - bound(n, 1) < 1 - 1e-6}


def random_tables(count: int) -> list[dict[Cell, int]]:
    """Two-way tables of moves: most customers stay, many cells are small or empty."""
    rng = np.random.default_rng(1)
    tables = []
    for _ in range(count):
        rows, columns = rng.integers(2, 9, 2)
        names = list(product([f"from {n}" for n in range(rows)], [f"to {n}" for n in range(columns)]))
        counted = rng.negative_binomial(0.6, 0.03, len(names)) * rng.integers(0, 2, len(names))
        tables.append({cell: int(n) for cell, n in zip(names, counted, strict=True) if n})
    return tables


def total(table: dict[Cell, int], axis: int, name: str, cells: Iterable[Cell]) -> int:
    """The customers of a row (axis 0) or column in some cells."""
    return sum(table.get(cell, 0) for cell in cells if cell[axis] == name)


def test_sums_of_rows_and_columns_do_not_tell_a_withheld_cell() -> None:
    tables = random_tables(40)
    fell = compared = 0
    for table, hidden in zip(tables, withheld_cells(tables), strict=True):
        small = {cell for cell, counted in table.items() if counted < FEWEST}
        assert small <= hidden
        fell += bool(small and attacked(table, small))
        if hidden >= set(table):
            continue
        compared += 1
        assert not attacked(table, hidden)
        for axis, name in {(axis, cell[axis]) for cell in hidden for axis in (0, 1)}:
            rest = total(table, axis, name, hidden)
            assert rest >= FEWEST or total(table, axis, name, table) < FEWEST
    assert compared > 20
    assert fell > 20, "the attack tells cells where only the small ones are withheld"


def test_a_table_without_a_rectangle_is_withheld_whole() -> None:
    table = {("a", "a"): 50, ("a", "b"): 3, ("a", "c"): 40}
    assert withheld_cells([table]) == [set(table)]


def test_an_empty_cell_is_withheld_where_no_other_makes_a_rectangle() -> None:
    table = {("a", "a"): 50, ("a", "b"): 3, ("b", "b"): 40, ("c", "c"): 30}
    assert withheld_cells([table]) == [{("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")}]


@pytest.mark.parametrize("largest", [5, 30])
def test_the_sum_of_a_family_does_not_tell_a_withheld_group(largest: int) -> None:
    rng = np.random.default_rng(largest)
    families = [[int(n) for n in rng.integers(0, largest, rng.integers(1, 8))] for _ in range(200)]
    for family, flags in zip(families, withheld_groups(families), strict=True):
        hidden = [counted for counted, flag in zip(family, flags, strict=True) if flag]
        assert all(flag or counted == 0 or counted >= FEWEST for counted, flag in zip(family, flags, strict=True))
        assert not hidden or sum(hidden) >= FEWEST or sum(hidden) == sum(family)
        assert len(hidden) != 1 or sum(hidden) == sum(family)
