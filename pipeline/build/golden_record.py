"""How each field of a customer is chosen from its records: `vars.identity` of dbt_project.yml, checked."""

from collections.abc import Collection

from pipeline.base import settings as project
from pipeline.base.catalog import variables
from pipeline.base.errors import UserError
from pipeline.base.yaml_file import read_yaml

EVERY_FIELD = ("most_recent", "most_trusted", "most_frequent")
# Rules that a field of dim_customer_contact may have. Only what has parts can be more or less complete.
RULES = {
    "name": (*EVERY_FIELD, "most_complete"),
    "email": EVERY_FIELD,
    "phone": EVERY_FIELD,
    "address": (*EVERY_FIELD, "most_complete"),
    "birth_date": EVERY_FIELD,
}
FIELDS, TRUSTED = "golden_record", "trusted_sources"


def check_golden_record(sources: Collection[str]) -> None:
    """Check the rule of each field and the order of trust.

    Parameters
    ----------
    sources
        Names that `trusted_sources` may have.

    Raises
    ------
    UserError
        A field or a rule that does not exist, a field without a rule, a source that is unknown or listed twice, or
        trust that decides nothing; the message names the line.
    """
    identity = variables()["identity"]
    _check_rules(identity.get(FIELDS))
    _check_trusted(identity.get(TRUSTED), sources)
    by_trust = [field for field, rule in identity[FIELDS].items() if rule == "most_trusted"]
    if by_trust and not identity[TRUSTED]:
        raise _wrong([FIELDS, by_trust[0]], f"most_trusted needs an order: list sources under {TRUSTED}")


def _check_rules(rules: object) -> None:
    if not isinstance(rules, dict):
        raise _wrong([FIELDS], f"'{rules}' is no mapping: give each of {', '.join(RULES)} a rule")
    for field, rule in rules.items():
        if field not in RULES:
            raise _wrong([FIELDS, field], f"there is no field '{field}': give {', '.join(RULES)}")
        if rule not in RULES[field]:
            raise _wrong([FIELDS, field], f"'{rule}' is no rule for {field}: give {', '.join(RULES[field])}")
    for field, known in RULES.items():
        if field not in rules:
            raise _wrong([FIELDS], f"'{field}' has no rule: give it one of {', '.join(known)}")


def _check_trusted(trusted: object, sources: Collection[str]) -> None:
    if not isinstance(trusted, list):
        raise _wrong([TRUSTED], f"'{trusted}' is no list: name sources, the most trusted first")
    for place, source in enumerate(trusted):
        if source not in sources:
            raise _wrong([TRUSTED, place], f"there is no source '{source}': name those of dags/sources/")
        if source in trusted[:place]:
            raise _wrong([TRUSTED, place], f"'{source}' is there twice: leave one out")


def _wrong(keys: list[str | int], problem: str) -> UserError:
    """Return the error with the line. The file is read again for it, by the reader that knows lines."""
    path = project.DBT_PROJECT / "dbt_project.yml"
    file = read_yaml(path)
    line = file.line_of(file.known(["vars", "identity", *keys]))
    where = ".".join(key for key in ["identity", *keys] if isinstance(key, str))
    return UserError(f"{project.shown(path)}, line {line}, {where}: {problem}. Correct it and run again.")
