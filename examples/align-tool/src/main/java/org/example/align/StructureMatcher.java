package org.example.align;

import java.util.List;

/**
 * Similarity propagation over the class tree, after similarity flooding (Melnik, Garcia-Molina and
 * Rahm, 2002): classes are alike when their labels are, and more so when their neighbours are.
 */
public final class StructureMatcher {

    private static final int ROUNDS = 6;
    private static final double STRUCTURE = 0.35;
    private static final double PARENTS = 0.6;
    private static final double CHILDREN = 0.4;

    private StructureMatcher() {
    }

    /** Label similarities raised by those of parents and children; all from 0 to 1. */
    public static double[][] propagate(Ontology a, Ontology b, double[][] labels) {
        double[][] current = labels;
        for (int round = 0; round < ROUNDS; round++) {
            double[][] next = new double[a.size()][b.size()];
            for (int i = 0; i < a.size(); i++) {
                for (int j = 0; j < b.size(); j++) {
                    next[i][j] = combined(a.get(i), b.get(j), labels[i][j], current);
                }
            }
            current = next;
        }
        return current;
    }

    private static double combined(
            Ontology.NamedClass left, Ontology.NamedClass right, double label, double[][] current) {
        double parents = average(left.parents(), right.parents(), current);
        double children = average(left.children(), right.children(), current);
        double structure = left.children().isEmpty() || right.children().isEmpty()
                ? parents : (PARENTS * parents + CHILDREN * children) / (PARENTS + CHILDREN);
        return (1 - STRUCTURE) * label + STRUCTURE * structure;
    }

    /** How well each class on one side finds a partner on the other, both ways. */
    private static double average(List<Integer> left, List<Integer> right, double[][] current) {
        if (left.isEmpty() || right.isEmpty()) {
            return 0;
        }
        double sum = 0;
        for (int i : left) {
            double best = 0;
            for (int j : right) {
                best = Math.max(best, current[i][j]);
            }
            sum += best;
        }
        for (int j : right) {
            double best = 0;
            for (int i : left) {
                best = Math.max(best, current[i][j]);
            }
            sum += best;
        }
        return sum / (left.size() + right.size());
    }
}
