"""`make accept SOURCE=shop TABLE=orders`: let a held load land."""

import os
import sys

from pipeline.errors import UserError
from pipeline.landing import accept, described
from pipeline.settings import every_source, load_settings


def main() -> int:
    """Accept the held load that the environment names; return the exit code."""
    try:
        receipt = accept(load_settings(every_source()), os.environ.get("SOURCE", ""), os.environ.get("TABLE", ""))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{receipt['source']}.{receipt['table']}: landed, {described(receipt)}. Next: make run, or the source's DAG.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
