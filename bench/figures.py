"""What a measurement hands back. Every module of this folder with a `measure` function takes part in `make bench`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number, beside the floor measured in the same run and the budget it should keep.

    `name` is a short sentence ("first output line, listening worker, p50"); `floor` has the same unit;
    `budget` is text for people ("≤ 15 ms").
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    budget: str | None = None
