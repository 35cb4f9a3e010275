"""When contracts end: models of subscriptions, whose end is an event that is seen."""

from mining.subscriptions.shifted_beta_geometric import ShiftedBetaGeometric

__all__ = ["ShiftedBetaGeometric"]
