import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.apache.commons.math3.ode.FirstOrderDifferentialEquations;
import org.apache.commons.math3.ode.nonstiff.DormandPrince853Integrator;
import org.apache.commons.math3.random.MersenneTwister;

/**
 * Simulates an enzyme assay: for each amount of substrate, how fast product appears in the first
 * seconds, measured four times with noise. The truth is VMAX and KM below; fit.R has to find it.
 */
public final class Assay {
    /** Highest rate of the reaction, millimole per litre and minute. */
    static final double VMAX = 2.0;
    /** Concentration of substrate at which the rate is half of that, millimole per litre. */
    static final double KM = 5.0;
    /** Standard deviation of the noise, as a share of the rate. */
    static final double NOISE = 0.03;
    /** How long each reaction is watched, minutes: short, so that little substrate is used up. */
    static final double WATCHED = 0.02;

    static final double[] SUBSTRATE = {0.5, 1, 2, 4, 8, 16, 32, 64};
    static final int REPLICATES = 4;
    static final int SEED = 1913;

    /** Michaelis and Menten's law: dS/dt = -VMAX S / (KM + S). */
    private static final FirstOrderDifferentialEquations LAW = new FirstOrderDifferentialEquations() {
        @Override
        public int getDimension() {
            return 1;
        }

        @Override
        public void computeDerivatives(double time, double[] substrate, double[] change) {
            change[0] = -VMAX * substrate[0] / (KM + substrate[0]);
        }
    };

    private Assay() {}

    public static void main(String[] arguments) throws IOException {
        MersenneTwister random = new MersenneTwister(SEED);
        Path results = Files.createDirectories(Path.of("results"));
        Path table = results.resolve("measurements.csv");
        try (PrintWriter out = new PrintWriter(Files.newBufferedWriter(table, StandardCharsets.UTF_8))) {
            out.print("substrate,replicate,rate\n");
            for (double substrate : SUBSTRATE) {
                double rate = rate(substrate);
                for (int replicate = 1; replicate <= REPLICATES; replicate++) {
                    double measured = rate * (1 + NOISE * random.nextGaussian());
                    out.printf(Locale.ROOT, "%.1f,%d,%.6f%n", substrate, replicate, measured);
                }
            }
        }
        System.out.printf("simulated %d measurements%n", SUBSTRATE.length * REPLICATES);
    }

    /** The mean rate at which substrate disappears while the reaction is watched. */
    static double rate(double substrate) {
        double[] left = new double[1];
        new DormandPrince853Integrator(1e-8, WATCHED, 1e-12, 1e-12)
            .integrate(LAW, 0, new double[] {substrate}, WATCHED, left);
        return (substrate - left[0]) / WATCHED;
    }
}
