#!/usr/bin/perl
# A file server for test_get_data.sh on 127.0.0.1 that can misbehave:  http_server.pl FOLDER LOG
# Prints its port, writes one line per request to LOG, and ends by itself after five minutes.
#   /good/NAME     FOLDER/NAME, with byte ranges      /norange/NAME  the same, ranges ignored
#   /bad/NAME      other bytes, as many               /short/NAME    half of them, said to be all
#   /cut/NAME      the line breaks half way           /stall/NAME    half of them, then nothing more
use strict;
use warnings;
use IO::Socket::INET;

my ($folder, $log) = @ARGV;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 5, ReuseAddr => 1) or die "listen: $!";
$| = 1;
print $server->sockport, "\n";
$SIG{CHLD} = 'IGNORE';
alarm 300;

while (my $client = $server->accept) {
    next if fork;    # a stalling answer must not block the next request
    alarm 60;
    my $request = <$client> // '';
    my $from = 0;
    while (defined(my $line = <$client>)) {
        last if $line =~ /^\r?\n$/;
        $from = $1 if $line =~ /^Range: bytes=(\d+)-/i;
    }
    my ($how, $name) = $request =~ m{^GET /(good|norange|bad|short|cut|stall)/([\w.-]+) } ? ($1, $2) : ('nothing', '');
    open my $out, '>>', $log or die "$log: $!";
    syswrite $out, "$how $name $from\n";
    my $in;
    if (!$name || !open $in, '<:raw', "$folder/$name") {
        print $client "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        exit;
    }
    my $bytes = do { local $/; <$in> };
    $bytes = '#' x length $bytes if $how eq 'bad';
    $bytes = substr $bytes, 0, length($bytes) / 2 if $how eq 'short';
    my $size = length $bytes;
    $from = 0 if $how eq 'norange';
    if ($from >= $size) {
        print $client "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */$size\r\n",
            "Content-Length: 0\r\nConnection: close\r\n\r\n";
        exit;
    }
    my $last = $size - 1;
    print $client $from ? "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes $from-$last/$size\r\n" : "HTTP/1.1 200 OK\r\n";
    print $client 'Content-Length: ', $size - $from, "\r\nConnection: close\r\n\r\n";
    my $body = substr $bytes, $from;
    $body = substr $body, 0, length($body) / 2 if $how eq 'cut' || $how eq 'stall';
    print $client $body;
    $client->flush;
    sysread $client, my $nothing, 1 if $how eq 'stall';    # returns when the other side hangs up
    exit;
}
