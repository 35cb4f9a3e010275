-- Grain: one row per pair of records that share a value: what their names say.
-- verdict: 'same' when every word of one name is in the other: in any order, as initial, in another spelling, with a slip;
-- 'same given name' when all of a given name is in the other (people marry); 'near' when a short word differs in a letter;
-- 'missing' when one has no name; 'incomparable' when only one is in characters that are in no list; else 'other'.
with pairs as (
    select distinct
        source_record_key,
        other_record_key
    from {{ ref('int_customer_pairs') }}
),

words as (
    select * from {{ ref('int_customer_name_words') }}
),

plain_words as (
    select
        source_record_key,
        position,
        is_given,
        min(plain_text) as plain_word
    from words
    where is_word
    group by source_record_key, position, is_given
),

names as (
    select
        source_record_key,
        count(*) as words,
        sum(case when is_given then 1 else 0 end) as given_words,
        string_agg(plain_word, '' order by position) as letters,
        max(case when {{ is_chinese('plain_word') }} then 1 else 0 end) = 1 as is_chinese
    from plain_words
    group by source_record_key
),

first_look as (
    select
        pairs.source_record_key,
        pairs.other_record_key,
        one.words,
        other.words as other_words,
        one.given_words,
        other.given_words as other_given_words,
        one.is_chinese <> other.is_chinese as is_incomparable,
        one.letters is null or other.letters is null as is_missing,
        -- The same letters, begun at another word.
        length(one.letters) = length(other.letters)
        and position(other.letters in one.letters || one.letters) > 0 as is_same
    from pairs
    left join names as one on pairs.source_record_key = one.source_record_key
    left join names as other on pairs.other_record_key = other.source_record_key
),

undecided as (
    select * from first_look
    where not is_missing and not is_same and not is_incomparable
),

word_pairs as (
    select
        undecided.source_record_key,
        undecided.other_record_key,
        one.position,
        other.position as other_position,
        one.is_given,
        other.is_given as is_other_given,
        one.text = other.text or one.plain_text = other.plain_text as is_equal,
        one.is_word and other.is_word and (
            one.text = left(other.text, 1) or other.text = left(one.text, 1)
            or {{ is_slip('one.text', 'other.text') }}
        ) as is_like,
        one.is_word and other.is_word and {{ is_one_letter_off('one.text', 'other.text') }} as is_near
    from undecided
    inner join words as one on undecided.source_record_key = one.source_record_key
    inner join words as other on undecided.other_record_key = other.source_record_key
),

covered as (
    select
        source_record_key,
        other_record_key,
        count(distinct case when is_equal or is_like then position end) as words,
        count(distinct case when is_equal or is_like then other_position end) as other_words,
        count(distinct position) as near_words,
        count(distinct other_position) as near_other_words,
        count(distinct case when is_equal and is_given then position end) as given_words,
        count(distinct case when is_equal and is_other_given then other_position end) as other_given_words
    from word_pairs
    where is_equal or is_like or is_near
    group by source_record_key, other_record_key
)

select
    first_look.source_record_key,
    first_look.other_record_key,
    coalesce(first_look.words >= 2 and first_look.other_words >= 2, false) as has_full_names,
    case
        when first_look.is_missing then 'missing'
        when first_look.is_same then 'same'
        when first_look.is_incomparable then 'incomparable'
        when {{ is_covered('covered.words', 'covered.other_words') }} then 'same'
        when
            covered.given_words = nullif(first_look.given_words, 0)
            or covered.other_given_words = nullif(first_look.other_given_words, 0)
            then 'same given name'
        when {{ is_covered('covered.near_words', 'covered.near_other_words') }} then 'near'
        else 'other'
    end as verdict
from first_look
left join covered
    on
        first_look.source_record_key = covered.source_record_key
        and first_look.other_record_key = covered.other_record_key
