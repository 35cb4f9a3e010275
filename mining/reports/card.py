"""The model card of a published model: what it is for, how it was judged, and where not to trust it.

A card states nothing of its own. It is made of what is recorded with the model (`models/<job>/<version>.json`, the rows
of `marts.model_runs` and `marts.model_metrics`) and of what the job says of all its models (`About`).
(Mitchell et al. 2019, "Model Cards for Model Reporting".)
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mining.protocol import About, TrainedJob
from mining.reports.groups import FORECAST, biased
from pipeline.base.attempt import Failure, attempt
from pipeline.base.files import write_text
from pipeline.base.model_files import Model, card_path
from pipeline.base.settings import Settings

OVERALL = "all"


def write_card(settings: Settings, job: TrainedJob, model: Model) -> None:
    """Write the card of a published model beside its file. One that cannot be made is left out and logged."""
    about = job.about
    if about is None:
        return
    text = attempt(f"the model card of {job.name}", lambda: card(job, about, model))
    if not isinstance(text, Failure):
        write_text(card_path(settings, model["job"], model["model_version"]), text)


def card(job: TrainedJob, about: About, model: Model) -> str:
    """Return a model card as Markdown."""
    parameters = {**model["needs"], **model["parameters"]}
    parts = [
        f"# {about.title}: model card",
        "Made from what is recorded with the model; its figures stand in `marts.model_runs` and `marts.model_metrics`.",
        _table(("", ""), _identity(model)),
        "## What it is for",
        about.purpose,
        "It is not for:",
        _list(about.not_for),
        "## What it forecasts",
        f"{about.target[0].upper()}{about.target[1:].format(**parameters)}.",
        "## What it reads",
        *_inputs(job, model),
        "## Candidates",
        *_candidates(about, model),
        "## Verdict",
        _verdict(model),
        "## Figures out of time",
        *_figures(model),
        "## Can it be taken at its word?",
        *_calibration(about, model),
        "## Groups",
        *_groups(model),
        "## How far it reaches",
        _list(model["reach"]) if model.get("reach") else "Nothing is recorded that limits it.",
    ]
    return "\n\n".join(parts) + "\n"


def _identity(model: Model) -> list[tuple[str, str]]:
    cut_offs = model["parameters"].get("cut_offs")
    return [
        ("Model", f"`{model['model_version']}`"),
        ("Trained as of", model["as_of_date"]),
        ("Learned from", f"{model['train_window_start']} to {model['as_of_date']}"),
        ("Judged on", f"{model['holdout_start']} to {model['holdout_end']}, having learned from what came before"),
        *([("Cut-offs", _cut_offs(cut_offs))] if cut_offs else []),
        ("Baseline", model["baseline_name"]),
        ("Sources", ", ".join(model["sources"])),
        (
            "Parameters that a release must share",
            ", ".join(f"{name} {value}" for name, value in model["needs"].items()),
        ),
        ("Code, data", f"`{model['code_version']}`, `{model['input_hash'][:12]}`"),
    ]


def _cut_offs(days: Mapping[str, Any]) -> str:
    learned = days["train"]
    return (
        f"{len(learned)} to learn from ({learned[0]} to {learned[-1]}), "
        f"{len(days['choose'])} of them to choose on ({', '.join(days['choose'])}); {days['test']} to judge"
    )


def _inputs(job: TrainedJob, model: Model) -> Iterable[str]:
    compared = (model.get("profile") or {}).get("inputs", {})
    meanings = job.meanings(list(dict.fromkeys([*model["model"].get("inputs", ()), *compared])))
    if meanings:
        yield _table(("Input", "Is"), [(f"`{name}`", meaning) for name, meaning in meanings.items()])
    dropped = model["parameters"].get("dropped_inputs", {})
    if dropped:
        yield "Left out:"
        yield _list(f"`{name}`: {reason}" for name, reason in dropped.items())


def _candidates(about: About, model: Model) -> Iterable[str]:
    """Candidates are the metrics of all customers that end like the ones by which they are compared."""
    overall = _overall(model)
    names = dict.fromkeys(
        metric.removesuffix(f"_{ending}")
        for ending in about.candidates
        for metric in overall
        if metric.endswith(f"_{ending}") and overall[metric]["baseline_value"] is None
    )
    rows = []
    for name in names:
        found = [overall.get(f"{name}_{ending}") for ending in about.candidates]
        rows.append((f"`{name}`", *(_number(each["value"] if each else None) for each in found)))
    if not rows:
        yield "None are compared on all customers together."
        return
    heading = ("Candidate", *(f"`{ending}`: {meaning}" for ending, meaning in about.candidates.items()))
    yield _table(heading, rows)


def _verdict(model: Model) -> str:
    """Return the decision without the sentences about its reach, which have a heading of their own."""
    said = model["decision"]
    for sentence in model.get("reach", ()):
        said = said.replace(sentence, "")
    return " ".join(said.split())


def _figures(model: Model) -> Iterable[str]:
    overall = _overall(model)
    rows = [
        (f"`{metric}`", _number(each["value"]), _number(each["baseline_value"]), _interval(each))
        for metric, each in overall.items()
        if each["baseline_value"] is not None and metric != "customers"
    ]
    if not rows:
        yield "They are not of all customers together: see `stratum` of `marts.model_metrics`."
        return
    asked = f"Of {overall['customers']['rows']:,} customers, beside" if "customers" in overall else "Beside"
    yield f"{asked} {model['baseline_name']}:"
    yield _table(("Metric", "Model", "Baseline", "Gain, 95 % interval"), rows)


def _calibration(about: About, model: Model) -> Iterable[str]:
    overall = _overall(model)
    for heading, metrics in (("Calibration", about.calibration), ("Intervals", about.coverage)):
        rows = [(f"`{name}`", _number(overall[name]["value"]), is_) for name, is_ in metrics.items() if name in overall]
        if rows:
            yield _table((heading, "", "Is"), rows)
    if not about.coverage:
        yield "A probability has no interval of its own."


def _groups(model: Model) -> Iterable[str]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for each in model["model_metrics"]:
        if ": " in each["stratum"] and not each["stratum"].startswith(FORECAST):
            found.setdefault(each["stratum"], {})[each["metric"]] = each
    if not found:
        yield "No group has enough customers to be judged apart."
        return
    yield "The last holdout, in groups of 10 customers or more. The error is the mean squared one."
    yield _table(
        ("Group", "Customers", "Forecast, mean", "Happened, mean", "Error", "Error of the baseline"),
        [
            (
                stratum, f"{row['bias']['rows']:,}", _number(row["predicted_mean"]["value"]),
                _number(row["observed_mean"]["value"]), _number(row["mean_squared_error"]["value"]),
                _number(row["mean_squared_error"]["baseline_value"]),
            )
            for stratum, row in found.items()
        ],
    )  # fmt: skip
    wrong = [
        f"{_named(stratum)}: too {'high' if row['value'] > 0 else 'low'} by {_number(abs(row['value']))} on average"
        for stratum, row in biased(model["model_metrics"])
    ]
    worse = [
        f"{_named(stratum)}: worse than the baseline"
        for stratum, row in found.items()
        if (row["mean_squared_error"]["ci_high"] or 0.0) < 0
    ]
    if wrong or worse:
        yield "Where it is worse, beyond chance:"
        yield _list([*wrong, *worse])
    else:
        yield "In none of them is the forecast wrong on average, or worse than the baseline, by more than chance."


def _named(stratum: str) -> str:
    return stratum.replace(": ", " ", 1)


def _overall(model: Model) -> dict[str, dict[str, Any]]:
    return {each["metric"]: each for each in model["model_metrics"] if each["stratum"] == OVERALL}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _interval(row: Mapping[str, Any]) -> str:
    return "" if row["ci_low"] is None else f"{_number(row['ci_low'])} to {_number(row['ci_high'])}"


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
