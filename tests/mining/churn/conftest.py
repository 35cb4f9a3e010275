"""The made-up shop's churn model, trained once for all tests of churn."""

import datetime as dt

import pytest

from mining.churn.training import train
from mining.store import feature_set

AS_OF = dt.date(2024, 12, 31)
ASK = {"horizon_days": 28, "longer_horizons": (60, 90, 200, 365)}


@pytest.fixture(scope="session")
def features(shop):
    return feature_set(shop, AS_OF)


@pytest.fixture(scope="session")
def trained(features):
    return train(features, **ASK)
