"""The file of segments: ids stay, ranks may move, and each cell belongs to one segment.

What a company's own segments are does not matter here: the file is tried in a form with three of them.
"""

import csv
from pathlib import Path

import pytest

from mining.segments.table import COLUMNS, ROWS, SEEDS, read_segments
from pipeline.base.errors import UserError

LOYAL = "2,Loyal,2,steady: 4; slipping: 4 5"
THREE = f"""\
segment_id,segment_name,segment_rank,rule
1,Champions,1,steady: 5
{LOYAL}
3,Others,3,{"; ".join(f"{row}: once 1 2 3" for row in ROWS)}; {"; ".join(f"{row}: 4 5" for row in ROWS[:2] + ROWS[4:])}
"""


def written(folder: Path, loyal: str, others_rank: int = 3) -> Path:
    """Write the file of three segments with other lines in the place of the loyal customers'."""
    path = folder / "segments.csv"
    text = THREE.replace(LOYAL, loyal).replace("3,Others,3,", f"3,Others,{others_rank},")
    path.write_text(text, encoding="utf-8")
    return path


def test_every_cell_has_a_segment_and_every_segment_a_cell() -> None:
    found = read_segments()
    assert set(found) == {(row, column) for row in ROWS for column in COLUMNS.values()}
    with SEEDS.open(encoding="utf-8", newline="") as file:
        listed = {(int(row["segment_id"]), row["segment_name"]) for row in csv.DictReader(file)}
    assert set(found.values()) == listed


def test_an_inserted_segment_changes_no_other_id(tmp_path: Path) -> None:
    before = read_segments(written(tmp_path, LOYAL)).copy()
    (tmp_path / "after").mkdir()
    inserted = "2,Loyal,3,steady: 4; slipping: 4\n4,Champions who slip,2,slipping: 5"
    after = read_segments(written(tmp_path / "after", inserted, others_rank=4))
    assert {cell: (before[cell], after[cell]) for cell in before if before[cell] != after[cell]} == {
        ("slipping", 5): ((2, "Loyal"), (4, "Champions who slip"))
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
        read_segments(written(tmp_path, new))
