"""Landing: rows per second from a source file to a landed, fsynced Parquet file with its receipt."""

import tempfile
from typing import Any

from benchmarks.rows import at_least
from pipeline.base.settings import every_source, load_settings
from pipeline.landing import land_table, plan_source
from pipeline.landing.receipts import instant

SOURCES = {  # (source, table, kind of file): rows per second at least
    ("complete_journey", "transactions", "parquet"): 300_000,
    ("cdnow", "purchases", "fixed_width"): 100_000,
}


def run() -> list[dict[str, Any]]:
    """Land each table into an empty folder."""
    return [_land(*key, bound=bound) for key, bound in SOURCES.items()]


def _land(source: str, table: str, kind: str, *, bound: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        data = load_settings(every_source()).data
        settings = load_settings({"CRM_HOME": home, "CRM_DATA": str(data), "CRM_SOURCES": source})
        end = instant(plan_source(settings, source)["interval_end"])
        receipt = land_table(settings, source, table, interval_end=end)
    assert receipt != "unchanged"
    rate = round(receipt["received"] / receipt["seconds"])
    return at_least(bound, f"landing.{kind}_rows_per_second", rate, "rows/s")


if __name__ == "__main__":
    for measure in run():
        print(measure)
