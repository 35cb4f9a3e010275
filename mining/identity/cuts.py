"""Cut clusters that hold records which are not one customer: the links that say least are given up.

Links are taken from what says most to what says least, and a link that would bring together what must stay apart is
refused: Kruskal's algorithm (1956) for the heaviest spanning forest, with constraints. It loops, over few clusters.
"""

from collections import defaultdict
from collections.abc import Iterable

Pair = tuple[str, str]
NEVER, DIFFERS, TOO_MANY = "never", "differs", "too many records"


class Clusters:
    """Disjoint sets of records, which refuse to be joined where their records must stay apart.

    Parameters
    ----------
    never
        Pairs of records that are two customers.
    held
        (record, kind, value): of a kind a customer has one value.
    most_records
        The most records that a link of a model makes one customer.
    """

    def __init__(self, never: Iterable[Pair], held: Iterable[tuple[str, str, str]], most_records: int) -> None:
        self._most = most_records
        self._of: dict[str, str] = {}
        self._records: dict[str, list[str]] = {}
        self._never: dict[str, set[str]] = defaultdict(set)
        self._held: dict[str, dict[str, set[str]]] = defaultdict(dict)
        for one, other in never:
            self._never[one].add(other)
            self._never[other].add(one)
        for record, kind, value in held:
            self._held[record].setdefault(kind, set()).add(value)

    def find(self, record: str) -> str:
        """Return the name of a record's cluster: one of its records."""
        if record not in self._of:
            self._of[record], self._records[record] = record, [record]
        return self._of[record]

    def join(self, one: str, other: str, *, is_model: bool) -> str | None:
        """Join the clusters of two records, or return why they stay apart."""
        into, gone = self.find(one), self.find(other)
        if into == gone:
            return None
        if len(self._records[into]) < len(self._records[gone]):
            into, gone = gone, into
        if reason := self._apart(into, gone, is_model=is_model):
            return reason
        for record in self._records[gone]:
            self._of[record] = into
        self._records[into] += self._records.pop(gone)
        self._never[into] |= self._never.pop(gone, set())
        for kind, values in self._held.pop(gone, {}).items():
            self._held[into][kind] = self._held[into].get(kind, set()) | values
        return None

    def _apart(self, into: str, gone: str, *, is_model: bool) -> str | None:
        forbidden, theirs = self._never.get(into, set()), set(self._records[gone])
        if not forbidden.isdisjoint(theirs):
            return NEVER
        if not is_model:
            return None
        mine, others = self._held.get(into, {}), self._held.get(gone, {})
        for kind in sorted(mine.keys() & others.keys()):
            if mine[kind].isdisjoint(others[kind]):
                return f"{kind} {DIFFERS}"
        return TOO_MANY if len(self._records[into]) + len(theirs) > self._most else None

    def smallest(self) -> dict[str, str]:
        """Return the smallest record of each record's cluster."""
        least = {name: min(records) for name, records in self._records.items()}
        return {record: least[name] for record, name in self._of.items()}


def cut(
    links: Iterable[tuple[str, str, bool]],
    *,
    never: Iterable[Pair],
    held: Iterable[tuple[str, str, str]],
    most_records: int,
) -> tuple[dict[str, str], dict[Pair, str]]:
    """Divide the records of some links into clusters.

    Parameters
    ----------
    links
        Two records, and whether a model linked them; what says most first. A rule yields to `never` alone.
    never, held, most_records
        As for `Clusters`.

    Returns
    -------
    dict
        The smallest record of each record's cluster.
    dict
        Why a pair is not linked, for the pairs that are in two clusters.
    """
    clusters = Clusters(never, held, most_records)
    refused: dict[Pair, str] = {}
    for one, other, is_model in links:
        if reason := clusters.join(one, other, is_model=is_model):
            refused.setdefault((one, other), reason)
    of_cluster = clusters.smallest()
    return of_cluster, {pair: why for pair, why in refused.items() if of_cluster[pair[0]] != of_cluster[pair[1]]}
