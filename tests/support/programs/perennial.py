"""The command, as a user calls it."""

import sys
from pathlib import Path

PERENNIAL = str(Path(sys.executable).with_name("perennial"))
