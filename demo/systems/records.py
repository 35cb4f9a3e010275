"""The records that a system has of the persons, with their errors.

The rates below are for DEMO_ERRORS=1; at 0 every record is right, and each person's e-mail address is in all of them.
"""

from demo.world.company import Company, text, texts
from demo.world.people import make_people

PLACEHOLDER_EMAILS = ("noemail@kirinrose.example", "none@none.example", "n/a", "test@test.example", "-")
PLACEHOLDER_PHONES = ("0000 0000", "n/a", "99999999", "+65 0000 0000", "1234 5678")
# Shares of a system's records with an error, at DEMO_ERRORS=1.
RATES: dict[str, dict[str, float]] = {
    "shop": {"no_email": 0.05, "no_phone": 0.12, "typo": 0.02, "nickname": 0.05, "spelling": 0.08, "shared": 0.15},
    "service": {"no_email": 0.35, "no_phone": 0.10, "typo": 0.05, "nickname": 0.15, "spelling": 0.12, "shared": 0.30},
    "web": {"no_email": 0.02, "no_phone": 1.00, "typo": 0.02, "nickname": 0.15, "spelling": 0.10, "shared": 0.10},
    "marketing": {"no_email": 0.08, "no_phone": 0.30, "typo": 0.03, "nickname": 0.08, "spelling": 0.08, "shared": 0.15},
    "sales": {"no_email": 0.05, "no_phone": 0.05, "typo": 0.03, "nickname": 0.15, "spelling": 0.08, "shared": 0.00},
}
PLACEHOLDER_RATE = 0.015
SAID = ("email", "phone", "loyalty", "born", "street", "postcode", "given", "family")
SAID_NAME = {
    "given": "case when record_name = characters then 'characters' else said_given end",
    "family": "case when record_name = characters then 'plain' else said_family end",
}
PARTNER_RATE = 0.03  # of a couple's records with an e-mail address: the partner's own
PLACEHOLDER_BIRTH_DATES = ("1900-01-01", "1970-01-01")
BIRTH_DATE_RATES = {"placeholder": 0.02, "swapped": 0.015, "typo": 0.01}
NO_LOYALTY_RATE = 0.5
CHARACTERS_RATE = 0.06

MACROS = """
create macro typo(s, x) as case
    when length(s) < 3 then s
    when x < 0.35 then substr(s, 1, 1 + cast(floor(x / 0.35 * (length(s) - 2)) as int))
        || substr(s, 3 + cast(floor(x / 0.35 * (length(s) - 2)) as int))
    when x < 0.65 then substr(s, 1, 2) || substr(s, 2)
    else substr(s, 1, 1) || substr(s, 3, 1) || substr(s, 2, 1) || substr(s, 4) end;
create macro year_typo(s, x) as case when s like '%-02-29' then s else
    left(s, 3) || cast((cast(substr(s, 4, 1) as int) + 1 + cast(floor(x * 8) as int)) % 10 as text) || substr(s, 5) end;
create macro day_swap(s) as case when substr(s, 9, 2) <= '12' then left(s, 5) || right(s, 2) || '-' || substr(s, 6, 2)
    else s end;
create macro digit_typo(s, x) as case
    when x < 0.5 then left(s, -2) || right(s, 1) || substr(s, length(s) - 1, 1) else left(s, -1) end;
"""


def make_persons(company: Company) -> None:
    """Make the tables of the persons and of the words that corrupt a record."""
    for statement in MACROS.strip().split(";\n"):
        company.run(statement)
    make_people(company)


def record(company: Company, system: str, relation: str) -> str:
    """Return a query of the records of a system.

    Parameters
    ----------
    system : str
        One of RATES.
    relation : str
        Columns record_key (integer, unique in the system), person_id, recorded_s (when it was written down) and others,
        which pass through.
    """
    rates = {name: rate * company.options.errors for name, rate in RATES[system].items()}
    errors = company.options.errors
    return f"""
        with partners as (
            select person_id + 1 - 2 * (person_id % 2) as person_id, email_1 as partner_email
            from people where is_couple
        ),
        known as (
            select
                r.*, p.* exclude (person_id), partner_email,
                case when recorded_s >= married_s then married_name else p.family_name end as current_family,
                case when recorded_s >= new_email_s then email_2 else email_1 end as current_email,
                case when recorded_s >= new_phone_s then phone_2 else phone_1 end as current_phone,
                recorded_s >= moved_s as has_moved,
                u('{system} form', record_key) as form,
                u('{system} name', record_key) as name_draw,
                u('{system} typo', record_key) as typo_draw,
                u('{system} email', record_key) as email_draw,
                u('{system} phone', record_key) as phone_draw,
                u('{system} look', record_key) as look
            from ({relation}) as r inner join people as p using (person_id) left join partners using (person_id)
        ),
        named as (
            select
                *,
                {_given(rates)} as record_given,
                {_family(rates)} as record_family,
                {_record_email(system, rates, errors)} as written_email,
                {_record_phone(rates, errors)} as written_phone,
                case when has_moved then street_2 else street_1 end as record_street,
                case when has_moved then postcode_2 else postcode_1 end as record_postcode,
                case
                    when u('{system} loyalty', record_key) < {rates["typo"] / 2}
                        then digit_typo(loyalty_no, u('{system} loyalty typo', record_key))
                    else loyalty_no end as record_loyalty,
                {_birth_date(system, errors)} as record_birth_date
            from known
        )
        select
            *,
            {_full_name(errors)} as record_name,
            {_said(rates)},
            case when look < {0.06 * errors} then upper(written_email) when look < {0.09 * errors}
                then ' ' || written_email || ' ' else written_email end as record_email,
            {_phone_look(errors)} as record_phone
        from named
    """


def _given(rates: dict[str, float]) -> str:
    nickname, spelling, typo = _steps(rates["nickname"], rates["spelling"], rates["typo"])
    return f"""case when name_draw < {nickname} then nickname when name_draw < {spelling} then other_given
                    when name_draw < {typo} then typo(given_name, typo_draw) else given_name end"""


def _family(rates: dict[str, float]) -> str:
    nickname, spelling, typo = _steps(rates["nickname"], rates["spelling"], rates["typo"])
    return f"""case when recorded_s >= married_s then married_name
                    when name_draw >= {nickname} and name_draw < {spelling} then other_family
                    when name_draw >= {typo} and name_draw < {typo + rates["typo"]} then typo(family_name, typo_draw)
                    else family_name end"""


def _record_email(system: str, rates: dict[str, float], errors: float) -> str:
    missing, placeholder, typo = _steps(rates["no_email"], PLACEHOLDER_RATE * errors, rates["typo"])
    return f"""case when email_draw < {missing} then null
                    when email_draw < {placeholder} then pick({texts(PLACEHOLDER_EMAILS)}, typo_draw)
                    when partner_email is not null and u('{system} partner', record_key) < {PARTNER_RATE * errors}
                        then partner_email
                    when email_draw < {typo} then typo(current_email, typo_draw)
                    when is_couple and email_draw > {1 - rates["shared"]} then family_email
                    else current_email end"""


def _record_phone(rates: dict[str, float], errors: float) -> str:
    missing, placeholder, typo = _steps(rates["no_phone"], PLACEHOLDER_RATE * errors, rates["typo"])
    return f"""case when phone_draw < {missing} then null
                    when phone_draw < {placeholder} then pick({texts(PLACEHOLDER_PHONES)}, typo_draw)
                    when phone_draw < {typo} then digit_typo(current_phone, typo_draw)
                    when is_couple and phone_draw > {1 - rates["shared"]} then family_phone
                    else current_phone end"""


def _birth_date(system: str, errors: float) -> str:
    placeholder, swapped, typo = _steps(*(rate * errors for rate in BIRTH_DATE_RATES.values()))
    draw = f"u('{system} birth date', record_key)"
    return f"""case when {draw} < {placeholder} then pick({texts(PLACEHOLDER_BIRTH_DATES)}, typo_draw)
                    when {draw} < {swapped} then day_swap(birth_date)
                    when {draw} < {typo} then year_typo(birth_date, typo_draw) else birth_date end"""


def _full_name(errors: float) -> str:
    """A name in one field: the Chinese family name first, mostly; characters, capitals and commas now and then."""
    return f"""case
                when characters is not null and form < {CHARACTERS_RATE * errors} then characters
                when form < {0.11 * errors} then upper(record_given || ' ' || record_family)
                when form < {0.15 * errors} then record_family || ', ' || record_given
                when is_chinese and form > {1 - 0.25 * errors} then record_given || ' ' || record_family
                when is_chinese then record_family || ' ' || record_given
                else record_given || ' ' || record_family end"""


def _phone_look(errors: float) -> str:
    """The same number in several notations."""
    return f"""case
                when look > {1 - 0.25 * errors} then replace(replace(written_phone, '+65 ', ''), ' ', '')
                when look > {1 - 0.40 * errors} then replace(written_phone, ' ', '')
                when look > {1 - 0.50 * errors} then replace(replace(written_phone, '+65 ', '0065 '), ' ', '-')
                else written_phone end"""


def _said(rates: dict[str, float]) -> str:
    """What the record truly says, for the truth: no filler, and which form of the names it has."""
    nickname, spelling, typo = _steps(rates["nickname"], rates["spelling"], rates["typo"])
    return f"""case when written_email not in ({listed(PLACEHOLDER_EMAILS)}) then written_email end as said_email,
            case when written_phone not in ({listed(PLACEHOLDER_PHONES)}) then written_phone end as said_phone,
            case when record_birth_date not in ({listed(PLACEHOLDER_BIRTH_DATES)}) then record_birth_date end
                as said_born,
            case when name_draw < {nickname} then 'nickname' when name_draw < {spelling} then 'spelling'
                when name_draw < {typo} then 'typo' else 'plain' end as said_given,
            case when recorded_s >= married_s then 'married' when name_draw >= {typo}
                and name_draw < {typo + rates["typo"]} then 'typo' else 'plain' end as said_family"""


def said(**columns: str) -> str:
    """Return a column `_said` for the truth: what a record says, with the column of `record` for each; null for others.

    Keys are some of SAID.
    """
    fields = [f"{name} := cast({columns.get(name, 'null')} as text)" for name in SAID]
    return f"struct_pack({', '.join(fields)}) as _said"


def listed(values: tuple[str, ...]) -> str:
    """Return texts for an `in` list."""
    return ", ".join(text(value) for value in values)


def _steps(*shares: float) -> list[float]:
    """Cumulate shares, at most 1."""
    total = 0.0
    steps = []
    for share in shares:
        total = min(1.0, total + share)
        steps.append(round(total, 6))
    return steps
