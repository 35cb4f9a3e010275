"""`perennial superset`: Superset's import file, written from the tables and comments of the published release.

Ids are hashes of names: importing again replaces what was imported before.
"""

import json
import uuid
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pipeline.base.errors import UserError
from pipeline.base.files import TEMPORARY_PREFIX
from pipeline.base.settings import Settings
from pipeline.serving.releases import DATABASE, Table, current_release, open_release, published_tables, read_tables

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "perennial/superset")
NAME = "perennial"
MADE_AT = "1970-01-01T00:00:00+00:00"  # a fixed date, so that equal releases give equal files
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
DATES = ("DATE", "TIMESTAMP")


class Chart(NamedTuple):
    """A chart: an aggregate of a mart by columns (a line chart: by month), of the rows that pass the filters."""

    title: str
    kind: str
    mart: str
    columns: tuple[str, ...]
    sql: str
    filters: dict[str, str]


CHARTS = (
    Chart(
        "Net revenue by month",
        "line",
        "metrics_monthly",
        (),
        "sum(value)",
        {"metric": "net_revenue", "dimension": "all"},
    ),
    Chart(
        "Active customers",
        "line",
        "metrics_monthly",
        (),
        "sum(value)",
        {"metric": "active_customers", "dimension": "all"},
    ),
    Chart(
        "New customers", "line", "metrics_monthly", (), "sum(value)", {"metric": "new_customers", "dimension": "all"}
    ),
    Chart("Net promoter score", "line", "metrics_monthly", (), "sum(value)", {"metric": "nps", "dimension": "all"}),
    Chart(
        "Net sales by channel",
        "line",
        "metrics_monthly",
        ("dimension_value",),
        "sum(value)",
        {"metric": "net_sales", "dimension": "channel"},
    ),
    Chart("Customers by segment", "table", "segment_profile", ("segment_name",), "sum(customers)", {}),
    Chart("Net sales by segment", "table", "segment_profile", ("segment_name",), "sum(net_sales)", {}),
    Chart("Customers by lifecycle stage", "table", "customer_360", ("lifecycle_stage",), "count(*)", {}),
    Chart("Expected loss by risk band", "table", "customer_churn", ("risk_band",), "sum(expected_loss)", {}),
    Chart("Campaign profit", "table", "campaign_performance", ("campaign_id",), "sum(incremental_profit)", {}),
)


def write_superset(settings: Settings) -> Path:
    """Write `$CRM_HOME/docs/superset.zip` and return its path.

    Raises
    ------
    UserError
        Nothing is published yet, or a chart names a column that the release does not have.
    """
    database = settings.serving / "current" / DATABASE
    with closing(open_release(current_release(settings))) as connection:
        tables = [
            table for table in published_tables(read_tables(connection, Path(DATABASE).stem)) if table.schema == "marts"
        ]
    target = settings.home / "docs" / "superset.zip"
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{target.name}")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in import_files(tables, database.absolute()).items():
            text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
            archive.writestr(zipfile.ZipInfo(f"{NAME}/{name}", ZIP_TIME), text)
    temporary.replace(target)
    return target


def import_files(tables: list[Table], database: Path) -> dict[str, dict[str, Any]]:
    """Return all files of the import, by path, in Superset's export format."""
    by_name = {table.name: table for table in tables}
    charts = {chart.title: _chart(by_name, chart) for chart in CHARTS}
    return {
        "metadata.yaml": {"version": "1.0.0", "type": "Dashboard", "timestamp": MADE_AT},
        f"databases/{NAME}.yaml": _database(database),
        **{f"datasets/{NAME}/{table.name}.yaml": _dataset(table) for table in tables},
        **{f"charts/{title.replace(' ', '_')}.yaml": chart for title, chart in charts.items()},
        "dashboards/customers_at_a_glance.yaml": _dashboard(list(charts.values())),
    }


def _id(*words: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "/".join(words)))


def _database(database: Path) -> dict[str, Any]:
    """Superset opens it without a pool (NullPool), so that each query reads the release of its moment."""
    return {
        "database_name": "Perennial",
        "sqlalchemy_uri": f"duckdb:///{database}",
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "extra": {
            "engine_params": {"connect_args": {"read_only": True}},
            "metadata_params": {},
            "metadata_cache_timeout": {"schema_cache_timeout": 60, "table_cache_timeout": 60},
            "schemas_allowed_for_file_upload": [],
        },
        "cache_timeout": 60,
        "uuid": _id("database"),
        "version": "1.0.0",
    }


def _dataset(table: Table) -> dict[str, Any]:
    dates = [name for name, kind in table.columns.items() if kind.startswith(DATES)]
    return {
        "table_name": table.name,
        "schema": table.schema,
        "main_dttm_col": "month_start_date" if "month_start_date" in dates else (dates[0] if dates else None),
        "description": table.comment,
        "columns": [
            {
                "column_name": name,
                "type": kind,
                "is_dttm": name in dates,
                "is_active": True,
                "groupby": True,
                "filterable": True,
                "description": table.column_comments.get(name),
            }
            for name, kind in table.columns.items()
        ],
        "metrics": [{"metric_name": "count", "expression": "count(*)", "verbose_name": "Rows"}],
        "uuid": _id("dataset", table.full_name),
        "version": "1.0.0",
        "database_uuid": _id("database"),
    }


def _chart(tables: dict[str, Table], chart: Chart) -> dict[str, Any]:
    title, kind, mart, columns, sql, filters = chart
    needed = [*columns, *filters, *(["month_start_date"] if kind == "line" else [])]
    if sql != "count(*)":
        needed.append(sql.split("(")[1].rstrip(")"))
    missing = [name for name in needed if mart not in tables or name not in tables[mart].columns]
    if missing:
        raise UserError(
            f"Chart '{title}': marts.{mart} has no column {missing[0]}. Correct pipeline/outputs/superset.py."
        )
    metric = {"expressionType": "SQL", "sqlExpression": sql, "label": title, "hasCustomLabel": True}
    params: dict[str, Any] = {
        "viz_type": "echarts_timeseries_line" if kind == "line" else "table",
        "groupby": list(columns),
        "metrics": [metric],
        "adhoc_filters": [
            {"expressionType": "SIMPLE", "clause": "WHERE", "subject": name, "operator": "==", "comparator": value}
            for name, value in filters.items()
        ],
        "time_range": "No filter",
        "row_limit": 1000,
    }
    if kind == "line":
        params |= {"x_axis": "month_start_date", "time_grain_sqla": "P1M"}
    else:
        params |= {"query_mode": "aggregate", "order_desc": True}
    query = {
        "columns": [*(["month_start_date"] if kind == "line" else []), *columns],
        "metrics": [metric],
        "filters": [{"col": name, "op": "==", "val": value} for name, value in filters.items()],
        "row_limit": 1000,
    }
    return {
        "slice_name": title,
        "description": tables[mart].comment,
        "viz_type": params["viz_type"],
        "params": params,
        "query_context": json.dumps(
            {
                "datasource": {"id": 0, "type": "table"},
                "force": False,
                "queries": [query],
                "form_data": params,
                "result_format": "json",
                "result_type": "full",
            }
        ),
        "uuid": _id("chart", title),
        "version": "1.0.0",
        "dataset_uuid": _id("dataset", f"marts.{mart}"),
    }


def _dashboard(charts: list[dict[str, Any]]) -> dict[str, Any]:
    """Two charts to a row."""
    rows = [charts[start : start + 2] for start in range(0, len(charts), 2)]
    names = [f"ROW-{number}" for number in range(len(rows))]
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": names, "parents": ["ROOT_ID"]},
    }
    for name, row in zip(names, rows, strict=True):
        parents = ["ROOT_ID", "GRID_ID"]
        children = [f"CHART-{chart['uuid']}" for chart in row]
        meta = {"background": "BACKGROUND_TRANSPARENT"}
        position[name] = {"type": "ROW", "id": name, "children": children, "parents": parents, "meta": meta}
        for child, chart in zip(children, row, strict=True):
            position[child] = {
                "type": "CHART",
                "id": child,
                "children": [],
                "parents": [*parents, name],
                "meta": {
                    "uuid": chart["uuid"],
                    "sliceName": chart["slice_name"],
                    "width": 6,
                    "height": 50,
                    "chartId": 0,
                },
            }
    return {
        "dashboard_title": "Customers at a glance",
        "description": "Made by `make superset` from the published release.",
        "slug": "perennial",
        "uuid": _id("dashboard"),
        "position": position,
        "metadata": {},
        "version": "1.0.0",
    }
