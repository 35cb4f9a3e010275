"""The pages in Chromium without a network: on a phone, on a wide screen, on paper, and judged by axe."""

import html
import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from cli.main import main
from pipeline.outputs.report.page import write_report
from tests.pipeline.outputs.report_world import write_release
from tests.pipeline.outputs.test_report import STORY
from tests.support.companies.trade import make_trade

pytestmark = [pytest.mark.slow, pytest.mark.chromium]
OFFLINE = ["--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking"]
# axe.run is asynchronous: with --virtual-time-budget Chromium waits until nothing is left to do.
JUDGE = """<script src="axe.min.js"></script><script>
const root = document.documentElement;
document.querySelectorAll("details").forEach(each => { each.open = true; });
axe.run().then(found => {
  const said = document.createElement("pre");
  said.id = "judged";
  said.textContent = JSON.stringify({
    dark: matchMedia("(prefers-color-scheme: dark)").matches,
    overflow: root.scrollWidth - root.clientWidth,
    passed: found.passes.map(each => each.id),
    violations: found.violations.map(each => [each.impact, each.id, each.nodes[0].html]),
  });
  document.body.append(said);
});
</script></body>"""
SCHEMES = {"light": 1, "dark": 0}  # as Blink counts them
GRAVE = ("serious", "critical")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of `make try`, and the report of a release."""
    folder = tmp_path_factory.mktemp("page")
    file = make_trade(customers=1200).write(folder / "orders.csv")
    assert main(["try", str(file), "--to", str(folder), "--no-open"]) == 0
    write_report(write_release(folder / "release.duckdb", STORY), folder / "report.html")
    return {"first look": folder / "orders.html", "report": folder / "report.html"}


@pytest.fixture(params=["first look", "report"])
def page(pages: dict[str, Path], request: pytest.FixtureRequest) -> Path:
    return pages[request.param]


def chromium(profile: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Chromium without a window and without a network; return what it printed."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", *OFFLINE]
    done = subprocess.run([*command, "--enable-logging=stderr", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr
    return done


@pytest.mark.parametrize(("name", "most"), [("first look", 2), ("report", 5)])
def test_it_prints_to_a_few_pages(pages: dict[str, Path], tmp_path: Path, name: str, most: int) -> None:
    pdf = tmp_path / "page.pdf"
    chromium(tmp_path / "profile", "--no-pdf-header-footer", f"--print-to-pdf={pdf}", pages[name].as_uri())
    assert len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes())) <= most


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
def test_it_fits_the_screen_and_axe_finds_no_grave_fault(page: Path, tmp_path: Path, width: int, scheme: str) -> None:
    found = judged(page, tmp_path, width, scheme)
    assert found["overflow"] == 0
    passed = found["passed"]
    assert isinstance(passed, list)
    assert {"color-contrast", "document-title", "html-has-lang", "scrollable-region-focusable"} & {*passed}
    assert grave(found) == []


def test_axe_would_find_what_is_wide_pale_and_without_a_name(pages: dict[str, Path], tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.html"
    fault = '<p style="color: #ddd; background: #fff; width: 2000px">pale</p><input type="text"></main>'
    faulty.write_text(pages["report"].read_text(encoding="utf-8").replace("</main>", fault), encoding="utf-8")
    found = judged(faulty, tmp_path, 1400, "light")
    assert {"color-contrast", "label"} <= {rule for _, rule, _ in grave(found)}
    assert found["overflow"] != 0
