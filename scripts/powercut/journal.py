"""The journal of `recorder.c` and the load: what changed below the folder, and what clients were told, in one order."""

import json
import os
import struct

(OPENED, CREATED, WRITTEN, SIZED, SYNC_BEGUN, SYNCED,
 RENAMED, UNLINKED, FOLDER_MADE, FOLDER_REMOVED, LINKED) = range(1, 12)
# Of the load: its requests, and their answers.
MARK = 100

HEAD = struct.Struct("<IIQQ")


class Marks:
    """Puts marks of the load into the journal. One call each, appended, so they never mix with other entries."""

    def __init__(self, path):
        self.descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def put(self, mark):
        text = json.dumps(mark).encode()
        os.write(self.descriptor, HEAD.pack(len(text), MARK, 0, 0) + text)

    def close(self):
        os.close(self.descriptor)


def entries(path):
    """Yields (kind, handle, number, bytes), in order."""
    with open(path, "rb") as journal:
        while head := journal.read(HEAD.size):
            length, kind, handle, number = HEAD.unpack(head)
            yield kind, handle, number, journal.read(length)


def places(path):
    """-> how many entries the journal has, and at which of them a loss of power hurts most: where a client was told
    something, where it read what had been left open, and where something was synced or got a name."""
    answers, seen, turns, count = [], [], [], 0
    for kind, _, _, body in entries(path):
        count += 1
        if kind == MARK:
            if b'"begin"' not in body:
                answers.append(count)
                if b'"seen"' in body:
                    seen.append(count)
        elif kind not in (OPENED, WRITTEN):
            turns.append(count)
    return count, [answers, seen, turns]
