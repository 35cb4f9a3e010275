"""The page of a first look in Chromium without a network: on a phone, on a wide screen, on paper."""

import re
import subprocess
from pathlib import Path

import pytest

from cli.main import main
from tests.support.trade import make_trade

pytestmark = [pytest.mark.slow, pytest.mark.chromium]
OFFLINE = ["--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking"]
MEASURE = """<script>
const root = document.documentElement;
root.dataset.overflow = root.scrollWidth - root.clientWidth;
root.dataset.width = root.clientWidth;
</script></body>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    file = make_trade(customers=1200).write(folder / "orders.csv")
    assert main(["try", str(file), "--to", str(folder), "--no-open"]) == 0
    return folder / "orders.html"


def chromium(profile: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Chromium without a window and without a network; return what it printed."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", *OFFLINE]
    done = subprocess.run([*command, "--enable-logging=stderr", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("width", [360, 1400])
def test_nothing_is_wider_than_the_screen(page: Path, tmp_path: Path, width: int) -> None:
    measured = tmp_path / "measured.html"
    measured.write_text(page.read_text(encoding="utf-8").replace("</body>", MEASURE), encoding="utf-8")
    done = chromium(tmp_path / "profile", f"--window-size={width},2000", "--dump-dom", measured.as_uri())
    found = dict(re.findall(r'data-(overflow|width)="(-?\d+)"', done.stdout))
    assert int(found["overflow"]) <= 0, found
    assert "CONSOLE" not in done.stderr


def test_it_prints_to_two_pages(page: Path, tmp_path: Path) -> None:
    pdf = tmp_path / "page.pdf"
    chromium(tmp_path / "profile", "--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.as_uri())
    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) <= 2
