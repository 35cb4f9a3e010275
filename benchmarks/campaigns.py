"""What ten campaigns take on a million customers: choosing, a preview, and the files of all lists.

`python -m benchmarks.campaigns 100000` measures another number of customers.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.rows import at_most
from pipeline.base.catalog import table
from pipeline.base.duck import connect, quote_literal
from pipeline.base.settings import ROOT, Settings, load_settings
from pipeline.campaigns import Campaign, read_campaigns
from pipeline.campaigns.assigned import write_arms
from pipeline.outputs.lists.choice import choose
from pipeline.outputs.lists.files.cells import csv_content, shown
from pipeline.outputs.lists.files.workbook import workbook_content
from pipeline.outputs.lists.members import columns_of, judge, members

CUSTOMERS = 1_000_000
AS_OF = date(2025, 12, 31)
CURRENCY = "EUR"
MEMORY = "3GB"
BOUNDS = (60, 4096)
"""Seconds, and megabytes."""
# Chances from 0 to 1 that follow from the customer alone, then what the campaigns read of a customer.
CHANCES = ", ".join(f"hash(n, {number}) % 1000000 / 1e6 as u{number}" for number in range(1, 12))
MADE = f"""
create temp table made as
with chances as (select n, {CHANCES} from range({{customers}}) as numbers (n))
select
    'c' || lpad(n::varchar, 9, '0') as customer_id,
    date '{AS_OF}' as as_of_date,
    case when u1 < 0.4 then 'h' || (n // 2) end as household_id,
    floor(pow(u2, 3) * 20)::bigint as purchases,
    (u3 * 900)::decimal(18, 4) as net_revenue,
    (u3 * 900)::decimal(18, 4) as clv_total,
    (u4 * 300)::decimal(18, 4) as clv_future,
    (u4 * 200 - 20)::decimal(18, 4) as expected_loss,
    u5 as churn_probability,
    case when u5 > 0.7 then 'high' when u5 > 0.4 then 'medium' else 'low' end as risk_band,
    case when u6 < 0.01 then 'platinum' when u6 < 0.2 then 'gold' when u6 < 0.5 then 'iron' else 'lead' end as tier,
    ['new', 'growing', 'stable', 'declining', 'dormant', 'lost'][1 + floor(u7 * 6)::int] as lifecycle_stage,
    ['Champions', 'Loyal', 'At risk', 'Lost'][1 + floor(u8 * 4)::int] as segment_name,
    floor(u9 * 900)::bigint as days_since_last_order,
    floor(u9 * 900 + u10 * 200)::bigint as days_since_first_order,
    10 + u10 * 90 as usual_gap_days,
    1 + floor(u11 * 4)::bigint as categories,
    case when u11 < 0.01 then floor(u10 * 60)::bigint end as days_since_complaint_resolved,
    case when u10 < 0.2 then floor(u11 * 60)::bigint end as days_since_campaign,
    case when u10 < 0.2 then floor(u11 * 60)::bigint end as household_days_since_campaign,
    false as is_left_truncated,
    u6 < 0.2 as is_upper_tier,
    u7 > 4 / 6 as is_lapsed,
    u3 > 0.5 as is_above_average,
    case when u5 < 0.6 then 'Tea' end as due_item,
    floor(u9 * 120)::bigint - 20 as days_to_due,
    (u4 * 5)::decimal(18, 4) as due_expected_margin,
    case when u5 > 0.3 then 'Cake' end as new_item,
    (u3 * 5)::decimal(18, 4) as new_expected_margin,
    u1 < 0.6 as can_email,
    u2 < 0.5 as can_post,
    u1 < 0.6 or u2 < 0.5 as can_email_or_post,
    u3 < 0.3 as can_call,
    u4 < 0.3 as can_text,
    case when u1 >= 0.6 then 'no consent' end as can_email_block,
    case when u2 >= 0.5 then 'no consent' end as can_post_block,
    case when u3 >= 0.3 then 'no consent' end as can_call_block,
    case when u4 >= 0.3 then 'no consent' end as can_text_block,
    true as has_contact_details,
    u11 > 0.99 as has_open_complaint,
    u8 < 0.02 as is_universal_control
from chances
"""
CONTACTS = """
create table contacts_file.dim_customer_contact as
select
    customer_id, 'Ana Silva ' || customer_id as full_name, 'Ana' as given_name, 'Silva' as family_name,
    customer_id || '@mail.example' as email, 'Orchid Lane 1' as street, 'Singapore' as city, '018956' as postcode,
    'SG' as country, '+6591234567' as phone, date '1970-01-01' + (hash(customer_id) % 18000)::int as birth_date
from made;
create table contacts_file.customer_source_id as
select customer_id, 'shop' as source_system, substr(customer_id, 2) as source_customer_id from made;
"""
ALLOWED = """
create table now.part_customer_consent as
select customer_id, null::varchar as withheld_because, can_email, can_post, can_call, can_text from made
"""


def run(customers: int = CUSTOMERS) -> list[dict[str, Any]]:
    """Measure in a process of its own. The bounds are of a machine with two cores that does nothing else."""
    with tempfile.TemporaryDirectory(prefix="perennial-") as scratch:
        done = subprocess.run(
            [sys.executable, "-c", f"from benchmarks.campaigns import measure; measure({scratch!r}, {customers})"],
            cwd=ROOT,
            env={**os.environ, "CRM_HOME": scratch, "CRM_SOURCES": "*"},
            capture_output=True,
            text=True,
            check=True,
        )
    words = done.stdout.splitlines()[-1].split()
    took, peak, listed = float(words[0]), int(words[1]), int(words[2])
    about = f"10 campaigns, {customers:,} customers, {listed:,} on lists: choose, preview, CSV and workbooks"
    name = f"campaigns.{customers // 1000}k_customers"
    return [
        at_most(BOUNDS[0], f"{name}.seconds", took, "s", about),
        at_most(BOUNDS[1], f"{name}.peak", peak, "MB", about),
    ]


def measure(scratch: str, customers: int) -> None:
    """Make a release, then print seconds, peak in megabytes, and the customers on all lists."""
    settings = load_settings()
    campaigns = list(read_campaigns().values())
    _make(Path(scratch), customers)
    began = time.perf_counter()
    with closing(_session(Path(scratch))) as connection:
        connection.execute(f"attach {quote_literal(f'{scratch}/built.duckdb')} as built")
        _choose(connection, settings, campaigns)
        connection.execute("create schema built.marts")
        connection.execute("create table built.marts.campaign_audience as from campaign_audience")
        ((listed,),) = connection.execute("select count(*) from campaign_audience where is_included").fetchall()
    with closing(_session(Path(scratch))) as connection:
        begun = [campaign for campaign in campaigns if campaign.priority <= read_campaigns()["winback"].priority]
        _choose(connection, settings, begun)
    _export(Path(scratch), settings, campaigns)
    print(round(time.perf_counter() - began, 2), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, listed)


def _make(scratch: Path, customers: int) -> None:
    with closing(connect(spill=scratch / "spill")) as connection:
        connection.execute(f"set memory_limit = '{MEMORY}'")
        connection.execute(MADE.format(customers=customers))
        for alias in ("release", "contacts_file", "now"):
            connection.execute(f"attach {quote_literal(str(scratch / f'{alias}.duckdb'))} as {alias}")
        connection.execute("create schema release.marts")
        for name in ("customer_360", "campaign_customer", "campaign_performance", "campaign_uplift"):
            columns = [f"{each.name} {each.data_type}".replace(" string", " varchar") for each in table(name).columns]
            connection.execute(f"create table release.marts.{name} ({', '.join(columns)})")
            if name in ("campaign_performance", "campaign_uplift"):  # nothing was measured
                continue
            known = {each.name for each in table(name).columns}
            given = [row[0] for row in connection.execute("describe made").fetchall() if row[0] in known]
            connection.execute(f"insert into release.marts.{name} by name select {', '.join(given)} from made")
        connection.execute(CONTACTS)
        connection.execute(ALLOWED)


def _session(scratch: Path) -> duckdb.DuckDBPyConnection:
    connection = connect(spill=scratch / "spill")
    connection.execute(f"set memory_limit = '{MEMORY}'")
    for alias in ("release", "contacts_file"):
        connection.execute(f"attach {quote_literal(str(scratch / f'{alias}.duckdb'))} as {alias} (read_only)")
    return connection


def _choose(connection: duckdb.DuckDBPyConnection, settings: Settings, campaigns: list[Campaign]) -> None:
    choose(connection, settings, campaigns, as_of=AS_OF, currency=CURRENCY, paths={})


def _export(scratch: Path, settings: Settings, campaigns: list[Campaign]) -> None:
    """Write the arms and the files of all lists, from consents that have been staged."""
    with closing(connect(spill=scratch / "spill")) as connection:
        connection.execute(f"set memory_limit = '{MEMORY}'")
        for alias, file in {"release": "built", "contacts_file": "contacts_file", "now": "now"}.items():
            connection.execute(f"attach {quote_literal(str(scratch / f'{file}.duckdb'))} as {alias} (read_only)")
        write_arms(settings, connection, campaigns, f"{AS_OF}-benchmark")
        judge(connection, campaigns, has_consents=True)
        for campaign in campaigns:
            columns = columns_of(campaign)
            rows = shown(columns, members(connection, campaign), CURRENCY)
            (scratch / f"{campaign.name}.csv").write_bytes(csv_content(columns, rows))
            (scratch / f"{campaign.name}.xlsx").write_bytes(workbook_content(columns, rows, AS_OF, CURRENCY))


if __name__ == "__main__":
    for measured in run(*map(int, sys.argv[1:])):
        print(measured)
