"""Which versions of each language a project accepts, all its declarations taken together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reprokit.configuration import Configuration
from reprokit.model import Detection, Reason, Runtime


def merged(detections: Sequence[Detection], configuration: Configuration) -> tuple[Runtime, ...]:
    """One runtime for each language, sorted; a version in the configuration wins."""
    by_language: dict[str, list[Runtime]] = {}
    for detection in detections:
        for runtime in detection.runtimes:
            by_language.setdefault(runtime.language, []).append(runtime)
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
