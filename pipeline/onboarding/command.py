"""`perennial new-source`: inspects data and drafts a source, with notes.

The address of a server has a password, and every user of a machine sees the command lines on it. So it comes from the
connection's environment variable, or is typed where it is not shown.
"""

import getpass
import os
import re
import sys
import tempfile
import textwrap
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.landing.connections import EXAMPLE, variable_of
from pipeline.onboarding.draft.draft import Draft, Guess
from pipeline.onboarding.draft.guess import guess
from pipeline.onboarding.draft.notes import Note, write_notes
from pipeline.onboarding.draft.write import check_new, make_files, save
from pipeline.onboarding.inspection.found import Place
from pipeline.onboarding.inspection.inspect_database import inspect_server
from pipeline.onboarding.inspection.inspect_files import inspect_files
from pipeline.sources.definitions import load_source
from pipeline.sources.schema import NAME

WIDTH = 100
USAGE = "make new-source NAME=shop FILE=path-or-folder, or NAME=shop CONNECTION=shop_db"
CONNECTION = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def draft(name: str, file: str = "", login: str = "", env: Mapping[str, str] = os.environ) -> str:
    """Write the files of a new source, and return what to say about them.

    Parameters
    ----------
    name
        The new source.
    file, login
        What to look at: a file or folder, or the id of a database connection. One of the two.
    env
        Where the address of the connection is looked up.

    Raises
    ------
    UserError
        Something that the user can put right; then nothing was written.
    """
    name, file, login = name.strip(), file.strip(), login.strip()
    if not name or bool(file) == bool(login):
        raise UserError(f"Give NAME and one of FILE and CONNECTION: {USAGE}.")
    _check_words(name, file, login)
    check_new(name)
    if login:
        env = {**env, variable_of(login): env.get(variable_of(login), "").strip() or _asked(login)}
    with tempfile.TemporaryDirectory(prefix="perennial-") as scratch:
        data = Path(env.get("CRM_DATA") or project.ROOT / ".data").absolute()
        place = inspect_server(name, login, env) if login else inspect(file, Path(scratch), data)
        guessed = guess(place)
        files = make_files(name, place, guessed)
        notes = write_notes(name, place, guessed)
    save(files)
    load_source(name)
    return _report(name, guessed, files, notes, login)


def _check_words(name: str, file: str, login: str) -> None:
    """Refuse words that are not valid. They may be an address in the wrong place, so no message repeats them."""
    if not NAME.fullmatch(name):
        raise UserError("NAME is not valid: use lower-case letters, digits and _, such as shop_2.")
    if "://" in file:
        raise UserError(f"FILE is an address: name a file or a folder of this machine, or use CONNECTION. {USAGE}.")
    if login and not CONNECTION.fullmatch(login):
        raise UserError(
            "CONNECTION is the id of a connection, such as shop_db: a letter, then letters, digits and _. The address "
            "itself stands in its environment variable, such as AIRFLOW_CONN_SHOP_DB."
        )


def _asked(login: str) -> str:
    """Ask for the address of a connection that the environment does not have; what is typed is not shown."""
    variable = variable_of(login)
    if not sys.stdin.isatty():
        raise UserError(
            f"The connection '{login}' is not set, and there is no terminal to ask for it. Put its address, such as "
            f"{EXAMPLE}, into the environment variable {variable}."
        )
    typed = getpass.getpass(f"Address of {login}, such as {EXAMPLE} (it is not shown): ").strip()
    if not typed:
        raise UserError(f"No address was given for the connection '{login}'. Nothing was written.")
    return typed


def inspect(file: str, scratch: Path, data: Path) -> Place:
    """Inspect a file or a folder; what cannot be read is one sentence."""
    try:
        return inspect_files(file, scratch, data)
    except (pa.ArrowException, duckdb.Error, zipfile.BadZipFile, UnicodeError, EOFError, OSError) as error:
        raise UserError(f"FILE: {file} cannot be read ({str(error).splitlines()[0]}). Copy it again.") from error


def _report(name: str, guessed: Guess, files: Mapping[Path, str], notes: Sequence[Note], login: str) -> str:
    parts = ["Written", *(f"  {_short(path)}" for path in files), "", "Guessed"]
    parts += [line for draft in guessed.drafts for line in _table(draft)]
    questions = [note for note in notes if note.answers]
    others = [note for note in notes if not note.answers]
    if questions:
        parts += ["", "To decide, the most important first: the first answer is what the draft does"]
        parts += [line for number, note in enumerate(questions, 1) for line in _note(number, note, files)]
    parts += ["", "Look at these lines"]
    parts += [line for number, note in enumerate(others, 1) for line in _note(number, note, files)]
    parts += ["", "Next"]
    if login:
        variable = variable_of(login)
        parts.append(f"  read -rs {variable} && export {variable}   # asks for the address; it stands in no file")
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
    return lines if mapped else [*lines, "    a lookup" if draft.is_lookup else "    nothing known"]


def _note(number: int, note: Note, files: Mapping[Path, str]) -> list[str]:
    lines = files.get(note.file, "").splitlines()
    at = next((place for place, line in enumerate(lines, 1) if note.needle and note.needle in line), None)
    text = textwrap.wrap(note.text, WIDTH, initial_indent=f"  {number:>2}. ", subsequent_indent="      ")
    for letter, answer in zip("abcd", note.answers, strict=False):
        text += textwrap.wrap(answer, WIDTH, initial_indent=f"      {letter}) ", subsequent_indent="         ")
    return [*text, f"      → {_short(note.file)}{f':{at}' if at else ''}"] if note.file in files else text
