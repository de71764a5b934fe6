# The first process of an aarch64 board: runs as root of a user namespace with mounts and
# processes of its own, lays the board's file systems out, and becomes its sshd.
# Arguments: the shared root file system, the board's folder, the emulator.
set -eu
lower=$1 board=$2 qemu=$3
read -r _ # the accounts of the namespace are mapped by now

# A binfmt_misc of this namespace alone (Linux 6.7): the machine's own is not touched.
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
# F: the emulator is opened now, so that it is found after chroot.
printf '%s' ":aarch64:M:0:$magic:$mask:$qemu:FOC" >/proc/sys/fs/binfmt_misc/register

root=$board/root
rm -rf "$board/work" && mkdir -p "$board/upper" "$board/work" "$root"
mount -t overlay overlay \
    -o "lowerdir=$lower,upperdir=$board/upper,workdir=$board/work,userxattr" "$root"
mount -t proc proc "$root/proc"
mount --rbind "$board/tree/sys" "$root/sys"
for file in $(cd "$board/tree" && find proc -type f); do
    [ ! -e "$root/$file" ] || mount --bind "$board/tree/$file" "$root/$file"
done
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mkdir "$root/run/sshd"

# When the test that started the board is gone, its end of this pipe is closed.
exec 3<&0
{ cat <&3 >/dev/null; kill -KILL 1 || true; kill -TERM 1; } &
exec 3<&- </dev/null
exec chroot "$root" /usr/sbin/sshd -D -e -f /etc/ssh/board_config
