"""Staging models of the sources: what dbt cannot parse in them, and the project that dbt is given.

dbt parses every model of a project, also those that it is not asked to build, and stops at the first that it cannot
parse. It is therefore given a copy that has the staging models of the active sources alone.
"""

import re
import shutil
from collections.abc import Collection
from pathlib import Path

import jinja2

from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.base.files import remove
from pipeline.base.yaml_file import read_yaml

REF = re.compile(r"\bref\(\s*['\"](\w+)['\"]\s*\)")
COPY = "project"
NOT_COPIED = ("target", "logs", "dbt_packages")


def model_text(path: Path) -> str:
    """Return the SQL of a staging model.

    Raises
    ------
    UserError
        It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{project.shown(path)} cannot be read ({error.strerror}). Put a model there.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{project.shown(path)} has bytes that are not UTF-8. Save it as UTF-8.") from error


def check_models(source: str) -> None:
    """Check that dbt can parse the models in the folder of a source.

    Raises
    ------
    UserError
        It cannot; the message names the file.
    """
    folder = project.STAGING / source
    paths = sorted(folder.rglob("*.sql"))
    known = {path.stem for path in project.STAGING.rglob("*.sql")}
    for path in paths:
        text = model_text(path)
        try:
            jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=True).parse(text)
        except jinja2.TemplateSyntaxError as error:
            problem = f"Jinja cannot read it ({error.message})"
            raise UserError(f"{project.shown(path)}, line {error.lineno}: {problem}. Correct it there.") from error
        except RecursionError as error:
            raise UserError(f"{project.shown(path)}: Jinja cannot read it (nested too deeply).") from error
        for name in REF.findall(text):
            if name.startswith(("stg_", "base_")) and name not in known:
                raise UserError(
                    f"{project.shown(path)}: there is no model '{name}', which it reads by ref(). Correct it there, or "
                    f"write {name}.sql."
                )
    for path in sorted(folder.rglob("*.y*ml")):
        read_yaml(path)


def copy_project(folder: Path, sources: Collection[str]) -> Path:
    """Copy the dbt project into a folder, with the staging models of some sources alone; return where it is."""
    target = folder / COPY
    remove(target)
    for path in sorted(path for path in project.DBT_PROJECT.rglob("*") if path.is_file()):
        inside = path.relative_to(project.DBT_PROJECT)
        is_of_other = path.is_relative_to(project.STAGING) and inside.parts[2] not in sources
        if inside.parts[0] not in NOT_COPIED and not is_of_other:
            (target / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / inside)
    return target
