"""Which versions of each language a project accepts, all its declarations taken together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reprokit.bases.versions import lower_bounds, means_python_2
from reprokit.configuration import Configuration
from reprokit.model import Detection, Reason, Runtime


def merged(
    detections: Sequence[Detection], configuration: Configuration, *, later: bool = False
) -> tuple[Runtime, ...]:
    """One runtime for each language, sorted; a version in the configuration wins. later: limits of
    the project's other files are lower bounds only, and the reason says so."""
    by_language: dict[str, list[Runtime]] = {}
    for detection in detections:
        for runtime in detection.runtimes:
            wanted = _at_least(runtime) if later else runtime
            by_language.setdefault(runtime.language, []).append(wanted)
    for language, specifier in _configured(configuration).items():
        development = any(runtime.development for runtime in by_language.get(language, ()))
        by_language[language] = [
            Runtime(
                language=language,
                specifier=specifier,
                reason=_reason(language, configuration),
                development=development,
            )
        ]
    return tuple(_together(by_language[language]) for language in sorted(by_language))


def _at_least(runtime: Runtime) -> Runtime:
    """Python 2 stays what it is: Python 3 is no later version of it, but another language."""
    lower = lower_bounds(runtime.specifier)
    if lower == runtime.specifier or means_python_2(runtime):
        return runtime
    text = f"{runtime.reason.text}; as no base here has that, a later one will do"
    return replace(runtime, specifier=lower, reason=replace(runtime.reason, text=text))


def overridden(detection: Detection, configuration: Configuration) -> Detection:
    """The detection with the configuration's versions in place of those it found."""
    wanted = _configured(configuration)
    runtimes = tuple(
        replace(
            runtime,
            specifier=wanted[runtime.language],
            reason=_reason(runtime.language, configuration),
        )
        if runtime.language in wanted
        else runtime
        for runtime in detection.runtimes
    )
    return replace(detection, runtimes=runtimes)


def _configured(configuration: Configuration) -> dict[str, str]:
    wanted = {
        "python": configuration.python_version,
        "r": configuration.r_version,
        "java": configuration.java_version,
    }
    return {language: version for language, version in wanted.items() if version is not None}


def _reason(language: str, configuration: Configuration) -> Reason:
    return configuration.reason(f"{language}.version", "the configured version")


def _together(runtimes: Sequence[Runtime]) -> Runtime:
    """All specifiers at once. The reason is that of the first that says something, and names the
    others."""
    clauses: dict[str, None] = {}
    for runtime in runtimes:
        clauses.update(dict.fromkeys(c.strip() for c in runtime.specifier.split(",") if c.strip()))
    telling = [runtime for runtime in runtimes if runtime.specifier] or [runtimes[0]]
    first = telling[0].reason
    others = [str(runtime.reason) for runtime in telling[1:] if runtime.reason != first]
    reason = replace(first, text="; ".join([first.text, *others]))
    return Runtime(
        language=runtimes[0].language,
        specifier=",".join(clauses),
        reason=reason,
        development=any(runtime.development for runtime in runtimes),
    )
