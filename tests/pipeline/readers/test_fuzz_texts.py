"""Made-up text files, whole and damaged: each lands to the row, or is refused in a sentence."""

from random import Random

import pytest

from pipeline.base.errors import UserError
from tests.pipeline.readers.test_readers import read
from tests.support.companies import damage
from tests.support.companies.damage import KINDS
from tests.support.companies.fuzz import lander, within

BROKEN_LINES = 3


@pytest.mark.parametrize("make", KINDS)
def test_a_broken_line_costs_itself_wherever_it_stands(tmp_path, make):
    for seed in range(14):
        random = Random(f"{make.__name__} {seed}")
        made = make(random, broken=seed % 2 * random.randint(1, BROKEN_LINES))
        path = tmp_path / ("sales.gz" if make is damage.packed else "sales.txt")
        path.write_bytes(made.content)
        rows, rejects = read([path], **made.table)
        assert rows == made.rows, seed
        assert len(rejects) == made.broken, seed


@pytest.mark.parametrize("make", KINDS)
def test_damaged_files_are_read_or_refused(tmp_path, make):
    for seed in range(14):
        random = Random(f"damaged {make.__name__} {seed}")
        made = make(random)
        path = tmp_path / ("sales.gz" if make is damage.packed else "sales.txt")
        path.write_bytes(damage.damaged(random, made))
        try:
            read([path], **made.table)
        except UserError as error:
            assert "\n" not in str(error), seed


@pytest.mark.slow
@pytest.mark.parametrize("make", KINDS)
def test_files_land_to_the_row_or_are_refused_in_a_sentence(tmp_path, make):
    with lander(tmp_path) as process:
        for seed in within():
            random = Random(f"landed {make.__name__} {seed}")
            made = make(random, broken=seed % 2 * BROKEN_LINES)
            content = damage.damaged(random, made) if seed % 3 == 0 else made.content
            outcome = process.land(content, made.table, "sales.gz" if make is damage.packed else "sales.txt")
            if content is made.content and content:
                assert outcome.refused == "", seed
                assert outcome.rows == made.rows, seed
                assert len(outcome.rejects) == made.broken, seed


@pytest.mark.slow
def test_source_files_land_or_are_refused(tmp_path):
    with lander(tmp_path) as process:
        (tmp_path / "sales.txt").write_bytes(b"a,b\n1,2\n")
        whole = process.source({"format": "csv"})
        for seed in within():
            process.land_source(damage.source_yml(Random(f"yml {seed}"), whole))
