"""Each world has its picture and its words in demo/README.md, and the numbers there are the world's."""

from pathlib import Path

import pytest

from cli.main import main
from demo.pictures import FOLDER, draw
from demo.world.worlds import RETAIL, WORLDS

README = (FOLDER.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(WORLDS))
def test_the_readme_tells_and_shows_each_world(name: str) -> None:
    assert f"\n### {name}\n" in README
    assert f"](images/{name}.png)" in README
    assert 5_000 < (FOLDER / f"{name}.png").stat().st_size < 60_000


def test_the_table_of_classes_has_the_numbers_of_the_world() -> None:
    for c in RETAIL.classes:
        numbers = (
            c.gift_season,
            c.promotion_response,
            c.price_sensitivity,
            c.campaign_response,
            c.complaint_probability,
        )
        traits = f"{c.r:g}, {c.alpha:g} | {c.s:g}, {c.beta:g} | {c.q:g}, {c.gamma:g}"
        assert f"| {c.name} | {c.share:g} | {traits} | {' | '.join(f'{number:g}' for number in numbers)} |" in README


def test_a_picture_is_drawn_the_same_twice(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        draw(WORLDS["retail"], tmp_path / folder / "retail.png")
    first = (tmp_path / "one" / "retail.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert first == (tmp_path / "two" / "retail.png").read_bytes()


def test_two_folders_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "pictures", "here", "there"]) == 2
    assert "(there); see perennial demo pictures --help." in capfd.readouterr().err
