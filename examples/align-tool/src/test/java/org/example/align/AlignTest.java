package org.example.align;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class AlignTest {

    @Test
    void invertedPluralLabelsGiveTheSameWords() {
        assertEquals(List.of("onion", "red"), Words.of("Onions, red"));
        assertEquals(List.of("cherry", "tomato"), Words.of("cherryTomatoes"));
    }

    @Test
    void jaroWinklerGivesThePublishedValues() {
        assertEquals(0.9611, JaroWinkler.similarity("martha", "marhta"), 0.0001);
        assertEquals(0.8400, JaroWinkler.similarity("dwayne", "duane"), 0.0001);
        assertEquals(0.8133, JaroWinkler.similarity("dixon", "dicksonx"), 0.0001);
    }

    @Test
    void assignmentIsOptimalAndNotGreedy() {
        double[][] costs = {{-9, -8}, {-8, -1}};
        assertArrayEquals(new int[] {1, 0}, Assignment.cheapest(costs));
    }
}
