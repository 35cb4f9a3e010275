"""The file of segments: ids stay, ranks may move, and each cell belongs to one segment."""

from pathlib import Path

import pytest

from mining.segments.table import COLUMNS, ROWS, SEEDS, read_segments
from pipeline.base.errors import UserError

LOYAL = "2,Loyal,2,steady: 4; slipping: 4 5"


def changed(folder: Path, *replaced: tuple[str, str]) -> Path:
    text = SEEDS.read_text(encoding="utf-8")
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    path = folder / "segments.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_cell_has_a_segment_and_every_segment_a_cell() -> None:
    found = read_segments()
    assert set(found) == {(row, column) for row in ROWS for column in COLUMNS.values()}
    assert sorted({number for number, _ in found.values()}) == list(range(1, 11))


def test_an_inserted_segment_changes_no_other_id(tmp_path: Path) -> None:
    moved = [(f",{rank},", f",{rank + 1},") for rank in range(10, 1, -1)]
    path = changed(tmp_path, *moved, ("slipping: 4 5\n", "slipping: 4\n11,Champions who slip,2,slipping: 5\n"))
    before, after = read_segments(), read_segments(path)
    assert {cell: (before[cell], after[cell]) for cell in before if before[cell] != after[cell]} == {
        ("slipping", 5): ((2, "Loyal"), (11, "Champions who slip"))
    }


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        ("1,Loyal,2,steady: 4; slipping: 4 5", "segment_id 1 is there twice"),
        ("2,Champions,2,steady: 4; slipping: 4 5", "segment_name Champions is there twice"),
        ("2,Loyal,1,steady: 4; slipping: 4 5", "segment_rank 1 is there twice"),
        ("2,Loyal,2,steady: 4; slipping: 4", "the cell 'slipping: 5' is in no segment"),
        ("2,Loyal,2,steady: 4 5; slipping: 4 5", "the cell 'steady: 5' is in two segments, Champions and Loyal"),
        ("2,Loyal,2,steady: 4; slipping: 4 6", "Loyal: 'slipping: 4 6' is no rule"),
        ("2,Loyal,2,stable: 4; slipping: 4 5", "Loyal: 'stable: 4' is no rule"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, new: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        read_segments(changed(tmp_path, (LOYAL, new)))
