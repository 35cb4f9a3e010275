"""The columns that a campaign may name: for its audience, and for its file."""

from functools import cache

from pipeline.base.catalog import table

CUSTOMERS = "customer_360"
OWN = ("campaign_customer", "part_customer_birthday")
AUDIENCE = "campaign_audience"
# What those have for audiences; their other columns keep customers from being contacted.
OF_AUDIENCES = (
    "is_upper_tier",
    "is_lapsed",
    "is_above_average",
    "days_since_first_order",
    "days_since_last_order",
    "days_to_expected_order",
    "usual_gap_days",
    "categories",
    "days_since_complaint_resolved",
    "has_birthday_soon",
    "campaign_segment",
    "winback_class",
    "p_return",
    "maximum_spend",
    "winback_deadline_date",
    "due_item",
    "days_to_due",
    "due_expected_margin",
    "new_item",
    "new_expected_margin",
)
# What a stratum may name: a customer keeps these, and with them the arm.
STEADY = ("kind", "country", "acquisition_channel", "first_order_date", "is_left_truncated")
# Columns of campaign_audience that the export joins, or that are the same in every row of a list.
NOT_IN_FILES = ("list_name", "list_rank", "customer_id", "is_included", "reason_group", "arm")


@cache
def audience_columns() -> dict[str, str]:
    """The columns that an audience may name, with their types."""
    own = {column: kind for name in OWN for column, kind in _types(name).items()}
    return _types(CUSTOMERS) | {name: own[name] for name in OF_AUDIENCES}


@cache
def file_columns() -> tuple[str, ...]:
    """The columns that a campaign may have in its file."""
    names = (column.name for column in table(AUDIENCE).columns)
    return tuple(name for name in names if name not in NOT_IN_FILES and not name.startswith("can_"))


@cache
def reason_groups() -> tuple[str, ...]:
    """What `reason_group` may be, in the order of the waterfall; the last is the list itself."""
    return table(AUDIENCE).contract.values["reason_group"]


def _types(name: str) -> dict[str, str]:
    return {column.name: str(column.data_type) for column in table(name).columns}
