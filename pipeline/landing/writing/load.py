"""One load: a table, its interval, and what the loads before it have landed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.base.settings import Settings
from pipeline.landing.ends.ends import End
from pipeline.landing.readers import Request
from pipeline.landing.readers.databases.database import Connection
from pipeline.landing.receipts import Receipt, interval_name, known_end, newest
from pipeline.landing.state import Landed, landed


@dataclass(frozen=True)
class Load:
    """What to land: a table for an interval, the receipts of the loads before, and where the data of its source end.

    `reading` is the number of the load among those of its database: the later one has read later.
    """

    settings: Settings
    request: Request
    start: datetime
    end: datetime
    earlier: list[Receipt]
    asked: End
    connection: Connection | None = None
    reading: int | None = None

    @property
    def folder(self) -> Path:
        """Where the table's landed files are."""
        return self.settings.landing / self.request.source.name / self.request.name

    @property
    def interval(self) -> str:
        """The interval as in file names."""
        return interval_name(self.start, self.end)

    @property
    def generation(self) -> int:
        """Number of the load among those of its table, from 1."""
        return 1 + max((receipt["generation"] for receipt in self.earlier), default=0)

    @property
    def newest(self) -> Receipt | None:
        """Receipt of the load before."""
        return newest(self.earlier, is_scheduled=self.request.source.is_scheduled)

    @property
    def is_first(self) -> bool:
        """Whether the load begins where the source does."""
        return self.start == self.request.source.first_start(self.settings)

    @property
    def is_difference(self) -> bool:
        """Whether only what differs from the loads before is written: of a snapshot that has a key and a schedule."""
        request = self.request
        return request.table.load == "snapshot" and request.source.has_history(request.table) and bool(self.earlier)

    @property
    def state(self) -> Landed | None:
        """What has landed of the table, where that has a key and all loads together say what it is."""
        request = self.request
        if not request.table.key_columns or not request.source.has_history(request.table):
            return None
        return landed(self.settings, self.earlier, request.table)

    @property
    def data_end(self) -> datetime | None:
        """Where the data of the source say that they end; None where a schedule says it."""
        return None if self.request.source.is_scheduled else self.asked.of(self.request.name)

    @property
    def is_brought_back(self) -> bool:
        """Whether the data of the source end before where they ended when the table was landed: a row was corrected."""
        last = self.newest
        return last is not None and self.data_end is not None and self.data_end < known_end(last)

    def is_landed(self, content_hash: str) -> bool:
        """Whether the load before had this content and this interval, and its end still holds."""
        last = self.newest
        if last is None or self.is_brought_back:
            return False
        return bool((last["content_hash"], last["interval"]) == (content_hash, self.interval))
