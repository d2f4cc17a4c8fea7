package org.example.align;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** How an alignment compares with a reference. */
public record Evaluation(int found, int correct, int expected) {

    /** The pairs of a CSV file with a header line and two columns. */
    public static Set<List<String>> readReference(Path file) throws IOException {
        Set<List<String>> pairs = new HashSet<>();
        List<String> lines = Files.readAllLines(file);
        for (String line : lines.subList(1, lines.size())) {
            pairs.add(List.of(line.split(",")));
        }
        return pairs;
    }

    public static Evaluation of(List<Cell> cells, Set<List<String>> reference) {
        int correct = 0;
        for (Cell cell : cells) {
            if (reference.contains(List.of(cell.entity1(), cell.entity2()))) {
                correct++;
            }
        }
        return new Evaluation(cells.size(), correct, reference.size());
    }

    public double precision() {
        return found == 0 ? 0 : (double) correct / found;
    }

    public double recall() {
        return expected == 0 ? 0 : (double) correct / expected;
    }

    public double f1() {
        return found + expected == 0 ? 0 : 2.0 * correct / (found + expected);
    }

    /** The numbers of a paper's table, as JSON. */
    public String json(Ontology a, Ontology b, Evaluation baseline) {
        return String.format(Locale.ROOT, """
                {
                  "classes": [%d, %d],
                  "labels": %s,
                  "labels_and_structure": %s
                }
                """, a.size(), b.size(), baseline.object(), object());
    }

    private String object() {
        return String.format(Locale.ROOT,
                "{\"found\": %d, \"correct\": %d, \"expected\": %d,"
                + " \"precision\": %.4f, \"recall\": %.4f, \"f1\": %.4f}",
                found, correct, expected, precision(), recall(), f1());
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "precision %.3f, recall %.3f, F1 %.3f (%d of %d found)",
                precision(), recall(), f1(), correct, expected);
    }
}
