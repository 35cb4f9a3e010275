"""Settings: environment variables in, one frozen object out. See docs/settings.md for the list."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import filter as names_like
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.errors import UserError
from pipeline.files import sha256_of, sha256_of_file, sha256_of_tree

ROOT = Path(__file__).resolve().parent.parent
DBT_PROJECT = ROOT / "dbt_project"
SOURCE_FILES = ROOT / "dags" / "sources"
STAGING = DBT_PROJECT / "models" / "staging"
CODE_FOLDERS = ("dags", "dbt_project", "expectations", "mining", "pipeline")
PATTERN = re.compile(r"[*?[]")
LIBRARIES = ROOT / "requirements.lock"
CURRENCY = r"^[A-Z]{3}$"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# The made-up company of demo/.
DEFAULT_SOURCES = "demo_*"


@dataclass(frozen=True)
class Settings:
    """What the environment says. Money settings are text, so that they reach SQL exactly.

    `currency` and `time_zone` are None when the environment leaves them to the source files.
    """

    home: Path
    data: Path
    sources: tuple[str, ...]
    currency: str | None
    time_zone: str | None
    annual_discount_rate: float
    clv_horizon_days: int
    churn_horizon_days: int
    left_truncation_days: int
    week_start: str
    fiscal_year_start: int
    daily_releases: int
    monthly_releases: int
    memory_gb: int

    @property
    def landing(self) -> Path:
        """Immutable Parquet files and their receipts: `<source>/<table>/<interval>.<hash>.parquet`."""
        return self.home / "landing"

    @property
    def warehouse(self) -> Path:
        """The working database. dbt writes it; audit and publish read it when dbt has ended."""
        return self.home / "warehouse.duckdb"

    @property
    def build(self) -> Path:
        """The plan of the build that is running, and what its steps report."""
        return self.home / "build"

    @property
    def features(self) -> Path:
        """`as_of=<date>.parquet`: what mining reads."""
        return self.home / "features"

    @property
    def scores(self) -> Path:
        """`<job>/as_of=<date>/run=<id>.parquet`: what mining writes."""
        return self.home / "scores"

    @property
    def models(self) -> Path:
        """`<job>/<model_version>.json`: trained models."""
        return self.home / "models"

    @property
    def serving(self) -> Path:
        """`releases/<id>/` and the link `current`: what BI tools open."""
        return self.home / "serving"

    @property
    def lists(self) -> Path:
        """Campaign lists and their manifests."""
        return self.home / "lists"

    @property
    def ledger(self) -> Path:
        """Decisions that later builds depend on, one JSON file per release."""
        return self.landing / "_ledger"

    @property
    def private_folders(self) -> tuple[Path, ...]:
        """What nobody but the owner may enter: everything except `serving`."""
        folders = (self.landing, self.build, self.features, self.scores, self.models, self.lists)
        return (*folders, *(self.home / name for name in ("airflow", "dbt", "docs", "tmp")))

    def code_version(self) -> str:
        """SHA-256 (16 digits) of the code, and of the library versions, that can change a number in the warehouse."""
        code = sha256_of_tree(ROOT, CODE_FOLDERS, (".py", ".sql", ".yml", ".yaml", ".json", ".csv"))
        return sha256_of([code, sha256_of_file(LIBRARIES)])[:16]


def make_folder(folder: Path, variable: str) -> None:
    """Make a folder that a setting names, or say that it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{variable}: the folder {folder} cannot be made ({error.strerror}). Set {variable} to a folder that you "
            "may write to."
        ) from error


def shown(path: Path) -> str:
    """A path as messages name it: within the project's folder, where it is there."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def known_sources() -> tuple[str, ...]:
    """Names of the sources that have a file in dags/sources/."""
    return tuple(sorted(path.stem for path in SOURCE_FILES.glob("[!.]*.yml")))


def every_source(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment in which all sources are active, for commands that need only the folders."""
    return {**env, "CRM_SOURCES": "*"}


def _active_sources(text: str | None) -> tuple[str, ...]:
    """Names of the active sources: a pattern stands for all known names that are like it."""
    known = known_sources()
    listed = f"Known: {', '.join(known)}."
    if not text:
        if found := names_like(known, DEFAULT_SOURCES):
            return tuple(found)
        raise UserError(
            f"CRM_SOURCES is not set, and the demo company, which is the default, is not there: no file "
            f"dags/sources/{DEFAULT_SOURCES}.yml. Set CRM_SOURCES to the sources to use. {listed}"
        )
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    if not parts:
        raise UserError(f"CRM_SOURCES is empty. Name at least one source. {listed}")
    names: list[str] = []
    for part in parts:
        found = names_like(known, part)
        if not found and PATTERN.search(part):
            raise UserError(f"CRM_SOURCES: no source is like '{part}'. {listed}")
        if not found:
            raise UserError(
                f"CRM_SOURCES names an unknown source '{part}'. {listed} "
                f"To add it, write dags/sources/{part}.yml (docs/adding_a_source.md)."
            )
        names += found
    return tuple(dict.fromkeys(names))


def _whole_number(env: Mapping[str, str], name: str, default: int, unit: str = "days", least: int = 1) -> int:
    text = env.get(name) or str(default)
    if not (text.isascii() and text.isdecimal()) or int(text) < least:
        raise UserError(f"{name} is '{text}': give a whole number of {unit}, {least} or more (default {default}).")
    return int(text)


def _rate(env: Mapping[str, str], name: str, default: str) -> float:
    text = env.get(name) or default
    try:
        rate = float(text)
    except ValueError:
        rate = -1.0
    if not 0 <= rate < 1:
        raise UserError(f"{name} is '{text}': give a yearly rate from 0 to 1, for example {default}.")
    return rate


def _currency(env: Mapping[str, str]) -> str | None:
    text = env.get("CRM_CURRENCY") or None
    if text and not re.fullmatch(CURRENCY, text):
        raise UserError(f"CRM_CURRENCY is '{text}': give three capital letters, for example EUR.")
    return text


def _one_of(env: Mapping[str, str], name: str, known: Sequence[str]) -> str:
    text = env.get(name) or known[0]
    if text not in known:
        raise UserError(f"{name} is '{text}': give one of {', '.join(known)} (default {known[0]}).")
    return text


def check_time_zone(name: str, where: str) -> str:
    """Return an IANA time zone name, or say where the wrong one stands."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UserError(f"{where}: unknown time zone '{name}'. Use an IANA name such as Europe/London.") from error
    return name


def load_settings(env: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the environment.

    Raises
    ------
    UserError
        A variable has a value that cannot be used; the message names it.
    """
    zone = env.get("CRM_TIME_ZONE") or None
    return Settings(
        home=Path(env.get("CRM_HOME") or ROOT / "var").absolute(),
        data=Path(env.get("CRM_DATA") or ROOT / ".data").absolute(),
        sources=_active_sources(env.get("CRM_SOURCES")),
        currency=_currency(env),
        time_zone=check_time_zone(zone, "CRM_TIME_ZONE") if zone else None,
        annual_discount_rate=_rate(env, "CRM_ANNUAL_DISCOUNT_RATE", "0.10"),
        clv_horizon_days=_whole_number(env, "CRM_CLV_HORIZON_DAYS", 365),
        churn_horizon_days=_whole_number(env, "CRM_CHURN_HORIZON_DAYS", 28),
        left_truncation_days=_whole_number(env, "CRM_LEFT_TRUNCATION_DAYS", 28),
        week_start=_one_of(env, "CRM_WEEK_START", WEEKDAYS),
        fiscal_year_start=int(_one_of(env, "CRM_FISCAL_YEAR_START", [str(month) for month in range(1, 13)])),
        daily_releases=_whole_number(env, "CRM_DAILY_RELEASES", 14, "releases"),
        monthly_releases=_whole_number(env, "CRM_MONTHLY_RELEASES", 12, "releases", 0),
        memory_gb=_whole_number(env, "CRM_MEMORY_GB", 6, "gigabytes"),
    )
