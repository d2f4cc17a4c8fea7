# The share of G and C in each sequence of data/genes.fasta, and its mean and standard deviation.
use strict;
use warnings;
use Statistics::Descriptive;
use Text::CSV;

my ( %sequence, @names );
open my $fasta, '<', 'data/genes.fasta' or die "data/genes.fasta: $!";
while ( my $line = <$fasta> ) {
    chomp $line;
    if ( $line =~ /^>(\S+)/ ) { push @names, $1; next }
    $sequence{ $names[-1] } .= uc $line;
}
close $fasta;

my $statistics = Statistics::Descriptive::Full->new;
my $csv        = Text::CSV->new( { eol => "\n" } );
open my $table, '>', 'results/gc_content.csv' or die "results/gc_content.csv: $!";
$csv->print( $table, [ 'gene', 'length', 'gc' ] );
for my $name (@names) {
    my $length = length $sequence{$name};
    my $gc     = ( $sequence{$name} =~ tr/GC// ) / $length;
    $statistics->add_data($gc);
    $csv->print( $table, [ $name, $length, sprintf( '%.6f', $gc ) ] );
}
$csv->print( $table, [ 'mean', '', sprintf( '%.6f', $statistics->mean ) ] );
$csv->print( $table,
    [ 'standard deviation', '', sprintf( '%.6f', $statistics->standard_deviation ) ] );
close $table or die "results/gc_content.csv: $!";
printf "%d genes, mean GC content %.4f\n", scalar @names, $statistics->mean;
