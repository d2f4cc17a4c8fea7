# Does light slow down roots? Reads data/roots.csv; writes two tables and a figure to results/.

library(ggplot2)

dir.create("results", showWarnings = FALSE)
roots <- read.csv("data/roots.csv")

fit <- lm(length ~ light, data = roots)
effects <- data.frame(
  term = names(coef(fit)),
  estimate = coef(fit),
  confint(fit),
  p = summary(fit)$coefficients[, 4]
)
names(effects)[3:4] <- c("lower", "upper")
effects[-1] <- signif(effects[-1], 5)
write.csv(effects, "results/effects.csv", row.names = FALSE)

tukey <- TukeyHSD(aov(length ~ factor(light), data = roots))[[1]]
comparison <- data.frame(doses = rownames(tukey), signif(tukey, 5), check.names = FALSE)
write.csv(comparison, "results/comparison.csv", row.names = FALSE)

figure <- ggplot(roots, aes(light, length)) +
  geom_point() +
  geom_smooth(method = "lm", formula = y ~ x) +
  labs(x = "Light (mol per square metre and day)", y = "Root length (mm)") +
  theme_bw()
ggsave("results/roots.png", figure, width = 6, height = 4, dpi = 150)

print(effects, row.names = FALSE)
