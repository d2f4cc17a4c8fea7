# How data/roots.csv was made. No part of the experiment: its output lies in data/.
#
#     Rscript data-raw/simulate.R

set.seed(20260101)
light <- rep(c(5, 10, 20), each = 12)
roots <- data.frame(
  plant = sprintf("p%02d", seq_along(light)),
  light = light,
  length = round(31 - 0.35 * light + rnorm(length(light), sd = 2.1), 1)
)
write.csv(roots, "data/roots.csv", row.names = FALSE, quote = FALSE)
