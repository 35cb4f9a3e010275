"""`python -m pipeline.diff`."""

import sys

from pipeline.diff import main

if __name__ == "__main__":
    sys.exit(main())
