"""docs/marts.md is generated: it says what the models say."""

import re

from pipeline.base.catalog import published
from pipeline.outputs.docs import TARGET, contract
from pipeline.serving.releases import contact_tables


def test_the_contract_is_up_to_date() -> None:
    assert TARGET.read_text(encoding="utf-8") == contract(), "run `make docs`"


def test_the_contract_has_the_tables_that_are_published() -> None:
    described = set(re.findall(r"^## (\S+)$", contract(), re.MULTILINE))
    assert set(published()) - described == set(contact_tables())
