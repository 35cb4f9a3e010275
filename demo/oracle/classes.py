"""The class that each history most probably comes from: what nobody can beat who knows the laws and not the classes."""

import numpy as np
import pyarrow as pa
from scipy import special

from demo.oracle.evidence import explanations, exposures, log_alive, log_gone
from demo.oracle.histories import observe, seen_persons
from demo.world.lives import Lives


def classes_table(lives: Lives, as_of_day: float) -> pa.Table:
    """Return person_id and likely_class, of everybody with a purchase before the midnight."""
    seen = observe(lives, as_of_day, seen_persons(lives, as_of_day))
    evidence = []
    for given in explanations(lives.world, seen):
        at = exposures(lives.world, seen, given)
        parts = [log_alive(lives.world, given, at), log_gone(lives.world, given, at)]
        evidence.append(special.logsumexp(np.concatenate(parts, axis=1), axis=1))
    return pa.table({"person_id": seen.person, "likely_class": np.argmax(evidence, axis=0).astype(np.int32)})
