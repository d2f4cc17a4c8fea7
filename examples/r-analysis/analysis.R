# Does nitrogen make barley grow faster? A linear mixed model of a field trial.
#
# Reads data/barley.csv.gz; writes the table of effects, a bootstrap interval and a figure to
# results/.

library(nlme)
library(ggplot2)

set.seed(42)
dir.create("results", showWarnings = FALSE)

trial <- read.csv("data/barley.csv.gz", stringsAsFactors = TRUE)
stopifnot(nrow(trial) == 144, !anyNA(trial))

# Weeks of one plot are alike: each plot has an intercept of its own.
model <- lme(height ~ week * nitrogen, random = ~ 1 | plot, data = trial, method = "REML")

effects <- as.data.frame(summary(model)$tTable)
names(effects) <- c("estimate", "standard_error", "df", "t", "p")
intervals <- intervals(model, which = "fixed")$fixed
effects <- cbind(
  term = rownames(effects), effects,
  lower = intervals[, "lower"], upper = intervals[, "upper"]
)
write.csv(effects, "results/effects.csv", row.names = FALSE)

# How far the conclusion depends on which plots were measured: resample whole plots.
slope <- function(plots) {
  resampled <- do.call(rbind, lapply(seq_along(plots), function(i) {
    transform(trial[trial$plot == plots[i], ], plot = i)
  }))
  fixef(lme(height ~ week * nitrogen, random = ~ 1 | plot, data = resampled))["week:nitrogen"]
}
bootstrap <- replicate(100, slope(sample(levels(trial$plot), replace = TRUE)))

deviations <- as.numeric(VarCorr(model)[, "StdDev"])
summary_table <- data.frame(
  quantity = c("plots", "observations", "sd_plot", "sd_residual", "bootstrap_lower",
               "bootstrap_upper"),
  value = c(nlevels(trial$plot), nrow(trial), deviations, quantile(bootstrap, c(0.025, 0.975)))
)
write.csv(summary_table, "results/summary.csv", row.names = FALSE)

trial$fitted <- fitted(model, level = 0)
figure <- ggplot(trial, aes(week, height, colour = factor(nitrogen))) +
  geom_point(alpha = 0.5, size = 1.2) +
  geom_line(aes(y = fitted)) +
  labs(x = "Week", y = "Height (cm)", colour = "Nitrogen (kg/ha)") +
  theme_minimal()
ggsave("results/figure.png", figure, width = 16, height = 10, units = "cm", dpi = 150)

print(effects, digits = 4, row.names = FALSE)
print(summary_table, digits = 4, row.names = FALSE)
