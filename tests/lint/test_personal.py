"""Columns that the input contract calls personal are published with the contacts, or not at all."""

import pytest
import yaml

from pipeline.base.catalog import input_contract
from pipeline.base.settings import DBT_PROJECT

PERSONAL = {name for spec in input_contract().values() for name in spec.get("personal", [])}
PUBLISHED = sorted(
    path for layer in ("core", "marts", "ops") for path in (DBT_PROJECT / "models" / layer).rglob("*.yml")
)
WITH_CONTACTS = {"dim_customer_contact"}


def test_the_contract_names_personal_columns() -> None:
    assert {"email", "phone", "full_name", "comment", "page"} <= PERSONAL


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
def test_no_personal_column_is_published(path) -> None:
    models = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    columns = {
        f"{model['name']}.{column['name']}"
        for model in models
        if model["name"] not in WITH_CONTACTS
        for column in model.get("columns", [])
        if column["name"] in PERSONAL
    }
    assert columns == set()
