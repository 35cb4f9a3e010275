"""Run by Superset's own Python: what the imported database, datasets and charts give. Prints one JSON line per step.

Reads a line from its input between two queries, so that the caller can publish another release meanwhile.
"""

import json
import sys

from flask import g
from superset.app import create_app

app = create_app()


def say(**found: object) -> None:
    print("RESULT " + json.dumps(found, default=str), flush=True)


with app.app_context():
    from superset.extensions import db, security_manager
    from superset.models.core import Database
    from superset.models.slice import Slice

    g.user = security_manager.find_user("admin")
    database = db.session.query(Database).filter_by(database_name="Perennial").one()

    def first_release() -> str:
        with database.get_sqla_engine() as engine:
            return str(engine.execute("select release_id from marts.release").scalar())

    with database.get_sqla_engine() as engine:
        pool = type(engine.pool).__name__
        try:
            engine.execute("create table marts.written (a integer)")
            refused = ""
        except Exception as error:  # noqa: BLE001 - whatever the driver says
            refused = str(error)
    with database.get_inspector() as inspector:
        names = sorted(inspector.get_table_names(schema="marts"))
    say(pool=pool, refused=refused, tables=names, release=first_release())
    sys.stdin.readline()
    say(release=first_release())
    charts = {}
    for chart in db.session.query(Slice).order_by(Slice.slice_name):
        answer = chart.get_query_context().get_payload()["queries"][0]
        charts[chart.slice_name] = {"error": answer.get("error"), "rows": answer.get("rowcount")}
    described = {
        column.column_name: column.description
        for table in database.tables
        if table.table_name == "segment_profile"
        for column in table.columns
    }
    say(charts=charts, described=described)
