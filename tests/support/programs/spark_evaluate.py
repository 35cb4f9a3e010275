"""Run by a Python that has pyspark: queries over Parquet files, their results as Parquet. One session for all of them.

The argument is a file of JSON: `settings` of the session, and `queries`: each with `views` (name: file), `sql`, `into`.
"""

import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession

told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
session = SparkSession.builder.master("local[1]").config(map=told["settings"]).getOrCreate()
session.sparkContext.setLogLevel("ERROR")
for query in told["queries"]:
    for name, path in query["views"].items():
        session.read.parquet(path).createOrReplaceTempView(name)
    session.sql(query["sql"]).coalesce(1).write.parquet(query["into"])
session.stop()
