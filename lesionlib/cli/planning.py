"""What ``lesionlib run`` and ``sweep`` are asked for: the runs of a profile, with their data or without."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from lesionlib.runs import Profile, RunSpec, Sweep


@dataclass(frozen=True)
class Wanted:
    """A run that a profile asks for, before its data are looked at: what it changes, and every value.

    `prints` keeps the fingerprints of the data between the runs: a grid asks for the same data hundreds of times.
    """

    notebook: Path
    changed: dict[str, Any]
    values: dict[str, Any]
    profile: str
    gpu_hours: float | None
    prints: dict[str, str]

    def spec(self) -> RunSpec:
        """Name the run by its data; these must be here."""
        from lesionlib import datasets

        asked = repr([self.values.get(key) for key in ("data", "sources", "phantom_n", "phantom_size")])
        if asked not in self.prints:
            self.prints[asked] = datasets.fingerprint(self.values)
        return self.spec_of(self.prints[asked])

    def spec_of(self, fingerprint: str) -> RunSpec:
        from lesionlib import runs

        return runs.plan(self.notebook, self.changed, fingerprint, self.profile)

    def data(self) -> list[str]:
        """Names of the data that the run reads."""
        return data_of(self.values)


def data_of(parameters: dict[str, Any]) -> list[str]:
    """Names of the data that a run with these parameters reads."""
    return [name for name in [parameters.get("data"), *(parameters.get("sources") or [])] if name]


def wanted_runs(
    project: Path, profile: Profile, chapter: str | None = None, overrides: dict[str, Any] | None = None
) -> list[Wanted]:
    """List the runs of a profile, of all its chapters or of one, their parameters checked."""
    from lesionlib import runs

    found, prints = [], {}
    for name in [chapter] if chapter else profile.entries:
        notebook = runs.chapters(project)[name]
        for entry in profile.entries[name]:
            changed = entry.parameters | (overrides or {})
            values = runs.resolve(notebook, changed)
            found.append(Wanted(notebook, changed, values, profile.profile, entry.estimated_gpu_hours, prints))
    return found


def planned_sweep(wanted: list[Wanted], retry: bool) -> tuple[Sweep, Counter[str]]:
    """Plan a sweep; count the runs that lack a dataset, by the first one that is missing."""
    from lesionlib import runs

    available = availability()
    here, absent, missing, hours = [], [], Counter(), {}
    for each in wanted:
        lacking = [name for name in each.data() if not available(name)]
        # An empty fingerprint is that of no data: no finished run of such parameters has it.
        spec = each.spec_of("") if lacking else each.spec()
        (absent if lacking else here).append(spec)
        missing.update(map(_told, lacking[:1]))
        if each.gpu_hours is not None:
            hours[spec.chapter, spec.key] = each.gpu_hours
    return runs.plan_sweep(here, retry=retry, absent=absent, gpu_hours=hours), missing


def availability() -> Callable[[str], bool]:
    """Tell whether a dataset, or a label map's, can be loaded here; a name that nobody knows is left to the loading."""
    from lesionlib import datasets

    here = datasets.catalog().set_index("name")["available"].to_dict()
    # Of a label map, any of its sources will do.
    here |= {name: any(here[source] for source in datasets.label_map(name).sources) for name in datasets.label_maps()}
    return lambda name: here.get(name, True)


def _told(name: str) -> str:
    """Name a dataset; of a label map, which no list of datasets has, its sources too."""
    from lesionlib import datasets

    if name not in datasets.label_maps():
        return name
    return f"{name} (any of {', '.join(datasets.label_map(name).sources)})"
