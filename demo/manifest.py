"""The company in a CRM_HOME: what it was made by, whether it is made again, and that no two are mixed.

Without the code that makes a company, which takes a second to import.
"""

from typing import Any

from demo.options import Options
from pipeline.base.errors import UserError
from pipeline.base.files import DamagedError, read_json, sha256_of, sha256_of_file
from pipeline.base.settings import ROOT, Settings
from pipeline.base.shapes import Day, Shape, Text

MANIFEST = "manifest.json"


class OptionsShape(Shape):
    """The options of a company, as its manifest has them."""

    until: Day


class ManifestShape(Shape):
    """`demo/manifest.json`."""

    options: OptionsShape
    code: Text


def describe(options: Options) -> dict[str, object]:
    """Return what decides the content: the options and the code, without the proof, which only reads it."""
    files = [path for path in sorted((ROOT / "demo").rglob("*.py")) if "proof" not in path.relative_to(ROOT).parts]
    return {"options": options.as_json(), "code": sha256_of([sha256_of_file(path) for path in files])[:16]}


def is_needed(settings: Settings, options: Options) -> bool:
    """Whether a demo source is active, and the company on disk is another one than the options describe."""
    if not any(source.startswith("demo_") for source in settings.sources):
        return False
    manifest = read_manifest(settings)
    return {key: manifest.get(key) for key in ("options", "code")} != describe(options)


def read_manifest(settings: Settings) -> dict[str, Any]:
    """What the company on disk was made by; nothing where that cannot be read, so that it is made again."""
    try:
        return read_json(settings.home / "demo" / MANIFEST, "", ManifestShape)
    except DamagedError:
        return {}


def check_home(settings: Settings, options: Options) -> None:
    """Let the company that has landed here go on, and no other: what has landed stays.

    Raises
    ------
    UserError
        Another company has landed in this CRM_HOME.
    """
    before, wanted = read_manifest(settings), describe(options)
    if not before or not any(settings.landing.glob("demo_*")):
        return
    had, now = before["options"], options.as_json()
    other = [
        f"{name} was {had.get(name)} and is {now[name]}"
        for name in now
        if name != "until" and had.get(name) != now[name]
    ]
    if had["until"] > now["until"]:
        other.append(f"its days up to {had['until']} have landed, so it cannot go back to {now['until']}")
    if not other and before["code"] != wanted["code"]:
        other.append("another version of demo/ made it")
    if other:
        raise UserError(
            f"{settings.home} holds another demo company: {'; '.join(other)}. In one warehouse the two would mix. "
            f"Give this one a home of its own, for example CRM_HOME=var/{options.world}, or remove {settings.home}."
        )
