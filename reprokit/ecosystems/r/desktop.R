# What scripts written at somebody's desk ask for, and a container has not: the author's folders,
# RStudio, windows, and packages installed on the way. R reads this before a script where that asks
# for such a thing; the script itself is as its author left it.
local({
  if (file.exists(".Rprofile")) sys.source(".Rprofile", envir = globalenv())
  told <- function(...) message("reprokit: ", ...)

  put <- function(name, package, value) {
    place <- if (package == "base") baseenv() else asNamespace(package)
    if (!exists(name, envir = place, inherits = FALSE)) return(invisible())
    unlockBinding(name, place)
    assign(name, value, envir = place)
    lockBinding(name, place)
  }

  # A folder of the author's machine: the longest end of it that the project has, else where the
  # script was started.
  home <- getwd()
  change <- base::setwd
  put("setwd", "base", function(dir) {
    foreign <- is.character(dir) && length(dir) == 1 && !dir.exists(dir) &&
      grepl("^(/|~|[A-Za-z]:)", dir)
    if (!foreign) return(invisible(change(dir)))
    parts <- strsplit(gsub("\\", "/", dir, fixed = TRUE), "/", fixed = TRUE)[[1]]
    ends <- vapply(seq_along(parts)[-1], function(from) {
      file.path("/app", paste(parts[from:length(parts)], collapse = "/"))
    }, "")
    here <- c(ends[dir.exists(ends)], home)[1]
    told("there is no ", dir, " here; working in ", here)
    invisible(change(here))
  })

  script <- function() {
    files <- lapply(sys.frames(), function(frame) frame$ofile)
    file <- unlist(files)[1]
    if (is.null(file) || is.na(file)) {
      file <- sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE))[1]
    }
    if (is.na(file)) file <- "."
    if (grepl("^/", file)) file else normalizePath(file.path(home, file), mustWork = FALSE)
  }
  setHook(packageEvent("rstudioapi", "onLoad"), function(...) {
    context <- function(...) list(id = "", path = script(), contents = character())
    put("getActiveDocumentContext", "rstudioapi", context)
    put("getSourceEditorContext", "rstudioapi", context)
    put("getActiveProject", "rstudioapi", function(...) "/app")
  })

  installs <- function(pkgs = "packages", ...) {
    told("nothing is installed while it runs: ", paste(as.character(pkgs), collapse = ", "))
    invisible(NULL)
  }
  put("install.packages", "utils", installs)
  for (package in c("remotes", "devtools")) local({
    installer <- package
    setHook(packageEvent(installer, "onLoad"), function(...) {
      names <- getNamespaceExports(installer)
      for (name in grep("^install_(github|gitlab|cran|version|url|bioc)$", names, value = TRUE)) {
        put(name, installer, installs)
      }
    })
  })

  put("View", "utils", function(...) invisible(NULL))
  draws <- function(...) grDevices::dev.new()
  put("X11", "grDevices", draws)
  put("x11", "grDevices", draws)
  devices <- list(windows = draws, win.graph = draws, quartz = draws)
  attach(devices, name = "reprokit:devices", warn.conflicts = FALSE)
})
