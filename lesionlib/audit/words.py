"""Claims in words against the figures they cite."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from lesionlib.audit.verdict import DUST, Verdict, figure, figures


def highest(values: Sequence[float], names: Sequence[str], claimed: str) -> Verdict:
    """Check that `claimed` has the highest of the printed values, alone."""
    return _extreme(list(values), list(names), claimed, max)


def lowest(values: Sequence[float], names: Sequence[str], claimed: str) -> Verdict:
    """Check that `claimed` has the lowest of the printed values, alone."""
    return _extreme(list(values), list(names), claimed, min)


def rank(values: Sequence[float], names: Sequence[str], claimed: str, place: int) -> Verdict:
    """Check that `claimed` stands at `place` (1 is the highest) among the printed values."""
    own = list(values)[list(names).index(claimed)]
    found = 1 + sum(value > own for value in values)
    return Verdict(found == place, f"place {place}", f"place {found} of {len(values)}")


def increasing(values: Sequence[float], names: Sequence[str]) -> Verdict:
    """Check that each printed value is higher than the one before it."""
    steps = zip(pairwise(values), list(names)[1:], strict=True)
    broken = [f"{name} ({figure(a)} to {figure(b)})" for (a, b), name in steps if b <= a]
    return Verdict(not broken, "each higher than the last", "so it is" if not broken else f"not at {', '.join(broken)}")


def all_above(values: Sequence[float], names: Sequence[str], bound: float) -> Verdict:
    """Check that every printed value lies above `bound`."""
    low = [f"{name} {figure(value)}" for value, name in zip(values, names, strict=True) if value <= bound]
    found = f"all {len(values)}" if not low else f"not {', '.join(low)}"
    return Verdict(not low, f"all above {figure(bound)}", found)


def all_below(values: Sequence[float], names: Sequence[str], bound: float) -> Verdict:
    """Check that every printed value lies below `bound`."""
    high = [f"{name} {figure(value)}" for value, name in zip(values, names, strict=True) if value >= bound]
    found = f"all {len(values)}" if not high else f"not {', '.join(high)}"
    return Verdict(not high, f"all below {figure(bound)}", found)


def mean_above(a: Sequence[float], b: Sequence[float], names: Sequence[str]) -> Verdict:
    """Check that the mean of `a` is above that of `b`; `names` are those of the two."""
    first, second = sum(a) / len(a), sum(b) / len(b)
    return Verdict(first > second, f"{names[0]} above {names[1]}", f"means {figure(first)} and {figure(second)}")


def listed(names: Sequence[str], claimed: str) -> Verdict:
    """Check that a thing that is spoken of stands in the list that is to hold it, alone or within an entry."""
    holders = [name for name in names if claimed in name]
    text = f"listed as {', '.join(holders)}" if holders else f"not among {', '.join(names)}"
    return Verdict(bool(holders), claimed, text)


def backed(value: float | None, claim: str) -> Verdict:
    """Check that a figure is printed for a claim; `value` is None where none is."""
    text = "no figure is printed for it" if value is None else f"{figure(value)} is printed for it"
    return Verdict(value is not None, claim, text)


def each_above(a: Sequence[float], b: Sequence[float], names: Sequence[str]) -> Verdict:
    """Check that each value of `a` is higher than the one of `b` beside it."""
    broken = [f"{name} ({figure(x)} and {figure(y)})" for x, y, name in zip(a, b, names, strict=True) if x <= y]
    return Verdict(not broken, "higher in every pair", "so it is" if not broken else f"not for {', '.join(broken)}")


def none_below(a: Sequence[float], b: Sequence[float], names: Sequence[str], tolerance: float) -> Verdict:
    """Check words such as "comparable": no value of `a` lies more than `tolerance` below the one of `b` beside it."""
    rows = list(zip(a, b, names, strict=True))
    broken = [f"{name} ({figure(x)} and {figure(y)})" for x, y, name in rows if y - x > tolerance + DUST]
    text = f"{sum(x > y for x, y, _ in rows)} higher, {sum(x == y for x, y, _ in rows)} equal of {len(rows)}"
    return Verdict(not broken, f"none lower by more than {figure(tolerance)}", ", ".join([text, *broken]))


def near(values: Sequence[float], claimed: float, tolerance: float) -> Verdict:
    """Check that every value lies within `tolerance` of what words such as "about half" claim."""
    agrees = all(abs(value - claimed) <= tolerance for value in values)
    return Verdict(agrees, f"about {figure(claimed)}", figures(values))


def distinct(values: Sequence[float], names: Sequence[str]) -> Verdict:
    """Check that no two of several independent figures are the same.

    A twin may be chance: of m figures that scatter by s units of their grain, m (m - 1) / (4 sqrt(pi) s) pairs agree.
    """
    seen: dict[float, list[str]] = {}
    for value, name in zip(values, names, strict=True):
        seen.setdefault(value, []).append(name)
    twins = [f"{' and '.join(group)} {figure(value)}" for value, group in seen.items() if len(group) > 1]
    return Verdict(not twins, f"{len(values)} figures", "all different" if not twins else "; ".join(twins))


def differ(a: Sequence[float], b: Sequence[float], what: str) -> Verdict:
    """Check that two groups of figures, said to be of different things (`what`), are not the same figures."""
    same = list(a) == list(b)
    return Verdict(not same, f"{figures(a)} and {figures(b)}", f"{what}: {'the same' if same else 'different'} figures")


def contradiction(a: str, b: str) -> Verdict:
    """Set down two statements of a paper that a reader found to contradict each other; nothing is computed."""
    return Verdict(False, f"{a} / {b}", "read by a person: both cannot be true")


def unsupported(claim: str, done: str) -> Verdict:
    """Set down a claim beside what was done for it, where a reader found that it does not carry the claim."""
    return Verdict(False, claim, f"read by a person: {done}")


def _extreme(values: list[float], names: list[str], claimed: str, pick) -> Verdict:
    own, best = values[names.index(claimed)], pick(values)
    holders = [name for name, value in zip(names, values, strict=True) if value == best]
    return Verdict(holders == [claimed], f"{claimed} {figure(own)}", f"{' and '.join(holders)} {figure(best)}")
