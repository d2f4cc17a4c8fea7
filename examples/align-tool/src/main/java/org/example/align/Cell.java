package org.example.align;

/** One correspondence: two classes held to be equivalent, and how sure we are (0 to 1). */
public record Cell(String entity1, String entity2, double measure) {
}
