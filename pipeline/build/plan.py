"""The plan of a build: which landed files, as of which day, under which settings. It follows from what is on disk."""

import json
from dataclasses import MISSING, asdict, dataclass, field, fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.base.errors import UserError
from pipeline.base.files import DamagedError, read_sealed, sha256_of, write_sealed, write_text
from pipeline.base.settings import Settings
from pipeline.build.decisions import Decision, decided, read_decisions
from pipeline.build.history import models_that_matter, scored_releases
from pipeline.campaigns.assigned import arm_files, write_no_arms
from pipeline.landing.receipts import Receipt, covers, instant, known_end, newest, read_receipts
from pipeline.serving import erasure
from pipeline.serving.identity_ledger import changes_before, published_changes
from pipeline.serving.ledger import earlier_releases
from pipeline.sources.definitions import Source, active_sources, company, providers

DAYS_BEFORE_A_CUT_OFF = 84
CUT_OFF_DAYS = 730
"""Churn learns from cut-offs of two years, so that it has seen each season."""
LEAST_CUT_OFFS = 9
PLAN, RECEIPTS, LANDED, NO_ARMS = "plan.json", "receipts.jsonl", "landed.json", "no_arms.parquet"
NEXT_STEP = "Run again: the next run plans again."


@dataclass(frozen=True)
class Plan:
    """What a build reads and makes.

    Attributes
    ----------
    landed : dict
        {source: {table: [absolute paths]}}: all files, or the newest of a table without history.
    personal : dict
        {source: {table: {files, columns, in_main}}}: the siblings that are there, the personal columns, and those of
        them that older main files hold.
    receipts : list of dict
        The receipts of those files.
    arms : list of str
        Files of the arms that earlier exports have assigned.
    feature_dates : list of str
        `as_of_date`, the training cut-offs before it, and the start of the CLV holdout.
    landing_hash, input_hash : str
        Equal hashes mean equal published data. They depend on no path, time or size of this machine.
    erased : dict
        What has been erased of the personal columns of each source: pipeline.serving.erasure.
    basis_hash : str
        The inputs without what earlier builds left (models, history). A rolled-back release is recognised by it.
    decisions : list of dict
        What people have decided about who is one customer: pipeline.build.decisions.
    identity_ledger : list of str
        The files of what earlier releases published of who is who: pipeline.serving.identity_ledger.
    """

    release_id: str
    as_of_date: str
    first_event_date: str
    feature_dates: list[str]
    currency: str
    time_zone: str
    sources: list[str]
    providers: dict[str, list[str]]
    timestamps_in: dict[str, str]
    history: dict[str, str]
    landed: dict[str, dict[str, list[str]]]
    personal: dict[str, dict[str, dict[str, list[str]]]]
    receipts: list[Receipt]
    landing_hash: str
    code_version: str
    input_hash: str
    basis_hash: str = ""
    erased: dict[str, str] = field(default_factory=dict)
    arms: list[str] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    identity_ledger: list[str] = field(default_factory=list)

    @property
    def as_of(self) -> date:
        """`as_of_date` as a date."""
        return date.fromisoformat(self.as_of_date)


PLANNED = [each.name for each in fields(Plan) if each.default is each.default_factory is MISSING]


def plan_path(settings: Settings) -> Path:
    """Return where the plan of the running build is."""
    return settings.build / PLAN


def receipts_path(settings: Settings) -> Path:
    """Return where the receipts of the running build are, one a line, for SQL to read."""
    return settings.build / RECEIPTS


def landed_path(settings: Settings) -> Path:
    """Return where the files of the running build are named, for dbt to read."""
    return settings.build / LANDED


def load_plan(settings: Settings) -> Plan:
    """Read the plan that `make_plan` has saved.

    Raises
    ------
    UserError
        There is none.
    """
    path = plan_path(settings)
    if not path.exists():
        raise UserError(f"There is no plan of a build at {path}. Run `make run`.")
    content = read_sealed(path, NEXT_STEP, is_checksum_needed=True)
    if missing := [name for name in PLANNED if name not in content]:
        raise DamagedError(path, f"it has no {', '.join(missing)}", NEXT_STEP)
    return Plan(**{each.name: content[each.name] for each in fields(Plan) if each.name in content})


def make_plan(settings: Settings) -> Plan:
    """Plan a build as `plan_build` does, and save it."""
    plan = plan_build(settings)
    save_plan(settings, plan)
    return plan


def plan_build(settings: Settings, *, needs_orders: bool = True) -> Plan:
    """Plan a build from the receipts on disk; a dry run of one source needs no orders.

    Raises
    ------
    UserError
        A table of an active source has not been landed, or the sources cannot be built together.
    """
    sources = active_sources(settings)
    currency, time_zone = company(settings)
    receipts = {source.name: receipts_in_use(settings, source) for source in sources}
    flat = [receipt for listed in receipts.values() for receipt in listed]
    as_of = _as_of(sources, receipts, time_zone)
    first = _first_event_date(sources, flat, time_zone)
    landing_hash = sha256_of([_what_matters(receipt) for receipt in flat])
    code_version = settings.code_version()
    erased = erasure.of_sources(erasure.erased(settings), settings.sources)
    decisions = decided(read_decisions(settings))
    basis = {
        "landing_hash": landing_hash,
        "erased": erased,
        "code_version": code_version,
        "as_of_date": as_of.isoformat(),
        "settings": _settings_that_matter(settings, currency, time_zone),
        "decisions": decisions,
    }
    earlier = earlier_releases(settings, settings.sources, as_of)
    arms = arm_files(settings, as_of)
    inputs = {
        **basis,
        "models": models_that_matter(settings, as_of),
        "history": [entry["release_id"] for entry in scored_releases(earlier)],
        "releases": [[entry[name] for name in ("release_id", "as_of_date", "code_version")] for entry in earlier],
        "arms": [path.stem for path in arms],
    }

    def hash_after(releases: list[str]) -> str:
        return sha256_of({**inputs, "identity_ledger": releases})

    published = published_changes(settings, settings.sources)
    before = changes_before(published, lambda releases: _release_id(as_of, hash_after(releases)))
    input_hash = hash_after([each.release_id for each in before])
    return Plan(
        release_id=_release_id(as_of, input_hash),
        as_of_date=as_of.isoformat(),
        first_event_date=first.isoformat(),
        feature_dates=[day.isoformat() for day in feature_dates(as_of, first, settings)],
        currency=currency,
        time_zone=time_zone,
        sources=[source.name for source in sources],
        providers=providers(settings, needs_orders=needs_orders),
        timestamps_in={source.name: source.event_zone for source in sources},
        history={source.name: source.history for source in sources},
        landed={name: _paths(settings, listed) for name, listed in receipts.items()},
        personal={source.name: _personal(settings, source, receipts[source.name]) for source in sources},
        receipts=flat,
        landing_hash=landing_hash,
        code_version=code_version,
        input_hash=input_hash,
        basis_hash=sha256_of(basis),
        erased=erased,
        arms=[str(path) for path in arms],
        decisions=decisions,
        identity_ledger=[str(each.path) for each in before],
    )


def _release_id(as_of: date, input_hash: str) -> str:
    return f"{as_of}-{input_hash[:12]}"


def save_plan(settings: Settings, plan: Plan) -> None:
    """Write the plan of the running build."""
    save_plan_as(settings.build, plan)


def save_plan_as(folder: Path, plan: Plan) -> None:
    """Write a plan, and beside it what dbt reads of it."""
    write_for_dbt(folder, plan)
    write_sealed(folder / PLAN, asdict(plan))


def write_for_dbt(folder: Path, plan: Plan) -> None:
    """Write what dbt reads of a plan: without a checksum, so for every layer again.

    Receipts are one a line, because a DuckDB reader of one large object takes twice its size of memory. The files that
    staging models read are a third of the plan, and each of these models reads them all.
    """
    lines = (json.dumps(receipt, sort_keys=True, ensure_ascii=False) + "\n" for receipt in plan.receipts)
    write_text(folder / RECEIPTS, "".join(lines))
    files = {"landed": plan.landed, "personal": plan.personal}
    write_no_arms(folder / NO_ARMS)
    write_text(folder / LANDED, json.dumps(files, sort_keys=True, ensure_ascii=False))


def feature_dates(as_of: date, first_event: date, settings: Settings) -> list[date]:
    """Return as-of, the churn cut-offs with at least 84 days of data before them, and the start of the CLV holdout.

    Cut-offs lie a horizon apart and reach two years back, or nine horizons if that is longer.
    """
    dates = {as_of}
    for number in range(1, max(LEAST_CUT_OFFS, CUT_OFF_DAYS // settings.churn_horizon_days) + 1):
        cut_off = as_of - timedelta(days=settings.churn_horizon_days * number)
        if (cut_off - first_event).days >= DAYS_BEFORE_A_CUT_OFF:
            dates.add(cut_off)
    dates.add(holdout_start(as_of, first_event, settings))
    return sorted(dates)


def holdout_start(as_of: date, first_event: date, settings: Settings) -> date:
    """Return the last day before the CLV holdout: the horizon, or the last third of the data where that is shorter."""
    return as_of - timedelta(days=min(settings.clv_horizon_days, (as_of - first_event).days // 3))


def receipts_in_use(settings: Settings, source: Source) -> list[Receipt]:
    """Return the receipts that a build reads: all of a table with history, else the newest."""
    used: list[Receipt] = []
    for name, table in source.tables.items():
        receipts = read_receipts(settings, source.name, name)
        last = newest(receipts, is_scheduled=source.is_scheduled)
        if last is None:
            raise UserError(f"Source '{source.name}': table '{name}' has not been landed. Run `make run`.")
        has_history = source.has_history(table)
        read = _not_read_again(receipts) if source.is_database and table.key == "position" else receipts
        for receipt in read if has_history else [last]:
            reading = receipt["reading"] if _says_what_is(source, receipt) else None
            used.append({**receipt, "has_history": has_history, "reading": reading})
    return sorted(used, key=lambda receipt: (receipt["table"], receipt["interval"], receipt["content_hash"]))


def _says_what_is(source: Source, receipt: Receipt) -> bool:
    """Return whether the load says what its keys are now, so that the one that was read last holds.

    Files say what was true when they were written, and appended rows are added to others of their key.
    """
    return source.is_database and receipt["load"] != "append"


def _not_read_again(receipts: list[Receipt]) -> list[Receipt]:
    """Leave out loads whose interval a later one covers: rows without a key that are read again are the same."""
    return [
        receipt
        for number, receipt in enumerate(receipts, 1)
        if not any(covers(later, receipt) for later in receipts[number:])
    ]


def _personal(settings: Settings, source: Source, receipts: list[Receipt]) -> dict[str, dict[str, list[str]]]:
    """Return siblings and personal columns of each table that has any."""
    found = {}
    for name, table in source.tables.items():
        loads = [receipt for receipt in receipts if receipt["table"] == name]
        schema = [column for load in loads for column in load["schema"]]
        personal = sorted({*table.personal, *(column["name"] for column in schema if column.get("personal"))})
        in_main = {column["name"] for column in schema if not column.get("personal")}
        siblings = [settings.home / load["personal"] for load in loads if load["personal"]]
        if personal:
            found[name] = {
                "files": [str(path) for path in siblings if path.is_file()],
                "columns": personal,
                "in_main": [column for column in personal if column in in_main],
            }
    return found


def _paths(settings: Settings, receipts: list[Receipt]) -> dict[str, list[str]]:
    paths: dict[str, list[str]] = {}
    for receipt in receipts:
        paths.setdefault(receipt["table"], []).append(str(settings.home / receipt["file"]))
    return paths


def _what_matters(receipt: Receipt) -> dict[str, Any]:
    """Return what a receipt says of the data. The order of reading counts where more than the newest is read."""
    keys = ["source", "table", "interval", "content_hash", "load"]
    of_history = ["generation", "reading", "known_end", "is_first_reading"]
    return {key: receipt[key] for key in [*keys, *(of_history if receipt["has_history"] else [])]}


def _as_of(sources: list[Source], receipts: dict[str, list[Receipt]], time_zone: str) -> date:
    """Return the last full local day before the newest end that all scheduled sources have landed.

    Sources without a schedule do not count, unless there are no others: then the latest of their ends does.
    """
    zone = ZoneInfo(time_zone)

    def table_ends(source: Source) -> list[date]:
        ends: dict[str, date] = {}
        for receipt in receipts[source.name]:
            day = known_end(receipt).astimezone(zone).date()
            ends[receipt["table"]] = max(day, ends.get(receipt["table"], day))
        return list(ends.values())

    scheduled = [day for source in sources if source.is_scheduled for day in table_ends(source)]
    end = min(scheduled) if scheduled else max(day for source in sources for day in table_ends(source))
    return end - timedelta(days=1)


def _first_event_date(sources: list[Source], receipts: list[Receipt], time_zone: str) -> date:
    """Return the local day of the first event, but not before the first interval of its source (a mistyped year)."""
    starts = {source.name: source.first_interval_start for source in sources}
    days = [
        max(instant(receipt["first_event_at"]).astimezone(ZoneInfo(time_zone)).date(), starts[receipt["source"]])
        for receipt in receipts
        if receipt["first_event_at"]
    ]
    return min(days, default=min(starts.values()))


def _settings_that_matter(settings: Settings, currency: str, time_zone: str) -> dict[str, Any]:
    return {
        "engine": settings.engine_version(),
        "currency": currency,
        "time_zone": time_zone,
        "annual_discount_rate": settings.annual_discount_rate,
        "clv_horizon_days": settings.clv_horizon_days,
        "churn_horizon_days": settings.churn_horizon_days,
        "churn_longer_horizons": settings.churn_longer_horizons,
        "left_truncation_days": settings.left_truncation_days,
        "week_start": settings.week_start,
        "fiscal_year_start": settings.fiscal_year_start,
        "arm_key": settings.arm_key,
        "universal_control_share": settings.universal_control_share,
        "agent_figures": settings.agent_figures,
        "smallest_group": settings.smallest_group,
    }
