"""Show a source file that cannot be used as an import error of Airflow, while the DAGs of the others go on.

This file makes no DAG. It is apart from extract_sources.py because a file with an import error has no DAGs at all.
"""

from pipeline.errors import UserError
from pipeline.settings import known_sources
from pipeline.sources import load_source

problems = []
for source in known_sources():
    try:
        load_source(source)
    except UserError as error:
        problems.append(str(error))
if problems:
    raise UserError("\n".join(problems))
