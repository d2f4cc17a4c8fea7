package org.example.align;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Reads two ontologies, aligns them, and writes the alignment and its evaluation. */
public final class Main {

    private Main() {
    }

    /**
     * Runs the experiment.
     *
     * @param arguments first ontology, second ontology, reference alignment, results folder;
     *     each has a default
     */
    public static void main(String[] arguments) throws IOException {
        Path first = argument(arguments, 0, "data/food-a.nq.gz");
        Path second = argument(arguments, 1, "data/food-b.nq.gz");
        Path reference = argument(arguments, 2, "data/reference.csv");
        Path results = argument(arguments, 3, "results");

        Ontology a = Ontology.read(first);
        Ontology b = Ontology.read(second);
        System.out.printf("%s: %d classes%n%s: %d classes%n", first, a.size(), second, b.size());

        double[][] labels = LabelMatcher.similarities(a, b);
        double[][] combined = StructureMatcher.propagate(a, b, labels);
        List<Cell> cells = Assignment.oneToOne(a, b, combined, 0.5);

        Files.createDirectories(results);
        AlignmentWriter.writeRdf(results.resolve("alignment.rdf"), a, b, cells);
        AlignmentWriter.writeCsv(results.resolve("alignment.csv"), cells);

        List<Cell> labelsOnly = Assignment.oneToOne(a, b, labels, 0.5);
        Evaluation evaluation = Evaluation.of(cells, Evaluation.readReference(reference));
        Evaluation baseline = Evaluation.of(labelsOnly, Evaluation.readReference(reference));
        Files.writeString(results.resolve("evaluation.json"), evaluation.json(a, b, baseline));
        System.out.printf(Locale.ROOT, "labels alone:         %s%n", baseline);
        System.out.printf(Locale.ROOT, "labels and structure: %s%n", evaluation);
    }

    private static Path argument(String[] arguments, int place, String fallback) {
        return Path.of(arguments.length > place ? arguments[place] : fallback);
    }
}
