"""Report active sources whose files cannot be used, as an import error of Airflow; the DAGs of the others go on.

A source that is not active is a warning in the log of the DAG processor. This file makes no DAG. It is separate from
extract_sources.py because a file with an import error has no DAGs at all.
"""

import logging

from pipeline.base.errors import UserError
from pipeline.base.settings import load_settings
from pipeline.sources.definitions import broken, broken_inactive

settings = load_settings()
for warning in broken_inactive(settings):
    logging.getLogger("perennial").warning("%s", warning)
if problems := broken(settings.sources):
    raise UserError("\n".join(problems.values()))
