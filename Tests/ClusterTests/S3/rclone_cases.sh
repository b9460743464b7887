#!/usr/bin/env bash
# What rclone gets from Cairn. Prints each command, and ends with 1 at the first that fails.
#
# usage: rclone_cases.sh S3-PORT FOLDER [mount], with keys in the environment as clients.sh has them
source "$(dirname "$0")/clients.sh"
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
export RCLONE_CONFIG=$HOME/rclone.conf

# use_key ID SECRET [LINE]
use_key() {
  cat >rclone.conf <<END
[cairn]
type = s3
provider = Other
access_key_id = $1
secret_access_key = $2
endpoint = $endpoint
${3:-}
END
}

# What it logs as an error is one, also where it goes on.
rclone() {
  printf 'rclone %s\n' "$*" >&2
  command rclone --retries 1 --low-level-retries 1 "$@" 2>errors || fail "rclone $*: $(cat errors)"
  ! grep -E 'ERROR|Failed' errors || fail "rclone $*"
}
refused_rclone() { refused AccessDenied command rclone --retries 1 --low-level-retries 1 "$@"; }

# There and back again, below a folder of the bucket.
round_trip() {
  local remote=$1
  rclone copy tree "$remote/tree"
  rclone check tree "$remote/tree"
  rclone check --download tree "$remote/tree"
  same "$(cd tree && find . -type f | sed 's,^\./,,' | LC_ALL=C sort)" \
    "$(rclone lsf -R --files-only "$remote/tree" | LC_ALL=C sort)"
  same $'empty\nplain.txt\nsub/' "$(rclone lsf "$remote/tree")"
  rclone sync --verbose tree "$remote/tree"
  grep -q 'nothing to transfer' errors || fail "sync goes on without a difference: $(cat errors)"

  cp -a tree changed
  printf 'changed' >changed/plain.txt
  rm changed/sub/1
  rclone sync changed "$remote/tree"
  rclone check --download changed "$remote/tree"
  rclone sync "$remote/tree" tree.back
  diff -r changed tree.back
  rm -r changed tree.back

  # In parts, as a copy of the server, and as one of its parts.
  rclone copyto --s3-upload-cutoff 5M --s3-chunk-size 5M large "$remote/large"
  rclone copyto --s3-copy-cutoff 6M --s3-chunk-size 7M "$remote/large" "$remote/large.copy"
  rclone moveto "$remote/large.copy" "$remote/moved"
  same "$(md5sum <large | cut -d ' ' -f 1)  moved" "$(rclone md5sum "$remote/moved")"
  rclone copyto "$remote/moved" large.back
  cmp large large.back
  same 'an' "$(rclone cat --offset 2 --count 2 "$remote/tree/plain.txt")"
  rclone cat --offset $((20 << 20)) --count 1000 "$remote/large" | cmp - <(tail -c +$(((20 << 20) + 1)) large | head -c 1000)
  same '{"count":9,"bytes":50331662,"sizeless":0}' "$(rclone size --json "$remote" | tr -d ' \n')"

  rclone deletefile "$remote/moved"
  rclone delete --include 'large' "$remote"
  same 'tree/' "$(rclone lsf "$remote")"
  rclone purge "$remote/tree"
  same '' "$(rclone lsf "$remote")"
}

# As a folder of this machine.
mounted() {
  mkdir mount
  trap 'fusermount3 -u -z "$HOME/mount" || true' EXIT
  command rclone mount --vfs-cache-mode writes --vfs-write-back 0.1s cairn:attic mount >mount.log 2>&1 &
  local pid=$!
  until mountpoint -q mount; do
    kill -0 $pid || fail "rclone mount: $(cat mount.log)"
    sleep 0.05
  done
  cp -r tree mount/
  cp large mount/tree/large
  cmp large mount/tree/large
  rm mount/tree/large
  diff -r tree mount/tree
  cp large mount/tree/large
  mv mount/tree/plain.txt mount/moved.txt
  rm mount/tree/empty
  # It writes in the background, and what is not written when it ends it writes only when it is started again.
  local tries
  for tries in $(seq 1 200); do
    [ "$(command rclone lsf -R --files-only cairn:attic | wc -l)" != 8 ] || break
    sleep 0.05
  done
  fusermount3 -u mount
  wait $pid || fail "rclone mount: $(cat mount.log)"
  trap - EXIT
  cp tree/plain.txt moved.txt
  rm tree/empty tree/plain.txt
  cp large tree/large
  rclone check --download tree cairn:attic/tree
  same 'hello' "$(rclone cat cairn:attic/moved.txt)"
}

make_files
use_key "$first_id" "$first_secret"
rclone mkdir cairn:attic
shows ' attic$' rclone lsd cairn: || fail 'the new bucket is not listed'
if [ "${3:-}" = mount ]; then
  mounted
  exit
fi
round_trip cairn:attic
same 'hello' "$(rclone copy tree/plain.txt cairn:attic && curl -sf "$(rclone link --expire 60s cairn:attic/plain.txt)")"

# Who may not make buckets must not try to either.
use_key "$READER_ID" "$READER_SECRET" "no_check_bucket = true"
same 'hello' "$(rclone cat cairn:attic/plain.txt)"
same 'attic/' "$(rclone lsf cairn:)"
refused_rclone copyto tree/plain.txt cairn:attic/new.txt
refused_rclone copyto --s3-upload-cutoff 5M --s3-chunk-size 5M large cairn:attic/large
refused_rclone deletefile cairn:attic/plain.txt
refused_rclone purge cairn:attic

use_key "$WRITER_ID" "$WRITER_SECRET" "no_check_bucket = true"
rclone deletefile cairn:attic/plain.txt
round_trip cairn:attic/folder
refused_rclone rmdir cairn:attic

use_key "$first_id" "$first_secret"
rclone copy tree cairn:attic
refused BucketNotEmpty command rclone --retries 1 rmdir cairn:attic
rclone purge cairn:attic
! shows ' attic$' rclone lsd cairn: || fail 'the bucket is still listed'
