#!/usr/bin/env bash
# What restic gets from Cairn. Prints each command, and ends with 1 at the first that fails.
#
# usage: restic_cases.sh S3-PORT FOLDER, with keys in the environment as clients.sh has them
source "$(dirname "$0")/clients.sh"
export RESTIC_PASSWORD=password RESTIC_CACHE_DIR=$HOME/cache

use_key() { export AWS_ACCESS_KEY_ID=$1 AWS_SECRET_ACCESS_KEY=$2; }
restic() {
  printf 'restic %s\n' "$*" >&2
  command restic --quiet "$@"
}
snapshots() { restic snapshots --json "$@" | grep -o '"short_id"' | wc -l; }

# Restores the last backup, and compares it byte for byte.
restored() {
  restic restore latest --target back "$@"
  diff -r tree back/tree
  rm -r back
}

make_files
use_key "$first_id" "$first_secret"
export RESTIC_REPOSITORY=s3:$endpoint/attic
restic init
refused 'already initialized' restic init
restic backup tree
cp large tree/large
printf 'changed' >tree/plain.txt
rm tree/sub/1
restic backup tree
same 2 "$(snapshots)"
restic check --read-data
restored
restic forget --keep-last 1 --prune
same 1 "$(snapshots)"

# Who may only read sees it, and can't change it. It tries for minutes what was refused.
use_key "$READER_ID" "$READER_SECRET"
same 1 "$(snapshots --no-lock)"
restored --no-lock
refused 'Access Denied' timeout 3 restic --quiet backup tree

# Who may write goes on with it; what one forgets, and what is in no other, is gone.
use_key "$WRITER_ID" "$WRITER_SECRET"
rm tree/large
restic backup tree
restic forget --keep-last 1 --prune
rm -r "$RESTIC_CACHE_DIR"/*
restic check --read-data
restored
[ "$(restic stats --json --mode raw-data | sed 's/.*"total_size":\([0-9]*\).*/\1/')" -lt 1000000 ] || fail 'prune left what nobody needs'
restic unlock
