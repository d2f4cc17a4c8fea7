package org.example.align;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;
import org.apache.jena.query.Dataset;
import org.apache.jena.query.DatasetFactory;
import org.apache.jena.rdf.model.Model;
import org.apache.jena.rdf.model.Property;
import org.apache.jena.rdf.model.RDFNode;
import org.apache.jena.rdf.model.Resource;
import org.apache.jena.riot.Lang;
import org.apache.jena.riot.RDFDataMgr;
import org.apache.jena.vocabulary.OWL;
import org.apache.jena.vocabulary.RDF;
import org.apache.jena.vocabulary.RDFS;
import org.apache.jena.vocabulary.SKOS;

/** The named classes of an ontology in the order of their names, with labels and subclass links. */
public final class Ontology {

    /** A named class. Parents and children are places in {@link #classes()}. */
    public record NamedClass(
            String iri, List<String> labels, List<Integer> parents, List<Integer> children) {
    }

    private final String graph;
    private final List<NamedClass> classes;

    private Ontology(String graph, List<NamedClass> classes) {
        this.graph = graph;
        this.classes = classes;
    }

    /** Reads gzipped N-Quads; the ontology is the union of all graphs in the file. */
    public static Ontology read(Path file) throws IOException {
        Dataset dataset = DatasetFactory.create();
        try (InputStream stream = new GZIPInputStream(Files.newInputStream(file))) {
            RDFDataMgr.read(dataset, stream, Lang.NQUADS);
        }
        TreeSet<String> graphs = new TreeSet<>();
        dataset.listNames().forEachRemaining(graphs::add);
        String name = graphs.isEmpty() ? file.toUri().toString() : graphs.first();
        return of(name, dataset.getUnionModel());
    }

    /** The classes of a model. */
    public static Ontology of(String graph, Model model) {
        TreeSet<String> names = new TreeSet<>();
        model.listSubjectsWithProperty(RDF.type, OWL.Class).forEachRemaining(resource -> {
            if (resource.isURIResource()) {
                names.add(resource.getURI());
            }
        });
        Map<String, Integer> places = new HashMap<>();
        List<NamedClass> classes = new ArrayList<>();
        for (String name : names) {
            places.put(name, classes.size());
            List<String> labels = labels(model.getResource(name));
            classes.add(new NamedClass(name, labels, new ArrayList<>(), new ArrayList<>()));
        }
        for (String name : names) {
            for (RDFNode parent : objects(model.getResource(name), RDFS.subClassOf)) {
                Integer place = parent.isURIResource()
                        ? places.get(parent.asResource().getURI()) : null;
                if (place != null) {
                    classes.get(places.get(name)).parents().add(place);
                    classes.get(place).children().add(places.get(name));
                }
            }
        }
        return new Ontology(graph, classes);
    }

    private static List<String> labels(Resource resource) {
        TreeSet<String> found = new TreeSet<>();
        for (Property property : List.of(RDFS.label, SKOS.prefLabel, SKOS.altLabel)) {
            for (RDFNode value : objects(resource, property)) {
                if (value.isLiteral()) {
                    found.add(value.asLiteral().getLexicalForm());
                }
            }
        }
        return List.copyOf(found);
    }

    private static List<RDFNode> objects(Resource resource, Property property) {
        List<RDFNode> found = new ArrayList<>();
        resource.listProperties(property).forEachRemaining(s -> found.add(s.getObject()));
        return found;
    }

    public String graph() {
        return graph;
    }

    public List<NamedClass> classes() {
        return classes;
    }

    public NamedClass get(int place) {
        return classes.get(place);
    }

    public int size() {
        return classes.size();
    }
}
