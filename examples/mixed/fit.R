# Estimates vmax and km of Michaelis and Menten's law by weighted non-linear least squares: the
# noise of the assay is proportional to the rate.

measurements <- read.csv("results/measurements.csv")

fit <- nls(
  rate ~ vmax * substrate / (km + substrate),
  data = measurements,
  start = list(vmax = max(measurements$rate), km = median(measurements$substrate)),
  weights = 1 / rate^2
)

estimates <- summary(fit)$coefficients
width <- qt(0.975, df.residual(fit)) * estimates[, "Std. Error"]
parameters <- data.frame(
  parameter = rownames(estimates),
  estimate = signif(estimates[, "Estimate"], 6),
  lower = signif(estimates[, "Estimate"] - width, 6),
  upper = signif(estimates[, "Estimate"] + width, 6)
)
write.csv(parameters, "results/parameters.csv", row.names = FALSE, quote = FALSE)

jsonlite::write_json(
  list(
    model = "rate = vmax * substrate / (km + substrate)",
    observations = nrow(measurements),
    residual_error = signif(sigma(fit), 6)
  ),
  "results/fit.json",
  auto_unbox = TRUE, digits = NA, pretty = TRUE
)
print(parameters, row.names = FALSE)
