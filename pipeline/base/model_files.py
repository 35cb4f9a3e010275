"""Model files: `models/<job>/<model_version>.json`, each with a checksum of its content.

A model's version hashes its training data and code. Its checksum covers what was fitted, so that a model with changed
coefficients is never used.
"""

from pathlib import Path
from typing import Any

from pipeline.base.files import DamagedError, json_files, read_sealed, write_sealed
from pipeline.base.settings import Settings
from pipeline.base.shapes import Day, Shape, Text

Model = dict[str, Any]


class ModelShape(Shape):
    """The keys of every model. What was fitted belongs to the job, and is only compared with the checksum."""

    job: Text
    model_version: Text
    as_of_date: Day
    sources: list[str]
    mining_code: Text
    is_published: bool
    needs: dict[str, Any] | None = None


NEXT_STEP = (
    "Restore it from a backup, or delete it: the last published model before it scores then, or a new one is trained."
)


def model_path(settings: Settings, job: str, version: str) -> Path:
    """Return the path of a model: `models/<job>/<model_version>.json`."""
    return settings.models / job / f"{version}.json"


def card_path(settings: Settings, job: str, version: str) -> Path:
    """Return the path of a published model's card: `models/<job>/<model_version>.md`."""
    return model_path(settings, job, version).with_suffix(".md")


def remove_model(settings: Settings, job: str, version: str) -> None:
    """Remove a model and its card."""
    model_path(settings, job, version).unlink()
    card_path(settings, job, version).unlink(missing_ok=True)


def write_model(settings: Settings, model: Model) -> None:
    """Write a model under its version."""
    write_sealed(model_path(settings, model["job"], model["model_version"]), model)


def read_model(path: Path) -> Model | None:
    """Read a model file; None where an earlier version of Perennial wrote it, because other code trained it.

    Raises
    ------
    DamagedError
        The file is incomplete, or differs from what was written.
    """
    model = read_sealed(path, NEXT_STEP, ModelShape)
    if model.get("needs") is None:
        return None
    model = read_sealed(path, NEXT_STEP, ModelShape, is_checksum_needed=True)
    if (model["job"], model["model_version"]) != (path.parent.name, path.stem):
        raise DamagedError(path, f"it holds model {model['model_version']}", NEXT_STEP)
    return model


def read_models(settings: Settings, job: str, *, before: str = "") -> list[Model]:
    """Return all models of a job, oldest first; with `before`, those of earlier days. Older versions' are left out.

    Raises
    ------
    DamagedError
        One is damaged.
    """
    paths = [path for path in json_files(settings.models / job) if not before or day_of(path) < before]
    models = [model for path in paths if (model := read_model(path))]
    return sorted(models, key=lambda model: (model["as_of_date"], model["model_version"]))


def day_of(path: Path) -> str:
    """Return the as-of date of a model, from its file name: `<job>-<date>-<hash>.json`."""
    return path.stem.removeprefix(f"{path.parent.name}-")[:10]
