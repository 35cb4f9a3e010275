"""For readers: documentation, Superset's import file."""

from cli.environment import up_to_date


def docs() -> None:
    """Write docs/marts.md, dbt's site and the pages of the checks."""
    from pipeline.outputs.docs import write_all

    write_all(up_to_date())


def superset() -> None:
    """Write Superset's import file of the published release.

    docs/bi.md says what to do with it.
    """
    from pipeline.outputs.superset import write_superset

    print(write_superset(up_to_date()))
