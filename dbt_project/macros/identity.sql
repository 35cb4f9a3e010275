{# Who is who: what an identifier looks like once its spelling is gone, and what identifies nobody (docs/decisions.md). #}

{# Lower case, without blanks and without the tag after a plus sign; null where it is no address. #}
{% macro normal_email(column) -%}
    {{ extracted(replaced(lower_case(trimmed(column)), '[+][^@]*@', '@'), '^[^@ ]+@[^@ ]+[.][^@ .]{2,}$') }}
{%- endmacro %}

{#
  Digits in international form. A number with + or 00 says its country; another is one of the country that `own` describes:
  its calling code, the digits before a number of its own, the length of its longest mobile number. Without it, 8 to 15
  digits are compared as they are. Null for a number that was rounded (4.91511E+12). Whether it can be called is not asked.
#}
{% macro normal_phone(column, own=none) -%}
    {%- set phones = var('phones') -%}
    {%- set home = phones.regions.get(phones.home) or ['', '', 0] -%}
    {%- set code, trunk, longest = own or ["'" ~ home[0] ~ "'", "'" ~ home[1] ~ "'", home[2]] -%}
    {%- set digits = without("translate(" ~ column ~ ", '０１２３４５６７８９', '0123456789')", '[(]0[)]|(ext|x)[. ]*[0-9]+ *$|[^0-9]') -%}
    {%- set international -%}
        case
            when {{ matches(trimmed(column), rounded_number()) }} then null
            when {{ matches(trimmed(column), '^([+＋]|00)') }}
                then {{ replaced(digits, '^(?:00)?(' ~ (phones.trunk_0 | join("|") or "0") ~ ')?0?', '\\1') }}
            when {{ digits }} like {{ code }} || '%' and length({{ digits }}) > {{ longest }} then {{ digits }}
            when {{ digits }} like {{ trunk }} || '%' then {{ code }} || substr({{ digits }}, length({{ trunk }}) + 1)
            else {{ code }} || {{ digits }}
        end
    {%- endset -%}
    {{ extracted(international, '^[0-9]{8,15}$') }}
{%- endmacro %}

{# Capital letters and digits; null for a number that was rounded, which is no longer one thing's own. #}
{% macro normal_number(column) -%}
    case
        when not {{ matches(trimmed(column), rounded_number()) }}
            then {{ without(upper_case(column), '[^0-9A-Z]') }}
    end
{%- endmacro %}

{# True for two birth dates that no typing error explains: a letter more, less, wrong or swapped, or the day as month. #}
{% macro are_two_birth_dates(one, other) -%}
    {%- set text = contract_type('text') -%}
    (
        {{ one }} <> {{ other }}
        and not {{ is_one_letter_off('cast(' ~ one ~ ' as ' ~ text ~ ')', 'cast(' ~ other ~ ' as ' ~ text ~ ')') }}
        and not (
            extract(year from {{ one }}) = extract(year from {{ other }})
            and extract(month from {{ one }}) = extract(day from {{ other }})
            and extract(day from {{ one }}) = extract(month from {{ other }})
        )
    )
{%- endmacro %}

{# The key of a record: a hash of its source and its id there, and of nothing else. #}
{% macro record_key(source_system, source_customer_id) -%}
    md5({{ source_system }} || '|' || {{ source_customer_id }})
{%- endmacro %}

{# The customer that a record founds, from the record's key. #}
{% macro customer_founded_by(record_key) -%}'c_' || substr({{ record_key }}, 1, 16){%- endmacro %}

{# Keeps the records that had been seen on the as-of date: no later one moves who a customer is. #}
{% macro seen_by_as_of(column) -%}
    ({{ column }} is null or {{ local_date(column) }} <= {{ as_of_date() }})
{%- endmacro %}

{# What earlier releases published: files of the ledger (pipeline/serving/identity_ledger.py), none before the first one. #}
{% macro identity_ledger() -%}
    {%- set files = of_build('identity_ledger') -%}
    {%- if files -%}
    {{ parquet_files(files) }}
    {%- else -%}
    {%- set texts = ['source_record_key', 'source_system', 'customer_id', 'match_rule', 'matched_to', 'evidence', 'model_version'] %}
    (select
        {% for name in texts %}cast(null as {{ contract_type('text') }}) as {{ name }}, {% endfor -%}
        cast(null as double) as match_weight, cast(null as date) as as_of_date, cast(null as bigint) as release_number
    where 1 = 0) as nothing_published
    {%- endif -%}
{%- endmacro %}
