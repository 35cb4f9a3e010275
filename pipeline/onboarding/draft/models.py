"""The staging models of a source, as text."""

from collections.abc import Mapping, Sequence

from pipeline.base.catalog import input_contract
from pipeline.base.duck import quote_literal
from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.draft.draft import Draft, Guess, Roles, Told
from pipeline.onboarding.inspection.nested import HAS_LINE, NUMBER
from pipeline.onboarding.inspection.profile import Profile

# Amounts that the contract wants without a sign.
POSITIVE = ("discount_amount", "refund_amount")
# Columns of lines that orders have, too, with another meaning.
LINE_ONLY = ("discount_amount", "tax_amount")
TOTALS = "a totals row"
LINEAGE = ("_table", "_file", "_interval", "_generation", "_position", "_op", "_cursor")
GRAIN = {
    "order_lines": "line of an order",
    "orders": "order",
    "customers": "customer",
    "products": "product",
    "returns": "line that was taken back",
    "fx_rates": "exchange rate",
    "costs": "cost",
    "web_events": "event on the web site",
    "opportunities": "opportunity",
}


def grain(entity: str) -> str:
    """What one row of an entity is."""
    return GRAIN.get(entity, entity.removesuffix("s").replace("_", " "))


def write_models(source: str, guess: Guess) -> dict[str, str]:
    """Return the models: file name to text."""
    files: dict[str, str] = {}
    for draft in guess.drafts:
        if draft.entity is None:
            continue
        files |= {f"stg_{source}__{entity}.sql": _told(draft, entity, told) for entity, told in draft.also.items()}
        if not needs_base(draft):
            files[f"stg_{source}__{draft.entity}.sql"] = _direct(draft)
            continue
        base = f"base_{source}__{draft.found.name}"
        files[f"{base}.sql"] = _base(draft)
        for entity, text in _on_base(draft, base).items():
            files[f"stg_{source}__{entity}.sql"] = text
    return files


def needs_base(draft: Draft) -> bool:
    """Whether the columns of a table get their names in a model of their own, which others read."""
    return bool(draft.derived or draft.entity == "order_lines" or draft.found.unfolded) or any(
        _value(draft, role, profile) != sql.identifier(profile.name) for role, profile in draft.roles.items()
    )


def _kind(draft: Draft, role: str) -> str:
    entities = [draft.entity, *draft.derived]
    return next(c[role][0] for e in entities if e and role in (c := input_contract()[e]["columns"]))


def _value(draft: Draft, role: str, profile: Profile) -> str:
    """SQL of a contract column."""
    kind = _kind(draft, role)
    if kind in ("timestamp", "date"):
        return sql.time(profile, is_date=kind == "date")
    if kind in ("decimal", "rate", "integer"):
        number = sql.number(profile, draft.has_comma and kind != "integer")
        return f"ltrim(cast({number} as varchar), '-')" if role in POSITIVE and profile.has_minus else number
    value = sql.name_or_number(profile)
    return draft.guests.none_instead(profile, value) if role == "source_customer_id" and draft.guests else value


def _columns(draft: Draft) -> Roles:
    """All contract columns that a table has, for all of its entities."""
    together = dict(draft.roles)
    for roles in draft.derived.values():
        together |= {role: profile for role, profile in roles.items() if role not in together}
    return together


def _direct(draft: Draft) -> str:
    """A model that reads the landed table itself."""
    entity = str(draft.entity)
    columns = {role: sql.identifier(profile.name) for role, profile in draft.roles.items()} | draft.constants
    return f"""\
-- Grain: one row per {grain(entity)}.
{_unused(draft)}{_asked(draft)}with landed as (
{_named(draft) or f"    select * from {_landed(draft)}{chr(10)}"})

{_stage(entity, "landed", columns, excluded=_excluded(draft))}
"""


def _told(draft: Draft, entity: str, told: Told) -> str:
    """A model of another entity that the rows of a table tell of; that of the table itself accounts for them."""
    return f"""\
-- Grain: one row per {grain(entity)}, as the rows of {draft.found.name} tell of it.
with told as (
    select * from {_landed(draft)}
    where {sql.in_template(told.where)}
)

{_stage(entity, "told", told.columns, derived=True)}
"""


def _excluded(draft: Draft) -> dict[str, str]:
    """Reason and condition of the rows that are left out on purpose."""
    return {**({TOTALS: draft.found.totals} if draft.found.totals else {}), **draft.excluded}


def _unused(draft: Draft) -> str:
    names = [name for name in draft.unused if not (draft.found.is_nested and name in (NUMBER, HAS_LINE))]
    return f"-- Not used: {sql.comment(', '.join(names))}.\n" if names else ""


def _stage(
    entity: str,
    relation: str,
    columns: Mapping[str, str],
    *,
    derived: bool = False,
    excluded: Mapping[str, str] | None = None,
) -> str:
    mapping = "".join(f"    '{role}': {sql.text_of_jinja(value)},\n" for role, value in columns.items())
    reasons = ", ".join(f"{sql.text_of_jinja(r)}: {sql.text_of_jinja(c)}" for r, c in (excluded or {}).items())
    options = f"excluded={{{reasons}}}, " if reasons else ""
    options += "derived=true, " if derived else ""
    return f"{{{{ stage('{entity}', '{relation}', {options}columns={{\n{mapping}}}) }}}}"


def _base(draft: Draft) -> str:
    """The model that gives the columns of a table their contract names, once for all models that read it."""
    values = {role: _value(draft, role, profile) for role, profile in _columns(draft).items()}
    values |= {role: sql.in_template(value) for role, value in draft.constants.items()}
    if draft.entity == "order_lines":
        values = _of_lines(draft, values)
    if excluded := _excluded(draft):
        cases = "".join(f"        when {sql.in_template(c)} then {quote_literal(r)}\n" for r, c in excluded.items())
        values["left_out"] = f"case\n{cases}    end"
    content = [sql.text_of_jinja(sql.identifier(name)) for name in draft.content]
    uses_content = any("content" in value for value in values.values())
    listed = (
        f"{{% set content = [\n{''.join(f'    {name},{chr(10)}' for name in content)}] %}}\n\n" if uses_content else ""
    )
    selected = "".join(f"    {v if v == role else f'{v} as {role}'},\n" for role, v in values.items())
    lineage = ",\n".join(f"    {name}" for name in LINEAGE)
    return f"""\
-- Grain: one row per landed row. The other staging models of this table read it.
{_unused(draft)}{_asked(draft)}{listed}select
{selected}{lineage}
from {_rows(draft)}
"""


def _rows(draft: Draft) -> str:
    if named := _named(draft):
        return f"(\n{named}) as with_names"
    if draft.found.unfolded is None:
        return _landed(draft)
    text = draft.found.unfolded.replace("{landed}", _landed(draft))
    return "(\n" + "".join(f"    {line}\n" for line in text.splitlines()) + ") as unfolded"


def _landed(draft: Draft) -> str:
    return f"{{{{ landed('{draft.found.name}') }}}}"


def _named(draft: Draft) -> str:
    """The landed rows beside the names that other tables have for their numbers; empty where there are none."""
    if not draft.found.lookups:
        return ""
    names, joins = "", ""
    for number, lookup in enumerate(draft.found.lookups, 1):
        other = f"{lookup.table}_{number}"
        name, key = (sql.in_template(sql.identifier(column)) for column in (lookup.name, lookup.key))
        own = sql.in_template(sql.identifier(lookup.column))
        names += f",\n        {other}.{name}{'' if name == lookup.called else f' as {lookup.called}'}"
        joins += f"    left join {{{{ lookup('{lookup.table}') }}}} as {other}\n"
        joins += f"        on cast(named.{own} as varchar) = cast({other}.{key} as varchar)\n"
    return f"    select\n        named.*{names}\n    from {_landed(draft)} as named\n{joins}"


def _asked(draft: Draft) -> str:
    """What a person has to decide, as comments."""
    lines = []
    for question in draft.questions:
        lines.append(f"-- To decide: {sql.comment(question.text)}.")
        lines += [f"--   {'as drafted: ' if not n else 'or: '}{sql.comment(a)}" for n, a in enumerate(question.answers)]
    return "".join(f"{line}\n" for line in lines)


def _of_lines(draft: Draft, values: dict[str, str]) -> dict[str, str]:
    """Add what a line must have and no column says."""
    roles = draft.roles
    if not draft.has_order_number:
        values = {"order_id": "{{ occurrence_key(content) }}", "line_number": "1", **values}
    elif "line_number" not in roles:
        values = {"order_id": values["order_id"], "line_number": _line_number(draft), **values}
    if not {"net_amount"} & {*roles, *draft.constants}:
        amount = f"{sql.exact(values['quantity'])} * {sql.exact(values['unit_price'])}"
        if draft.less:
            amount += f" - abs({sql.exact(sql.number(draft.less, draft.has_comma))})"
        values["net_amount"] = f"round(\n        {amount},\n        4\n    )"
    elif draft.less and "net_amount" in roles:
        less = f"abs({sql.exact(sql.number(draft.less, draft.has_comma))})"
        values["net_amount"] = f"{sql.exact(values['net_amount'])} - {less}"
    if draft.found.is_nested:
        values["has_line"] = "has_line"
    if draft.line_types:
        values["line_type"] = _line_type(draft, sql.name_or_number(roles["product_id"]))
    if draft.mark:
        values["is_return"] = sql.in_template(draft.mark.condition)
        if draft.mark.column and draft.mark.names_order:
            values["returned_order_id"] = sql.name_or_number(draft.mark.column)
    if not draft.key and not draft.found.is_nested:
        values["is_exact_repeat"] = "{{ occurrence(content) }} > 1"
    return values


def _line_number(draft: Draft) -> str:
    order = sql.in_template(sql.identifier(draft.roles["order_id"].name))
    if draft.key:  # versions of a line keep its number
        key = ", ".join(sql.in_template(sql.identifier(name)) for name in draft.key)
        return f"dense_rank() over (partition by {order} order by {key})"
    order_by = "{{ content | join(', ') }}, _interval, _generation, _position"
    return f"row_number() over (\n        partition by {order}\n        order by {order_by}\n    )"


def _line_type(draft: Draft, product: str) -> str:
    cases = ""
    for kind, pairs in draft.line_types.items():
        listed = ", ".join(sql.in_template(quote_literal(value)) for value, _ in pairs)
        cases += f"        when {product} in ({listed}) then '{kind}'\n"
    return f"case\n{cases}        else 'product'\n    end"


def _on_base(draft: Draft, base: str) -> dict[str, str]:
    """The models that read a base model."""
    entity = str(draft.entity)
    given = {*draft.roles, *draft.constants}
    roles = {role: role for role in input_contract()[entity]["columns"] if role in given}
    if entity == "order_lines":
        made = [
            "net_amount",
            *(["line_type"] if draft.line_types else []),
            *([] if draft.key or draft.found.is_nested else ["is_exact_repeat"]),
        ]
        order = [
            role for role in input_contract()[entity]["columns"] if role in {*roles, *made, "order_id", "line_number"}
        ]
        roles = {role: role for role in order}
    excluded = {reason: f"left_out = {quote_literal(reason)}" for reason in _excluded(draft)}
    not_returned = "(left_out is not null or not is_return)" if excluded else "not is_return"
    conditions = ([not_returned] if draft.mark else []) + (["has_line"] if draft.found.is_nested else [])
    kept = _kept(entity, base, roles, " and ".join(conditions), is_derived=draft.found.is_nested, excluded=excluded)
    models = {entity: kept}
    if draft.mark:
        returns = _of_returns(draft, roles)
        returned = "is_return and left_out is null" if excluded else "is_return"
        models["returns"] = _kept("returns", base, returns, returned, is_derived=draft.found.is_nested)
    for other, columns in draft.derived.items():
        models[other] = _orders(draft, base) if other == "orders" else _most_frequent(draft, other, base, list(columns))
    return models


def _kept(
    entity: str,
    base: str,
    columns: Mapping[str, str],
    condition: str,
    *,
    is_derived: bool = False,
    excluded: Mapping[str, str] | None = None,
) -> str:
    where = f"\n    where {condition}" if condition else ""
    return f"""\
-- Grain: one row per {grain(entity)}.
with kept as (
    select * from {{{{ ref('{base}') }}}}{where}
)

{_stage(entity, "kept", columns, derived=is_derived, excluded=excluded)}
"""


def _of_returns(draft: Draft, roles: Mapping[str, str]) -> dict[str, str]:
    """Columns of returns: pieces and refund are positive there."""
    columns = {"return_id": "order_id || '-' || line_number"}
    if draft.mark and draft.mark.column and draft.mark.names_order:
        columns["order_id"] = "returned_order_id"
    elif draft.mark and draft.mark.is_of_order:
        columns["order_id"] = "order_id"
    columns |= {role: role for role in ("source_customer_id", "currency") if role in draft.roles}
    columns |= {role: role for role in ("product_id", "line_type") if role in roles}
    columns |= {"quantity": f"-{sql.exact('quantity')}"} if "quantity" in roles else {}
    columns["refund_amount"] = f"-{sql.exact('net_amount')}"
    columns |= {role: role for role in ("is_exact_repeat",) if role in roles}
    return {**columns, "returned_at": "ordered_at"}


def _orders(draft: Draft, base: str) -> str:
    """Orders, grouped from their lines."""
    known = {*draft.derived["orders"], *({*draft.constants} - {*LINE_ONLY})}
    columns = [role for role in input_contract()["orders"]["columns"] if role in known]
    others = [role for role in columns if role != "order_id"]
    left_out = (["not is_return"] if draft.mark else []) + (["left_out is null"] if _excluded(draft) else [])
    where = f"\n    where {' and '.join(left_out)}" if left_out else ""
    selected = "".join(f"        min({role}) as {role},\n" for role in others)
    mapped = {role: role for role in ["order_id", *others]}
    if draft.found.is_nested:
        return f"""\
-- Grain: one row per landed row, which is an order with its lines.
with orders as (
    select * from {{{{ ref('{base}') }}}}
    qualify row_number() over (partition by _file, _position order by line_number) = 1
)

{_stage("orders", "orders", mapped)}
"""
    return f"""\
-- Grain: one row per order, grouped from its lines. Where they differ, the smallest value counts.
with orders as (
    select
        order_id,
{selected}        {{{{ lineage_of_group() }}}}
    from {{{{ ref('{base}') }}}}{where}
    group by order_id
)

{_stage("orders", "orders", mapped, derived=True)}
"""


def _most_frequent(draft: Draft, entity: str, base: str, columns: Sequence[str]) -> str:
    """Customers or products that are written on lines: what stands on most of them."""
    own, *others = columns
    is_good = "\n        and line_type in ({{ text_list(goods_line_types()) }})"
    goods = is_good if entity == "products" and draft.line_types else ""
    goods += "\n        and left_out is null" if _excluded(draft) else ""
    listed = "".join(f"        {role},\n" for role in columns)
    order = ", ".join(["rows_of_it desc", *(f"{role} asc" for role in others)])
    return f"""\
-- Grain: one row per {grain(entity)} that is named. The columns are those on most of the rows.
with described as (
    select
{listed}        count(*) as rows_of_it,
        {{{{ lineage_of_group() }}}}
    from {{{{ ref('{base}') }}}}
    where
        {own} is not null{goods}
    group by {", ".join(columns)}
),

one_each as (
    select * from described
    qualify row_number() over (partition by {own} order by {order}) = 1
)

{_stage(entity, "one_each", {role: role for role in columns}, derived=True)}
"""
