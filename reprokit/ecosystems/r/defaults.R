# Defaults of R that have changed, as they were in the R that the code counts on: R reads this before
# a script that is older than the R here. What the script itself asks for wins.
local({
  counts_on <- package_version(Sys.getenv("REPROKIT_R_DEFAULTS", "99.0"))

  # Since R 3.6.0 sample() draws other numbers from the same seed. R warns of the earlier way.
  # Source: https://cran.r-project.org/doc/manuals/r-release/NEWS.3.html
  if (counts_on < "3.6" && getRversion() >= "3.6.0") {
    suppressWarnings(RNGkind(sample.kind = "Rounding"))
  }

  # Before R 4.0.0 text became factors in data frames. The option that says so has no effect since
  # R 4.3, and would concern packages of today as well, which count on what R does today.
  # Source: https://cran.r-project.org/doc/manuals/r-release/NEWS.html
  if (counts_on < "4.0" && getRversion() >= "4.0.0") {
    options(stringsAsFactors = NULL)
    mine <- c("base", "stats", "utils", "methods", "graphics", "grDevices", "tools", "parallel")
    # Whether the script itself called, if through functions of R's own.
    factors <- function() {
      chosen <- getOption("stringsAsFactors")
      if (is.logical(chosen)) return(isTRUE(chosen))
      callers <- sys.parents()
      caller <- callers[sys.parent()]
      while (caller > 0) {
        place <- topenv(sys.frame(caller))
        if (identical(place, globalenv())) return(TRUE)
        if (!isNamespace(place) || !getNamespaceName(place) %in% mine) return(FALSE)
        caller <- min(callers[caller], caller - 1)
      }
      TRUE
    }
    adapt <- function(name, package) {
      place <- asNamespace(package)
      adapted <- get(name, envir = place, inherits = FALSE)
      formals(adapted)$stringsAsFactors <- as.call(list(factors))
      unlockBinding(name, place)
      assign(name, adapted, envir = place)
      lockBinding(name, place)
    }
    for (name in c("data.frame", "as.data.frame.list", "as.data.frame.matrix",
                   "as.data.frame.character", "rbind.data.frame")) adapt(name, "base")
    adapt("read.table", "utils")
  }
})
