-- Grain: one row per pair of records that share a value: what their names say.
-- has_full_names: of two words or more, as many in both, or some written as one, and given names written alike.
-- is_longer: the first record's name has more words than the other's.
-- verdict: 'same' when every word of each name is in the other, in any order, as initial, in another spelling or with a
-- slip; 'shorter' when one has given names that the other lacks; 'same given name' when these are the same (people
-- marry); 'near' when a short word differs; 'missing' when one has no name; 'incomparable' when only one is in
-- characters that are in no list; else 'other'.
with checks as (
    select * from {{ ref('int_customer_name_checks') }}
),

-- Most pairs are decided by the first look.
undecided as (
    select * from checks
    where not is_missing and not is_same
),

words as (
    select * from {{ ref('int_customer_name_words') }}
),

compared as (
    select
        undecided.source_record_key,
        undecided.other_record_key,
        one.position,
        other.position as other_position,
        one.is_given,
        other.is_given as is_other_given,
        one.text,
        other.text as other_text,
        one.text = other.text or one.plain_text = other.plain_text as is_equal,
        one.is_word and other.is_word as are_words,
        one.is_word <> other.is_word as is_written_as_one
    from undecided
    inner join words as one on undecided.source_record_key = one.source_record_key
    inner join words as other on undecided.other_record_key = other.source_record_key
),

-- The same two words meet in many pairs of records.
word_texts as (
    select distinct
        text,
        other_text
    from compared
    where are_words and text <> other_text
),

-- An initial, or a slip of the finger: a letter left out or doubled, two swapped, in words of five letters also a wrong
-- one. Mei and Wei are two names.
near_texts as (
    select
        text,
        other_text,
        {{ is_one_letter_off('text', 'other_text') }} as is_near,
        text = left(other_text, 1) or other_text = left(text, 1) as is_initial
    from word_texts
),

alike_texts as (
    select
        text,
        other_text,
        is_near,
        is_initial
        or (
            is_near
            and (
                least(length(text), length(other_text)) >= 5
                or length(text) <> length(other_text)
                or {{ sorted_letters('text') }} = {{ sorted_letters('other_text') }}
            )
        ) as is_like
    from near_texts
    where is_near or is_initial
),

word_pairs as (
    select
        compared.*,
        coalesce(alike_texts.is_near, false) as is_near,
        coalesce(alike_texts.is_like, false) as is_like
    from compared
    left join alike_texts
        on compared.are_words and compared.text = alike_texts.text and compared.other_text = alike_texts.other_text
),

covered as (
    select
        source_record_key,
        other_record_key,
        count(distinct case when is_equal or is_like then position end) as words,
        count(distinct case when is_equal or is_like then other_position end) as other_words,
        count(distinct position) as near_words,
        count(distinct other_position) as near_other_words,
        max(case when is_equal and is_written_as_one then 1 else 0 end) as has_joined_words,
        count(distinct case when is_equal and is_given then position end) as given_words,
        count(distinct case when is_equal and is_given then other_position end) as given_fellows,
        count(distinct case when is_equal and is_other_given then other_position end) as other_given_words,
        count(distinct case when is_equal and is_other_given then position end) as other_given_fellows
    from word_pairs
    where is_equal or is_like or is_near
    group by source_record_key, other_record_key
),

-- Characters that the list of spellings does not have cannot be compared with letters.
in_characters as (
    select
        source_record_key,
        max(case when {{ is_chinese('plain_text') }} then 1 else 0 end) as has_characters
    from words
    where is_word
    group by source_record_key
),

-- One name covers the other when each word of it has a fellow there, and none serves for two. The rest of a longer name
-- is of the family where both records say what the given name is, and all of it has a fellow.
judged as (
    select
        undecided.*,
        coalesce(
            undecided.all_words = undecided.other_all_words
            or (
                covered.has_joined_words = 1
                and covered.words = undecided.all_words
                and covered.other_words = undecided.other_all_words
            ),
            false
        ) as is_as_long,
        (covered.words = undecided.all_words and covered.other_words >= undecided.all_words)
        or (covered.other_words = undecided.other_all_words and covered.words >= undecided.other_all_words)
            as is_covered,
        (covered.near_words = undecided.all_words and covered.near_other_words >= undecided.all_words)
        or (covered.near_other_words = undecided.other_all_words and covered.near_words >= undecided.other_all_words)
            as is_nearly_covered,
        least(covered.given_words, covered.given_fellows) >= nullif(undecided.given_words, 0) as is_given_name_covered,
        least(covered.other_given_words, covered.other_given_fellows) >= nullif(undecided.other_given_words, 0)
            as is_other_given_name_covered,
        one.has_characters <> other.has_characters as is_incomparable
    from undecided
    left join covered
        on
            undecided.source_record_key = covered.source_record_key
            and undecided.other_record_key = covered.other_record_key
    left join in_characters as one on undecided.source_record_key = one.source_record_key
    left join in_characters as other on undecided.other_record_key = other.source_record_key
)

select
    source_record_key,
    other_record_key,
    is_as_long and is_given_name_alike and coalesce(all_words >= 2 and other_all_words >= 2, false) as has_full_names,
    all_words > other_all_words as is_longer,
    case
        when is_in_another_order then 'other'
        when is_covered and is_as_long then 'same'
        when is_covered and not coalesce(is_given_name_covered and is_other_given_name_covered, false) then 'shorter'
        when is_incomparable then 'incomparable'
        when
            coalesce(is_given_name_covered, is_as_long) and coalesce(is_other_given_name_covered, is_as_long)
            and (is_given_name_covered or is_other_given_name_covered)
            then 'same given name'
        when is_nearly_covered then 'near'
        else 'other'
    end as verdict
from judged
union all
select
    source_record_key,
    other_record_key,
    coalesce(is_same and all_words >= 2 and other_all_words >= 2, false) as has_full_names,
    false as is_longer,
    case
        when is_missing then 'missing'
        when is_in_another_order then 'other'
        else 'same'
    end as verdict
from checks
where is_missing or is_same
