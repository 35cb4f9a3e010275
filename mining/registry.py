"""The mining jobs of a build. A new one is a folder `mining/<name>/` and a line here."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mining.protocol import Job

JOBS = (
    "segments",
    "clv",
    "churn",
    "effects",
    "subscriptions",
    "uplift",
    "matching",
    "recovery",
    "offers",
    "attribution",
    "behaviour",
)
"""Names alone: a DAG is parsed without the libraries of the jobs."""


def find_job(name: str) -> "Job":
    """Import a job."""
    job: Job = import_module(f"mining.{name}.job").JOB
    return job
