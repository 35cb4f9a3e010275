"""The page of a first look in Chromium without a network: on a phone, on a wide screen, on paper, and judged by axe."""

import html
import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from cli.main import main
from tests.support.companies.trade import make_trade

pytestmark = [pytest.mark.slow, pytest.mark.chromium]
OFFLINE = ["--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking"]
MEASURE = """<script>
const root = document.documentElement;
root.dataset.overflow = root.scrollWidth - root.clientWidth;
root.dataset.width = root.clientWidth;
</script></body>"""


# axe.run is asynchronous: with --virtual-time-budget Chromium waits until nothing is left to do.
JUDGE = """<script src="axe.min.js"></script><script>
document.querySelectorAll("details").forEach(each => { each.open = true; });
axe.run().then(found => {
  const said = document.createElement("pre");
  said.id = "judged";
  said.textContent = JSON.stringify({
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    width: root.clientWidth,
    passed: found.passes.map(each => each.id),
    violations: found.violations.map(each => [each.impact, each.id, each.nodes[0].html]),
  });
  document.body.append(said);
});
const root = document.documentElement;
</script></body>"""
SCHEMES = {"light": 1, "dark": 0}  # as Blink counts them
GRAVE = ("serious", "critical")


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


def judged(page: Path, folder: Path, width: int, scheme: str) -> dict[str, object]:
    """What axe says of a page, on a screen of a width, in light or dark."""
    shutil.copyfile(str(files("axe_core_python") / "axe.min.js"), folder / "axe.min.js")
    copy = folder / "judged.html"
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", JUDGE), encoding="utf-8")
    done = chromium(
        folder / "profile",
        f"--window-size={width},2000",
        f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
        "--virtual-time-budget=60000",
        "--dump-dom",
        copy.as_uri(),
    )
    said = re.search(r'<pre id="judged">(.*?)</pre>', done.stdout, re.DOTALL)
    assert said, done.stderr
    found: dict[str, object] = json.loads(html.unescape(said[1]))
    assert found["dark"] is (scheme == "dark")
    return found


def grave(found: dict[str, object]) -> list[list[str]]:
    violations = found["violations"]
    assert isinstance(violations, list)
    return [each for each in violations if each[0] in GRAVE]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [360, 1400])
def test_axe_finds_no_grave_fault(page: Path, tmp_path: Path, width: int, scheme: str) -> None:
    found = judged(page, tmp_path, width, scheme)
    passed = found["passed"]
    assert isinstance(passed, list)
    assert {"color-contrast", "document-title", "html-has-lang", "scrollable-region-focusable"} & {*passed}
    assert grave(found) == []


def test_axe_would_find_pale_text_and_a_field_without_a_name(page: Path, tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.html"
    fault = '<p style="color: #ddd; background: #fff">pale</p><input type="text"></main>'
    faulty.write_text(page.read_text(encoding="utf-8").replace("</main>", fault), encoding="utf-8")
    assert {"color-contrast", "label"} <= {rule for _, rule, _ in grave(judged(faulty, tmp_path, 1400, "light"))}
