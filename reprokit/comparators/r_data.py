"""R's data files (.rds, .RData): read by R itself, in a container of the run's own image.

Reading them runs code that they may hold, so nothing else ever reads them. Their headers have the
version of R that wrote them and no time; it and the compression say nothing.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from reprokit.comparators.leaves import compare_leaves, finding
from reprokit.comparators.protocol import Settings, Unreadable, small_enough
from reprokit.comparators.tally import Tally, number
from reprokit.errors import ReprokitError
from reprokit.verdict import Finding

_MARK = "reprokit-leaf"
READ = r"""
emit <- function(path, kind, values) {
  if (length(values) == 0) { kind <- "empty"; values <- "" }
  ends <- if (length(values) > 1) paste0("[", seq_along(values), "]") else ""
  values <- encodeString(values, na.encode = TRUE)
  cat(paste("reprokit-leaf", side, kind, encodeString(paste0(path, ends)), values, sep = "\t"),
      sep = "\n")
}
walk <- function(x, path, depth) {
  if (depth > 50) { emit(path, "text", "nested deeper than 50"); return(invisible()) }
  at <- attributes(x)
  named <- names(x)
  at$names <- NULL
  at$srcref <- NULL
  at$row.names <- if (is.character(at$row.names)) at$row.names
  for (name in sort(names(at))) walk(at[[name]], paste0(path, "@", name), depth + 1)
  if (is.environment(x)) {
    if (isS4(x) || depth == 0) {
      for (name in sort(ls(x, all.names = TRUE)))
        walk(get(name, envir = x), paste0(path, "$", name), depth + 1)
    } else emit(path, "text", "environment")
  } else if (is.function(x) || is.language(x)) {
    emit(path, "text", paste(deparse(x, control = NULL), collapse = "\n"))
  } else if (is.list(x)) {
    x <- unclass(x)
    if (length(x) == 0) emit(path, "empty", character())
    for (i in seq_along(x)) {
      name <- if (is.null(named) || !nzchar(named[i])) paste0("[[", i, "]]") else
        paste0("$", named[i])
      walk(x[[i]], paste0(path, name), depth + 1)
    }
  } else if (is.numeric(x)) {
    if (!is.null(named)) emit(paste0(path, "@names"), "text", named)
    emit(path, "number", formatC(as.vector(unclass(x)), digits = 17, format = "g"))
  } else if (is.complex(x)) {
    emit(paste0(path, ".real"), "number", formatC(Re(as.vector(x)), digits = 17, format = "g"))
    emit(paste0(path, ".imag"), "number", formatC(Im(as.vector(x)), digits = 17, format = "g"))
  } else if (is.null(x)) {
    emit(path, "empty", character())
  } else if (is.atomic(x)) {
    if (!is.null(named)) emit(paste0(path, "@names"), "text", named)
    emit(path, "text", as.character(as.vector(x)))
  } else emit(path, "text", class(x)[1])
  invisible()
}
for (side in c("expected", "actual")) {
  file <- file.path("/input", side)
  stream <- gzfile(file, "rb")
  saved <- identical(readBin(stream, "raw", 2), charToRaw("RD"))
  close(stream)
  if (saved) {
    loaded <- new.env(parent = emptyenv())
    load(file, envir = loaded)
    walk(loaded, "", 0)
  } else walk(readRDS(file), "", 0)
}
"""


class RData:
    """Every vector's values by their path in the object."""

    name = "R data"

    def suits(self, path: PurePosixPath, first: bytes) -> int:
        return 70 if path.suffix in (".rds", ".rdata", ".rda") else 0

    def compare(self, expected: Path, actual: Path, settings: Settings) -> Finding:
        if settings.run_r is None:
            raise Unreadable("no image with R is at hand to read it in")
        small_enough(settings.limits.document, expected, actual)
        try:
            printed = settings.run_r(READ, {"expected": expected, "actual": actual})
        except ReprokitError as error:
            raise Unreadable(error.what) from error
        sides: dict[str, dict[str, object]] = {"expected": {}, "actual": {}}
        count = 0
        for line in printed.splitlines():
            parts = line.split("\t")
            if len(parts) == 5 and parts[0] == _MARK and parts[1] in sides:
                sides[parts[1]][parts[3] or "value"] = _meant(parts[2], parts[4])
                count += 1
        if count > settings.limits.values:
            raise Unreadable(f"it holds more than {settings.limits.values:,} values")
        tally = Tally(settings)
        compare_leaves(sides["expected"], sides["actual"], tally)
        return finding(sides["expected"], sides["actual"], tally)


def _meant(kind: str, value: str) -> object:
    if kind != "number":
        return value
    read = number(value)
    return value.strip() if read is None else read
