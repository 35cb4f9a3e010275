"""`python -m demo`: make the demo company. `ensure` does it only when needed; `pictures` and `prove` show it."""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

from demo.make import MANIFEST, describe, make_company
from demo.options import Options, read_options
from pipeline.errors import UserError
from pipeline.files import DamagedError, read_json
from pipeline.settings import Settings, load_settings
from pipeline.shapes import Day, Shape, Text

OPTIONS = {
    "world": "retail, clean, regular, correlated, truncated, shock or null",
    "customers": "persons acquired by 2025-12-31 (5000)",
    "seed": "whole number (1)",
    "until": "last day that is delivered (2025-12-31)",
    "errors": "multiplier of the identity errors (1; 0 in clean worlds)",
    "corruption": "multiplier of the planted row trouble (1; 0 in clean worlds)",
}
COMMANDS = ("make", "ensure", "pictures", "prove")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = words.pop(0) if words and words[0] in COMMANDS else "make"
    try:
        if command in ("pictures", "prove"):
            return _other(command, words)
        options = read_options(_parse(words))
        settings = load_settings()
        if command == "ensure" and not _is_needed(settings, options):
            return 0
        _make(settings, options)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _other(command: str, words: list[str]) -> int:
    if command == "pictures":
        from demo import pictures  # noqa: PLC0415 - matplotlib, which making needs not

        return int(pictures.main(words) or 0)
    from demo import proof  # noqa: PLC0415 - the proof runs the whole pipeline

    return int(proof.main(words) or 0)


def _parse(words: Sequence[str]) -> dict[str, str | None]:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Make the demo company: source files in $CRM_HOME/demo, the truth in $CRM_HOME/truth.",
        epilog="Commands before the options: make (default), ensure, pictures, prove. Each option is also a "
        "variable of the environment: DEMO_WORLD and so on.",
    )
    for name, text in OPTIONS.items():
        parser.add_argument(f"--{name}", help=text)
    return vars(parser.parse_args(words))


class OptionsShape(Shape):
    """The options of a company, as its manifest has them."""

    until: Day


class ManifestShape(Shape):
    """What `demo/make.py` says of a company."""

    options: OptionsShape
    code: Text


def _is_needed(settings: Settings, options: Options) -> bool:
    """Whether a demo source is active, and the company on disk is another one than the options describe."""
    if not any(source.startswith("demo_") for source in settings.sources):
        return False
    manifest = _manifest(settings)
    return {key: manifest.get(key) for key in ("options", "code")} != describe(options)


def _manifest(settings: Settings) -> dict[str, Any]:
    """What the company on disk was made by; nothing where that cannot be read, so that it is made again."""
    try:
        return read_json(settings.home / "demo" / MANIFEST, "", ManifestShape)
    except DamagedError:
        return {}


def _check_home(settings: Settings, options: Options) -> None:
    """Let the company that has landed here go on, and no other: what has landed stays."""
    before, wanted = _manifest(settings), describe(options)
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


def _make(settings: Settings, options: Options) -> None:
    _check_home(settings, options)
    started = time.monotonic()
    size = f"{options.customers:,} customers, seed {options.seed}, to {options.until}"
    print(f"Demo company: world {options.world}, {size}", flush=True)
    rows = make_company(settings, options)
    print(
        f"Made {sum(rows.values()):,} rows in {len(rows)} tables: {rows['demo_shop.orders']:,} orders, "
        f"{rows['demo_service.contacts']:,} contacts, {rows['demo_web.events']:,} web events; "
        f"{time.monotonic() - started:.1f} s. Source files: {settings.home / 'demo'}. Truth: {settings.home / 'truth'}."
    )


if __name__ == "__main__":
    sys.exit(main())
