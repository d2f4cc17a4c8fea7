# How data/barley.csv.gz was made. Not part of the experiment: its output is in the repository.
#
#   Rscript data-raw/simulate.R
#
# Height in cm of barley in 24 plots, measured in 6 weeks, under 4 doses of nitrogen (kg/ha):
#
#   height = 12 + 9.5 * week + 0.055 * nitrogen + 0.020 * week * nitrogen + plot + error
#
# with plot ~ N(0, 4^2), the same for all weeks of a plot, and error ~ N(0, 3^2).

set.seed(20240601)

plots <- data.frame(plot = sprintf("P%02d", 1:24), nitrogen = rep(c(0, 40, 80, 120), each = 6))
plots$effect <- rnorm(nrow(plots), sd = 4)

trial <- merge(plots, data.frame(week = 1:6))
trial <- trial[order(trial$plot, trial$week), ]
trial$height <- with(
  trial,
  12 + 9.5 * week + 0.055 * nitrogen + 0.020 * week * nitrogen + effect +
    rnorm(nrow(trial), sd = 3)
)
trial$height <- round(trial$height, 1)

# gzfile() writes no name and no time, so the same data give the same file.
connection <- gzfile("data/barley.csv.gz", "w")
write.csv(trial[c("plot", "nitrogen", "week", "height")], connection, row.names = FALSE)
close(connection)
