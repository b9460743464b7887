"""A model of a disk below a page cache: what is there for processes, and what may be there after a loss of power.

A sync makes durable what was done to its file, or to the entries of its folder, before it began; nothing else is
promised, and that is what POSIX promises. Of everything since, a loss of power leaves any part: of each sector any of
its states, of a file's size any that it had, of a folder's entries any of the changes. A file that was synced is
still lost when its folder's entry was not. Some file systems promise more; what is safe here is safe on them. """

import os
import pathlib
import posixpath

import journal

# Sectors, which a disk writes whole or not at all: larger writes are torn between them.
SECTORS = (512, 4096)
# Of the changes since the last sync, that many reach the disk: for each file and folder one of these.
SHARES = (0, 0, 0, 0.1, 0.5, 0.9, 1, 1)


class File:
    is_folder = False

    def __init__(self, content=b""):
        self.durable = bytearray(content)
        # (entry's number, offset, bytes) or (entry's number, size, None): since the last sync.
        self.pending = []

    def sync(self, before):
        done = 0
        for number, place, data in self.pending:
            if number >= before:
                break
            _apply(self.durable, place, data)
            done += 1
        del self.pending[:done]

    def content(self):
        """As processes see it."""
        content = bytearray(self.durable)
        for _, place, data in self.pending:
            _apply(content, place, data)
        return content

    def after_power_loss(self, random, sector):
        share = random.choice(SHARES) if self.pending else 0
        if share == 0:
            return self.durable
        if share == 1:
            return self.content()
        changes = self.pending
        sizes = [len(self.durable)]
        for _, place, data in changes:
            sizes.append(place if data is None else max(sizes[-1], place + len(data)))
        # Sizes and cuts are the file system's own records: what came before the last one that is kept is kept too.
        kept = _kept(random, share, len(changes))
        size = sizes[kept]
        image = bytearray(self.durable[:size])
        image.extend(bytes(size - len(image)))
        states = {}
        for number, (_, place, data) in enumerate(changes):
            if data is None:
                if number < kept and place < size:
                    image[place:size] = bytes(size - place)
                continue
            end = min(size, place + len(data))
            at = place
            while at < end:
                index = at // sector
                stop = min(end, (index + 1) * sector)
                # A sector reached the disk as it was at some time: with all that was written to it before.
                state = states.get(index)
                if state is None:
                    state = states[index] = _kept(random, share, len(changes))
                if number < state:
                    image[at:stop] = data[at - place:stop - place]
                at = stop
        return image


class Folder:
    is_folder = True

    def __init__(self):
        self.durable = {}
        self.current = {}
        # (entry's number, [(name, what it leads to or None)]) since the last sync.
        self.pending = []

    def change(self, number, changes):
        self.pending.append((number, changes))
        _enter(self.current, changes)

    def sync(self, before):
        done = 0
        for number, changes in self.pending:
            if number >= before:
                break
            _enter(self.durable, changes)
            done += 1
        del self.pending[:done]

    def after_power_loss(self, random):
        share = random.choice(SHARES)
        # A file system with a journal keeps the order of its changes, another one may not.
        if random.random() < 0.5:
            kept = self.pending[:_kept(random, share, len(self.pending))]
        else:
            kept = [change for change in self.pending if random.random() < share]
        entries = dict(self.durable)
        for _, changes in kept:
            _enter(entries, changes)
        return entries


class Disk:
    """The folder that was recorded, at a moment of the journal."""

    def __init__(self, base=None):
        """`base`: a folder with which the recording began; what is in it is durable."""
        self.root = _read(pathlib.Path(base)) if base else Folder()
        self.open = {}
        self.syncs = {}
        self.number = 0

    def take(self, kind, handle, number, body):
        """Takes the next entry of the journal."""
        self.number += 1
        if kind == journal.WRITTEN:
            self.open[handle].pending.append((self.number, number, body))
        elif kind == journal.SIZED:
            self.open[handle].pending.append((self.number, number, None))
        elif kind == journal.SYNC_BEGUN:
            self.syncs[number] = self.number
        elif kind == journal.SYNCED:
            self.open[handle].sync(self.syncs.pop(number))
        elif kind == journal.OPENED:
            self.open[handle] = self._find(body)
        elif kind == journal.CREATED:
            self.open[handle] = self._enter(body, File())
        elif kind == journal.FOLDER_MADE:
            self._enter(body, Folder())
        elif kind in (journal.UNLINKED, journal.FOLDER_REMOVED):
            self._enter(body, None)
        elif kind in (journal.RENAMED, journal.LINKED):
            old, new = body.split(b"\0")
            (source, old), (target, new) = self._place(old), self._place(new)
            node = source.current[old]
            if kind == journal.LINKED:
                target.change(self.number, [(new, node)])
            elif source is target:
                target.change(self.number, [(old, None), (new, node)])
            else:
                raise NotImplementedError("a rename into another folder")

    def image(self, random, path):
        """Writes into the empty folder `path` what a loss of power at this moment may leave."""
        self._write(self.root, path, random, random.choice(SECTORS))

    def differences(self, path):
        """-> how the folder `path` differs from what processes see: something was not recorded."""
        return list(_compare(self.root, path, ""))

    def _write(self, folder, path, random, sector):
        for name, node in sorted(folder.after_power_loss(random).items()):
            if node.is_folder:
                (path / name).mkdir()
                self._write(node, path / name, random, sector)
            else:
                (path / name).write_bytes(node.after_power_loss(random, sector))

    def _find(self, path):
        node = self.root
        for name in _names(path):
            node = node.current[name]
        return node

    def _place(self, path):
        *folders, name = _names(path)
        folder = self.root
        for part in folders:
            folder = folder.current[part]
        return folder, name

    def _enter(self, path, node):
        folder, name = self._place(path)
        folder.change(self.number, [(name, node)])
        return node


def _names(path):
    return [name for name in posixpath.normpath(os.fsdecode(path)).split("/") if name not in ("", ".")]


def _kept(random, share, count):
    """How many of `count` changes in a row reached the disk: mostly all or none of them."""
    draw = random.random()
    return count if draw < share * 0.8 else 0 if draw > 1 - (1 - share) * 0.8 else random.randint(0, count)


def _apply(content, place, data):
    if data is None:
        if place < len(content):
            del content[place:]
        else:
            content.extend(bytes(place - len(content)))
        return
    if place > len(content):
        content.extend(bytes(place - len(content)))
    content[place:place + len(data)] = data


def _enter(entries, changes):
    for name, node in changes:
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


def _is_recorded(name):
    return not name.endswith("-shm")


def _read(path):
    folder = Folder()
    for entry in path.iterdir():
        if _is_recorded(entry.name):
            folder.durable[entry.name] = _read(entry) if entry.is_dir() else File(entry.read_bytes())
    folder.current = dict(folder.durable)
    return folder


def _compare(folder, path, name):
    found = {entry.name for entry in path.iterdir() if _is_recorded(entry.name)}
    for entry in sorted(found | set(folder.current)):
        node, place = folder.current.get(entry), f"{name}/{entry}"
        if entry not in found or node is None:
            yield f"{place} is {'only in the journal' if node else 'not in the journal'}"
        elif node.is_folder:
            yield from _compare(node, path / entry, place)
        elif (expected := node.content()) != (actual := (path / entry).read_bytes()):
            same = len(os.path.commonprefix([bytes(expected), actual]))
            yield f"{place} has {len(actual)} bytes for {len(expected)} in the journal, the first {same} are the same"
