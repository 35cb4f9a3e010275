"""Run by the Python that has Superset: imports a ZIP, then prints what Superset sees for each line of its input.

Superset's own commands set it up and import. Queries go the way that SQL Lab and dashboards go: a text through the
imported database, and imported charts with their own query contexts, through Superset's cache. Output is JSON.
"""

import json
import sys

from flask import g
from flask.cli import ScriptInfo
from superset.app import create_app
from superset.cli.main import superset

ADMIN = ["--username", "admin", "--password", "admin", "--email", "a@x.example", "--firstname", "A", "--lastname", "B"]

app = create_app()
for words in (
    ["db", "upgrade"],
    ["init"],
    ["fab", "create-admin", *ADMIN],
    ["import-dashboards", "--path", sys.argv[1], "--username", "admin"],
):
    superset.main(words, obj=ScriptInfo(create_app=lambda: app), standalone_mode=False)

with app.app_context():
    from superset import db, security_manager
    from superset.commands.chart.data.get_data_command import ChartDataCommand
    from superset.models.core import Database
    from superset.models.slice import Slice

    g.user = security_manager.find_user(username="admin")
    database = db.session.query(Database).filter_by(database_name="Perennial").one()

    def chart_rows(chart: Slice) -> list:
        (answer,) = ChartDataCommand(chart.get_query_context()).run()["queries"]
        return answer["data"]

    print("READY", flush=True)
    for _ in sys.stdin:
        with database.get_sqla_engine() as engine:
            pool = type(engine.pool).__name__
        seen = {
            "pool": pool,
            "schemas": sorted(database.get_all_schema_names(catalog=None)),
            "tables": sorted(name for name, *_ in database.get_all_table_names_in_schema(None, "marts")),
            "release": database.get_df("select release_id from marts.release")["release_id"].tolist(),
            "charts": {chart.slice_name: chart_rows(chart) for chart in db.session.query(Slice)},
        }
        print("SEEN " + json.dumps(seen, default=str), flush=True)
