"""`python -m pipeline.new_source`: see pipeline.new_source.command."""

import sys

from pipeline.new_source.command import main

sys.exit(main())
