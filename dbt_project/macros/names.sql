{# Names of people, so that two records of one person agree and two people of one household do not. #}

{# Words of a name: without accents, titles, legal forms and signs, in letters of one width; each Chinese character is a word. #}
{% macro name_words(name) -%}{{ return(adapter.dispatch('name_words')(name)) }}{%- endmacro %}
{% macro default__name_words(name) -%}
    list_filter(
        regexp_split_to_array({{ spaced_words('nfc_normalize(' ~ name ~ ')') }}, ' '),
        lambda word: word not in ('', {{ text_list(var('identity').words_beside_names) }})
    )
{%- endmacro %}
{% macro spark__name_words(name) -%}
    filter(
        split({{ spaced_words(name) }}, ' '),
        word -> word not in ('', {{ text_list(var('identity').words_beside_names) }})
    )
{%- endmacro %}
{% macro spaced_words(name) -%}
    {%- set wide, plain = "ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ　", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz " -%}
    {%- set letters = without_accents(lower_case("translate(" ~ name ~ ", '" ~ wide ~ "', '" ~ plain ~ "')")) -%}
    {%- set untitled = without(letters, '先生|女士|小姐|太太|[\\x27’`.]') -%}
    {{ replaced(replaced(untitled, '(\\p{Han})', ' \\1 '), '[^\\p{L}]+', ' ') }}
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
{% macro spark__numbered_words(relation) -%}
    select
        source_record_key,
        given_words,
        word,
        place + 1 as position
    from {{ relation }} lateral view posexplode(words) as place, word
{%- endmacro %}

{# Number of words, and the words with something between them, or nothing. #}
{% macro length_of(words) -%}{{ return(adapter.dispatch('length_of')(words)) }}{%- endmacro %}
{% macro default__length_of(words) -%}len({{ words }}){%- endmacro %}
{% macro spark__length_of(words) -%}cast(size({{ words }}) as bigint){%- endmacro %}
{% macro joined(words, between='') -%}{{ return(adapter.dispatch('joined')(words, between)) }}{%- endmacro %}
{% macro default__joined(words, between) -%}array_to_string({{ words }}, '{{ between }}'){%- endmacro %}
{% macro spark__joined(words, between) -%}array_join({{ words }}, '{{ between }}'){%- endmacro %}

{# The words of two lists, of which each may be unknown. #}
{% macro words_of_both(one, other) -%}{{ return(adapter.dispatch('words_of_both')(one, other)) }}{%- endmacro %}
{% macro default__words_of_both(one, other) -%}list_concat({{ one }}, {{ other }}){%- endmacro %}
{% macro spark__words_of_both(one, other) -%}
    concat(coalesce({{ one }}, array()), coalesce({{ other }}, array()))
{%- endmacro %}

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
{% macro spark__is_one_letter_off(one, other) -%}
    {#- DuckDB counts bytes: a slip in a letter of two bytes is two. -#}
    {%- set a, b = "decode(encode(" ~ one ~ ", 'UTF-8'), 'ISO-8859-1')", "decode(encode(" ~ other ~ ", 'UTF-8'), 'ISO-8859-1')" -%}
    (
        least(length({{ one }}), length({{ other }})) >= 2
        and greatest(length({{ one }}), length({{ other }})) >= 3
        and abs(length({{ one }}) - length({{ other }})) <= 1
        and case levenshtein({{ a }}, {{ b }}, 2)
            when 1 then true
            when 2 then length({{ a }}) = length({{ b }}) and exists(
                sequence(1, length({{ a }}) - 1),
                place -> {{ b }} = concat(
                    substr({{ a }}, 1, place - 1), substr({{ a }}, place + 1, 1), substr({{ a }}, place, 1), substr({{ a }}, place + 2))
            )
            else false
        end
    )
{%- endmacro %}

{# A list of no words. #}
{% macro no_words() -%}{{ return(adapter.dispatch('no_words')()) }}{%- endmacro %}
{% macro default__no_words() -%}[]{%- endmacro %}
{% macro spark__no_words() -%}array(){%- endmacro %}

{# A list in order of the alphabet. #}
{% macro in_order(list) -%}{{ return(adapter.dispatch('in_order')(list)) }}{%- endmacro %}
{% macro default__in_order(list) -%}list_sort({{ list }}){%- endmacro %}
{% macro spark__in_order(list) -%}sort_array({{ list }}){%- endmacro %}

{# The letters of a word, and the word with them in order of the alphabet. #}
{% macro letters_of(word) -%}{{ return(adapter.dispatch('letters_of')(word)) }}{%- endmacro %}
{% macro default__letters_of(word) -%}string_split({{ word }}, ''){%- endmacro %}
{% macro spark__letters_of(word) -%}split({{ word }}, ''){%- endmacro %}
{% macro sorted_letters(word) -%}{{ joined(in_order(letters_of(word))) }}{%- endmacro %}

{# True for text that has Chinese characters. #}
{% macro is_chinese(text) -%}{{ matches(text, '\\p{Han}') }}{%- endmacro %}
