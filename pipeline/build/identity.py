"""What mining is given for the model that finds the records of one customer: where models are, and the records."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pyarrow as pa

from pipeline.base.catalog import variables
from pipeline.base.duck import connect
from pipeline.base.scratch import scratch_folder
from pipeline.base.settings import Settings
from pipeline.build.increment import built_as_of

RECORDS = "intermediate.int_party_records"


def identity_model(settings: Settings, sources: Sequence[str]) -> dict[str, Any]:
    """Return the variable `identity_model` of a build (`mining.identity.model.Given`)."""
    return {
        "home": str(settings.home),
        "models": str(settings.models / "identity"),
        "state": str(settings.build / "identity"),
        "sources": sorted(sources),
        "code_version": settings.code_version(),
        "memory_gb": settings.memory_gb,
        "held_by_at_most": variables()["identity"]["held_by_at_most"],
        "guards": variables()["identity"]["guards"],
    }


def party_records(settings: Settings, as_of: str) -> pa.Table | None:
    """Return the records of customers of the warehouse; None where it is not what was built as of that day."""
    if built_as_of(settings) != as_of:
        return None
    with (
        scratch_folder(settings.home) as spill,
        closing(connect(settings.warehouse, read_only=True, spill=spill)) as warehouse,
    ):
        return warehouse.table(RECORDS).to_arrow_table()
