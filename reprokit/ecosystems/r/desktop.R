# What scripts written at somebody's desk ask for, and a container has not: the author's folders,
# RStudio, windows, screens to copy from, and packages installed on the way. R reads this before a
# script where that asks for such a thing; the script itself is as its author left it.
local({
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
    put("documentPath", "rstudioapi", function(...) script())
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

  # What no device was opened for is drawn into Rplots.pdf, as ever. A screen remembers what is on it
  # and a file does not, of which dev.copy() and the like would make an empty picture: this one does.
  # As R has it, only dev.new() does not write over what is there. A copy has the screen's background:
  # RStudio's is white, and windows of their own are transparent.
  screen <- function() {
    given <- c(as.list(match.call())[-1L], if (missing(bg)) list(bg = bg))
    anew <- identical(sys.function(sys.parent()), grDevices::dev.new)
    if (anew && is.null(given$file) && file.exists("Rplots.pdf")) {
      names <- paste0("Rplots", 1:999, ".pdf")
      given$file <- names[!file.exists(names)][1L]
    }
    do.call(grDevices::pdf, given)
    grDevices::dev.control("enable")
  }
  formals(screen) <- formals(grDevices::pdf)
  formals(screen)$bg <- "white"
  options(device = screen)

  # Where nothing is drawn yet, there is nothing to close: at a desk the next line would go on.
  close <- grDevices::dev.off
  put("dev.off", "grDevices", function(which = grDevices::dev.cur()) {
    if (which == 1) return(invisible(grDevices::dev.cur()))
    close(which)
  })

  draws <- function(width = 7, height = 7) {
    size <- Filter(is.numeric, list(width = width, height = height))
    do.call(grDevices::dev.new, c(size, bg = "transparent"))
  }
  # A copy of the screen in a file, as large as it would be there.
  save <- function(filename, type, resolution) {
    if (!asNamespace("grDevices")$dev.displaylist()) stop("can only save what is drawn on a screen")
    bitmaps <- c(png = "png", jpeg = "jpeg", jpg = "jpeg", tiff = "tiff", tif = "tiff", bmp = "bmp")
    size <- grDevices::dev.size("in")
    place <- list(width = size[1], height = size[2])
    if (type %in% names(bitmaps)) {
      name <- bitmaps[[type]]
      more <- list(filename = filename, units = "in", res = resolution)
    } else {
      name <- switch(type, pdf = "pdf", ps = , eps = "postscript", svg = "svg",
                     stop("nothing here draws a picture of the type ", type))
      more <- list(file = filename)
      if (name == "postscript") more <- c(more, onefile = FALSE, horizontal = FALSE, paper = "special")
    }
    from <- grDevices::dev.cur()
    do.call(grDevices::dev.copy, c(list(get(name, asNamespace("grDevices"))), more, place))
    grDevices::dev.off()
    grDevices::dev.set(from)
    invisible()
  }
  ending <- function(filename) {
    found <- tolower(sub(".*[.]", "", basename(filename)))
    if (grepl(".", basename(filename), fixed = TRUE)) found else "png"
  }
  window <- function(width = 7, height = 7, ...) draws(width, height)
  x11 <- function(display = "", width = 7, height = 7, ...) draws(width, height)
  devices <- list(
    X11 = x11,
    x11 = x11,
    windows = window,
    win.graph = window,
    savePlot = function(filename = "Rplot", type = ending(filename), ...) {
      type <- tolower(type[1])
      if (!grepl(".", basename(filename), fixed = TRUE)) filename <- paste0(filename, ".", type)
      save(filename, type, 96)
    },
    quartz = function(title, width = 7, height = 7, ..., type = "native", file = NULL, dpi = 72) {
      if (is.null(file)) return(draws(width, height))
      if (type == "pdf") return(grDevices::pdf(file, width, height))
      device <- get(type, asNamespace("grDevices"))
      device(file, width = width, height = height, units = "in", res = dpi)
    },
    quartz.save = function(file, type = "png", ..., dpi = 100) save(file, tolower(type), dpi)
  )
  # Some are part of every R, and the others of one system's.
  for (name in names(devices)) put(name, "grDevices", devices[[name]])
  attach(devices, name = "reprokit:devices", warn.conflicts = FALSE)
})
