"""What a check found, and how that is told: as JSON for the release, as text for the person who has to act."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.base.files import write_sealed, write_text
from pipeline.base.shapes import Count, Shape, Text

STOP, WARN = "stop", "warn"
NEXT_STEP = "Run `make run`, which writes it again."


@dataclass(frozen=True)
class Check:
    """One expectation and what was observed."""

    suite: str
    check: str
    expectation: str
    column: str | None
    severity: str
    success: bool
    observed: str
    reason: str
    owner: str
    first_action: str


class CheckShape(Shape):
    """A check in a report."""

    suite: str
    check: str
    success: bool
    first_action: str


class ChecksShape(Shape):
    """A report of the gate."""

    checks: list[CheckShape]


class ReleaseChecksShape(ChecksShape):
    """The report of the gate on a release."""

    release_id: Text
    passed: Count
    warned: Count
    stopped: Count
    accounts: str


def count(checks: list[Check]) -> dict[str, int]:
    """How many checks passed, failed with a warning, and stop the release."""
    return {
        "passed": sum(check.success for check in checks),
        "warned": sum(not check.success and check.severity == WARN for check in checks),
        "stopped": sum(not check.success and check.severity == STOP for check in checks),
    }


def text_of(checks: list[Check], heading: str) -> str:
    """Report for a person: what failed, each with what to do, then what passed."""
    lines = [heading]
    for severity in (STOP, WARN):
        for check in checks:
            if not check.success and check.severity == severity:
                lines += [
                    "",
                    f"{severity.upper()}  {check.suite}: {check.check}",
                    f"      observed: {check.observed}",
                    f"      why it matters: {check.reason}",
                    f"      first action ({check.owner}): {check.first_action}",
                ]
    passed = [f"  {check.suite}: {check.check}" for check in checks if check.success]
    if passed:
        lines += ["", f"Passed ({len(passed)}):", *passed]
    return "\n".join(lines) + "\n"


def write_checks(path: Path, identity: dict[str, str], checks: list[Check], heading: str) -> None:
    """Write `<path>.json` for machines and `<path>.txt` for people."""
    content: dict[str, Any] = {**identity, **count(checks), "checks": [asdict(check) for check in checks]}
    write_sealed(path.with_suffix(".json"), content)
    write_text(path.with_suffix(".txt"), text_of(checks, heading))
