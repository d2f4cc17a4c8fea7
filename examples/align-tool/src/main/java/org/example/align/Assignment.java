package org.example.align;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** The one-to-one alignment with the greatest sum of similarities (the Hungarian method). */
public final class Assignment {

    private Assignment() {
    }

    /** The best pairs whose similarity reaches the threshold, sorted by their names. */
    public static List<Cell> oneToOne(
            Ontology a, Ontology b, double[][] similarities, double threshold) {
        int size = Math.max(a.size(), b.size());
        double[][] costs = new double[size][size];
        for (int i = 0; i < a.size(); i++) {
            for (int j = 0; j < b.size(); j++) {
                // Pairs below the threshold are worth nothing: they must not displace good ones.
                costs[i][j] = similarities[i][j] >= threshold ? -similarities[i][j] : 0;
            }
        }
        int[] partners = cheapest(costs);
        List<Cell> cells = new ArrayList<>();
        for (int i = 0; i < a.size(); i++) {
            int j = partners[i];
            if (j < b.size() && similarities[i][j] >= threshold) {
                cells.add(new Cell(a.get(i).iri(), b.get(j).iri(), similarities[i][j]));
            }
        }
        cells.sort(Comparator.comparing(Cell::entity1).thenComparing(Cell::entity2));
        return cells;
    }

    /** The column for each row of a square matrix such that the sum of costs is least. */
    static int[] cheapest(double[][] costs) {
        int size = costs.length;
        double[] rows = new double[size + 1];
        double[] columns = new double[size + 1];
        int[] rowOf = new int[size + 1];
        int[] way = new int[size + 1];
        for (int row = 1; row <= size; row++) {
            rowOf[0] = row;
            int column = 0;
            double[] least = new double[size + 1];
            boolean[] used = new boolean[size + 1];
            Arrays.fill(least, Double.POSITIVE_INFINITY);
            do {
                used[column] = true;
                int current = rowOf[column];
                int following = 0;
                double delta = Double.POSITIVE_INFINITY;
                for (int j = 1; j <= size; j++) {
                    if (!used[j]) {
                        double reduced = costs[current - 1][j - 1] - rows[current] - columns[j];
                        if (reduced < least[j]) {
                            least[j] = reduced;
                            way[j] = column;
                        }
                        if (least[j] < delta) {
                            delta = least[j];
                            following = j;
                        }
                    }
                }
                for (int j = 0; j <= size; j++) {
                    if (used[j]) {
                        rows[rowOf[j]] += delta;
                        columns[j] -= delta;
                    } else {
                        least[j] -= delta;
                    }
                }
                column = following;
            } while (rowOf[column] != 0);
            do {
                int previous = way[column];
                rowOf[column] = rowOf[previous];
                column = previous;
            } while (column != 0);
        }
        int[] found = new int[size];
        for (int j = 1; j <= size; j++) {
            found[rowOf[j] - 1] = j - 1;
        }
        return found;
    }
}
