"""`make new-source NAME=shop FILE=path` or `URL=postgresql://…`: look, guess, write, and say what was not known.

Exit code 0: written. 2: something that the user can put right; then nothing was written.
"""

import os
import shlex
import sys
import tempfile
import textwrap
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import duckdb
import pyarrow as pa

from pipeline import settings as project
from pipeline.errors import UserError
from pipeline.landing.connections import variable_of
from pipeline.new_source.found import Place
from pipeline.new_source.guess import Draft, Guess, guess
from pipeline.new_source.inspect_database import inspect_url
from pipeline.new_source.inspect_files import inspect_files
from pipeline.new_source.notes import Note, write_notes
from pipeline.new_source.write import check_new, make_files, save
from pipeline.source_model import NAME
from pipeline.sources import load_source

WIDTH = 100
USAGE = "make new-source NAME=shop FILE=path-or-folder, or with URL=postgresql://user:password@host:5432/database"
SECRET_OPTIONS = ("pass", "secret", "token", "key")


def main(env: Mapping[str, str] = os.environ) -> int:
    """Draft a source; return the exit code."""
    try:
        print(draft(env))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def draft(env: Mapping[str, str]) -> str:
    """Write the files of a new source, and return what to say about them."""
    name, file, url = (env.get(f"NEW_SOURCE_{part}", "").strip() for part in ("NAME", "FILE", "URL"))
    if not name or bool(file) == bool(url):
        raise UserError(f"Give NAME and one of FILE and URL: {USAGE}.")
    if not NAME.fullmatch(name):
        raise UserError(f"NAME is '{name}': use lower-case letters, digits and _, such as shop_2.")
    if url and "://" not in url:
        raise UserError(f"URL has no scheme: {USAGE}.")
    check_new(name)
    with tempfile.TemporaryDirectory(prefix="perennial-") as scratch:
        data = Path(env.get("CRM_DATA") or project.ROOT / ".data").absolute()
        place = inspect_url(url, name) if url else _look(file, Path(scratch), data)
        guessed = guess(place)
        files = make_files(name, place, guessed)
        notes = write_notes(name, place, guessed)
    save(files)
    load_source(name)
    return _report(name, guessed, files, notes, url)


def _look(file: str, scratch: Path, data: Path) -> Place:
    try:
        return inspect_files(file, scratch, data)
    except (pa.ArrowException, duckdb.Error, zipfile.BadZipFile, UnicodeError, EOFError, OSError) as error:
        raise UserError(f"FILE: {file} cannot be read ({str(error).splitlines()[0]}). Copy it again.") from error


def without_password(url: str) -> str:
    """Return an address with *** in the place of what is secret."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    user, separator, _ = login.partition(":")
    hidden = f"{user}{':***' if separator else ''}@{host}" if login else host
    options = [
        (key, "***" if any(word in key.lower() for word in SECRET_OPTIONS) else value)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit((parts.scheme, hidden, parts.path, urlencode(options, safe="*/"), ""))


def _report(name: str, guessed: Guess, files: Mapping[Path, str], notes: Sequence[Note], url: str) -> str:
    parts = ["Written", *(f"  {_short(path)}" for path in files), "", "Guessed"]
    parts += [line for draft in guessed.drafts for line in _table(draft)]
    parts += ["", "Not known, the most important first: look at these lines"]
    parts += [line for number, note in enumerate(notes, 1) for line in _note(number, note, files)]
    parts += ["", "Next"]
    if url:
        hidden = without_password(url)
        parts.append(f"  export {variable_of(name)}={shlex.quote(hidden)}")
        parts += ["  (your password in the place of ***; it stands in no file)"] if "***" in hidden else []
    return "\n".join([*parts, f"  make run SOURCES={name}"])


def _short(path: Path) -> str:
    return os.path.relpath(path, project.ROOT)


def _table(draft: Draft) -> list[str]:
    rows = draft.profiles[0].rows if draft.found.is_whole else draft.found.estimate
    key = ", ".join(draft.key) or "position"
    about = f"{rows:,} rows, " if rows is not None else ""
    lines = [f"  {draft.found.name} ({about}key: {key}, load: {draft.load})"]
    mapped = {str(draft.entity): draft.roles} if draft.entity else {}
    for entity, roles in {**mapped, **draft.derived}.items():
        columns = ", ".join(f"{role} = {profile.name}" for role, profile in roles.items())
        grouped = " (grouped)" if entity in draft.derived else ""
        lines += textwrap.wrap(
            f"{entity}{grouped}: {columns}", WIDTH, initial_indent="    ", subsequent_indent="      "
        )
    return lines if mapped else [*lines, "    nothing known"]


def _note(number: int, note: Note, files: Mapping[Path, str]) -> list[str]:
    lines = files.get(note.file, "").splitlines()
    at = next((place for place, line in enumerate(lines, 1) if note.needle and note.needle in line), None)
    text = textwrap.wrap(note.text, WIDTH, initial_indent=f"  {number:>2}. ", subsequent_indent="      ")
    return [*text, f"      → {_short(note.file)}{f':{at}' if at else ''}"] if note.file in files else text
