package org.example.align;

/** The Jaro-Winkler similarity of two words (Winkler, 1990), from 0 to 1. */
public final class JaroWinkler {

    private static final double PREFIX_WEIGHT = 0.1;
    private static final int LONGEST_PREFIX = 4;

    private JaroWinkler() {
    }

    public static double similarity(String left, String right) {
        double jaro = jaro(left, right);
        int prefix = 0;
        int limit = Math.min(LONGEST_PREFIX, Math.min(left.length(), right.length()));
        while (prefix < limit && left.charAt(prefix) == right.charAt(prefix)) {
            prefix++;
        }
        return jaro + prefix * PREFIX_WEIGHT * (1 - jaro);
    }

    private static double jaro(String left, String right) {
        if (left.isEmpty() || right.isEmpty()) {
            return left.equals(right) ? 1 : 0;
        }
        int window = Math.max(0, Math.max(left.length(), right.length()) / 2 - 1);
        boolean[] leftMatched = new boolean[left.length()];
        boolean[] rightMatched = new boolean[right.length()];
        int matches = 0;
        for (int i = 0; i < left.length(); i++) {
            int end = Math.min(right.length() - 1, i + window);
            for (int j = Math.max(0, i - window); j <= end; j++) {
                if (!rightMatched[j] && left.charAt(i) == right.charAt(j)) {
                    leftMatched[i] = true;
                    rightMatched[j] = true;
                    matches++;
                    break;
                }
            }
        }
        if (matches == 0) {
            return 0;
        }
        int transposed = 0;
        int j = 0;
        for (int i = 0; i < left.length(); i++) {
            if (leftMatched[i]) {
                while (!rightMatched[j]) {
                    j++;
                }
                if (left.charAt(i) != right.charAt(j)) {
                    transposed++;
                }
                j++;
            }
        }
        double m = matches;
        return (m / left.length() + m / right.length() + (m - transposed / 2.0) / m) / 3;
    }
}
