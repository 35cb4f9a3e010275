"""`make lists`: export the campaign lists of the published release against what has landed."""

import os
import sys

from pipeline.errors import UserError
from pipeline.lists.export import export_lists
from pipeline.lock import run_lock
from pipeline.settings import every_source, load_settings


def main() -> int:
    """Export; return the exit code."""
    try:
        settings = load_settings(os.environ if os.environ.get("CRM_SOURCES") else every_source(os.environ))
        with run_lock(settings, "make lists"):
            for path in export_lists(settings):
                print(path)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
