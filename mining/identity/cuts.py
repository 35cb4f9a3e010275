"""Cut clusters that hold records which are not one customer: the links that say least are given up.

Links are taken from what says most to what says least, and a link that would bring together what must stay apart is
refused: Kruskal's algorithm (1956) for the heaviest spanning forest, with constraints. It loops, over few clusters.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Pair = tuple[str, str]
NEVER, APART, DIFFERS, TOO_MANY = "never", "two given names", "differs", "too many records"
TOO_FAR, BRIDGE = "too many links in a row", "the only link of two groups of records"
DECIDED, BY_NUMBER, BY_VALUE, BY_MODEL = range(4)
"""Links from the surest down: by people; by a number of a card or account; by a value and names; by a model."""


class Limits(NamedTuple):
    """How large a customer may be that a link of a model makes.

    Attributes
    ----------
    records
        The most records.
    steps
        The most links on the shortest way between two of its records.
    group
        Two parts of so many records or more are not joined by a single link, which then waits for a person.
    """

    records: int = 60
    steps: int = 4
    group: int = 3

    @property
    def suspicious(self) -> int:
        """Records from which a cluster may break a limit."""
        return min(self.records + 1, self.steps + 2, 2 * self.group)


class Clusters:
    """Disjoint sets of records, which refuse to be joined where their records must stay apart.

    Parameters
    ----------
    links
        All pairs of records that are linked, if nothing keeps them apart.
    never
        Pairs of records that are two customers.
    apart
        Pairs of records whose names contradict each other: no value makes them one customer.
    held
        (record, kind, value): of a kind a customer has one value.
    limits
        Of links of a model.
    """

    def __init__(
        self,
        links: Iterable[Pair],
        never: Iterable[Pair],
        apart: Iterable[Pair],
        held: Iterable[tuple[str, str, str]],
        limits: Limits,
    ) -> None:
        self._limits = limits
        self._linked = _neighbours(links)
        self._of: dict[str, str] = {}
        self._records: dict[str, list[str]] = {}
        self._never = _neighbours(never)
        self._other_name = _neighbours(apart)
        self._held: dict[str, dict[str, set[str]]] = defaultdict(dict)
        for record, kind, value in held:
            self._held[record].setdefault(kind, set()).add(value)

    def find(self, record: str) -> str:
        """Return the name of a record's cluster: one of its records."""
        if record not in self._of:
            self._of[record], self._records[record] = record, [record]
        return self._of[record]

    def join(self, one: str, other: str, surety: int) -> str | None:
        """Join the clusters of two records, or return why they stay apart."""
        into, gone = self.find(one), self.find(other)
        if into == gone:
            return None
        if len(self._records[into]) < len(self._records[gone]):
            into, gone = gone, into
        if reason := self._apart(into, gone, surety):
            return reason
        for record in self._records[gone]:
            self._of[record] = into
        self._records[into] += self._records.pop(gone)
        for apart in (self._never, self._other_name):
            apart[into] |= apart.pop(gone, set())
        for kind, values in self._held.pop(gone, {}).items():
            self._held[into][kind] = self._held[into].get(kind, set()) | values
        return None

    def _apart(self, into: str, gone: str, surety: int) -> str | None:
        theirs = self._records[gone]
        if not self._never[into].isdisjoint(theirs):
            return NEVER
        if surety >= BY_VALUE and not self._other_name[into].isdisjoint(theirs):
            return APART
        if surety < BY_MODEL:
            return None
        mine, others = self._held.get(into, {}), self._held.get(gone, {})
        for kind in sorted(mine.keys() & others.keys()):
            if mine[kind].isdisjoint(others[kind]):
                return f"{kind} {DIFFERS}"
        return self._misshapen(self._records[into], theirs)

    def _misshapen(self, mine: Sequence[str], theirs: Sequence[str]) -> str | None:
        """Return which limit two groups of records break as one."""
        both = {*mine, *theirs}
        if len(both) > self._limits.records:
            return TOO_MANY
        if len(both) < self._limits.suspicious:
            return None
        if min(len(mine), len(theirs)) >= self._limits.group:
            others = set(theirs)
            if sum(len(self._linked[record] & others) for record in mine) == 1:
                return BRIDGE
        return TOO_FAR if any(self._steps(record, both) > self._limits.steps for record in both) else None

    def _steps(self, record: str, among: set[str]) -> int:
        """Return how many links the farthest of some records is away."""
        reached, border, steps = {record}, {record}, 0
        while border := {other for each in border for other in self._linked[each]} & among - reached:
            reached |= border
            steps += 1
        return steps

    def smallest(self) -> dict[str, str]:
        """Return the smallest record of each record's cluster."""
        least = {name: min(records) for name, records in self._records.items()}
        return {record: least[name] for record, name in self._of.items()}


def _neighbours(pairs: Iterable[Pair]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        found[one].add(other)
        found[other].add(one)
    return found


def cut(
    links: Sequence[tuple[str, str, int]],
    *,
    never: Iterable[Pair],
    apart: Iterable[Pair],
    held: Iterable[tuple[str, str, str]],
    limits: Limits,
) -> tuple[dict[str, str], dict[Pair, str]]:
    """Divide the records of some links into clusters.

    Parameters
    ----------
    links
        Two records, and how sure their link is (`DECIDED` … `BY_MODEL`); what says most first.
    never, apart, held, limits
        As for `Clusters`.

    Returns
    -------
    dict
        The smallest record of each record's cluster.
    dict
        Why a pair is not linked, for the pairs that are in two clusters.
    """
    clusters = Clusters((link[:2] for link in links), never, apart, held, limits)
    refused: dict[Pair, str] = {}
    for one, other, surety in links:
        if reason := clusters.join(one, other, surety):
            refused.setdefault((one, other), reason)
    of_cluster = clusters.smallest()
    return of_cluster, {pair: why for pair, why in refused.items() if of_cluster[pair[0]] != of_cluster[pair[1]]}
