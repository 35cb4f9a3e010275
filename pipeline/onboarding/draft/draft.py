"""What is guessed about a source and its tables."""

import re
from dataclasses import dataclass, field
from datetime import date

from pipeline.onboarding.draft.company import Company
from pipeline.onboarding.draft.expressions import identifier
from pipeline.onboarding.draft.guests import Guests
from pipeline.onboarding.evidence.question import Question
from pipeline.onboarding.inspection.facts import Mark
from pipeline.onboarding.inspection.found import Found
from pipeline.onboarding.inspection.profile import Profile

Roles = dict[str, Profile]


@dataclass(frozen=True)
class Told:
    """Another entity that the rows of a table tell of: its columns as SQL, and the condition of the rows that do."""

    columns: dict[str, str]
    where: str


def is_named_in(name: str, text: str) -> bool:
    """Whether SQL names a column."""
    return re.search(rf"(?<!\w){re.escape(identifier(name))}(?!\w)", text) is not None


@dataclass(frozen=True)
class Draft:
    """A table, and what is guessed about it.

    Attributes
    ----------
    entity
        What its rows are; None where that is not known.
    roles
        Contract columns of the entity, each with its column.
    derived
        Entities that are grouped from the same rows, with their columns.
    key, cursor, deleted, event_time, personal
        As in the yml; an empty key is `position`.
    mark
        What marks the rows that are returns.
    line_types
        Line types, with the products that stand for them: (product, name).
    guests
        The rows of guests, whose customer is null.
    dropped
        What was thought of a column first, and why not: sentences.
    constants
        Contract columns with one value for all rows, as SQL.
    less
        The discount that is taken from a line.
    facts, questions
        What the sums showed, and what a person has to decide.
    recipe, has_known_money
        The known export that its columns are of, and whether it says the amounts, too.
    excluded
        Rows that are left out on purpose: reason, and SQL of the condition.
    also
        Other entities that its rows tell of, such as the consent on a profile.
    is_lookup
        Whether others join it, and its rows are of no entity.
    """

    found: Found
    profiles: list[Profile]
    entity: str | None = None
    roles: Roles = field(default_factory=dict)
    derived: dict[str, Roles] = field(default_factory=dict)
    key: list[str] = field(default_factory=list)
    cursor: str | None = None
    deleted: str | None = None
    event_time: Profile | None = None
    personal: list[str] = field(default_factory=list)
    mark: Mark | None = None
    line_types: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    guests: Guests | None = None
    dropped: list[str] = field(default_factory=list)
    constants: dict[str, str] = field(default_factory=dict)
    less: Profile | None = None
    facts: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    recipe: str | None = None
    has_known_money: bool = False
    excluded: dict[str, str] = field(default_factory=dict)
    also: dict[str, Told] = field(default_factory=dict)
    is_lookup: bool = False

    @property
    def entities(self) -> list[str]:
        """All entities that the table is read for."""
        return [*([self.entity] if self.entity else []), *self.derived, *self.also]

    @property
    def unused(self) -> list[str]:
        """The columns that nothing is made of."""
        roles = [self.roles, *self.derived.values()]
        used = {profile.name for each in roles for profile in each.values()} | {self.cursor, self.deleted}
        used |= {profile.name for profile in (self.mark and self.mark.column, self.less) if profile}
        used |= {lookup.column for lookup in self.found.lookups}
        texts = [*self.constants.values(), *self.excluded.values(), self.mark.condition if self.mark else ""]
        texts += [text for told in self.also.values() for text in (told.where, *told.columns.values())]
        rest = [profile.name for profile in self.profiles if profile.name not in used]
        return [name for name in rest if not any(is_named_in(name, text) for text in texts)]

    @property
    def has_comma(self) -> bool:
        """Whether the table writes its numbers as 1.249,00."""
        return any(profile.has_comma for profile in self.profiles)

    @property
    def load(self) -> str:
        """As in the yml."""
        if self.found.is_series:
            return "append"
        is_server = "query_table" in self.found.options
        return "upsert" if is_server and self.key and self.cursor else "snapshot"

    @property
    def has_order_number(self) -> bool:
        """Whether lines say which order they belong to."""
        return "order_id" in self.roles

    @property
    def content(self) -> list[str]:
        """The columns that tell rows apart: those that are not personal, which may be erased."""
        return [profile.name for profile in self.profiles if profile.name not in self.personal]


@dataclass(frozen=True)
class Guess:
    """All that is guessed about a source."""

    drafts: list[Draft]
    company: Company
    first_day: date

    def draft_of(self, entity: str) -> Draft | None:
        """The table that has an entity, if one has it."""
        return next((draft for draft in self.drafts if entity in draft.entities), None)
