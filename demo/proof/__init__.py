"""The proof: the real pipeline on worlds whose truth is known, and one table of what it recovered.

`perennial prove` calls `prove_worlds`. Each measure is a function of a small module of this package and
says in its docstring what it is and where it comes from.
"""

from demo.proof.command import prove_identity, prove_worlds
from demo.proof.runs import RunFailedError

__all__ = ["RunFailedError", "prove_identity", "prove_worlds"]
