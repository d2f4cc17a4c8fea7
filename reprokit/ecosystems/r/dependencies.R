# Lists the packages that R files use, as R's own parser sees them. Files are parsed, never run.
#
# Usage: Rscript dependencies.R FOLDER
# Prints one line a finding: file name, "package" or "error", and the package or R's message,
# separated by tabs.

folder <- commandArgs(trailingOnly = TRUE)[1]

report <- function(file, kind, text) {
  cat(file, kind, gsub("[[:cntrl:]]+", " ", text), sep = "\t")
  cat("\n")
}

# The strings of a literal, or of c("a", "b").
strings <- function(value) {
  if (is.character(value)) return(value)
  if (is.call(value) && identical(value[[1]], quote(c))) {
    return(unlist(lapply(as.list(value)[-1], function(v) if (is.character(v)) v)))
  }
  character()
}

# Missing arguments, as in x[1, ], are empty symbols: touching them is an error.
is_empty <- function(value) is.symbol(value) && !nzchar(as.character(value))

argument <- function(arguments, name, position = 1) {
  named <- names(arguments)
  if (is.null(named)) named <- rep("", length(arguments))
  if (name %in% named) return(arguments[[which(named == name)[1]]])
  plain <- arguments[named == ""]
  if (length(plain) >= position && !is_empty(plain[[position]])) plain[[position]] else NULL
}

attached <- function(arguments) {
  package <- argument(arguments, "package")
  by_value <- argument(arguments[names(arguments) %in% "character.only"], "character.only")
  if (isTRUE(by_value) || identical(by_value, quote(T))) return(strings(package))
  if (is.symbol(package) || is.character(package)) as.character(package) else character()
}

called <- function(name, arguments) {
  switch(name,
    library = , require = attached(arguments),
    requireNamespace = , loadNamespace = , attachNamespace =
      strings(argument(arguments, "package")),
    p_load = {
      named <- names(arguments)
      if (is.null(named)) named <- rep("", length(arguments))
      plain <- Filter(function(a) is.symbol(a) || is.character(a), arguments[named == ""])
      c(vapply(plain, as.character, ""), unlist(lapply(arguments[named == "char"], strings)))
    },
    character()
  )
}

walk <- function(expression, found) {
  if (is.call(expression)) {
    head <- expression[[1]]
    if (is.symbol(head) && as.character(head) %in% c("::", ":::") && length(expression) == 3) {
      found(as.character(expression[[2]]))
      return(invisible())
    }
    name <- head
    if (is.call(head) && as.character(head[[1]])[1] %in% c("::", ":::")) name <- head[[3]]
    if (is.symbol(name) || is.character(name)) {
      for (package in called(as.character(name), as.list(expression)[-1])) found(package)
    }
  }
  if (is.call(expression) || is.pairlist(expression) || is.expression(expression)) {
    parts <- as.list(expression)
    # By index: a loop variable that holds an empty symbol counts as a missing argument.
    for (i in seq_along(parts)) if (!is_empty(parts[[i]])) walk(parts[[i]], found)
  }
}

for (file in sort(list.files(folder, pattern = "[.]R$"))) {
  parsed <- tryCatch(
    parse(file.path(folder, file), keep.source = FALSE, encoding = "UTF-8"),
    error = function(problem) problem
  )
  if (inherits(parsed, "error")) {
    report(file, "error", conditionMessage(parsed))
    next
  }
  packages <- character()
  walk(parsed, function(package) packages <<- c(packages, package))
  for (package in sort(unique(packages))) report(file, "package", package)
}
