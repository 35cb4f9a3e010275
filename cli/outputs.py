"""For readers: documentation, Superset's import file."""

from cli.environment import every


def docs() -> None:
    """Write docs/marts.md, dbt's site and the pages of the checks."""
    from pipeline.outputs.docs import write_all

    write_all(every())


def superset() -> None:
    """Write Superset's import file of the published release.

    docs/bi.md says what to do with it.
    """
    from pipeline.outputs.superset import write_superset

    print(write_superset(every()))
