"""Model files: `models/<job>/<model_version>.json`, each with a checksum of its content.

A model's version hashes what it was trained on and by; its checksum covers what was fitted, so that a model whose
coefficients somebody changed scores nobody.
"""

from pathlib import Path
from typing import Any

from pipeline.files import DamagedError, json_files, read_sealed, write_sealed
from pipeline.settings import Settings
from pipeline.shapes import Day, Shape, Text

Model = dict[str, Any]


class ModelShape(Shape):
    """What every model says. What was fitted is its job's own, and compared with the checksum alone."""

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
    """Path of a model: `models/<job>/<model_version>.json`."""
    return settings.models / job / f"{version}.json"


def write_model(settings: Settings, model: Model) -> None:
    """Write a model under its version."""
    write_sealed(model_path(settings, model["job"], model["model_version"]), model)


def read_model(path: Path) -> Model | None:
    """Read a model file; None where an earlier version of Perennial wrote it, for then other code trained it.

    Raises
    ------
    DamagedError
        It is no whole model, or not as it was trained.
    """
    model = read_sealed(path, NEXT_STEP, ModelShape)
    if model.get("needs") is None:
        return None
    model = read_sealed(path, NEXT_STEP, ModelShape, is_checksum_needed=True)
    if (model["job"], model["model_version"]) != (path.parent.name, path.stem):
        raise DamagedError(path, f"it holds model {model['model_version']}", NEXT_STEP)
    return model


def read_models(settings: Settings, job: str, *, before: str = "") -> list[Model]:
    """All models of a job, oldest first; with `before`, those of earlier days. Ones of earlier versions are left out.

    Raises
    ------
    DamagedError
        One is damaged.
    """
    paths = [path for path in json_files(settings.models / job) if not before or day_of(path) < before]
    models = [model for path in paths if (model := read_model(path))]
    return sorted(models, key=lambda model: (model["as_of_date"], model["model_version"]))


def day_of(path: Path) -> str:
    """As-of date of a model, from its file name: `<job>-<date>-<hash>.json`."""
    return path.stem.removeprefix(f"{path.parent.name}-")[:10]
