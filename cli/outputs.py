"""For readers: campaign lists, documentation, Superset's import file."""

import os

from cli.environment import active, every


def lists() -> None:
    """Export the campaign lists, without those who said no since."""
    from pipeline.base.lock import run_lock
    from pipeline.outputs.lists import export_lists

    settings = active() if os.environ.get("CRM_SOURCES") else every()
    with run_lock(settings, "make lists"):
        for path in export_lists(settings):
            print(path)


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
