"""All mining jobs of a day, as the pipeline runs them one after another."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq

from mining import jobs
from pipeline.settings import Settings

AS_OF = dt.date(2024, 12, 31)
SOURCES = ("complete_journey",)


def mine(settings: Settings) -> dict[str, dict[str, pa.Table]]:
    """Train and score; return what was written, by job and table."""
    jobs.train_models(settings, as_of=AS_OF, sources=SOURCES)
    results = {
        "segments": jobs.score_segments(settings, as_of=AS_OF),
        "clv": jobs.score_clv(settings, as_of=AS_OF, sources=SOURCES),
        "churn": jobs.score_churn(settings, as_of=AS_OF, sources=SOURCES),
    }
    return {
        job: {table: pq.ParquetFile(path).read() for table, path in result["files"].items()}
        for job, result in results.items()
    }
