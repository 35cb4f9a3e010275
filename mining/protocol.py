"""What a mining job is: a folder `mining/<name>/` whose `job.py` has one as `JOB`, and a line in the registry."""

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mining.sound import Claims
from mining.store import CUSTOMER_FEATURES, FeatureSet, FeatureTable, feature_parts, read_features, with_calendar
from pipeline.base.model_files import Model
from pipeline.base.settings import Settings

Options = Mapping[str, Any]
TRAINING_ROWS = 1_000_000
"""Rows of features that a model learns from, at most: of more, those of a share of the customers."""
Frames = dict[str, pd.DataFrame]
"""What a job has made, by table."""


class About(NamedTuple):
    """What a person must know of a model before relying on it, in sentences that hold for each model of a job.

    `target` may name parameters of the model in braces. `candidates` names the metrics by which candidates are
    compared: `<candidate>_<metric>` in `marts.model_metrics`, with what it says. `calibration` and `coverage` do so for
    the metrics that say whether the forecast can be taken at its word.
    """

    title: str
    purpose: str
    not_for: Sequence[str]
    target: str
    candidates: Mapping[str, str]
    calibration: Mapping[str, str]
    coverage: Mapping[str, str]


class Table(NamedTuple):
    """A score file: the columns that it keeps of a frame, with their types, and what its rows claim to be.

    One of the columns is `unavailable_reason`: null in a row that has a score.
    """

    schema: pa.Schema
    claims: Claims


class Job(ABC):
    """A job without a model: what it writes follows from the features of the day.

    Attributes
    ----------
    name
        Its folder in `mining/`, and its name in `marts.model_runs`.
    source, reads
        The table of features that it reads, and the columns, beside the key.
    reads_calendar
        Whether it learns a season: its features then come with the purchases of each day and known events.
    is_by_row
        Whether a row of the day, which is one customer or contract, is scored from that row, the model and what
        `of_all` says. Then scoring reads the day in parts, and training a sample of customers (`TRAINING_ROWS`).
        Other jobs read all rows at once.
    is_optional
        Whether a company may have nothing that it scores: no model is trained then, and no run is described.
    tables
        What it writes, by name: `scores/<table>/as_of=<date>/run=<id>.parquet`. `as_of_date`, `run_id` and
        `model_version` are filled in for it.
    """

    name: ClassVar[str]
    source: ClassVar[FeatureTable] = CUSTOMER_FEATURES
    reads: ClassVar[frozenset[str]]
    reads_calendar: ClassVar[bool] = False
    is_by_row: ClassVar[bool] = False
    is_optional: ClassVar[bool] = False
    tables: ClassVar[Mapping[str, Table]]

    def read(self, settings: Settings, as_of: dt.date, sources: Sequence[str]) -> FeatureSet:
        """Read the features of a day, or a sample of them; see `read_features` for what it raises."""
        most = TRAINING_ROWS if self.is_by_row else None
        features = read_features(settings, as_of, sources, self.reads, self.source, most_rows=most)
        return with_calendar(features, settings, sources) if self.reads_calendar else features

    def parts(
        self, settings: Settings, as_of: dt.date, sources: Sequence[str], features: FeatureSet
    ) -> Iterator[FeatureSet]:
        """Yield what is scored, or has no score: the rows of the day in parts, or what `read` returned, whole."""
        if self.is_by_row:
            yield from feature_parts(settings, as_of, sources, self.reads, self.source)
        else:
            yield features

    def of_all(self, settings: Settings, as_of: dt.date, sources: Sequence[str]) -> Options:  # noqa: ARG002
        """Return what a score depends on beside row and model: further arguments of `score`, from a few columns."""
        return {}

    def options(self, settings: Settings) -> Options:  # noqa: ARG002  most jobs ask the settings something
        """Return what scores depend on beside features and model: arguments of `score` and `unscored`."""
        return {}

    @abstractmethod
    def score(self, features: FeatureSet, model: Model | None, options: Options) -> Frames:
        """Score everybody.

        Parameters
        ----------
        features
            Features of the as-of day and of earlier days; of a part of the as-of day, where `is_by_row`.
        model
            The published model that scores the day; None for a job without models.
        options
            What `options` and `of_all` returned.
        """

    @abstractmethod
    def unscored(self, features: FeatureSet, reason: str, options: Options) -> Frames:
        """Return the same tables where there are no scores: nulls, with `reason` as their `unavailable_reason`."""


class TrainedJob(Job):
    """A job whose scores come from a model that is trained, judged, and published where it beats its baseline.

    Attributes
    ----------
    baseline
        Name of the naive forecast that a model must beat.
    about
        What its model card says of every model; None where a model of this job has no card.
    """

    baseline: ClassVar[str]
    about: ClassVar[About | None] = None

    @abstractmethod
    def needs(self, settings: Settings) -> Options:
        """Return the parameters that a model must share with the settings to answer their question."""

    @abstractmethod
    def train(self, features: FeatureSet, needs: Options) -> Model:
        """Fit a model, judge it out of time, decide.

        Returns
        -------
        dict
            What `models/<job>/<version>.json` holds beside the ids: windows, parameters, metrics, decision, and what
            was fitted (`model`, null where there is too little to learn from). See `mining.evaluation.refused`.
        """

    def inputs(self, frame: pd.DataFrame, model: Model) -> Mapping[str, NDArray[np.float64]]:  # noqa: ARG002
        """Return what a published model reads of the customers whom it scores, by name; NaN where it is unknown.

        Inputs are compared from release to release (`mining.reports.drift`); none are where a job names none.
        """
        return {}

    def meanings(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return what these inputs are, for readers."""
        return {name: name for name in names}
