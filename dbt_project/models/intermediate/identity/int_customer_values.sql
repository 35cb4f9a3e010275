-- Grain: one row per (record, kind, value) of identifiers that a record has or had, known by the as-of date. Personal.
-- verdict: what the value says by itself. A value that cannot be read keeps no trace but its row: identifier_value is
-- then empty.
{%- set record = ['source_system', 'source_customer_id'] %}
{%- set phones, rules = var('phones'), var('identity') %}
{%- set codes = '^(' ~ phones.plans.keys() | sort | join('|') ~ ')' %}
{%- set unit = '(?:#|(?:^|[ ,])(?:apt|apartment|unit|flat|suite|ste|room|wohnung|whg)[ .#]+) *'
    ~ '([0-9a-z]+(?:-[0-9a-z]+)?)' %}
{%- set kinds_of_street = '(^|[^a-z])(street|st|road|rd|avenue|ave|av|lane|ln|drive|dr|boulevard|blvd|court|ct|place|'
    ~ 'pl|crescent|cres|terrace|tce|rue|via|calle)[.]?($|[^a-z])|(strasse|straat|str)[.]?($|[^a-z])' %}
{%- set beside_its_name = kinds_of_street ~ '|[0-9]+[a-z]?($|[^0-9a-z])|[^\\p{L}]' %}

with regions as (
    select
        '' as region,
        '' as calling_code,
        '' as trunk,
        0 as longest
    {%- for region, own in phones.regions.items() %}
    union all select '{{ region }}', '{{ own[0] }}', '{{ own[1] }}', {{ own[2] }}
    {%- endfor %}
),

current_versions as (
    select * from {{ ref('int_customers__known') }}
    where {{ only_changed(ref('int_record_history_changed'), record) }}
),

earlier_versions as (
    select
        versions.*,
        current_versions.source_record_key
    from {{ ref('int_customers__rows') }} as versions
    inner join current_versions
        on
            versions.source_system = current_versions.source_system
            and versions.source_customer_id = current_versions.source_customer_id
    where
        versions._fate = 'accepted' and versions._op <> 'delete' and not versions._is_current
        and {{ seen_by_as_of('versions._known_from') }}
),

versions as (
    select
        source_record_key, source_system, source_customer_id, kind,
        email, phone, loyalty_id, account_ref, street, postcode, country, true as is_current
    from current_versions
    union all
    select
        source_record_key, source_system, source_customer_id, kind,
        email, phone, loyalty_id, account_ref, street, postcode, country, false as is_current
    from earlier_versions
),

placed as (
    select
        versions.*,
        coalesce(names.country, '{{ phones.home or "" }}') as region
    from versions
    left join {{ ref('country_names') }} as names
        on {{ without(lower_case(without_accents('versions.country')), '[^\\p{L}]') }} = names.spelling
),

-- A street without its unit and the word for its kind, which people leave out; the number of the house is read apart.
located as (
    select
        placed.*,
        regions.calling_code,
        regions.trunk,
        regions.longest,
        {{ lower_case(without_accents("replace(street, 'ß', 'ss')")) }} as whole_street,
        {{ replaced('whole_street', unit, ' ') }} as plain_street,
        case placed.region
            {%- for region, digits in rules.postcode_digits.items() %}
            when '{{ region }}' then {{ digits }}
            {%- endfor %}
        end as postcode_digits,
        {{ without(upper_case('postcode'), '[^0-9A-Z]') }} as plain_postcode,
        {{ without('postcode', '[^0-9]') }} as numeric_postcode
    from placed
    inner join regions on placed.region = regions.region
),

normalised as (
    select
        source_record_key,
        source_system,
        source_customer_id,
        coalesce(kind, 'person') as party,
        is_current,
        case when email is not null then coalesce({{ normal_email('email') }}, '') end as email,
        case
            when phone is not null then coalesce({{ normal_phone('phone', ['calling_code', 'trunk', 'longest']) }}, '')
        end as phone,
        case when loyalty_id is not null then coalesce({{ normal_number('loyalty_id') }}, '') end as loyalty_id,
        case when account_ref is not null then coalesce({{ normal_number('account_ref') }}, '') end as account,
        case
            when street is not null or postcode is not null
                then concat_ws(
                    '|',
                    coalesce(
                        {{ joined(in_order(all_extracted('plain_street', '([0-9]+[a-z]?)(?:[^0-9a-z]|$)')), ' ') }}, ''
                    ),
                    coalesce({{ without('plain_street', beside_its_name) }}, ''),
                    coalesce({{ extracted('whole_street', unit, 1) }}, ''),
                    case
                        when postcode_digits is null or postcode is null then coalesce(plain_postcode, '')
                        when length(numeric_postcode) = postcode_digits - 1 then '0' || numeric_postcode
                        else left(numeric_postcode, postcode_digits)
                    end
                )
        end as address
    from located
),

named as (
    select * from normalised
    unpivot (identifier_value for kind in (email, phone, loyalty_id, account, address))
),

current_values as (
    select * from named
    where is_current
),

earlier_values as (
    select * from named
    where not is_current
),

held as (
    select
        source_record_key,
        source_system,
        source_customer_id,
        party,
        kind,
        identifier_value,
        is_current
    from current_values
    union all
    select
        earlier_values.source_record_key,
        earlier_values.source_system,
        earlier_values.source_customer_id,
        min(earlier_values.party) as party,
        earlier_values.kind,
        earlier_values.identifier_value,
        false as is_current
    from earlier_values
    left join current_values
        on
            earlier_values.source_record_key = current_values.source_record_key
            and earlier_values.kind = current_values.kind
            and earlier_values.identifier_value = current_values.identifier_value
    where current_values.kind is null
    group by
        earlier_values.source_record_key,
        earlier_values.source_system,
        earlier_values.source_customer_id,
        earlier_values.kind,
        earlier_values.identifier_value
),

digits as (
    select
        *,
        case
            when kind in ('loyalty_id', 'account') then {{ without('identifier_value', '[^0-9]') }}
        end as digits,
        case
            when kind = 'phone' then {{ extracted('identifier_value', codes) }}
        end as calling_code
    from held
),

-- What somebody typed because the field wanted something, what hides who it is, and what a spreadsheet has rounded.
judged as (
    select
        *,
        case
            when identifier_value = '' then 'unreadable'
            when
                kind = 'email'
                and (
                    {{ matches(
                        "split_part(identifier_value, '@', 1)", '^(' ~ rules.placeholder_words | join('|') ~ ')[0-9]*$'
                    ) }}
                    or {{ matches('identifier_value', '@(.+[.])?(' ~ rules.masked_mail_domains | join('|') ~ ')$') }}
                    or {{ matches(
                        'identifier_value', '[@.](relay|privaterelay|marketplace|masked|anonymous|noemail|noreply)[.]'
                    ) }}
                )
                then 'placeholder'
            when
                kind = 'email' and split_part(identifier_value, '@', 1) in ({{ text_list(rules.role_mailboxes) }})
                then 'role mailbox'
            when
                kind = 'phone'
                and (
                    right(identifier_value, 6) = repeat(right(identifier_value, 1), 6)
                    or {{ matches(
                        'identifier_value',
                        '^[0-9]{0,3}(01234567|0?12345678|0?123456789|0?1234567890|9?87654321?0?)$'
                    ) }}
                )
                then 'placeholder'
            {%- if phones.plans %}
            when
                kind = 'phone'
                {%- for pattern in rules.also_valid_phones %}
                and not {{ matches('identifier_value', '^(?:' ~ pattern ~ ')$') }}
                {%- endfor %}
                and not case calling_code
                    {%- for code, plan in phones.plans.items() %}
                    when '{{ code }}' then {{ matches('identifier_value', '^' ~ code ~ '(?:' ~ plan ~ ')$') }}
                    {%- endfor %}
                    else false
                end
                then 'no such number'
            {%- endif %}
            when kind in ('loyalty_id', 'account') and length(digits) >= 10 and digits like '%000000' then 'placeholder'
            when
                kind = 'loyalty_id'
                and (
                    not {{ matches('identifier_value', '[0-9].*[0-9].*[0-9]') }}
                    or {{ matches('identifier_value', '^[A-Z]*(0?123456789?0?)$') }}
                    or digits = repeat(right(digits, 1), length(digits))
                )
                then 'placeholder'
            when
                kind = 'account'
                and (
                    identifier_value in ('NA', 'NONE', 'NIL', 'NULL', 'UNKNOWN', 'TEST')
                    or digits = repeat('0', length(identifier_value))
                )
                then 'placeholder'
            when
                kind = 'address'
                and (split_part(identifier_value, '|', 1) = '' or split_part(identifier_value, '|', 4) = '')
                then 'incomplete'
            else 'identifies'
        end as verdict
    from digits
)

select
    source_record_key,
    source_system,
    source_customer_id,
    party,
    kind,
    identifier_value,
    is_current,
    verdict
from judged
