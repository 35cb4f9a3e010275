"""Settings: environment variables in, one frozen object out. See docs/settings.md for the list."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import filter as names_like
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_origin, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.base.errors import UserError
from pipeline.base.files import sha256_of, sha256_of_file, sha256_of_tree

ROOT = Path(__file__).resolve().parents[2]
DBT_PROJECT = ROOT / "dbt_project"
SOURCE_FILES = ROOT / "dags" / "sources"
CAMPAIGNS = ROOT / "campaigns"
STAGING = DBT_PROJECT / "models" / "staging"
CODE_FOLDERS = ("campaigns", "cli", "dags", "dbt_project", "expectations", "mining", "pipeline")
PATTERN = re.compile(r"[*?[]")
LIBRARIES = ROOT / "requirements.lock"
LIBRARIES_OF_SPARK = ROOT / "requirements-spark.lock"
ENGINES = ("duckdb", "spark")
SPARK_TABLES = "warehouse"
# Addresses that Spark takes for its master.
MASTER = re.compile(r"local(\[(\d+|\*)\])?|yarn|(spark|thrift)://[A-Za-z0-9._-]+:\d+|k8s://\S+")
CURRENCY = r"^[A-Z]{3}$"
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# The made-up company of demo/.
DEFAULT_SOURCES = "demo_*"


@dataclass(frozen=True)
class Setting:
    """An environment variable: what holds where it is not set, its unit, and how its text is read.

    Attributes
    ----------
    read
        Returns the value of a text; raises ValueError where it is none, or UserError with a message of its own.
    expected
        What to give instead, for the message.
    """

    variable: str
    default: str
    unit: str
    read: Callable[[str], Any]
    expected: str = ""

    def value(self, env: Mapping[str, str]) -> Any:
        """Read the setting; an empty variable is one that is not set.

        Raises
        ------
        UserError
            The text cannot be used; the message names variable, text, and what to give.
        """
        text = env.get(self.variable) or self.default
        try:
            return self.read(text)
        except ValueError as error:
            raise UserError(f"{self.variable} is '{text}': give {self.expected}.") from error


@contextmanager
def sources_in(folder: Path) -> Iterator[None]:
    """Keep sources in another folder for a while: their yml in `sources`, their models in `staging`."""
    global SOURCE_FILES, STAGING
    before = SOURCE_FILES, STAGING
    SOURCE_FILES, STAGING = folder / "sources", folder / "staging"
    try:
        yield
    finally:
        SOURCE_FILES, STAGING = before


def known_sources() -> tuple[str, ...]:
    """Names of the sources that have a file in dags/sources/."""
    return tuple(sorted(path.stem for path in SOURCE_FILES.glob("[!.]*.yml")))


def _active_sources(text: str) -> tuple[str, ...]:
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


def check_time_zone(name: str, where: str) -> str:
    """Return an IANA time zone name, or say where the wrong one stands."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UserError(f"{where}: unknown time zone '{name}'. Use an IANA name such as Europe/London.") from error
    return name


def _whole_number(variable: str, default: int, unit: str = "days", minimum: int = 1) -> Setting:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or int(text) < minimum:
            raise ValueError(text)
        return int(text)

    expected = f"a whole number of {unit}, {minimum} or more (default {default})"
    return Setting(variable, str(default), unit, read, expected)


def _one_of(variable: str, known: Sequence[str], unit: str, read: Callable[[str], Any] = str) -> Setting:
    def read_known(text: str) -> Any:
        if text not in known:
            raise ValueError(text)
        return read(text)

    return Setting(variable, known[0], unit, read_known, f"one of {', '.join(known)} (default {known[0]})")


def _horizons(text: str) -> tuple[int, ...]:
    if text == "none":
        return ()
    days = [int(part) for part in text.split(",") if part.strip().isdecimal()]
    if len(days) != len(text.split(",")) or days != sorted({*days}) or days[0] < 1:
        raise ValueError(text)
    return tuple(days)


def _folder(text: str) -> Path:
    return Path(text.removeprefix("file://")).absolute()


@dataclass(frozen=True)
class Address:
    """Where a home is that is no folder: `s3://bucket/crm`."""

    text: str

    @property
    def name(self) -> str:
        """Name of the folder with its working copy."""
        return f"{re.sub(r'[^A-Za-z0-9]+', '-', self.text).strip('-')[:60]}-{sha256_of(self.text)[:8]}"


def _home(text: str) -> Path | Address:
    """Return the folder of CRM_HOME, or its address."""
    scheme, is_address, rest = text.partition("://")
    if not is_address or scheme == "file":
        return _folder(text)
    if ":" in rest.partition("/")[0].rpartition("@")[0] or "?" in rest:
        raise UserError(
            f"CRM_HOME is an address of {scheme}:// with a password or a query, which logs would show. Put credentials "
            "into the environment, as the file system's own library reads them (docs/scale.md)."
        )
    return Address(text.rstrip("/"))


def _master(text: str) -> str:
    if not MASTER.fullmatch(text):
        raise ValueError(text)
    return text


def _file(text: str) -> Path | None:
    return Path(text).absolute() if text else None


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 <= rate < 1:
        raise ValueError(text)
    return rate


def _list_of(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return how values separated by commas are read: ascending, each once."""

    def read_all(text: str) -> tuple[Any, ...]:
        return tuple(sorted({read(part.strip()) for part in text.split(",")}))

    return read_all


def _days(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise ValueError(text)
    return int(text)


def _currency(text: str) -> str | None:
    if text and not re.fullmatch(CURRENCY, text):
        raise ValueError(text)
    return text or None


def _arm_key(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text):
        raise ValueError(text)
    return text


def _time_zone(text: str) -> str | None:
    return check_time_zone(text, "CRM_TIME_ZONE") if text else None


@dataclass(frozen=True)
class Settings:
    """What the environment says; docs/settings.md has what each setting is for.

    `currency` and `time_zone` are None when the environment leaves them to the source files.
    """

    home: Annotated[Path, Setting("CRM_HOME", str(ROOT / "var"), "folder or address", _home)]
    work: Annotated[Path, Setting("CRM_WORK", str(ROOT / "var"), "folder", _folder)]
    data: Annotated[Path, Setting("CRM_DATA", str(ROOT / ".data"), "folder", _folder)]
    sources: Annotated[tuple[str, ...], Setting("CRM_SOURCES", "", "names and patterns", _active_sources)]
    currency: Annotated[
        str | None, Setting("CRM_CURRENCY", "", "ISO 4217", _currency, "three capital letters, for example EUR")
    ]
    time_zone: Annotated[str | None, Setting("CRM_TIME_ZONE", "", "IANA name", _time_zone)]
    annual_discount_rate: Annotated[
        float,
        Setting("CRM_ANNUAL_DISCOUNT_RATE", "0.10", "per year", _rate, "a yearly rate from 0 to 1, for example 0.10"),
    ]
    clv_horizon_days: Annotated[int, _whole_number("CRM_CLV_HORIZON_DAYS", 365)]
    sensitivity_rates: Annotated[
        tuple[float, ...],
        Setting(
            "CRM_SENSITIVITY_RATES", "0.05,0.10,0.15", "per year", _list_of(_rate),
            "yearly rates from 0 to 1, separated by commas, for example 0.05,0.10",
        ),
    ]  # fmt: skip
    sensitivity_horizons: Annotated[
        tuple[int, ...],
        Setting(
            "CRM_SENSITIVITY_HORIZONS", "182,365,730", "days", _list_of(_days),
            "whole numbers of days, separated by commas, for example 182,365",
        ),
    ]  # fmt: skip
    churn_horizon_days: Annotated[int, _whole_number("CRM_CHURN_HORIZON_DAYS", 28)]
    churn_longer_horizons: Annotated[
        tuple[int, ...],
        Setting(
            "CRM_CHURN_LONGER_HORIZONS", "90,180,365", "days", _horizons,
            "ascending whole numbers of days with commas, for example 90,180,365, or none",
        ),
    ]  # fmt: skip
    left_truncation_days: Annotated[int, _whole_number("CRM_LEFT_TRUNCATION_DAYS", 28)]
    week_start: Annotated[str, _one_of("CRM_WEEK_START", WEEKDAYS, "monday to sunday")]
    fiscal_year_start: Annotated[
        int, _one_of("CRM_FISCAL_YEAR_START", [str(month) for month in range(1, 13)], "month", int)
    ]
    arm_key: Annotated[
        str, Setting("CRM_ARM_KEY", "perennial", "text", _arm_key, "up to 64 letters, digits and signs of ._-")
    ]
    universal_control_share: Annotated[
        float,
        Setting("CRM_UNIVERSAL_CONTROL_SHARE", "0.02", "share", _rate, "a share from 0 to 1, for example 0.02"),
    ]
    agent_figures: Annotated[bool, _one_of("CRM_AGENT_FIGURES", ("off", "on"), "off or on", lambda text: text == "on")]
    smallest_group: Annotated[int, _whole_number("CRM_SMALLEST_GROUP", 10, "customers")]
    daily_releases: Annotated[int, _whole_number("CRM_DAILY_RELEASES", 14, "releases")]
    monthly_releases: Annotated[int, _whole_number("CRM_MONTHLY_RELEASES", 12, "months", minimum=0)]
    decisions: Annotated[Path | None, Setting("CRM_IDENTITY_DECISIONS", "", "file", _file)]
    memory_gb: Annotated[int, _whole_number("CRM_MEMORY_GB", 6, "gigabytes")]
    engine: Annotated[str, _one_of("CRM_ENGINE", ENGINES, "duckdb or spark")]
    spark_master: Annotated[
        str,
        Setting(
            "CRM_SPARK_MASTER", "local[*]", "address", _master,
            "local[2] or another number of threads, local[*] for all of them, or a cluster: spark://host:7077, yarn, "
            "k8s://https://host:443, or its Thrift server, thrift://host:10000",
        ),
    ]  # fmt: skip

    address: Address | None

    @property
    def home_address(self) -> str | None:
        """The address that `home` is the working copy of; None where `home` is the home itself."""
        return self.address.text if self.address and self.home == self.work / self.address.name else None

    @property
    def churn_horizons(self) -> list[int]:
        """The horizons of churn in days, ascending: the published one, and the longer ones."""
        longer = [days for days in self.churn_longer_horizons if days > self.churn_horizon_days]
        return [self.churn_horizon_days, *longer]

    @property
    def named_home(self) -> Path:
        """What `${CRM_HOME}` in the location of a source stands for."""
        return self.home

    @property
    def landing(self) -> Path:
        """Immutable Parquet files and their receipts: `<source>/<table>/<interval>.<hash>.parquet`."""
        return self.home / "landing"

    @property
    def warehouse(self) -> Path:
        """The working database. dbt writes it; audit and publish read it when dbt has ended."""
        return self.home / "warehouse.duckdb"

    @property
    def is_spark(self) -> bool:
        """Whether Spark builds the warehouse."""
        return self.engine == "spark"

    @property
    def spark_tables(self) -> Path:
        """`<schema>/<table>/*.parquet`: the tables that Spark has built. `warehouse` then has views over them."""
        return self.home / SPARK_TABLES

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
    def identity_decisions(self) -> Path:
        """What people have decided about who is one customer."""
        return self.decisions or self.home / "identity_decisions.csv"

    @property
    def ledger(self) -> Path:
        """Decisions that later builds depend on, one JSON file per release."""
        return self.landing / "_ledger"

    @property
    def private_folders(self) -> tuple[Path, ...]:
        """What nobody but the owner may enter: everything except `serving`."""
        folders = (self.landing, self.build, self.features, self.scores, self.models, self.lists)
        of_spark = (self.spark_tables,) if self.is_spark else ()
        return (*folders, *of_spark, *(self.home / name for name in ("airflow", "dbt", "docs", "tmp")))

    def engine_version(self) -> str:
        """Name the engine, and the library versions that it has beside those of the code version."""
        return f"spark {sha256_of_file(LIBRARIES_OF_SPARK)}" if self.is_spark else "duckdb"

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


def every_source(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment in which all sources are active, for commands that need only the folders."""
    return {**env, "CRM_SOURCES": "*"}


@cache
def declared_settings() -> dict[str, Setting]:
    """The setting of each field of Settings, by the field's name."""
    hints = get_type_hints(Settings, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if get_origin(hint) is Annotated}


def load_settings(env: Mapping[str, str] = os.environ) -> Settings:
    """Read and check the environment.

    Raises
    ------
    UserError
        A variable has a value that cannot be used; the message names it.
    """
    values = {name: setting.value(env) for name, setting in declared_settings().items()}
    if isinstance(address := values["home"], Address):
        return Settings(**{**values, "home": values["work"] / address.name}, address=address)
    return Settings(**values, address=None)
