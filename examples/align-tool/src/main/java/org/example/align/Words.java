package org.example.align;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** Labels as lists of normalised words. */
public final class Words {

    private static final Set<String> STOP = Set.of("and", "of", "the", "a", "an", "with", "or");

    private Words() {
    }

    /** "Onions, red" gives [onion, red]: lower case, no punctuation, no stop words, singular. */
    public static List<String> of(String label) {
        String spaced = label.replaceAll("(\\p{Ll})(\\p{Lu})", "$1 $2").toLowerCase(Locale.ROOT);
        List<String> words = new ArrayList<>();
        for (String word : spaced.replace("'s", "").split("[^\\p{L}\\p{N}]+")) {
            if (!word.isEmpty() && !STOP.contains(word)) {
                words.add(singular(word));
            }
        }
        return words;
    }

    /** A light stemmer for English plurals (the S-stemmer of Harman, 1991, with -oes and -ches). */
    static String singular(String word) {
        if (word.length() > 4 && word.endsWith("ies")) {
            return word.substring(0, word.length() - 3) + "y";
        }
        if (word.length() > 4 && word.matches(".*(oes|shes|ches|xes|sses)")) {
            return word.substring(0, word.length() - 2);
        }
        if (word.length() > 3 && word.endsWith("s") && !word.endsWith("ss") && !word.endsWith("us")) {
            return word.substring(0, word.length() - 1);
        }
        return word;
    }
}
