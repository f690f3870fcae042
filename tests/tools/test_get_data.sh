#!/bin/sh
# tools/get-data against a file server on 127.0.0.1 (http_server.pl) that serves well and badly. Prints TAP.
set -u
here=$(cd "$(dirname "$0")" && pwd)
get_data=$here/../../tools/get-data

for program in curl perl tar; do
    command -v $program >/dev/null 2>&1 || { echo "1..0 # SKIP $program is not installed"; exit 0; }
done

tmp=$(mktemp -d) || exit 1
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

data="$tmp/data set" served=$tmp/served list=$tmp/list out=$tmp/out log=$tmp/log # the space is there on purpose
mnist='train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz'
train='train-images-idx3-ubyte.gz'

# What is served: files of the right names, small, and not all alike. pack ARGUMENT...: the archive from tar's arguments.
mkdir -p "$served" "$tmp/cifar-10-batches-bin"
size=50000
for name in $mnist; do
    yes "$name" | head -c $size >"$served/$name"
    size=$((size + 1))
done
for name in data_batch_1.bin data_batch_2.bin data_batch_3.bin data_batch_4.bin data_batch_5.bin test_batch.bin batches.meta.txt; do
    yes "$name" | head -c 3073 >"$tmp/cifar-10-batches-bin/$name"
done
echo evil >"$tmp/evil"
pack() { tar -czPf "$served/cifar-10-binary.tar.gz" -C "$tmp" "$@" && checksums; }
checksums() { # of all that is served, as it is now
    (cd "$served" && sha256sum *) | sed -e 's|  \(t.*\)|  mnist/\1|' >"$list"
}
pack cifar-10-batches-bin

perl "$here/http_server.pl" "$served" "$log" >"$tmp/port" 2>"$tmp/server" &
server=$!
tries=0
until [ -s "$tmp/port" ]; do
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { echo "Bail out! no file server on 127.0.0.1"; exit 1; }
    sleep 0.1
done
url=http://127.0.0.1:$(cat "$tmp/port")
no_proxy=127.0.0.1 NO_PROXY=127.0.0.1
export no_proxy NO_PROXY

get() { sh "$get_data" --dir "$data" --checksums "$list" "$@" >"$out" 2>&1; }
fails() { "$@"; [ $? -eq 1 ]; }
says() { grep -q "$@" "$out"; }
same() { cmp -s "$data/mnist/$1" "$served/$1"; }
all_there() { for name in $mnist; do same "$name" || return; done; }
no_files() { [ -z "$(find "$data" -type f)" ]; }
no_final_files() { [ -z "$(find "$data" -type f ! -name '*.part')" ]; }
no_leftovers() { [ -z "$(find "$data" -name '*.part' -o -name '.unpack*' -o -name '*.tar.gz')" ]; }
requests() { grep -c "$1" "$log"; }
part() { mkdir -p "$data/mnist" && head -c "$1" "$served/$train" >"$data/mnist/$train.part"; }

mnist_is_downloaded() { get --mirror "$url/good" mnist && all_there && no_leftovers && [ "$(requests 'good')" = 4 ]; }
a_second_call_asks_no_server() {
    get --mirror "$url/good" mnist && : >"$log" && get --mirror "$url/good" mnist && [ ! -s "$log" ] && says 'is there'
}
a_partial_file_is_resumed() { part 20000 && get --mirror "$url/good" mnist && all_there && [ "$(requests "good $train 20000")" = 1 ]; }
a_complete_partial_file_needs_no_server() { part 50000 && get --mirror "$url/good" mnist && all_there && [ "$(requests "$train")" = 0 ]; }
a_server_without_ranges_sends_all_again() { part 20000 && get --mirror "$url/norange" mnist && all_there && no_leftovers; }
a_partial_file_that_is_too_long_is_dropped() {
    part 50000 && echo more >>"$data/mnist/$train.part" && get --mirror "$url/good" mnist && all_there && no_leftovers
}
a_damaged_partial_file_is_fetched_again() {
    mkdir -p "$data/mnist" && echo damaged >"$data/mnist/$train.part" && get --mirror "$url/good" mnist && all_there && says 'wrong SHA-256'
}
wrong_bytes_are_removed_and_named() {
    fails get --mirror "$url/bad" mnist && no_files && says "mnist/$train from $url/bad has a wrong SHA-256"
}
a_truncated_file_is_removed() { fails get --mirror "$url/short" mnist && no_files && says 'wrong SHA-256'; }
after_wrong_bytes_comes_the_next_mirror() { get --mirror "$url/bad" --mirror "$url/good" mnist && all_there && no_leftovers; }
a_broken_line_goes_on_at_the_next_mirror() {
    get --mirror "$url/cut" --mirror "$url/good" mnist && all_there && [ "$(requests "good $train 25000")" = 1 ] && no_leftovers
}
a_broken_line_leaves_only_a_part() { fails get --mirror "$url/cut" mnist && no_final_files && says 'could not fetch'; }
a_missing_file_comes_from_the_next_mirror() {
    get --mirror "$url/nothing/here" --mirror "$url/good" mnist && all_there && says 'cannot be had from'
}
a_dead_mirror_is_passed_over() { get --mirror http://127.0.0.1:1 --mirror "$url/good" mnist && all_there; }
no_mirror_at_all_is_an_error() { fails get --mirror "$url/nothing" mnist && no_files && says "could not fetch mnist/$train"; }
an_interrupted_run_leaves_only_a_part_and_goes_on() {
    # setsid: the signal goes to curl as well, as Ctrl-C in a terminal does
    setsid sh "$get_data" --dir "$data" --checksums "$list" --mirror "$url/stall" mnist >"$out" 2>&1 &
    pid=$! waited=0
    until [ -s "$data/mnist/$train.part" ] || [ $waited -ge 600 ]; do
        sleep 0.1
        waited=$((waited + 1))
    done
    kill -s TERM -- "-$pid" || return
    wait "$pid"
    [ $? -eq 143 ] && no_final_files && [ -s "$data/mnist/$train.part" ] &&
        get --mirror "$url/good" mnist && all_there && [ "$(requests "good $train 0")" = 0 ]
}
a_wrong_file_is_replaced() {
    mkdir -p "$data/mnist" && echo wrong >"$data/mnist/$train" && get --mirror "$url/good" mnist && all_there
}
a_wrong_file_stays_until_there_is_a_better_one() {
    mkdir -p "$data/mnist" && echo mine >"$data/mnist/$train" && fails get --mirror "$url/bad" mnist &&
        [ "$(cat "$data/mnist/$train")" = mine ]
}

unpacked() { diff -r -x SHA256SUMS "$tmp/cifar-10-batches-bin" "$data/cifar-10-batches-bin" >/dev/null && no_leftovers; }
cifar10_is_unpacked() { get --mirror "$url/good" cifar10 && unpacked; }
a_second_cifar10_asks_no_server() { get --mirror "$url/good" cifar10 && : >"$log" && get --mirror "$url/good" cifar10 && [ ! -s "$log" ]; }
a_damaged_cifar10_is_replaced() {
    get --mirror "$url/good" cifar10 && echo x >>"$data/cifar-10-batches-bin/test_batch.bin" && get --mirror "$url/good" cifar10 && unpacked
}
refused() { # an archive that the list calls right and that still must not be unpacked
    fails get --mirror "$url/good" cifar10 && says "$1" && no_files &&
        [ ! -e "$data/cifar-10-batches-bin" ] && [ ! -e "$data/evil" ] && [ ! -e "$tmp/out-there" ]
}
a_member_above_the_folder_is_refused() {
    pack --transform='s|^evil|cifar-10-batches-bin/../../evil|' cifar-10-batches-bin evil && refused unexpected
}
an_absolute_member_is_refused() { pack --transform="s|^evil|$tmp/out-there|" cifar-10-batches-bin evil && refused unexpected; }
a_link_is_refused() {
    ln -s "$tmp" "$tmp/link" && pack --transform='s|^link|cifar-10-batches-bin/readme.html|' cifar-10-batches-bin link &&
        refused 'no plain file'
}
an_unexpected_name_is_refused() { pack --transform='s|^evil|cifar-10-batches-bin/evil|' cifar-10-batches-bin evil && refused unexpected; }
an_incomplete_archive_is_refused() { pack cifar-10-batches-bin/batches.meta.txt && refused incomplete; }
a_file_that_is_no_archive_is_refused() { cp "$tmp/evil" "$served/cifar-10-binary.tar.gz" && checksums && refused 'no readable archive'; }

one_failure_among_several_is_a_failure() { rm "$served/$train" && fails get --mirror "$url/good" mnist cifar10 && unpacked; }
a_name_without_checksum_is_an_error() { : >"$list" && fails get --mirror "$url/good" mnist && says 'no line for' && [ ! -s "$log" ]; }
usage_errors_exit_with_2() {
    for arguments in '' 'imagenet' '--dir' '--frobnicate mnist' '--checksums /nonexistent mnist'; do
        sh "$get_data" $arguments >"$out" 2>&1
        [ $? -eq 2 ] && says get-data: || return
    done
}
help_is_printed() { get --help && says 'sh tools/get-data'; }

cases=$(sed -n 's/^\([a-z0-9_]*\)() .*/\1/p' "$0" | sed '1,/^part$/d' | grep -vx -e unpacked -e refused)
echo "1..$(echo "$cases" | wc -l)"
cp "$list" "$tmp/list.good"
cp -r "$served" "$tmp/served.good"
number=0
for case in $cases; do
    number=$((number + 1))
    rm -rf "$data" "$served" && mkdir -p "$data" && cp -r "$tmp/served.good" "$served" && cp "$tmp/list.good" "$list" &&
        : >"$log" && : >"$out"
    title=$(echo "$case" | tr _ ' ')
    if $case; then echo "ok $number - $title"; else
        echo "not ok $number - $title"
        sed 's/^/# /' "$out" "$log"
        find "$data" | sed 's/^/# left: /'
    fi
done
