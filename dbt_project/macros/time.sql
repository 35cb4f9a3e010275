{# Time. Timestamps are kept in UTC; dates are days of the business time zone. #}

{#
  Text to a UTC timestamp: a day is a business day, an offset in the text wins, else it is local time of `zone`. Text
  that says anything else (PST, an hour of 13 PM) is null: nothing is dropped from a value.
#}
{% macro utc_timestamp(column, zone) -%}
    {%- set day = '[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}' -%}
    {%- set time = day ~ '[ T]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?' -%}
    {%- set half = ' *[AP][.]?M[.]?' -%}
    {%- set offset = ' *(Z|UTC|GMT|[-+](0[0-9]|1[0-3])(:?[0-5][0-9])?|[-+]14(:?00)?)' -%}
    {%- set text = 'upper(' ~ column ~ ')' -%}
    case
        when regexp_matches({{ column }}, '^{{ day }}$')
            then {{ from_zone("'" ~ var("time_zone") ~ "'", column) }}
        when regexp_matches({{ column }}, '^{{ time }}$')
            then {{ from_zone(zone, "replace(" ~ column ~ ", ',', '.')") }}
        when regexp_matches({{ text }}, '^{{ time }}{{ offset }}$') then {{ from_offset(text) }}
        when regexp_matches({{ text }}, '^{{ time }}{{ half }}$') then {{ from_zone(zone, in_24_hours(text)) }}
        when regexp_matches({{ text }}, '^{{ time }}{{ half }}{{ offset }}$')
            then {{ from_offset(in_24_hours(text) ~ " || regexp_extract(" ~ text ~ ", 'M[.]?(" ~ offset ~ ")$', 1)") }}
        when regexp_matches({{ text }}, '^{{ time }}$') then {{ from_zone(zone, "replace(" ~ text ~ ", ',', '.')") }}
    end
{%- endmacro %}

{#
  Whether something can have happened at a UTC timestamp: from 1900 on, and not after it was read (`read_at`, UTC; null: not
  known), plus the largest offset there is. The landing judges event times by it (pipeline/landing/events.py).
#}
{% macro is_possible_time(instant, read_at) -%}
    ({{ instant }} >= {{ earliest_time() }} and {{ instant }} < {{ latest_time(read_at) }})
{%- endmacro %}
{% macro earliest_time() -%}timestamp '1900-01-01 00:00:00'{%- endmacro %}
{% macro latest_time(read_at) -%}
    coalesce({{ read_at }} + interval 14 hour, timestamp '9999-01-01 00:00:00')
{%- endmacro %}

{# Local time of a zone, as text, to UTC. #}
{% macro from_zone(zone, text) -%}
    timezone('UTC', timezone({{ zone }}, try_cast({{ text }} as timestamp)))
{%- endmacro %}

{# A time with its offset, as text in capital letters, to UTC. #}
{% macro from_offset(text) -%}
    timezone('UTC', try_cast(regexp_replace(
        regexp_replace(replace({{ text }}, ',', '.'), '(UTC|GMT)$', 'Z'), ' *(Z|[-+][0-9:]+)$', '\1') as timestamptz))
{%- endmacro %}

{# Text of a time with AM or PM, in capital letters, as a time of 24 hours; what follows AM or PM is left out. #}
{% macro in_24_hours(text) -%}
    strftime(try_strptime(
        regexp_replace(replace(replace(replace({{ text }}, ',', '.'), '/', '-'), 'T', ' '), ' *([AP])[.]?M[.]?.*$', ' \1M'),
        ['%Y-%m-%d %I:%M:%S %p', '%Y-%m-%d %I:%M %p', '%Y-%m-%d %I:%M:%S.%f %p']), '%Y-%m-%d %H:%M:%S.%f')
{%- endmacro %}

{# The day of a UTC timestamp in the business time zone. #}
{% macro local_date(timestamp) -%}{{ return(adapter.dispatch('local_date')(timestamp)) }}{%- endmacro %}
{% macro default__local_date(timestamp) -%}
    cast(timezone('{{ var("time_zone") }}', timezone('UTC', {{ timestamp }})) as date)
{%- endmacro %}
{% macro spark__local_date(timestamp) -%}
    cast(from_utc_timestamp({{ timestamp }}, '{{ var("time_zone") }}') as date)
{%- endmacro %}

{# An instant as it stands in the names of landed files, '20170101T000000Z', as a UTC timestamp. #}
{% macro compact_instant(column) -%}
    strptime({{ column }}, '%Y%m%dT%H%M%SZ')
{%- endmacro %}

{% macro as_of_date() -%}cast('{{ of_build("as_of_date") }}' as date){%- endmacro %}

{# The earliest as-of date of this build and those that its warehouse was built by: what was known by then is as it was. #}
{% macro earlier_as_of_date() -%}cast('{{ of_build("earlier_as_of_date") }}' as date){%- endmacro %}

{# Days from one date to another. #}
{% macro days_between(first, last) -%}{{ return(adapter.dispatch('days_between')(first, last)) }}{%- endmacro %}
{% macro default__days_between(first, last) -%}({{ last }} - {{ first }}){%- endmacro %}
{% macro spark__days_between(first, last) -%}datediff({{ last }}, {{ first }}){%- endmacro %}

{# Whole seconds from one instant to another. #}
{% macro seconds_between(first, last) -%}{{ return(adapter.dispatch('seconds_between')(first, last)) }}{%- endmacro %}
{% macro default__seconds_between(first, last) -%}date_diff('second', {{ first }}, {{ last }}){%- endmacro %}
{% macro spark__seconds_between(first, last) -%}(unix_timestamp({{ last }}) - unix_timestamp({{ first }})){%- endmacro %}

{# A date some days later (or earlier, when negative). #}
{% macro add_days(date, days) -%}{{ return(adapter.dispatch('add_days')(date, days)) }}{%- endmacro %}
{% macro default__add_days(date, days) -%}({{ date }} + {{ days }}){%- endmacro %}
{% macro spark__add_days(date, days) -%}date_add({{ date }}, {{ days }}){%- endmacro %}

{# One row per day from first to last, as column date_day. #}
{% macro day_series(first, last) -%}{{ return(adapter.dispatch('day_series')(first, last)) }}{%- endmacro %}
{% macro default__day_series(first, last) -%}
    select cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as date) as date_day
{%- endmacro %}
{% macro spark__day_series(first, last) -%}
    select explode(sequence({{ first }}, {{ last }}, interval 1 day)) as date_day
{%- endmacro %}
