"""The proof: the real pipeline on worlds whose truth is known, and one table of what it recovered.

`python -m demo prove` (`make prove`) calls `main`. Each measure is a function of a small module of this package and
says in its docstring what it is and where it comes from.
"""

from demo.proof.command import main

__all__ = ["main"]
