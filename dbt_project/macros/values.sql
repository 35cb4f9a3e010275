{# How a value is spelled: docs/decisions.md, "Values mean what they say". What is not unambiguous stays, and is quarantined. #}

{# The text of a staged column; null where it is empty. #}
{% macro staged_text(column) -%}nullif(trim(cast({{ column }} as {{ contract_type('text') }})), ''){%- endmacro %}

{# The text of a staged column of the contract, as it is or trimmed before; null where it says that there is no value. #}
{% macro staged_key(column, text=none) -%}
    {%- set text = text or staged_text(column) -%}
    {%- if column.endswith('_id') or column in ['household_ref', 'account_ref', 'referred_by'] -%}
        {{ identifier(text) }}
    {%- elif column in ['currency', 'from_currency', 'to_currency'] -%}
        upper({{ text }})
    {%- else -%}
        {{ text }}
    {%- endif -%}
{%- endmacro %}

{# Whether a text is a word by which databases, spreadsheets and programs export a missing value. #}
{% macro says_missing(text) -%}
    (length({{ text }}) < 10 and upper({{ text }}) in (
        'NULL', '\N', 'NAN', 'NAT', 'NONE', 'N/A', 'N.A.', '#N/A', 'NA', '<NA>', '(NULL)', 'NIL', 'UNDEFINED'))
{%- endmacro %}

{#
  An identifier: a whole number that went through a double (1001.0) is the number. A word for a missing value is none,
  and neither is a sign without a letter or a digit (-, ?).
#}
{% macro identifier(text) -%}
    case
        when {{ says_missing(text) }} then null
        when length({{ text }}) < 5 and not regexp_matches({{ text }}, '[\p{L}\p{N}]') then null
        when {{ text }} like '%.0%' and regexp_matches({{ text }}, '^-?[0-9]+[.]0+$') then split_part({{ text }}, '.', 1)
        else {{ text }}
    end
{%- endmacro %}

{# What a number looks like that a spreadsheet has rounded, such as 4.91511E+12: it is no longer one thing's own. #}
{% macro rounded_number() -%}^[0-9]([.,][0-9]+)?[eE][+][0-9]+$|^[0-9][.,][0-9]+[eE][0-9]+${%- endmacro %}

{# What a spreadsheet writes where a formula has failed: it is a value of nothing. #}
{% macro spreadsheet_error() -%}^#(REF|VALUE|NAME|DIV/0|NUM|NULL|SPILL|CALC)[!?]${%- endmacro %}

{# The blanks that stand between thousands: also the no-break space, the narrow one and the thin one. #}
{% macro group_blanks() -%}{{ return('[ \\x{00A0}\\x{202F}\\x{2009}]') }}{%- endmacro %}

{#
  The text of a number as it is written for computers: without a currency sign, blanks around it or between thousands,
  with its sign in front; null for a word that says that there is none. Other text stays as it is.
#}
{% macro plain_number(text) -%}
    {%- set around = "regexp_replace(replace(" ~ text ~ ", '−', '-'), '^" ~ group_blanks()
        ~ "*[€$£¥]?" ~ group_blanks() ~ "*|" ~ group_blanks() ~ "*[€$£¥]?" ~ group_blanks() ~ "*$', '', 'g')" -%}
    {%- set bare = "regexp_replace(" ~ around ~ ", '^([-+])" ~ group_blanks() ~ "*[€$£¥]?" ~ group_blanks() ~ "*', '\\1')" -%}
    {%- set signed = "regexp_replace(" ~ bare ~ ", '^([0-9].*)-$', '-\\1')" -%}
    case
        when regexp_matches({{ text }}, '^[-+]?[0-9]+([.][0-9]+)?$') then {{ text }}
        when {{ says_missing(text) }} then null
        when regexp_matches({{ signed }}, '^[-+]?[0-9]{1,3}({{ group_blanks() }}[0-9]{3})+([.,][0-9]+)?$')
            then regexp_replace({{ signed }}, '{{ group_blanks() }}', '', 'g')
        else {{ signed }}
    end
{%- endmacro %}

{# A number that went through a double, such as 37.800000000000004, to 15 digits: it is the shortest text of its double. #}
{% macro without_noise(text) -%}
    case
        when length({{ text }}) > 15 and regexp_matches({{ text }}, '[.][0-9]{5}')
            and cast(try_cast({{ text }} as double) as {{ contract_type('text') }}) = {{ text }}
            then printf('%.15g', try_cast({{ text }} as double))
        else {{ text }}
    end
{%- endmacro %}
