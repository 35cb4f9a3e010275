{# Names of people, so that two records of one person agree and two people of one household do not. #}

{# Words of a name: without accents, titles, legal forms and signs, in letters of one width; each Chinese character is a word. #}
{% macro name_words(name) -%}{{ return(adapter.dispatch('name_words')(name)) }}{%- endmacro %}
{% macro default__name_words(name) -%}
    {%- set wide, plain = "ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ　", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz " -%}
    list_filter(
        regexp_split_to_array(
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        strip_accents(lower(translate(nfc_normalize({{ name }}), '{{ wide }}', '{{ plain }}'))), '先生|女士|小姐|太太|[''’`.]', '', 'g'),
                    '(\p{Han})', ' \1 ', 'g'
                ),
                '[^\p{L}]+', ' ', 'g'
            ),
            ' '
        ),
        lambda word: word not in ('', {{ text_list(var('identity').words_beside_names) }})
    )
{%- endmacro %}

{# One row per word of a relation's column `words`: its position from 1. #}
{% macro numbered_words(relation) -%}{{ return(adapter.dispatch('numbered_words')(relation)) }}{%- endmacro %}
{% macro default__numbered_words(relation) -%}
    select
        source_record_key,
        given_words,
        unnest(words) as word,
        generate_subscripts(words, 1) as position
    from {{ relation }}
{%- endmacro %}

{# Number of words, and the words without anything between them. #}
{% macro length_of(words) -%}{{ return(adapter.dispatch('length_of')(words)) }}{%- endmacro %}
{% macro default__length_of(words) -%}len({{ words }}){%- endmacro %}
{% macro joined(words) -%}{{ return(adapter.dispatch('joined')(words)) }}{%- endmacro %}
{% macro default__joined(words) -%}array_to_string({{ words }}, ''){%- endmacro %}

{# True for two words of two or more letters, one of them of three, that differ in one letter or two swapped ones. #}
{% macro is_one_letter_off(one, other) -%}{{ return(adapter.dispatch('is_one_letter_off')(one, other)) }}{%- endmacro %}
{% macro default__is_one_letter_off(one, other) -%}
    (
        least(length({{ one }}), length({{ other }})) >= 2
        and greatest(length({{ one }}), length({{ other }})) >= 3
        and abs(length({{ one }}) - length({{ other }})) <= 1
        and damerau_levenshtein({{ one }}, {{ other }}) = 1
    )
{%- endmacro %}

{# The letters of a word in order of the alphabet. #}
{% macro sorted_letters(word) -%}{{ return(adapter.dispatch('sorted_letters')(word)) }}{%- endmacro %}
{% macro default__sorted_letters(word) -%}array_to_string(list_sort(string_split({{ word }}, '')), ''){%- endmacro %}

{# True for text that has Chinese characters. #}
{% macro is_chinese(text) -%}{{ return(adapter.dispatch('is_chinese')(text)) }}{%- endmacro %}
{% macro default__is_chinese(text) -%}regexp_matches({{ text }}, '\p{Han}'){%- endmacro %}
