"""What is no table of rows: a PDF, a picture, a pivot table, two tables in one file. Each gets one sentence."""

import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.base.errors import UserError
from pipeline.onboarding.inspection.layout import VALUE, are_names

MOST_COLUMNS = 1000
ROWS_LOOKED_AT = 200
TITLE_ROWS = 10
KINDS = {
    b"%PDF": "a PDF",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"\x89PNG": "a picture (PNG)",
    b"GIF8": "a picture (GIF)",
    b"II*\0": "a picture (TIFF)",
    b"MM\0*": "a picture (TIFF)",
    b"{\\rtf": "a text document (RTF)",
}
INSIDE = {b"ftyp": "a picture or a film", b"WEBP": "a picture (WebP)"}
"""Of what the bytes 4 to 7, or 8 to 11, say."""
MARKUP = {
    "<!doctype html": "a web page (HTML)",
    "<html": "a web page (HTML)",
    "<table": "a web page (HTML)",
    "<": "XML",
}
# What Excel writes above the groups of a pivot table.
GROUPS = re.compile(
    r"(row|column) labels|(zeilen|spalten)beschriftungen|étiquettes de (lignes|colonnes)|etiquetas de (fila|columna)"
    r"|rótulos de (linha|coluna)|etichette di (riga|colonna)|(rij|kolom)labels|[行列]标签|[行列]ラベル",
    re.IGNORECASE,
)
# What it and Google Sheets call the sums. A book may be called so, too: among names of columns only.
SUMS = re.compile(
    r"(sum|count|average) of .+|(summe|anzahl|mittelwert) von .+|(somme|nombre|moyenne) de .+"
    r"|(suma|cuenta|promedio) de .+|(soma|contagem|média) de .+|(求和项|计数项)\W.+|(合計|個数|平均) / .+",
    re.IGNORECASE,
)

Cells = Sequence[str | None]
Numbered = Sequence[tuple[int, Cells]]
"""Rows with their number in the file; rows without a value are left out."""


def check_kind(path: Path) -> None:
    """Refuse a file that is known to be something else than a table."""
    with path.open("rb") as handle:
        start = handle.read(1024)
    kind = next((kind for magic, kind in KINDS.items() if start.lstrip(b"\xef\xbb\xbf\r\n ").startswith(magic)), None)
    kind = kind or INSIDE.get(start[4:8]) or INSIDE.get(start[8:12])
    if kind:
        raise UserError(
            f"FILE: {path} is {kind}, which has no table that can be read. Export the orders as CSV or Excel where "
            "they come from."
        )


def check_text(path: Path, first: str) -> None:
    """Refuse text that is no table, by its first line."""
    line = first.lstrip("\ufeff \t").lower()
    kind = next((kind for beginning, kind in MARKUP.items() if line.startswith(beginning)), None)
    if kind:
        raise UserError(f"FILE: {path} is {kind}, and no table. Export it as CSV or Excel.")
    if line.startswith("["):
        raise UserError(
            f"FILE: {path} is JSON in one piece. Export it as JSON lines (one object a line), CSV or Excel."
        )


def check_width(path: Path, columns: Sequence[str]) -> None:
    """Refuse a table that is wider than any export of orders."""
    if len(columns) > MOST_COLUMNS:
        raise UserError(
            f"FILE: {path} has {len(columns):,} columns, and an export of orders has a few dozen: its rows and columns "
            "may be exchanged. Export one row for each order, or for each of its lines."
        )


def is_pivot(rows: Numbered) -> bool:
    """Whether rows are those of a pivot table, which sums the orders up."""
    top = [[(cell or "").strip() for cell in cells] for _, cells in rows[:TITLE_ROWS]]
    has_groups = any(GROUPS.fullmatch(cell) for cells in top for cell in cells)
    names = [cells for cells in top[:2] if not any(VALUE.fullmatch(cell) for cell in cells)]
    return has_groups or any(SUMS.fullmatch(cell) for cells in names for cell in cells)


def check_no_pivot(path: Path, rows: Numbered) -> None:
    """Refuse a pivot table."""
    if is_pivot(rows):
        raise UserError(
            f"FILE: {path} is a pivot table, which sums the orders up. Name the file or sheet of the rows that it sums."
        )


def check_one_table(label: str, rows: Numbered, header: int) -> None:
    """Refuse two tables in one: below each other with an empty row between, or beside each other.

    Parameters
    ----------
    label
        How the sentence calls the file or sheet.
    rows
        The first rows.
    header
        Which of them has the names.
    """
    others = [at for at in range(len(rows) - 1) if abs(at - header) > 1 and _begins(rows, at, header)]
    if others:
        first, second = sorted((rows[header][0], rows[others[0]][0]))
        raise UserError(
            f"FILE: {label} has two tables, from row {first:,} and from row {second:,}. Put each into a file of its "
            "own."
        )
    names = rows[header][1]
    below = [cells for _, cells in rows[header + 1 : header + ROWS_LOOKED_AT]]
    for place in range(2, len(names) - 2):
        is_gap = all(not _cell(cells, place) for cells in (names, *below))
        if is_gap and all(_cell(names, place + step) for step in (-2, -1, 1, 2)):
            raise UserError(
                f"FILE: {label} has two tables beside each other, with column {place + 1:,} empty between them. Put "
                "each into a file of its own, or delete the empty column."
            )


def _begins(rows: Numbered, at: int, header: int) -> bool:
    """Whether a table begins with a row: behind an empty one, or the first. A title above the names has few cells."""
    (number, cells), (_, below) = rows[at], rows[at + 1]
    fewest = 2 if at > header else 3
    is_alone = at == 0 or number > rows[at - 1][0] + 1
    is_wide = min(len([cell for cell in each if cell and cell.strip()]) for each in (cells, below)) >= fewest
    return is_alone and is_wide and are_names(cells) and not are_names(below)


def _cell(cells: Cells, place: int) -> str:
    return (cells[place] or "").strip() if place < len(cells) else ""
