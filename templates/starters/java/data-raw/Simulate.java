import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Random;

/**
 * How data/arrivals.csv was made. No part of the experiment: its output lies in data/.
 *
 * <pre>java data-raw/Simulate.java</pre>
 */
public class Simulate {
    public static void main(String[] arguments) throws IOException {
        Random random = new Random(20260101);
        try (PrintWriter file = new PrintWriter(Files.newBufferedWriter(Path.of("data/arrivals.csv")))) {
            file.print("gap,service\n");
            for (int customer = 0; customer < 400; customer++) {
                double gap = -Math.log(1 - random.nextDouble());
                double service = -1.8 * Math.log(1 - random.nextDouble());
                file.printf(Locale.ROOT, "%.3f,%.3f\n", gap, service);
            }
        }
    }
}
