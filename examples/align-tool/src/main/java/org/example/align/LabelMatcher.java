package org.example.align;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Similarity of labels by soft TF-IDF (Cohen, Ravikumar and Fienberg, 2003): the cosine of weighted
 * word vectors in which words count as shared when their Jaro-Winkler similarity is high.
 */
public final class LabelMatcher {

    private static final double SAME_WORD = 0.92;

    private final Map<String, Double> rarity = new HashMap<>();

    private LabelMatcher(Ontology a, Ontology b) {
        Map<String, Integer> documents = new HashMap<>();
        int labels = 0;
        for (Ontology ontology : List.of(a, b)) {
            for (Ontology.NamedClass named : ontology.classes()) {
                for (String label : named.labels()) {
                    labels++;
                    for (String word : new LinkedHashSet<>(Words.of(label))) {
                        documents.merge(word, 1, Integer::sum);
                    }
                }
            }
        }
        for (Map.Entry<String, Integer> entry : documents.entrySet()) {
            rarity.put(entry.getKey(), Math.log(1 + (double) labels / entry.getValue()));
        }
    }

    /** The best similarity over all pairs of labels, for each pair of classes. */
    public static double[][] similarities(Ontology a, Ontology b) {
        LabelMatcher matcher = new LabelMatcher(a, b);
        double[][] found = new double[a.size()][b.size()];
        for (int i = 0; i < a.size(); i++) {
            for (int j = 0; j < b.size(); j++) {
                for (String left : a.get(i).labels()) {
                    for (String right : b.get(j).labels()) {
                        double similarity = matcher.similarity(Words.of(left), Words.of(right));
                        found[i][j] = Math.max(found[i][j], similarity);
                    }
                }
            }
        }
        return found;
    }

    double similarity(List<String> left, List<String> right) {
        double one = directed(left, right);
        return one == 0 ? 0 : Math.min(1, (one + directed(right, left)) / 2);
    }

    private double directed(List<String> left, List<String> right) {
        double norms = norm(left) * norm(right);
        double sum = 0;
        for (String word : unique(left)) {
            double closest = 0;
            String partner = null;
            for (String other : unique(right)) {
                double similarity = word.equals(other) ? 1 : JaroWinkler.similarity(word, other);
                if (similarity > closest) {
                    closest = similarity;
                    partner = other;
                }
            }
            if (partner != null && closest >= SAME_WORD) {
                sum += weight(word) * weight(partner) * closest;
            }
        }
        return norms == 0 ? 0 : sum / norms;
    }

    private double norm(List<String> words) {
        double sum = 0;
        for (String word : unique(words)) {
            sum += weight(word) * weight(word);
        }
        return Math.sqrt(sum);
    }

    private double weight(String word) {
        return rarity.getOrDefault(word, 1.0);
    }

    private static Set<String> unique(List<String> words) {
        return new LinkedHashSet<>(words);
    }
}
