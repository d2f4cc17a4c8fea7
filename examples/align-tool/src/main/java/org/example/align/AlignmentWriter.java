package org.example.align;

import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/** Writes alignments in the format of the Alignment API (RDF/XML) and as CSV. */
public final class AlignmentWriter {

    private static final String ALIGN = "http://knowledgeweb.semanticweb.org/heterogeneity/alignment#";
    private static final String RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
    private static final String FLOAT = "http://www.w3.org/2001/XMLSchema#float";

    private AlignmentWriter() {
    }

    /** See https://moex.gitlabpages.inria.fr/alignapi/format.html for the format. */
    public static void writeRdf(Path file, Ontology a, Ontology b, List<Cell> cells)
            throws IOException {
        try (Writer writer = Files.newBufferedWriter(file)) {
            XMLStreamWriter xml = XMLOutputFactory.newFactory().createXMLStreamWriter(writer);
            xml.writeStartDocument("UTF-8", "1.0");
            xml.writeCharacters("\n");
            xml.writeStartElement("rdf:RDF");
            xml.writeAttribute("xmlns", ALIGN);
            xml.writeAttribute("xmlns:rdf", RDF);
            xml.writeCharacters("\n");
            xml.writeStartElement("Alignment");
            text(xml, "xml", "yes");
            text(xml, "level", "0");
            text(xml, "type", "11");
            ontology(xml, "onto1", a);
            ontology(xml, "onto2", b);
            for (Cell cell : cells) {
                cell(xml, cell);
            }
            xml.writeCharacters("\n");
            xml.writeEndElement();
            xml.writeCharacters("\n");
            xml.writeEndElement();
            xml.writeCharacters("\n");
            xml.writeEndDocument();
            xml.close();
        } catch (XMLStreamException error) {
            throw new IOException(error);
        }
    }

    private static void ontology(XMLStreamWriter xml, String name, Ontology ontology)
            throws XMLStreamException {
        xml.writeCharacters("\n  ");
        xml.writeStartElement(name);
        xml.writeStartElement("Ontology");
        xml.writeAttribute("rdf:about", ontology.graph());
        xml.writeEndElement();
        xml.writeEndElement();
    }

    private static void cell(XMLStreamWriter xml, Cell cell) throws XMLStreamException {
        xml.writeCharacters("\n  ");
        xml.writeStartElement("map");
        xml.writeStartElement("Cell");
        for (String[] entity : new String[][] {
            {"entity1", cell.entity1()}, {"entity2", cell.entity2()}}) {
            xml.writeCharacters("\n    ");
            xml.writeEmptyElement(entity[0]);
            xml.writeAttribute("rdf:resource", entity[1]);
        }
        text(xml, "relation", "=");
        xml.writeCharacters("\n    ");
        xml.writeStartElement("measure");
        xml.writeAttribute("rdf:datatype", FLOAT);
        xml.writeCharacters(number(cell.measure()));
        xml.writeEndElement();
        xml.writeCharacters("\n  ");
        xml.writeEndElement();
        xml.writeEndElement();
    }

    private static void text(XMLStreamWriter xml, String name, String value)
            throws XMLStreamException {
        xml.writeCharacters("\n    ");
        xml.writeStartElement(name);
        xml.writeCharacters(value);
        xml.writeEndElement();
    }

    /** One line a correspondence; IRIs hold neither commas nor quotes, so nothing needs quoting. */
    public static void writeCsv(Path file, List<Cell> cells) throws IOException {
        StringBuilder lines = new StringBuilder("entity1,entity2,relation,measure\n");
        for (Cell cell : cells) {
            lines.append(cell.entity1()).append(',').append(cell.entity2()).append(",=,")
                    .append(number(cell.measure())).append('\n');
        }
        Files.writeString(file, lines);
    }

    /** Four decimals with a point, whatever the locale. */
    static String number(double value) {
        return String.format(Locale.ROOT, "%.4f", value);
    }
}
