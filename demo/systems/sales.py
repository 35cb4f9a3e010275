"""Sales to companies: accounts and opportunities, as daily CSV files."""

from demo.systems.deliver import publish
from demo.systems.records import record, said
from demo.world.company import SECONDS_A_DAY, Company, texts
from demo.world.names import COMPANY_TRADES, COMPANY_WORDS

TABLES = ("accounts", "opportunities")
OWNERS = ("R-01", "R-02", "R-03", "R-04")


def make_sales(company: Company) -> None:
    """Make the tables of sales."""
    publish(company, "demo_sales.accounts", _accounts(company))
    publish(company, "demo_sales.opportunities", _opportunities())


def _accounts(company: Company) -> str:
    """One account per company, from the first order of its buyer on."""
    known = """
        select person_id, person_id as record_key, min(at_s) + 3600 as recorded_s
        from shop_orders where is_business group by person_id
    """
    return f"""
        select
            account_no,
            pick({texts(COMPANY_WORDS)}, u('company', person_id)) || ' '
                || pick({texts(COMPANY_TRADES)}, u('trade', person_id)) || ' Pte Ltd' as company,
            record_name as contact_name, record_email as email, record_phone as phone,
            local_iso(recorded_s) as created_at, local_iso(recorded_s) as updated_at,
            {said(email="said_email", phone="said_phone", given="'company'", family="'company'")},
            person_id as _person, record_key as _id, record_key as _key, day_of(recorded_s) as _day,
            recorded_s as _version_s, cast(null as text) as _parent_reason
        from ({record(company, "sales", known)})
    """


def _opportunities() -> str:
    """Up to three per account, each delivered again when its stage changes: prospect, proposal, won or lost."""
    return f"""
        with wished as (
            select person_id, account_no, person_id * 4 + number as opportunity_key,
                first_s + between_draw({SECONDS_A_DAY}, {500 * SECONDS_A_DAY}, u('wish when', person_id * 4 + number))
                    as opened_s
            from (select person_id, min(at_s) as first_s, unnest([1, 2, 3]) as number from shop_orders where is_business
                group by person_id)
            inner join people using (person_id)
            where u('wish', person_id * 4 + number) < 0.6
        ),
        planned as (
            select *,
                opened_s + between_draw({3 * SECONDS_A_DAY}, {30 * SECONDS_A_DAY}, u('proposal', opportunity_key))
                    as proposed_s,
                between_draw(40000, 2500000, power(u('size', opportunity_key), 3)) as cents,
                u('won', opportunity_key) < 0.42 as is_won
            from wished
        ),
        stages as (
            select *,
                proposed_s + between_draw({7 * SECONDS_A_DAY}, {80 * SECONDS_A_DAY}, u('closed', opportunity_key))
                    as closed_s,
                unnest([1, 2, 3]) as version
            from planned
        ),
        dated as (
            select *, case version when 1 then opened_s when 2 then proposed_s else closed_s end as version_s
            from stages
        )
        select
            code('W', opportunity_key) as opportunity_no, account_no,
            case when version = 1 then 'prospect' when version = 2 then 'proposal' when is_won then 'won'
                else 'lost' end as stage,
            money(cents) as amount, local_iso(opened_s) as opened_at,
            case when version = 3 then local_iso(closed_s) end as closed_at,
            case when version < 3 then '' when is_won then '1' else '0' end as is_won,
            pick({texts(OWNERS)}, u('owner', person_id)) as owner, local_iso(version_s) as updated_at,
            cents as _cents, version as _version, opportunity_key as _id, opportunity_key * 4 + version as _key,
            day_of(version_s) as _day, version_s as _version_s, cast(null as text) as _parent_reason
        from dated
    """
