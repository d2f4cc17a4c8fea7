package study;

import java.awt.Color;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jfree.chart.ChartFactory;
import org.jfree.chart.ChartUtils;
import org.jfree.chart.JFreeChart;
import org.jfree.data.statistics.Statistics;
import org.jfree.data.xy.XYSeries;
import org.jfree.data.xy.XYSeriesCollection;

/** Which queue is faster? Reads data/arrivals.csv; writes a table and a figure to results/. */
public class Main {
    /** A customer: minutes since the one before, and minutes at the counter. */
    record Customer(double gap, double service) {}

    public static void main(String[] arguments) throws IOException {
        List<Customer> customers = read(Path.of("data/arrivals.csv"));
        Path results = Files.createDirectories(Path.of("results"));
        XYSeries each = new XYSeries("a queue for each counter");
        XYSeries single = new XYSeries("a single queue");
        try (PrintWriter table = new PrintWriter(Files.newBufferedWriter(results.resolve("waiting.csv")))) {
            table.print("speed,each,single\n");
            for (double speed = 1.0; speed < 2.01; speed += 0.125) {
                each.add(speed, mean(waiting(customers, speed, false)));
                single.add(speed, mean(waiting(customers, speed, true)));
                int last = each.getItemCount() - 1;
                table.printf(Locale.ROOT, "%.3f,%.4f,%.4f\n",
                        speed, each.getY(last), single.getY(last));
            }
        }
        XYSeriesCollection data = new XYSeriesCollection(each);
        data.addSeries(single);
        JFreeChart figure = ChartFactory.createXYLineChart(
                null, "Speed of serving", "Mean waiting time (min)", data);
        figure.getXYPlot().setBackgroundPaint(Color.WHITE);
        ChartUtils.saveChartAsPNG(results.resolve("waiting.png").toFile(), figure, 900, 600);
        System.out.printf(Locale.ROOT, "mean waiting time: %.2f min with a queue for each counter, "
                + "%.2f min with a single one%n", each.getY(0), single.getY(0));
    }

    /** The minutes that each customer waits at one of two counters. */
    static List<Double> waiting(List<Customer> customers, double speed, boolean single) {
        double[] free = new double[2];
        List<Double> waits = new ArrayList<>();
        double now = 0;
        int turn = 0;
        for (Customer customer : customers) {
            now += customer.gap();
            // With a queue for each, customers choose in turn; with one, the first free counter.
            int counter = single ? (free[0] <= free[1] ? 0 : 1) : turn++ % 2;
            double begins = Math.max(now, free[counter]);
            free[counter] = begins + customer.service() / speed;
            waits.add(begins - now);
        }
        return waits;
    }

    static double mean(List<Double> values) {
        return Statistics.calculateMean(values);
    }

    static List<Customer> read(Path path) throws IOException {
        return Files.readAllLines(path).stream()
                .skip(1)
                .map(line -> line.split(","))
                .map(row -> new Customer(Double.parseDouble(row[0]), Double.parseDouble(row[1])))
                .toList();
    }
}
