# Writes a file to standard output: source limit.
# Says "size BYTES", the bytes, then their sha256. Exit codes are in download.py.
source=$1 limit=$2
LC_ALL=C
export LC_ALL
if command -v sha256sum >/dev/null; then sum() { sha256sum | cut -c1-64; }
elif command -v shasum >/dev/null; then sum() { shasum -a 256 | cut -c1-64; }
else sum() { openssl dgst -sha256 -r | cut -c1-64; }
fi
if [ -e "$source" ] && [ ! -f "$source" ]; then echo "it is not a regular file" >&2; exit 31; fi
exec 3<"$source" || exit 30
size=$(($(wc -c <"$source")))
if [ "$size" -gt "$limit" ]; then echo "it has $size bytes" >&2; exit 32; fi
echo "size $size"
head -c "$size" <&3
head -c "$size" <"$source" | sum
