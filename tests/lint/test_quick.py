"""What `make check` runs is there: a file of tests that was renamed would be left out."""

from pipeline.base.settings import ROOT
from tests.support.builds.quick import QUICK


def test_every_quick_file_is_there() -> None:
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert QUICK - there == set()
