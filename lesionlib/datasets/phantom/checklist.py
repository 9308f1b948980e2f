"""What an expert would write down about a phantom lesion: the words of the ABCD rule and of the seven-point checklist.

All of it follows from the signs that were drawn; a sign weaker than `_SEEN` goes unnoticed.
"""

from __future__ import annotations

from lesionlib.datasets.phantom.signs import LesionParameters

_SEEN = 0.2
_IRREGULAR = 0.5  # of a strength in [0, 1]: dots and streaks that are not evenly spread


def asymmetric_axes(lesion: LesionParameters) -> int:
    """Axes about which it is not symmetric: 0, 1 or 2."""
    return int(lesion.asymmetry > 0.3) + int(lesion.asymmetry > 0.55)


def network(lesion: LesionParameters) -> str:
    """Pigment network: absent, typical or atypical."""
    if lesion.atypical_network > _SEEN:
        return "atypical"
    return "typical" if lesion.network > _SEEN else "absent"


def dots(lesion: LesionParameters) -> str:
    """Dots and globules: absent, regular or irregular."""
    if lesion.dots > _SEEN:
        return "irregular"
    return _graded(lesion.globules, lesion.asymmetry)


def streaks(lesion: LesionParameters) -> str:
    """Streaks: absent, regular or irregular."""
    return _graded(lesion.streaks, max(lesion.asymmetry, lesion.streaks))


def _graded(strength: float, unevenness: float) -> str:
    if strength <= _SEEN:
        return "absent"
    return "irregular" if unevenness > _IRREGULAR else "regular"


def veil(lesion: LesionParameters) -> str:
    """Blue-whitish veil: absent or present."""
    return "present" if lesion.veil > _SEEN else "absent"


def regression(lesion: LesionParameters) -> str:
    """Regression structures: absent, white areas, blue areas (peppering) or combinations."""
    white, blue = lesion.regression > _SEEN, lesion.regression > _SEEN and lesion.tint > 0.5
    if white and blue:
        return "combinations"
    if white:
        return "white areas"
    return "blue areas" if lesion.tint > 0.5 and lesion.dots > _SEEN else "absent"


def pigmentation(lesion: LesionParameters) -> str:
    """Pigmentation: absent, or diffuse or localized, regular or irregular."""
    if lesion.pigment < 0.35:
        return "absent"
    spread = "localized" if lesion.patchiness > 0.5 else "diffuse"
    return f"{spread} {'irregular' if lesion.variegation > 0.65 else 'regular'}"


def vessels(lesion: LesionParameters) -> str:
    """Vascular structures: absent, arborizing, dotted, linear irregular (both), or within regression."""
    tree, points = lesion.vessels > _SEEN, lesion.dotted_vessels > _SEEN
    if (tree or points) and lesion.regression > _SEEN:
        return "within regression"
    if tree and points:
        return "linear irregular"
    if tree:
        return "arborizing"
    return "dotted" if points else "absent"


def seven_points(lesion: LesionParameters) -> int:
    """Score of the seven-point checklist (Argenziano 1998), 0 to 10: 2 for a major criterion, 1 for a minor one."""
    major = network(lesion) == "atypical", veil(lesion) == "present", vessels(lesion) in ("dotted", "linear irregular")
    minor = (
        streaks(lesion) == "irregular",
        pigmentation(lesion).endswith("irregular"),
        dots(lesion) == "irregular",
        regression(lesion) != "absent",
    )
    return 2 * sum(major) + sum(minor)


def colors(lesion: LesionParameters) -> list[str]:
    """Which of the six colors of dermoscopy it shows, at least one."""
    brown = lesion.pigment > 0.35
    spread = lesion.pigment * (0.5 * lesion.variegation + 0.4 * abs(lesion.center))
    shown = {
        "light brown": brown and lesion.pigment - spread < 1.5,
        "dark brown": brown and lesion.pigment + spread > 1.3,
        "black": lesion.pigment + spread > 2.6,
        "blue-gray": max(lesion.veil, lesion.nests, lesion.leaves) > 0.3 or lesion.tint > 0.75,
        "white": max(lesion.regression, lesion.white_patch, lesion.scale) > 0.3,
        "red": lesion.redness > 0.5 or max(lesion.vessels, lesion.strawberry, lesion.lacunae, lesion.ulcer) > 0.3,
    }
    return [color for color, there in shown.items() if there] or ["light brown"]
