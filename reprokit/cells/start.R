# Runs the text of a `%%repro` cell in R, inside the container, with the values it was given.
#
# Beside this file lie cell.R (the cell), given.R (what makes its values), outputs.R (the names of
# what is taken) and in/ (values that are no R). Nothing but base R is needed, and nothing here is
# seen by the cell.

local({
  words <- commandArgs(FALSE)
  here <- dirname(sub("^--file=", "", grep("^--file=", words, value = TRUE)[1]))
  taken <- commandArgs(TRUE)[1]

  # A container without a locale would write letters as <U+00E9>.
  if (!l10n_info()[["UTF-8"]]) suppressWarnings(Sys.setlocale("LC_CTYPE", "C.UTF-8"))

  # -- values that go in ---------------------------------------------------------------------

  .path <- function(name) file.path(here, "in", name)

  .vector <- function(name, like) {
    sizes <- c(logical = 4, integer = 4, double = 8, complex = 16)
    kind <- typeof(like)
    count <- file.info(.path(name))$size / sizes[[kind]]
    what <- if (kind == "logical") "integer" else kind
    values <- readBin(.path(name), what, count, endian = "little")
    if (kind == "logical") as.logical(values) else values
  }

  .text <- function(name, count, missing) {
    values <- readBin(.path(name), "character", count)
    Encoding(values) <- "UTF-8"
    values[missing] <- NA_character_
    values
  }

  .frame <- function(columns, titles, rows, names) {
    row_names <- if (is.null(names)) .set_row_names(rows) else names
    structure(columns, names = as.character(titles), row.names = row_names, class = "data.frame")
  }

  # -- values that come out ------------------------------------------------------------------

  refuse <- function(...) stop(structure(
    class = c("cannot_carry", "error", "condition"),
    list(message = paste0(...), call = NULL)
  ))

  quoted <- function(text) {
    if (!length(text)) return(character(0))
    text <- enc2utf8(text)
    text <- gsub("\\", "\\\\", text, fixed = TRUE)
    text <- gsub("\"", "\\\"", text, fixed = TRUE)
    text <- gsub("\n", "\\n", text, fixed = TRUE)
    for (code in setdiff(1:31, 10)) {
      text <- gsub(intToUtf8(code), sprintf("\\u%04x", code), text, fixed = TRUE)
    }
    paste0("\"", text, "\"")
  }

  # A double is written so that it stays one: 3 would be a whole number elsewhere.
  number <- function(x) {
    text <- sprintf("%.17g", x)
    whole <- is.finite(x) & !grepl("[.e]", text)
    text[whole] <- paste0(text[whole], ".0")
    text[is.nan(x)] <- "NaN"
    text[!is.na(x) & x == Inf] <- "Infinity"
    text[!is.na(x) & x == -Inf] <- "-Infinity"
    text[is.na(x) & !is.nan(x)] <- "null"
    text
  }

  scalars <- function(x) {
    text <- switch(typeof(x),
      logical = ifelse(x, "true", "false"),
      integer = sprintf("%d", x),
      double = return(number(x)),
      character = quoted(x)
    )
    text[is.na(x)] <- "null"
    text
  }

  json <- function(x, called) {
    if (is.null(x)) return("null")
    if (is.object(x)) {
      refuse(called, " is of class ", class(x)[1])
    }
    if (is.list(x)) {
      at <- if (is.null(names(x))) seq_along(x) else names(x)
      parts <- vapply(seq_along(x), function(i) json(x[[i]], paste0(called, "[[", at[i], "]]")), "")
    } else if (is.atomic(x) && typeof(x) %in% c("logical", "integer", "double", "character")) {
      parts <- scalars(x)
      if (length(x) == 1 && is.null(names(x))) return(parts)
    } else {
      refuse(called, " is of type ", typeof(x))
    }
    if (is.null(names(x))) return(paste0("[", paste(parts, collapse = ","), "]"))
    if (anyDuplicated(names(x))) refuse(called, " has two parts of one name")
    paste0("{", paste0(quoted(names(x)), ":", parts, collapse = ","), "}")
  }

  write_text <- function(text, path) writeBin(charToRaw(enc2utf8(text)), path)

  # A file of NumPy's format: a header of text, and the values column by column.
  write_array <- function(x, path) {
    kind <- typeof(x)
    descr <- c(logical = "|b1", integer = "<i4", double = "<f8", complex = "<c16")[[kind]]
    lengths <- if (is.null(dim(x))) length(x) else dim(x)
    shape <- paste0(sprintf("%d,", lengths), collapse = " ")
    header <- sprintf("{'descr': '%s', 'fortran_order': True, 'shape': (%s), }", descr, shape)
    padding <- (64 - (10 + nchar(header) + 1) %% 64) %% 64
    header <- charToRaw(paste0(header, strrep(" ", padding), "\n"))
    out <- file(path, "wb")
    on.exit(close(out))
    writeBin(as.raw(c(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0)), out)
    writeBin(length(header), out, size = 2, endian = "little")
    writeBin(header, out)
    if (kind == "logical") writeBin(as.integer(x), out, size = 1, endian = "little")
    else writeBin(as.vector(x), out, endian = "little")
  }

  write_strings <- function(x, path) {
    out <- file(path, "wb")
    on.exit(close(out))
    x <- enc2utf8(x)
    x[is.na(x)] <- ""
    if (length(x)) writeBin(x, out, useBytes = TRUE)
  }

  # What `frames` of the carrying module reads.
  column <- function(x, folder, stem, called) {
    at <- function(ending) file.path(folder, paste0(stem, ending))
    if (is.factor(x)) {
      codes <- as.integer(x) - 1L
      codes[is.na(codes)] <- -1L
      write_array(codes, at(".codes.npy"))
      levels <- column(levels(x), folder, paste0(stem, ".categories"), called)
      return(sprintf(
        '{"type":"category","categories":%s,"count":%d,"ordered":%s}',
        levels, nlevels(x), if (is.ordered(x)) "true" else "false"
      ))
    }
    if (inherits(x, "POSIXct") || inherits(x, "Date")) {
      zone <- attr(x, "tzone")
      zone <- if (is.null(zone) || !nzchar(zone[1])) "null" else quoted(zone[1])
      write_array(as.double(unclass(x)), at(".npy"))
      unit <- if (inherits(x, "Date")) "D" else "s"
      return(sprintf('{"type":"values","unit":"%s","tz":%s}', unit, zone))
    }
    if (inherits(x, "difftime")) {
      write_array(as.double(x, units = "secs"), at(".npy"))
      return('{"type":"values","unit":"elapsed"}')
    }
    if (is.object(x) || !is.null(dim(x))) {
      refuse(called, " is of class ", class(x)[1])
    }
    if (is.character(x)) {
      write_strings(x, at(".text"))
      if (anyNA(x)) write_array(is.na(x), at(".mask.npy"))
      return('{"type":"text","dtype":"str"}')
    }
    masked <- c(logical = "boolean", integer = "Int32")
    kind <- typeof(x)
    if (!kind %in% c("logical", "integer", "double", "complex")) {
      refuse(called, " is of type ", kind)
    }
    if (kind %in% names(masked) && anyNA(x)) {
      write_array(is.na(x), at(".mask.npy"))
      x[is.na(x)] <- if (kind == "logical") FALSE else 0L
      write_array(x, at(".npy"))
      return(sprintf('{"type":"values","masked":"%s"}', masked[[kind]]))
    }
    write_array(x, at(".npy"))
    '{"type":"values"}'
  }

  frame <- function(x, folder, called) {
    dir.create(folder)
    columns <- vapply(seq_along(x), function(i) {
      column(x[[i]], folder, i - 1, paste0(called, "$", names(x)[i]))
    }, "")
    rows <- nrow(x)
    index <- sprintf('{"range":[0,%d,1],"names":[null]}', rows)
    if (is.character(attr(x, "row.names"))) {
      labels <- column(row.names(x), folder, "index0", called)
      index <- sprintf('{"columns":[%s],"names":[null]}', labels)
    }
    write_text(sprintf(
      '{"kind":"frame","rows":%d,"names":[%s],"columns_name":null,"columns":[%s],"index":%s}',
      rows, paste(quoted(as.character(names(x))), collapse = ","), paste(columns, collapse = ","), index
    ), file.path(folder, "frame.json"))
  }

  take <- function(x, stem, called) {
    path <- function(ending) file.path(taken, paste0(stem, ending))
    if (is.data.frame(x)) {
      frame(x, path(".frame"), called)
    } else if (is.complex(x) || (is.array(x) && !is.object(x) && (is.numeric(x) || is.logical(x)))) {
      if (is.integer(x) && anyNA(x)) storage.mode(x) <- "double"
      if (is.logical(x) && anyNA(x)) refuse(called, " is an array of truth values with NA")
      write_array(x, path(".npy"))
    } else if (is.array(x)) {
      refuse(called, " is a ", class(x)[1], " of type ", typeof(x))
    } else {
      write_text(json(x, called), path(".json"))
    }
  }

  # -- the cell ------------------------------------------------------------------------------

  end <- function(error, line = NULL, missing = NULL, carried = FALSE) {
    write_text(json(list(error = error, line = line, missing = missing, carried = carried), ""),
      file.path(taken, "ending.json"))
    quit(save = "no", status = 1)
  }

  figures <- file.path(taken, "figures")
  options(device = function(...) {
    dir.create(figures, showWarnings = FALSE)
    type <- if (capabilities("cairo")) "cairo" else getOption("bitmapType")
    grDevices::png(file.path(figures, "figure-%d.png"), 7, 5, units = "in", res = 100, type = type)
  })

  given <- eval(parse(file.path(here, "given.R"), encoding = "UTF-8", keep.source = FALSE))
  list2env(given, globalenv())
  wanted <- eval(parse(file.path(here, "outputs.R"), encoding = "UTF-8", keep.source = FALSE))

  now <- NULL
  lines <- readLines(file.path(here, "cell.R"), encoding = "UTF-8", warn = FALSE)
  code <- tryCatch(
    parse(text = lines, keep.source = TRUE, srcfile = srcfilecopy("<cell>", lines)),
    error = function(error) {
      said <- conditionMessage(error)
      message("Error: ", said)
      place <- regmatches(said, regexec("<(cell|text)>:([0-9]+):", said))[[1]]
      end(sub("\n.*", "", said), if (length(place)) as.integer(place[3]))
    }
  )
  places <- vapply(attr(code, "srcref"), function(reference) as.integer(reference)[1], 1L)

  # Which lines of the cell were being run, from the outermost.
  lines_of <- function(calls) {
    found <- lapply(calls, function(call) {
      reference <- attr(call, "srcref")
      if (is.null(reference) || !identical(attr(reference, "srcfile")$filename, "<cell>")) NULL
      else as.integer(reference)[1]
    })
    unlist(found)
  }

  failed <- function(error) {
    lines <- c(places[now], lines_of(sys.calls()))
    call <- conditionCall(error)
    # An error of the cell's own lines is in no function.
    if (identical(call, quote(eval(code[[at]], globalenv())))) call <- NULL
    where <- if (is.null(call)) "" else paste0(" in ", paste(deparse(call)[1], collapse = ""))
    message("Error", where, " : ", conditionMessage(error))
    for (line in unique(lines)) message("  line ", line, " of the cell")
    grDevices::graphics.off()
    missing <- if (inherits(error, "packageNotFoundError")) error$package
    end(paste0("Error", where, ": ", conditionMessage(error)), utils::tail(lines, 1), missing)
  }

  for (at in seq_along(code)) {
    now <- at
    shown <- withCallingHandlers(withVisible(eval(code[[at]], globalenv())), error = failed)
    if (shown$visible) withCallingHandlers(print(shown$value), error = failed)
  }
  grDevices::graphics.off()
  for (at in seq_along(wanted)) {
    name <- wanted[at]
    if (!exists(name, globalenv(), inherits = FALSE)) {
      end(paste0("the cell sets no ", name, ", which is to be taken out of it"))
    }
    tryCatch(take(get(name, globalenv()), at - 1, name), cannot_carry = function(error) {
      said <- paste0(conditionMessage(error), ", which cannot be taken out of the container")
      end(said, carried = TRUE)
    })
  }
})
