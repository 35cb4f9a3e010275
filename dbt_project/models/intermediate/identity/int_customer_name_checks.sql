-- Grain: one row per pair of records that share a value: what a first look at their names says.
-- is_same: the same letters, begun at another word. is_in_another_order: given names of the same letters that are kept
-- as given names and differ (Mei Teck, Teck Mei), or names of the same words that are not the same (Tan Mei Teck, Teck
-- Mei Tan). is_given_name_alike: written alike, where both records say what it is (not Alex, Alexander). What these do
-- not decide is compared word by word.
with pairs as (
    select distinct
        source_record_key,
        other_record_key
    from {{ ref('int_customer_pairs') }}
),

names as (
    select
        source_record_key,
        full_letters as letters,
        given_words,
        case when given_words > 0 then given_name end as given_name,
        {{ length_of('name_words') }} as all_words,
        {{ in_order('name_words') }} as sorted_words
    from {{ ref('int_customers__standard') }}
    where full_letters is not null
),

checked as (
    select
        pairs.source_record_key,
        pairs.other_record_key,
        one.all_words,
        other.all_words as other_all_words,
        one.given_words,
        other.given_words as other_given_words,
        one.letters is null or other.letters is null as is_missing,
        coalesce(
            length(one.letters) = length(other.letters) and position(other.letters in one.letters || one.letters) > 0,
            false
        ) as is_same,
        coalesce(one.sorted_words = other.sorted_words, false) as has_same_words,
        case
            when one.given_name <> other.given_name and length(one.given_name) = length(other.given_name)
                then {{ sorted_letters('one.given_name') }} = {{ sorted_letters('other.given_name') }}
            else false
        end as has_given_name_in_another_order,
        coalesce(
            one.given_name = other.given_name or {{ is_one_letter_off('one.given_name', 'other.given_name') }}, true
        ) as is_given_name_alike
    from pairs
    left join names as one on pairs.source_record_key = one.source_record_key
    left join names as other on pairs.other_record_key = other.source_record_key
)

select
    source_record_key,
    other_record_key,
    all_words,
    other_all_words,
    given_words,
    other_given_words,
    is_missing,
    is_same,
    is_given_name_alike,
    has_given_name_in_another_order or (has_same_words and not is_same) as is_in_another_order
from checked
