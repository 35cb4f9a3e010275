"""The formulas that marts.metric_catalogue publishes are those that part_metric_measure computes, in a row each."""

import re

import yaml

from pipeline.base.settings import DBT_PROJECT

MODEL = DBT_PROJECT / "models" / "marts" / "parts" / "part_metric_measure.sql"
FACT = re.compile(
    r"(\w+) as \(\n    select\n(.*)\n    from \{\{ ref\('(\w+)'\) \}\}\n    left join customers", re.DOTALL
)
COLUMN = re.compile(r",\n {8}(?! )")
DAY = re.compile(r"date_trunc\('month', (\w+)\)")
OTHER = re.compile(r" as (metric_month|by_\w+|first_date)$")
MEASURE = re.compile(r"\{\{measure\('(\w+)','(\w+)'\)\}\}")
UNPIVOT = re.compile(r"    from (\w+)\n    unpivot include nulls \(\s*value for measure in \(([^)]*)\)")
DIMENSION = re.compile(r" as by_(\w+),")
PAIR = re.compile(r"\(metric_month, by_(\w+), by_(\w+)\)")


def computed() -> dict[str, dict[str, object]]:
    """What the model computes of each fact, in the words of `vars.metric_facts`."""
    found: dict[str, dict[str, object]] = {}
    blocks = MODEL.read_text(encoding="utf-8").split("\n),\n\n")
    for block in blocks:
        if not (match := FACT.match(block)):
            continue
        name, columns, table = match.groups()
        days = DAY.findall(columns)
        measures = [column.rsplit(" as ", 1) for column in COLUMN.split(columns) if not OTHER.search(column)]
        found[name] = {
            "table": table,
            "date": days[0],
            "dimensions": [*DIMENSION.findall(columns), *(" by ".join(pair) for pair in PAIR.findall(block))],
            "measures": {name: without_blanks(formula) for formula, name in measures},
        }
    return found


def without_blanks(formula: str) -> str:
    return MEASURE.sub(r"{\2}", re.sub(r"\s+", "", formula)).replace("{{as_of_date()}}", "{as_of}")


def test_published_formulas_are_those_of_the_model() -> None:
    facts = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]["metric_facts"]
    stated = {
        name: {
            **{key: fact[key] for key in ("table", "date", "dimensions")},
            "measures": {measure: without_blanks(formula) for measure, formula in fact["measures"].items()},
        }
        for name, fact in facts.items()
    }
    assert computed() == stated


def test_every_measure_of_a_fact_is_a_row_of_the_model() -> None:
    """A measure that is computed and has no rows would count as zero."""
    rows = {
        name: sorted(re.findall(r"\w+", measures))
        for name, measures in UNPIVOT.findall(MODEL.read_text(encoding="utf-8"))
    }
    assert rows == {name: sorted(fact["measures"]) for name, fact in computed().items()}
