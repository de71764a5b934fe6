# Takes a file in from standard input: target size sha256 mode part.
# Says "there", or "have BYTES SHA256" (then reads "go" or "again", then the rest of the file) and
# "done". Exit codes are in upload.py. The part's name holds the content's hash: whoever else
# writes to it writes the same bytes to the same places, so that nobody needs a lock.
target=$1 size=$2 hash=$3 mode=$4 part=$5
LC_ALL=C
export LC_ALL
if command -v sha256sum >/dev/null; then sum() { sha256sum | cut -c1-64; }
elif command -v shasum >/dev/null; then sum() { shasum -a 256 | cut -c1-64; }
else sum() { openssl dgst -sha256 -r | cut -c1-64; }
fi
size_of() { # 0 for what another upload has just taken away
    bytes=$({ wc -c <"$1"; } 2>/dev/null)
    echo "$((${bytes:-0}))"
}
is_there() {
    [ -f "$target" ] && [ ! -L "$target" ] && [ "$(size_of "$target")" -eq "$size" ] &&
        [ "$(sum <"$target")" = "$hash" ]
}
case $target in */*) folder=${target%/*}/ ;; *) folder=./ ;; esac
mkdir -p "$folder" || exit 20
if [ -d "$target" ]; then echo "$target: Is a directory" >&2; exit 20; fi
if is_there; then chmod "$mode" "$target" || exit 20; echo there; exit 0; fi
umask 077
# Not a file, or one that was made read-only right before a power cut.
if [ -L "$part" ] || { [ -e "$part" ] && [ ! -f "$part" ]; } || [ ! -w "$part" ]; then rm -f "$part"; fi
blocks=0 sum=-
if [ -f "$part" ]; then
    had=$(size_of "$part")
    if [ "$had" -gt "$size" ]; then rm -f "$part"; else blocks=$((had / 65536)); fi
fi
free=$(df -Pk "$folder" | sed -n '$s/.* \([0-9][0-9]*\)  *[0-9]*%.*/\1/p')
if [ -n "$free" ] && [ "$free" -lt $(((size - blocks * 65536) / 1024)) ]; then
    echo "No space left on device: $free KiB are free" >&2
    exit 21
fi
exec 3<>"$part" || exit 20
# dd moves the place at which cat goes on: behind the blocks that were hashed.
if [ "$blocks" -gt 0 ]; then sum=$(dd bs=65536 count="$blocks" <&3 2>/dev/null | sum); fi
echo "have $((blocks * 65536)) $sum"
read -r answer || exit 22
if [ "$answer" = again ]; then
    rm -f "$part"
    exec 3<>"$part" || exit 20
fi
if ! cat >&3; then rm -f "$part"; exit 21; fi
exec 3>&-
if [ -f "$part" ] && [ "$(size_of "$part")" -lt "$size" ]; then exit 22; fi
whole=$part.$$
if ! ln "$part" "$whole" 2>/dev/null && ! mv -f "$part" "$whole" 2>/dev/null; then
    if is_there; then echo "done"; exit 0; fi
    exit 23
fi
chmod "$mode" "$whole" || exit 20
{ sync "$whole" 2>/dev/null || sync; } & # while it is hashed
got=$(sum <"$whole")
wait
if [ "$got" != "$hash" ]; then rm -f "$whole" "$part"; exit 23; fi
# mv refuses where another upload of the same file has just done it (the two are one file), and a
# third one may have put other content there since: then it is ours to put there again.
for try in 1 2 3; do
    failed=20
    if said=$(mv -f "$whole" "$target" 2>&1) || is_there; then failed=; break; fi
done
rm -f "$whole" "$part"
if [ -n "$failed" ]; then echo "$said" >&2; exit "$failed"; fi
sync "$folder" 2>/dev/null
echo "done"
