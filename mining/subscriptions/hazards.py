"""The chance that a contract ends in its n-th period: three models, from one rate for all to a logistic hazard."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.linear_model import LogisticRegression

from mining.subscriptions.periods import INVOLUNTARY, STAYS, VOLUNTARY, Periods
from mining.subscriptions.shifted_beta_geometric import ShiftedBetaGeometric
from mining.subscriptions.terms import Floats, Ints, Terms

CAUSES = (VOLUNTARY, INVOLUNTARY)
DIGITS = 10
MAX_ITERATIONS = 200
PLANS, FEWEST_OF_A_PLAN = 10, 50
"""Plans that count for themselves, at most, and the periods that one must have."""
PERIODS = 1_000_000
"""Periods that the logistic hazard looks at, at most: those of every second (third, …) contract."""
SMALLEST_SPREAD = 1e-9
SURE = 1e-9


class Hazard(ABC):
    """A model of the end in each period: `fit` learns from periods that are over, `predict` gives chances by cause."""

    name: ClassVar[str]
    meaning: ClassVar[str]
    is_converged_: bool = True

    @abstractmethod
    def fit(self, terms: Terms, periods: Periods) -> Self:
        """Learn from periods of contracts."""

    @abstractmethod
    def predict(self, terms: Terms, number: Ints) -> Floats:
        """P(ends in its n-th period | reached it) by cause, voluntary and involuntary, shape (2, contracts)."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return the model as JSON types."""

    @classmethod
    @abstractmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote."""


class OneRate(Hazard):
    """Every contract of a period length ends with the same chance in every period: the naive forecast."""

    name = "one_rate"
    meaning = "one rate for all contracts of a period"

    def fit(self, terms: Terms, periods: Periods) -> Self:
        """Count ends and periods, by length of the period."""
        length = _length(terms)[periods.subscription]
        self.rates_ = {
            int(value): [_rounded(_share(periods.outcome[length == value], cause)) for cause in CAUSES]
            for value in np.unique(length)
        }
        return self

    def predict(self, terms: Terms, number: Ints) -> Floats:  # noqa: ARG002
        """See `Hazard`. A length that was not seen has the rate of the one nearest to it, for its own days."""
        return _by_length(terms, self.rates_)

    def to_dict(self) -> dict[str, Any]:
        """See `Hazard`."""
        return {"model": self.name, "rates": {str(length): rates for length, rates in self.rates_.items()}}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """See `Hazard`."""
        model = cls()
        model.rates_ = {int(length): list(rates) for length, rates in content["rates"].items()}
        return model


class AgeOnly(Hazard):
    """Shifted beta-geometric: contracts differ, which is not observed, so that older ones are likelier to stay."""

    name = "sbg"
    meaning = "the shifted beta-geometric, which knows a contract's age"

    def fit(self, terms: Terms, periods: Periods) -> Self:
        """Fit one shifted beta-geometric by length of the period, and the share of involuntary ends.

        Raises
        ------
        UserError
            Of some length nothing can be learned.
        """
        length = _length(terms)[periods.subscription]
        self.models_, self.involuntary_ = {}, {}
        for value in np.unique(length):
            part = Periods(*(column[length == value] for column in periods))
            longest = int(part.number.max())
            lost = np.bincount(part.number[part.ended] - 1, minlength=longest)
            at_risk = np.bincount(part.number - 1, minlength=longest)
            reached = np.append(at_risk[1:], 0)
            self.models_[int(value)] = ShiftedBetaGeometric().fit_counts(lost, at_risk - lost - reached)
            self.involuntary_[int(value)] = _rounded(_share(part.outcome[part.ended], INVOLUNTARY))
        self.is_converged_ = all(model.is_converged_ for model in self.models_.values())
        return self

    def predict(self, terms: Terms, number: Ints) -> Floats:
        """See `Hazard`."""
        length = _length(terms)
        known = np.array(sorted(self.models_))
        result = np.zeros((2, terms.number))
        nearest = _nearest(known, length)
        for value in known:
            chosen = nearest == value
            ends = 1 - self.models_[int(value)].retention(number[chosen])
            share = self.involuntary_[int(value)]
            result[:, chosen] = np.stack([ends * (1 - share), ends * share])
        return _for_own_days(result, length, nearest)

    def to_dict(self) -> dict[str, Any]:
        """See `Hazard`."""
        return {
            "model": self.name,
            "models": {str(length): model.to_dict() for length, model in self.models_.items()},
            "involuntary": {str(length): share for length, share in self.involuntary_.items()},
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """See `Hazard`."""
        model = cls()
        model.models_ = {int(length): ShiftedBetaGeometric.from_dict(one) for length, one in content["models"].items()}
        model.involuntary_ = {int(length): float(share) for length, share in content["involuntary"].items()}
        return model


class LogisticHazard(Hazard):
    """Discrete-time hazard: multinomial logistic regression of stays, chosen and unchosen ends on age and terms.

    Singer & Willett (1993), "It's about time: using discrete-time survival analysis", Journal of Educational
    Statistics 18(2). Inputs are known when a period begins: its number, plan, price, length, and whether the customer
    had another subscription before. Ridge penalty 1/2 |w|² on standardised coefficients.
    """

    name = "hazard"
    meaning = "a logistic hazard on age, plan, price, period and earlier subscriptions"

    def fit(self, terms: Terms, periods: Periods) -> Self:
        """Fit on the periods."""
        every = -(-len(periods.number) // PERIODS)
        periods = Periods(*(column[periods.subscription % every == 0] for column in periods))
        plans, counts = np.unique(terms.plan[periods.subscription].astype(str), return_counts=True)
        often = sorted(zip(-counts, plans, strict=True))[:PLANS]
        self.plans_ = [str(plan) for count, plan in often if -count >= FEWEST_OF_A_PLAN]
        rows = terms.rows(periods.subscription)
        matrix = self._inputs(rows, periods.number)
        seen = np.isfinite(matrix)
        totals = np.where(seen, matrix, 0.0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
        self.means_ = [_rounded(value) for value in totals]
        filled = np.where(np.isfinite(matrix), matrix, self.means_)
        spread = filled.std(axis=0)
        self.scales_ = [_rounded(value) if value > SMALLEST_SPREAD else 0.0 for value in spread]
        z = self._standardise(matrix)
        model = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10, max_iter=MAX_ITERATIONS)
        model.fit(z, periods.outcome)
        self.classes_ = [int(value) for value in model.classes_]
        weights, intercepts = model.coef_, model.intercept_
        if len(self.classes_) == 2:
            weights = np.vstack([np.zeros_like(weights), weights])
            intercepts = np.concatenate([[0.0], intercepts])
        self.coefficients_ = [[_rounded(value) for value in row] for row in weights]
        self.intercepts_ = [_rounded(value) for value in intercepts]
        self.is_converged_ = bool(np.max(model.n_iter_) < MAX_ITERATIONS)
        return self

    def _inputs(self, terms: Terms, number: Ints) -> Floats:
        with np.errstate(invalid="ignore"):
            columns = [
                np.log(number),
                (number == 1).astype(np.float64),
                np.log(terms.period_length),
                np.log1p(np.where(terms.price >= 0, terms.price, np.nan)),
                terms.is_returning.astype(np.float64),
            ]
        columns += [(terms.plan == plan).astype(np.float64) for plan in self.plans_]
        return np.column_stack(columns).astype(np.float64)

    def _standardise(self, matrix: Floats) -> Floats:
        scales = np.array(self.scales_)
        filled = np.where(np.isfinite(matrix), matrix, self.means_) - np.array(self.means_)
        return np.where(scales > 0, filled / np.where(scales > 0, scales, 1.0), 0.0)

    def predict(self, terms: Terms, number: Ints) -> Floats:
        """See `Hazard`."""
        z = self._standardise(self._inputs(terms, number))
        odds = np.tile(np.array(self.intercepts_), (len(z), 1))
        # Added input by input, so that a contract's chance does not depend on who else is in the table.
        for place, column in enumerate(z.T):
            odds = odds + column[:, None] * np.array([row[place] for row in self.coefficients_])
        powers = np.exp(odds - odds.max(axis=1, keepdims=True))
        share = powers / powers.sum(axis=1, keepdims=True)
        of_cause = {value: share[:, place] for place, value in enumerate(self.classes_)}
        return np.stack([of_cause.get(cause, np.zeros(len(z))) for cause in CAUSES])

    def to_dict(self) -> dict[str, Any]:
        """See `Hazard`."""
        return {"model": self.name} | {name: getattr(self, f"{name}_") for name in LEARNED}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Self:
        """See `Hazard`."""
        model = cls()
        for name in LEARNED:
            setattr(model, f"{name}_", content[name])
        return model


LEARNED = ("plans", "means", "scales", "classes", "coefficients", "intercepts")
HAZARDS: tuple[type[Hazard], ...] = (OneRate, AgeOnly, LogisticHazard)
"""The simplest first."""


def read_hazard(content: dict[str, Any]) -> Hazard:
    """Read a stored model."""
    return next(kind for kind in HAZARDS if kind.name == content["model"]).from_dict(content)


def _length(terms: Terms) -> Ints:
    """Days of a period, whole: how contracts are told apart where nothing else is known of them."""
    return np.round(terms.period_length).astype(np.int64)


def _share(outcome: Ints, cause: int) -> float:
    return float(np.mean(outcome == cause)) if len(outcome) else 0.0


def _nearest(known: Ints, length: Ints) -> Ints:
    return known[np.argmin(np.abs(known[None, :] - length[:, None]), axis=1)] if len(length) else length


def _by_length(terms: Terms, rates: dict[int, list[float]]) -> Floats:
    length = _length(terms)
    known = np.array(sorted(rates))
    nearest = _nearest(known, length)
    place = np.searchsorted(known, nearest)
    return _for_own_days(np.array([rates[int(value)] for value in known])[place].T, length, nearest)


def _for_own_days(rates: Floats, length: Ints, learned: Ints) -> Floats:
    """Bring chances of one length of a period to another, at a constant rate per day."""
    total = np.clip(rates.sum(axis=0), SURE, 1 - SURE)
    own = np.where(length == learned, rates.sum(axis=0), 1 - (1 - total) ** (length / learned))
    return rates * (own / total)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


__all__ = ["CAUSES", "HAZARDS", "STAYS", "AgeOnly", "Hazard", "LogisticHazard", "OneRate", "read_hazard"]
